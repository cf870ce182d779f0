"""The package's own networks and step, for `benchmarks/speed/speed.py`: variant, work, batch, size, precision."""

import sys

import tensorflow as tf

from benchmarks.speed.turns import answer, levels
from pix2pix_tf import config
from pix2pix_tf.training.precision import cast_for_inference
from pix2pix_tf.training.tasks import Pix2Pix

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def random_batch(batch: int, size: int) -> dict[str, tf.Tensor]:
    """Return random numbers in the pipeline's shapes."""
    images = {"input": tf.random.normal([batch, size, size, 4]), "target": tf.random.normal([batch, size, size, 1])}
    numbers = {"index": tf.range(batch, dtype=tf.int64), "epoch": tf.zeros([batch], tf.int64)}
    return images | numbers | {"seed": tf.range(batch)}


def main(variant: str, work: str, batch: str, size: str, precision: str) -> None:
    data = random_batch(int(batch), int(size))
    chosen = config.make_config(variant, [f"model.depth={levels(int(size))}"])
    task = Pix2Pix(chosen, int(size), {"zones": 8, "sar": 8}, PRECISIONS[precision], {})
    network = cast_for_inference(task.generator) if work == "generation" else task.generator  # as an export has it,
    free = [tf.TensorSpec([None, None, None, 4]), tf.TensorSpec([None], tf.int32)]  # which does not know its batches
    paint = tf.function(lambda image, seed: network([image, seed], training=False), input_signature=free)
    answer(
        {
            "training": lambda: float(task.train_step(data)["generator"]),
            "generation": lambda: paint(data["input"], data["seed"]).numpy(),
        },
        calls=5 if work == "generation" else 1,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
