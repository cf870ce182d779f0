"""Download and unpack the CaFFe benchmark; an interrupted download resumes, within a run and in the next one.

`fetch` checks the size that the server names, and the size and the SHA-256 that the caller expects. It resumes a
partial file only if the server still has the same version, by its ETag or its time, and by its size.

`extract` does not trust the zip. It checks where each member would lie, its type and its CRC, the number of members and
their size together. It unpacks stored and deflated members only: LZMA's dictionary can ask for gigabytes.
"""

import calendar
import contextlib
import hashlib
import http.client
import os
import re
import shutil
import stat
import struct
import sys
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TypedDict

from pix2pix_tf.data import validation
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError, truncate, truncated_repr

# No checksum of data_raw.zip is published. Without --sha256, the download compares its size with the one that
# the server names, and each file in it with its CRC.
ZIP = "https://download.pangaea.de/dataset/940950/files/data_raw.zip"  # 2.9 GB
METADATA = "https://huggingface.co/datasets/torchgeo/caffe/resolve/{revision}/meta_data.csv"
# The first is the one that torchgeo 0.7 pins for its own patches; the second, where the first has no such file.
REVISIONS = ("cc96e8418981ce0f03afc9beace6422fdd7142c4", "main")
UNPACKED_LIMIT = 20 * 10**9  # bytes; the real one has 2.9 * 10**9
MEMBERS = 100_000  # of a zip, at most; the benchmark has some 3,000

PAUSES = (1, 3, 10, 30)  # seconds before each further attempt; they begin anew once bytes have come
TIMEOUT = 60  # seconds without a byte after which a connection counts as broken
CHUNK = 1 << 20  # bytes
MB = 1e6

_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LONG = 250, 3000  # bytes of a name, and of a path, that file systems take
# zipfile raises these for damaged bytes, beside its own error.
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError, RuntimeError, OSError)
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class _Note(TypedDict):
    """The file that a partial file belongs to; written beside it."""

    url: str
    total: int | None  # bytes; None: the server does not name it
    validator: str | None  # ETag or Last-Modified


class _Broken(Exception):
    """A download stopped, and can be resumed."""


def download_benchmark(folder: Path, sha256: str | None = None) -> None:
    """Download and unpack the benchmark, or resume that. Without meta_data.csv, print a warning.

    Args:
      folder: gets data_raw.zip, data_raw/ and meta_data.csv.
      sha256: the checksum that the zip must have, in hexadecimal; None: not known.

    Raises:
      UserError: the zip cannot be downloaded or is damaged.
      OSError: as the writing does.
    """
    fetch(ZIP, folder / "data_raw.zip", sha256=sha256)
    extract(folder / "data_raw.zip", folder, UNPACKED_LIMIT)
    problem: UserError | None = None
    for revision in REVISIONS:
        try:
            fetch(METADATA.format(revision=revision), folder / "meta_data.csv")
            return
        except UserError as error:
            problem = error
    print(f"meta_data.csv is not here, so no scene's place on the ground is known ({problem})")


# ---- Fetching -------------------------------------------------------------------------------------------------------


def fetch(url: str, path: Path, size: int | None = None, sha256: str | None = None) -> None:
    """Download a file, or resume from `<path>.part`; the file appears whole or not at all.

    Args:
      url: http or https.
      path: the file to write. An existing one is only checked.
      size: bytes that it must have; None: not known.
      sha256: its checksum in hexadecimal; None: not known.

    Raises:
      UserError: there is no such file, the connection breaks again and again, the disk is too small, or size or
        checksum are not the expected ones.
      OSError: as the writing does.
    """
    if path.exists():
        if problem := _file_problem(path, size, sha256):
            raise UserError(f"{path} {problem}. Remove it, and run the same command again.")
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
                    f"{url}: {error}, {failures + 1} times in a row. Check the connection; the same command "
                    f"resumes after the {_length(part) / MB:.0f} MB that are here."
                ) from None
            print(f"{url}: {error}; trying again in {PAUSES[failures]} s", file=sys.stderr)
            time.sleep(PAUSES[failures])
            failures += 1
    problem = _file_problem(part, size, sha256)
    if problem:
        part.unlink()
        _note(part).unlink()
        raise UserError(f"The file from {url} {problem}. It was removed; check the expected value, or try again.")
    part.replace(path)
    _note(part).unlink()


def _attempt(url: str, part: Path, size: int | None) -> None:
    """Request the missing bytes and append them; return when the file is whole."""
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
            part.unlink(missing_ok=True)  # before the note assigns it to this version
        note: _Note = {"url": url, "total": total, "validator": _validator(response)}
        files.write_json(_note(part), note)
        with part.open("ab") as file:
            for chunk in _with_progress(_chunks(response), start, total):
                file.write(chunk)
    if total is not None and _length(part) != total:
        raise _Broken("the connection ended early")


def _answer(url: str, headers: Mapping[str, str], part: Path) -> http.client.HTTPResponse:
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers)), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        answer = f"the server answers {error.code} {error.reason}"
        if error.code == 416:  # the file has become shorter than the part
            part.unlink()
        if error.code in (416, 429) or error.code >= 500:  # a later attempt may succeed
            raise _Broken(answer) from None
        raise UserError(f"{url}: {answer}. Check the address in a browser.") from None
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        raise _Broken(f"no connection ({getattr(error, 'reason', error)})") from None


def _place(response: http.client.HTTPResponse, have: int, known: _Note | None, part: Path) -> tuple[int, int | None]:
    """Return the offset at which the response begins, and the length of the file; None where it is not named."""
    if response.status != 206:  # the whole file: no partial file, a changed file, or a server without ranges
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
    part.unlink(missing_ok=True)  # the two parts are not of one file
    raise _Broken("the file on the server has changed, so the download starts again")


def _validator(response: http.client.HTTPResponse) -> str | None:
    """Return the server's name for this version of the file."""
    return response.headers.get("ETag") or response.headers.get("Last-Modified")


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _known(part: Path, url: str) -> _Note | None:
    """Read the note beside a partial file; return None where the download cannot be resumed."""
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


def _with_progress(chunks: Iterable[bytes], start: int, total: int | None) -> Iterator[bytes]:
    """Yield the chunks and show a line on the terminal: `120 MB of 2860 MB, 11.2 MB/s, 245 s left`."""
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


def _file_problem(path: Path, size: int | None, sha256: str | None) -> str | None:
    """Return the problem with a file, to follow its name; None without one."""
    if size not in (None, _length(path)):
        return f"has {_length(path)} bytes, not the expected {size}"
    if sha256:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256.lower():
            return f"has the SHA-256 {found}, not the expected {sha256}"
    return None


def demand_space(folder: Path, needed: int, what: object) -> None:
    """Check that a disk has enough free space.

    Args:
      folder: a folder on that disk.
      needed: number of bytes.
      what: the file that needs them, for the message.

    Raises:
      UserError: there is less free space.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(f"{what} needs {needed / MB:.0f} MB in {folder}, where {free / MB:.0f} MB are free. Make room.")


# ---- Unpacking -------------------------------------------------------------------------------------------------------


def extract(archive: Path, folder: Path, limit: int) -> None:
    """Unpack an untrusted zip; files that exist with the right size stay as they are.

    Args:
      archive: the zip.
      folder: the folder for its members; made when missing.
      limit: bytes that all of them may have together, as declared and as written.

    Raises:
      UserError: the zip is damaged, too large, or has a member that would leave the folder or is no plain file. Nothing
        is written then, except where the content of a member is damaged.
      OSError: as the writing does.
    """
    with _opened(archive) as opened:
        members = opened.infolist()
        _inspect(archive, members, folder, limit)
        folder.mkdir(parents=True, exist_ok=True)
        missing = [one for one in members if not one.is_dir() and not _is_there(folder / one.filename, one.file_size)]
        demand_space(folder, sum(member.file_size for member in missing), archive)
        for member in cli.progress(missing, len(missing), "files unpacked"):
            _unpack(opened, member, folder)


def _opened(archive: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except _DAMAGED as error:
        raise UserError(f"{archive} is not a whole zip ({truncate(error)}). Remove it and fetch it again.") from None


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _inspect(archive: Path, members: list[zipfile.ZipInfo], folder: Path, limit: int) -> None:
    if len(members) > MEMBERS:
        raise UserError(
            f"{archive} has {len(members):,} members, more than the {MEMBERS:,} allowed. It is another file."
        )
    problems = [
        (problem, truncated_repr(one.orig_filename)) for one in members if (problem := _member_problem(one, folder))
    ]
    if not problems:
        times = Counter(PurePosixPath(member.filename) for member in members)
        problems += [("is in there twice", truncate(path)) for path, count in times.items() if count > 1]
        plain = {PurePosixPath(member.filename) for member in members if not member.is_dir()}
        problems += [("lies in a file", truncate(path)) for path in times if plain.intersection(path.parents)]
    if problems:
        raise validation.validation_error(
            f"{archive} is not unpacked, because some of its members are not safe", problems
        )
    total = sum(member.file_size for member in members)
    if total > limit:
        raise UserError(
            f"{archive} would unpack to {total / MB:.0f} MB, more than the {limit / MB:.0f} MB allowed. It is another "
            "file."
        )


def _member_problem(member: zipfile.ZipInfo, folder: Path) -> str | None:
    """Return why a member must not be written; None when it may be."""
    name = member.orig_filename  # `filename` is cut at a NUL
    long = max(map(len, name.encode().split(b"/"))) > _LONG[0] or len(name.encode()) > _LONG[1]
    if long or not PurePosixPath(name).parts:
        return "has a name that no file can have"
    if name.startswith("/") or any(bad in name for bad in "\\:\0") or ".." in name.split("/"):
        return "is no plain path inside the folder"
    if not (folder / name).resolve().is_relative_to(folder.resolve()):  # through a link that is there
        return "would lie outside the folder"
    kind = stat.S_IFMT(member.external_attr >> 16)  # the Unix mode; 0 where the zip was made elsewhere
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a special file"
    if member.compress_type not in _PLAIN:
        return "is compressed in another way than deflate"
    return "is encrypted" if member.flag_bits & 1 else None


def _unpack(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    """Write one member whole, with the zip's time, so that unpacking it again gives the same file."""
    with files.atomic_write(folder / member.filename) as temporary:
        with temporary.open("wb") as target:
            for chunk in _content(opened, member):
                target.write(chunk)
        with contextlib.suppress(ValueError, OverflowError):  # some programs write no date
            when = calendar.timegm((*member.date_time, 0, 0, 0))
            os.utime(temporary, (when, when))


def _content(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a member's bytes, never more than declared, and check the CRC at the end."""
    try:
        with opened.open(member) as source:
            while chunk := source.read(CHUNK):
                yield chunk
    except _DAMAGED as error:
        raise UserError(
            f"{opened.filename}: the member {truncate(member.filename)} is damaged ({truncate(error)}). Remove the "
            "zip and fetch it again."
        ) from None
