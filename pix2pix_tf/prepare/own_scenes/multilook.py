"""Average the looks of a scene: fewer, larger pixels with less speckle, so that a patch shows more of the glacier.

Where a side is no multiple of the factor, the rest at the bottom and at the right is left out.
"""

from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from pix2pix_tf.data.classes import NOT_AVAILABLE, ZONE_VALUES
from pix2pix_tf.data.io.images import BadImage
from pix2pix_tf.data.scene_names import Facts


def average(pixels: np.ndarray, valid: np.ndarray, looks: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of the available pixels of each square.

    Args:
      pixels: uint8 or uint16, [H, W] or [H, W, C].
      valid: bool [H, W], False where nothing is available.
      looks: side of a square, pixels; 1 changes nothing.

    Returns:
      The means, of the dtype of `pixels`, 0 where nothing is available; bool, True where half of a square is available.

    Raises:
      BadImage: the image is smaller than a square.
    """
    if looks == 1:
        return pixels, valid
    there = available(valid, looks)
    means = np.zeros(there.shape + pixels.shape[2:], pixels.dtype)
    for row, rows in enumerate(_rows(len(valid), looks)):
        known = _squares(valid[rows], looks)
        counts = np.maximum(known.sum(axis=(0, 2)), 1)
        sums = (_squares(pixels[rows], looks) * _like(known, pixels)).sum(axis=(0, 2), dtype=np.uint64)
        means[row] = np.rint(sums / _like(counts, pixels)) * _like(there[row], pixels)
    return means, there


def available(valid: np.ndarray, looks: int) -> np.ndarray:
    """Return the squares of which half is available, bool; see `average`."""
    if looks == 1:
        return valid
    height, width = valid.shape
    there = np.zeros(coarser_size(height, width, looks), bool)
    for row, rows in enumerate(_rows(height, looks)):
        there[row] = 2 * _squares(valid[rows], looks).sum(axis=(0, 2)) >= looks**2
    return there


def majority(mask: np.ndarray, role: str, looks: int) -> np.ndarray:
    """Return the most frequent zone of each square, or a front one pixel wide through the squares that it crosses.

    A square is "not available" where more than half of it is.

    Args:
      mask: uint8 [H, W], values of the role.
      role: zones or fronts.
      looks: side of a square, pixels; 1 changes nothing.

    Raises:
      BadImage: the mask is smaller than a square.
    """
    if looks == 1:
        return mask
    from skimage.morphology import thin  # a second, which only masks that are averaged need

    height, width = mask.shape
    coarse = np.zeros(coarser_size(height, width, looks), np.uint8)
    zones = np.array([value for value in ZONE_VALUES if value != NOT_AVAILABLE], np.uint8)
    for row, rows in enumerate(_rows(height, looks)):
        squares = _squares(mask[rows], looks)
        if role == "fronts":
            coarse[row] = squares.max(axis=(0, 2))
            continue
        counts = np.stack([(squares == value).sum(axis=(0, 2)) for value in zones])
        coarse[row] = np.where(2 * counts.sum(axis=0) >= looks**2, zones[counts.argmax(axis=0)], NOT_AVAILABLE)
    return np.where(thin(coarse > 0), np.uint8(255), np.uint8(0)) if role == "fronts" else coarse


def coarser_facts(facts: Facts, height: int, width: int, looks: int) -> Facts:
    """Return the metadata of a scene after averaging.

    Args:
      facts: of the scene as it is in its file.
      height: pixels of the file.
      width: likewise.
      looks: side of a square, pixels.
    """
    found: dict[str, Any] = {**facts}  # scenes.json may hold more than names do
    if size := found.get("metres_per_pixel"):
        found["metres_per_pixel"] = size * looks
    if box := found.get("bounding_box"):
        top, bottom, left, right = box
        lowest, rightmost = min(-(-bottom // looks), height // looks), min(-(-right // looks), width // looks)
        found["bounding_box"] = (top // looks, lowest, left // looks, rightmost)
    if bounds := found.get("bounds"):
        rows, columns = (side // looks * looks / side for side in (height, width))
        west, south, east, north = bounds
        found["bounds"] = (west, north - rows * (north - south), west + columns * (east - west), north)
    return cast(Facts, found)


def coarser_size(height: int, width: int, looks: int) -> tuple[int, int]:
    """Return height and width after averaging.

    Raises:
      BadImage: a side is shorter than that of a square.
    """
    if min(height, width) < looks:
        raise BadImage(f"{height} x {width} pixels, less than the {looks} x {looks} of --multilook (take fewer)")
    return height // looks, width // looks


def _rows(height: int, looks: int) -> Iterator[slice]:
    return (slice(row, row + looks) for row in range(0, height - looks + 1, looks))


def _squares(rows: np.ndarray, looks: int) -> np.ndarray:
    """Return the rows of one row of squares as [looks, W / looks, looks, ...]."""
    width = rows.shape[1] // looks
    return rows[:, : width * looks].reshape(looks, width, looks, *rows.shape[2:])


def _like(flags: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Return the flags with a last axis where pixels have channels."""
    return flags[..., np.newaxis] if pixels.ndim == 3 else flags
