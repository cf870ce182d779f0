"""Metrics of masks: precision, recall, F1 and IoU by class.

All are computed from the confusion matrix of two masks. Each returns one value for each class. A class that is in only
one of the two masks scores 0. A class that is in neither has NaN, and `macro` leaves it out: the published code of
CaFFe cannot score a scene that lacks one of the four classes.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

ConfusionMatrix: TypeAlias = np.ndarray  # int64 [k, k], pixels: true classes in rows, predicted classes in columns
ByClass: TypeAlias = np.ndarray  # float64 [k], [0, 1]; NaN for a class that is in neither mask


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, classes: Sequence[int]) -> ConfusionMatrix:
    """Count the pixels of each pair of true and predicted class.

    Args:
      true: [H, W], the class of each pixel as uint8, bool or another integer type.
      predicted: as `true`, of the same shape.
      classes: the values that a mask may have, each from 0 to 255, such as `classes.ZONE_VALUES`; (0, 1) for bool.

    Returns:
      The counts, with rows and columns in the order of `classes`. The matrices of several images add up.

    Raises:
      ValueError: the shapes differ, a mask is empty or not of an integer type, or has an invalid class value.
    """
    if true.shape != predicted.shape or true.size == 0:
        raise ValueError(f"A confusion matrix takes two masks of one shape, not {true.shape} and {predicted.shape}.")
    count = len(classes)
    places = np.full(256, count, np.uint16)  # grey value -> index of its class; `count` marks an invalid value
    places[list(classes)] = np.arange(count)
    out_of_range = False
    for mask in (true, predicted):
        if mask.dtype.kind not in "bui":
            raise ValueError(f"A confusion matrix takes masks of whole numbers, not of {mask.dtype}.")
        out_of_range |= mask.min() < 0 or mask.max() > 255  # the cast to uint8 would make a valid class of them
    both = (count + 1) * places[true.astype(np.uint8)] + places[predicted.astype(np.uint8)]
    counted = np.bincount(both.ravel(), minlength=(count + 1) ** 2).reshape(count + 1, count + 1)
    if out_of_range or counted[-1].any() or counted[:, -1].any():
        invalid = sorted({*np.unique(true).tolist(), *np.unique(predicted).tolist()} - {*classes})
        raise ValueError(f"The classes are {tuple(classes)}; a mask has {', '.join(map(str, invalid))}.")
    return counted[:-1, :-1]


def precision(confusion: ConfusionMatrix) -> ByClass:
    """Return the share of the predicted pixels of a class that are correct: hits / predicted."""
    return _ratio(np.diag(confusion), confusion.sum(axis=0), confusion)


def recall(confusion: ConfusionMatrix) -> ByClass:
    """Return the share of the true pixels of a class that were predicted: hits / true."""
    return _ratio(np.diag(confusion), confusion.sum(axis=1), confusion)


def f1(confusion: ConfusionMatrix) -> ByClass:
    """Return the harmonic mean of precision and recall: 2 hits / (true + predicted)."""
    return _ratio(2 * np.diag(confusion), confusion.sum(axis=0) + confusion.sum(axis=1), confusion)


def iou(confusion: ConfusionMatrix) -> ByClass:
    """Return the intersection over union: hits / (true + predicted - hits), as scikit-learn's `jaccard_score`."""
    hits = np.diag(confusion)
    return _ratio(hits, confusion.sum(axis=0) + confusion.sum(axis=1) - hits, confusion)


def macro(values: Sequence[float] | np.ndarray) -> float:
    """Return the mean over the classes that occur; each class counts the same, however many pixels it has.

    Args:
      values: float [k], NaN for a class that does not occur.

    Returns:
      In the range of the values; NaN where no class occurs.
    """
    values = np.asarray(values, np.float64)
    occurring = values[~np.isnan(values)]
    return float(occurring.mean()) if occurring.size else float("nan")


def _ratio(part: np.ndarray, whole: np.ndarray, confusion: ConfusionMatrix) -> ByClass:
    """Return part / whole by class: NaN for a class that does not occur, else 0 for 0 / 0."""
    occurs = confusion.sum(axis=0) + confusion.sum(axis=1) > 0
    return np.where(occurs, part / np.maximum(whole, 1), np.nan)
