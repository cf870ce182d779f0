import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from pix2pix_tf.config import LossConfig
from pix2pix_tf.data.targets import dilate, distance_weights


def line(size=9, column=4):
    front = np.full((size, size, 1), -1, np.float32)
    front[:, column] = 1
    return front


@pytest.mark.parametrize("width", [1, 3, 5])
def test_widening_is_a_dilation_with_a_square_eagerly_and_in_tf_data(width, rng):
    front = np.where(rng.uniform(size=(20, 24, 1)) > 0.95, 1, -1).astype(np.float32)
    expected = np.where(ndimage.binary_dilation(front[..., 0] > 0, np.ones((width, width))), 1, -1)
    np.testing.assert_array_equal(dilate(tf.constant(front), width)[..., 0], expected)
    (mapped,) = tf.data.Dataset.from_tensors(front).map(lambda image: dilate(image, width))
    np.testing.assert_array_equal(mapped[..., 0], expected)


def test_the_weights_of_a_straight_line_by_hand():
    # One pixel wide, dilated by 3: three columns, 1, 2 and 1 pixels from the outside.
    weights = distance_weights(tf.constant(line()), LossConfig(distance_dilation=3)).numpy()[..., 0]
    one, two = (1 / (1 + np.exp(-distance)) for distance in (1, 2))
    inner = (one - 0.5) / (two - 0.5)
    np.testing.assert_allclose(weights[4], [0.1, 0.1, 0.1, inner, 1, inner, 0.1, 0.1, 0.1], rtol=1e-5)


def test_without_a_front_every_pixel_counts_alike():
    assert (distance_weights(tf.fill([4, 6, 1], -1.0), LossConfig()).numpy() == 1).all()


def test_a_front_all_over_is_no_division_by_zero():
    assert np.isfinite(distance_weights(tf.ones([3, 3, 1]), LossConfig())).all()


def test_weights_in_tf_data_are_those_of_the_eager_call():
    front = line()
    (mapped,) = tf.data.Dataset.from_tensors(front).map(lambda image: distance_weights(image, LossConfig()))
    assert mapped.shape == (9, 9, 1)
    np.testing.assert_array_equal(mapped, distance_weights(tf.constant(front), LossConfig()))
