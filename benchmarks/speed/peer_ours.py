"""The package's own networks and step, for `benchmarks/speed/speed.py`: variant, work, batch, size, precision."""

import sys
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from benchmarks.speed.turns import answer, levels
from pix2pix_tf import config
from pix2pix_tf.data import noise, styles
from pix2pix_tf.models.speckle import NOISE_MAPS
from pix2pix_tf.training.precision import cast_for_inference
from pix2pix_tf.training.speckle import SpeckleGan
from pix2pix_tf.training.tasks import Pix2Pix

Works = tuple[Callable[[], tf.Tensor], Callable[[], tf.Tensor]]  # a training step and a generation
PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}


def random_batch(batch: int, size: int) -> dict[str, tf.Tensor]:
    """Return random numbers in the pipeline's shapes."""
    images = {"input": tf.random.normal([batch, size, size, 4]), "target": tf.random.normal([batch, size, size, 1])}
    numbers = {"index": tf.range(batch, dtype=tf.int64), "epoch": tf.zeros([batch], tf.int64)}
    return images | numbers | {"seed": tf.range(batch), "turn": tf.zeros([batch], tf.int32)}


def with_zones(data: dict[str, tf.Tensor], batch: int, size: int) -> dict[str, tf.Tensor]:
    """Replace the input by random zones in squares of 32 pixels."""
    classes = tf.random.uniform([batch, size // 32, size // 32], maxval=4, dtype=tf.int32)
    classes = tf.repeat(tf.repeat(classes, 32, axis=1), 32, axis=2)
    return data | {"input": tf.one_hot(classes, 4), "target": tf.tanh(data["target"])}


def pix2pix(variant: str, batch: int, size: int, precision: str) -> Works:
    """Return a training step and a generation."""
    data = random_batch(batch, size)
    chosen = config.make_config(variant, [f"model.depth={levels(size)}"])
    task = Pix2Pix(chosen, size, {"zones": 8, "sar": 8}, precision, {})
    network = cast_for_inference(task.generator)  # as an export has it,
    free = [tf.TensorSpec([None, None, None, 4]), tf.TensorSpec([None], tf.int32)]  # which does not know its batches
    paint = tf.function(lambda image, seed: network([image, seed], training=False), input_signature=free)
    return lambda: task.train_step(data)["generator"], lambda: paint(data["input"], data["seed"])


def speckle(batch: int, size: int, precision: str) -> Works:
    """Return the same for `speckle`."""
    data = with_zones(random_batch(batch, size), batch, size)
    statistics = np.ones([1, styles.layout({}).statistics], np.float32)
    bank = styles.Bank(("one",), statistics, statistics, np.zeros([1, 0], np.float32))
    task = SpeckleGan(config.make_config("speckle"), size, {"zones": 8, "sar": 8}, precision, {}, bank)
    network = cast_for_inference(task.generator)
    style = tf.random.normal([batch, styles.layout({}).size])
    free = [
        tf.TensorSpec([None, None, None, 4]),
        tf.TensorSpec([None, style.shape[1]]),
        tf.TensorSpec([None], tf.int32),
    ]

    @tf.function(input_signature=free)
    def paint(mask, style, seed):
        shape = tf.shape(mask)
        white = noise.white_noise(seed, tf.zeros([shape[0], 2], tf.int32), shape[1], shape[2], NOISE_MAPS)
        return network([mask, style, white], training=False)

    return lambda: task.train_step(data)["generator"], lambda: paint(data["input"], style, data["seed"])


def main(variant: str, work: str, batch: str, size: str, precision: str) -> None:
    options = int(batch), int(size), PRECISIONS[precision]
    train, generate = speckle(*options) if variant == "speckle" else pix2pix(variant, *options)
    answer(
        {"training": lambda: float(train()), "generation": lambda: generate().numpy()},
        calls=5 if work == "generation" else 1,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
