"""Folders that a command fills and resumes: the same command goes on, another one is refused.

`claim` marks a folder with the settings that decide what comes into it, in a JSON file called the record. `keep_only`
empties a folder of results that were computed from something else.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError, truncate

KEY = "key"  # in a folder of results: names all that they follow from


def changes(before: Mapping, now: Mapping) -> list[str]:
    """Returns what differs between two settings, one "key: old -> new" each; tuples equal lists, as in JSON."""
    now = json.loads(json.dumps(now))
    keys = dict.fromkeys([*now, *sorted(before.keys() - now.keys())])
    return [
        f"{key}: {truncate(before.get(key))} -> {truncate(now.get(key))}"
        for key in keys
        if before.get(key) != now.get(key)
    ]


def check(
    folder: Path,
    record: str,
    settings: Mapping,
    option: str = "--output",
    compare: Callable[[Mapping, Mapping], list[str]] = changes,
) -> bool:
    """Checks that a folder is free, or was begun with the same settings. Writes nothing.

    Args:
      folder: it may be missing.
      record: name of the JSON file in it that holds its settings.
      settings: what decides what the folder holds, in JSON's types and tuples.
      option: the command line's option that names the folder, for the message.
      compare: returns what differs between the settings before and now; empty: nothing that matters.

    Returns:
      True where the folder was begun already, with these settings.

    Raises:
      UserError: it is a file, or holds something else, or was begun with other settings. Nothing is ever overwritten.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file. Choose another {option}.")
    if not (folder / record).exists():
        if files.is_empty(folder):
            return False
        raise UserError(
            f"{folder} holds files that this command did not make (it has no {record}), and nothing is overwritten. "
            f"Choose another {option}, or move them away."
        )
    other = compare(files.read_json(folder / record), settings)
    if other:
        raise UserError(
            f"{folder} was made with other settings, and nothing is overwritten:\n"
            + "\n".join(f"- {change}" for change in other)
            + f"\nChoose another {option}, or remove {folder} to make it anew."
        )
    return True


def claim(
    folder: Path,
    record: str,
    settings: Mapping,
    option: str = "--output",
    compare: Callable[[Mapping, Mapping], list[str]] = changes,
    clear: Iterable[Path] = (),
) -> bool:
    """Checks a folder as `check` does, removes what a killed process left half written, and writes its record.

    Args:
      folder: made when missing; locked by this process (`files.lock`).
      record: see `check`.
      settings: see `check`.
      option: see `check`.
      compare: see `check`.
      clear: folders below it in which half-written files may lie, too.

    Returns:
      True where the folder was begun already.

    Raises:
      UserError: as `check` does.
    """
    begun = check(folder, record, settings, option, compare)
    files.clear(folder, *clear)
    files.write_json(folder / record, settings)
    return begun


def keep_only(folder: Path, key: str) -> None:
    """Empties a folder of results unless they were made with the same key, and makes it when missing.

    Args:
      folder: of results that can be computed again.
      key: names all that they follow from, such as a digest of files and settings.
    """
    path = folder / KEY
    if folder.exists() and not (path.is_file() and path.read_text(encoding="utf-8", errors="replace") == key):
        if folder.is_dir():
            files.remove_folder(folder)
        else:
            folder.unlink()
    files.clear(folder)
    files.write_text(path, key)
