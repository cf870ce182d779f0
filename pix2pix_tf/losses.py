"""What the two networks are trained to do (Isola et al. 2017, equations 1 to 4)."""

import tensorflow as tf


def generator_loss(
    fake_logits: tf.Tensor, generated: tf.Tensor, target: tf.Tensor, gan_weight: float, l1_weight: float
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """The generator wants its image to pass for real, and to be near the target (equation 4).

    Args:
      fake_logits: float32 [N, H', W', 1], the discriminator's scores of the generated pair.
      generated: float32 [N, H, W, C], [-1, 1].
      target: float32 [N, H, W, C], [-1, 1].
      gan_weight: weight of the first wish.
      l1_weight: weight of the second.

    Returns:
      Three float32 scalars: the weighted total, and its two parts without their weights, so that each can be logged.
    """
    gan = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.ones_like(fake_logits), fake_logits))
    l1 = tf.reduce_mean(tf.abs(target - generated))
    return gan_weight * gan + l1_weight * l1, gan, l1


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
