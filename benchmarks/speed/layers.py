"""What each fast path gains over the library's own way, forward and with its gradient, taking turns.

python -m benchmarks.speed.layers
"""

import functools
import statistics
import time

import tensorflow as tf

from benchmarks.speed.peer_ours import random_batch
from pix2pix_tf import config
from pix2pix_tf.models.blocks import EPSILON, LEAK
from pix2pix_tf.models.cpu_kernels import kernel_gradients
from pix2pix_tf.models.cpu_kernels.kernel_gradients import kernel_gradient
from pix2pix_tf.models.layers import Conv2D, FusedInstanceNormalization, SubpixelConv2DTranspose, leaky_relu
from pix2pix_tf.models.pix2pix import make_generator
from pix2pix_tf.training import precision
from pix2pix_tf.training.optimizers import Adam
from pix2pix_tf.training.tasks import Pix2Pix
from pix2pix_tf.utils import tf_compat

ROUNDS = 15
WEIGHTS = 54_000_000  # as many as the generator of `orig` has


def main() -> None:
    print("| what | batch | type | ours, ms | library, ms | ours with gradient, ms | library, ms |")
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
    compare_kernel_gradients()
    compare_steps()
    compare_optimizers()
    compare_exports()


def compare(what, maps, *sides) -> None:
    def with_gradient(x, side):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = side(x)
            loss = tf.reduce_sum(y * y)
        return tape.gradient(loss, [x, *getattr(side, "trainable_variables", ())])

    works = [tf.function(side) for side in sides]
    works += [tf.function(lambda x, side=side: with_gradient(x, side)) for side in sides]
    times = [f"{ms:.1f}" for ms in milliseconds([lambda work=work: work(maps) for work in works])]
    print(f"| {what} | {maps.shape[0]} | {maps.dtype.name} | {' | '.join(times)} |", flush=True)


def compare_kernel_gradients() -> None:
    """Those of `orig` that go by products in bfloat16, and how the library computes them."""
    print("\n| kernel gradient, bfloat16 | batch | ours, ms | GFLOP/s | library, ms | GFLOP/s |")
    print("|---|---:|---:|---:|---:|---:|")
    kernels = [(64, 128, 256, 2), (32, 256, 512, 2), (64, 128, 512, 2), (32, 256, 1024, 2), (34, 256, 512, 1)]
    for batch in (1, 4):
        for side, channels, depth, strides in kernels:
            padding, places = ("SAME", side // 2) if strides == 2 else ("VALID", side - 3)
            large = tf.cast(tf.random.normal([batch, side, side, channels]), tf.bfloat16)
            small = tf.cast(tf.random.normal([batch, places, places, depth]), tf.bfloat16)
            library = functools.partial(
                tf.raw_ops.Conv2DBackpropFilter,
                filter_sizes=[4, 4, channels, depth],
                strides=[1, strides, strides, 1],
                padding=padding,
            )
            ours = functools.partial(kernel_gradient, side=4, strides=strides, padding=padding)
            works = [
                tf.function(lambda large, small, of=ours: of(large, small)),
                tf.function(lambda large, small, of=library: of(input=large, out_backprop=small)),
            ]
            times = milliseconds([lambda work=work, maps=(large, small): work(*maps) for work in works])
            flops = 2 * batch * places**2 * 16 * channels * depth
            told = " | ".join(f"{ms:.1f} | {flops / ms / 1e6:.0f}" for ms in times)
            what = f"{side} x {side} x {channels}, {places} x {places} x {depth}"
            print(f"| {what} | {batch} | {told} |", flush=True)


def compare_steps() -> None:
    """Whole steps, with kernel gradients by products and without."""
    chosen, faster = config.make_config("orig"), kernel_gradients._faster_by_products
    for batch in (1, 4):
        data, steps = random_batch(batch, 256), []
        for asked in (faster, lambda *_: False):
            kernel_gradients._faster_by_products = asked
            task = Pix2Pix(chosen, 256, {"zones": 8, "sar": 8}, "mixed_bfloat16", {})
            steps.append(lambda step=task.train_step, data=data: float(step(data)["generator"]))
            steps[-1]()  # traced while it holds
        kernel_gradients._faster_by_products = faster
        ms, library_ms = milliseconds(steps)
        print(f"A step of `orig` at batch {batch}: ours {ms:.0f} ms, with the library's gradients {library_ms:.0f} ms")


def compare_optimizers() -> None:
    variables = [tf.Variable(tf.zeros([WEIGHTS // 10])) for _ in range(20)]
    gradients = [tf.ones_like(variable) for variable in variables[:10]]
    ours, keras = Adam(variables[:10], 2e-4, 0.5), tf.keras.optimizers.Adam(2e-4, beta_1=0.5)
    keras.build(variables[10:])
    steps = [
        tf.function(lambda: ours.apply(gradients)),
        tf.function(lambda: keras.apply_gradients(zip(gradients, variables[10:], strict=True))),
    ]
    steps.append(tf.function(lambda: ours._update(gradients)))  # without a look at whether they are finite
    ms, keras_ms, blind_ms = milliseconds(steps)
    print(
        f"\nAdam over {WEIGHTS:,} weights: ours {ms:.0f} ms, {blind_ms:.0f} ms of it the steps; Keras {keras_ms:.0f} ms"
    )


def compare_exports() -> None:
    """Painting by weights that are kept in the precision computed in, and by float32 ones."""
    with precision.using("mixed_bfloat16"):
        network = make_generator(config.make_config("orig").model, 4, 1, 256)
    sides = [tf.function(model) for model in (precision.cast_for_inference(network), network)]
    for batch in (1, 8):
        image, seed = tf.random.normal([batch, 256, 256, 4]), tf.range(batch)
        works = [lambda side=side, told=(image, seed): side(list(told), training=False) for side in sides]
        kept_ms, cast_ms = milliseconds(works)
        print(f"Painting {batch}, `orig` in bfloat16: ours {kept_ms:.0f} ms, with float32 weights {cast_ms:.0f} ms")


def milliseconds(works) -> list[float]:
    """The median time of each; they take turns, after two turns that trace and allocate."""
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
