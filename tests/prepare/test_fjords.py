"""New fjords: reproducible, complete, of many shapes, and true to the valleys they were drawn from."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_tf.data.classes import GLACIER, OCEAN, ROCK, ZONE_VALUES, front_of
from pix2pix_tf.prepare.masks.fjords import (
    STEP,
    FjordSettings,
    Valley,
    draw_fjord,
    draw_tributary,
    draw_trunk,
    front_shape,
    valley_coordinates,
)
from pix2pix_tf.prepare.simulation.landscape import SceneSettings


def straight_valley() -> Valley:
    """A valley of half width 0.25 along the image's rows, from its left to its right."""
    along = np.arange(-2, 2, STEP)
    points = np.stack([np.zeros_like(along), along], axis=1)
    return Valley(points, np.zeros_like(along), along, np.full_like(along, 0.25))


def test_a_seed_fixes_every_byte_and_another_draws_another():
    one, same, other = (draw_fjord(seed, 64) for seed in ((3, 1), (3, 1), (3, 2)))
    assert one.metres_per_pixel == same.metres_per_pixel
    np.testing.assert_array_equal(one.zones, same.zones)
    assert not np.array_equal(one.zones, other.zones)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([32, 33, 64, 100]))
def test_every_fjord_has_ice_sea_rock_and_a_front(seed, size):
    fjord = draw_fjord(seed, size)
    assert fjord.zones.dtype == np.uint8 and fjord.zones.shape == (size, size)
    assert {ROCK, GLACIER, OCEAN} <= set(np.unique(fjord.zones)) <= set(ZONE_VALUES)
    assert size / 8 <= np.count_nonzero(front_of(fjord.zones)) <= 2 * size
    assert 9000 <= fjord.metres_per_pixel * size <= 24000


def test_shapes_vary_widely():
    many = [draw_fjord((0, number), 64).zones for number in range(24)]
    ocean = [np.mean(zones == OCEAN) for zones in many]
    rock = [np.mean(zones == ROCK) for zones in many]
    assert min(ocean) < 0.12 and max(ocean) > 0.3
    assert min(rock) < 0.1 and max(rock) > 0.25


def test_coordinates_of_a_straight_valley_are_the_picture_s_own():
    along, across = valley_coordinates(straight_valley(), 65)
    y, x = np.mgrid[-1:1:65j, -1:1:65j]
    np.testing.assert_allclose(along, x, atol=1e-9)
    np.testing.assert_allclose(np.abs(across), np.hypot(y, 0) / 0.25, atol=STEP / 0.25)
    assert (across[:30] < 0).all() and (across[35:] > 0).all()


def test_a_bent_valley_keeps_its_length_and_a_tributary_ends_in_it():
    bent = FjordSettings(bends=(0.9, 0.9), tributary_vigour=(2, 2))
    rng = np.random.default_rng(4)
    trunk = draw_trunk(rng, bent)
    np.testing.assert_allclose(np.hypot(*np.diff(trunk.points, axis=0).T), STEP)
    assert np.ptp(trunk.heading) > 0.9
    for _ in range(5):
        side = draw_tributary(rng, trunk, bent)
        junction = np.hypot(*(trunk.points - side.points[-1]).T).argmin()
        np.testing.assert_allclose(side.points[-1], trunk.points[junction], atol=1e-9)
        assert side.along[-1] == trunk.along[junction]
        np.testing.assert_allclose(np.diff(side.along), 2 * STEP)  # vigorous: twice as far from the sea as it is
        assert side.half_width.max() < trunk.half_width[junction]


def test_bays_let_the_ocean_in_and_nothing_else_shapes_a_plain_front():
    plain = {"front_bulge": (0, 0), "front_skew": (0, 0), "front_raggedness": (0, 0)}
    across = np.broadcast_to(np.linspace(-2, 2, 64), (64, 64))
    rng = np.random.default_rng(0)
    assert not front_shape(rng, across, 0.3, FjordSettings(**plain, bays=(0, 0))).any()
    bays = front_shape(rng, across, 0.3, FjordSettings(**plain, bays=(2, 2), bay_depth=(0.5, 0.5)))
    assert bays.min() >= 0 and 0.9 * 0.3 * 0.5 < bays.max() <= 2 * 0.3 * 0.5
    assert np.median(bays) < 0.01


def test_settings_that_allow_no_fjord_are_refused():
    frozen = FjordSettings(scene=SceneSettings(ocean_share=(0, 0.001)))
    with pytest.raises(RuntimeError, match="no complete fjord of 32 pixels"):
        draw_fjord(0, 32, frozen)
