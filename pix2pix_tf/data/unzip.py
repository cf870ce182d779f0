"""Unpacks zips that come from the web, without trusting them.

What is checked: where each member would lie, what it is, how large all are together, and the CRC of each.
"""

import calendar
import contextlib
import os
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath

from pix2pix_tf import cli, files
from pix2pix_tf.data import checks
from pix2pix_tf.data.download import CHUNK, MB, demand_space
from pix2pix_tf.errors import UserError


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
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            _inspect(archive, members, folder, limit)
            folder.mkdir(parents=True, exist_ok=True)
            missing = [
                one for one in members if not one.is_dir() and not _is_there(folder / one.filename, one.file_size)
            ]
            demand_space(folder, sum(member.file_size for member in missing), archive)
            for member in cli.progress(missing, len(missing), "files unpacked"):
                _unpack(opened, member, folder)
    except zipfile.BadZipFile as error:
        raise UserError(f"{archive} is not a whole zip ({error}). Remove it and fetch it again.") from None


def _is_there(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def _inspect(archive: Path, members: list[zipfile.ZipInfo], folder: Path, limit: int) -> None:
    problems = [(problem, repr(one.orig_filename)) for one in members if (problem := _problem(one, folder))]
    times = Counter(PurePosixPath(member.filename) for member in members)
    problems += [("is in there twice", str(path)) for path, count in times.items() if count > 1]
    if problems:
        raise checks.refusal(f"{archive} is not unpacked, because some of its members are not safe", problems)
    total = sum(member.file_size for member in members)
    if total > limit:
        raise UserError(
            f"{archive} would unpack to {total / MB:.0f} MB, more than the {limit / MB:.0f} MB allowed. It is not the "
            "file that it should be."
        )


def _problem(member: zipfile.ZipInfo, folder: Path) -> str | None:
    """Why a member must not be written; None when it may."""
    name = member.orig_filename  # `filename` is cut at a NUL
    if name.startswith("/") or any(bad in name for bad in "\\:\0") or ".." in name.split("/"):
        return "is no plain path inside the folder"
    if not (folder / name).resolve().is_relative_to(folder.resolve()):  # through a link that is there
        return "would lie outside the folder"
    kind = stat.S_IFMT(member.external_attr >> 16)  # the Unix mode; 0 where the zip was made elsewhere
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a special file"
    return "is encrypted" if member.flag_bits & 1 else None


def _unpack(opened: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    """Writes one member whole, with the zip's time, so that unpacked again it is the same file."""
    try:
        with opened.open(member) as source, files.whole_file(folder / member.filename) as temporary:
            with temporary.open("wb") as target:
                shutil.copyfileobj(source, target, CHUNK)  # never more than declared, and the CRC is checked at the end
            with contextlib.suppress(ValueError):  # some programs write no date
                when = calendar.timegm((*member.date_time, 0, 0, 0))
                os.utime(temporary, (when, when))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise UserError(
            f"{opened.filename}: the member {member.filename} is damaged ({error}). Remove the zip and fetch it again."
        ) from None
