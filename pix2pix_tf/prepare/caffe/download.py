"""Fetches large files from the web, and goes on where a download broke off: within a run and from one to the next.

What is checked: the size that the server names, and the size and the SHA-256 that the caller expects, where they are
known. A part is gone on with only if the server still has the same file: by its ETag or its time, and by its size.
"""

import hashlib
import http.client
import re
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypedDict

from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

PAUSES = (1, 3, 10, 30)  # seconds before each further attempt; they begin anew once bytes have come
TIMEOUT = 60  # seconds without a byte after which a connection counts as broken
CHUNK = 1 << 20  # bytes
MB = 1e6

_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class _Note(TypedDict):
    """What is kept beside a part, of the file that it belongs to."""

    url: str
    total: int | None  # bytes; None: the server did not say
    validator: str | None  # what the server calls this version


class _Broken(Exception):
    """Why a download stopped that may go on."""


def fetch(url: str, path: Path, size: int | None = None, sha256: str | None = None) -> None:
    """Downloads a file, or goes on with what `<path>.part` holds of it; the file appears whole or not at all.

    Args:
      url: http or https.
      path: where the file shall lie. If it lies there already, it is only checked.
      size: bytes that it must have; None: not known.
      sha256: its checksum in hexadecimal; None: not known.

    Raises:
      UserError: there is no such file, the connection breaks again and again, the disk is too small, or what came is
        not what was expected.
      OSError: as the writing does.
    """
    if path.exists():
        if problem := _problem(path, size, sha256):
            raise UserError(f"{path} {problem}. Remove it, and the same command fetches it anew.")
        return
    part = path.with_name(f"{path.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    failures = 0
    while True:
        before = _length(part)
        try:
            _attempt(url, part, size)
            break
        except _Broken as error:
            failures = 0 if _length(part) > before else failures
            if failures == len(PAUSES):
                raise UserError(
                    f"{url}: {error}, {failures + 1} times in a row. Check the connection; the same command goes on "
                    f"after the {_length(part) / MB:.0f} MB that are here."
                ) from None
            print(f"{url}: {error}; trying again in {PAUSES[failures]} s", file=sys.stderr)
            time.sleep(PAUSES[failures])
            failures += 1
    problem = _problem(part, size, sha256)
    if problem:
        part.unlink()
        _note(part).unlink()
        raise UserError(f"What came from {url} {problem}. It was removed; check what is expected, or try again.")
    part.replace(path)
    _note(part).unlink()


def _attempt(url: str, part: Path, size: int | None) -> None:
    """Asks for what is missing and appends it; returns when the file is whole."""
    known = _known(part, url)
    have = _length(part) if known else 0
    headers = {"User-Agent": "pix2pix_tf"}
    if known and have:
        if have == known["total"]:
            return
        headers["Range"] = f"bytes={have}-"
        if known["validator"] and not known["validator"].startswith("W/"):  # a weak tag may not stand in If-Range
            headers["If-Range"] = known["validator"]
    with _answer(url, headers, part) as response:
        start, total = _place(response, have, known, part)
        if size is not None and total not in (None, size):
            raise UserError(
                f"{url} has {total} bytes, not the expected {size}: it is another file, or another version."
            )
        demand_space(part.parent, (total or 0) - start, url)
        if not start:
            part.unlink(missing_ok=True)  # before the note says that it belongs to this version
        note: _Note = {"url": url, "total": total, "validator": _validator(response)}
        files.write_json(_note(part), note)
        with part.open("ab") as file:
            for chunk in _shown(_chunks(response), start, total):
                file.write(chunk)
    if total is not None and _length(part) != total:
        raise _Broken("the connection ended early")


def _answer(url: str, headers: Mapping[str, str], part: Path) -> http.client.HTTPResponse:
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers)), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        said = f"the server answers {error.code} {error.reason}"
        if error.code == 416:  # the file has become shorter than the part
            part.unlink()
        if error.code in (416, 429) or error.code >= 500:  # it may be better in a moment
            raise _Broken(said) from None
        raise UserError(f"{url}: {said}. Check the address in a browser.") from None
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        raise _Broken(f"no connection ({getattr(error, 'reason', error)})") from None


def _place(response: http.client.HTTPResponse, have: int, known: _Note | None, part: Path) -> tuple[int, int | None]:
    """Where in the file the answer begins, and how long the whole file is; None when the server does not say."""
    if response.status != 206:  # the whole file: nothing was there, or it has changed, or ranges mean nothing here
        length = response.headers.get("Content-Length")
        return 0, int(length) if length else None
    found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if (
        known
        and found
        and known["validator"] == _validator(response)
        and found[2] in ("*", str(known["total"]))
        and int(found[1]) == have
    ):
        return have, known["total"]
    part.unlink(missing_ok=True)  # what is here and what comes are not of one file
    raise _Broken("the file on the server has changed, so it is fetched anew")


def _validator(response: http.client.HTTPResponse) -> str | None:
    """What the server calls this version of the file."""
    return response.headers.get("ETag") or response.headers.get("Last-Modified")


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _known(part: Path, url: str) -> _Note | None:
    """What is known of the file that a part belongs to; None when the part cannot be gone on with."""
    try:
        note = files.read_json(_note(part))
    except UserError:
        return None
    if not part.exists() or note.keys() != {"url", "total", "validator"} or note["url"] != url:
        return None
    return _Note(url=url, total=note["total"], validator=note["validator"])


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while True:
        try:
            chunk = response.read1(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise _Broken(f"the connection broke ({error})") from None
        if not chunk:
            return
        yield chunk


def _shown(chunks: Iterable[bytes], start: int, total: int | None) -> Iterator[bytes]:
    """Hands chunks on and keeps a line on the terminal: `120 MB of 2860 MB, 11.2 MB/s, 245 s left`."""
    if not sys.stderr.isatty():
        yield from chunks
        return
    done, began, shown = start, time.monotonic(), 0.0
    try:
        for chunk in chunks:
            yield chunk
            done, now = done + len(chunk), time.monotonic()
            if now - shown > 0.2:
                speed = (done - start) / max(now - began, 1e-3)
                of, left = (f" of {total / MB:.0f} MB", f", {(total - done) / speed:.0f} s left") if total else ("", "")
                line = f"{done / MB:.0f} MB{of}, {speed / MB:.1f} MB/s{left}"
                print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)
                shown = now
    finally:
        print("\r\033[K", end="", file=sys.stderr, flush=True)


def _problem(path: Path, size: int | None, sha256: str | None) -> str | None:
    """What is wrong with a file, to stand after its name; None when nothing is."""
    if size not in (None, _length(path)):
        return f"has {_length(path)} bytes, not the expected {size}"
    if sha256:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256.lower():
            return f"has the SHA-256 {found}, not the expected {sha256}"
    return None


def demand_space(folder: Path, needed: int, what: object) -> None:
    """Makes sure that there is room on a disk.

    Args:
      folder: on that disk.
      needed: bytes.
      what: needs them; named in the message.

    Raises:
      UserError: there is less.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(f"{what} needs {needed / MB:.0f} MB in {folder}, where {free / MB:.0f} MB are free. Make room.")
