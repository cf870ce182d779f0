"""The names of models in URLs."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pix2pix_tf.utils.errors import UserError, truncated_repr


def name_models(models: Sequence[str]) -> dict[str, Path]:
    """Name each model.

    Args:
      models: NAME=PATH or PATH each; the path is a base path, such as runs/gen5/export/gen5, a version in one, or a
        run.

    Returns:
      Paths by name. The default name is that of the base path's folder, or of the run if PATH is a run. If two models
      would have the same name, both get the names of their runs. Characters that a URL cannot hold become _.

    Raises:
      UserError: two models still have the same name, or a name cannot stand in a URL.
    """
    parts = [(name, Path(path)) for name, _, path in (text.rpartition("=") for text in models)]
    often = Counter(name or _base(path).name for name, path in parts)
    try:
        chosen = [name or re.sub(r"[^\w.+-]", "_", _name(path, often)) for name, path in parts]
    except OSError as error:  # such as a name that is longer than the file system allows
        raise UserError(f"{truncated_repr(error.filename)} cannot be read ({error.strerror}). Check --model.") from None
    for name, count in Counter(chosen).items():
        if count > 1:
            raise UserError(
                f"{count} models would be called {truncated_repr(name)}. Name them, such as mine=runs/gen5/..."
            )
        if not re.fullmatch(r"[\w.+-]+", name):
            raise UserError(
                f"A model cannot be called {truncated_repr(name)}: a name has letters, digits and any of _ . + -."
            )
    return {name: path for name, (_, path) in zip(chosen, parts, strict=True)}


def _name(path: Path, often: Counter) -> str:
    """Return the name of the base path or run; of the base path's run if the name occurs more than once."""
    base = _base(path)
    is_in_run = base.parent.name == "export"
    return base.parent.parent.name if is_in_run and often[base.name] > 1 else base.name


def _base(path: Path) -> Path:
    """Return the base path of a version folder; a base path or a run as it is."""
    path = path.resolve()
    return path.parent if path.name.isdecimal() else path
