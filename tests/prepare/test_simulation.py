"""Simulated scenes: reproducible, complete, and true to the radar's geometry and statistics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_tf.data.classes import GLACIER, NOT_AVAILABLE, OCEAN, ROCK, front_of
from pix2pix_tf.prepare.simulation.landscape import SceneSettings, fractal
from pix2pix_tf.prepare.simulation.sar import (
    METRES_PER_GREY,
    cast_shadow,
    is_complete,
    label_zones,
    simulate_scene,
    simulate_vh,
    slope_gain,
    speckle,
    swath_gap,
    to_grey,
)

PICTURES = ("zones", "fronts", "sar", "elevation")
METRES = 10.0  # per pixel, of the hand-made terrain


def ridge(metres: float, size: int = 64) -> np.ndarray:
    """float64 [N, N]: flat ground, and a wall one pixel wide along the middle column."""
    height = np.zeros((size, size))
    height[:, size // 2] = metres
    return height


def same_pictures(one, other) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in PICTURES)


def test_a_seed_fixes_every_byte():
    assert same_pictures(simulate_scene(7, 64), simulate_scene(7, 64))


def test_seeds_and_settings_make_different_scenes():
    scene = simulate_scene(7, 64)
    assert not np.array_equal(scene.zones, simulate_scene(8, 64).zones)
    assert not np.array_equal(scene.sar, simulate_scene(8, 64).sar)
    assert not np.array_equal(scene.sar, simulate_scene(7, 64, SceneSettings(looks=(1, 1))).sar)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([32, 33, 64, 100]))
def test_every_scene_is_complete(seed, size):
    scene = simulate_scene(seed, size)
    for name in PICTURES:
        picture = getattr(scene, name)
        assert picture.dtype == np.uint8 and picture.shape == (size, size)
    values = set(np.unique(scene.zones))
    assert {ROCK, GLACIER, OCEAN} <= values <= {NOT_AVAILABLE, ROCK, GLACIER, OCEAN}
    assert size / 8 <= np.count_nonzero(scene.fronts) <= 2 * size
    assert scene.sar.max() == 255 and scene.sar.std() > 10


def test_the_front_is_the_ocean_that_touches_the_glacier():
    scene = simulate_scene(3, 64, SceneSettings(swath_edge_chance=1, relief_m=(2000, 2000)))
    assert not np.array_equal(scene.fronts, front_of(scene.landscape.cover))  # some of it is not available
    padded = np.pad(scene.zones, 1)
    expected = np.zeros_like(scene.zones)
    for y, x in np.argwhere(scene.zones == OCEAN):
        neighbours = padded[y, x + 1], padded[y + 2, x + 1], padded[y + 1, x], padded[y + 1, x + 2]
        if GLACIER in neighbours:
            expected[y, x] = 255
    np.testing.assert_array_equal(scene.fronts, expected)


@pytest.mark.parametrize("seed", range(4))
def test_pictures_and_landscape_agree(seed):
    scene = simulate_scene(seed, 64)
    labelled = scene.zones != NOT_AVAILABLE
    np.testing.assert_array_equal(scene.zones[labelled], scene.landscape.cover[labelled])
    assert not scene.elevation[scene.zones == OCEAN].any()
    assert scene.landscape.height[scene.zones == GLACIER].min() > 0
    step = METRES_PER_GREY / 2 + 1e-6
    np.testing.assert_allclose(scene.elevation * METRES_PER_GREY, scene.landscape.height, atol=step)


@pytest.mark.parametrize("azimuth", [0, 90, 180, 270, 360])
@pytest.mark.parametrize("incidence", [25, 45])
def test_a_ridge_throws_a_shadow_of_the_length_worked_out_by_hand(azimuth, incidence):
    # 105 m x tan 45 = 105 m: ten pixels of 10 m. 105 m x tan 25 = 49 m: four.
    height = ridge(105)
    if azimuth in (90, 270):
        height = height.T
    shadow = cast_shadow(height, METRES, incidence, azimuth)
    along_beam = shadow[20] if azimuth in (0, 180, 360) else shadow[:, 20]
    length = {45: 10, 25: 4}[incidence]
    away = np.arange(33, 33 + length) if azimuth in (0, 90, 360) else np.arange(32 - length, 32)
    np.testing.assert_array_equal(np.flatnonzero(along_beam), away)


def test_an_oblique_beam_shortens_the_shadow_across_the_ridge():
    # 205 m x tan 45 along the beam; seen across the ridge times cos 40 = 157 m: fifteen whole pixels.
    shadow = cast_shadow(ridge(205), METRES, 45, 40)
    assert np.count_nonzero(shadow[40]) == 15
    assert not shadow[:, :33].any()


def test_the_beam_runs_clockwise_from_the_right():
    # A tower of 205 m at (20, 20): 205 m along the beam, so 14 pixels right and 14 down at 45 degrees.
    height = np.zeros((64, 64))
    height[20, 20] = 205
    for azimuth, down, right in ((44, 1, 1), (136, 1, -1), (224, -1, -1), (316, -1, 1)):
        rows, columns = np.nonzero(cast_shadow(height, METRES, 45, azimuth))
        assert len(rows) == 14
        steps = np.arange(1, 15)  # a ray keeps to whole pixels: it may be one off
        np.testing.assert_allclose(np.sort((rows - 20) * down), steps, atol=1)
        np.testing.assert_allclose(np.sort((columns - 20) * right), steps, atol=1)


def test_no_relief_no_shadow():
    gentle = 20 * fractal(np.random.default_rng(0), 64, 4.0)
    assert not cast_shadow(gentle, 100.0, 30, 77).any()
    assert not cast_shadow(np.full((64, 64), 900.0), METRES, 45, 200).any()


def test_a_slope_that_faces_the_radar_is_brighter():
    ramp = np.broadcast_to(np.arange(32) * METRES * 0.25, (32, 32))  # rises to the right by 1 in 4
    # At 45 degrees: (1 + 1/4) / (1 - 1/4) towards the radar, its inverse away from it.
    np.testing.assert_allclose(slope_gain(ramp, METRES, 45, 0, 20), 5 / 3)
    np.testing.assert_allclose(slope_gain(ramp, METRES, 45, 180, 20), 3 / 5)
    np.testing.assert_allclose(slope_gain(ramp.T, METRES, 45, 90, 20), 5 / 3)
    np.testing.assert_allclose(slope_gain(ramp, METRES, 45, 90, 20), 1, atol=1e-12)


def test_layover_is_bounded_and_a_steep_back_slope_gives_nothing():
    cliff = np.broadcast_to(np.arange(32) * METRES * 3.0, (32, 32))
    np.testing.assert_allclose(slope_gain(cliff, METRES, 30, 0, 10), 10)
    assert not slope_gain(cliff, METRES, 30, 180, 10).any()
    assert cast_shadow(cliff, METRES, 30, 180)[:, :-1].all()


@pytest.mark.parametrize(("looks", "resampling"), [(1, 0.0), (4, 0.12), (20, 0.2)])
def test_speckle_has_the_looks_it_was_asked_for(looks, resampling):
    field = speckle(np.random.default_rng(5), 256, looks, resampling)
    assert field.mean() == pytest.approx(1, abs=0.02)
    assert 1 / field.var() == pytest.approx(looks, rel=0.05)
    neighbours = np.corrcoef(field[:, :-1].ravel(), field[:, 1:].ravel())[0, 1]
    weight = 1 - 2 * resampling
    expected = 2 * resampling * weight / (weight**2 + 2 * resampling**2)
    assert neighbours == pytest.approx(expected, abs=0.02)


def test_shadow_is_labelled_as_a_hand_would():
    shadow = np.zeros((200, 200), bool)
    shadow[50:80, 50:80] = True
    shadow[60, 60] = False  # lit: never labelled as shadow
    shadow[150, 150] = True  # a speck: left alone
    zones = label_zones(np.full((200, 200), GLACIER, np.uint8), shadow, np.zeros((200, 200), bool))
    assert (zones[52:60, 52:78] == NOT_AVAILABLE).all()
    assert zones[60, 60] == zones[150, 150] == GLACIER
    assert (zones[~shadow] == GLACIER).all()


def test_a_scene_without_rock_or_with_a_tiny_front_is_not_complete():
    zones = np.full((64, 64), GLACIER, np.uint8)
    zones[:, 40:], zones[:10] = OCEAN, ROCK
    assert is_complete(zones, front_of(zones))
    assert not is_complete(np.where(zones == ROCK, GLACIER, zones), front_of(zones))
    assert not is_complete(zones, np.zeros_like(zones))
    assert not is_complete(zones, np.full_like(zones, 255))


def test_shadow_is_dark():
    steep = SceneSettings(relief_m=(2000, 2000), extent_km=(10, 10), incidence_deg=(45, 45), swath_edge_chance=0)
    for seed in range(3):
        scene = simulate_scene(seed, 100, steep)
        shadow = cast_shadow(scene.landscape.height, scene.metres_per_pixel, scene.incidence_deg, scene.range_deg)
        missing = scene.zones == NOT_AVAILABLE
        assert missing.any() and shadow[missing].all()
        land = (scene.zones == ROCK) | (scene.zones == GLACIER)
        assert scene.sar[missing].max() < np.median(scene.sar[land])


def test_outside_the_swath_there_is_nothing():
    rng = np.random.default_rng(1)
    assert not swath_gap(rng, 64, 0.0).any()
    outside = swath_gap(rng, 64, 1.0)
    assert 0 < outside.mean() < 0.3
    grey = to_grey(np.full((64, 64), 0.5), 0.01, outside, 99)
    assert not grey[outside].any() and (grey[~outside] == 255).all()


def test_vh_is_fainter_and_shows_the_same_scene():
    calm = SceneSettings(swath_edge_chance=0, water_db=(-16, -16), melange_reach=(0.3, 0.3))
    for seed in range(3):
        scene = simulate_scene(seed, 100, calm)
        vh = simulate_vh(scene, calm)
        np.testing.assert_array_equal(vh, simulate_vh(scene, calm))
        assert vh.dtype == np.uint8 and vh.shape == scene.sar.shape and not np.array_equal(vh, scene.sar)
        assert np.corrcoef(vh.ravel(), scene.sar.ravel())[0, 1] > 0.5
        water = (scene.zones == OCEAN) & ~scene.surface.melange & ~scene.surface.icebergs
        ice = scene.zones == GLACIER
        assert vh[water].mean() / vh[ice].mean() < 0.7 * scene.sar[water].mean() / scene.sar[ice].mean()


def test_vh_has_nothing_outside_the_swath():
    scene = simulate_scene(1, 64, SceneSettings(swath_edge_chance=1))
    assert scene.outside.any() and not simulate_vh(scene)[scene.outside].any()


def test_settings_that_allow_no_scene_are_refused():
    with pytest.raises(RuntimeError, match="seed 0: no complete scene of 32 pixels"):
        simulate_scene(0, 32, SceneSettings(ocean_share=(0, 0.001)))


def test_fractal_noise_follows_its_power_law():
    field = fractal(np.random.default_rng(2), 128, 3.0, coarsest=4.0)
    assert field.mean() == pytest.approx(0, abs=1e-9) and field.std() == pytest.approx(1)
    power = np.abs(np.fft.fft2(field)) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(128) * 128, np.fft.fftfreq(128) * 128))
    assert power[frequency < 4].max() < 1e-9 * power.max()
    low, high = (power[(frequency >= f) & (frequency < f + 2)].mean() for f in (6, 48))
    assert np.log2(low / high) / np.log2(49 / 7) == pytest.approx(3.0, abs=0.4)
