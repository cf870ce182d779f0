"""Block factories: each makes one line of a network.

A factory creates its layers and returns a function that applies them, so that a stack of blocks is a list one can read.
"""

from collections.abc import Callable

import tensorflow as tf

from pix2pix_tf.models.layers import FusedInstanceNormalization, SeededDropout, SubpixelConv2DTranspose

Block = Callable[..., tf.Tensor]  # float [N, H, W, C] -> float [N, H', W', C']

LEAK = 0.2  # slope of LeakyReLU below zero [I]
STDDEV = 0.02  # of the normal distribution of initial weights [I]
FEW = 4  # output channels up to which a transposed convolution is faster as a sub-pixel one
EPSILON = 1e-5  # added to a variance before the division, as in the published code of [I]


def downsample(filters: int, kernel: int, norm: str, strides: int = 2, padding: str = "same") -> Block:
    """Convolution, normalisation, LeakyReLU: the encoder's block, and the discriminator's.

    Args:
      filters: channels of the output.
      kernel: side of the kernel in pixels.
      norm: "instance", "batch" or "none".
      strides: 2 halves the map.
      padding: "same", or "one": a rim of one zero and no other padding, so that kernel 4 at stride 1 takes 32 to 31.

    Returns:
      A block [N, H, W, C] -> [N, H / strides, W / strides, filters].
    """
    convolve = convolution(filters, kernel, strides, padding, use_bias=norm == "none")
    normalise, activate = normalization(norm), tf.keras.layers.LeakyReLU(LEAK)
    return lambda x: activate(normalise(convolve(x)))


def upsample(filters: int, kernel: int, norm: str, dropout: SeededDropout | None = None) -> Block:
    """Transposed convolution that doubles the map, normalisation, then dropout and ReLU or, without dropout, LeakyReLU.

    Args:
      filters: channels of the output.
      kernel: side of the kernel in pixels.
      norm: "instance", "batch" or "none".
      dropout: the layer that is the noise, in the innermost blocks.

    Returns:
      A block ([N, H, W, C], seed int32 [N]) -> [N, 2 H, 2 W, filters].
    """
    convolve = transposed_convolution(filters, kernel, use_bias=norm == "none")
    normalise = normalization(norm)
    if dropout is None:
        activate = tf.keras.layers.LeakyReLU(LEAK)
        return lambda x, seed: activate(normalise(convolve(x)))
    activate = tf.keras.layers.ReLU()
    return lambda x, seed: activate(dropout([normalise(convolve(x)), seed]))


def convolution(filters: int, kernel: int, strides: int, padding: str, use_bias: bool = True) -> Block:
    """A convolution with the papers' initial weights; see `downsample` for the arguments."""
    layer = tf.keras.layers.Conv2D(
        filters,
        kernel,
        strides,
        padding="same" if padding == "same" else "valid",
        kernel_initializer=tf.keras.initializers.RandomNormal(stddev=STDDEV),
        use_bias=use_bias,
    )
    if padding == "same":
        return layer
    pad = tf.keras.layers.ZeroPadding2D(1)
    return lambda x: layer(pad(x))


def transposed_convolution(filters: int, kernel: int, use_bias: bool = True) -> Block:
    """A transposed convolution that doubles the map, with the papers' initial weights."""
    kind = SubpixelConv2DTranspose if filters <= FEW else tf.keras.layers.Conv2DTranspose
    return kind(
        filters,
        kernel,
        strides=2,
        padding="same",
        kernel_initializer=tf.keras.initializers.RandomNormal(stddev=STDDEV),
        use_bias=use_bias,
    )


def normalization(norm: str) -> Block:
    """Instance normalisation is batch normalisation at batch size 1 in training mode, whatever the batch and the mode.

    Args:
      norm: "instance", "batch" or "none".

    Returns:
      A block [N, H, W, C] -> [N, H, W, C].
    """
    if norm == "instance":
        return FusedInstanceNormalization(EPSILON)
    if norm == "batch":
        return tf.keras.layers.BatchNormalization(epsilon=EPSILON)
    return lambda x: x
