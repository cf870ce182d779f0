"""Calving fronts: from what a network says of each patch to how many metres the front it drew is off.

The file runs as the data do: probabilities of patches -> a scene -> zones, or a front's probability -> the front, one
pixel wide -> cut to the box it is judged in -> distances to the true front -> scores.

What is computed is what the CaFFe benchmark publishes (Gourmelon et al. 2022, ESSD 14, 4287, and its code), so that
scores can stand beside its tables; where this file knows better, it says so. Lengths are counted in pixels of the
front, and pixels that touch at a corner hang together.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.morphology import skeletonize

from pix2pix_tf.data import classes
from pix2pix_tf.fronts.vectorize import polylines

LENGTH = 750.0  # metres: a front of at most this length is taken for an error [CaFFe]
THRESHOLD = classes.FRONT_THRESHOLD
SMALLEST_SKELETON = 5  # pixels: a skeleton of at most so many is a speck [CaFFe, through FilFinder 1.7]

_CORNERS_TOUCH = np.ones((3, 3), bool)

# ---- From probabilities to classes --------------------------------------------------------------------------------


def zones_of(probabilities: np.ndarray) -> np.ndarray:
    """Takes the likeliest class of each pixel; of equally likely ones the first.

    Args:
      probabilities: float [H, W, 4], in the order of `masks.ZONE_VALUES`; logits will do.

    Returns:
      uint8 [H, W], CaFFe grey values.

    Raises:
      ValueError: there are more classes, or less.
    """
    if probabilities.shape[2:] != (len(classes.ZONE_VALUES),):
        raise ValueError(f"Zones have {len(classes.ZONE_VALUES)} classes; these are {probabilities.shape}.")
    return np.array(classes.ZONE_VALUES, np.uint8)[probabilities.argmax(axis=2)]


# ---- From a scene to its front --------------------------------------------------------------------------------------


def front_from_zones(zones: np.ndarray, shortest: float) -> np.ndarray:
    """Finds the front of a zone mask: the ocean's pixels beside glacier, once both are one piece each.

    What is not ocean, but for its largest piece, becomes ocean (icebergs, errors of the network); then what is ocean,
    but for its largest piece, becomes glacier (lakes, errors). Of pieces equally large the uppermost stays.

    Args:
      zones: uint8 [H, W], CaFFe grey values; it is not changed.
      shortest: pixels; pieces of the front with at most so many are dropped. `LENGTH` over the metres of a pixel.

    Returns:
      bool [H, W], one pixel wide; nothing where there is no ocean, or no glacier beside it.
    """
    land = _largest(zones != classes.OCEAN)
    ocean = _largest(~land)
    lake = ~land & ~ocean
    cleared = np.select([ocean, lake], [np.uint8(classes.OCEAN), np.uint8(classes.GLACIER)], zones)
    return _without_short(classes.front_of(cleared) > 0, shortest)


def front_from_probabilities(probability: np.ndarray, shortest: float, threshold: float = THRESHOLD) -> np.ndarray:
    """Finds the front in a map of its probability: threshold, skeleton, the longest line of each piece.

    The published code takes the line from FilFinder, which weighs the number of branches as heavily as their length,
    finds no line in a closed loop, and leaves an image that is front all over as it is. Here a line is as long as it
    is, in pixels and their diagonals (`lines_of`).

    Args:
      probability: float [H, W].
      shortest: pixels; lines with at most so many are dropped. `LENGTH` over the metres of a pixel.
      threshold: a pixel must have more to be front.

    Returns:
      bool [H, W], one pixel wide.
    """
    skeleton = _without_short(skeletonize(probability > threshold), SMALLEST_SKELETON)
    front = np.zeros(skeleton.shape, bool)
    for line in polylines(skeleton):
        if len(line) > shortest:
            front[tuple(line.T)] = True
    return front


def _largest(mask: np.ndarray) -> np.ndarray:
    """bool [H, W]: the largest piece of a mask, the uppermost of equally large ones; nothing of an empty mask."""
    labels, _ = ndimage.label(mask, _CORNERS_TOUCH)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0  # what is not in the mask
    return mask & (labels == sizes.argmax())


def _without_short(mask: np.ndarray, shortest: float) -> np.ndarray:
    """bool [H, W]: the pieces of a mask that have more pixels than so many."""
    labels, _ = ndimage.label(mask, _CORNERS_TOUCH)
    return mask & (np.bincount(labels.ravel()) > shortest)[labels]


# ---- The box --------------------------------------------------------------------------------------------------------


def clip_to_bbox(front: np.ndarray, box: Sequence[float] | None) -> np.ndarray:
    """Takes away what lies outside the box that a front is judged in. As published, only a predicted front is cut.

    As published also, an upper limit beyond the image becomes its side - 1, so that the last row or column falls away
    (one that is equal to the side stays, and all is kept).

    Args:
      front: bool [H, W]; it is not changed.
      box: rows from, to below, columns from, to below, as in dataset.json: whole pixels, or rounded to them. None keeps
        everything. A box wholly outside keeps nothing.

    Returns:
      bool [H, W].
    """
    if box is None:
        return front.copy()
    limits = [max(0, round(limit)) for limit in box]
    for place, side in ((1, front.shape[0]), (3, front.shape[1])):
        if limits[place] > side:
            limits[place] = side - 1
    inside = np.zeros(front.shape, bool)
    inside[limits[0] : limits[1], limits[2] : limits[3]] = True
    return front & inside


# ---- How far off ----------------------------------------------------------------------------------------------------


def distances(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Measures how far two fronts are apart, both ways: the order of the two does not matter but for the result's.

    Args:
      predicted: bool [H, W].
      true: bool [H, W].

    Returns:
      float64 [n + m], pixels: for each of n predicted pixels the way to the nearest true one, then for each of m true
      pixels the way to the nearest predicted one. Empty where either front is.

    Raises:
      ValueError: two shapes.
    """
    if predicted.shape != true.shape:
        raise ValueError(f"Two fronts of one scene have one shape, not {predicted.shape} and {true.shape}.")
    ours, theirs = np.argwhere(predicted), np.argwhere(true)
    if not len(ours) or not len(theirs):
        return np.empty(0)
    return np.concatenate([cKDTree(theirs).query(ours)[0], cKDTree(ours).query(theirs)[0]])


@dataclass(frozen=True)
class FrontScore:
    """How far off the front of one scene is; what many of them need to be pooled."""

    total: float  # the sum of all distances, in the unit of the scale, mostly metres
    count: int  # of distances, both ways
    missed: bool  # there is a front, and none was predicted
    absent: bool  # there is no front to be found

    @property
    def mean(self) -> float | None:
        """The mean distance of this scene alone; None where a front is missing."""
        return self.total / self.count if self.count else None


def score(predicted: np.ndarray, true: np.ndarray, scale: float) -> FrontScore:
    """Scores one predicted front.

    Args:
      predicted: bool [H, W], cut to the box.
      true: bool [H, W], not cut.
      scale: metres per pixel, or 1 to count in pixels.

    Raises:
      ValueError: two shapes.
    """
    apart, absent = distances(predicted, true), not true.any()
    return FrontScore(scale * float(apart.sum()), len(apart), not absent and not predicted.any(), absent)


def mean_distance_error(scores: Iterable[FrontScore]) -> tuple[float | None, int, int]:
    """The benchmark's mean distance error: the mean over all distances of all scenes, so that long fronts count more.

    A scene without a predicted front adds no distance, and a model that predicts only easy fronts looks well: say the
    number of missed fronts beside the mean, always. The published code counts a scene without a true front in that
    same number; here they are two.

    Returns:
      The mean distance in the scores' unit, None where there is none; scenes with a missed front; scenes without one.
    """
    scores = list(scores)
    count = sum(one.count for one in scores)
    mean = math.fsum(one.total for one in scores) / count if count else None
    return mean, sum(one.missed for one in scores), sum(one.absent for one in scores)
