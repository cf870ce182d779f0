"""Cuts scenes into patches or overlapping tiles, and joins or blends them again.

`cut` and `join` are exact inverses, for patches on disk. `Tiling` places overlapping tiles, and `Stitcher` blends tiles
or patches by weighted means, strip by strip.
"""

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from pix2pix_tf.data import scene_names
from pix2pix_tf.utils.errors import UserError

Piece = tuple[int, int, np.ndarray]  # row and column of the upper left pixel in the scene; pixels

# ---- Cutting --------------------------------------------------------------------------------------------------------


def origins(length: int, size: int, overlap: int = 0) -> list[int]:
    """Return the starts of patches along one side of a scene, so that together they cover it.

    Args:
      length: pixels of the scene's side.
      size: pixels of a patch's side.
      overlap: pixels that neighbours share, 0 to size - 1.
    """
    step = size - overlap
    return [step * i for i in range(max(1, math.ceil((length - overlap) / step)))]


def padding(height: int, width: int, size: int, overlap: int = 0) -> tuple[int, int]:
    """Return the pixels to add at the bottom and at the right, so that the last patches are whole.

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


def cut(image: np.ndarray, size: int, overlap: int = 0) -> list[Piece]:
    """Cut a scene into square patches, row by row.

    Args:
      image: [H, W] or [H, W, C], any dtype and any size.
      size: pixels of a patch's side.
      overlap: pixels that neighbours share, 0 to size - 1.

    Returns:
      For each patch row and column of its upper left pixel, and its pixels, [size, size] or [size, size, C] of the same
      dtype. Beyond the scene's bottom and right, patches are zero: in a zone mask "not available".
    """
    pieces = []
    for row in origins(image.shape[0], size, overlap):
        for column in origins(image.shape[1], size, overlap):
            inside = image[row : row + size, column : column + size]
            patch = np.zeros((size, size, *image.shape[2:]), image.dtype)
            patch[: inside.shape[0], : inside.shape[1]] = inside
            pieces.append((row, column, patch))
    return pieces


def join(pieces: list[Piece], height: int, width: int) -> np.ndarray:
    """Join the patches of a scene: the inverse of `cut`.

    Args:
      pieces: row, column and patch, as from `cut`. Where patches overlap, the last one wins.
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
    """Return the stems of a scene's patches, in the order of `cut`; a single patch has the scene's name.

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


# ---- Placing tiles --------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Position of a tile along one side of a scene, in pixels."""

    start: int
    before: int  # overlap with the tile before it
    after: int  # overlap with the next tile


@dataclass(frozen=True)
class Tiling:
    """Division of a scene into tiles, in pixels."""

    tile: int  # the longest side of a tile
    overlap: int  # shared by neighbours; at most half a tile
    divisor: int  # the sides of a tile are multiples of it

    def check(self) -> None:
        """Check the tile and the overlap.

        Raises:
          UserError: the tile is no multiple of the divisor, or the overlap is more than half a tile.
        """
        if self.tile < 1 or self.tile % self.divisor:
            raise UserError(f"--tile {self.tile} must be a multiple of {self.divisor}, as this model takes it.")
        if not 0 <= self.overlap <= self.tile // 2:
            raise UserError(f"--overlap {self.overlap} must be from 0 to {self.tile // 2}, half of --tile.")

    def side(self, length: int) -> int:
        """Return a tile's side along a scene's side; a short scene is one tile, padded to the divisor."""
        return min(self.tile, math.ceil(length / self.divisor) * self.divisor)

    def places(self, length: int) -> list[Place]:
        """Return the positions of tiles along a scene's side; the last one may reach beyond it."""
        starts = [0]
        while starts[-1] + self.tile < length:
            starts.append(starts[-1] + self.tile - self.overlap)
        shared = [0, *(a + self.tile - b for a, b in itertools.pairwise(starts)), 0]
        return [Place(*place) for place in zip(starts, shared, shared[1:], strict=False)]


def pad_by_reflection(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Pad a mask at the bottom and at the right with its mirror image.

    A mirror image continues coasts, and keeps the proportions of the classes, on which brightness depends through
    instance normalisation. Zeros would be generated as shadow: a dark bar, and a brighter rest.

    Args:
      mask: [H, W, C], any dtype.
      height: pixels of the result, H or more.
      width: pixels of the result, W or more.
    """
    missing = ((0, height - mask.shape[0]), (0, width - mask.shape[1]), (0, 0))
    return np.pad(mask, missing, mode="reflect")


# ---- Blending -------------------------------------------------------------------------------------------------------


def gaussian_weights(size: int) -> np.ndarray:
    """Return blending weights for a patch, largest in the middle, where the network sees context on all sides.

    Args:
      size: pixels of the patch's side.

    Returns:
      float32 [size, size], a Gaussian of sigma = size / 8 that is 1 at the pixel size // 2. It is truncated at 4
      sigma, which is the border, so that no weight is 0.
    """
    impulse = np.zeros((size, size))
    impulse[size // 2, size // 2] = 1
    weights = ndimage.gaussian_filter(impulse, size / 8, mode="constant")
    return (weights / weights.max()).astype(np.float32)


def ramp_weights(side: int, before: int, after: int) -> np.ndarray:
    """Return blending weights along one side of a tile.

    Args:
      side: pixels.
      before: pixels over which the weights rise: the overlap with the tile before.
      after: pixels over which the weights fall: the overlap with the next tile.

    Returns:
      float32 [side], (0, 1].
    """
    weights = np.ones(side)
    weights[:before] = _ramp(before)
    weights[side - after :] = _ramp(after)[::-1]
    return weights.astype(np.float32)


def _ramp(length: int) -> np.ndarray:
    """Return sin^2 over its rise from 0 to 1, at the centres of `length` pixels."""
    return np.sin(np.pi / 2 * (np.arange(length) + 0.5) / max(length, 1)) ** 2


class Stitcher:
    """Blends a scene from overlapping pieces, from the top down: each pixel is their weighted mean.

    Products of weights and values are float32 and sums float64, as in the CaFFe benchmark. Only the rows that have not
    been taken yet are in memory.
    """

    def __init__(self, height: int, width: int):
        """Begin a scene of `height` x `width` pixels."""
        self._height, self._width, self._top = height, width, 0
        self._total: np.ndarray | None = None  # float64 [rows in memory, W, C]
        self._weight = np.zeros((0, width))

    def add(self, row: int, column: int, piece: np.ndarray, weights: np.ndarray) -> None:
        """Add a piece; pixels beyond the scene's bottom or right are dropped.

        Args:
          row: of its upper left pixel in the scene; not above rows that were taken.
          column: of its upper left pixel.
          piece: float32 [h, w, C].
          weights: float32 [h, w], positive.

        Raises:
          ValueError: the piece has values that are not finite.
        """
        if not np.isfinite(piece).all():
            raise ValueError(f"The patch at row {row}, column {column} holds values that are not finite.")
        bottom = min(row + len(piece), self._height) - self._top
        if self._total is None:
            self._total = np.zeros((0, self._width, piece.shape[2]))
        missing = max(0, bottom - len(self._total))
        self._total = np.pad(self._total, ((0, missing), (0, 0), (0, 0))) if missing else self._total
        self._weight = np.pad(self._weight, ((0, missing), (0, 0))) if missing else self._weight
        place = slice(row - self._top, bottom), slice(column, column + piece.shape[1])
        height, width = self._weight[place].shape
        self._weight[place] += weights[:height, :width]
        self._total[place] += (weights[..., np.newaxis] * piece)[:height, :width]

    def take(self, row: int) -> np.ndarray:
        """Return the blended rows above `row` that were not taken before, float64 [n, W, C], and free their memory.

        Raises:
          ValueError: a pixel is not covered by any piece.
        """
        count = min(row, self._height) - self._top
        weight = self._weight[:count]
        if self._total is None or len(weight) < count or not weight.all():
            gaps = np.argwhere(np.pad(weight, ((0, count - len(weight)), (0, 0))) == 0)
            raise ValueError(
                f"No patch covers row {self._top + gaps[0][0]}, column {gaps[0][1]} of a scene of {self._height} x "
                f"{self._width} pixels."
            )
        blended = self._total[:count] / weight[..., np.newaxis]
        self._total, self._weight, self._top = self._total[count:], self._weight[count:], self._top + count
        return blended
