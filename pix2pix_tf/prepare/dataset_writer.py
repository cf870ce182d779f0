"""Write a data set patch by patch, and resume it after an interruption.

A data set is written in this order: `prepare.json` (the settings), the patches, `dataset.json`. So a data set without
`dataset.json` is unfinished, and the same command adds what is missing.
"""

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from pix2pix_tf.data import dataset
from pix2pix_tf.data.io import images
from pix2pix_tf.utils import resumable
from pix2pix_tf.utils.errors import UserError

SETTINGS = "prepare.json"  # the settings that a data set was made with


def is_finished(output: Path, settings: Mapping) -> bool:
    """Check a data set's folder, and return True where the data set is finished. Write nothing.

    Args:
      output: the data set's folder; it may be missing.
      settings: what decides what the data set holds, in JSON's types and tuples.

    Raises:
      UserError: the folder holds something else, or a data set made with other settings. Nothing is ever overwritten.
    """
    if not resumable.check(output, SETTINGS, settings) or not (output / dataset.FILE).exists():
        return False
    print(f"{output} is finished already. (Remove its {dataset.FILE} to check every patch again.)")
    return True


def begin(output: Path, settings: Mapping) -> None:
    """Mark a folder as an unfinished data set, and remove what a killed process left half written.

    Args:
      output: the data set's folder; made when missing.
      settings: as `is_finished` takes them.

    Raises:
      UserError: as `is_finished` does.
    """
    resumable.claim(output, SETTINGS, settings, clear=output.glob("*/*"))


def expect_begun(output: Path) -> None:
    """Check that a folder is the one that `begin` marked; on another machine it may only have the same name.

    Raises:
      UserError: it is not.
    """
    if not (output / SETTINGS).exists():
        raise UserError(
            f"{output} on {socket.gethostname()} is not the folder of this command. Choose an --output that all "
            "machines share, under the same path."
        )


def missing(root: Path, split: str, roles: Iterable[str], stem: str) -> list[str]:
    """Return the roles of a sample that are not on the disk yet.

    Args:
      root: the data set's folder.
      split: train, val or test.
      roles: those that it should have.
      stem: the sample's name.
    """
    return [role for role in roles if not (root / split / role / f"{stem}.png").exists()]


def png_metadata(path: Path, key: str) -> float:
    """Return the number that the command wrote as a text chunk into an existing PNG.

    Args:
      path: the file.
      key: the keyword of the text chunk.

    Raises:
      UserError: there is none, so that the command did not write the file.
    """
    text = images.read_text(path, key)
    if text is None:
        raise UserError(f"{path} was not written by this command. Move it away, and run the same command again.")
    return float(text)


def write(root: Path, split: str, stem: str, pixels: Mapping[str, np.ndarray]) -> None:
    """Write the patches of one sample, each whole or not at all.

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
