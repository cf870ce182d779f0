"""The one place that knows which TensorFlow generation is running.

TensorFlow 2.15 takes these parts from tensorflow-addons; newer ones, on which tensorflow-addons does not import, take
the same parts from Keras 3. Everything else in the package is written in what both have.
"""

import warnings

import tensorflow as tf

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # its end of life is known, and the README says what follows
        import tensorflow_addons as tfa
except ImportError:
    tfa = None


class InstanceNormalization(tfa.layers.InstanceNormalization if tfa else tf.keras.layers.GroupNormalization):
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


def trainable_variables(model: tf.keras.Model) -> list[tf.Variable]:
    """A model's trained variables as TensorFlow's own; Keras 3 wraps them."""
    return [v if isinstance(v, tf.Variable) else v.value for v in model.trainable_variables]
