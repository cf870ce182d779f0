"""The distance between a predicted calving front and the true one, as the CaFFe benchmark computes it.

Gourmelon et al. 2022, ESSD 14, 4287, and the published code. Both fronts are one pixel wide.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree


@dataclass(frozen=True)
class FrontScore:
    """The distances of one scene, summed up so that many scenes can be pooled."""

    total: float  # the sum of all distances, in the unit of the scale, usually metres
    count: int  # of distances, both ways
    missed: bool  # the scene has a front and none was predicted
    absent: bool  # the scene has no front

    @property
    def mean(self) -> float | None:
        """The mean distance of this scene alone; None where a front is missing."""
        return self.total / self.count if self.count else None


def distances(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Return the distances from each pixel of a front to the nearest pixel of the other, both ways.

    Args:
      predicted: bool [H, W].
      true: bool [H, W].

    Returns:
      float64 [n + m], pixels: first from each of n predicted pixels to the nearest true one, then from each of m true
      pixels to the nearest predicted one. Empty where either front is empty.

    Raises:
      ValueError: the shapes differ.
    """
    if predicted.shape != true.shape:
        raise ValueError(f"Two fronts of one scene have one shape, not {predicted.shape} and {true.shape}.")
    predicted_pixels, true_pixels = np.argwhere(predicted), np.argwhere(true)
    if not len(predicted_pixels) or not len(true_pixels):
        return np.empty(0)
    to_true = cKDTree(true_pixels).query(predicted_pixels)[0]
    return np.concatenate([to_true, cKDTree(predicted_pixels).query(true_pixels)[0]])


def score(predicted: np.ndarray, true: np.ndarray, scale: float) -> FrontScore:
    """Score the predicted front of one scene.

    Args:
      predicted: bool [H, W], clipped to the bounding box.
      true: bool [H, W], not clipped.
      scale: metres per pixel, or 1 to count in pixels.

    Raises:
      ValueError: the shapes differ.
    """
    apart, absent = distances(predicted, true), not true.any()
    return FrontScore(scale * float(apart.sum()), len(apart), not absent and not predicted.any(), absent)


def mean_distance_error(scores: Iterable[FrontScore]) -> tuple[float | None, int, int]:
    """Return the benchmark's mean distance error: the mean over all distances of all scenes.

    Long fronts count more than short ones. A scene without a predicted front adds no distance, so a model that predicts
    only easy fronts scores well: always print the number of missed fronts beside the mean. The published code counts a
    scene without a true front in that same number; here they are two.

    Returns:
      The mean distance in the scores' unit, None where there is none; the number of scenes with a missed front; the
      number of scenes without a true front.
    """
    scores = list(scores)
    count = sum(one.count for one in scores)
    mean = math.fsum(one.total for one in scores) / count if count else None
    return mean, sum(one.missed for one in scores), sum(one.absent for one in scores)
