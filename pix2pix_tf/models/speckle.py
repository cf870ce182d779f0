"""The networks of the speckle variant, each a stack one can read.

The generator has no encoder: it grows an image from 8 x 8 pixels, and the mask enters at every level. Sources: [S] Park
et al. 2019 (arXiv 1903.07291), SPADE; [T] Tan et al. 2020 (arXiv 2004.02867), modulation by class; [O] Sushko et al.
2021 (arXiv 2012.04781), OASIS; [K] Karras et al. 2019 (arXiv 1812.04948), noise in every block; [W] Wang et al. 2018
(arXiv 1711.11585), scores at two depths; [H] He et al. 2015 (arXiv 1502.01852), gains. Shapes in the comments are those
of a 256 x 256 patch with the widths of the variant.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

from pix2pix_tf.config import ModelConfig
from pix2pix_tf.models.blocks import EPSILON, LEAK, Block, convolution
from pix2pix_tf.models.flow import Streaks
from pix2pix_tf.models.layers import FusedInstanceNormalization, LeakyReLU
from pix2pix_tf.models.speckle_layers import (
    AddNoise,
    DepthToSpace,
    DoubleSize,
    ModulateByClass,
    NoiseAt,
    Speckle,
    SpectralConv2D,
)
from pix2pix_tf.utils.errors import UserError

Modulate = Callable[[tf.Tensor], tf.Tensor]  # float [N, H, W, C] -> the same shape; new weights at each call

STYLE_WIDTH = 64  # units of the two dense layers that read a style
SPADE_WIDTH = 32  # filters through which the mask steers the norms [S]
SPADE_FROM = 2  # halvings from which the mask modulates by SPADE; larger maps by class tables, which cost less
NOISE_MAPS = 4  # two for the blocks, one for the speckle, one for the streaks
STREAKS_TO = 2  # halvings up to which streaks along the flow of ice join the noise
STDDEV = 0.05  # of the initial weights of scales and shifts
GAIN = 1.4  # of the discriminators' kernels: as much as LeakyReLU takes away, sqrt(2 / (1 + LEAK**2)) [H]
HALVINGS = 5  # of the pixel discriminator, which is a U-Net


def make_speckle_generator(model: ModelConfig, classes: int, style_size: int, size: int) -> tf.keras.Model:
    """Build the generator: a decoder of residual blocks, with multiplicative speckle at its end.

    Args:
      model: generator_width (filters at full size; deeper levels have up to 12 times as many), depth (doublings),
        flow_lines.
      classes: channels of the one-hot mask.
      style_size: length of a style vector (`data/styles.py`).
      size: side of the training patches in pixels. The network takes any sides that are multiples of 2**depth.

    Returns:
      A model [mask float [N, H, W, classes], style float32 [N, style_size], noise float32 [N, H, W, NOISE_MAPS]] ->
      float32 [N, H, W, 1], the log tone of the image in [-1, 1] (`encoding.log_tone`).

    Raises:
      UserError: the patch size is no multiple of 2**depth, its smallest map has one pixel, or the pixel discriminator
        cannot halve it.
    """
    _check_size(size, model.depth)
    w, d = model.generator_width, model.depth
    mask = tf.keras.Input([None, None, classes], name="mask")
    style = tf.keras.Input([style_size], name="style")
    noise = tf.keras.Input([None, None, NOISE_MAPS], name="noise")

    widths = [
        12 * w,  # [N, 8, 8, 192]
        12 * w,  # [N, 16, 16, 192]
        10 * w,  # [N, 32, 32, 160]
        6 * w,  # [N, 64, 64, 96]
        3 * w,  # [N, 128, 128, 48]
        1 * w,  # [N, 256, 256, 16]
    ][-d - 1 :]
    masks = _pyramid(mask, d)
    streaks = _streaks(mask, noise) if model.flow_lines else None
    code = LeakyReLU(LEAK)(tf.keras.layers.Dense(STYLE_WIDTH)(style))
    code = LeakyReLU(LEAK)(tf.keras.layers.Dense(STYLE_WIDTH)(code))

    x = convolution(widths[0], 3, 1, "mirror", initializer="glorot_uniform")(masks[0])
    x = tf.keras.layers.Add()([x, _per_channel(code, widths[0])])
    for level, filters in enumerate(widths):
        halvings = d - level
        modulate = (_spade if halvings >= SPADE_FROM else _by_class)(masks[level], code, filters)
        # Bilinear: nearest pixels, then the mean with weights 1, 2, 1. Nearest pixels alone leave a weave.
        x = DoubleSize()(x) if level else x
        noises = [NoiseAt(n, halvings)(noise) for n in (0, 1)]
        if streaks is not None and halvings <= STREAKS_TO:
            along = streaks[halvings]
            noises = [tf.keras.layers.Concatenate(dtype="float32")([one, along]) for one in noises]
        x = _residual(x, widths[level : level + 2], modulate, noises)
    tone = convolution(1, 3, 1, "mirror", initializer=_normal())(x)
    strength = tf.keras.layers.Dense(
        classes, kernel_initializer=_normal(), bias_initializer=tf.keras.initializers.Constant(0.1), name="strength"
    )(code)
    tone = Speckle()([tone, mask, strength, NoiseAt(2, 0)(noise)])
    tone = tf.keras.layers.Activation("tanh", dtype="float32")(tone)
    return tf.keras.Model([mask, style, noise], tone, name="generator")


def make_pixel_discriminator(width: int, classes: int) -> tf.keras.Model:
    """Build OASIS' discriminator [O]: a U-Net that names each pixel's class, or "generated". It gets no mask.

    Args:
      width: filters of the first level; the next have 2, 6, 8 and 8 times as many.
      classes: of the mask; one more stands for "generated".

    Returns:
      A model float [N, H, W, 1] -> [logits float32 [N, H, W, classes + 1], and three maps of features at 1/8, 1/16 and
      1/32 of the sides].
    """
    d = width
    image = tf.keras.Input([None, None, 1], name="image")
    down_stack = [
        _halve(1 * d, 5, refine=True),  # [N, 128, 128, 16]
        _halve(2 * d, 4, refine=True),  # [N, 64, 64, 32]
        _halve(6 * d, 4),  # [N, 32, 32, 96]
        _halve(8 * d, 4),  # [N, 16, 16, 128]
        _halve(8 * d, 4),  # [N, 8, 8, 128]
    ]
    up_stack = [
        _spectral(8 * d, 3),  # [N, 16, 16, 128]
        _spectral(4 * d, 3),  # [N, 32, 32, 64]
        _spectral(2 * d, 3),  # [N, 64, 64, 32]
        _spectral(1 * d, 3),  # [N, 128, 128, 16]
    ]
    x, skips = image, []
    for block in down_stack:
        x = block(x)
        skips.append(x)
    for block, skip in zip(up_stack, skips[-2::-1], strict=True):
        larger = DoubleSize()(x)
        x = block(tf.keras.layers.Concatenate()([larger, skip]))
    per_square = convolution(4 * (classes + 1), 3, 1, "same", initializer="glorot_uniform")(x)
    return tf.keras.Model(image, [DepthToSpace()(per_square), *skips[2:]], name="pixel_discriminator")


def make_texture_discriminator(width: int, classes: int, norm: bool) -> tf.keras.Model:
    """Build a PatchGAN of image and mask with scores at two depths, of pieces of 10 and of 78 pixels [W].

    Args:
      width: filters of the first layer; the next have 2, 4, 8 and 8 times as many.
      classes: channels of the mask.
      norm: instance norm in all layers but the first, as in [S].

    Returns:
      A model [image float [N, H, W, 1], mask float [N, H, W, classes]] -> two maps of scores, float32 [N, H', W', 1],
      positive where the pair looks real.
    """
    d = width
    image = tf.keras.Input([None, None, 1], name="image")
    mask = tf.keras.Input([None, None, classes], name="mask")
    shallow_stack = [
        _halve(1 * d, 4),  # [N, 128, 128, 16]
        _spectral(2 * d, 4, 2, norm),  # [N, 64, 64, 32]
    ]
    deep_stack = [
        _spectral(4 * d, 4, 2, norm),  # [N, 32, 32, 64]
        _spectral(8 * d, 4, 2, norm),  # [N, 16, 16, 128]
        _spectral(8 * d, 3, 1, norm),  # [N, 16, 16, 128]
    ]
    x, scores = tf.keras.layers.Concatenate()([image, mask]), []
    for stack in (shallow_stack, deep_stack):
        for block in stack:
            x = block(x)
        score = convolution(1, 3, 1, "same", initializer="glorot_uniform")(x)  # [N, 64, 64, 1], [N, 16, 16, 1]
        scores.append(tf.keras.layers.Activation("linear", dtype="float32")(score))
    return tf.keras.Model([image, mask], scores, name="texture_discriminator")


def _residual(x: tf.Tensor, widths: Sequence[int], modulate: Modulate, noises: Sequence[tf.Tensor]) -> tf.Tensor:
    """Apply a residual block: twice noise, modulation, LeakyReLU, convolution.

    Args:
      x: float [N, h, w, widths[0]].
      widths: filters of this level and of the next; the last level, which has no next, has one convolution.
      modulate: creates a new modulation at each call.
      noises: two, float32 [N, h, w, M].

    Returns:
      Float [N, h, w, widths[-1]].
    """
    y = LeakyReLU(LEAK)(modulate(AddNoise()([x, noises[0]])))
    y = convolution(widths[0], 3, 1, "mirror", initializer="he_normal")(y)
    y = LeakyReLU(LEAK)(modulate(AddNoise()([y, noises[1]])))
    if len(widths) == 1:
        return y
    y = convolution(widths[1], 3, 1, "mirror", initializer="he_normal")(y)
    if widths[0] != widths[1]:
        x = convolution(widths[1], 1, 1, "same", use_bias=False, initializer="glorot_uniform")(x)
    return tf.keras.layers.Rescaling(2**-0.5)(tf.keras.layers.Add()([x, y]))  # two summands, the deviation of one


def _spade(mask: tf.Tensor, code: tf.Tensor, filters: int) -> Modulate:
    """Build instance normalisation, then scale and shift of each pixel by the mask around it and by the style [S]."""
    near = convolution(SPADE_WIDTH, 3, 1, "mirror", initializer="he_normal")(mask)
    hidden = tf.keras.layers.ReLU()(tf.keras.layers.Add()([near, _per_channel(code, SPADE_WIDTH)]))

    def modulate(x: tf.Tensor) -> tf.Tensor:
        scale, shift = (
            tf.keras.layers.Conv2D(filters, 1, kernel_initializer=_normal(), bias_initializer=bias)(hidden)
            for bias in ("ones", "zeros")
        )
        x = FusedInstanceNormalization(EPSILON, trained=False)(x)
        return tf.keras.layers.Add()([tf.keras.layers.Multiply()([x, scale]), shift])

    return modulate


def _by_class(mask: tf.Tensor, code: tf.Tensor, filters: int) -> Modulate:
    """Build scale and shift of each class by the style [T]; without a norm, which costs most on large maps."""
    classes = mask.shape[-1]

    def modulate(x: tf.Tensor) -> tf.Tensor:
        scale, shift = (
            tf.keras.layers.Reshape([classes, filters])(
                tf.keras.layers.Dense(classes * filters, kernel_initializer=_normal(), bias_initializer=bias)(code)
            )
            for bias in ("ones", "zeros")
        )
        return ModulateByClass()([x, mask, scale, shift])

    return modulate


def _halve(filters: int, kernel: int, refine: bool = False) -> Block:
    """Build a discriminator's block: strided convolution and LeakyReLU, with another convolution where it refines."""
    first = _spectral(filters, kernel, 2)
    if not refine:
        return first
    second = _spectral(filters, 3)
    return lambda x: second(first(x))


def _spectral(filters: int, kernel: int, strides: int = 1, norm: bool = False) -> Block:
    """Build a spectrally normalised convolution, instance norm where it is wanted, and LeakyReLU."""
    convolve, activate = SpectralConv2D(filters, kernel, strides, padding="same", gain=GAIN), LeakyReLU(LEAK)
    if not norm:
        return lambda x: activate(convolve(x))
    normalize = FusedInstanceNormalization(EPSILON, trained=False)
    return lambda x: activate(normalize(convolve(x)))


def _pyramid(mask: tf.Tensor, times: int) -> list[tf.Tensor]:
    """Return the mask at 1 / 2**times of its sides, and so on up to full size; its pixels hold shares of classes."""
    masks = [mask]
    for _ in range(times):
        masks.append(tf.keras.layers.AveragePooling2D(2)(masks[-1]))
    return masks[::-1]


def _streaks(mask: tf.Tensor, noise: tf.Tensor) -> list[tf.Tensor]:
    """Return the streaks along the flow of ice at full size, halved, and halved twice."""
    halved = Streaks()([mask, NoiseAt(3, 0)(noise)])
    return [DoubleSize(dtype="float32")(halved), halved, tf.keras.layers.AveragePooling2D(2, dtype="float32")(halved)]


def _per_channel(code: tf.Tensor, filters: int) -> tf.Tensor:
    """Return a number for each channel, by the style: float [N, 1, 1, filters]."""
    return tf.keras.layers.Reshape([1, 1, filters])(tf.keras.layers.Dense(filters)(code))


def _normal() -> tf.keras.initializers.Initializer:
    return tf.keras.initializers.RandomNormal(stddev=STDDEV)


def _check_size(size: int, depth: int) -> None:
    """Raise UserError for patches that cannot be halved `depth` times to 2 x 2, or HALVINGS times at all."""
    if size % 2**HALVINGS:
        raise UserError(
            f"Patches of {size} x {size} pixels do not divide by {2**HALVINGS}, as the discriminator needs; prepare "
            "patches of 128 or 256 pixels."
        )
    if size < 2 ** (depth + 1):
        deepest = max(some for some in range(1, HALVINGS + 1) if size >= 2 ** (some + 1))
        raise UserError(
            f"Patches of {size} x {size} pixels do not halve {depth} times down to 2 x 2 or more; use "
            f"--set model.depth={deepest}."
        )
