"""Times the faster layers and Adam against the library's own, forward and with gradient, in turns.

python -m benchmarks.speed.layers
"""

import statistics
import time

import tensorflow as tf

from pix2pix_tf import config
from pix2pix_tf.models.blocks import EPSILON, LEAK
from pix2pix_tf.models.cpu_kernels import leaky_relu
from pix2pix_tf.models.layers import Conv2D, FusedInstanceNormalization, SubpixelConv2DTranspose
from pix2pix_tf.models.pix2pix import make_generator
from pix2pix_tf.training import precision
from pix2pix_tf.training.optimizers import Adam
from pix2pix_tf.utils import tf_compat

ROUNDS = 15
WEIGHTS = 54_000_000  # as many as the generator of `orig` has


def main() -> None:
    print("| operation | batch | type | ours, ms | library, ms | ours with gradient, ms | library, ms |")
    print("|---|---:|---|---:|---:|---:|---:|")
    for dtype in (tf.float32, tf.bfloat16):
        for batch in (1, 4):
            maps = tf.cast(tf.random.normal([batch, 64, 64, 128]), dtype)
            ours, library = (
                FusedInstanceNormalization(EPSILON),
                tf_compat.InstanceNormalization(EPSILON, dtype="float32"),
            )
            compare("instance norm, 64 x 64 x 128", maps, ours, lambda x, f=library: tf.cast(f(x), x.dtype))
            maps = tf.cast(tf.random.normal([batch, 128, 128, 128]), dtype)
            layers = [kind(1, 4, strides=2, padding="same", dtype=dtype.name) for kind in (
                SubpixelConv2DTranspose, tf.keras.layers.Conv2DTranspose)]  # fmt: skip
            compare("transposed convolution 128 -> 1, to 256 x 256", maps, *layers)
            maps = tf.cast(tf.random.normal([batch, 8, 8, 512]), dtype)
            kinds = Conv2D, tf.keras.layers.Conv2D
            layers = [kind(512, 4, 2, "same", use_bias=False, dtype=dtype.name) for kind in kinds]
            compare("convolution 512 -> 512, to 4 x 4", maps, *layers)
            maps = tf.cast(tf.random.normal([batch, 128, 128, 64]), dtype)
            compare(
                "LeakyReLU, 128 x 128 x 64", maps, *(lambda x, f=f: f(x, LEAK) for f in (leaky_relu, tf.nn.leaky_relu))
            )
    compare_optimizers()
    compare_exports()


def compare(name, maps, *sides) -> None:
    def with_gradient(x, side):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = side(x)
            loss = tf.reduce_sum(y * y)
        return tape.gradient(loss, [x, *getattr(side, "trainable_variables", ())])

    works = [tf.function(side) for side in sides]
    works += [tf.function(lambda x, side=side: with_gradient(x, side)) for side in sides]
    times = [f"{ms:.1f}" for ms in milliseconds([lambda work=work: work(maps) for work in works])]
    print(f"| {name} | {maps.shape[0]} | {maps.dtype.name} | {' | '.join(times)} |", flush=True)


def compare_optimizers() -> None:
    variables = [tf.Variable(tf.zeros([WEIGHTS // 10])) for _ in range(20)]
    gradients = [tf.ones_like(variable) for variable in variables[:10]]
    ours, keras = Adam(variables[:10], 2e-4, 0.5), tf.keras.optimizers.Adam(2e-4, beta_1=0.5)
    keras.build(variables[10:])
    steps = [
        tf.function(lambda: ours.apply(gradients)),
        tf.function(lambda: keras.apply_gradients(zip(gradients, variables[10:], strict=True))),
    ]
    steps.append(tf.function(lambda: ours._update(gradients)))  # without the test for finite gradients
    ms, keras_ms, update_ms = milliseconds(steps)
    print(
        f"\nAdam over {WEIGHTS:,} weights: ours {ms:.0f} ms, {update_ms:.0f} ms of it updates; Keras {keras_ms:.0f} ms"
    )


def compare_exports() -> None:
    """Generation with weights stored in the dtype of the computation, and with float32 weights."""
    with precision.using("mixed_bfloat16"):
        network = make_generator(config.make_config("orig").model, 4, 1, 256)
    sides = [tf.function(model) for model in (precision.cast_for_inference(network), network)]
    for batch in (1, 8):
        image, seed = tf.random.normal([batch, 256, 256, 4]), tf.range(batch)
        works = [lambda side=side, inputs=(image, seed): side(list(inputs), training=False) for side in sides]
        stored_ms, cast_ms = milliseconds(works)
        print(f"Generating {batch}, `orig` in bfloat16: ours {stored_ms:.0f} ms, with float32 weights {cast_ms:.0f} ms")


def milliseconds(works) -> list[float]:
    """Return the median time of each; they take turns, after two turns that trace and allocate."""
    times: list[list[float]] = [[] for _ in works]
    for turn in range(ROUNDS + 2):
        for work, mine in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            if turn >= 2:
                mine.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(mine) for mine in times]


if __name__ == "__main__":
    main()
