"""Visibility of tiles in generated scenes: python -m benchmarks.quality.seams --model runs/gen5/export/gen5

Simulates zone masks of 1024 x 768 pixels, generates each in tiles as `generate` does, and compares the mean absolute
difference of neighbouring pixels at the tiles' lines, the places where tiles begin or end and the middles of their
overlaps, with that elsewhere. "Elsewhere" is the same pixels of the same mask, generated a second time with the tiles
shifted by SHIFT pixels: otherwise a coast that happens to lie on a line counts as well. 1 is no seam; the error is the
standard error over masks and shifts. For scale, the same is printed for tiles that do not overlap, and for tiles of the
size that the model was trained on. The last lines are the ripple of the network itself: the same ratio inside single
patches, for pixels at multiples of 16 and of 64.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.data.io import images
from pix2pix_tf.data.tiling import Place, Tiling
from pix2pix_tf.export import saved_model, scales
from pix2pix_tf.export.inference import TILES, ArrayReader, generate_tile
from pix2pix_tf.prepare.simulation.sar import simulate_scene

HEIGHT, WIDTH = 768, 1024  # pixels
SHIFT = (21, 43)  # pixels, rows and columns: no line of one image lies near a line of the other
BANDS = (1, 16)  # pixels across a line, over which the differences are averaged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="an export")
    parser.add_argument("--masks", type=int, default=4, help="simulated masks (default: 4)")
    parser.add_argument("--picture", type=Path, help="folder for the first mask's images, to look at")
    options = parser.parse_args()
    model = saved_model.load(options.model)
    zones = [simulate_scene(100 + number, WIDTH).zones[:HEIGHT] for number in range(options.masks)]
    tile = TILES * model.size
    tilings = {
        "as generate does": Tiling(tile, tile // 2, model.divisor),
        "no overlap": Tiling(tile, 0, model.divisor),
        "smaller tiles": Tiling(model.size, model.size // 2, model.divisor),
    }
    print(f"{model.folder}, {options.masks} masks")
    for name, tiling in tilings.items():
        pairs = [generate_twice(model, mask, tiling, seed) for seed, mask in enumerate(zones)]
        if options.picture:
            path = options.picture / f"{model.variant}-{name.replace(' ', '-')}.png"
            images.write_png(path, images.to_pixels(pairs[0][0]))
        for places, lines in (("begin or end", borders), ("middle of overlap", middles)):
            for band in BANDS:
                report(name, places, band, ratios(pairs, tiling, lines, band))
    for period in (16, 64):
        report("single patches", f"multiples of {period}", 1, ripple(model, zones, period))


def generate_twice(
    model: saved_model.Model, mask: np.ndarray, tiling: Tiling, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return a mask's image, and another one with shifted tiles: two float32 [H, W]."""
    down, right = SHIFT
    shifted = np.pad(mask, ((down, 0), (right, 0)), mode="reflect")
    return generate_scene(model, mask, tiling, seed), generate_scene(model, shifted, tiling, seed + 1000)[down:, right:]


def generate_scene(model: saved_model.Model, mask: np.ndarray, tiling: Tiling, seed: int) -> np.ndarray:
    strips = scales.generate_scene(model, lambda: [ArrayReader(mask[..., np.newaxis])], tiling, seed)
    return np.concatenate(list(strips))[..., 0]


def borders(places: Sequence[Place], tile: int) -> list[int]:
    """Return the places where tiles begin or end, pixels."""
    return sorted({place.start for place in places[1:]} | {place.start + tile for place in places[:-1]})


def middles(places: Sequence[Place], tile: int) -> list[int]:
    """Return the places where two tiles have equal weights, pixels."""
    return [place.start + place.before // 2 for place in places[1:]]


def ratios(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], tiling: Tiling, lines_of: Callable, band: int
) -> list[float]:
    """Return for each image the differences across the lines of its tiles over those in the other image."""
    results = []
    for one, other in pairs:
        for on, reference, shift in ((one, other, (0, 0)), (other, one, SHIFT)):
            across, elsewhere = [], []
            for axis in (0, 1):
                steps = [np.abs(np.diff(image, axis=axis)).mean(1 - axis) for image in (on, reference)]
                places = tiling.places(one.shape[axis] + shift[axis])
                for line in lines_of(places, tiling.tile):
                    first = line - shift[axis] - 1 - (band - 1) // 2  # step i is that from pixel i to i + 1
                    if first >= 0 and first + band <= len(steps[0]):
                        across.append(steps[0][first : first + band].mean())
                        elsewhere.append(steps[1][first : first + band].mean())
            results.append(sum(across) / sum(elsewhere))
    return results


def ripple(model: saved_model.Model, zones: Sequence[np.ndarray], period: int) -> list[float]:
    """Return for random patches the differences at multiples of a period over their mean in the patch."""
    rng, results = np.random.default_rng(0), []
    for mask in zones:
        for _ in range(8):
            row, column = (int(rng.integers(side - model.size + 1)) for side in mask.shape)
            patch = mask[row : row + model.size, column : column + model.size, np.newaxis]
            image = generate_tile(model, "", patch, int(rng.integers(2**31)))[..., 0]
            steps = np.stack([np.abs(np.diff(image, axis=axis)).mean(1 - axis) for axis in (0, 1)])
            results.append(steps[:, period - 1 :: period].mean() / steps.mean())
    return results


def report(tiles: str, places: str, band: int, values: Sequence[float]) -> None:
    """Print the mean and its standard error."""
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    print(f"{tiles:<18}{places:<19}band {band:>2}: {np.mean(values):.3f} +- {error:.3f}", flush=True)


if __name__ == "__main__":
    main()
