"""Block factories: each call of one is a line of a network.

A factory creates its layers and returns a function that applies them, so that a stack of blocks is a list one can read.
Sources: [I] Isola et al. 2017 (arXiv 1611.07004) and its published code; [C] Gourmelon et al. 2022 (ESSD 14, 4287) and
its published code.
"""

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

from pix2pix_tf.models import replicas
from pix2pix_tf.models.layers import (
    Conv2D,
    Conv2DTranspose,
    EvenConv2DTranspose,
    FusedInstanceNormalization,
    LeakyReLU,
    MirrorPadding2D,
    SeededDropout,
    SharedBatchNormalization,
    SubpixelConv2DTranspose,
)

Block = Callable[..., tf.Tensor]  # float [N, H, W, C] -> float [N, H', W', C']
Norm = str  # "instance", "batch" or "none"; see `normalization`
# "same"; "one": a rim of one zero and no other padding, so that kernel 4 at stride 1 takes 32 to 31; or "mirror": a rim
# of one mirrored pixel, which keeps the size at kernel 3.
Padding = str
Upsampling = str  # "transposed" or "resized"; see `upsampling_convolution`
Initializer: TypeAlias = (
    str | tf.keras.initializers.Initializer | None
)  # Keras' name or object; None: normal, deviation STDDEV

LEAK = 0.2  # slope of LeakyReLU below zero [I]
UNET_LEAK = 0.1  # the same in the U-Net for segmentation [C]
STDDEV = 0.02  # of the normal distribution of initial weights [I]
SUBPIXEL_FILTERS = 4  # output channels up to which a transposed convolution is faster as a sub-pixel one
EPSILON = 1e-5  # added to a variance before the division, as in the published code of [I] and [C]
MOMENTUM = 0.9  # share of batch normalisation's old running means that a step keeps, as in both


def downsample(filters: int, kernel: int, norm: Norm, strides: int = 2, padding: Padding = "same") -> Block:
    """Build a block of the encoder or the discriminator: convolution, normalisation, LeakyReLU.

    Args:
      filters: channels of the output.
      kernel: side of the kernel in pixels.
      norm: after the convolution.
      strides: 2 halves the map.
      padding: of the convolution.

    Returns:
      A block [N, H, W, C] -> [N, H / strides, W / strides, filters].
    """
    convolve = convolution(filters, kernel, strides, padding, use_bias=norm == "none")
    normalise, activate = normalization(norm), LeakyReLU(LEAK)
    return lambda x: activate(normalise(convolve(x)))


def upsample(
    filters: int,
    kernel: int,
    norm: Norm,
    dropout: SeededDropout | None = None,
    spade_width: int = 0,
    upsampling: Upsampling = "transposed",
) -> Block:
    """Build a block of the decoder: a convolution that doubles the map, normalisation, and an activation.

    The activation is ReLU after dropout, and LeakyReLU without dropout.

    Args:
      filters: channels of the output.
      kernel: side of the kernel in pixels.
      norm: after the convolution.
      dropout: the noise z, in the innermost blocks.
      spade_width: filters of the hidden layer of `spade`; 0 for a plain normalisation, which ignores the mask.
      upsampling: how the map is doubled.

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
    """Wrap a block so that it takes a mask as well and ignores it."""
    return lambda x, mask: block(x)


def spade(filters: int, width: int, norm: Norm) -> Block:
    """Build a spatially adaptive normalisation (Park et al. 2019, arXiv 1903.07291, equation 1).

    A plain normalisation removes what is constant over a map, and with it the zone of a large uniform area of the mask.
    This one restores it for each pixel: y = x^ * gamma(mask) + beta(mask), where x^ is the map normalised without
    parameters, and gamma and beta are convolutions of the mask.

    Args:
      filters: channels of the map.
      width: filters of the hidden layer that gamma and beta share.
      norm: gives x^.

    Returns:
      A block ([N, H, W, filters], mask [N, H, W, M]) -> [N, H, W, filters].
    """
    normalise = normalization(norm, trained=False)
    hidden_layer = tf.keras.layers.Conv2D(width, 3, padding="same", activation="relu", kernel_initializer="he_normal")
    # gamma begins at 1 and beta at 0, so that an untrained block is close to the plain normalisation
    gamma, beta = (
        tf.keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            kernel_initializer=tf.keras.initializers.RandomNormal(stddev=STDDEV),
            bias_initializer=bias,
        )
        for bias in ("ones", "zeros")
    )

    def block(x: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
        hidden = hidden_layer(mask)
        return tf.keras.layers.Add()([tf.keras.layers.Multiply()([normalise(x), gamma(hidden)]), beta(hidden)])

    return block


def conv_block(filters: int, norm: Norm) -> Block:
    """Build one level of the U-Net for segmentation: twice convolution, normalisation, LeakyReLU [C].

    Args:
      filters: channels of the output.
      norm: after each convolution.

    Returns:
      A block [N, H, W, C] -> [N, H, W, filters].
    """
    first, second = (atrous_convolution(filters, 3, 1, norm, LeakyReLU(UNET_LEAK)) for _ in range(2))
    return lambda x: second(first(x))


def aspp(filters: int, rates: tuple[int, ...], norm: Norm, dropout: SeededDropout) -> Block:
    """Build atrous spatial pyramid pooling (Chen et al. 2017, arXiv 1706.05587): context at several distances.

    A 1 x 1 convolution joins the branches: a 1 x 1 convolution, a 3 x 3 convolution for each rate, and the mean of the
    whole map. The mean is added after a 1 x 1 convolution of its own, which equals concatenating it at every pixel.

    Args:
      filters: channels of each branch and of the output.
      rates: dilation rates in pixels, one for each 3 x 3 convolution.
      norm: after each convolution.
      dropout: the layer at the end.

    Returns:
      A block ([N, H, W, C], seed int32 [N]) -> [N, H, W, filters].
    """
    relu = tf.keras.layers.ReLU
    branches = [atrous_convolution(filters, 1, 1, norm, relu())]
    branches += [atrous_convolution(filters, 3, rate, norm, relu()) for rate in rates]
    mean = tf.keras.layers.GlobalAveragePooling2D(keepdims=True)
    # the mean is a 1 x 1 map, which instance normalisation would turn into zeros
    mean_branch = atrous_convolution(filters, 1, 1, "none" if norm == "instance" else norm, relu())
    join, join_mean = (convolution(filters, 1, 1, "same", use_bias=False, initializer="he_normal") for _ in range(2))
    normalise, activate = normalization(norm), relu()

    def block(x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        joined = join(tf.keras.layers.Concatenate()([branch(x) for branch in branches]))
        joined = tf.keras.layers.Add()([joined, join_mean(mean_branch(mean(x)))])
        return dropout([activate(normalise(joined)), seed])

    return block


def atrous_convolution(filters: int, kernel: int, rate: int, norm: Norm, activate: tf.keras.layers.Layer) -> Block:
    """Build a dilated convolution, normalisation, and an activation; the map keeps its size.

    Args:
      filters: channels of the output.
      kernel: weights along each side.
      rate: pixels from one weight to the next.
      norm: after the convolution.
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
    padding: Padding,
    use_bias: bool = True,
    initializer: Initializer = None,
) -> Block:
    """Build a convolution, with the initial weights of pix2pix by default.

    Args:
      filters: channels of the output.
      kernel: side of the kernel in pixels.
      strides: 2 halves the map.
      padding: of the map.
      use_bias: True for a trained offset of each channel.
      initializer: of the weights.

    Returns:
      A block [N, H, W, C] -> [N, H / strides, W / strides, filters].
    """
    layer = Conv2D(
        filters,
        kernel,
        strides,
        padding="same" if padding == "same" else "valid",
        kernel_initializer=initializer or tf.keras.initializers.RandomNormal(stddev=STDDEV),
        use_bias=use_bias,
    )
    if padding == "same":
        return layer
    pad = MirrorPadding2D() if padding == "mirror" else tf.keras.layers.ZeroPadding2D(1)
    return lambda x: layer(pad(x))


def upsampling_convolution(filters: int, kernel: int, upsampling: Upsampling, use_bias: bool = True) -> Block:
    """Build a convolution that doubles the map.

    A transposed convolution of stride 2 uses other weights for even than for odd pixels, and so leaves a grid on plain
    areas; several of them leave grids of 2, 4, 8 pixels and so on (Odena et al. 2016). An ordinary convolution uses
    the same weights everywhere, and interpolation adds no grid that the next convolution could not smooth.

    Args:
      filters: channels of the output.
      kernel: side of the kernel in pixels.
      upsampling: "transposed" for a transposed convolution; "resized" for a convolution and bilinear interpolation of
        its output (the other order would take four times the work).
      use_bias: True for a trained offset of each channel.

    Returns:
      A block [N, H, W, C] -> [N, 2 H, 2 W, filters].
    """
    if upsampling == "transposed":
        return transposed_convolution(filters, kernel, use_bias)
    convolve = convolution(filters, kernel, 1, "same", use_bias)
    enlarge = tf.keras.layers.UpSampling2D(2, interpolation="bilinear")
    return lambda x: enlarge(convolve(x))


def output_convolution(filters: int, kernel: int, upsampling: Upsampling) -> Block:
    """Build the generator's last layer, always a transposed convolution, as interpolated pixels have no speckle.

    Args:
      filters: channels of the image.
      kernel: side of the kernel in pixels; for "resized" an odd one grows by one, so that it covers all pixels equally
        often.
      upsampling: of the blocks before; for "resized" this layer leaves no grid either (`EvenConv2DTranspose`).

    Returns:
      A block [N, H, W, C] -> [N, 2 H, 2 W, filters].
    """
    if upsampling == "transposed":
        return transposed_convolution(filters, kernel)
    normal = tf.keras.initializers.RandomNormal(stddev=STDDEV)
    return EvenConv2DTranspose(filters, kernel + kernel % 2, strides=2, padding="same", kernel_initializer=normal)


def transposed_convolution(
    filters: int,
    kernel: int,
    use_bias: bool = True,
    initializer: Initializer = None,
) -> Block:
    """Build a transposed convolution that doubles the map, with the initial weights of pix2pix by default.

    Args:
      filters: channels of the output.
      kernel: side of the kernel in pixels.
      use_bias: True for a trained offset of each channel.
      initializer: of the weights.

    Returns:
      A block [N, H, W, C] -> [N, 2 H, 2 W, filters].
    """
    layer_class = SubpixelConv2DTranspose if filters <= SUBPIXEL_FILTERS else Conv2DTranspose
    return layer_class(
        filters,
        kernel,
        strides=2,
        padding="same",
        kernel_initializer=initializer or tf.keras.initializers.RandomNormal(stddev=STDDEV),
        use_bias=use_bias,
    )


def normalization(norm: Norm, trained: bool = True) -> Block:
    """Build a normalisation.

    Instance normalisation is what batch normalisation is at batch size 1 in training mode, but at any batch size and in
    any mode.

    Args:
      norm: "none" returns its input.
      trained: True for a scale and an offset of each channel.

    Returns:
      A block [N, H, W, C] -> [N, H, W, C].
    """
    if norm == "instance":
        return FusedInstanceNormalization(EPSILON, trained)
    if norm == "batch":
        shared = replicas.device_count() > 1
        layer_class = SharedBatchNormalization if shared else tf.keras.layers.BatchNormalization
        return layer_class(momentum=MOMENTUM, epsilon=EPSILON, scale=trained, center=trained)
    return lambda x: x
