"""LeakyReLU with a gradient in float32: TensorFlow's gradient kernel for bfloat16 takes longer."""

from collections.abc import Callable

import tensorflow as tf


def leaky_relu(x: tf.Tensor, slope: float) -> tf.Tensor:
    """Compute `tf.nn.leaky_relu` with its gradient in float32.

    The gradient reads the signs from the output, which has the signs of x. So x need not be kept in memory, and it
    fuses with the operation before.

    Args:
      x: float, any shape.
      slope: of the part below zero; greater than 0.

    Returns:
      The same shape and type.
    """

    @tf.custom_gradient
    def activated(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        y = tf.nn.leaky_relu(x, slope)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            upstream_32, y_32 = (tf.cast(tensor, tf.float32) for tensor in (upstream, y))
            return tf.cast(tf.raw_ops.LeakyReluGrad(gradients=upstream_32, features=y_32, alpha=slope), x.dtype)

        return y, gradient

    return activated(x)
