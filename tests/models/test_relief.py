import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.models.relief import Relief

SIDE = 128
ROCK, OCEAN = 1, 3


def slopes(rng, mask, noise=None):
    noise = rng.normal(size=(1, *mask.shape, 1)) if noise is None else noise
    return Relief()([tf.one_hot(mask[np.newaxis], 4), tf.constant(noise, tf.float32)]).numpy()[0]


def test_land_has_slopes_and_water_has_none(rng):
    mask = np.full((SIDE, SIDE), ROCK)
    mask[:, SIDE // 2 :] = OCEAN
    found = slopes(rng, mask)
    assert found.shape == (SIDE // 2, SIDE // 2, 2)
    assert not found[:, SIDE // 4 :].any()
    assert found[:, : SIDE // 4].std(axis=(0, 1)) == pytest.approx([1, 1], abs=0.35)


def test_a_slope_is_the_change_of_height_down_and_to_the_right(rng):
    noise = np.zeros((1, SIDE, SIDE, 1))
    noise[:, SIDE // 2 :] = 1  # the lower half is high
    down, right = np.moveaxis(slopes(rng, np.full((SIDE, SIDE), ROCK), noise), -1, 0)
    assert down[SIDE // 4 - 4 : SIDE // 4 + 4].min() > 0
    assert np.abs(right).max() < 1e-3


def test_ridges_are_longer_across_the_slope_than_along_it(rng):
    down = slopes(rng, np.full((256, 256), ROCK))[..., 0]
    along, across = (np.abs(np.diff(down, axis=axis)).mean() for axis in (0, 1))
    assert across < 0.9 * along
