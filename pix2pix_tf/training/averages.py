"""The moving average of a generator's weights."""

import tensorflow as tf

from pix2pix_tf.utils import tf_compat


class WeightAverage(tf.Module):
    """A copy of a network whose weights are an exponential moving average (Karras et al. 2018, arXiv 1710.10196).

    It follows quickly at first, so that the random weights of the beginning are soon forgotten. It need not generate
    better images than the weights themselves; `is_better` is what validation has found.
    """

    def __init__(self, network: tf.keras.Model, horizon: float):
        """Copy the network.

        Args:
          network: functional; its weights are followed. Build it and this under the same dtype policy.
          horizon: steps after which a weight's share has fallen to 1 / e.
        """
        super().__init__(name="average")
        self._horizon = max(horizon, 1e-6)  # of almost no steps: the average is the weights
        self._followed = [tf_compat.unwrapped(weight) for weight in network.weights]
        self.network = tf.keras.models.clone_model(network)
        self.network.set_weights(network.get_weights())
        self._averages = [tf_compat.unwrapped(weight) for weight in self.network.weights]
        self.is_better = tf.Variable(False, trainable=False)

    def update(self, steps: tf.Tensor) -> None:
        """Move the averages towards the weights.

        Args:
          steps: int64 scalar, steps done.
        """
        done = tf.cast(steps, tf.float32)
        share = 1.0 - tf.minimum(tf.exp(-1.0 / self._horizon), (done + 1.0) / (done + 10.0))
        for average, weight in zip(self._averages, self._followed, strict=True):
            change = share * (tf.convert_to_tensor(weight) - tf.convert_to_tensor(average))
            tf.raw_ops.AssignAddVariableOp(resource=average.handle, value=change)  # this replica's, as all are equal
