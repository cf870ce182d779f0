"""The losses.

Pix2pix: Isola et al. 2017 (arXiv 1611.07004), equations 1 to 4. Segmentation: the baselines of the CaFFe benchmark
(Gourmelon et al. 2022, ESSD 14, 4287, section 4.1, and their published code).
"""

from collections.abc import Sequence

import tensorflow as tf

from pix2pix_tf.data import styles
from pix2pix_tf.models import replicas

RARE = 0.02  # share of a batch's pixels: a rarer class has the weight of one with this share
MEAN_SIDE = 8  # pixels, of the squares whose mean brightness is compared
GRID = 4  # pixels, of the squares of a generator's two last doublings


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


# ---- Synthesis by two discriminators: OASIS' (Sushko et al. 2021, arXiv 2012.04781) and a PatchGAN ------------------


def class_weights(mask: tf.Tensor) -> tf.Tensor:
    """Weight each pixel by the inverse of its class' share of the batch, so that rare zones count (OASIS, equation 1).

    Args:
      mask: float32 [N, H, W, K], one-hot.

    Returns:
      float32 [N, H, W], with a mean of about 1. A class with a share below RARE counts as if it had that share.
    """
    shares = replicas.mean(tf.reduce_mean(mask, axis=[0, 1, 2]))
    present = tf.cast(shares > 0, tf.float32)
    return tf.reduce_sum(mask * present / (tf.maximum(shares, RARE) * tf.reduce_sum(present)), axis=-1)


def pixel_loss(logits: tf.Tensor, mask: tf.Tensor | None, weights: tf.Tensor | float = 1.0) -> tf.Tensor:
    """Compute the cross-entropy of a pixel discriminator's classes (OASIS, equations 1 and 2).

    Args:
      logits: float32 [N, H, W, K + 1]; the last class is "generated".
      mask: float32 [N, H, W, K], the classes that the pixels should have; None: all should be "generated".
      weights: float32 [N, H, W], of the pixels.

    Returns:
      A float32 scalar.
    """
    if mask is None:
        values = -tf.nn.log_softmax(logits)[..., -1]
    else:
        labels = tf.concat([mask, tf.zeros_like(mask[..., :1])], axis=-1)
        values = tf.nn.softmax_cross_entropy_with_logits(labels, logits)
    return tf.reduce_mean(values * weights)


def zones_of_real_loss(logits: tf.Tensor, mask: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Compute the cross-entropy of the classes among the real ones, whatever the share of "generated".

    A discriminator that takes every pixel for generated leaves `pixel_loss` indifferent to which real class it sees:
    raising the wrong one helps as well to look real. This part asks for the right one.

    Args:
      logits: float32 [N, H, W, K + 1], of generated images; the last class is "generated".
      mask: float32 [N, H, W, K].
      weights: float32 [N, H, W], of the pixels.

    Returns:
      A float32 scalar.
    """
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(mask, logits[..., :-1]) * weights)


def hinge_loss(real_scores: Sequence[tf.Tensor], fake_scores: Sequence[tf.Tensor]) -> tf.Tensor:
    """Compute the hinge loss of a discriminator with scores at several depths (Lim & Ye 2017, arXiv 1705.02894).

    Args:
      real_scores: float32 [N, H', W', 1] for each depth, of real pairs.
      fake_scores: the same of generated pairs.

    Returns:
      A float32 scalar, the mean over depths; 2 where all scores are 0.
    """
    pairs = zip(real_scores, fake_scores, strict=True)
    values = [tf.reduce_mean(tf.nn.relu(1.0 - real)) + tf.reduce_mean(tf.nn.relu(1.0 + fake)) for real, fake in pairs]
    return tf.add_n(values) / len(values)


def hinge_generator_loss(fake_scores: Sequence[tf.Tensor]) -> tf.Tensor:
    """Compute the generator's loss against `hinge_loss`: minus the mean score, over the depths; a float32 scalar."""
    return -tf.add_n([tf.reduce_mean(scores) for scores in fake_scores]) / len(fake_scores)


def feature_loss(real_features: Sequence[tf.Tensor], fake_features: Sequence[tf.Tensor]) -> tf.Tensor:
    """Compute the mean absolute difference of a discriminator's features (Wang et al. 2018, arXiv 1711.11585, eq. 4).

    Args:
      real_features: float [N, h, w, C] for each level, of real images; targets, which get no gradient.
      fake_features: the same of generated images.

    Returns:
      A float32 scalar, the mean over levels.
    """
    values = [
        tf.reduce_mean(tf.abs(tf.cast(tf.stop_gradient(real), tf.float32) - tf.cast(fake, tf.float32)))
        for real, fake in zip(real_features, fake_features, strict=True)
    ]
    return tf.add_n(values) / len(values)


def mean_tone_loss(target: tf.Tensor, generated: tf.Tensor) -> tf.Tensor:
    """Compute the mean absolute error of means over squares: brightness in its place, but not each grain of speckle.

    Args:
      target: float32 [N, H, W, 1], log tone.
      generated: the same.

    Returns:
      A float32 scalar.
    """
    means = [tf.nn.avg_pool2d(image, MEAN_SIDE, MEAN_SIDE, "SAME") for image in (target, generated)]
    return tf.reduce_mean(tf.abs(means[0] - means[1]))


def grid_loss(image: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Compute how much the brightness of a zone depends on a pixel's place in a square of GRID x GRID pixels.

    Real images have no such grid; upsampling leaves a faint one (Odena et al. 2016). The discriminators hardly see it,
    as images are shifted at random on the way to them.

    Args:
      image: float32 [N, H, W, 1], generated, not shifted; H and W multiples of GRID.
      mask: float32 [N, H, W, 1 + zones], one-hot.

    Returns:
      A float32 scalar: the mean absolute difference of the places' means from their mean; each zone counts by its area.
    """
    zones = mask[..., 1:]
    _, height, width, count = zones.shape
    blocks = [-1, height // GRID, GRID, width // GRID, GRID, count]
    pixels, total = (tf.reduce_sum(tf.reshape(one, blocks), axis=[1, 3]) for one in (zones, zones * image))
    means = total / (pixels + 1.0)  # [N, GRID, GRID, zones]
    apart = tf.abs(means - tf.reduce_mean(means, axis=[1, 2], keepdims=True))
    return tf.reduce_mean(tf.reduce_sum(apart * pixels, axis=[1, 2, 3])) / (height * width)


def style_loss(target: styles.Statistics, generated: styles.Statistics) -> tf.Tensor:
    """Compute the mean absolute difference of the statistics that are present in both, a float32 scalar."""
    (values, present), (measured, measurable) = target, generated
    present *= measurable  # a scene's style also has statistics of zones too small to be measured
    count = replicas.mean(tf.reduce_sum(present)) + 1.0  # of all replicas: the losses' mean is that of one device
    return tf.reduce_sum(tf.abs(measured - values) * present) / count
