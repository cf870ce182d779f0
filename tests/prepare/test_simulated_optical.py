"""Simulated optical pictures: reproducible, of the radar's own ground, lit by one sun, with clouds of known share."""

import numpy as np
import pytest

from pix2pix_tf.data.classes import OCEAN, ROCK
from pix2pix_tf.prepare.simulation.landscape import Landscape
from pix2pix_tf.prepare.simulation.optical import (
    OpticalSettings,
    clouds,
    develop,
    ground_colours,
    illumination,
    simulate_optical,
)
from pix2pix_tf.prepare.simulation.sar import simulate_scene

CLEAR = OpticalSettings(clear_chance=1.0, haze=(0, 0), noise=0.0)
SUN = (30.0, 135.0)  # degrees above the horizon; its light runs down and left


@pytest.fixture(scope="module")
def scene():
    return simulate_scene(12, 96)


def test_a_seed_fixes_every_byte(scene):
    for one, other in zip(simulate_optical(scene), simulate_optical(simulate_scene(12, 96)), strict=True):
        assert one.pixels.dtype == np.uint8 and one.pixels.shape == (96, 96, 3)
        assert one.cloud == other.cloud
        np.testing.assert_array_equal(one.pixels, other.pixels)
    assert not np.array_equal(simulate_optical(scene)[0].pixels, simulate_optical(simulate_scene(13, 96))[0].pixels)


def test_pictures_of_one_scene_are_of_one_ground_on_different_days(scene):
    first, second = (picture.pixels.astype(float) for picture in simulate_optical(scene, 2, CLEAR))
    assert not np.array_equal(first, second)
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.999


def test_colours_are_those_of_snow_water_and_rock(scene):
    colours = ground_colours(np.random.default_rng(0), scene.landscape, scene.surface, OpticalSettings())
    cover, surface = scene.landscape.cover, scene.surface
    assert colours.dtype == np.float32 and colours.min() >= 0 and colours.max() < 1.3
    snow = colours[(cover == 127) & (surface.snow > 0.95)].mean(axis=0)
    water = colours[(cover == OCEAN) & ~surface.melange & ~surface.icebergs].mean(axis=0)
    rock = colours[(cover == ROCK) & (scene.landscape.height < 500)].mean(axis=0)
    assert snow.min() > 0.85
    assert water.max() < 0.35 and water[0] < water[1]  # no red in it
    assert rock[0] > rock[2]  # brown
    floes = surface.floes[surface.melange & (cover == OCEAN)]
    grey = colours.mean(axis=-1)[surface.melange & (cover == OCEAN)]
    assert np.corrcoef(floes, grey)[0, 1] > 0.6  # the floes that the radar saw


def test_flow_lines_lie_where_the_radar_sees_them(scene):
    colours = ground_colours(np.random.default_rng(0), scene.landscape, scene.surface, OpticalSettings())
    bare = (scene.landscape.cover == 127) & (scene.surface.snow < 0.5)
    dark = bare & (scene.surface.flow_lines < -1.5)
    assert dark.any()
    assert colours[dark].mean() < colours[bare & (scene.surface.flow_lines > 0)].mean() - 0.05


def flat(height):
    nothing = np.zeros_like(height)
    return Landscape(height, nothing.astype(np.uint8), nothing, nothing, 10.0)


def test_flat_ground_has_full_light_whatever_the_sun():
    settings = OpticalSettings(sunlight=(1, 1, 1), skylight=(1, 1, 1))
    np.testing.assert_allclose(illumination(flat(np.zeros((40, 40))), *SUN, settings), 1, rtol=1e-6)


def test_slopes_that_face_the_sun_are_bright_and_those_behind_mountains_are_blue():
    # Light runs to the right. A roof along the middle column, 45 degrees steep, under a sun of 30 degrees.
    roof = np.tile(10.0 * np.minimum(np.arange(40), 39 - np.arange(40))[None], (40, 1))
    light = illumination(flat(roof), 30, 0, OpticalSettings())
    assert light[20, 10].min() > 1.2
    assert (light[20, 30] < 0.4).all() and light[20, 30, 2] > light[20, 30, 0]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.93])
def test_clouds_have_the_share_that_was_drawn(share):
    settings = OpticalSettings(clear_chance=0.0, cloud_share=(share, share))
    opacity, brightness, shadow = clouds(np.random.default_rng(1), 64, 50.0, SUN, settings)
    assert np.mean(opacity > 0.5) == pytest.approx(share, abs=0.001)
    assert opacity.min() >= 0 and opacity.max() == 1
    assert np.mean((opacity > 0.02) & (opacity < 0.98)) > 0.05  # soft edges
    assert brightness.min() >= 0.7 and brightness.max() <= 1
    assert 0.45 <= shadow.max() <= 0.7


def test_a_clouds_shadow_falls_along_the_light():
    settings = OpticalSettings(clear_chance=0.0, cloud_share=(0.2, 0.2), cloud_height_m=(500, 500))
    opacity, _, shadow = clouds(np.random.default_rng(1), 64, 50.0, SUN, settings)
    # 500 m / tan 30 / 50 m = 17.3 pixels; cos 135 of them to the right, sin 135 down.
    np.testing.assert_allclose(shadow / shadow.max(), np.roll(opacity, (12, -12), (0, 1)) / opacity.max(), atol=1e-6)


def test_about_half_the_pictures_are_clear_and_say_so():
    pictures = [picture for seed in range(30) for picture in simulate_optical(simulate_scene(seed, 32), 3)]
    clear = sum(picture.cloud == 0 for picture in pictures)
    assert 30 <= clear <= 60
    assert max(picture.cloud for picture in pictures) > 0.8


def test_the_share_of_cloud_is_what_one_sees(scene):
    cloudy = OpticalSettings(clear_chance=0.0, cloud_share=(0.3, 0.3), haze=(0, 0), noise=0.0, exposure=(1, 1))
    (picture,) = simulate_optical(scene, 1, cloudy)
    (clear,) = simulate_optical(scene, 1, CLEAR)
    water = (scene.landscape.cover == OCEAN) & ~scene.surface.melange
    assert picture.cloud == pytest.approx(0.3, abs=0.01)
    whiter = picture.pixels[water].min(axis=-1) > clear.pixels[water].min(axis=-1).astype(int) + 60
    assert 0 < whiter.mean() < 1


def test_noise_and_white(rng):
    settings = OpticalSettings(gamma=1.0, noise=0.02)
    picture = develop(rng, np.full((64, 64, 3), 0.5, np.float32), settings)
    assert picture.mean() == pytest.approx(127.5, abs=1)
    assert picture.std() == pytest.approx(255 * 0.02 * 0.5**0.5, rel=0.1)
    assert (develop(rng, np.full((8, 8, 3), 2.0, np.float32), settings) == 255).all()
