"""Replicas: the devices that share a batch, as TensorFlow's `tf.distribute` calls them.

Layers and losses that describe a whole batch (batch normalisation, Dice) use these functions, and so give with many
replicas the results of one. With one replica both functions do nothing.
"""

from typing import TypeVar

import tensorflow as tf

Tensors = TypeVar("Tensors", tf.Tensor, list[tf.Tensor])


def mean(values: Tensors) -> Tensors:
    """Return the mean over all replicas, on each of them; with one replica the values themselves.

    Args:
      values: float tensors, of the same shapes on all replicas. The mean is differentiable: the mean of all replicas'
        gradients is the gradient of the mean of all replicas' losses.
    """
    context = tf.distribute.get_replica_context()  # None outside a distributed step
    if context is None or context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, values)


def device_count() -> int:
    """Return the number of devices that share a batch, both while networks are built and inside a step."""
    return tf.distribute.get_strategy().num_replicas_in_sync
