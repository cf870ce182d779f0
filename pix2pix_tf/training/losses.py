"""The losses.

Pix2pix: Isola et al. 2017 (arXiv 1611.07004), equations 1 to 4. Segmentation: the baselines of the CaFFe benchmark
(Gourmelon et al. 2022, ESSD 14, 4287, section 4.1, and their published code).
"""

import tensorflow as tf

from pix2pix_tf.models import replicas


def generator_loss(
    fake_logits: tf.Tensor,
    generated: tf.Tensor,
    target: tf.Tensor,
    gan_weight: float,
    l1_weight: float,
    mse_weight: float = 0.0,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Compute the generator's loss: that of the GAN, and the distance to the target (equation 4).

    Args:
      fake_logits: float32 [N, H', W', 1], the discriminator's scores of the generated pair.
      generated: float32 [N, H, W, C], [-1, 1].
      target: float32 [N, H, W, C], [-1, 1].
      gan_weight: weight of the GAN loss.
      l1_weight: weight of the mean absolute error.
      mse_weight: weight of the mean squared error, which the SAR-to-optical strategy of MultiEarth 2022 adds.

    Returns:
      Four float32 scalars: the weighted total, and its parts (GAN, L1, MSE) without their weights, for the log.
    """
    gan_loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(fake_logits), fake_logits))
    l1_loss = tf.reduce_mean(tf.abs(target - generated))
    mse_loss = tf.reduce_mean(tf.square(target - generated))
    total = gan_weight * gan_loss + l1_weight * l1_loss + mse_weight * mse_loss
    return total, gan_loss, l1_loss, mse_loss


def discriminator_loss(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """Compute the discriminator's loss, halved to slow it relative to the generator.

    A discriminator that cannot separate real from generated pairs scores 0 everywhere; its loss is then log 2 = 0.69.

    Args:
      real_logits: float32 [N, H', W', 1], scores of the real pair.
      fake_logits: float32 [N, H', W', 1], scores of the generated pair.

    Returns:
      A float32 scalar.
    """
    real_loss = tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(real_logits), real_logits)
    fake_loss = tf.nn.sigmoid_cross_entropy_with_logits(tf.zeros_like(fake_logits), fake_logits)
    return 0.5 * (tf.reduce_mean(real_loss) + tf.reduce_mean(fake_loss))


def zones_loss(
    logits: tf.Tensor, target: tf.Tensor, cross_entropy_weight: float, dice_weight: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Compute the loss of zone segmentation: cross-entropy of the pixels, and Dice of the classes' regions.

    Args:
      logits: float32 [N, H, W, K].
      target: float32 [N, H, W, K], one-hot.
      cross_entropy_weight: weight of the cross-entropy.
      dice_weight: weight of the Dice loss.

    Returns:
      Three float32 scalars: the weighted total, and its parts (cross-entropy, Dice) without their weights.
    """
    cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(target, logits))
    dice = dice_loss(tf.nn.softmax(logits), target)
    return cross_entropy_weight * cross_entropy + dice_weight * dice, cross_entropy, dice


def dice_loss(probabilities: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Compute 1 - 2 sum(xy) / (sum x + sum y) for each class, and return the mean over the classes.

    The sums run over the batch of all replicas. A class that the batch does not contain counts as 0, as in the
    published code.

    Args:
      probabilities: float32 [N, H, W, K], [0, 1].
      target: float32 [N, H, W, K], 0 or 1.

    Returns:
      A float32 scalar, [0, 1].
    """
    sums = [tf.reduce_sum(values, axis=[0, 1, 2]) for values in (probabilities * target, target, probabilities)]
    intersection, target_sum, predicted_sum = replicas.mean(sums)  # a mean, as the number of replicas cancels out
    losses = 1.0 - 2.0 * intersection / tf.maximum(predicted_sum + target_sum, 1e-7)
    return tf.reduce_mean(tf.where(target_sum > 0, losses, 0.0))


def clouds_loss(logits: tf.Tensor, cloudy: tf.Tensor) -> tf.Tensor:
    """Compute the binary cross-entropy of cloud classification.

    Args:
      logits: float32 [N, 1].
      cloudy: float32 [N, 1], 0 or 1.

    Returns:
      A float32 scalar.
    """
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(cloudy, logits))
