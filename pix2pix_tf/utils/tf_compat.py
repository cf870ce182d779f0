"""The one place that knows which TensorFlow generation is running.

TensorFlow 2.15 takes these parts from tensorflow-addons; newer ones, on which tensorflow-addons does not import, take
the same parts from Keras 3. Everything else in the package is written in what both have.
"""

import warnings
from typing import Any

import tensorflow as tf

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # its end of life is known, and the README says what follows
        import tensorflow_addons as tfa
except ImportError:
    tfa = None


_Normalization: Any = tfa.layers.InstanceNormalization if tfa else tf.keras.layers.GroupNormalization


class InstanceNormalization(_Normalization):
    """Normalises each channel of each image over its pixels (Ulyanov et al. 2016, arXiv 1607.08022).

    Call: float [N, H, W, C] -> the same shape, with a trained scale `gamma` and offset `beta` for each channel.
    """

    def __init__(self, epsilon: float, **kwargs):
        """Makes the layer.

        Args:
          epsilon: added to the variance.
          **kwargs: as for every Keras layer.
        """
        groups = {} if tfa else {"groups": -1}  # Keras: as many groups as channels
        super().__init__(epsilon=epsilon, **groups, **kwargs)


def warp(image: tf.Tensor, flow: tf.Tensor) -> tf.Tensor:
    """Fetches each pixel from as many pixels farther up and left as `flow` says, bilinearly.

    Args:
      image: float32 [H, W, C].
      flow: float32 [H, W, 2], rows and columns in pixels. Beyond the border the rim goes on.

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


# Whether the library's moving variance of batch normalisation is divided by n - 1, as Keras 2's fused kernel does.
UNBIASED_MOVING_VARIANCE = tfa is not None


def trainable_variables(model: tf.keras.Model) -> list[tf.Variable]:
    """A model's trained variables as TensorFlow's own."""
    return [unwrapped(variable) for variable in model.trainable_variables]


def unwrapped(variable) -> tf.Variable:
    """A Keras variable as TensorFlow's own; Keras 3 wraps them."""
    return variable if isinstance(variable, tf.Variable) else variable.value
