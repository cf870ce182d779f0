import math

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.training.losses import (
    RARE,
    class_weights,
    dice_loss,
    discriminator_loss,
    feature_loss,
    generator_loss,
    grid_loss,
    hinge_generator_loss,
    hinge_loss,
    mean_tone_loss,
    pixel_loss,
    style_loss,
    zones_loss,
    zones_of_real_loss,
)

SCORES = (1, 2, 2, 1)


def test_a_discriminator_that_cannot_tell_has_a_loss_of_log_2():
    assert float(discriminator_loss(tf.zeros(SCORES), tf.zeros(SCORES))) == pytest.approx(math.log(2))


def test_a_discriminator_that_is_right_has_none_and_one_that_is_wrong_pays():
    sure = tf.fill(SCORES, 20.0)
    assert float(discriminator_loss(sure, -sure)) == pytest.approx(0, abs=1e-6)
    assert float(discriminator_loss(-sure, sure)) == pytest.approx(20)


def test_the_generators_loss_by_hand():
    target, generated = tf.fill([1, 2, 2, 1], 0.5), tf.fill([1, 2, 2, 1], 0.25)
    total, gan, l1, mse = generator_loss(tf.zeros(SCORES), generated, target, 2.0, 100.0, mse_weight=10.0)
    assert float(gan) == pytest.approx(math.log(2))
    assert float(l1) == pytest.approx(0.25)
    assert float(mse) == pytest.approx(0.0625)
    assert float(total) == pytest.approx(2 * math.log(2) + 25 + 0.625)


def test_the_generator_gains_by_passing_for_real():
    image = tf.zeros([1, 2, 2, 1])
    believed, seen_through = (float(generator_loss(tf.fill(SCORES, s), image, image, 1.0, 1.0)[0]) for s in (5.0, -5.0))
    assert believed < 0.01 < 5 < seen_through


def test_the_zones_loss_by_hand():
    # Two pixels, two classes: the first pixel is right with probability 3/4, the second with 1/4.
    likely = np.array([[[[0.75, 0.25], [0.75, 0.25]]]], np.float32)
    target = tf.constant([[[[1.0, 0.0], [0.0, 1.0]]]])
    total, cross_entropy, dice = zones_loss(tf.math.log(likely), target, 2.0, 3.0)
    assert float(cross_entropy) == pytest.approx(-(math.log(0.75) + math.log(0.25)) / 2)
    of_each = [1 - 2 * 0.75 / (1.5 + 1), 1 - 2 * 0.25 / (0.5 + 1)]
    assert float(dice) == pytest.approx(sum(of_each) / 2)
    assert float(total) == pytest.approx(2 * float(cross_entropy) + 3 * float(dice))


def test_a_class_that_a_batch_does_not_have_costs_nothing():
    target = tf.constant([[[[1.0, 0.0]]]])
    assert float(dice_loss(tf.constant([[[[1.0, 0.9]]]]), target)) == pytest.approx(0)
    assert float(dice_loss(tf.zeros([1, 2, 2, 1]), tf.zeros([1, 2, 2, 1]))) == 0


# ---- Synthesis by two discriminators -------------------------------------------------------------------------------


def test_rare_classes_weigh_as_much_as_common_ones():
    mask = tf.one_hot([[[0, 1, 1, 1]]], 3)
    weights = class_weights(mask).numpy()[0, 0]
    np.testing.assert_allclose(weights, [2, 2 / 3, 2 / 3, 2 / 3], rtol=1e-6)  # shares 1/4 and 3/4, two classes present
    tiny = tf.one_hot(np.array([[[1] + [0] * 999]]), 2)
    assert float(class_weights(tiny).numpy().max()) == pytest.approx(1 / (RARE * 2))


def test_a_pixel_discriminator_without_a_clue_pays_the_logarithm_of_its_classes():
    mask, logits = tf.one_hot([[[0, 1]]], 4), tf.zeros([1, 1, 2, 5])
    assert float(pixel_loss(logits, mask)) == pytest.approx(math.log(5))
    assert float(pixel_loss(logits, None)) == pytest.approx(math.log(5))
    sure = 30.0 * tf.one_hot([[[4, 4]]], 5)
    assert float(pixel_loss(sure, None)) == pytest.approx(0, abs=1e-5)
    assert float(pixel_loss(sure, mask)) == pytest.approx(30, rel=1e-5)
    assert float(pixel_loss(sure, mask, tf.constant([[[0.5, 1.5]]]) * 2)) == pytest.approx(60, rel=1e-5)


def test_the_zones_of_a_generated_image_count_however_sure_it_is_that_the_image_is_generated():
    mask, weights = tf.one_hot([[[0, 1]]], 4), tf.constant([[[0.5, 1.5]]])
    for generated in (-30.0, 30.0):
        undecided = generated * tf.one_hot([[[4, 4]]], 5)
        assert float(zones_of_real_loss(undecided, mask, weights)) == pytest.approx(math.log(4))
        wrong = undecided + 30.0 * tf.one_hot([[[1, 1]]], 5)
        assert float(zones_of_real_loss(wrong, mask, weights)) == pytest.approx(30 * 0.5 / 2, rel=1e-5)


def test_hinge_losses_by_hand():
    real, fake = [tf.constant([2.0]), tf.constant([0.0])], [tf.constant([-3.0]), tf.constant([0.5])]
    assert float(hinge_loss(real, fake)) == pytest.approx((0 + 0 + 1 + 1.5) / 2)
    assert float(hinge_generator_loss(fake)) == pytest.approx((3 - 0.5) / 2)


def test_features_of_real_images_are_targets():
    real, fake = tf.Variable([1.0, 2.0]), tf.Variable([2.0, 4.0])
    with tf.GradientTape() as tape:
        loss = feature_loss([real], [fake])
    assert float(loss) == pytest.approx(1.5)
    of_real, of_fake = tape.gradient(loss, (real, fake))
    assert of_real is None
    np.testing.assert_allclose(of_fake, [0.5, 0.5])


def test_the_mean_tone_does_not_see_speckle():
    board = tf.constant((-1.0) ** np.add.outer(np.arange(16), np.arange(16)), tf.float32)[tf.newaxis, :, :, tf.newaxis]
    assert float(mean_tone_loss(tf.zeros_like(board), 0.7 * board)) == pytest.approx(0, abs=1e-6)
    assert float(mean_tone_loss(tf.zeros_like(board), 0.7 * board + 0.2)) == pytest.approx(0.2, rel=1e-5)


def test_the_style_loss_counts_what_is_present():
    values, present = tf.constant([[1.0, 2.0, 0.0]]), tf.constant([[1.0, 1.0, 0.0]])
    assert float(style_loss((values, present), (values + tf.constant([[0.3, -0.6, 9.0]]), present))) == pytest.approx(
        0.9 / 3
    )


def test_a_grid_by_hand():
    rows = np.where(np.arange(64) % 2 == 0, 0.1, -0.1)[:, np.newaxis, np.newaxis] * np.ones([1, 64, 1])
    mask = np.zeros((1, 64, 64, 4), np.float32)
    mask[:, :32, :, 1], mask[:, 32:, :, 2] = 1, 1
    image = np.where(mask[0, ..., 1:2] > 0, rows, 0.7)[np.newaxis].astype(np.float32)  # a grid in one of two zones
    assert float(grid_loss(image, mask)) == pytest.approx(0.05, rel=0.01)
    coarser = np.roll(image, 1, 1) * 0 + 0.3 * (np.arange(64) // 8 % 2)[:, np.newaxis, np.newaxis]  # stripes of 8
    assert float(grid_loss(coarser.astype(np.float32), mask)) == pytest.approx(0, abs=1e-3)
    noise = np.random.default_rng(0).normal(0, 0.1, image.shape).astype(np.float32)
    assert float(grid_loss(noise, mask)) < 0.01
