"""Which numbers the networks compute with. In training weights, losses and normalisation are float32 in any case."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from pix2pix_tf.utils import cpu, tf_compat

# Filters of the first layer that a network needs for bfloat16 to be faster than float32, on a processor that multiplies
# it: the kernels work on 16 channels at once (`benchmarks/speed/precisions.py`). No figure of a GPU is known here.
FEWEST = 16
KERNELS = (tf.keras.layers.Conv2D, tf.keras.layers.Conv2DTranspose, tf.keras.layers.Dense)  # what has them


def choose(wanted: str, width: int) -> tuple[str, str]:
    """Keras' name of the precision to compute in, and why.

    Args:
      wanted: "auto", or a name that is taken as it is.
      width: filters of the network's first layer.
    """
    if wanted != "auto":
        return wanted, "as set"
    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        return _of_gpus([tf.config.experimental.get_device_details(gpu).get("compute_capability") for gpu in gpus])
    if {"avx512_bf16", "amx_bf16"} & cpu.features():
        if width < FEWEST:
            return "float32", f"with fewer than {FEWEST} filters in the first layer bfloat16 is no faster"
        return "mixed_bfloat16", "the processor multiplies bfloat16 in hardware"
    return "float32", "the processor has no faster precision"


def _of_gpus(capabilities: list[tuple[int, int] | None]) -> tuple[str, str]:
    """The fastest precision that all of several GPUs have; unlike ones share a batch, and compute alike."""
    least = min(capability or (0, 0) for capability in capabilities)
    of = f"compute capability {least[0]}.{least[1]}"
    if least >= (8, 0):
        return "mixed_bfloat16", f"the GPU multiplies bfloat16 in hardware: {of}"
    if least >= (7, 0):
        return "mixed_float16", f"the GPU multiplies float16 in hardware, but not bfloat16: {of}"
    return "float32", f"the GPU has no faster precision: {of}"


@contextlib.contextmanager
def using(name: str) -> Iterator[None]:
    """Layers made in this block compute in the named precision."""
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)


def cast_for_inference(network: tf.keras.Model) -> tf.keras.Model:
    """A twin for exports, whose kernels have the precision that the network computes in, and so need no cast any more.

    In bfloat16 it has half the bytes, and with the products of small maps by large kernels (`models/cpu_kernels`) it
    paints one image in 0.83 of the time (`benchmarks/speed`). Without such kernels it gives the same bits, else the
    same to rounding. It cannot be trained: a step of Adam is lost in the rounding.

    Args:
      network: functional, computing in float32 or a mixed precision.

    Returns:
      A model of the same inputs and outputs, with today's weights. It shares no layer with the network, which would
      otherwise hold on to every twin that was ever made of it.
    """

    def twin_of(layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
        kept = {"dtype": layer.compute_dtype} if isinstance(layer, KERNELS) else {}
        return type(layer).from_config(layer.get_config() | kept)

    twin = tf.keras.models.clone_model(network, clone_function=twin_of)
    for layer in twin.layers:
        if hasattr(layer, "in_turns"):  # an export does not know its batches
            layer.in_turns = True
        for weight, trained in zip(layer.weights, network.get_layer(layer.name).weights, strict=True):
            weight.assign(tf.cast(tf_compat.unwrapped(trained), weight.dtype))
    return twin
