"""White noise that belongs to a place: the same seed and pixel give the same value in whatever tile they lie.

Speckle is blended across the borders of tiles without losing contrast, because both tiles have the same noise where
they overlap. The noise is an integer hash of seed, row and column, so it depends on neither batch nor device, but for
the last bit.
"""

import math
from typing import TypeAlias

import tensorflow as tf

Noise: TypeAlias = tf.Tensor  # float32 [N, H, W, M], M independent maps of white Gaussian noise, mean 0 and deviation 1


def white_noise(seed: tf.Tensor, origin: tf.Tensor, height: tf.Tensor, width: tf.Tensor, maps: int) -> Noise:
    """Draw noise for the pixels of images.

    Args:
      seed: int32 [N], of each image.
      origin: int32 [N, 2], row and column in the scene of the image's upper left pixel.
      height: int32 scalar, pixels.
      width: int32 scalar, pixels.
      maps: number of independent ones.

    Returns:
      float32 [N, H, W, maps].
    """
    key = _mix(tf.bitcast(seed, tf.uint32)[:, tf.newaxis])
    rows = _mix(tf.bitwise.bitwise_xor(key, tf.bitcast(origin[:, :1] + tf.range(height), tf.uint32)))  # [N, H]
    columns = tf.bitcast(origin[:, 1:] + tf.range(width), tf.uint32)[:, tf.newaxis, :]  # [N, 1, W]
    pixel = _mix(tf.bitwise.bitwise_xor(rows[:, :, tf.newaxis], columns * tf.constant(0x9E3779B1, tf.uint32)))
    normals = []
    for pair in range((maps + 1) // 2):  # each pair of uniform numbers gives two normal ones (Box & Muller 1958)
        first, second = (_uniform(_mix(pixel + tf.constant(2 * pair + n + 1, tf.uint32))) for n in (0, 1))
        radius, angle = tf.sqrt(-2.0 * tf.math.log(first)), 2.0 * math.pi * second
        normals += [radius * tf.cos(angle), radius * tf.sin(angle)]
    return tf.stack(normals[:maps], axis=-1)


def uniform(seed: tf.Tensor, count: int, salt: int) -> tf.Tensor:
    """Draw numbers between 0 and 1.

    Args:
      seed: int32 [N].
      count: numbers for each seed.
      salt: another one gives other numbers from the same seed.

    Returns:
      float32 [N, count], (0, 1].
    """
    key = _mix(tf.bitcast(seed, tf.uint32) + _mix(tf.constant(salt, tf.uint32)))[:, tf.newaxis]
    return _uniform(_mix(tf.bitwise.bitwise_xor(key, tf.bitcast(tf.range(count), tf.uint32)[tf.newaxis])))


def normal(seed: tf.Tensor, count: int, salt: int) -> tf.Tensor:
    """Draw normal numbers, float32 [N, count]; for the arguments see `uniform`, which uses salts 2 s and 2 s + 1."""
    first, second = (uniform(seed, count, 2 * salt + number) for number in (0, 1))
    return tf.sqrt(-2.0 * tf.math.log(first)) * tf.cos(2.0 * math.pi * second)


def _uniform(bits: tf.Tensor) -> tf.Tensor:
    """Uint32 -> float32, (0, 1]: the upper 24 bits, which float32 holds exactly."""
    upper = tf.bitcast(tf.bitwise.right_shift(bits, tf.constant(8, tf.uint32)), tf.int32)
    return (tf.cast(upper, tf.float32) + 1.0) * 2.0**-24


def _mix(bits: tf.Tensor) -> tf.Tensor:
    """Scatter the bits of uint32 numbers: each bit of the result depends on all (multiply, xor and shift, twice)."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        shifted = tf.bitwise.right_shift(bits, tf.constant(shift, tf.uint32))
        bits = tf.bitwise.bitwise_xor(bits, shifted) * tf.constant(factor, tf.uint32)
    return bits
