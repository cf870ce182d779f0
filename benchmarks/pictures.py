"""Draws the pictures of the documentation that show the pretrained generator: python -m benchmarks.pictures

pretrained/overview.png and docs/images/samples.png show masks of synthetic fjords, and what the generator makes of
them; docs/images/scene.png a large one, generated at one scale and at several.
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.quality.fine_tuning import execute
from pix2pix_tf.data.classes import colour_zones
from pix2pix_tf.data.io import images
from pix2pix_tf.data.visualization import grid

ROOT = Path(__file__).parents[1]
SAMPLES = ((0, 3, 5), (2, 3, 4))  # rows of the overview, and seeds, of the picture in the README
SHOWN = 448  # side of a large scene in its picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=ROOT / "pretrained" / "glacier", help="an export of speckle")
    parser.add_argument("--output", type=Path, default=ROOT, help="where pretrained/ and docs/images/ are")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        masks, large = Path(scratch) / "masks", Path(scratch) / "large"
        execute("-m", "pix2pix_tf.prepare", "masks", "--output", masks, "--count", 6, "--seed", 3)
        zones = [colour_zones(images.read_png(path)) for path in sorted((masks / "train" / "zones").glob("*.png"))]

        def column(name: str, masks: Path, *how: object) -> list[np.ndarray]:
            output = Path(scratch) / name.replace(" ", "-")
            execute("-m", "pix2pix_tf.generate", "--model", options.model, "--masks", masks, "--output", output, *how)
            return [images.read_png(path) for path in sorted((output / "train" / "sar").glob("*.png"))]

        seeds = {seed: column(f"seed {seed}", masks, "--seed", seed) for seed in (1, 2, 3, 4)}
        varied = column("random style", masks, "--seed", 1, "--style", "random")
        columns = [("mask", zones), *((f"seed {seed}", seeds[seed]) for seed in (1, 2, 3)), ("random style", varied)]
        save(options.output / "pretrained" / "overview.png", columns)
        rows, shown = SAMPLES
        columns = [("mask", zones), *((f"seed {seed}", seeds[seed]) for seed in shown)]
        chosen = [(name, [pictures[row] for row in rows]) for name, pictures in columns]
        save(options.output / "docs" / "images" / "samples.png", chosen)

        execute("-m", "pix2pix_tf.prepare", "masks", "--output", large, "--size", 2048, "--count", 1, "--seed", 2)
        (mask,) = (colour_zones(images.read_png(path)) for path in (large / "train" / "zones").glob("*.png"))
        (alone,) = column("its own scale alone", large, "--seed", 3, "--levels", 1)
        (several,) = column("four scales", large, "--seed", 3)
        columns = [("mask, 2048 x 2048 pixels", [smaller(mask, Image.Resampling.NEAREST)])]
        columns += [("its own scale alone", [smaller(alone)]), ("four scales", [smaller(several)])]
        save(options.output / "docs" / "images" / "scene.png", columns)


def save(path: Path, columns: Sequence[tuple[str, Sequence[np.ndarray]]]) -> None:
    grid(path, columns, title="", legend=True)
    print(path)


def smaller(image: np.ndarray, method: Image.Resampling = Image.Resampling.BOX) -> np.ndarray:
    """Return an image, uint8 [H, W] or [H, W, 3], at the size of a picture."""
    return np.asarray(Image.fromarray(image).resize((SHOWN, SHOWN), method))


if __name__ == "__main__":
    main()
