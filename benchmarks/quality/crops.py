"""Can a viewer tell real from generated? A sheet of numbered crops, and its key.

Half of the crops are of real images of a split, the others of images generated from masks of other scenes of the same
split, so that no two show the same place on the same day. The order is random. Show the sheet without the mask to
somebody who does not know the program, ask which crops are generated and what tells, and count by the key: half of
them right is chance.

  python -m benchmarks.quality.crops --model pretrained/glacier --data datasets/caffe256-15 --output crops
"""

import argparse
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import pix2pix_tf
from pix2pix_tf.api.models import Generator
from pix2pix_tf.data.classes import ZONE_VALUES
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset

COLUMNS = 8
EMPTY = 0.1  # largest share of a crop without data
TRIES = 100  # at a crop with less; then the last one is taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a run or an export of speckle")
    parser.add_argument("--data", type=Path, required=True, help="a data set with zones and SAR images")
    parser.add_argument("--split", default="val", choices=("train", "val", "test"), help="(default: val)")
    parser.add_argument("--count", type=int, default=40, help="crops (default: 40)")
    parser.add_argument("--side", type=int, default=96, help="of a crop in pixels (default: 96)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other crops (default: 0)")
    parser.add_argument("--output", type=Path, required=True, help="a new folder for sheet.png and key.csv")
    options = parser.parse_args()
    dataset, generator = load_dataset(options.data, ("zones", "sar"), (options.split,)), pix2pix_tf.load(options.model)
    if not isinstance(generator, Generator):
        raise SystemExit(f"error: {options.model} generates no images.")
    rng = np.random.default_rng(options.seed)
    stems = rng.permutation(dataset.stems[options.split])[: options.count]
    is_real = rng.permutation(np.arange(len(stems)) % 2 == 0)
    crops = []
    for seed, (stem, real) in enumerate(zip(stems, is_real, strict=True)):
        zones, sar = (images.read_png(dataset.path(options.split, role, stem)) for role in ("zones", "sar"))
        image = sar if real else np.reshape(generator.generate(zones, seed=options.seed + seed), sar.shape)
        crops.append(image[place(rng, zones, options.side)])
    options.output.mkdir(parents=True)
    draw(crops).savefig(options.output / "sheet.png", dpi=100)
    key = pd.DataFrame({"number": range(1, len(stems) + 1), "image": np.where(is_real, "real", "generated")})
    key.assign(scene=stems).to_csv(options.output / "key.csv", index=False)
    print(f"{len(stems)} crops in {options.output / 'sheet.png'}, what they are in {options.output / 'key.csv'}")


def place(rng: np.random.Generator, zones: np.ndarray, side: int) -> tuple[slice, slice]:
    """Draw a square with nearly no empty pixels in a mask, uint8 [H, W]."""
    for _ in range(TRIES):
        row, column = (int(rng.integers(length - side + 1)) for length in zones.shape)
        square = slice(row, row + side), slice(column, column + side)
        if np.mean(zones[square] == ZONE_VALUES[0]) <= EMPTY:
            break
    return square


def draw(crops: list[np.ndarray]) -> plt.Figure:
    """Draw numbered crops, uint8 [side, side] each, every pixel as a square of three."""
    rows = -(-len(crops) // COLUMNS)
    inches = 3 * len(crops[0]) / 100
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(COLUMNS * inches, rows * (inches + 0.25)), squeeze=False)
    figure.subplots_adjust(0, 0, 1, 1 - 0.2 / (rows * inches), wspace=0.04, hspace=0.09)
    for axis in axes.flat:
        axis.axis("off")
    for number, (axis, crop) in enumerate(zip(axes.flat, crops, strict=False), 1):
        axis.imshow(crop, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_title(str(number), fontsize=12, pad=2)
    return figure


if __name__ == "__main__":
    main()
