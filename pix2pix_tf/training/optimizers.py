"""Adam in one fused kernel for each variable.

Keras' Adam runs some ten operations over each of the generator's 54 million weights; TensorFlow's fused kernel runs
one. `benchmarks/speed/layers.py` measures the difference.
"""

import math

import tensorflow as tf

from pix2pix_tf.config import TrainConfig

_GROW_AFTER = 2000  # good steps before the loss scale is doubled, as in Micikevicius et al. 2018


def triangular(step: tf.Tensor, low: float, peak: float, step_size_up: int) -> tf.Tensor:
    """Return the triangular cyclic learning rate of a step (Smith 2017, arXiv 1506.01186).

    Args:
      step: int64 scalar, steps done.
      low: learning rate at step 0.
      peak: learning rate at step `step_size_up`.
      step_size_up: steps from `low` to `peak`, and back.

    Returns:
      A float32 scalar.
    """
    place = tf.cast(step % (2 * step_size_up), tf.float32) / step_size_up  # 0 to 2
    return low + (peak - low) * (1.0 - tf.abs(place - 1.0))


def rate_share(epoch: tf.Tensor, train: TrainConfig) -> tf.Tensor:
    """Return the share of the learning rate that `train.decay_epochs` leaves in an epoch.

    Args:
      epoch: int64 scalar, from 0.
      train: gives the number of epochs.

    Returns:
      A float32 scalar, (0, 1]: 1 up to the last `decay_epochs`, then less by equal steps in each epoch.
    """
    left = tf.cast(train.epochs - epoch, tf.float32)
    return tf.clip_by_value(left / (train.decay_epochs + 1.0), 0.0, 1.0)


class Adam(tf.Module):
    """Adam (Kingma & Ba 2015, arXiv 1412.6980, algorithm 1 in the order of operations named after it).

    For float16 it also scales the loss, so that small gradients do not vanish (Micikevicius et al. 2018, arXiv
    1710.03740): a step whose gradients overflow is left out and the scale is halved.
    """

    def __init__(
        self,
        variables: list[tf.Variable],
        learning_rate: float,
        beta_1: float,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        scale_loss: bool = False,
        global_clipnorm: float = 0.0,
        max_learning_rate: float = 0.0,
        step_size_up: int = 1,
    ):
        """Create the moments, all zero.

        Args:
          variables: float32, those to train.
          learning_rate: step size.
          beta_1: decay of the first moment.
          beta_2: decay of the second moment.
          epsilon: added to the root of the second moment.
          scale_loss: True to scale the loss, for float16.
          global_clipnorm: maximum norm of the gradient of all variables together; 0 for no clipping.
          max_learning_rate: peak of the cyclic learning rate (`triangular`); 0 for a constant learning rate.
          step_size_up: steps from `learning_rate` to `max_learning_rate`.
        """
        super().__init__(name="adam")
        self._variables = variables
        self._beta_1, self._beta_2, self._epsilon = beta_1, beta_2, epsilon
        self._scale_loss, self._global_clipnorm = scale_loss, global_clipnorm
        self._low, self._peak, self._step_size_up = learning_rate, max_learning_rate, step_size_up
        self.learning_rate = _per_replica(learning_rate, tf.float32)
        self.steps = _per_replica(0, tf.int64)
        self.loss_scale = _per_replica(2.0**15 if scale_loss else 1.0, tf.float32)
        self.good_steps = _per_replica(0, tf.int64)
        self.first_moments = [tf.Variable(tf.zeros_like(v), trainable=False) for v in variables]
        self.second_moments = [tf.Variable(tf.zeros_like(v), trainable=False) for v in variables]

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        """Return the loss to differentiate, a float32 scalar: multiplied by the loss scale for float16."""
        return loss * self.loss_scale if self._scale_loss else loss

    def apply(self, gradients: list[tf.Tensor], rate_share: tf.Tensor | float = 1.0) -> tf.Tensor:
        """Update the variables by one step.

        Args:
          gradients: of `scaled(loss)`, one for each variable and of its shape; with several replicas their mean, so
            that all take the same step.
          rate_share: float32 scalar, multiplies the learning rate of this step.

        Returns:
          A float32 scalar to add to the loss. It is 0, or NaN if the gradients are not finite: then the variables are
          not finite either, and training must end before it saves them. An overflow in float16 returns 0 as long as
          the loss scale can be halved.
        """
        finite = tf.math.is_finite(tf.add_n([tf.reduce_sum(gradient) for gradient in gradients]))  # one pass, no copy
        if not self._scale_loss:
            self._update(gradients, rate_share)
            return tf.where(finite, 0.0, math.nan)
        diverged = tf.logical_not(finite) & tf.equal(self.loss_scale, 1.0)
        gradients = [gradient / self.loss_scale for gradient in gradients]
        tf.cond(finite, lambda: self._update_and_grow_scale(gradients, rate_share), self._halve_scale)
        return tf.where(diverged, math.nan, 0.0)

    def _update_and_grow_scale(self, gradients: list[tf.Tensor], rate_share: tf.Tensor | float) -> None:
        self._update(gradients, rate_share)
        self.good_steps.assign_add(1)
        grow = tf.equal(self.good_steps % _GROW_AFTER, 0)
        self.loss_scale.assign(tf.where(grow, self.loss_scale * 2.0, self.loss_scale))

    def _halve_scale(self) -> None:
        self.good_steps.assign(0)
        self.loss_scale.assign(tf.maximum(self.loss_scale / 2.0, 1.0))

    def _update(self, gradients: list[tf.Tensor], rate_share: tf.Tensor | float = 1.0) -> None:
        if self._global_clipnorm:
            gradients, _ = tf.clip_by_global_norm(gradients, self._global_clipnorm)
        if self._peak:
            self.learning_rate.assign(triangular(self.steps, self._low, self._peak, self._step_size_up))
        step = tf.cast(self.steps.assign_add(1), tf.float64)
        powers = [tf.cast(beta**step, tf.float32) for beta in (self._beta_1, self._beta_2)]
        for variable, m, v, gradient in zip(
            self._variables, self.first_moments, self.second_moments, gradients, strict=True
        ):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=m.handle,
                v=v.handle,
                beta1_power=powers[0],
                beta2_power=powers[1],
                lr=self.learning_rate * rate_share,
                beta1=self._beta_1,
                beta2=self._beta_2,
                epsilon=self._epsilon,
                grad=gradient,
            )


def make_adam(variables: list[tf.Variable], train: TrainConfig, dtype_policy: str, rate: float = 0.0) -> Adam:
    """Create the optimizer that the options describe.

    Args:
      variables: float32, those to train.
      train: rates, moments and clipping.
      dtype_policy: Keras' name; under mixed_float16 the loss is scaled.
      rate: replaces `train.learning_rate` if it is not 0.
    """
    return Adam(
        variables,
        rate or train.learning_rate,
        train.beta_1,
        train.beta_2,
        scale_loss=dtype_policy == "mixed_float16",
        global_clipnorm=train.global_clipnorm,
        max_learning_rate=train.max_learning_rate,
        step_size_up=train.step_size_up,
    )


def _per_replica(value: float, dtype: tf.DType) -> tf.Variable:
    """Create a variable that each replica updates by itself, all in the same way; a checkpoint holds the first's."""
    return tf.Variable(
        value,
        trainable=False,
        dtype=dtype,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
    )
