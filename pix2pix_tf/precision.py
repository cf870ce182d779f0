"""Which numbers the networks compute with. Weights, losses and normalisation are float32 in any case."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf


def choose(wanted: str, batch: int = 1) -> tuple[str, str]:
    """Keras' name of the precision to compute in, and why.

    Args:
      wanted: "auto", or a name that is taken as it is.
      batch: images a step on each device.
    """
    if wanted != "auto":
        return wanted, "as set"
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        capability = tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0))
        if capability >= (8, 0):
            return "mixed_bfloat16", "the GPU multiplies bfloat16 in hardware"
        if capability >= (7, 0):
            return "mixed_float16", "the GPU multiplies float16 in hardware"
        return "float32", "the GPU has no faster precision"
    flags = Path("/proc/cpuinfo")
    if flags.exists() and {"avx512_bf16", "amx_bf16"} & set(flags.read_text().split()):
        return "mixed_bfloat16", "the processor multiplies bfloat16 in hardware"
    return "float32", "the processor has no faster precision"


@contextlib.contextmanager
def using(name: str) -> Iterator[None]:
    """Layers made in this block compute in the named precision."""
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy(name)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)
