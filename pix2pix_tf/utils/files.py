"""Atomic writes of files and folders, locks on folders, and JSON and YAML with clear errors."""

import contextlib
import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from pix2pix_tf.utils.errors import UserError, truncate

LOCK = ".lock"  # in a folder that a command is working in
MISFIT = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)  # of PyYAML, for such as `!!int x`


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Keep all other commands out of a folder until the block ends.

    The lock is the operating system's (flock; msvcrt on Windows) and ends with its process. On a file system without
    such locks the lock is the file itself, which a killed process leaves behind; remove it by hand. Where a file
    stands in the folder's place, nothing is locked, as no command can work in it.

    Args:
      folder: created if it is missing, and removed again if it stays empty.

    Raises:
      UserError: another process, or another block of this one, holds the lock.
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
            f"Another command is at work in {folder}. Wait until it ends, stop it, or use another folder."
        ) from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the folder is gone already
            # Before the release: a process that has the file open then notices that it is gone, and tries again.
            (folder / LOCK).unlink(missing_ok=True)
            if made:
                folder.rmdir()  # only if it is empty
        lock.release()


def is_empty(path: Path) -> bool:
    """Return True if a command may create this folder: it is missing, or holds hidden leftovers only."""
    return not path.exists() or (path.is_dir() and all(inside.name.startswith(".") for inside in path.iterdir()))


LEFTOVERS = (  # of macOS, Synology, Windows and Linux
    *("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found", "Thumbs.db", "desktop.ini"),
)


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`, and rename it to `path` when the block succeeds.

    Several processes and machines may write the same file at once: the last one to succeed counts.

    Args:
      path: the file to create or to replace; its folder is created if it is missing.

    Raises:
      OSError: the write fails (full disk, read-only folder); `path` is then unchanged.
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
    """Yield an empty temporary folder beside `path`, and rename it to `path` when the block succeeds.

    Leftovers of a killed process under the temporary name are removed.

    Args:
      path: the folder to create or to replace.

    Raises:
      OSError: a write fails; `path` is then unchanged.
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
            path.rename(replaced)  # so that it never stands there half removed
        temporary.rename(path)
    finally:
        for leftover in (temporary, replaced):
            shutil.rmtree(leftover, ignore_errors=True)


@contextlib.contextmanager
def _named(path: Path, temporary: Path) -> Iterator[None]:
    """Let an OSError name the intended file, where it names none or the temporary one."""
    try:
        yield
    except OSError as error:
        if error.errno and error.filename in (None, str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def clear(*folders: Path) -> None:
    """Remove temporary files that killed processes left in folders; the caller holds their locks."""
    for leftover in [path for folder in folders for path in folder.glob(".tmp-*")]:
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def visible_files(folder: Path) -> list[Path]:
    """Return the files and folders in a folder, sorted, without those that `is_leftover` names."""
    return sorted(path for path in folder.iterdir() if not is_leftover(path.name))


def is_leftover(name: str) -> bool:
    """Return True for hidden files and folders, and for those that systems leave behind."""
    return name.startswith((".", "~$")) or name in LEFTOVERS


def remove_folder(path: Path) -> None:
    """Remove a folder under another name, so that it never stands there half removed."""
    leaving = path.with_name(f".tmp-old-{path.name}")
    shutil.rmtree(leaving, ignore_errors=True)  # of a killed process; a rename needs an empty place
    path.rename(leaving)
    shutil.rmtree(leaving, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: object) -> None:
    """Write an indented JSON file atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json_lines(path: Path) -> list[dict]:
    """Read a file of one JSON object a line, such as a log; without a last line that a killed process cut off.

    Returns:
      The objects in order; none where the file is missing.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def read_json(path: Path) -> dict:
    """Read a JSON file that holds an object.

    Raises:
      UserError: the file is missing, is no JSON, or holds something else than an object.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")  # editors on Windows may write a byte order mark
        value = json.loads(text, parse_constant=_refuse_constant)
        if "\\ud" in text.lower():  # half a surrogate pair, which JSON can escape and UTF-8 cannot encode
            json.dumps(value, ensure_ascii=False).encode()
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except (ValueError, RecursionError) as error:  # no UTF-8, no JSON, a number of thousands of digits; too deep
        raise UserError(f"{path} is not readable as JSON ({truncate(error)}). Correct it or create it again.") from None
    return _checked_object(path, value, "JSON")


def read_yaml(path: Path) -> dict:
    """Read a YAML file that holds a mapping.

    Raises:
      UserError: the file is missing, is no YAML, or holds something else than a mapping.
    """
    import yaml  # few commands need it

    try:
        value = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UserError(f"There is no file {path}.") from None
    except (yaml.YAMLError, RecursionError, *MISFIT) as error:
        raise UserError(f"{path} is not readable as YAML ({truncate(error)}). Correct it or create it again.") from None
    return _checked_object(path, value, "YAML")


def _checked_object(path: Path, value: object, kind: str) -> dict:
    if not isinstance(value, dict):
        raise UserError(f"{path} should hold a {kind} object, not a {type(value).__name__}.")
    return value


def _refuse_constant(name: str) -> None:
    """Refuse NaN and Infinity, which Python writes and JSON does not have."""
    raise ValueError(f"{name} is no JSON number")
