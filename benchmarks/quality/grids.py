"""Grids that a generator leaves on plain areas: python -m benchmarks.quality.grids --model runs/gen5/export/gen5

Transposed convolutions, and networks that were trained for a short time, repeat a pattern over areas of one class:
dots in rows, 8 or 16 pixels apart. Images are generated from masks of one class, and the power at the frequencies
of a grid of P pixels is set against that at the frequencies around: 0 dB is no grid, 10 dB a plain one, 20 dB one that
jumps to the eye. With --data the same is measured on real images, whose scenes have no grid: what chance gives.
"""

import argparse
from pathlib import Path

import numpy as np

from pix2pix_tf.data import classes
from pix2pix_tf.data.io import images
from pix2pix_tf.export import saved_model
from pix2pix_tf.metrics.sar_realism import grid_strength

PERIODS = (2, 4, 8, 16, 32)  # pixels: those of the networks' halvings
SEEDS = 8  # images generated of each class


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, action="append", default=[], help="an export; may be given several times")
    parser.add_argument("--data", type=Path, help="a data set, for its real images of the split train")
    options = parser.parse_args()
    print(f"{'dB at a grid of':<44}" + "".join(f"{period:>6}" for period in PERIODS) + " pixels")
    for path in options.model:
        model = saved_model.load(path)
        for value, name in zip(classes.ZONE_VALUES, classes.ZONE_NAMES, strict=True):
            if value:  # not available is black, and shall be
                show(f"{model.run}, epoch {model.epoch}, {name}", plain(model, value))
    if options.data:
        paths = sorted((options.data / "train" / "sar").glob("*.png"))
        show(f"{options.data.name}, real", np.stack([images.read_png(path) for path in paths]) / 255)


def plain(model: saved_model.Model, value: int) -> np.ndarray:
    """Generate images from masks of one class: float64 [SEEDS, H, W], [0, 1]."""
    mask = np.full((1, model.size, model.size, 1), value, np.uint8)
    generated = [model.generate(mask, np.array([seed]))[0, ..., 0] for seed in range(SEEDS)]
    return (np.stack(generated).astype(np.float64) + 1) / 2


def show(name: str, pictures: np.ndarray) -> None:
    print(f"{name:<44}" + "".join(f"{grid_strength(pictures, period):6.1f}" for period in PERIODS), flush=True)


if __name__ == "__main__":
    main()
