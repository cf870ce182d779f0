"""Files and folders that appear whole or not at all."""

import contextlib
import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from pix2pix_tf.utils.errors import UserError, truncate

LOCK = ".lock"  # in a folder that a command is at work in


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Keeps all other commands out of a folder until the block ends.

    The lock is the operating system's (flock, on Windows msvcrt), and ends with its process, however that ends; but on
    a file system without such locks it is the file itself, which a killed process leaves behind, to be removed. What
    stands under the folder's name may be a file; then nothing is held, as nobody can work in it.

    Args:
      folder: made when missing; removed again if nothing has come into it.

    Raises:
      UserError: another process, or another block of this one, holds it.
      OSError: the folder cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        yield
        return
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(
            f"Another command is at work in {folder}. Wait until it has ended, stop it, or name another folder."
        ) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # somebody has removed the folder; that ends no other way than this
            # While it is held: who had opened it finds it gone, and looks again.
            (folder / LOCK).unlink(missing_ok=True)
            if made:
                folder.rmdir()  # only if it is empty
        lock.release()


def is_empty(path: Path) -> bool:
    """Whether a command may make a folder of this name: there is nothing yet, or only what a killed one left hidden."""
    return not path.exists() or (path.is_dir() and all(inside.name.startswith(".") for inside in path.iterdir()))


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Gives a temporary name beside `path`, and renames it to `path` when the block ends well.

    Several may write the same file at a time, in one process or on several machines: the last one to end well counts.

    Args:
      path: the file to make or to replace; its folder is made if it is missing.

    Raises:
      OSError: as the writing does (full disk, read-only folder); then `path` is as it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".tmp-{secrets.token_hex(6)}-{path.name}")  # two machines can have the same pid
    try:
        with _named(path, temporary):
            yield temporary
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_directory(path: Path) -> Iterator[Path]:
    """Gives an empty temporary folder beside `path`, and renames it to `path` when the block ends well.

    What a killed process left behind under such a name is cleared away.

    Args:
      path: the folder to make. One that is there already is replaced.

    Raises:
      OSError: as the writing does; then `path` is as it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, replaced = path.with_name(f".tmp-{path.name}"), path.with_name(f".tmp-old-{path.name}")
    for leftover in (temporary, replaced):
        shutil.rmtree(leftover, ignore_errors=True)
    temporary.mkdir()
    try:
        with _named(path, temporary):
            yield temporary
        if path.exists():
            path.rename(replaced)  # never seen half removed
        temporary.rename(path)
    finally:
        for leftover in (temporary, replaced):
            shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def _named(path: Path, temporary: Path) -> Iterator[None]:
    """A failed write tells of no file, or of the temporary one; out of this block it tells of the file meant."""
    try:
        yield
    except OSError as error:
        if error.errno and error.filename in (None, str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def clear(*folders: Path) -> None:
    """Removes what killed processes left half written in folders, which the caller holds; they may be missing."""
    for leftover in [path for folder in folders for path in folder.glob(".tmp-*")]:
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Removes a folder; nobody sees it half removed under its name."""
    leaving = path.with_name(f".tmp-old-{path.name}")
    path.rename(leaving)
    shutil.rmtree(leaving, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole, as UTF-8."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Writes a JSON file whole, in a form that is pleasant to read and to compare."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> dict:
    """Reads a JSON file that holds an object.

    Raises:
      UserError: there is no such file, or it is not JSON, or it holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors of Windows write a mark first
        value = json.loads(text, parse_constant=_no_number)
        if "\\ud" in text.lower():  # half a character, which JSON can escape and no file can hold
            json.dumps(value, ensure_ascii=False).encode()
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, a number of thousands of digits; too deep
        raise UserError(f"{path} is not readable as JSON ({truncate(error)}). Mend it or make it anew.") from None
    if not isinstance(value, dict):
        raise UserError(f"{path} should hold a JSON object, not a {type(value).__name__}.")
    return value


def _no_number(name: str) -> None:
    """Refuses what Python writes for numbers that JSON does not have: a training that diverged, a bad division."""
    raise ValueError(f"{name} is no number of JSON")
