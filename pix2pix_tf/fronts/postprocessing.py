"""Post-processing of the CaFFe benchmark: from a mask or a probability map to a front one pixel wide.

The steps are those of Gourmelon et al. 2022 (ESSD 14, 4287) and of the published code, so that scores compare with the
published ones; a comment marks each difference. Lengths are pixels of the front, and components are 8-connected.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from pix2pix_tf.data import bounding_box, classes
from pix2pix_tf.data.classes import ZoneMask
from pix2pix_tf.fronts.vectorize import polylines

Front: TypeAlias = np.ndarray  # bool [H, W], one pixel wide

# Components of a predicted front of at most this length are dropped: in metres as in CaFFe, in pixels for scenes of
# unknown scale.
MIN_LENGTH = {"metres": 750.0, "pixels": 10.0}
SMALLEST_SKELETON = 5  # pixels: a skeleton of at most this length is dropped [CaFFe, through FilFinder 1.7]

ROWS = 1024  # rows of labels that are counted together, as counting copies them to 8 bytes each

_CORNERS_TOUCH = np.ones((3, 3), bool)  # the 8-neighbourhood


def min_length_pixels(metres_per_pixel: float | None, min_length: float | None = None) -> float:
    """Return the length up to which components of a front are dropped, in pixels.

    Args:
      metres_per_pixel: of the scene; None: unknown.
      min_length: metres, of scenes of unknown scale pixels; None: `MIN_LENGTH`.
    """
    if metres_per_pixel is None:
        return MIN_LENGTH["pixels"] if min_length is None else min_length
    return (MIN_LENGTH["metres"] if min_length is None else min_length) / metres_per_pixel


def zones_of(probabilities: np.ndarray) -> ZoneMask:
    """Return the likeliest class of each pixel; of equally likely ones the first.

    Args:
      probabilities: float [H, W, 4], in the order of `classes.ZONE_VALUES`; logits work too.

    Raises:
      ValueError: the number of classes is not 4.
    """
    if probabilities.shape[2:] != (len(classes.ZONE_VALUES),):
        raise ValueError(f"Zones have {len(classes.ZONE_VALUES)} classes; these are {probabilities.shape}.")
    return np.array(classes.ZONE_VALUES, np.uint8)[probabilities.argmax(axis=2)]


def front_from_zones(zones: ZoneMask, min_length: float) -> Front:
    """Extract the front of a zone mask: the ocean pixels beside glacier, after removing small components.

    All but the largest component of "not ocean" become ocean (icebergs, errors of the network). Then all but the
    largest component of ocean become glacier (lakes, errors). Of equally large components the uppermost stays.

    Args:
      zones: it is not changed.
      min_length: pixels; components of the front of at most this length are dropped. `MIN_LENGTH` in metres over the
        metres per pixel.

    Returns:
      Empty where there is no ocean, or no glacier beside it.
    """
    land = _largest_component(zones != classes.OCEAN)
    ocean = _largest_component(~land)
    lake = ~land & ~ocean
    cleared = np.select([ocean, lake], [np.uint8(classes.OCEAN), np.uint8(classes.GLACIER)], zones)
    return _drop_short(classes.front_of(cleared) > 0, min_length)


def front_from_probabilities(
    probability: np.ndarray, min_length: float, threshold: float = classes.FRONT_THRESHOLD
) -> Front:
    """Extract the front from a probability map: threshold, skeleton, the longest path through each component.

    The published code takes that path from FilFinder, which weighs the number of branches as heavily as their length,
    finds no path in a closed loop, and leaves an image that is front everywhere as it is. Here the length of a path is
    its length in pixels, with diagonals counted as sqrt(2) (`vectorize.polylines`).

    Args:
      probability: float [H, W].
      min_length: pixels; lines of at most this length are dropped. `MIN_LENGTH` in metres over the metres per pixel.
      threshold: front pixels are those with a higher probability.
    """
    skeleton = _drop_short(skeletonize(probability > threshold), SMALLEST_SKELETON)
    front = np.zeros(skeleton.shape, bool)
    for line in polylines(skeleton):
        if len(line) > min_length:
            front[tuple(line.T)] = True
    return front


def clip_to_bbox(front: Front, box: Sequence[float] | None) -> Front:
    """Return the part of a front inside the bounding box. As published, only the predicted front is clipped.

    Args:
      front: it is not changed.
      box: row_from, row_to, column_from, column_to, the ends excluded, clipped as in `bounding_box.clip`. None keeps
        everything.
    """
    if box is None:
        return front.copy()
    row_from, row_to, column_from, column_to = bounding_box.clip(box, *front.shape)
    inside = np.zeros(front.shape, bool)
    inside[row_from:row_to, column_from:column_to] = True
    return front & inside


def _largest_component(mask: np.ndarray) -> np.ndarray:
    """Return the largest component of a bool mask, the uppermost of equally large ones; nothing of an empty mask."""
    labels, count = ndimage.label(mask, _CORNERS_TOUCH)
    sizes = np.zeros(count + 1, np.int64)
    for row in range(0, len(labels), ROWS):
        sizes += np.bincount(labels[row : row + ROWS].ravel(), minlength=count + 1)
    sizes[0] = 0  # label 0 is the background
    return mask & (labels == sizes.argmax())


def _drop_short(mask: np.ndarray, min_length: float) -> np.ndarray:
    """Return the components of a bool mask that have more pixels than `min_length`."""
    labels, _ = ndimage.label(mask, _CORNERS_TOUCH)
    inside = labels[mask]
    kept = mask.copy()
    kept[mask] = (np.bincount(inside) > min_length)[inside]
    return kept
