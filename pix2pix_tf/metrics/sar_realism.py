"""Realism of SAR images: how similar a set of generated images is to a set of real ones.

No image is compared with its own target. The metrics assume that grey values are proportional to the amplitude of the
radar signal: their square is an intensity, and a factor on them is a shift in decibels. This holds for CaFFe and for
simulated scenes. For other grey values, such as decibels stretched to 8 bit, each metric still measures how much two
sets differ, but not in radar decibels, and the number of looks is not meaningful.

Pixels of the zone "not available" (shadow, no data) are left out of the metrics of single pixels.
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from scipy import stats

from pix2pix_tf.data import classes
from pix2pix_tf.data.classes import ZoneMask

SarImage: TypeAlias = np.ndarray  # float [H, W], [0, 1]

ZONES = classes.ZONE_VALUES[1:]  # the zones that are measured: rock, glacier, ocean
ZONE_NAMES = classes.ZONE_NAMES[1:]

GREYS = 256  # bins of the histograms
DARKEST = 0.5 / 255  # amplitude that replaces 0 in logarithms: half a grey level of 8 bit
WINDOW = 8  # pixels: side of the windows for the number of looks; 64 pixels estimate a variance to some 20 %
FEWEST_WINDOWS = 5  # of a zone in an image; with fewer, its number of looks is NaN
WEAKEST = 1e-6  # power, dB^2, that replaces 0 in logarithms: below the resolution of 8 bit
# Bands of a spectrum, cycles per pixel. Below `LOW`, structures of more than 20 pixels: trunks, melange, shadows. Above
# `HIGH`, of less than 3.6 pixels: the grain of speckle, which networks smooth most. Crevasses and floes lie between.
LOW, HIGH = 0.05, 0.28
BAND_NAMES = ("low", "middle", "high")
HALVINGS = 20  # random divisions of the images into halves
KERNEL_IMAGES = 1000  # per set in a kernel distance, at most: memory grows with the square
FEWEST_IMAGES = 3  # per set in a kernel distance: the jackknife leaves one out, and two must remain


def decibels(image: np.ndarray) -> np.ndarray:
    """Return the log-intensity: 20 log10 of the amplitude relative to white.

    Args:
      image: float [...], [0, 1].

    Returns:
      float64 [...], dB, from -54.2 (black) to 0 (white).
    """
    return 20 * np.log10(np.maximum(image, DARKEST))


# ---- Speckle --------------------------------------------------------------------------------------------------------


def looks(image: SarImage, zones: ZoneMask) -> np.ndarray:
    """Return the equivalent number of looks in each zone: mean^2 / variance of the intensity (Oliver & Quegan 1998).

    For fully developed speckle of L independent looks on homogeneous ground (chapter 4) it is L; crevasses and edges
    lower it, smoothing raises it. It is the median over windows of 8 x 8 pixels that lie completely within a zone,
    which is robust to a minority of windows with edges. The variance is the unbiased one (n - 1).

    Returns:
      float64 [3], for rock, glacier, ocean. NaN for a zone with fewer than 5 windows; infinite where most windows are
      constant. Windows that are completely black or white are clipped and left out.
    """
    intensity, zone = _windows(image * image), _windows(zones)
    mean, variance = intensity.mean(axis=1), intensity.var(axis=1, ddof=1)
    clipped = (intensity <= 0).all(axis=1) | (intensity >= 1).all(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = mean**2 / variance
    ratios = [ratio[(zone == value).all(axis=1) & ~clipped] for value in ZONES]
    return np.array([np.median(one) if one.size >= FEWEST_WINDOWS else np.nan for one in ratios])


def _windows(pixels: np.ndarray) -> np.ndarray:
    """Divide [H, W] into adjacent windows [windows, 64]; the rest at the right and bottom is left out."""
    rows, columns = (side // WINDOW for side in pixels.shape)
    cut = pixels[: rows * WINDOW, : columns * WINDOW].reshape(rows, WINDOW, columns, WINDOW)
    return cut.transpose(0, 2, 1, 3).reshape(rows * columns, WINDOW**2)


# ---- Brightness -----------------------------------------------------------------------------------------------------


def count_greys(image: SarImage, zones: ZoneMask) -> np.ndarray:
    """Return the histogram of grey values of each zone, in 256 bins.

    Returns:
      int64 [3, 256]: rock, glacier, ocean; from black to white.
    """
    steps = np.rint(image * (GREYS - 1)).astype(np.int64)
    return np.stack([np.bincount(steps[zones == value], minlength=GREYS) for value in ZONES])


def histogram_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the Wasserstein-1 distance of two histograms of log-intensity, in decibels.

    It is the area between the two cumulative distributions: the mean shift of a pixel that turns one histogram into the
    other. A factor on the amplitude shifts all pixels by 20 log10 of it.

    Args:
      first: int [256], pixels of each grey value, from `count_greys`; for several images, the sum.
      second: the same of the other images.

    Returns:
      dB, at least 0; NaN where a histogram is empty.
    """
    if not (first.sum() and second.sum()):
        return float("nan")
    levels = decibels(np.arange(GREYS) / (GREYS - 1))
    return float(stats.wasserstein_distance(levels, levels, first, second))


# ---- Texture --------------------------------------------------------------------------------------------------------


def radial_spectrum(image: SarImage, zones: ZoneMask) -> np.ndarray:
    """Return the power spectrum of the log-intensity, averaged over all directions.

    |F(w (d - m))|^2 / sum(w^2), with d the log-intensity in dB, m its mean weighted by w, and w a Hann window along
    both axes, which prevents leakage from the borders; w is 0 in the zone "not available". Speckle that is independent
    between pixels has a flat spectrum at its variance (Parseval). Smoothing lowers the high frequencies, and a
    repeating pattern is a peak.

    Returns:
      float64 [min(H, W) // 2], dB^2, by whole cycles across the shorter side from 1 up; the last is half a cycle per
      pixel. NaN where the whole image is "not available".
    """
    level, sides = decibels(image), image.shape
    window = np.outer(*(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / n) for n in sides))
    window = np.where(zones == classes.NOT_AVAILABLE, 0.0, window)
    shorter = min(sides)
    if not window.any():
        return np.full(shorter // 2, np.nan)
    level = window * (level - np.average(level, weights=window))
    power = np.abs(np.fft.fft2(level)) ** 2 / np.sum(window**2)
    rows, columns = (shorter * np.fft.fftfreq(n) for n in sides)
    ring = np.rint(np.hypot(rows[:, np.newaxis], columns)).astype(int).ravel()
    return (np.bincount(ring, power.ravel()) / np.bincount(ring))[1 : shorter // 2 + 1]


def spectrum_level(spectra: np.ndarray) -> np.ndarray:
    """Return the mean spectrum of several images, as the mean of logarithms, so that no single image dominates.

    Args:
      spectra: float [n, R], dB^2, from `radial_spectrum`.

    Returns:
      float64 [R], 10 log10 of the power, in dB relative to 1 dB^2.
    """
    return np.nanmean(10 * np.log10(np.maximum(spectra, WEAKEST)), axis=0)


def spectrum_distance(first: np.ndarray, second: np.ndarray) -> float:
    """Return the distance of the spectra of two sets of images: the mean absolute difference over the frequencies.

    Args:
      first: float [n, R], dB^2, from `radial_spectrum`.
      second: float [m, R].

    Returns:
      dB, at least 0: 3 dB is a factor of two in power.
    """
    return float(np.mean(np.abs(spectrum_level(first) - spectrum_level(second))))


def frequencies(rings: int) -> np.ndarray:
    """Return the frequency of each value of a spectrum.

    Args:
      rings: R, the length of the spectrum, from `radial_spectrum`.

    Returns:
      float64 [R], cycles per pixel, up to 0.5.
    """
    return np.arange(1, rings + 1) / (2 * rings)


def spectrum_bands(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the signed difference of the spectra of two sets of images in each band: the mean over its frequencies.

    It separates what `spectrum_distance` mixes: an image that is too smooth is below 0 in the high band, and one with
    too much contrast at large scale is above 0 in the low one. Differences of both signs in one band cancel.

    Args:
      first: float [n, R], dB^2, from `radial_spectrum`.
      second: float [m, R].

    Returns:
      float64 [3], dB, first - second: below `LOW`, from `LOW` to `HIGH`, above `HIGH`. NaN for a band without a
      frequency: the low one in images of less than 22 pixels.
    """
    difference = spectrum_level(first) - spectrum_level(second)
    cycles = frequencies(len(difference))
    bands = (cycles < LOW, (cycles >= LOW) & (cycles <= HIGH), cycles > HIGH)
    return np.array([difference[band].mean() if band.any() else np.nan for band in bands])


# ---- Features of a network ----------------------------------------------------------------------------------------


def kernel_distance(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """Return the kernel distance of two sets of features: the unbiased squared MMD (Gretton et al. 2012).

    The maximum mean discrepancy (MMD) uses the cubic kernel (x . y / C + 1)^3 of the kernel inception distance
    (Binkowski et al. 2018, arXiv 1801.01401, section 4); its estimate is unbiased for any number of images. Their
    features are of a network trained on photographs. Here they are of a network that segments SAR images, so that
    distances compare only for the same network.

    The standard error is that of the jackknife (Efron & Stein 1981). For two sets of the same distribution it is too
    large, by up to some 40 %.

    Args:
      first: float [m, C].
      second: float [n, C].

    Returns:
      The estimate, which is around 0 and may be negative for sets of the same distribution, and its standard error.
      Both are NaN where a set has fewer than 3 images.
    """
    m, n = len(first), len(second)
    if min(m, n) < FEWEST_IMAGES:
        return float("nan"), float("nan")
    within = [_kernel(x, x) for x in (first, second)]
    for kernel in within:
        np.fill_diagonal(kernel, 0.0)  # leaves out pairs of an image with itself
    across = _kernel(first, second)
    (total_x, of_x), (total_y, of_y) = ((kernel.sum(), kernel.sum(axis=1)) for kernel in within)
    mean_x, mean_y, mean_xy = total_x / (m * (m - 1)), total_y / (n * (n - 1)), across.mean()

    less_x = (total_x - 2 * of_x) / ((m - 1) * (m - 2)) - 2 * (across.sum() - across.sum(axis=1)) / ((m - 1) * n)
    less_y = (total_y - 2 * of_y) / ((n - 1) * (n - 2)) - 2 * (across.sum() - across.sum(axis=0)) / ((n - 1) * m)
    variance = (m - 1) * less_x.var() + (n - 1) * less_y.var()
    return float(mean_x + mean_y - 2 * mean_xy), float(np.sqrt(variance))


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return float64 [m, n]: (x . y / C + 1)^3 of each pair."""
    return (x.astype(np.float64) @ y.astype(np.float64).T / x.shape[1] + 1) ** 3


# ---- Halves ---------------------------------------------------------------------------------------------------------


def halvings(scenes: Sequence[str], seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide images into random halves, in several ways; images of one scene stay together.

    The distance between two halves of the real images is the reference for a distance between real and generated ones:
    any two finite sets differ, and small sets differ more.

    Args:
      scenes: n names, the scene of each image; at least two different ones.
      seed: of the random divisions.

    Returns:
      20 pairs of indices into `scenes`; each pair covers all images, each half about half of them and at least one
      scene.
    """
    names, which = np.unique(scenes, return_inverse=True)
    images = np.bincount(which)
    rng, pairs = np.random.default_rng(seed), []
    for _ in range(HALVINGS):
        order = rng.permutation(len(names))
        middles = np.cumsum(images[order]) - images[order] / 2  # of the scenes, in a row
        chosen = np.isin(which, order[middles <= len(which) / 2])
        pairs.append((np.flatnonzero(chosen), np.flatnonzero(~chosen)))
    return pairs


def grid_strength(pictures: np.ndarray, period: int) -> float:
    """Measure how much a grid stands out over plain areas, such as transposed convolutions leave (Odena et al. 2016).

    Args:
      pictures: float [n, N, N]; N a multiple of `period`.
      period: of the grid, pixels. Its frequencies are all combinations of multiples of 1 / period along both axes, but
        for those that coarser parts of the grid's own harmonics, 2 / period, have as well.

    Returns:
      dB: the mean power at the grid's frequencies over the median power of the 40 frequencies around each of them.
    """
    side = pictures.shape[-1]
    window = np.hanning(side + 1)[:-1]
    flat = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    power = (np.abs(np.fft.fft2(flat * np.outer(window, window))) ** 2).mean(axis=0)
    step, near = side // period, np.arange(-3, 4)
    at, around = [], []
    for row in range(0, side, step):
        for column in range(0, side, step):
            finer = row % (2 * step) == 0 and column % (2 * step) == 0  # belongs to the grid of half the period
            if finer:
                continue
            patch = power[np.ix_((row + near) % side, (column + near) % side)]
            ring = np.ones_like(patch, bool)
            ring[2:5, 2:5] = False  # the window spreads a frequency over its neighbours
            at.append(patch[3, 3])
            around.append(np.median(patch[ring]))
    return float(10 * np.log10(np.mean(at) / np.mean(around)))
