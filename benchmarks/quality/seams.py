"""Whether tiles show in painted scenes: python -m benchmarks.quality.seams --model runs/gen5/export/gen5

Simulates zone masks of 1024 x 768 pixels, paints each in tiles as `generate` does, and compares the mean absolute
difference of neighbouring pixels at the tiles' lines, the places where tiles begin or end and the middles of their
overlaps, with that elsewhere. "Elsewhere" is the same pixels of the same mask, painted a second time with the tiles
shifted by SHIFT pixels: else the coast that happens to lie on a line is measured, too. 1 is no seam; the error is the
standard error over masks and shifts. For scale, the same is printed for tiles that do not overlap, and for tiles of the
size that the model was trained on. At last the ripple of the network by itself: the same ratio inside single patches,
for pixels at multiples of 16 and of 64.
"""

import argparse
import functools
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.data.io import images
from pix2pix_tf.data.tiling import Place, Tiling
from pix2pix_tf.export import saved_model
from pix2pix_tf.generate.command import TILES
from pix2pix_tf.generate.inference import paint_tile
from pix2pix_tf.generate.tiles import generate_strips
from pix2pix_tf.prepare.simulation.sar import simulate_scene

HEIGHT, WIDTH = 768, 1024  # pixels
SHIFT = (21, 43)  # pixels, rows and columns: no line of one painting lies near a line of the other
BANDS = (1, 16)  # pixels across a line, over which the differences are averaged


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="an export")
    parser.add_argument("--masks", type=int, default=4, help="simulated masks (default: 4)")
    parser.add_argument("--picture", type=Path, help="folder for the first mask's paintings, to look at")
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
        pairs = [painted_twice(model, mask, tiling, seed) for seed, mask in enumerate(zones)]
        if options.picture:
            path = options.picture / f"{model.variant}-{name.replace(' ', '-')}.png"
            images.write_png(path, images.to_pixels(pairs[0][0]))
        for what, lines in (("begin or end", borders), ("middle of overlap", middles)):
            for band in BANDS:
                print(f"{name:<18}{what:<19}band {band:>2}: {told(ratios(pairs, tiling, lines, band))}", flush=True)
    for period in (16, 64):
        print(f"{'single patches':<18}{'multiples of ' + str(period):<19}band  1: {told(ripple(model, zones, period))}")


def painted_twice(
    model: saved_model.Model, mask: np.ndarray, tiling: Tiling, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """A mask [H, W] painted, and painted with shifted tiles: two float32 [H, W]."""
    down, right = SHIFT
    shifted = np.pad(mask, ((down, 0), (right, 0)), mode="reflect")
    return painted(model, mask, tiling, seed), painted(model, shifted, tiling, seed + 1000)[down:, right:]


def painted(model: saved_model.Model, mask: np.ndarray, tiling: Tiling, seed: int) -> np.ndarray:
    file = io.BytesIO(mask.tobytes())  # whose rows can be read from the top down

    def read(count: int) -> np.ndarray:
        return np.frombuffer(file.read(count * mask.shape[1]), np.uint8).reshape(-1, mask.shape[1], 1)

    height, width = mask.shape
    strips = generate_strips(read, height, width, tiling, functools.partial(paint_tile, model, ""), seed)
    return np.concatenate(list(strips))[..., 0]


def borders(places: Sequence[Place], tile: int) -> list[int]:
    """Where tiles begin or end."""
    return sorted({place.start for place in places[1:]} | {place.start + tile for place in places[:-1]})


def middles(places: Sequence[Place], tile: int) -> list[int]:
    """Where two tiles count alike."""
    return [place.start + place.before // 2 for place in places[1:]]


def ratios(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], tiling: Tiling, lines_of: Callable, band: int
) -> list[float]:
    """For each painting, the differences across the lines of its tiles over those there in the other painting."""
    found = []
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
            found.append(sum(across) / sum(elsewhere))
    return found


def ripple(model: saved_model.Model, zones: Sequence[np.ndarray], period: int) -> list[float]:
    """Patches at random places: the differences at multiples of a period over their mean in the patch."""
    rng, found = np.random.default_rng(0), []
    for mask in zones:
        for _ in range(8):
            row, column = (int(rng.integers(side - model.size + 1)) for side in mask.shape)
            patch = mask[row : row + model.size, column : column + model.size, np.newaxis]
            image = paint_tile(model, "", patch, int(rng.integers(2**31)))[..., 0]
            steps = np.stack([np.abs(np.diff(image, axis=axis)).mean(1 - axis) for axis in (0, 1)])
            found.append(steps[:, period - 1 :: period].mean() / steps.mean())
    return found


def told(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} +- {np.std(values, ddof=1) / np.sqrt(len(values)):.3f}"


if __name__ == "__main__":
    main()
