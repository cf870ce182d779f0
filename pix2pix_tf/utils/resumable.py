"""Output folders of resumable commands.

`claim` writes the settings on which the contents of a folder depend to a JSON file in it, the record. The same command
then resumes in this folder, and a command with other settings is rejected. `keep_only` empties a folder of cached
results that are out of date.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError, truncate

KEY = "key"  # file in a folder of cached results, with a key of their inputs


def changes(before: Mapping, now: Mapping) -> list[str]:
    """Return the differences of two settings, one "key: old -> new" each; tuples equal lists, as in JSON."""
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
    """Check that a folder is empty or missing, or was begun with the same settings. Writes nothing.

    Args:
      folder: the output folder; it may be missing.
      record: name of the JSON file in the folder that holds the settings.
      settings: on which the folder's contents depend; JSON types and tuples.
      option: the command-line option that names the folder, for error messages.
      compare: returns the relevant differences between the recorded and the current settings.

    Returns:
      True if the folder was already begun with these settings.

    Raises:
      UserError: the path is a file, or the folder holds other files or was begun with other settings. Nothing is ever
        overwritten.
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
    differences = compare(files.read_json(folder / record), settings)
    if differences:
        raise UserError(
            f"{folder} was made with other settings, and nothing is overwritten:\n"
            + "\n".join(f"- {change}" for change in differences)
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
    """Check a folder as `check` does, remove incomplete files of a killed process, and write the record.

    Args:
      folder: created when missing; the caller holds its lock (`files.lock`).
      record: see `check`.
      settings: see `check`.
      option: see `check`.
      compare: see `check`.
      clear: further folders that may hold incomplete files.

    Returns:
      True if the folder was already begun.

    Raises:
      UserError: see `check`.
    """
    begun = check(folder, record, settings, option, compare)
    files.clear(folder, *clear)
    files.write_json(folder / record, settings)
    return begun


def keep_only(folder: Path, key: str) -> None:
    """Empty a folder of cached results unless it has the same key, and create the folder when missing.

    Args:
      folder: of results that can be recomputed.
      key: identifies all inputs of the results, such as a digest of files and settings.
    """
    path = folder / KEY
    if folder.exists() and not (path.is_file() and path.read_text(encoding="utf-8", errors="replace") == key):
        if folder.is_dir():
            files.remove_folder(folder)
        else:
            folder.unlink()
    files.clear(folder)
    files.write_text(path, key)
