import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_tf.data.noise import normal, uniform, white_noise

SEEDS = st.integers(-(2**31), 2**31 - 1)


def noise(seed, origin, height, width, maps=1):
    return white_noise(tf.constant([seed]), tf.constant([origin]), height, width, maps).numpy()[0]


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(0, 100_000), st.integers(0, 100_000))
def test_a_pixel_has_the_same_noise_in_every_tile(seed, row, column):
    whole, part = noise(seed, [row, column], 9, 8, 3), noise(seed, [row + 4, column + 3], 5, 5, 3)
    np.testing.assert_allclose(whole[4:, 3:], part, atol=1e-6)  # to rounding, which differs between SIMD lanes


def test_it_is_white_and_of_deviation_one():
    values = noise(5, [0, 0], 512, 512, 3)
    assert abs(values.mean()) < 0.005
    assert abs(values.std() - 1) < 0.005
    assert abs((np.abs(values) < 1).mean() - 0.6827) < 0.003  # as the normal distribution has it
    for shifted in (values[1:] * values[:-1], values[:, 1:] * values[:, :-1], values[..., 0] * values[..., 1]):
        assert abs(shifted.mean()) < 0.006  # neighbours and maps are independent
    spectrum = np.abs(np.fft.fft2(values[..., 0])) ** 2 / values[..., 0].size
    assert 0.9 < spectrum[:, :8].mean() < 1.1  # no stripes


def test_seeds_of_one_batch_are_independent_of_each_other():
    both = white_noise(tf.constant([1, 2]), tf.zeros([2, 2], tf.int32), 64, 64, 1).numpy()
    np.testing.assert_array_equal(both[1], noise(2, [0, 0], 64, 64))
    assert abs((both[0] * both[1]).mean()) < 0.05


def test_it_is_the_same_inside_tf_data():
    mapped = tf.data.Dataset.from_tensors(tf.constant([7])).map(
        lambda seed: white_noise(seed, tf.zeros([1, 2], tf.int32), 8, 8, 2)
    )
    np.testing.assert_array_equal(next(iter(mapped))[0], noise(7, [0, 0], 8, 8, 2))


def test_numbers_by_seed_are_uniform_or_normal_and_differ_by_salt():
    seeds = tf.range(2000)
    uniforms, normals = uniform(seeds, 5, 1).numpy(), normal(seeds, 5, 1).numpy()
    assert uniforms.min() > 0
    assert uniforms.max() <= 1
    assert abs(uniforms.mean() - 0.5) < 0.01
    assert abs(normals.mean()) < 0.03
    assert abs(normals.std() - 1) < 0.03
    assert (uniforms != uniform(seeds, 5, 2).numpy()).mean() > 0.99
