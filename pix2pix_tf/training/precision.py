"""The dtype policy: the precision in which the networks compute.

In training weights, losses and normalisation are float32 in any case.
"""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from pix2pix_tf.utils import cpu, tf_compat

# Filters in the first layer from which bfloat16 is faster than float32, on a processor that multiplies bfloat16: its
# kernels work on 16 channels at once (`benchmarks/speed/precisions.py`). This was not measured on a GPU.
MIN_FILTERS = 16
# The computation that `train.export_precision=float32` replaces.
HALF_PRECISIONS = ("bfloat16", "float16")
LAYERS_WITH_KERNELS = (tf.keras.layers.Conv2D, tf.keras.layers.Conv2DTranspose, tf.keras.layers.Dense)


def choose(setting: str, width: int) -> tuple[str, str]:
    """Return a dtype policy, such as "mixed_bfloat16", and the reason for it in words.

    Args:
      setting: of `train.precision`: "auto", or the policy itself.
      width: filters of the network's first layer.
    """
    if setting != "auto":
        return setting, "as set"
    gpus = tf.config.get_visible_devices("GPU")
    if gpus:
        return _of_gpus([tf.config.experimental.get_device_details(gpu).get("compute_capability") for gpu in gpus])
    if {"avx512_bf16", "amx_bf16"} & cpu.features():
        if width < MIN_FILTERS:
            return "float32", f"with fewer than {MIN_FILTERS} filters in the first layer bfloat16 is no faster"
        return "mixed_bfloat16", "the processor multiplies bfloat16 in hardware"
    return "float32", "the processor has no faster precision"


def _of_gpus(capabilities: list[tuple[int, int] | None]) -> tuple[str, str]:
    """Return the fastest precision that all GPUs have, as they share a batch."""
    least = min(capability or (0, 0) for capability in capabilities)
    described = f"compute capability {least[0]}.{least[1]}"
    if least >= (8, 0):
        return "mixed_bfloat16", f"the GPU multiplies bfloat16 in hardware: {described}"
    if least >= (7, 0):
        return "mixed_float16", f"the GPU multiplies float16 in hardware, but not bfloat16: {described}"
    return "float32", f"the GPU has no faster precision: {described}"


@contextlib.contextmanager
def using(name: str) -> Iterator[None]:
    """Set Keras' global dtype policy for the layers that are created in this block."""
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)


class _StoredPolicy(tf.keras.mixed_precision.Policy):
    """A dtype policy that computes in one precision and holds its weights in another, usually a shorter one."""

    def __init__(self, computation: str, storage: str):
        super().__init__(computation)
        self._storage = storage

    @property
    def variable_dtype(self) -> str:
        return self._storage


def cast_for_inference(network: tf.keras.Model, computation: str = "auto") -> tf.keras.Model:
    """Return a copy for exports whose kernels are stored in the precision that the network computes in.

    In bfloat16 it takes half the bytes and needs no cast; with the fixed-size blocks of `models/cpu_kernels` it
    generates one image in 0.83 of the time (`benchmarks/speed`). Its outputs have the same bits, or equal them to
    rounding where fixed-size blocks are used; with another computation they differ by the rounding of activations. It
    cannot be trained: a step of Adam is lost in the rounding.

    Args:
      network: functional, computing in float32 or a mixed precision.
      computation: of the copy, "auto" or "float32" (`train.export_precision`). With the latter the kernels are cast at
        each call: on a processor that does not multiply bfloat16 this takes a quarter of the time.

    Returns:
      A model of the same inputs and outputs, with a copy of the weights. It shares no layer with the network, which
      would otherwise keep a reference to every copy.
    """

    def copy_of(layer: tf.keras.layers.Layer) -> tf.keras.layers.Layer:
        config, own = layer.get_config(), layer.compute_dtype
        chosen = "float32" if computation == "float32" and own in HALF_PRECISIONS else own
        if isinstance(layer, LAYERS_WITH_KERNELS):
            config["dtype"] = _StoredPolicy(chosen, own)
        elif chosen != own:
            config["dtype"] = chosen
        return type(layer).from_config(config)

    copy = tf.keras.models.clone_model(network, clone_function=copy_of)
    for layer in copy.layers:
        if hasattr(layer, "fixed_size_blocks"):  # the batch of an export is unknown
            layer.fixed_size_blocks = True
        for weight, trained in zip(layer.weights, network.get_layer(layer.name).weights, strict=True):
            weight.assign(tf.cast(tf_compat.unwrapped(trained), weight.dtype))
    return copy
