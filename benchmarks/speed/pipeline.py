"""Images a second out of the training pipeline with nothing else to do, and simulated scenes a second.

python -m benchmarks.speed.pipeline
"""

import tempfile
import time
from pathlib import Path

from pix2pix_tf import config, prepare
from pix2pix_tf.data import pipeline
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.prepare.simulation.sar import simulate_scene

SCENES = 40
IMAGES = 400


def main() -> None:
    start = time.perf_counter()
    for seed in range(SCENES):
        simulate_scene(seed)
    print(f"simulation: {SCENES / (time.perf_counter() - start):.1f} scenes/s on one core, drawn but not written")
    with tempfile.TemporaryDirectory() as folder:
        prepare.simulate(Path(folder) / "simulated", scenes=SCENES)
        dataset = load_dataset(Path(folder) / "simulated", ("zones", "sar"))
        batches = iter(pipeline.training_batches(dataset, config.make_config("orig")))
        for _ in range(50):
            next(batches)
        start = time.perf_counter()
        for _ in range(IMAGES):
            next(batches)
    print(f"input pipeline alone: {IMAGES / (time.perf_counter() - start):.0f} images/s")


if __name__ == "__main__":
    main()
