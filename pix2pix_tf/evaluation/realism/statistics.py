"""What a set of images looks like: the traits of each image, kept in a file, and how far two sets are apart in them.

The traits are taken once for an export; every figure of realism and faithfulness follows from them.
"""

import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from pix2pix_tf.data import classes
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.metrics import sar_realism
from pix2pix_tf.utils import files

Halves = Sequence[tuple[np.ndarray, np.ndarray]]  # from realism.halvings


@dataclass(frozen=True)
class ImageStatistics:
    """What is measured of each of n images; in an array the first axis is the image."""

    looks: np.ndarray  # float64 [n, 3]: of rock, glacier, ocean; NaN for a zone that is not there
    greys: np.ndarray  # int64 [n, 3, 256]: pixels of each zone and grey
    spectra: np.ndarray  # float64 [n, R], dB^2
    features: np.ndarray  # float32 [n, C]: what the segmenter has at its bottom; C is 0 where it does not give it
    confusions: np.ndarray  # int64 [n, 4, 4]: the mask's zones by those that the segmenter reads in the image


@dataclass(frozen=True)
class RealismScores:
    """How like the real images a set is. What has an entry for each halving is of one half, against real other ones."""

    looks: np.ndarray  # float64 [3, 3]: quartiles over the images, for each of rock, glacier, ocean
    histogram: np.ndarray  # float64 [halvings, 3], dB: for rock, glacier, ocean
    spectrum: np.ndarray  # float64 [halvings], dB
    kernel: np.ndarray  # float64 [halvings]; NaN without features
    kernel_error: np.ndarray  # float64 [halvings]: its standard error
    greys: np.ndarray  # int64 [3, 256]: of all images, for the picture
    level: np.ndarray  # float64 [R], dB against 1 dB^2: the typical spectrum, for the picture
    overlap: np.ndarray  # float64 [n, 4]: IoU of the zones read with the mask's; NaN for a zone that is in neither

    @property
    def faithfulness(self) -> np.ndarray:
        """float64 [n], [0, 1]: the mean over the zones of each image's IoU."""
        return np.array([image_metrics.macro(one) for one in self.overlap])

    def summary(self) -> dict[str, float]:
        """The figures of all images together, by their columns in metrics.csv."""
        names = [name.replace(" ", "_") for name in sar_realism.ZONE_NAMES]
        figures = {f"looks_{name}": value for name, value in zip(names, self.looks[1], strict=True)}
        figures |= {f"histogram_{name}": known_mean(v) for name, v in zip(names, self.histogram.T, strict=True)}
        distances = {"spectrum": self.spectrum, "kernel_distance": self.kernel, "kernel_error": self.kernel_error}
        return {k: float(v) for k, v in figures.items()} | {k: known_mean(v) for k, v in distances.items()}


def image_statistics(
    images: np.ndarray, zones: np.ndarray, read: np.ndarray, features: np.ndarray | None
) -> list[dict[str, np.ndarray]]:
    """The traits of some images, one after the other.

    Args:
      images: float [N, H, W], [0, 1].
      zones: uint8 [N, H, W]: the masks.
      read: uint8 [N, H, W]: the zones that the segmenter reads in the images.
      features: float32 [N, C], or None.

    Returns:
      N times the fields of Traits, by name, without the first axis.
    """
    features = np.zeros((len(images), 0), np.float32) if features is None else features
    return [
        {
            "looks": sar_realism.looks(image, zone),
            "greys": sar_realism.count_greys(image, zone),
            "spectra": sar_realism.radial_spectrum(image, zone),
            "features": feature,
            "confusions": image_metrics.confusion(zone, said, classes.ZONE_VALUES),
        }
        for image, zone, said, feature in zip(images, zones, read, features, strict=True)
    ]


def kept(path: Path, key: str, measure: Callable[[], Sequence[dict[str, np.ndarray]]]) -> ImageStatistics:
    """The traits in a file; measured and written when there is none, or it is of something else, or damaged.

    Args:
      path: an .npz file.
      key: another key, other traits.
      measure: gives the traits of each image, as `traits_of` does.
    """
    names = [field.name for field in fields(ImageStatistics)]
    try:
        with np.load(path) as stored:
            if str(stored["key"]) == key:
                print(f"{path.stem}: read before, taken from {path}")
                return ImageStatistics(**{name: stored[name] for name in names})
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        pass  # none, or not whole
    measured = measure()
    arrays: dict[str, Any] = {name: np.stack([one[name] for one in measured]) for name in names}
    with files.atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, key=np.array(key), **arrays)
    return ImageStatistics(**arrays)


def compare(traits: ImageStatistics, real: ImageStatistics, halves: Halves) -> RealismScores:
    """How like the real images a set is: half of it against the other half of the real ones, in every halving.

    Of the real images themselves it is what a distance can come down to, with as many images on both sides.

    Args:
      traits: of the images, generated or real.
      real: of the real images of the same masks, in the same order.
      halves: places of the images.
    """
    histogram, spectrum, kernel = [], [], []
    for one, other in halves:
        counts = zip(traits.greys[one].sum(axis=0), real.greys[other].sum(axis=0), strict=True)
        histogram.append([sar_realism.histogram_distance(*pair) for pair in counts])
        spectrum.append(sar_realism.spectrum_distance(traits.spectra[one], real.spectra[other]))
        kernel.append(sar_realism.kernel_distance(_few(traits.features[one]), _few(real.features[other])))
    kernel, kernel_error = np.transpose(kernel)
    return RealismScores(
        looks=np.transpose([_quartiles(of_zone) for of_zone in traits.looks.T]),
        histogram=np.array(histogram),
        spectrum=np.array(spectrum),
        kernel=kernel,
        kernel_error=kernel_error,
        greys=traits.greys.sum(axis=0),
        level=sar_realism.spectrum_level(traits.spectra),
        overlap=np.array([image_metrics.iou(confusion) for confusion in traits.confusions]),
    )


def known_mean(values: np.ndarray) -> float:
    """The mean of the values that are known, which NaN is not; NaN where none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _few(features: np.ndarray) -> np.ndarray:
    """As many images as a kernel distance takes, evenly spread; none where there are no features."""
    if not features.shape[1]:
        return features[:0]
    places = np.linspace(0, len(features) - 1, min(len(features), sar_realism.KERNEL_IMAGES))
    return features[places.round().astype(int)]


def _quartiles(looks: np.ndarray) -> np.ndarray:
    """float64 [3]: the quartiles over the images that have the zone; an infinite one stays so."""
    there = looks[~np.isnan(looks)]
    return np.quantile(there, (0.25, 0.5, 0.75), method="nearest") if there.size else np.full(3, np.nan)
