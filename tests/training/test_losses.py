import math

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.training.losses import dice_loss, discriminator_loss, generator_loss, zones_loss

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
