"""Memory and time of `fronts` on whole scenes, beside the bare network: python -m benchmarks.speed.front_scenes

A simulated scene is written as a GeoTIFF of float32. The command runs on it in a process of its own, of which the peak
of the resident memory is printed; the bare network predicts tiles in this process. As tiles overlap by half, the
command predicts each pixel four times. Without --model, a small network that is not trained predicts.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from rasterio.crs import CRS
from rasterio.transform import Affine

from benchmarks.speed import commands
from pix2pix_tf import config
from pix2pix_tf.data import tiling
from pix2pix_tf.data.io import raster
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.export import inference, saved_model, warmup
from pix2pix_tf.prepare.simulation.sar import simulate_scene
from pix2pix_tf.training.tasks import make_task

TILE, METRES = 256, 10.0  # pixels; metres a pixel
BATCH, ROUNDS = 8, 4  # tiles at a time, and batches that the bare network predicts after one to warm up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="an export for zones (default: a small network, not trained)")
    parser.add_argument("--sides", type=int, nargs="+", default=(2_000, 10_000), help="pixels (default: 2000 10000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or small_model(Path(folder))
        size, bare = bare_seconds(model)
        print(f"bare network: {bare:.2f} s a megapixel, in tiles of {size}")
        for side in options.sides:
            scene, output = Path(folder, f"S1_{side}.tif"), Path(folder, f"out-{side}")
            write_scene(scene, side)
            arguments = [scene, "--model", model, "--output", output, "--batch-size", BATCH]
            memory, seconds = commands.measure([sys.executable, "-m", "pix2pix_tf.fronts", *arguments])
            tiles = len(tiling.origins(side, size, size // 2)) ** 2
            network = bare * tiles * size**2 / 1e6
            per_megapixel = f"{seconds:.0f} s, {seconds / side**2 * 1e6:.2f} s a megapixel"
            print(f"{side} x {side}: peak {memory:.0f} MiB, {per_megapixel}; ", end="")
            print(f"the bare network takes {network:.0f} s for its {tiles} tiles", flush=True)


def small_model(folder: Path) -> Path:
    """An export of a network that is not trained."""
    chosen = config.make_config("zones", ("model.unet_width=4",))
    task = make_task(chosen, TILE, {"zones": 8, "sar": 8}, "float32")
    described = {"variant": "zones", "run": "none", "epoch": 0, "inputs": ["sar"], "targets": ["zones"]}
    described |= {"size": TILE, "divisor": task.divisor, "bits": {"zones": 8, "sar": 8}, "origin": "unknown"}
    example: warmup.Inputs = {"image": np.zeros((1, TILE, TILE, 1), np.uint8), "seed": np.zeros(1, np.int32)}
    saved_model.write(folder / "0", {"tensor": task.signatures()["tensor"]}, described, example)
    return folder / "0"


def bare_seconds(version: Path) -> tuple[int, float]:
    """The side of a network's tiles, and the seconds that it alone takes for a million pixels."""
    model = inference.load(version)
    tiles = np.random.default_rng(0).integers(0, 255, (BATCH, model.size, model.size, 1), np.uint8)
    model.probabilities(tiles)
    start = time.monotonic()
    for _ in range(ROUNDS):
        model.probabilities(tiles)
    return model.size, (time.monotonic() - start) / (ROUNDS * tiles.size) * 1e6


def write_scene(path: Path, side: int) -> None:
    """A SAR image of that size: a simulated one of 1024 x 1024 again and again, under new speckle."""
    sar, rng = simulate_scene(1, 1024).sar, np.random.default_rng(0)
    wide = np.tile(sar, (1, -(-side // 1024)))[:, :side] + np.float32(1)
    grid = Grid(side, side, Affine(METRES, 0, -1.5e6, 0, -METRES, 6e5), CRS.from_epsg(3031))
    with raster.geotiff_written(path, grid, dtype=np.float32, descriptions=["amplitude"]) as write:
        for first in range(0, side, 1024):
            rows = wide[: side - first]
            write(rows * rng.gamma(20, 1 / 20, rows.shape).astype(np.float32))


if __name__ == "__main__":
    main()
