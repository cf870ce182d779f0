"""The U-Net for segmentation: the baseline of the CaFFe benchmark, zones or fronts from a SAR image.

Source: [C] Gourmelon et al. 2022 (ESSD 14, 4287), section 4.1, and its published code. Shapes in the comments are those
of a 256 x 256 patch with the paper's width.
"""

import tensorflow as tf

from pix2pix_tf.config import ModelConfig
from pix2pix_tf.models.blocks import aspp, conv_block, convolution, transposed_convolution
from pix2pix_tf.models.layers import SeededDropout
from pix2pix_tf.utils.errors import UserError

DIVISOR = 16  # pixels: sides must be multiples of this, since four levels halve them
BOTTLENECK = (
    "bottleneck"  # name of the layer at the bottom of the U, whose mean output describes an image in few numbers
)


def make_segmenter(model: ModelConfig, input_channels: int, classes: int, size: int) -> tf.keras.Model:
    """Build the U-Net with atrous spatial pyramid pooling at its bottom.

    Args:
      model: width, rates, dropout, norm.
      input_channels: channels of the image.
      classes: channels of the output.
      size: side of the training patches in pixels. The network takes any sides that are multiples of 16.

    Returns:
      A model [image float [N, H, W, input_channels], seed int32 [N]] -> float32 [N, H, W, classes], logits. The seed
      is that of the dropout in training; at inference it has no effect.

    Raises:
      UserError: the patch size is no multiple of 16.
    """
    if size % DIVISOR:
        raise UserError(f"Patches of {size} x {size} do not divide by {DIVISOR}, as the U-Net's four halvings need.")
    w, n = model.unet_width, model.norm

    image = tf.keras.Input([None, None, input_channels], name="image")
    seed = tf.keras.Input([], dtype="int32", name="seed")
    down_stack = [
        conv_block(1 * w, n),  # [N, 256, 256, 32]
        conv_block(2 * w, n),  # [N, 128, 128, 64]
        conv_block(4 * w, n),  # [N, 64, 64, 128]
        conv_block(8 * w, n),  # [N, 32, 32, 256]
        conv_block(16 * w, n),  # [N, 16, 16, 512]
    ]
    dropout = SeededDropout(model.dropout, 0, always=False, name=BOTTLENECK)
    bottom = aspp(16 * w, model.unet_rates, n, dropout)  # [N, 16, 16, 512]
    up_stack = [
        (transposed_convolution(8 * w, 2, initializer="he_normal"), conv_block(8 * w, n)),  # [N, 32, 32, 256 + 256]
        (transposed_convolution(4 * w, 2, initializer="he_normal"), conv_block(4 * w, n)),  # [N, 64, 64, 128 + 128]
        (transposed_convolution(2 * w, 2, initializer="he_normal"), conv_block(2 * w, n)),  # [N, 128, 128, 64 + 64]
        (transposed_convolution(1 * w, 2, initializer="he_normal"), conv_block(1 * w, n)),  # [N, 256, 256, 32 + 32]
    ]
    head = convolution(classes, 1, 1, "same", initializer="glorot_uniform")  # [N, 256, 256, classes]

    x, skips = down_stack[0](image), []
    for down in down_stack[1:]:
        skips.append(x)
        x = down(tf.keras.layers.MaxPool2D()(x))
    x = bottom(x, seed)
    for (up, block), skip in zip(up_stack, reversed(skips), strict=True):
        x = block(tf.keras.layers.Concatenate()([skip, up(x)]))
    logits = tf.keras.layers.Activation("linear", dtype="float32")(head(x))
    return tf.keras.Model([image, seed], logits, name="segmenter")


def with_features(segmenter: tf.keras.Model) -> tf.keras.Model:
    """Return a model that shares the segmenter's layers and has the features at its bottom as a second output.

    Args:
      segmenter: from `make_segmenter`.

    Returns:
      A model of the same inputs -> [logits, features]. The features are float32 [N, 16 * width], at least 0: the mean
      over the map of the output of `aspp`.
    """
    bottom = segmenter.get_layer(BOTTLENECK).output
    features = tf.keras.layers.GlobalAveragePooling2D(dtype="float32")(bottom)
    return tf.keras.Model(segmenter.inputs, [segmenter.output, features], name="segmenter_with_features")
