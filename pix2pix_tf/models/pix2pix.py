"""The two networks of pix2pix, each a stack one can read.

Sources: [P] Dietrich-Sussner et al. 2021 (arXiv 2101.03252), the glacier synthesis paper; [I] Isola et al. 2017 (arXiv
1611.07004) and its published code. Shapes in the comments are those of a 256 x 256 patch with the papers' widths and
strides.
"""

import functools

import tensorflow as tf

from pix2pix_tf.config import ModelConfig
from pix2pix_tf.models.blocks import convolution, downsample, output_convolution, upsample
from pix2pix_tf.models.layers import SeededDropout
from pix2pix_tf.utils.errors import UserError


def make_generator(model: ModelConfig, input_channels: int, output_channels: int, size: int) -> tf.keras.Model:
    """Build the generator, a U-Net ([I] section 3.2; layer for layer as in [P]).

    Args:
      model: width, kernel, norm, depth, upsampling (`blocks.upsampling_convolution`), dropout (the noise z, in the
        innermost `dropout_blocks` blocks), and `spade_width` (`blocks.spade`).
      input_channels: channels of the encoded input roles, such as the one-hot mask.
      output_channels: channels of the image.
      size: side of the training patches in pixels. The network takes any sides that are multiples of 2**depth.

    Returns:
      A model [image float [N, H, W, input_channels], seed int32 [N]] -> float [N, H, W, output_channels] in [-1, 1].

    Raises:
      UserError: the patch size is no multiple of 2**depth, or the innermost map is too small for `resized`.
    """
    _check_size(size, model)
    w, k, n, s = model.generator_width, model.generator_kernel, model.norm, model.spade_width
    up = functools.partial(upsample, upsampling=model.upsampling)
    z = [SeededDropout(model.dropout, salt) if salt < model.dropout_blocks else None for salt in range(7)]
    inner = model.depth - 4  # of the four innermost levels, how many are used; fewer for patches smaller than 256
    at_bottom = "none" if size == 2**model.depth else n  # a norm would turn a 1 x 1 map into zeros

    image = tf.keras.Input([None, None, input_channels], name="image")
    seed = tf.keras.Input([], dtype="int32", name="seed")
    down_stack = [
        downsample(1 * w, k, "none"),  # [N, 128, 128, 64]
        downsample(2 * w, k, n),  # [N, 64, 64, 128]
        downsample(4 * w, k, n),  # [N, 32, 32, 256]
        downsample(8 * w, k, n),  # [N, 16, 16, 512]
        *[
            downsample(8 * w, k, n),  # [N, 8, 8, 512]
            downsample(8 * w, k, n),  # [N, 4, 4, 512]
            downsample(8 * w, k, n),  # [N, 2, 2, 512]
            downsample(8 * w, k, at_bottom),  # [N, 1, 1, 512]
        ][-inner:],
    ]
    up_stack = [
        *[
            up(8 * w, k, n, z[0], s),  # [N, 2, 2, 512 + 512]
            up(8 * w, k, n, z[1], s),  # [N, 4, 4, 512 + 512]
            up(8 * w, k, n, z[2], s),  # [N, 8, 8, 512 + 512]
            up(8 * w, k, n, z[3], s),  # [N, 16, 16, 512 + 512]
        ][:inner],
        up(4 * w, k, n, z[4], s),  # [N, 32, 32, 256 + 256]
        up(2 * w, k, n, z[5], s),  # [N, 64, 64, 128 + 128]
        up(1 * w, k, n, z[6], s),  # [N, 128, 128, 64 + 64]
    ]
    last = output_convolution(output_channels, k, model.upsampling)  # [N, 256, 256, output_channels]

    x, skips = image, []
    for down in down_stack:
        x = down(x)
        skips.append(x)
    for block, skip, mask in zip(up_stack, reversed(skips[:-1]), _image_pyramid(image, len(up_stack)), strict=True):
        x = tf.keras.layers.Concatenate()([block(x, mask, seed), skip])
    generated = tf.keras.layers.Activation("tanh", dtype="float32")(last(x))
    return tf.keras.Model([image, seed], generated, name="generator")


def make_discriminator(model: ModelConfig, input_channels: int, output_channels: int) -> tf.keras.Model:
    """Build the discriminator, a PatchGAN that scores overlapping patches as real or generated ([I] section 3.3).

    With strides 2,2,2,1,1 and kernel 4 a 256 x 256 patch gets 30 x 30 scores, each with a receptive field of 70 x 70
    pixels; with 2,2,2,2,1 it gets 16 x 16 scores. The sigmoid of [P] is in the loss.

    Args:
      model: width, strides, kernel, norm.
      input_channels: channels of the generator's input.
      output_channels: channels of the image.

    Returns:
      A model [input float [N, H, W, input_channels], image float [N, H, W, output_channels]] -> float32 [N, H', W', 1],
      logits: positive where the pair looks real.
    """
    w, k, n = model.discriminator_width, model.discriminator_kernel, model.norm
    strides = model.discriminator_strides
    padding = ["same" if s == 2 or strides[3] == 2 else "one" for s in strides]

    condition = tf.keras.Input([None, None, input_channels], name="input")
    image = tf.keras.Input([None, None, output_channels], name="image")
    stack = [
        downsample(1 * w, k, "none", strides[0], padding[0]),  # [N, 128, 128, 64]
        downsample(2 * w, k, n, strides[1], padding[1]),  # [N, 64, 64, 128]
        downsample(4 * w, k, n, strides[2], padding[2]),  # [N, 32, 32, 256]
        downsample(8 * w, k, n, strides[3], padding[3]),  # [N, 31, 31, 512]
        convolution(1, k, strides[4], padding[4]),  # [N, 30, 30, 1]
    ]
    x = tf.keras.layers.Concatenate()([condition, image])
    for block in stack:
        x = block(x)
    logits = tf.keras.layers.Activation("linear", dtype="float32")(x)
    return tf.keras.Model([condition, image], logits, name="discriminator")


def _image_pyramid(image: tf.Tensor, levels: int) -> list[tf.Tensor]:
    """Return the input at 1/2, 1/4 and so on of its sides by average pooling, the smallest first."""
    pyramid = []
    for _ in range(levels):
        image = tf.keras.layers.AveragePooling2D(2)(image)
        pyramid.append(image)
    return pyramid[::-1]


def _check_size(size: int, model: ModelConfig) -> None:
    """Raise UserError for patches that cannot be halved `depth` times, or whose innermost map is below the kernel."""
    levels, kernel = model.depth, model.generator_kernel
    # On a smaller map the outer weights meet padding alone; in bfloat16 their gradients were then NaN.
    smallest = kernel // 2 + 1 if model.upsampling == "resized" else 1
    fitting = [some for some in range(5, 9) if size % 2**some == 0 and size // 2**some >= smallest]
    if levels in fitting:
        return
    fewer = [some for some in fitting if some < levels]
    cure = f"--set model.depth={fewer[-1]}" if fewer else "prepare patches of 128 or 256 pixels"
    if size % 2**levels:
        raise UserError(
            f"Patches of {size} x {size} do not divide by 2**{levels} = {2**levels}, as the generator's {levels} "
            f"levels need; use {cure}."
        )
    raise UserError(
        f"With model.upsampling=resized a kernel of {kernel} reaches beyond the innermost map of {size // 2**levels} x "
        f"{size // 2**levels} pixels on all sides; use {cure}."
    )
