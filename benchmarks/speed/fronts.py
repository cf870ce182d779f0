"""Time and memory of finding and scoring the front of a scene of 2000 x 2000 pixels.

python -m benchmarks.speed.fronts

Memory is what numpy and Python hold at most beyond the arguments, by tracemalloc, in a run of its own, since tracing
slows. The search trees' own memory is not in it: a few dozen bytes for each pixel of a front.
"""

import statistics
import time
import tracemalloc

import numpy as np
from scipy import ndimage

from pix2pix_tf.data import classes, tiling
from pix2pix_tf.export.inference import ArrayReader
from pix2pix_tf.fronts import postprocessing, scenes
from pix2pix_tf.fronts.vectorize import polylines
from pix2pix_tf.metrics import front_distance
from pix2pix_tf.prepare.simulation.sar import simulate_scene

SIDE, SIZE = 2000, 256  # pixels
SEED, METRES_PER_PIXEL, ROUNDS = 1, 7.0, 5
MIN_LENGTH = postprocessing.MIN_LENGTH["metres"] / METRES_PER_PIXEL


def main() -> None:
    true = simulate_scene(SEED, SIDE).zones
    predicted, probabilities = predict(true, np.random.default_rng(SEED))
    true = classes.front_of(true) > 0
    near = np.exp(-((ndimage.distance_transform_edt(~true) / 8) ** 2))
    near += np.random.default_rng(SEED).normal(0, 0.02, near.shape)
    tiles = len(tiling.origins(SIDE, SIZE, SIZE // 2)) ** 2
    network = scenes.Network("none", "zones", SIZE, lambda tiles: np.full((*tiles.shape[:3], 4), np.float32(0.25)))
    image = np.zeros((SIDE, SIDE, 1), np.uint8)
    front = postprocessing.front_from_zones(predicted, MIN_LENGTH)
    print(f"true front {np.count_nonzero(true):,} pixels, predicted {np.count_nonzero(front):,}\n")
    works = {
        f"cut and blend {tiles} tiles of 4 classes": lambda: scenes.predict_scene(
            network, ArrayReader(image).read, SIDE, SIDE
        ),
        "probabilities -> zones": lambda: postprocessing.zones_of(probabilities),
        "zones -> front": lambda: postprocessing.front_from_zones(predicted, MIN_LENGTH),
        "probabilities -> front": lambda: postprocessing.front_from_probabilities(near, MIN_LENGTH),
        "front -> lines": lambda: polylines(front),
        "distances": lambda: front_distance.distances(front, true),
        "scoring: zones -> front -> distances": lambda: front_distance.score(
            postprocessing.front_from_zones(predicted, MIN_LENGTH), true, METRES_PER_PIXEL
        ),
    }
    print("| what | seconds | peak MiB |")
    print("|---|---:|---:|")
    for what, work in works.items():
        print(f"| {what} | {seconds(work):.3f} | {held_mib(work):.0f} |", flush=True)


def predict(zones: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities as a network might: these zones bent by some ten pixels, with specks.

    Returns:
      uint8 [H, W], CaFFe grey values, and float32 [H, W, 4], which add up to 1.
    """
    rows, columns = np.indices(zones.shape)
    bent = [
        np.clip(axis + smooth_noise(rng, zones.shape, 40) * 10, 0, SIDE - 1).astype(int) for axis in (rows, columns)
    ]
    predicted, speck = zones[tuple(bent)], smooth_noise(rng, zones.shape, 4)
    predicted = np.where(speck > 3, classes.OCEAN, np.where(speck < -3, classes.GLACIER, predicted)).astype(np.uint8)
    one_hot = predicted[..., None] == np.array(classes.ZONE_VALUES)
    return predicted, np.where(one_hot, np.float32(0.7), np.float32(0.1))


def smooth_noise(rng: np.random.Generator, shape: tuple[int, ...], smooth: float) -> np.ndarray:
    """float64 [H, W]: smooth noise, of standard deviation 1."""
    noise = ndimage.gaussian_filter(rng.standard_normal(shape), smooth)
    return noise / noise.std()


def seconds(work) -> float:
    """The median time, after one round to warm up."""
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def held_mib(work) -> float:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


if __name__ == "__main__":
    main()
