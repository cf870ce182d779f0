"""Training steps in float32 and in bfloat16 by the networks' width and the batch: what `train.precision=auto` goes by.

Both take turns in one process, on random images. Images/s are medians; a ratio is the median of the turns' ratios.
"""

import itertools
import statistics
import sys
import time
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from pix2pix_tf import config
from pix2pix_tf.training.tasks import Task, make_task
from pix2pix_tf.utils import cli

EXAMPLES = """\
  python -m benchmarks.speed.precisions
  python -m benchmarks.speed.precisions --variants zones --widths 8 12 16 32 --batches 1 8 --rounds 9"""

WIDTHS = {"pix2pix": "generator_width discriminator_width spade_width", "unet": "unet_width", "vgg": "vgg_width"}
PRECISIONS = ("mixed_bfloat16", "float32")
BITS = dict.fromkeys(("zones", "sar", "fronts", "optical", "sar_vv", "sar_vh"), 8)

Batch: TypeAlias = "dict[str, tf.Tensor]"


def main(argv: list[str]) -> None:
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument("--variants", nargs="+", default=["orig", "gen5", "zones", "clouds"], help="names of networks")
    parser.add_argument("--widths", nargs="+", type=int, default=[8, 16, 32, 64], help="filters of the first layer")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 4], help="images a step")
    parser.add_argument("--size", type=int, default=256, help="side of the images in pixels")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each precision (default: 7)")
    options = parser.parse_args(argv)
    print("| variant | width | batch | bfloat16, images/s | float32, images/s | bfloat16 is faster by |")
    print("|---|---:|---:|---:|---:|---:|")
    for variant, width, batch in itertools.product(options.variants, options.widths, options.batches):
        model = config.make_config(variant).model
        overrides = [f"model.{name}={width}" for name in WIDTHS[model.network].split()]
        chosen = config.make_config(variant, [*overrides, f"train.batch_size={batch}"])
        tasks = [make_task(chosen, options.size, BITS, precision) for precision in PRECISIONS]
        batches = random_batch(chosen, options.size)
        turns = [[seconds(task, batches) for task in tasks] for _ in range(options.rounds + 2)][2:]  # two to warm up
        half, full = (batch / statistics.median(side) for side in zip(*turns, strict=True))
        ratios = sorted(slow / fast for fast, slow in turns)
        print(
            f"| `{variant}` | {width} | {batch} | {half:.2f} | {full:.2f} "
            f"| {statistics.median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f}) |",
            flush=True,
        )


def random_batch(chosen: config.Config, size: int) -> Batch:
    """Return random numbers in the pipeline's shapes for a configuration; masks are one-hot."""
    random, count = np.random.default_rng(0), chosen.train.batch_size

    def images(roles: tuple[str, ...]) -> tf.Tensor:
        if roles == ("zones",):
            return tf.one_hot(random.integers(0, 4, (count, size, size)), 4)
        channels = sum(3 if role == "optical" else 1 for role in roles)
        return tf.constant(random.uniform(-1, 1, (count, size, size, channels)), tf.float32)

    batch = {"input": images(chosen.data.inputs), "seed": tf.range(count), "epoch": tf.ones([count], tf.int64)}
    batch |= {"weight": tf.ones([count, size, size, 1]), "cloudy": tf.ones([count, 1])}
    return batch | ({"target": images(chosen.data.targets)} if chosen.data.targets else {})


def seconds(task: Task, batch: Batch) -> float:
    """Return the seconds of one training step."""
    start = time.perf_counter()
    losses = task.train_step(batch)
    float(losses[task.loss_names[0]])
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(cli.run(main))
