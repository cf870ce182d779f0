import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.models.flow import STREAKS, Streaks, flow_of_ice

SIDE = 64
ROCK, GLACIER, OCEAN = 1, 2, 3


def fjord():
    """A glacier between two walls of rock flows to the right into the ocean."""
    mask = np.full((SIDE, SIDE), GLACIER)
    mask[:, 48:] = OCEAN
    mask[:16] = mask[48:] = ROCK
    return mask


def one_hot(mask):
    return tf.one_hot(mask[np.newaxis], 4)


def white(rng, side=SIDE):
    return tf.constant(rng.normal(size=(1, side, side, 1)), tf.float32)


def test_ice_flows_along_its_valley_to_the_ocean():
    flow = flow_of_ice(one_hot(fjord())).numpy()[0]
    valley = flow[5:11, 2:11]  # on the grid of a quarter; the ice ends in column 12
    np.testing.assert_allclose(valley[..., 0], 0, atol=0.1)
    np.testing.assert_allclose(valley[..., 1], 1, atol=0.05)


def test_ice_flows_round_a_wall_of_rock():
    mask = fjord()
    mask[16:40, 24:32] = ROCK  # the way is open below it
    flow = flow_of_ice(one_hot(mask)).numpy()[0]
    assert flow[5, 5, 0] > 0.5
    assert flow[8, 9, 0] < 0  # and behind the wall it spreads again


def test_ice_without_an_ocean_goes_nowhere(rng):
    mask = np.full((SIDE, SIDE), GLACIER)
    mask[:, :20] = ROCK
    assert np.abs(flow_of_ice(one_hot(mask))).max() < 1e-3
    assert np.abs(Streaks()([one_hot(mask), white(rng)])).max() < 0.05


def test_streaks_run_along_the_flow_in_ice_alone(rng):
    streaks = Streaks()([one_hot(fjord()), white(rng)]).numpy()[0]
    assert streaks.shape == (SIDE // 2, SIDE // 2, STREAKS)
    assert not streaks[:7].any()
    assert not streaks[:, 25:].any()
    ice = streaks[9:23, 2:22]
    assert ice.std(axis=(0, 1)) == pytest.approx([1, 1], abs=0.4)
    for one in np.moveaxis(ice, -1, 0):
        along, across = (np.abs(np.diff(one, axis=axis)).mean() for axis in (1, 0))
        assert along < 0.4 * across


def test_streaks_turn_with_the_mask(rng):
    mask, noise = one_hot(fjord()), white(rng)
    streaks = Streaks()([mask, noise])
    turned = Streaks()([tf.image.rot90(mask), tf.image.rot90(noise)])
    np.testing.assert_allclose(turned, tf.image.rot90(streaks), atol=0.02)


@pytest.mark.parametrize("side", [4, 8, 32])
def test_small_masks_give_finite_streaks(rng, side):
    mask = rng.integers(0, 4, (side, side))
    assert np.isfinite(Streaks()([one_hot(mask), white(rng, side)])).all()
