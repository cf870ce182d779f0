"""How much a set of generated SAR images is like a set of real ones: no image is compared with its own target.

What is assumed of the grey: it is proportional to the radar's amplitude, so that its square is an intensity, and a
factor on the amplitude is a shift in decibels. CaFFe's scenes and simulated ones are shown so. Of images whose grey is
something else, such as decibels stretched to 8 bit, every figure still tells how much two sets differ, but its decibels
are no radar decibels, and its looks are none.

Pixels that the mask calls not available (shadow, no data) are left out where single pixels are measured.

An image here is float [H, W] in [0, 1], its zones are uint8 [H, W] with the grey values of the CaFFe benchmark.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from pix2pix_tf.data import classes

ZONES = classes.ZONE_VALUES[1:]  # what is measured apart: rock, glacier, ocean
ZONE_NAMES = classes.ZONE_NAMES[1:]

GREYS = 256  # steps in which grey is counted
DARKEST = 0.5 / 255  # amplitude that stands for grey 0, whose logarithm is none: what 8 bit rounds to 0
WINDOW = 8  # pixels: side of the windows in which looks are counted; 64 pixels know a variance to some 20 %
FEWEST_WINDOWS = 5  # of a zone in an image; fewer tell nothing of it
WEAKEST = 1e-6  # power, dB^2: below what 8 bit can show; stands for none, whose logarithm is none
HALVINGS = 20  # ways in which the images are halved
KERNEL_IMAGES = 1000  # of each side, at most, in a kernel distance: its matrices grow with the square
FEWEST_IMAGES = 3  # of each side of a kernel distance: one is left out in turn, and two must remain


def decibels(image: np.ndarray) -> np.ndarray:
    """Log-intensity: 20 log10 of the amplitude, against white.

    Args:
      image: float [...], [0, 1].

    Returns:
      float64 [...], dB, from -54.2 (which stands for black) to 0 (white).
    """
    return 20 * np.log10(np.maximum(image, DARKEST))


# ---- Speckle --------------------------------------------------------------------------------------------------------


def looks(image: np.ndarray, zones: np.ndarray) -> np.ndarray:
    """The equivalent number of looks in each zone: mean^2 / variance of the intensity (Oliver & Quegan 1998, ch. 4).

    That is L for fully developed speckle of L independent looks on even ground; crevasses and edges lower it, smoothing
    raises it. It is taken in windows of 8 x 8 pixels that lie wholly within a zone, and the median of these is given,
    which a minority of windows with an edge in them does not move (variance over n - 1).

    Args:
      image: float [H, W], [0, 1].
      zones: uint8 [H, W].

    Returns:
      float64 [3], for rock, glacier, ocean. NaN for a zone that fills fewer than 5 windows; infinite where most windows
      are flat. A window that is black or white all over is clipped, not flat, and is left out.
    """
    intensity, zone = _windows(image * image), _windows(zones)
    mean, variance = intensity.mean(axis=1), intensity.var(axis=1, ddof=1)
    clipped = (intensity <= 0).all(axis=1) | (intensity >= 1).all(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = mean**2 / variance
    found = [ratio[(zone == value).all(axis=1) & ~clipped] for value in ZONES]
    return np.array([np.median(one) if one.size >= FEWEST_WINDOWS else np.nan for one in found])


def _windows(pixels: np.ndarray) -> np.ndarray:
    """[H, W] -> [windows, 64], side by side; what remains at the right and below is left out."""
    rows, columns = (side // WINDOW for side in pixels.shape)
    cut = pixels[: rows * WINDOW, : columns * WINDOW].reshape(rows, WINDOW, columns, WINDOW)
    return cut.transpose(0, 2, 1, 3).reshape(rows * columns, WINDOW**2)


# ---- Brightness -----------------------------------------------------------------------------------------------------


def count_greys(image: np.ndarray, zones: np.ndarray) -> np.ndarray:
    """How many pixels of each zone have each grey, in 256 steps.

    Args:
      image: float [H, W], [0, 1].
      zones: uint8 [H, W].

    Returns:
      int64 [3, 256]: rock, glacier, ocean; from black to white.
    """
    steps = np.rint(image * (GREYS - 1)).astype(np.int64)
    return np.stack([np.bincount(steps[zones == value], minlength=GREYS) for value in ZONES])


def histogram_distance(first: np.ndarray, second: np.ndarray) -> float:
    """The Wasserstein-1 distance of two histograms of log-intensity, in decibels.

    The area between the two cumulative distributions: how many dB a pixel must be moved in the mean to make one of the
    other. A factor on the amplitude moves all by 20 log10 of it.

    Args:
      first: whole numbers [256], pixels of each grey, from `count_greys`; of several images, their sum.
      second: the same of the other images.

    Returns:
      dB, at least 0; NaN where one has no pixel.
    """
    if not (first.sum() and second.sum()):
        return float("nan")
    levels = decibels(np.arange(GREYS) / (GREYS - 1))
    return float(stats.wasserstein_distance(levels, levels, first, second))


# ---- Texture --------------------------------------------------------------------------------------------------------


def radial_spectrum(image: np.ndarray, zones: np.ndarray) -> np.ndarray:
    """The power spectrum of log-intensity, averaged over all directions.

    |F(w (d - m))|^2 / sum(w^2), with d the log-intensity in dB, m its mean under w, and w a Hann window along both
    axes, lest the image's borders leak into all frequencies; w is 0 where the mask says "not available". Speckle that
    pixels do not share gives a flat spectrum at its variance (Parseval); smoothing lowers its end, and a pattern
    that repeats stands out as a peak.

    Args:
      image: float [H, W], [0, 1].
      zones: uint8 [H, W].

    Returns:
      float64 [min(H, W) // 2], dB^2, by whole cycles across the shorter side from 1 up; the last is half a cycle a
      pixel. NaN for an image of which nothing is available.
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
    """The typical spectrum of some images: the mean of their logarithms, so that no single image decides.

    Args:
      spectra: float [n, R], dB^2, from `radial_spectrum`.

    Returns:
      float64 [R], 10 log10 of the power, in dB against 1 dB^2.
    """
    return np.nanmean(10 * np.log10(np.maximum(spectra, WEAKEST)), axis=0)


def spectrum_distance(first: np.ndarray, second: np.ndarray) -> float:
    """How far two sets of images are apart in their spectra: mean |difference| over the frequencies.

    Args:
      first: float [n, R], dB^2, from `radial_spectrum`.
      second: float [m, R].

    Returns:
      dB, at least 0: 3 dB is a factor of two in power.
    """
    return float(np.mean(np.abs(spectrum_level(first) - spectrum_level(second))))


# ---- What a network sees --------------------------------------------------------------------------------------------


def kernel_distance(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The kernel distance of two sets of features: the unbiased squared maximum mean discrepancy (Gretton et al. 2012).

    With the cubic kernel (x . y / C + 1)^3 of Binkowski et al. 2018 (arXiv 1801.01401, section 4), whose estimate is
    unbiased however few images there are. Theirs is of a network trained on photographs; here the features are those of
    a network that tells zones in SAR, so that figures compare within one such network only.

    The standard error is the jackknife's (Efron & Stein 1981): each image is left out in turn. For two sets of one
    kind it errs to the large side, by up to some 40 %.

    Args:
      first: float [m, C].
      second: float [n, C].

    Returns:
      The estimate, around 0 for sets of one kind and so sometimes below it, and its standard error; NaN for fewer than
      3 images on a side.
    """
    m, n = len(first), len(second)
    if min(m, n) < FEWEST_IMAGES:
        return float("nan"), float("nan")
    within = [_kernel(x, x) for x in (first, second)]
    for kernel in within:
        np.fill_diagonal(kernel, 0.0)  # no image is paired with itself
    across = _kernel(first, second)
    (total_x, of_x), (total_y, of_y) = ((kernel.sum(), kernel.sum(axis=1)) for kernel in within)
    mean_x, mean_y, mean_xy = total_x / (m * (m - 1)), total_y / (n * (n - 1)), across.mean()

    less_x = (total_x - 2 * of_x) / ((m - 1) * (m - 2)) - 2 * (across.sum() - across.sum(axis=1)) / ((m - 1) * n)
    less_y = (total_y - 2 * of_y) / ((n - 1) * (n - 2)) - 2 * (across.sum() - across.sum(axis=0)) / ((n - 1) * m)
    variance = (m - 1) * less_x.var() + (n - 1) * less_y.var()
    return float(mean_x + mean_y - 2 * mean_xy), float(np.sqrt(variance))


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float64 [m, n]: (x . y / C + 1)^3 of each pair."""
    return (x.astype(np.float64) @ y.astype(np.float64).T / x.shape[1] + 1) ** 3


# ---- Halves ---------------------------------------------------------------------------------------------------------


def halvings(scenes: Sequence[str], seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Deals images into two halves, in several ways; those of one scene stay together.

    The distance of one half of the real images from the other is what a distance can come down to: between any two sets
    there is some, and the more the fewer images they have, so that one alone tells nothing.

    Args:
      scenes: n names, the scene of each image; at least two different ones.
      seed: of the deals.

    Returns:
      20 pairs of places in `scenes`: together all of them, each half with at least one scene and about half the images.
    """
    names, which = np.unique(scenes, return_inverse=True)
    images = np.bincount(which)
    rng, pairs = np.random.default_rng(seed), []
    for _ in range(HALVINGS):
        order = rng.permutation(len(names))
        middles = np.cumsum(images[order]) - images[order] / 2  # of the scenes, laid end to end
        chosen = np.isin(which, order[middles <= len(which) / 2])
        pairs.append((np.flatnonzero(chosen), np.flatnonzero(~chosen)))
    return pairs
