"""Statistics of single images, and the distance of two sets of images in them.

The statistics of an export's images are measured once and stored; every figure of realism and faithfulness follows from
them.
"""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from pix2pix_tf.data import classes
from pix2pix_tf.metrics import sar_realism, segmentation
from pix2pix_tf.utils import files

Halves = Sequence[tuple[np.ndarray, np.ndarray]]  # for each halving, places of some images and of some real ones


@dataclass(frozen=True)
class ImageStatistics:
    """Statistics of n images; the first axis of each array is the image."""

    looks: np.ndarray  # float64 [n, 3]: of rock, glacier, ocean; NaN for a zone that is not there
    greys: np.ndarray  # int64 [n, 3, 256]: pixels of each zone and grey
    spectra: np.ndarray  # float64 [n, R], dB^2
    features: np.ndarray  # float32 [n, C]: the segmenter's bottleneck; C is 0 where its export does not return it
    confusions: np.ndarray  # int64 [n, 4, 4]: the mask's zones by those that the segmenter predicts for the image


_NAMES = [field.name for field in fields(ImageStatistics)]


@dataclass(frozen=True)
class RealismScores:
    """Realism and faithfulness of n images. An entry for a halving compares one half with the real other half."""

    looks: np.ndarray  # float64 [3, 3]: quartiles over the images, for each of rock, glacier, ocean
    histogram: np.ndarray  # float64 [halvings, 3], dB: for rock, glacier, ocean
    spectrum: np.ndarray  # float64 [halvings], dB
    bands: np.ndarray  # float64 [halvings, 3], dB: images - real in the low, middle and high band of the spectrum
    kernel: np.ndarray  # float64 [halvings]; NaN without features
    kernel_error: np.ndarray  # float64 [halvings]: its standard error
    greys: np.ndarray  # int64 [3, 256]: of all images, for the plot
    level: np.ndarray  # float64 [R], dB against 1 dB^2: the typical spectrum, for the plot
    overlap: np.ndarray  # float64 [n, 4]: IoU of the predicted zones with the mask's; NaN for a zone in neither
    pooled: np.ndarray  # float64 [4]: the same of all images as one; NaN for a zone that occurs nowhere

    @property
    def faithfulness(self) -> np.ndarray:
        """float64 [n], [0, 1]: the mean over the zones of each image's IoU."""
        return np.array([segmentation.macro(one) for one in self.overlap])

    @property
    def faithfulness_pooled(self) -> float:
        """The mean over the zones of the pooled IoU, [0, 1]."""
        return segmentation.macro(self.pooled)

    def summary(self) -> dict[str, float]:
        """Return the figures of all images together, by their columns in metrics.csv."""
        names = [name.replace(" ", "_") for name in sar_realism.ZONE_NAMES]
        figures = {f"looks_{name}": value for name, value in zip(names, self.looks[1], strict=True)}
        figures |= {f"histogram_{name}": known_mean(v) for name, v in zip(names, self.histogram.T, strict=True)}
        distances = {"spectrum": self.spectrum, "kernel_distance": self.kernel, "kernel_error": self.kernel_error}
        distances |= {f"spectrum_{k}": v for k, v in zip(sar_realism.BAND_NAMES, self.bands.T, strict=True)}
        iou = {f"iou_{k.replace(' ', '_')}": v for k, v in zip(classes.ZONE_NAMES, self.pooled, strict=True)}
        figures |= {k: known_mean(v) for k, v in distances.items()}
        return {k: float(v) for k, v in (figures | {"faithfulness_pooled": self.faithfulness_pooled} | iou).items()}


def image_statistics(
    image: np.ndarray, zones: np.ndarray, predicted: np.ndarray, features: np.ndarray | None
) -> dict[str, np.ndarray]:
    """Measure one image.

    Args:
      image: float [H, W], [0, 1].
      zones: uint8 [H, W]: the mask.
      predicted: uint8 [H, W]: the zones that the segmenter predicts for the image.
      features: float32 [C], or None.

    Returns:
      The fields of `ImageStatistics` by name, without the first axis.
    """
    return {
        "looks": sar_realism.looks(image, zones),
        "greys": sar_realism.count_greys(image, zones),
        "spectra": sar_realism.radial_spectrum(image, zones),
        "features": np.zeros(0, np.float32) if features is None else features,
        "confusions": segmentation.confusion_matrix(zones, predicted, classes.ZONE_VALUES),
    }


def stack(measured: Sequence[dict[str, np.ndarray]]) -> ImageStatistics:
    """Join the statistics of single images, in their order."""
    return ImageStatistics(**{name: np.stack([one[name] for one in measured]) for name in _NAMES})


def write(path: Path, statistics: ImageStatistics) -> None:
    """Write an .npz file whole."""
    arrays: dict[str, Any] = {name: getattr(statistics, name) for name in _NAMES}
    with files.atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read(path: Path) -> ImageStatistics | None:
    """Read what `write` wrote; None where there is no such file, or it is damaged."""
    try:
        with np.load(path) as stored:
            return ImageStatistics(**{name: stored[name] for name in _NAMES})
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        return None


def compare(images: ImageStatistics, real: ImageStatistics, halves: Halves) -> RealismScores:
    """Compare images with real ones: half of them with half of the real ones, in every halving.

    For the real images themselves, each half with the other one, the distances are the lowest to expect with as many
    images on both sides.

    Args:
      images: statistics of the images, generated or real.
      real: those of the real images.
      halves: places of images and of real images. Images of the same masks come from different halves.
    """
    histogram, spectrum, bands, kernel = [], [], [], []
    for one, other in halves:
        counts = zip(images.greys[one].sum(axis=0), real.greys[other].sum(axis=0), strict=True)
        histogram.append([sar_realism.histogram_distance(*pair) for pair in counts])
        spectra = (images.spectra[one], real.spectra[other])
        spectrum.append(sar_realism.spectrum_distance(*spectra))
        bands.append(sar_realism.spectrum_bands(*spectra))
        kernel.append(sar_realism.kernel_distance(_few(images.features[one]), _few(real.features[other])))
    kernel, kernel_error = np.transpose(kernel)
    return RealismScores(
        looks=np.transpose([_quartiles(of_zone) for of_zone in images.looks.T]),
        histogram=np.array(histogram),
        spectrum=np.array(spectrum),
        bands=np.array(bands),
        kernel=kernel,
        kernel_error=kernel_error,
        greys=images.greys.sum(axis=0),
        level=sar_realism.spectrum_level(images.spectra),
        overlap=np.array([segmentation.iou(confusion) for confusion in images.confusions]),
        pooled=segmentation.iou(images.confusions.sum(axis=0)),
    )


def known_mean(values: np.ndarray) -> float:
    """Return the mean of the values that are not NaN; NaN where there is none."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")


def _few(features: np.ndarray) -> np.ndarray:
    """Return as many images as a kernel distance takes, evenly spread; none where there are no features."""
    if not features.shape[1]:
        return features[:0]
    places = np.linspace(0, len(features) - 1, min(len(features), sar_realism.KERNEL_IMAGES))
    return features[places.round().astype(int)]


def _quartiles(looks: np.ndarray) -> np.ndarray:
    """Return the quartiles over the images that have the zone, float64 [3]; an infinite one stays so."""
    there = looks[~np.isnan(looks)]
    return np.quantile(there, (0.25, 0.5, 0.75), method="nearest") if there.size else np.full(3, np.nan)
