"""Optical images without a network, to compare `sar2optical` with: python -m benchmarks.quality.optical_baselines

Each image of a split is answered by the mean colour of the training images, by the mean colour of the same grey in
them, and by the optical image whose SAR image has the nearest histogram of greys in training. They are measured as
`evaluate.py` measures the images of a network.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.evaluation import inference
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.metrics.statistics import confidence_interval

MEASURES = ("psnr", "ssim", "mae", "rmse")
GREYS = 256
BIN = 8  # greys in a bin of the histograms


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a data set with optical and 8-bit SAR images")
    parser.add_argument("--sar", default="sar", help="role of the SAR images (default: sar)")
    parser.add_argument("--split", default="test", choices=("val", "test"), help="(default: test)")
    options = parser.parse_args()
    dataset = load_dataset(options.data, (options.sar, "optical"), ("train", options.split))
    found: dict[str, list[list[float]]] = {}
    for image, answers in answered(dataset, options.sar, options.split):
        for name, answer in answers.items():
            found.setdefault(name, []).append([image_metrics.MEASURES[measure](answer, image) for measure in MEASURES])
    print(f"| {options.split}, {len(dataset.stems[options.split])} images | {' | '.join(MEASURES)} |")
    print("|---" + "|---:" * len(MEASURES) + "|")
    for name, values in found.items():
        intervals = [confidence_interval(np.array(values)[:, place]) for place in range(len(MEASURES))]
        print(f"| {name} | " + " | ".join(f"{mean:.4f} ± {half or 0:.4f}" for mean, half in intervals) + " |")


def answered(dataset: Dataset, sar: str, split: str) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Each optical image of a split, float64 [H, W, 3] in [0, 1], and each baseline's answer to it."""
    stems = dataset.stems["train"]
    sums, counts = np.zeros((GREYS, 3)), np.zeros((GREYS, 1))
    known = np.zeros((len(stems), GREYS // BIN))
    for place, stem in enumerate(stems):
        grey, colour = read_pair(dataset, "train", sar, stem)
        known[place] = histogram(grey)
        counts[:, 0] += np.bincount(grey.ravel(), minlength=GREYS)
        for channel in range(3):
            sums[:, channel] += np.bincount(grey.ravel(), colour[..., channel].ravel(), GREYS)
    mean = sums.sum(axis=0) / counts.sum()
    of_grey = np.where(counts > 0, sums / np.maximum(counts, 1), mean)
    for stem in dataset.stems[split]:
        grey, image = read_pair(dataset, split, sar, stem)
        nearest = stems[int(np.abs(known - histogram(grey)).sum(axis=1).argmin())]
        answers = {"mean colour": np.broadcast_to(mean, image.shape), "mean colour of the grey": of_grey[grey]}
        yield image, answers | {"nearest histogram": read_pair(dataset, "train", sar, nearest)[1]}


def read_pair(dataset: Dataset, split: str, sar: str, stem: str) -> tuple[np.ndarray, np.ndarray]:
    """A SAR image, uint8 [H, W], and its optical image, float64 [H, W, 3] in [0, 1]."""
    grey, colour = (inference.pixels(dataset, split, role, [stem])[0] for role in (sar, "optical"))
    return grey[..., 0], colour / 255


def histogram(grey: np.ndarray) -> np.ndarray:
    """The shares of the pixels of a SAR image, uint8 [H, W], in bins of BIN greys."""
    return np.bincount(grey.ravel() // BIN, minlength=GREYS // BIN) / grey.size


if __name__ == "__main__":
    main()
