"""What networks are trained to do.

Painting: Isola et al. 2017, equations 1 to 4. Telling classes: the baselines of the CaFFe benchmark (Gourmelon et al.
2022, section 4.1, and their published code).
"""

import tensorflow as tf

from pix2pix_tf.training import distribution


def generator_loss(
    fake_logits: tf.Tensor,
    generated: tf.Tensor,
    target: tf.Tensor,
    gan_weight: float,
    l1_weight: float,
    mse_weight: float = 0.0,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """The generator wants its image to pass for real, and to be near the target (equation 4).

    Args:
      fake_logits: float32 [N, H', W', 1], the discriminator's scores of the generated pair.
      generated: float32 [N, H, W, C], [-1, 1].
      target: float32 [N, H, W, C], [-1, 1].
      gan_weight: weight of the first wish.
      l1_weight: weight of the mean absolute error.
      mse_weight: weight of the mean squared error, which the SAR-to-optical strategy of MultiEarth 2022 adds.

    Returns:
      Four float32 scalars: the weighted total, and its parts without their weights, so that each can be logged.
    """
    gan = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(fake_logits), fake_logits))
    l1 = tf.reduce_mean(tf.abs(target - generated))
    mse = tf.reduce_mean(tf.square(target - generated))
    return gan_weight * gan + l1_weight * l1 + mse_weight * mse, gan, l1, mse


def discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """The discriminator wants to tell real pairs from generated ones; halved, which slows it against the generator.

    A discriminator that cannot tell scores 0 everywhere, and its loss is log 2 = 0.69.

    Args:
      real_logits: float32 [N, H', W', 1], its scores of the real pair.
      fake_logits: float32 [N, H', W', 1], its scores of the generated pair.

    Returns:
      A float32 scalar.
    """
    real = tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(real_logits), real_logits)
    fake = tf.nn.sigmoid_cross_entropy_with_logits(tf.zeros_like(fake_logits), fake_logits)
    return 0.5 * (tf.reduce_mean(real) + tf.reduce_mean(fake))


def zones_loss(
    logits: tf.Tensor, target: tf.Tensor, cross_entropy_weight: float, dice_weight: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Every pixel's class should be likely, and every class' region should overlap with the true one.

    Args:
      logits: float32 [N, H, W, K].
      target: float32 [N, H, W, K], one-hot.
      cross_entropy_weight: weight of the first wish.
      dice_weight: weight of the second.

    Returns:
      Three float32 scalars: the weighted total, and its two parts without their weights.
    """
    cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, logits))
    dice = dice_loss(tf.nn.softmax(logits), target)
    return cross_entropy_weight * cross_entropy + dice_weight * dice, cross_entropy, dice


def dice_loss(likely: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """1 - 2 sum(xy) / (sum x + sum y) of each class over a whole batch, that of all devices; the mean over classes.

    A class that the batch does not have counts as 0, as in the published code: there is no region to overlap with.

    Args:
      likely: float32 [N, H, W, K], [0, 1].
      target: float32 [N, H, W, K], 0 or 1.

    Returns:
      A float32 scalar, [0, 1].
    """
    sums = [tf.reduce_sum(values, axis=[0, 1, 2]) for values in (likely * target, target, likely)]
    both, there, said = distribution.mean(sums)  # of all devices' sums: what they are divided by falls out of the ratio
    losses = 1.0 - 2.0 * both / tf.maximum(said + there, 1e-7)
    return tf.reduce_mean(tf.where(there > 0, losses, 0.0))


def clouds_loss(logits: tf.Tensor, cloudy: tf.Tensor) -> tf.Tensor:
    """Cloudy patches should be called so, and clear ones not: the binary cross-entropy.

    Args:
      logits: float32 [N, 1].
      cloudy: float32 [N, 1], 0 or 1.

    Returns:
      A float32 scalar.
    """
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(cloudy, logits))
