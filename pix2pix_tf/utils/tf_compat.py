"""Compatibility with TensorFlow 2.15 (Keras 2) and newer versions (Keras 3); the only module that depends on it.

TensorFlow 2.15 uses tensorflow-addons for these parts. Newer versions, with which tensorflow-addons does not work, use
Keras 3. All other modules use only what both versions have.
"""

import warnings
from typing import Any

import tensorflow as tf

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about its end of life
        import tensorflow_addons as tfa
except ImportError:
    tfa = None


_Normalization: Any = tfa.layers.InstanceNormalization if tfa else tf.keras.layers.GroupNormalization


class InstanceNormalization(_Normalization):
    """Normalizes each channel of each image over its pixels (Ulyanov et al. 2016, arXiv 1607.08022).

    Call: float [N, H, W, C] -> the same shape, with a trainable scale `gamma` and offset `beta` for each channel.
    """

    def __init__(self, epsilon: float, **kwargs):
        """Create the layer.

        Args:
          epsilon: added to the variance.
          **kwargs: of every Keras layer.
        """
        groups = {} if tfa else {"groups": -1}  # Keras: as many groups as channels
        super().__init__(epsilon=epsilon, **groups, **kwargs)


def warp(image: tf.Tensor, flow: tf.Tensor) -> tf.Tensor:
    """Move pixels down and to the right by `flow`, with bilinear interpolation.

    Args:
      image: float32 [H, W, C].
      flow: float32 [H, W, 2], rows and columns in pixels. Beyond the border, the image repeats its outermost pixels.

    Returns:
      float32 [H, W, C].
    """
    if tfa:
        return tfa.image.dense_image_warp(image[tf.newaxis], flow[tf.newaxis])[0]
    rows, columns = tf.meshgrid(*(tf.range(float(side)) for side in image.shape[:2]), indexing="ij")
    source = tf.stack([rows - flow[..., 0], columns - flow[..., 1]])
    bands = tf.unstack(image, axis=-1)
    return tf.stack(
        [tf.keras.ops.image.map_coordinates(band, source, order=1, fill_mode="nearest") for band in bands], axis=-1
    )


# True where batch normalization divides the moving variance by n - 1, as the fused kernel of Keras 2 does.
UNBIASED_MOVING_VARIANCE = tfa is not None


def trainable_variables(model: tf.keras.Model) -> list[tf.Variable]:
    """Return a model's trainable variables as `tf.Variable`."""
    return [unwrapped(variable) for variable in model.trainable_variables]


def unwrapped(variable) -> tf.Variable:
    """Return the `tf.Variable` of a Keras variable, which Keras 3 wraps."""
    return variable if isinstance(variable, tf.Variable) else variable.value
