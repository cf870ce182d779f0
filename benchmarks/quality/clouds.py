"""Cost of cloudy training targets: python -m benchmarks.quality.clouds

Trains a compact sar2optical on simulated data twice, once with all targets and once without cloudy ones, at equal steps
and from the same initial weights, and measures both on targets without clouds. Prints a line for each, with the error
score of three outputs (Cheng et al. 2022), for several seeds.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from pix2pix_tf import config, prepare
from pix2pix_tf.data.cloud_filter import without_clouds
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.evaluation import inference
from pix2pix_tf.evaluation.runs import find_runs
from pix2pix_tf.evaluation.translation import scoring
from pix2pix_tf.training import trainer

ROLES = ("sar_vv", "sar_vh", "optical")
SETTINGS = (
    "model.depth=6",
    "model.generator_width=16",
    "model.discriminator_width=16",
    "train.batch_size=4",
    "train.samples=2",
    "train.validation_patches=1",
)
CLEAR = 0.05  # share of cloud that a clear target may have


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=120, help="simulated scenes (default: 120)")
    parser.add_argument("--size", type=int, default=64, help="pixels a side (default: 64)")
    parser.add_argument("--steps", type=int, default=1200, help="of each training (default: 1200)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each kind (default: 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        prepare.simulate(data, options.scenes, options.size, 0, 0.2, optical=True)
        errors = {
            limit: [_error(data, Path(folder), limit, options.steps, seed) for seed in range(options.seeds)]
            for limit in (1.0, CLEAR)
        }
    for limit, found in errors.items():
        kind = "all targets" if limit == 1 else f"targets of at most {limit:.0%} cloud"
        each = ", ".join(f"{error:.4f}" for error in found)
        print(f"trained on {kind:<32} error score on clear targets: {np.mean(found):.4f} ({each})")


def _error(data: Path, folder: Path, limit: float, steps: int, seed: int) -> float:
    """The error score of three outputs, on clear validation targets, after so many steps."""
    dataset = without_clouds(load_dataset(data, ROLES), limit)
    epochs = max(1, round(steps / (len(dataset.stems["train"]) // 4)))
    overrides = [*SETTINGS, f"data.max_cloud={limit}", f"train.seed={seed}", f"train.epochs={epochs}"]
    run = folder / f"run-{limit}-{seed}"
    trainer.train(config.make_config("sar2optical", [*overrides, f"train.export_every={epochs}"]), dataset, run)
    clear = without_clouds(load_dataset(data, ROLES, ("val",)), CLEAR)
    setting = inference.Setting(clear, "val", 0, 8, (1, 3))
    (export,) = scoring.exports_of(find_runs([run], folder)[0], folder / f"scores-{limit}-{seed}")
    return scoring.score(export, setting).scores.interval("error_3")[0]


if __name__ == "__main__":
    main()
