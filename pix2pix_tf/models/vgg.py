"""The cloud classifier of optical images: a small VGG (Simonyan & Zisserman 2015, arXiv 1409.1556).

Pairs of SAR and optical images can be learnt from only where no cloud hides the ground. Shapes in the comments are
those of a 256 x 256 patch with the default width.
"""

import tensorflow as tf

from pix2pix_tf.config import ModelConfig
from pix2pix_tf.models.blocks import conv_block
from pix2pix_tf.models.layers import SeededDropout

DIVISOR = 8  # pixels: sides must be multiples of this, since three levels halve them


def make_classifier(model: ModelConfig, input_channels: int) -> tf.keras.Model:
    """Build the classifier: four levels of two 3 x 3 convolutions, global average pooling, one logit.

    Args:
      model: width, dropout, norm.
      input_channels: channels of the image.

    Returns:
      A model [image float [N, H, W, input_channels], seed int32 [N]] -> float32 [N, 1], logits: positive for cloudy.
      The seed is that of the dropout in training; at inference it has no effect.
    """
    w, n = model.vgg_width, model.norm
    image = tf.keras.Input([None, None, input_channels], name="image")
    seed = tf.keras.Input([], dtype="int32", name="seed")
    stack = [
        conv_block(1 * w, n),  # [N, 256, 256, 16]
        conv_block(2 * w, n),  # [N, 128, 128, 32]
        conv_block(4 * w, n),  # [N, 64, 64, 64]
        conv_block(8 * w, n),  # [N, 32, 32, 128]
    ]
    x = stack[0](image)
    for block in stack[1:]:
        x = block(tf.keras.layers.MaxPool2D()(x))
    x = tf.keras.layers.GlobalAveragePooling2D()(x)  # [N, 128]
    x = SeededDropout(model.dropout, 0, always=False)([x, seed])
    logits = tf.keras.layers.Activation("linear", dtype="float32")(tf.keras.layers.Dense(1)(x))  # [N, 1]
    return tf.keras.Model([image, seed], logits, name="classifier")
