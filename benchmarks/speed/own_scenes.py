"""Memory and time of `prepare folder` on large scenes: python -m benchmarks.speed.own_scenes

SAR images of float32 and masks of uint8 are written as tiled GeoTIFFs with deflate. The command cuts them in a process
of its own; printed are its seconds and the largest resident memory of any of its processes. With --beside, another
checkout of this repository, which has a `.venv`, takes turns with this one.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import from_origin

from benchmarks.speed import commands
from pix2pix_tf.prepare.simulation.sar import simulate_scene

ROOT = Path(__file__).parents[2]
METRES = 10.0  # a pixel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=20, help="(default: 20)")
    parser.add_argument("--side", type=int, default=3_000, help="pixels (default: 3000)")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each checkout (default: 3)")
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT", help="another checkout")
    options = parser.parse_args()
    checkouts = [(ROOT, sys.executable)]
    if options.beside:
        checkouts.append((options.beside, str(options.beside.absolute() / ".venv" / "bin" / "python")))
    with tempfile.TemporaryDirectory() as folder:
        for number in range(options.scenes):
            write_scene(Path(folder, "scenes"), number, options.side)
        for turn in range(options.rounds):
            for checkout, python in checkouts:
                output = Path(folder, f"{checkout.name}-{turn}")
                arguments = ["folder", "--input", Path(folder, "scenes"), "--output", output]
                memory, seconds = commands.measure([python, "-m", "pix2pix_tf.prepare", *arguments], checkout)
                patches = len(list(output.rglob("sar/*.png")))
                print(f"{checkout.name}: {seconds:.1f} s, {memory:.0f} MiB, {patches} patches", flush=True)


def write_scene(root: Path, number: int, side: int) -> None:
    """Write one of the simulated scenes of 1024 x 1024 again and again, under new speckle, with its mask."""
    scene, rng = simulate_scene(number, 1024), np.random.default_rng(number)
    times = -(-side // 1024)
    zones = np.tile(scene.zones, (times, times))[:side, :side]
    sar = np.tile(scene.sar, (times, times))[:side, :side] + np.float32(1)
    sar = (sar * rng.gamma(20, 1 / 20, sar.shape)).astype(np.float32)
    place = {"crs": "EPSG:3031", "transform": from_origin(-2.5e6 + number * side * METRES, 1.2e6, METRES, METRES)}
    for role, values, description in (("sar", sar, "amplitude"), ("zones", zones, "class")):
        path = root / role / f"G{number:02d}_2015-03-{number % 28 + 1:02d}_S1.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        with rasterio.open(
            path, "w", driver="GTiff", height=side, width=side, count=1, dtype=values.dtype,
            tiled=True, compress="deflate", **place,
        ) as file:  # fmt: skip
            file.write(values, 1)
            file.set_band_description(1, description)


if __name__ == "__main__":
    main()
