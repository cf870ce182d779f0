"""Distances of a generated image from the real one: Dice, SSIM, PSNR, MAE and RMSE.

Each metric takes two images, of any float type, computes in float64, and is symmetric: the order of the two does not
matter. All but the two errors are higher for more similar images.

All raise a ValueError where the shapes differ, an image is empty, or a value is NaN or outside [0, 1].
"""

from typing import TypeAlias

import numpy as np
from skimage.metrics import structural_similarity

Image: TypeAlias = np.ndarray  # float [H, W] or [H, W, C], [0, 1]; the two images of a metric have one shape

SSIM_SIGMA = 1.5  # pixels, of the Gaussian window [Wang et al. 2004, section III-B]
SSIM_WINDOW = 11  # pixels a side, as scikit-image derives it from the sigma: 2 * round(3.5 * sigma) + 1
HIGHEST_PSNR = 100.0  # dB; one grey level of 255, off in one pixel of 256 x 256, is 96.3 dB


def dice(x: Image, y: Image) -> float:
    """Return the non-binary Dice coefficient: 2 sum(xy) / (sum(x^2) + sum(y^2)) (Dietrich-Sussner et al. 2021).

    On grey values it measures how far the bright pixels of both images coincide, not the overlap of regions. Two dark
    images can have a low Dice even where they look alike.

    Returns:
      In [0, 1]. 1 for equal images only; two black ones count as equal (0 / 0).
    """
    x, y = _pair(x, y)
    total = np.sum(x * x) + np.sum(y * y)
    return float(2 * np.sum(x * y) / total) if total > 0 else 1.0


def dice_linear(x: Image, y: Image) -> float:
    """Return Dice with linear sums below: 2 sum(xy) / (sum x + sum y). The paper's text fits this and `dice`.

    Returns:
      In [0, 1], never above `dice`. Equal images reach 1 only where they are binary: a grey image with itself scores
      its mean brightness, weighted by brightness. 1 for two black images (0 / 0).
    """
    x, y = _pair(x, y)
    total = np.sum(x) + np.sum(y)
    return float(2 * np.sum(x * y) / total) if total > 0 else 1.0


def ssim(x: Image, y: Image) -> float:
    """Return the structural similarity of Wang et al. 2004 (IEEE TIP 13(4), equation 13), the mean over pixels.

    It uses a Gaussian window of sigma 1.5 and 11 x 11 pixels and weighted (not sample) covariances, as in the paper,
    and averages over channels. The mean leaves out the outer 5 pixels, whose windows are not complete.

    Returns:
      In [-1, 1]. 1 for equal images.

    Raises:
      ValueError: also where a side is shorter than the window.
    """
    x, y = _pair(x, y)
    if min(x.shape[:2]) < SSIM_WINDOW:
        raise ValueError(
            f"SSIM needs a window of {SSIM_WINDOW} x {SSIM_WINDOW} pixels; "
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


def psnr(x: Image, y: Image) -> float:
    """Return the peak signal-to-noise ratio in dB, for a peak of 1: -10 log10 of the mean squared error.

    Returns:
      In [0, 100]. The cap applies to equal and nearly equal images: one infinite value would make the mean of a whole
      data set infinite, and neither JSON nor a plot can hold it.
    """
    least = 10 ** (-HIGHEST_PSNR / 20)
    return float(20 * np.log10(1 / max(rmse(x, y), least)))


def mae(x: Image, y: Image) -> float:
    """Return the mean absolute error: the mean of |x - y|.

    Returns:
      In [0, 1], as a share of the full range. 0 for equal images.
    """
    x, y = _pair(x, y)
    return float(np.mean(np.abs(x - y)))


def rmse(x: Image, y: Image) -> float:
    """Return the root of the mean squared error: sqrt(mean((x - y)^2)).

    Returns:
      In [0, 1], as a share of the full range. 0 for equal images.
    """
    x, y = _pair(x, y)
    return float(np.sqrt(np.mean(np.square(x - y))))


# Norms of the difference that the error score of several outputs may use.
NORMS = {"mae": mae, "rmse": rmse}

# Name -> metric, in the order of the columns of every table.
MEASURES = {"dice": dice, "dice_linear": dice_linear, "ssim": ssim, "psnr": psnr, "mae": mae, "rmse": rmse}


def _pair(x: Image, y: Image) -> tuple[Image, Image]:
    """Check both images and return them as float64."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.shape != y.shape or x.ndim not in (2, 3) or x.size == 0:
        raise ValueError(f"A measure takes two images [H, W] or [H, W, C] of one shape, not {x.shape} and {y.shape}.")
    for image in (x, y):
        if not (image.min() >= 0 and image.max() <= 1):  # NaN fails every comparison, and so this one
            raise ValueError(f"A measure takes values in [0, 1], not {image.min():g} to {image.max():g}.")
    return x, y
