"""Unpacks zips that come from the web, without trusting them.

What is checked: where each member would lie, what it is, how many there are, how large all are together, and the CRC
of each. Only stored and deflated members are unpacked: LZMA's dictionary can ask for gigabytes.
"""

import calendar
import contextlib
import os
import stat
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pix2pix_tf.data import validation
from pix2pix_tf.prepare.caffe.download import CHUNK, MB, demand_space
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError, truncate, truncated_repr

MEMBERS = 100_000  # of a zip, at most; the benchmark has some 3,000

_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_LONG = 250, 3000  # bytes of a name, and of a path, that file systems take
# What zipfile raises, beside its own error, for bytes that make no sense.
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, OverflowError, RuntimeError, OSError)


def extract(archive: Path, folder: Path, limit: int) -> None:
    """Unpacks a zip from a stranger; what lies in the folder already, with the right size, is left as it is.

    Args:
      archive: the zip.
      folder: where its members go; made if it is missing.
      limit: bytes that they may have together, as declared and as written.

    Raises:
      UserError: the zip is damaged, too large, or has a member that would leave the folder or is no plain file; unless
        a member's content is damaged, nothing has been written then.
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
    problems = [(problem, truncated_repr(one.orig_filename)) for one in members if (problem := _problem(one, folder))]
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
            f"{archive} would unpack to {total / MB:.0f} MB, more than the {limit / MB:.0f} MB allowed. It is not the "
            "file that it should be."
        )


def _problem(member: zipfile.ZipInfo, folder: Path) -> str | None:
    """Why a member must not be written; None when it may."""
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
    """Writes one member whole, with the zip's time, so that unpacked again it is the same file."""
    with files.atomic_write(folder / member.filename) as temporary:
        with temporary.open("wb") as target:
            for chunk in _content(opened, member):
                target.write(chunk)
        with contextlib.suppress(ValueError, OverflowError):  # some programs write no date
            when = calendar.timegm((*member.date_time, 0, 0, 0))
            os.utime(temporary, (when, when))


def _content(opened: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """A member's bytes: never more than declared, and the CRC is checked at the end."""
    try:
        with opened.open(member) as source:
            while chunk := source.read(CHUNK):
                yield chunk
    except _DAMAGED as error:
        raise UserError(
            f"{opened.filename}: the member {truncate(member.filename)} is damaged ({truncate(error)}). Remove the "
            "zip and fetch it again."
        ) from None
