"""Simulate optical images of a scene in red, green and blue, some of them with clouds.

The file follows the light: colours of the ground -> sun and shade -> clouds and their shadows -> sensor. The ground is
that of the SAR image: the same floes, flow lines and crevasses. Colours are float32, which takes half the time of
float64 and is far finer than a grey level.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pix2pix_tf.data.classes import OCEAN, ROCK
from pix2pix_tf.prepare.simulation.landscape import Landscape, Range, Surface, fractal
from pix2pix_tf.prepare.simulation.sar import SimulatedScene, cast_shadow

Colour = tuple[float, float, float]  # reflectance in red, green and blue, 0 to 1


@dataclass(frozen=True)
class OpticalSettings:
    """Ranges from which images are drawn, and the colours of things from above."""

    sun_deg: Range = (27.0, 48.0)  # above the horizon, at a satellite's hour in polar summer
    light_deg: Range = (
        115.0,
        155.0,
    )  # its direction over the ground, clockwise from the image's right: a southern morning's sun
    exposure: Range = (0.84, 0.98)  # of snow in full sun; above 1 it is overexposed
    brightest_slope: float = 1.4  # over flat ground: snow scatters more evenly than Lambert's law has it
    haze: Range = (0.0, 0.05)  # share of light that the air adds
    blur: float = 0.10  # weight of each neighbour: the sensor's point spread
    noise: float = 0.006  # standard deviation, of full white
    gamma: float = 1.9  # of the image: brightens dark areas

    clear_chance: float = 0.5  # images without any cloud
    cloud_share: Range = (0.03, 1.0)  # of the other images
    cloud_power: Range = (2.9, 3.6)  # of the field's spectrum: from wisps to heaps
    cloud_softness: Range = (0.6, 1.6)  # from clear to opaque, in standard deviations of the cloud's field
    cloud_height_m: Range = (500.0, 1800.0)  # above the ground: how far away the shadow falls
    cloud_shadow: Range = (0.45, 0.7)  # share of light that it takes away

    snow: Colour = (0.93, 0.95, 0.97)
    ice: Colour = (0.62, 0.72, 0.80)
    moraine: Colour = (0.30, 0.27, 0.24)  # debris that dark flow lines carry
    crevasse: Colour = (0.36, 0.53, 0.68)
    rock: Colour = (0.25, 0.21, 0.18)
    pale_rock: Colour = (0.42, 0.37, 0.32)
    tundra: Colour = (0.24, 0.25, 0.15)  # low slopes by the fjord
    water: Colour = (0.010, 0.055, 0.085)
    plume: Colour = (0.16, 0.30, 0.31)  # meltwater with glacial flour, at the front
    brash: Colour = (0.34, 0.44, 0.50)  # crushed ice between the floes
    sunlight: Colour = (1.03, 1.0, 0.95)
    skylight: Colour = (0.80, 0.98, 1.30)
    skylight_share: float = 0.24  # of the light on flat ground
    air: Colour = (0.62, 0.72, 0.85)  # of the haze
    cloud: Colour = (0.97, 0.975, 0.98)


@dataclass(frozen=True)
class Optical:
    """One optical image."""

    pixels: np.ndarray  # uint8 [N, N, 3], RGB
    cloud: float  # share of the pixels in which cloud hides more than half of the ground


def simulate_optical(scene: SimulatedScene, count: int = 3, settings: OpticalSettings | None = None) -> list[Optical]:
    """Simulate images of a scene on several days: the same ground and sun, other clouds and other air.

    Args:
      scene: from `sar.simulate_scene`.
      count: number of images.
      settings: the ranges to draw from; None takes the defaults.
    """
    settings = settings or OpticalSettings()
    rng = np.random.default_rng([scene.seed, 0, 3])  # a stream of its own, as the radar's two polarisations have
    elevation, azimuth = rng.uniform(*settings.sun_deg), rng.uniform(*settings.light_deg)
    colours = ground_colours(rng, scene.landscape, scene.surface, settings)
    light = illumination(scene.landscape, elevation, azimuth, settings)
    return [_picture(rng, scene, colours, light, (elevation, azimuth), settings) for _ in range(count)]


def _picture(
    rng: np.random.Generator,
    scene: SimulatedScene,
    colours: np.ndarray,
    light: np.ndarray,
    sun: tuple[float, float],
    settings: OpticalSettings,
) -> Optical:
    size, haze = len(scene.zones), rng.uniform(*settings.haze)
    opacity, brightness, shadow = clouds(rng, size, scene.metres_per_pixel, sun, settings)
    radiance = colours * light
    if opacity.any():
        radiance *= (1 - shadow)[..., None]
        radiance += opacity[..., None] * (brightness[..., None] * np.asarray(settings.cloud, np.float32) - radiance)
    exposure, air = rng.uniform(*settings.exposure), np.asarray(settings.air, np.float32)
    radiance = np.float32(exposure * (1 - haze)) * radiance + np.float32(exposure * haze) * air
    return Optical(develop(rng, radiance, settings), float(np.mean(opacity > 0.5)))


# The ground


def ground_colours(
    rng: np.random.Generator, landscape: Landscape, surface: Surface, settings: OpticalSettings
) -> np.ndarray:
    """Colour the ground.

    Args:
      rng: the random stream.
      landscape: gives the cover of each pixel.
      surface: gives its textures.
      settings: the colours.

    Returns:
      float32 [N, N, 3]: reflectance, lit or not.
    """
    mottle = fractal(rng, len(landscape.cover), 2.6)
    rock, ocean = _rock(landscape, surface, mottle, settings), _ocean(landscape, surface, mottle, settings)
    covers = [(landscape.cover == OCEAN)[..., None], (landscape.cover == ROCK)[..., None]]
    return np.select(covers, [ocean, rock], _glacier(surface, mottle, settings))


def _glacier(surface: Surface, mottle: np.ndarray, settings: OpticalSettings) -> np.ndarray:
    """Colour a glacier: snow above, blue-grey ice below, with the debris of its flow lines and open crevasses."""
    bare = 1 - surface.snow
    colour = mixed(settings.ice, settings.snow, surface.snow + 0.06 * mottle)
    colour = mixed(colour, settings.moraine, 0.75 * bare * np.clip(-0.45 * surface.flow_lines - 0.35, 0, 1))
    colour = mixed(colour, settings.crevasse, 0.28 * np.clip(surface.crevasses, 0, 2.5) * (0.45 + 0.55 * bare))
    return colour * (1 + 0.025 * surface.flow_lines * bare + 0.015 * mottle).astype(np.float32)[..., None]


def _rock(landscape: Landscape, surface: Surface, mottle: np.ndarray, settings: OpticalSettings) -> np.ndarray:
    """Colour rock: brown to grey, greener near the shore, with snow in the hollows of the heights."""
    colour = mixed(settings.rock, settings.pale_rock, 0.4 + 0.22 * surface.rock + 0.3 * mottle)
    colour = mixed(colour, settings.tundra, np.clip(0.8 - landscape.height / 300 + 0.4 * mottle, 0, 0.85))
    return mixed(colour, settings.snow, np.clip((landscape.height - 700) / 900 + 0.5 * mottle - 0.2, 0, 0.8))


def _ocean(landscape: Landscape, surface: Surface, mottle: np.ndarray, settings: OpticalSettings) -> np.ndarray:
    """Colour the ocean: dark water, milky near the front; melange of brash and floes; icebergs."""
    milky = 0.75 * np.exp(-np.maximum(landscape.downstream, 0) / 0.35) + 0.12 * surface.swirls - 0.08
    water = mixed(settings.water, settings.plume, milky) * (1 + 0.04 * mottle).astype(np.float32)[..., None]
    floes = ndimage.gaussian_filter(surface.floes, 0.6, truncate=2)
    melange = mixed(settings.brash, settings.snow, 0.5 * floes + 0.16 * surface.swirls + 0.15)
    melange = mixed(melange, settings.water, np.clip(-0.9 * floes - 0.75, 0, 0.9))
    colour = np.where((surface.melange & ~surface.pools)[..., None], melange, water)
    return np.where(surface.icebergs[..., None], np.asarray(settings.snow, np.float32), colour)


def mixed(one: Colour | np.ndarray, other: Colour | np.ndarray, share: np.ndarray) -> np.ndarray:
    """Mix two colours, pixel by pixel.

    Args:
      one: a colour, or float32 [N, N, 3] of them.
      other: likewise.
      share: float64 [N, N], of the other; cut to 0..1.

    Returns:
      float32 [N, N, 3].
    """
    one, other = np.asarray(one, np.float32), np.asarray(other, np.float32)
    return one + np.clip(share, 0, 1).astype(np.float32)[..., None] * (other - one)


# Sun and shade


def illumination(
    landscape: Landscape, elevation_deg: float, azimuth_deg: float, settings: OpticalSettings
) -> np.ndarray:
    """Light on the ground: Lambert's cosine law where the sun reaches, the sky alone in the shade of mountains.

    Args:
      landscape: the ground.
      elevation_deg: of the sun, above the horizon.
      azimuth_deg: direction of its light over the ground, clockwise from the image's right.
      settings: colours of sun and sky.

    Returns:
      float32 [N, N, 3], 1 on flat ground.
    """
    smooth = ndimage.gaussian_filter(landscape.height, 0.7, truncate=2)
    rows, columns = np.gradient(smooth, landscape.metres_per_pixel)
    facing = columns * np.cos(np.radians(azimuth_deg)) + rows * np.sin(np.radians(azimuth_deg))
    elevation = np.radians(elevation_deg)
    cosine = (facing * np.cos(elevation) + np.sin(elevation)) / np.sqrt(1 + rows**2 + columns**2)
    shaded = cast_shadow(smooth, landscape.metres_per_pixel, 90 - elevation_deg, azimuth_deg).astype(np.float64)
    lit = 1 - ndimage.gaussian_filter(shaded, 0.7, truncate=2)  # the sun is a disc
    direct = np.clip(cosine / np.sin(elevation), 0, settings.brightest_slope) * lit
    sun, sky = np.asarray(settings.sunlight, np.float32), np.asarray(settings.skylight, np.float32)
    share = np.float32(settings.skylight_share)
    return (1 - share) * sun * direct.astype(np.float32)[..., None] + share * sky


# Clouds


def clouds(
    rng: np.random.Generator, size: int, metres_per_pixel: float, sun: tuple[float, float], settings: OpticalSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw clouds or a clear sky.

    Args:
      rng: the random stream.
      size: pixels a side.
      metres_per_pixel: ground sampling.
      sun: elevation and azimuth as of `illumination`.
      settings: amount, softness and height of the clouds.

    Returns:
      Opacity, brightness, and the share of the light that their shadow takes: float32 [N, N], [0, 1].
    """
    clear, share = rng.random() < settings.clear_chance, rng.uniform(*settings.cloud_share)
    softness, height = rng.uniform(*settings.cloud_softness), rng.uniform(*settings.cloud_height_m)
    field, depth = fractal(rng, size, rng.uniform(*settings.cloud_power)), rng.uniform(*settings.cloud_shadow)
    if clear:
        return (np.zeros((size, size), np.float32),) * 3
    ramp = np.clip((field - np.quantile(field, 1 - share)) / softness + 0.5, 0, 1)
    opacity = ramp**2 * (3 - 2 * ramp)  # soft at both ends; a half where the quantile is
    away = height / np.tan(np.radians(sun[0])) / metres_per_pixel  # pixels along the light
    down, right = (round(away * turn(np.radians(sun[1]))) for turn in (np.sin, np.cos))
    shadow = depth * np.roll(opacity, (down, right), axis=(0, 1))  # the field is periodic, so nothing comes in torn
    smooth = ndimage.gaussian_filter(field, size / 64, mode="wrap", truncate=2)
    rows, columns = np.gradient(smooth)
    facing = columns * np.cos(np.radians(sun[1])) + rows * np.sin(np.radians(sun[1]))
    brightness = 0.93 + 0.035 * facing / facing.std() + 0.03 * (field - smooth) / (field - smooth).std()
    brightness = np.clip(brightness, 0.7, 1.0)
    return opacity.astype(np.float32), brightness.astype(np.float32), shadow.astype(np.float32)


# The sensor


def develop(rng: np.random.Generator, light: np.ndarray, settings: OpticalSettings) -> np.ndarray:
    """Convert light to an image: blur, noise, gamma.

    Args:
      rng: the random stream.
      light: float32 [N, N, 3], 1 is white.
      settings: those of the sensor.

    Returns:
      uint8 [N, N, 3], RGB.
    """
    kernel = np.array([settings.blur, 1 - 2 * settings.blur, settings.blur])
    for axis in (0, 1):
        light = ndimage.convolve1d(light, kernel, axis=axis, mode="nearest")
    noise = np.float32(settings.noise) * rng.standard_normal(light.shape, np.float32)
    light = np.clip(light + noise * np.sqrt(np.maximum(light, np.float32(0.02))), 0, 1)
    return (255 * light ** np.float32(1 / settings.gamma)).round().astype(np.uint8)
