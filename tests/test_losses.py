import math

import pytest
import tensorflow as tf

from pix2pix_tf.losses import discriminator_loss, generator_loss

SCORES = (1, 2, 2, 1)


def test_a_discriminator_that_cannot_tell_has_a_loss_of_log_2():
    assert float(discriminator_loss(tf.zeros(SCORES), tf.zeros(SCORES))) == pytest.approx(math.log(2))


def test_a_discriminator_that_is_right_has_none_and_one_that_is_wrong_pays():
    sure = tf.fill(SCORES, 20.0)
    assert float(discriminator_loss(sure, -sure)) == pytest.approx(0, abs=1e-6)
    assert float(discriminator_loss(-sure, sure)) == pytest.approx(20)


def test_the_generators_loss_by_hand():
    target, generated = tf.fill([1, 2, 2, 1], 0.5), tf.fill([1, 2, 2, 1], 0.25)
    total, gan, l1 = generator_loss(tf.zeros(SCORES), generated, target, gan_weight=2.0, l1_weight=100.0)
    assert float(gan) == pytest.approx(math.log(2))
    assert float(l1) == pytest.approx(0.25)
    assert float(total) == pytest.approx(2 * math.log(2) + 25)


def test_the_generator_gains_by_passing_for_real():
    image = tf.zeros([1, 2, 2, 1])
    believed, seen_through = (float(generator_loss(tf.fill(SCORES, s), image, image, 1.0, 1.0)[0]) for s in (5.0, -5.0))
    assert believed < 0.01 < 5 < seen_through
