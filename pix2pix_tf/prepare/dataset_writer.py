"""A data set on its way to the disk: written patch by patch, and resumed after an interruption.

A data set is made in this order: `prepare.json` (the settings), the patches, `dataset.json`. So one without its
`dataset.json` is visibly unfinished, and the same command goes on with what is missing.
"""

import json
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from pix2pix_tf.data import dataset
from pix2pix_tf.data.io import images
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

SETTINGS = "prepare.json"  # what a data set was made with


def is_finished(output: Path, settings: dict[str, object]) -> bool:
    """Whether the data set was made already, with these very settings.

    Args:
      output: the data set's folder; it may be missing.
      settings: what decides what the data set holds, in JSON's types and tuples.

    Raises:
      UserError: the folder holds something else, or a data set made with other settings. Nothing is ever overwritten.
    """
    if output.exists() and not output.is_dir():
        raise UserError(f"{output} is a file. Choose another --output.")
    if not output.exists() or not any(path for path in output.iterdir() if not path.name.startswith(".")):
        return False
    if not (output / SETTINGS).exists():
        raise UserError(
            f"{output} holds files that this command did not make, and nothing is overwritten. Choose another "
            "--output, or move them away."
        )
    before, now = files.read_json(output / SETTINGS), json.loads(json.dumps(settings))  # tuples: lists in both
    keys = sorted(before.keys() | now.keys())
    other = [f"{key} was {before.get(key)}, now {now.get(key)}" for key in keys if before.get(key) != now.get(key)]
    if other:
        raise UserError(
            f"{output} was made with other settings ({'; '.join(other)}), and nothing is overwritten. Choose another "
            f"--output, or remove {output} to make it anew."
        )
    if not (output / dataset.FILE).exists():
        return False
    print(f"{output} is finished already. (Remove its {dataset.FILE} to have every patch looked after once more.)")
    return True


def begin(output: Path, settings: dict[str, object]) -> None:
    """Marks a folder as a data set in the making, and clears away what a killed process left half written.

    Args:
      output: the data set's folder; made if it is missing.
      settings: what `is_finished` is to compare with.
    """
    files.clear(output, *output.glob("*/*"))
    files.write_json(output / SETTINGS, settings)


def expect_begun(output: Path) -> None:
    """Looks whether a folder is the one that `begin` marked; on another machine it may be of that name only.

    Raises:
      UserError: it is not.
    """
    if not (output / SETTINGS).exists():
        raise UserError(
            f"{output} on {socket.gethostname()} is not the folder that the command began. Choose an --output that all "
            "machines share, under the same path."
        )


def missing(root: Path, split: str, roles: Iterable[str], stem: str) -> list[str]:
    """The roles of a sample that are not on the disk yet.

    Args:
      root: the data set's folder.
      split: train, val or test.
      roles: that it should have.
      stem: the sample's name.
    """
    return [role for role in roles if not (root / split / role / f"{stem}.png").exists()]


def png_metadata(path: Path, key: str) -> float:
    """The number that the command wrote as a note into a PNG that is there from before.

    Args:
      path: the file.
      key: of the note.

    Raises:
      UserError: it is not there, so that the file is another one.
    """
    text = images.read_text(path, key)
    if text is None:
        raise UserError(f"{path} was not written by this command. Move it away, and the same command makes it anew.")
    return float(text)


def write(root: Path, split: str, stem: str, pixels: Mapping[str, np.ndarray]) -> None:
    """Writes the patches of one sample, each whole or not at all.

    Args:
      root: the data set's folder.
      split: train, val or test.
      stem: the sample's name.
      pixels: for each role, uint8 or uint16, [size, size] or [size, size, 3].

    Raises:
      OSError: as the writing does.
    """
    for role, patch in pixels.items():
        images.write_png(root / split / role / f"{stem}.png", patch)
