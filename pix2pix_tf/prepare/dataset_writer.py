"""From scenes to a data set of patches: cutting, writing, and going on after an interruption.

A data set is made in this order: `prepare.json` (the settings), the patches, `dataset.json`. So one without its
`dataset.json` is visibly unfinished, and the same command goes on with what is missing.
"""

import json
import math
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from pix2pix_tf.data import dataset, scene_names
from pix2pix_tf.data.io import images
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

SETTINGS = "prepare.json"  # what a data set was made with

# ---- Cutting --------------------------------------------------------------------------------------------------------


def origins(length: int, size: int, overlap: int = 0) -> list[int]:
    """Where patches begin along one side, so that together they cover it.

    Args:
      length: pixels of the scene's side.
      size: pixels of a patch's side.
      overlap: pixels that neighbours share, 0 to size - 1.
    """
    step = size - overlap
    return [step * i for i in range(max(1, math.ceil((length - overlap) / step)))]


def padding(height: int, width: int, size: int, overlap: int = 0) -> tuple[int, int]:
    """Pixels that must be added at the bottom and at the right for the last patches to be whole.

    Args:
      height: pixels of the scene.
      width: likewise.
      size: pixels of a patch's side.
      overlap: pixels that neighbours share, 0 to size - 1.
    """
    return (
        origins(height, size, overlap)[-1] + size - height,
        origins(width, size, overlap)[-1] + size - width,
    )


def cut(image: np.ndarray, size: int, overlap: int = 0) -> list[tuple[int, int, np.ndarray]]:
    """Cuts a scene into square patches, row by row.

    Args:
      image: [H, W] or [H, W, C], any dtype and any size; it is not changed.
      size: pixels of a patch's side.
      overlap: pixels that neighbours share, 0 to size - 1.

    Returns:
      Row, column of the upper left pixel, and patch [size, size] or [size, size, C] of the same dtype, for each. Where
      the scene ends, at the bottom and at the right, patches are filled up with zeros: in a zone mask "not available".
    """
    pieces = []
    for row in origins(image.shape[0], size, overlap):
        for column in origins(image.shape[1], size, overlap):
            inside = image[row : row + size, column : column + size]
            patch = np.zeros((size, size, *image.shape[2:]), image.dtype)
            patch[: inside.shape[0], : inside.shape[1]] = inside
            pieces.append((row, column, patch))
    return pieces


def join(pieces: list[tuple[int, int, np.ndarray]], height: int, width: int) -> np.ndarray:
    """Puts a scene together again: the inverse of `cut`.

    Args:
      pieces: row, column and patch, as from `cut`. Where patches overlap, the last one counts.
      height: pixels of the scene without padding.
      width: likewise.

    Returns:
      [H, W] or [H, W, C], dtype of the patches.
    """
    first = pieces[0][2]
    image = np.zeros((height, width, *first.shape[2:]), first.dtype)
    for row, column, patch in pieces:
        place = image[row : row + patch.shape[0], column : column + patch.shape[1]]
        place[:] = patch[: place.shape[0], : place.shape[1]]
    return image


def stems(scene: str, height: int, width: int, size: int, overlap: int = 0) -> list[str]:
    """Names a scene's patches, in the order of `cut`; the only patch of a scene has the scene's name.

    Args:
      scene: its name.
      height: pixels of the scene.
      width: likewise.
      size: pixels of a patch's side.
      overlap: pixels that neighbours share, 0 to size - 1.
    """
    places = [(row, column) for row in origins(height, size, overlap) for column in origins(width, size, overlap)]
    if len(places) == 1:
        return [scene]
    return [scene_names.patch_stem(scene, row, column) for row, column in places]


# ---- Writing --------------------------------------------------------------------------------------------------------


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


def noted(path: Path, key: str) -> float:
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
