"""What models are called in addresses."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pix2pix_tf.utils.errors import UserError, truncated_repr


def name_models(wishes: Sequence[str]) -> dict[str, Path]:
    """Gives each model a name.

    Args:
      wishes: NAME=PATH or PATH each; the path is a base path, such as runs/gen5/export/gen5, a version in one, or a
        run.

    Returns:
      Paths by name. Without a wish a model is called as its base path, or as its run where this is named; where two
      would be called the same, both are called as their runs. What no address can hold, such as a blank, becomes _.

    Raises:
      UserError: two are still called the same, or a name cannot stand in an address.
    """
    parts = [(name, Path(path)) for name, _, path in (wish.rpartition("=") for wish in wishes)]
    often = Counter(name or _base(path).name for name, path in parts)
    try:
        chosen = [name or re.sub(r"[^\w.+-]", "_", _name(path, often)) for name, path in parts]
    except OSError as error:  # such as a name that is longer than the file system takes
        raise UserError(
            f"{truncated_repr(error.filename)} cannot be looked at ({error.strerror}). Check --model."
        ) from None
    for name, count in Counter(chosen).items():
        if count > 1:
            raise UserError(
                f"{count} models would be called {truncated_repr(name)}. Give them names, such as mine=runs/gen5/..."
            )
        if not re.fullmatch(r"[\w.+-]+", name):
            raise UserError(
                f"A model cannot be called {truncated_repr(name)}: a name has letters, digits and any of _ . + -."
            )
    return {name: path for name, (_, path) in zip(chosen, parts, strict=True)}


def _name(path: Path, often: Counter) -> str:
    """That of the base path (or of a run that is named itself), or of its run where that occurs more than once."""
    base = _base(path)
    run_alone = (path / "export").is_dir()
    return base.name if often[base.name] == 1 or run_alone else base.parent.parent.name


def _base(path: Path) -> Path:
    """The base path of a version folder; a base path, and a run, as they are."""
    path = path.resolve()
    return path.parent if path.name.isdecimal() else path
