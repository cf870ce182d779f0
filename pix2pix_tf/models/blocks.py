"""Block factories: each makes one line of a network.

A factory creates its layers and returns a function that applies them, so that a stack of blocks is a list one can read.
"""

from collections.abc import Callable

import tensorflow as tf

from pix2pix_tf.models.layers import (
    Conv2D,
    Conv2DTranspose,
    EvenConv2DTranspose,
    FusedInstanceNormalization,
    LeakyReLU,
    SeededDropout,
    SharedBatchNormalization,
    SubpixelConv2DTranspose,
)
from pix2pix_tf.training import distribution

Block = Callable[..., tf.Tensor]  # float [N, H, W, C] -> float [N, H', W', C']

LEAK = 0.2  # slope of LeakyReLU below zero [I]
UNET_LEAK = 0.1  # the same in the U-Net that tells classes [C]
STDDEV = 0.02  # of the normal distribution of initial weights [I]
FEW = 4  # output channels up to which a transposed convolution is faster as a sub-pixel one
EPSILON = 1e-5  # added to a variance before the division, as in the published code of [I] and [C]
MOMENTUM = 0.9  # share of batch normalisation's old running means that a step keeps, as in both


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
    normalise, activate = normalization(norm), LeakyReLU(LEAK)
    return lambda x: activate(normalise(convolve(x)))


def upsample(
    filters: int,
    kernel: int,
    norm: str,
    dropout: SeededDropout | None = None,
    spade_width: int = 0,
    upsampling: str = "transposed",
) -> Block:
    """Convolution that doubles the map, normalisation, then dropout and ReLU or, without dropout, LeakyReLU.

    Args:
      filters: channels of the output.
      kernel: side of the kernel in pixels.
      norm: "instance", "batch" or "none".
      dropout: the layer that is the noise, in the innermost blocks.
      spade_width: filters of the layer through which the mask steers the normalisation (`spade`); 0: it does not.
      upsampling: "transposed" or "resized"; see `doubled_convolution`.

    Returns:
      A block ([N, H, W, C], mask [N, 2 H, 2 W, M], seed int32 [N]) -> [N, 2 H, 2 W, filters].
    """
    convolve = upsampling_convolution(filters, kernel, upsampling, use_bias=norm == "none" and not spade_width)
    normalise = spade(filters, spade_width, norm) if spade_width else ignore_mask(normalization(norm))
    if dropout is None:
        activate = LeakyReLU(LEAK)
        return lambda x, mask, seed: activate(normalise(convolve(x), mask))
    activate = tf.keras.layers.ReLU()
    return lambda x, mask, seed: activate(dropout([normalise(convolve(x), mask), seed]))


def ignore_mask(block: Block) -> Block:
    """A block that takes a mask as well, and does not look at it."""
    return lambda x, mask: block(x)


def spade(filters: int, width: int, norm: str) -> Block:
    """Spatially adaptive normalisation (Park et al. 2019, arXiv 1903.07291, equation 1): the mask scales and shifts.

    A plain normalisation takes from a map whatever is the same all over it, and so washes out which zone a large even
    patch of the mask shows. Here each pixel gets that back: y = x^ * gamma(mask) + beta(mask), where x^ is the map
    normalised without parameters, and gamma and beta are convolutions of the mask.

    Args:
      filters: channels of the map.
      width: filters of the layer that both convolutions share.
      norm: "instance", "batch" or "none", of x^.

    Returns:
      A block ([N, H, W, filters], mask [N, H, W, M]) -> [N, H, W, filters].
    """
    normalise = normalization(norm, trained=False)
    look = tf.keras.layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")
    # gamma begins at 1 and beta at 0, so that an untrained block is the plain normalisation, all but small weights
    gamma, beta = (
        tf.keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            kernel_initializer=tf.keras.initializers.RandomNormal(stddev=STDDEV),
            bias_initializer=first,
        )
        for first in ("ones", "zeros")
    )

    def block(x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        seen = look(mask)
        return tf.keras.layers.Add()([tf.keras.layers.Multiply()([normalise(x), gamma(seen)]), beta(seen)])

    return block


def conv_block(filters: int, norm: str) -> Block:
    """Twice convolution, normalisation, LeakyReLU: one level of the U-Net that tells classes [C].

    Args:
      filters: channels of the output.
      norm: "instance", "batch" or "none".

    Returns:
      A block [N, H, W, C] -> [N, H, W, filters].
    """
    first, second = (atrous_convolution(filters, 3, 1, norm, LeakyReLU(UNET_LEAK)) for _ in range(2))
    return lambda x: second(first(x))


def aspp(filters: int, rates: tuple[int, ...], norm: str, dropout: SeededDropout) -> Block:
    """Atrous spatial pyramid pooling (Chen et al. 2017, arXiv 1706.05587): each pixel looks near and far at once.

    A 1 x 1 convolution, a 3 x 3 convolution for each rate and the mean of the whole map are put together by a 1 x 1
    convolution. The mean is added to it after a 1 x 1 convolution of its own, which is the same as to spread it over
    the map, stack it and convolve.

    Args:
      filters: channels of each branch and of the output.
      rates: pixels between the taps of each 3 x 3 convolution.
      norm: "instance", "batch" or "none".
      dropout: the layer at the end.

    Returns:
      A block ([N, H, W, C], seed int32 [N]) -> [N, H, W, filters].
    """
    relu = tf.keras.layers.ReLU
    branches = [atrous_convolution(filters, 1, 1, norm, relu())]
    branches += [atrous_convolution(filters, 3, rate, norm, relu()) for rate in rates]
    mean = tf.keras.layers.GlobalAveragePooling2D(keepdims=True)
    of_mean = atrous_convolution(filters, 1, 1, "none" if norm == "instance" else norm, relu())  # of a 1 x 1 map
    stacked, spread = (convolution(filters, 1, 1, "same", use_bias=False, initial="he_normal") for _ in range(2))
    normalise, activate = normalization(norm), relu()

    def block(x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        near_and_far = stacked(tf.keras.layers.Concatenate()([branch(x) for branch in branches]))
        together = tf.keras.layers.Add()([near_and_far, spread(of_mean(mean(x)))])
        return dropout([activate(normalise(together)), seed])

    return block


def atrous_convolution(filters: int, kernel: int, rate: int, norm: str, activate: tf.keras.layers.Layer) -> Block:
    """A convolution whose taps lie apart, normalisation, and an activation; the map keeps its size.

    Args:
      filters: channels of the output.
      kernel: taps along each side.
      rate: pixels from one tap to the next.
      norm: "instance", "batch" or "none".
      activate: the layer at the end.

    Returns:
      A block [N, H, W, C] -> [N, H, W, filters].
    """
    convolve = tf.keras.layers.Conv2D(
        filters,
        kernel,
        padding="same",
        dilation_rate=rate,
        kernel_initializer="he_normal",
        use_bias=norm == "none",
    )
    normalise = normalization(norm)
    return lambda x: activate(normalise(convolve(x)))


def convolution(
    filters: int,
    kernel: int,
    strides: int,
    padding: str,
    use_bias: bool = True,
    initial: str | tf.keras.initializers.Initializer | None = None,
) -> Block:
    """A convolution, with the initial weights of pix2pix unless others are named.

    Args:
      filters: channels of the output.
      kernel: side of the kernel in pixels.
      strides: as of `downsample`.
      padding: as of `downsample`.
      use_bias: whether a trained number is added to each channel.
      initial: how the weights begin, by Keras' names; None: normal, of deviation 0.02.
    """
    layer = Conv2D(
        filters,
        kernel,
        strides,
        padding="same" if padding == "same" else "valid",
        kernel_initializer=initial or tf.keras.initializers.RandomNormal(stddev=STDDEV),
        use_bias=use_bias,
    )
    if padding == "same":
        return layer
    pad = tf.keras.layers.ZeroPadding2D(1)
    return lambda x: layer(pad(x))


def upsampling_convolution(filters: int, kernel: int, upsampling: str, use_bias: bool = True) -> Block:
    """A convolution that doubles the map.

    A transposed convolution of stride 2 has other weights for even than for odd pixels, and so leaves a grid on plain
    areas; several of them leave grids of 2, 4, 8 pixels and so on (Odena et al. 2016). An ordinary convolution has
    the same weights everywhere, and interpolation adds no grid that the next convolution could not smooth.

    Args:
      filters: channels of the output.
      kernel: side of the kernel in pixels.
      upsampling: "transposed", or "resized": a convolution, whose map is then interpolated (the other order would be
        four times the work).
      use_bias: whether it adds a number for each channel.

    Returns:
      A block [N, H, W, C] -> [N, 2 H, 2 W, filters].
    """
    if upsampling == "transposed":
        return transposed_convolution(filters, kernel, use_bias)
    convolve = convolution(filters, kernel, 1, "same", use_bias)
    enlarge = tf.keras.layers.UpSampling2D(2, interpolation="bilinear")
    return lambda x: enlarge(convolve(x))


def output_convolution(filters: int, kernel: int, upsampling: str) -> Block:
    """The layer that paints: transposed in any case, for interpolated pixels have no speckle.

    Args:
      filters: channels of the image.
      kernel: side of the kernel in pixels; an odd one grows by one where maps are "resized", so that it covers all
        pixels equally often.
      upsampling: "transposed", or "resized": then it leaves no grid either (`EvenConv2DTranspose`).

    Returns:
      A block [N, H, W, C] -> [N, 2 H, 2 W, filters].
    """
    if upsampling == "transposed":
        return transposed_convolution(filters, kernel)
    initial = tf.keras.initializers.RandomNormal(stddev=STDDEV)
    return EvenConv2DTranspose(filters, kernel + kernel % 2, strides=2, padding="same", kernel_initializer=initial)


def transposed_convolution(
    filters: int,
    kernel: int,
    use_bias: bool = True,
    initial: str | tf.keras.initializers.Initializer | None = None,
) -> Block:
    """A transposed convolution that doubles the map, with the initial weights of pix2pix unless others are named.

    Args:
      filters: channels of the output.
      kernel: side of the kernel in pixels.
      use_bias: whether a trained number is added to each channel.
      initial: how the weights begin, by Keras' names; None: normal, of deviation 0.02.

    Returns:
      A block [N, H, W, C] -> [N, 2 H, 2 W, filters].
    """
    kind = SubpixelConv2DTranspose if filters <= FEW else Conv2DTranspose
    return kind(
        filters,
        kernel,
        strides=2,
        padding="same",
        kernel_initializer=initial or tf.keras.initializers.RandomNormal(stddev=STDDEV),
        use_bias=use_bias,
    )


def normalization(norm: str, trained: bool = True) -> Block:
    """Instance normalisation is batch normalisation at batch size 1 in training mode, whatever the batch and the mode.

    Args:
      norm: "instance", "batch" or "none".
      trained: whether it has a scale and an offset for each channel.

    Returns:
      A block [N, H, W, C] -> [N, H, W, C].
    """
    if norm == "instance":
        return FusedInstanceNormalization(EPSILON, trained)
    if norm == "batch":
        kind = SharedBatchNormalization if distribution.device_count() > 1 else tf.keras.layers.BatchNormalization
        return kind(momentum=MOMENTUM, epsilon=EPSILON, scale=trained, center=trained)
    return lambda x: x
