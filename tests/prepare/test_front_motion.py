"""Moved fronts: by the length that was asked for, within the fjord, and nothing else is touched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from pix2pix_tf.data.classes import GLACIER, NOT_AVAILABLE, OCEAN, ROCK, ZONE_VALUES, front_of
from pix2pix_tf.prepare.masks.fjords import draw_fjord
from pix2pix_tf.prepare.masks.front_motion import MoveSettings, flow_direction, has_front, move_front
from pix2pix_tf.prepare.simulation.landscape import fractal

PLAIN = {"bend": (0, 0), "rough": (0, 0), "bays": (0, 0)}


def straight(front: int = 32, size: int = 64) -> np.ndarray:
    """uint8 [N, N]: rock walls above and below, glacier from the left to below column `front`, then ocean."""
    zones = np.full((size, size), ROCK, np.uint8)
    zones[16:48, :front], zones[16:48, front:] = GLACIER, OCEAN
    return zones


def moved_by(zones, pixels, seed=0, **others) -> np.ndarray:
    return move_front(
        zones, np.random.default_rng(seed), MoveSettings(advance=(pixels, pixels), **PLAIN | others)
    ).zones


def any_mask(seed: int, size: int = 48) -> np.ndarray:
    """uint8 [N, N]: a fjord, or classes strewn without sense, with specks of each in each."""
    if seed % 2:
        return draw_fjord(seed, size).zones
    rng = np.random.default_rng(seed)
    levels = np.digitize(fractal(rng, size, rng.uniform(1, 4)), [-1, -0.5, 0.3])
    return np.array(ZONE_VALUES, np.uint8)[rng.permutation(4)[levels]]


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("pixels", [-20, -7, -1, 0, 1, 9, 25])
def test_a_straight_front_moves_by_just_so_many_pixels(pixels, turns):
    found = moved_by(np.rot90(straight(), turns), pixels)
    np.testing.assert_array_equal(found, np.rot90(straight(32 + pixels), turns))


@pytest.mark.parametrize("angle", [20, 45, 200, 290])
@pytest.mark.parametrize("pixels", [-12, 10])
def test_an_oblique_front_moves_along_its_normal(angle, pixels):
    y, x = np.mgrid[-50:50, -50:50]
    seaward = x * np.cos(np.radians(angle)) + y * np.sin(np.radians(angle))
    zones = np.where(seaward > 0, OCEAN, GLACIER).astype(np.uint8)
    np.testing.assert_allclose(flow_direction(zones), [np.sin(np.radians(angle)), np.cos(np.radians(angle))], atol=0.03)
    middle = np.hypot(x, y) < 30
    front = (front_of(moved_by(zones, pixels)) > 0) & middle
    assert seaward[front].mean() == pytest.approx(pixels + 0.5, abs=0.7)
    assert np.ptp(seaward[front]) < 4


def test_the_shores_stay_where_ice_lies_on_both_sides():
    zones = np.full((64, 64), GLACIER, np.uint8)
    zones[24:40, 20:] = OCEAN  # a fjord of 16 pixels in the ice, open to the right
    retreated = moved_by(zones, -8)
    expected = zones.copy()
    expected[24:40, 12:] = OCEAN
    corners = np.argwhere(retreated != expected)  # the head may be rounded by a pixel or two
    assert len(corners) <= 8 and set(corners[:, 0]) <= {24, 25, 38, 39} and corners[:, 1].max() <= 13


def test_ice_does_not_pass_through_an_island_and_specks_do_not_stop_it():
    zones = straight()
    zones[16:48, 40:44] = ROCK  # a bar across the fjord
    assert (moved_by(zones, 20)[16:48, 44:] == OCEAN).all()
    zones = straight()
    zones[30, 36] = NOT_AVAILABLE
    found = moved_by(zones, 12)
    assert found[30, 36] == NOT_AVAILABLE
    assert np.count_nonzero(found[16:48, :44] == GLACIER) == 32 * 44 - 1


def test_bays_take_ice_only_and_bends_bend():
    bitten = moved_by(straight(), 0, bays=(2, 2), bay_depth=(8, 8), bay_half_width=(5, 5))
    assert 8 <= 32 - np.argmax(bitten == OCEAN, axis=1)[16:48].min() <= 17
    assert ((bitten == GLACIER) <= (straight() == GLACIER)).all()
    bent = moved_by(straight(), 0, bend=(12, 12))
    reach = np.count_nonzero(bent[16:48] == GLACIER, axis=1)
    assert reach[16] - reach[0] == pytest.approx(12, abs=1)  # mid-stream ahead of the shore
    assert reach.mean() == pytest.approx(32, abs=1)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_cut_off_is_ocean(seed):
    rough = moved_by(straight(), -5, seed, rough=(6, 6))
    assert ndimage.label(rough == GLACIER)[1] == ndimage.label(rough == OCEAN)[1] == 1
    assert len(set(np.argmax(rough == OCEAN, axis=1)[16:48])) > 4


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32),
    advance=st.floats(-30, 30),
    bend=st.floats(-20, 20),
    rough=st.floats(0, 8),
    bays=st.integers(0, 3),
)
def test_only_ice_and_water_ever_change_places(seed, advance, bend, rough, bays):
    zones = any_mask(seed)
    before, others = zones.copy(), (zones == ROCK) | (zones == NOT_AVAILABLE)
    chosen = MoveSettings((advance, advance), (bend, bend), (rough, rough), (bays, bays))
    if not has_front(zones):
        return
    found = move_front(zones, np.random.default_rng(seed), chosen)
    np.testing.assert_array_equal(zones, before)
    assert found.zones.dtype == np.uint8 and found.advance == pytest.approx(advance)
    np.testing.assert_array_equal(found.zones[others], zones[others])
    assert set(np.unique(found.zones[~others])) <= {GLACIER, OCEAN}
    plain = moved_by(zones, advance)
    if advance <= 0:
        assert (zones[plain == GLACIER] == GLACIER).all()
    if advance >= 0:
        assert (zones[plain == OCEAN] == OCEAN).all()


def test_a_mask_without_ice_or_sea_has_no_front():
    assert has_front(straight())
    assert not has_front(np.full((64, 64), GLACIER, np.uint8))
    assert not has_front(np.where(straight() == OCEAN, ROCK, straight()))
    tiny = np.full((64, 64), GLACIER, np.uint8)
    tiny[0, 0] = OCEAN
    assert not has_front(tiny)
    assert not has_front(moved_by(straight(), 40))  # the ocean is gone
