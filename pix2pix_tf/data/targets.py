"""Training targets from front lines: dilated masks, and a loss weight for each pixel.

A line one pixel wide is less than a hundredth of an image. The CaFFe benchmark (Gourmelon et al. 2022) therefore
dilates it, and weights the predictions by their distance to the line.
"""

import numpy as np
import tensorflow as tf
from scipy import ndimage

from pix2pix_tf.config import LossConfig


def dilate(fronts: tf.Tensor, width: int) -> tf.Tensor:
    """Dilate front lines with a square.

    Args:
      fronts: float32 [H, W, 1], 1 on the front and -1 elsewhere.
      width: odd side of the square in pixels; 1 changes nothing.

    Returns:
      The same shape and values.
    """
    return tf.nn.max_pool2d(fronts[tf.newaxis], width, 1, "SAME")[0]


def distance_weights(fronts: tf.Tensor, loss: LossConfig) -> tf.Tensor:
    """Return the factors of a network's probabilities in the loss, by the distance to the front.

    The front is dilated again. Inside, the weight is sigmoid(distance to the outside / relax), stretched to [0, 1];
    outside it is `distance_background`. Without a front all weights are 1 (Gourmelon et al. 2022, and their code).

    Args:
      fronts: float32 [H, W, 1], above 0 on the front.
      loss: its options distance_dilation, distance_background and distance_relax.

    Returns:
      float32 [H, W, 1], [0, 1].
    """
    weights = tf.numpy_function(lambda front: _weights(front, loss), [fronts], tf.float32)
    return tf.ensure_shape(weights, fronts.shape)


def _weights(fronts: np.ndarray, loss: LossConfig) -> np.ndarray:
    front = fronts[..., 0] > 0
    if not front.any():
        return np.ones(fronts.shape, np.float32)
    side = loss.distance_dilation
    wide = ndimage.binary_dilation(front, np.ones((side, side), bool))
    soft = 1 / (1 + np.exp(-ndimage.distance_transform_edt(wide) / loss.distance_relax))
    soft = (soft - soft.min()) / max(float(np.ptp(soft)), 1e-12)
    return (soft + loss.distance_background * ~wide).astype(np.float32)[..., np.newaxis]
