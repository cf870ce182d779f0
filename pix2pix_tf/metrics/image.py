"""How near a generated image comes to the real one, a predicted mask to the true one, and how sure a mean of it is.

Every measure of images takes the two of one pair, float [H, W] or [H, W, C] in [0, 1], as any float type, and computes
in float64. Every one but the two errors grows with likeness. Each is symmetric: the order of the two does not matter.
Raises, all of them: ValueError for two shapes, an empty image, or values outside [0, 1] (NaN among them): a measure of
such an image would be a number that means nothing.

Every measure of masks is taken from the confusion of the two, which is counted once. It has one value for each class.
"""

from collections.abc import Sequence

import numpy as np
from scipy import special
from skimage.metrics import structural_similarity

SSIM_SIGMA = 1.5  # pixels, of the Gaussian window [Wang et al. 2004, section III-B]
SSIM_WINDOW = 11  # pixels across, what scikit-image makes of that sigma: 2 * round(3.5 * sigma) + 1
HIGHEST_PSNR = 100.0  # dB; one grey level of 255, off in one pixel of 256 x 256, is 96.3 dB

# ---- Images ---------------------------------------------------------------------------------------------------------


def dice(x: np.ndarray, y: np.ndarray) -> float:
    """The non-binary Dice coefficient: 2 sum(xy) / (sum(x^2) + sum(y^2)) (Dietrich-Sussner et al. 2021).

    On grey values it is no overlap of regions: it asks whether the bright pixels of one are bright in the other. Two
    images that are dark throughout differ by much in it, however alike they look.

    Args:
      x: float [H, W] or [H, W, C], [0, 1].
      y: of the same shape and range.

    Returns:
      In [0, 1]. 1 for equal images and for no others; so also for two that are black all over, where the fraction
      itself is 0 / 0.
    """
    x, y = _pair(x, y)
    total = np.sum(x * x) + np.sum(y * y)
    return float(2 * np.sum(x * y) / total) if total > 0 else 1.0


def dice_linear(x: np.ndarray, y: np.ndarray) -> float:
    """Dice with plain sums below: 2 sum(xy) / (sum x + sum y). The paper's text does not settle which one it used.

    Args:
      x: float [H, W] or [H, W, C], [0, 1].
      y: of the same shape and range.

    Returns:
      In [0, 1], never above `dice`. Equal images reach 1 only where they are binary: of a grey image with itself it
      gives the image's brightness, weighted by brightness. 1 for two that are black all over (0 / 0).
    """
    x, y = _pair(x, y)
    total = np.sum(x) + np.sum(y)
    return float(2 * np.sum(x * y) / total) if total > 0 else 1.0


def ssim(x: np.ndarray, y: np.ndarray) -> float:
    """The structural similarity of Wang et al. 2004 (IEEE TIP 13(4), equation 13), averaged over pixels and channels.

    A Gaussian window of sigma 1.5, 11 pixels across, and weighted (not sample) covariances, as in the paper. Pixels
    nearer than 5 to the border are left out of the mean, since their windows are not whole.

    Args:
      x: float [H, W] or [H, W, C], [0, 1]; H and W at least 11.
      y: of the same shape and range.

    Returns:
      In [-1, 1]. 1 for equal images.

    Raises:
      ValueError: also for images smaller than the window.
    """
    x, y = _pair(x, y)
    if min(x.shape[:2]) < SSIM_WINDOW:
        raise ValueError(
            f"SSIM looks through a window of {SSIM_WINDOW} x {SSIM_WINDOW} pixels; "
            f"an image of {x.shape[0]} x {x.shape[1]} is smaller."
        )
    return float(
        structural_similarity(
            x,
            y,
            gaussian_weights=True,
            sigma=SSIM_SIGMA,
            use_sample_covariance=False,
            data_range=1.0,
            channel_axis=2 if x.ndim == 3 else None,
        )
    )


def psnr(x: np.ndarray, y: np.ndarray) -> float:
    """The peak signal-to-noise ratio in dB, for a peak of 1: -10 log10 of the mean squared error.

    Args:
      x: float [H, W] or [H, W, C], [0, 1].
      y: of the same shape and range.

    Returns:
      In [0, 100]. Equal images, whose ratio is infinite, have 100, and so has what comes nearer than that: one
      infinity would make the mean of a whole data set infinite, and neither JSON nor a plot can hold it.
    """
    least = 10 ** (-HIGHEST_PSNR / 20)
    return float(20 * np.log10(1 / max(rmse(x, y), least)))


def mae(x: np.ndarray, y: np.ndarray) -> float:
    """The mean absolute error: the mean of |x - y|.

    Args:
      x: float [H, W] or [H, W, C], [0, 1].
      y: of the same shape and range.

    Returns:
      In [0, 1], in parts of the full range. 0 for equal images.
    """
    x, y = _pair(x, y)
    return float(np.mean(np.abs(x - y)))


def rmse(x: np.ndarray, y: np.ndarray) -> float:
    """The root of the mean squared error: sqrt(mean((x - y)^2)).

    Args:
      x: float [H, W] or [H, W, C], [0, 1].
      y: of the same shape and range.

    Returns:
      In [0, 1], in parts of the full range. 0 for equal images.
    """
    x, y = _pair(x, y)
    return float(np.sqrt(np.mean(np.square(x - y))))


# What the error score of several outputs may be made of (a norm of the difference).
NORMS = {"mae": mae, "rmse": rmse}

# Name -> measure, in the order of every table's columns.
MEASURES = {"dice": dice, "dice_linear": dice_linear, "ssim": ssim, "psnr": psnr, "mae": mae, "rmse": rmse}


# ---- Masks ----------------------------------------------------------------------------------------------------------


def confusion(true: np.ndarray, predicted: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """Counts how often each class was taken for which.

    Args:
      true: uint8 [H, W], a class in each pixel; bool and other whole numbers will do.
      predicted: of the same shape.
      classes: the values there may be, from 0 to 255, such as `masks.ZONE_VALUES`; (0, 1) for bool.

    Returns:
      int64 [k, k], pixels: rows are the true classes, columns the predicted ones, both in the order of `classes`.

    Raises:
      ValueError: two shapes, an empty mask, fractions, or a value that is no class.
    """
    if true.shape != predicted.shape or true.size == 0:
        raise ValueError(f"A confusion takes two masks of one shape, not {true.shape} and {predicted.shape}.")
    count = len(classes)
    places = np.full(256, count, np.uint16)  # grey value -> place among the classes; behind them what is none
    places[list(classes)] = np.arange(count)
    far = False
    for mask in (true, predicted):
        if mask.dtype.kind not in "bui":
            raise ValueError(f"A confusion takes masks of whole numbers, not of {mask.dtype}.")
        far |= mask.min() < 0 or mask.max() > 255  # uint8 would make some class of them
    both = (count + 1) * places[true.astype(np.uint8)] + places[predicted.astype(np.uint8)]
    counted = np.bincount(both.ravel(), minlength=(count + 1) ** 2).reshape(count + 1, count + 1)
    if far or counted[-1].any() or counted[:, -1].any():
        strange = sorted({*np.unique(true).tolist(), *np.unique(predicted).tolist()} - {*classes})
        raise ValueError(f"The classes are {tuple(classes)}; a mask has {', '.join(map(str, strange))}.")
    return counted[:-1, :-1]


def precision(confusion: np.ndarray) -> np.ndarray:
    """Of what was predicted to be a class, the share that is: hits / predicted. `iou` says what absence makes of it."""
    return _ratio(np.diag(confusion), confusion.sum(axis=0), confusion)


def recall(confusion: np.ndarray) -> np.ndarray:
    """Of what is of a class, the share that was found: hits / true. `iou` says what absence makes of it."""
    return _ratio(np.diag(confusion), confusion.sum(axis=1), confusion)


def f1(confusion: np.ndarray) -> np.ndarray:
    """The harmonic mean of precision and recall: 2 hits / (true + predicted). `iou` says what absence makes of it."""
    return _ratio(2 * np.diag(confusion), confusion.sum(axis=0) + confusion.sum(axis=1), confusion)


def iou(confusion: np.ndarray) -> np.ndarray:
    """The intersection over the union: hits / (true + predicted - hits).

    Args:
      confusion: int [k, k], from `confusion`; of several images, their sum.

    Returns:
      float64 [k], [0, 1]: what scikit-learn gives for average=None. A class that is in one of the two masks only has
      0. One that is in neither has NaN, and a mean leaves it out: the published code of CaFFe cannot compute a scene
      without all four classes at all.
    """
    hits = np.diag(confusion)
    return _ratio(hits, confusion.sum(axis=0) + confusion.sum(axis=1) - hits, confusion)


def macro(values: Sequence[float] | np.ndarray) -> float:
    """The mean over the classes that occur, each counting the same however many pixels it has.

    Args:
      values: float [k], NaN for a class that does not occur.

    Returns:
      In the range of the values; NaN where no class occurs.
    """
    values = np.asarray(values, np.float64)
    occurring = values[~np.isnan(values)]
    return float(occurring.mean()) if occurring.size else float("nan")


# ---- Certainty ------------------------------------------------------------------------------------------------------


def confidence_interval(values: Sequence[float] | np.ndarray) -> tuple[float, float | None]:
    """The mean of a measure over images, and how far the true mean may lie from it.

    Student's t: mean +- t(0.975, n - 1) * s / sqrt(n). It takes the images as independent. Patches of one scene are
    not quite, so that the true interval is somewhat wider.

    Args:
      values: float [n], one for each image, n >= 1.

    Returns:
      The mean, and half the width of the 95 % interval; None for one value, which tells nothing of its spread.

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


def _pair(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both images as float64, checked."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.shape != y.shape or x.ndim not in (2, 3) or x.size == 0:
        raise ValueError(f"A measure takes two images [H, W] or [H, W, C] of one shape, not {x.shape} and {y.shape}.")
    for image in (x, y):
        if not (image.min() >= 0 and image.max() <= 1):  # NaN fails every comparison, and so this one
            raise ValueError(f"A measure takes values in [0, 1], not {image.min():g} to {image.max():g}.")
    return x, y


def _ratio(part: np.ndarray, whole: np.ndarray, confusion: np.ndarray) -> np.ndarray:
    """part / whole by class: NaN for one that occurs nowhere, else 0 for 0 / 0."""
    occurs = confusion.sum(axis=0) + confusion.sum(axis=1) > 0
    return np.where(occurs, part / np.maximum(whole, 1), np.nan)
