"""Memory and time for whole scenes, by their height: python -m benchmarks.speed.scenes

Paints a mask of 20,000 x 2,500 and one of 20,000 x 20,000 pixels by the command `generate`, each in a process of its
own, and prints the peak of its resident memory. Without --model, a network of four channels with random weights paints:
cheap to run, and all around it is as it is with a real one.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from rasterio.crs import CRS
from rasterio.transform import Affine

from benchmarks.speed import commands
from pix2pix_tf import config
from pix2pix_tf.data.io import png, raster
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.export import saved_model, warmup
from pix2pix_tf.prepare.simulation.sar import simulate_scene
from pix2pix_tf.training.tasks import make_task

SETTINGS = ("model.depth=5", "model.generator_width=4", "model.discriminator_width=4")
TILE = 512  # pixels: a multiple of what both the small network and those of the paper take


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="an export (default: a small network, not trained)")
    parser.add_argument("--width", type=int, default=20_000, help="pixels (default: 20000)")
    parser.add_argument("--heights", type=int, nargs="+", default=(2_500, 20_000), help="pixels (default: 2500 20000)")
    parser.add_argument("--geotiff", action="store_true", help="masks with a place, and so images with one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or small_model(Path(folder))
        for height in options.heights:
            mask = Path(folder, f"{height}.{'tif' if options.geotiff else 'png'}")
            output = Path(folder, f"scene-{height}")
            write_mask(mask, height, options.width)
            arguments = ["--model", model, "--masks", mask, "--output", output, "--tile", TILE]
            memory, seconds = commands.measure([sys.executable, "-m", "pix2pix_tf.generate", *arguments])
            size = (output / "sar" / mask.name).stat().st_size
            print(f"{options.width} x {height}: peak {memory:.0f} MiB, {seconds:.0f} s, SAR of {size / 1e6:.0f} MB")


def small_model(folder: Path) -> Path:
    """An export of a network that is not trained."""
    chosen = config.make_config("orig", SETTINGS)
    task = make_task(chosen, TILE, {"zones": 8, "sar": 8}, "float32")
    described = {"variant": "orig", "run": "none", "epoch": 0, "inputs": ["zones"], "targets": ["sar"]}
    described |= {"size": TILE, "divisor": task.divisor, "bits": {"zones": 8, "sar": 8}, "origin": "unknown"}
    example: warmup.Inputs = {"image": np.zeros((1, 32, 32, 1), np.uint8), "seed": np.zeros(1, np.int32)}
    signatures = {"tensor": task.signatures()["tensor"]}  # what tiles go through
    saved_model.write(folder / "0", signatures, described, example)
    return folder / "0"


def write_mask(path: Path, height: int, width: int) -> None:
    """A zone mask of that size: a simulated one of 1024 x 1024 again and again."""
    zones = simulate_scene(1, 1024).zones
    wide = np.tile(zones, (1, -(-width // 1024)))[:, :width]
    grid = Grid(width, height, Affine(10, 0, -1.5e6, 0, -10, 6e5), CRS.from_epsg(3031))
    writer = png.written(path, height, width) if path.suffix == ".png" else raster.geotiff_written(path, grid)
    with writer as write:
        for first in range(0, height, 1024):
            write(wide[: height - first])


if __name__ == "__main__":
    main()
