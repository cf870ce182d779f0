"""Means with their uncertainty."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
from scipy import special


def confidence_interval(values: Sequence[float] | np.ndarray) -> tuple[float, float | None]:
    """Return the mean of a metric over images and half of its 95 % confidence interval.

    Student's t: mean +- t(0.975, n - 1) * s / sqrt(n). The formula takes the images as independent. Patches of one
    scene are not quite independent, so the true interval is somewhat wider.

    Args:
      values: float [n], one for each image, n >= 1.

    Returns:
      The mean, and half the width of the interval; None for a single value, which has no spread.

    Raises:
      ValueError: there are no values.
    """
    values = np.asarray(values, np.float64)
    if values.size == 0:
        raise ValueError("No values, no mean.")
    if values.size == 1:
        return float(values[0]), None
    half = special.stdtrit(values.size - 1, 0.975) * values.std(ddof=1) / np.sqrt(values.size)
    return float(values.mean()), float(half)


def mean_and_sd(values: Iterable[float]) -> tuple[float, float, int]:
    """Return the mean, the sample standard deviation (n - 1) and the number of the values that are not NaN.

    The mean is NaN without a value, the deviation with fewer than two.
    """
    known = [value for value in values if not math.isnan(value)]
    mean = float(np.mean(known)) if known else math.nan
    return mean, float(np.std(known, ddof=1)) if len(known) > 1 else math.nan, len(known)
