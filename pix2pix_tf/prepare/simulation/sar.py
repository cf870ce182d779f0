"""Simulate labelled SAR scenes of glaciers.

The file follows the data: landscape -> radar geometry (shadow, slopes) -> zones -> echo -> speckle -> grey.
Images in another polarisation (`simulate_vh`) or of another sensor (`optical`) are functions of the scene, with random
streams of their own.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pix2pix_tf.data.classes import GLACIER, NOT_AVAILABLE, OCEAN, ROCK, ZoneMask, front_of
from pix2pix_tf.prepare.simulation.landscape import (
    Field,
    Landscape,
    SceneSettings,
    Surface,
    draw_surface,
    fractal,
    image_grid,
    simulate_landscape,
)

METRES_PER_GREY = 10.0  # of `SimulatedScene.elevation`: grey 255 is 2550 m, above any summit of the default settings
MAX_ATTEMPTS = 100  # geometries drawn before a seed fails; one or two are usual

BoolMask = np.ndarray  # bool [N, N]


@dataclass(frozen=True)
class SimulatedScene:
    """One sample. Images are uint8 [N, N]."""

    zones: ZoneMask
    fronts: np.ndarray  # 255 on the one-pixel calving front, 0 elsewhere
    sar: np.ndarray  # amplitude, linear from the noise floor (0) to the white percentile (255)
    elevation: np.ndarray  # METRES_PER_GREY metres a grey level, 0 at the sea
    metres_per_pixel: float
    incidence_deg: float
    range_deg: float  # ground-range direction of the beam, clockwise from the image's right
    looks: float
    seed: int
    landscape: Landscape
    surface: Surface
    echo: Field  # gamma nought in VV with the slopes, before noise and speckle
    noise_floor: float  # of the same, linear
    shadow: BoolMask  # not reached by the beam
    outside: BoolMask  # beyond the swath


def simulate_scene(seed: int, size: int = 256, settings: SceneSettings | None = None) -> SimulatedScene:
    """Simulate one scene, with ocean, glacier, rock and a calving front in it.

    Args:
      seed: the same seed, size and settings give the same bytes.
      size: pixels a side, 32 or more.
      settings: the ranges to draw from; None takes the defaults.

    Raises:
      RuntimeError: the settings allow no such scene.
    """
    settings = settings or SceneSettings()
    for attempt in range(MAX_ATTEMPTS):
        landscape = simulate_landscape(np.random.default_rng([seed, attempt, 0]), size, settings)
        rng = np.random.default_rng([seed, attempt, 1])  # the radar's own stream
        incidence, azimuth = rng.uniform(*settings.incidence_deg), rng.uniform(0, 360)
        view = landscape.height, landscape.metres_per_pixel, incidence, azimuth
        shadow, outside = cast_shadow(*view), swath_gap(rng, size, settings.swath_edge_chance)
        zones = label_zones(landscape.cover, shadow, outside)
        fronts = front_of(zones)
        if is_complete(zones, fronts):
            break
    else:
        raise RuntimeError(f"seed {seed}: no complete scene of {size} pixels in {attempt + 1} attempts")

    looks, floor = rng.uniform(*settings.looks), 10 ** (rng.uniform(*settings.noise_floor_db) / 10)
    surface = draw_surface(rng, landscape, settings)
    echo = surface.gamma * slope_gain(*view, settings.brightest_slope_db)
    intensity = np.where(shadow, floor, echo + floor) * speckle(rng, size, looks, settings.resampling)
    sar = to_grey(intensity, floor, outside, rng.uniform(*settings.white_percentile))
    elevation = np.clip(landscape.height / METRES_PER_GREY, 0, 255).round().astype(np.uint8)
    return SimulatedScene(
        zones, fronts, sar, elevation, landscape.metres_per_pixel, incidence, azimuth, looks,
        seed, landscape, surface, echo, floor, shadow, outside,
    )  # fmt: skip


def simulate_vh(scene: SimulatedScene, settings: SceneSettings | None = None) -> np.ndarray:
    """Image a simulated scene in VH: fainter, nearer to the noise, brightest where ice scatters in its volume.

    Args:
      scene: from `simulate_scene`.
      settings: as there.

    Returns:
      uint8 [N, N], as `SimulatedScene.sar`, which is VV.
    """
    settings = settings or SceneSettings()
    rng = np.random.default_rng([scene.seed, 0, 2])  # a stream of its own, beside those of the landscape and VV
    cover, size = scene.landscape.cover, len(scene.zones)
    water = (cover == OCEAN) & ~scene.surface.melange & ~scene.surface.icebergs
    below = np.select(
        [water, cover == ROCK], [rng.uniform(*settings.vh_water_db), rng.uniform(*settings.vh_rock_db)],
        rng.uniform(*settings.vh_ice_db),
    ) + 1.0 * fractal(rng, size, 2.0)  # fmt: skip
    echo = scene.echo * 10 ** (below / 10)
    speckled = speckle(rng, size, scene.looks, settings.resampling)
    intensity = np.where(scene.shadow, scene.noise_floor, echo + scene.noise_floor) * speckled
    return to_grey(intensity, scene.noise_floor, scene.outside, rng.uniform(*settings.white_percentile))


# Radar geometry


def cast_shadow(height: np.ndarray, metres_per_pixel: float, incidence_deg: float, range_deg: float) -> np.ndarray:
    """Find the pixels that the beam does not reach.

    A ray comes down by cot(incidence) metres per metre of ground. Add that descent to the heights, and the
    rays run level: a point is in shadow where anything nearer to the radar stands higher.

    Args:
      height: float64 [N, N], metres.
      metres_per_pixel: ground sampling.
      incidence_deg: from the vertical.
      range_deg: ground-range direction of the beam, clockwise from the image's right.

    Returns:
      bool [N, N], true in shadow.
    """
    turns = round(range_deg / 90)
    tilt = np.radians(range_deg - 90 * turns)  # the rest: within 45 degrees of the rows' direction
    ground = np.rot90(height, turns)
    places = np.indices(ground.shape)
    rows, columns = places[0], places[1]
    drift = np.rint(np.tan(tilt) * columns[0]).astype(int)  # rows a ray has come down at each column
    lanes = rows - drift + max(drift.max(), 0)  # shears the image, so that each ray keeps to one lane
    level = np.full((ground.shape[0] + np.ptp(drift), ground.shape[1]), -np.inf)
    descent = metres_per_pixel / np.cos(tilt) / np.tan(np.radians(incidence_deg))  # metres a column
    level[lanes, columns] = ground + columns * descent
    hidden = np.maximum.accumulate(level, axis=1) > level
    return np.rot90(hidden[lanes, columns], -turns)


def slope_gain(
    height: np.ndarray, metres_per_pixel: float, incidence_deg: float, range_deg: float, limit_db: float
) -> np.ndarray:
    """Return the brightness of slopes relative to flat ground, by foreshortening.

    A pixel in slant range holds more ground where that faces the radar. With gamma nought constant and slope
    g (metres of rise per metre away from the radar), the intensity over flat ground's is
    (1 + g tan i) / (1 - g / tan i), whatever the slope in azimuth (a plane in the model of Small 2011).
    From g = tan i on the slope lies over: several parts fall into one pixel, and it stays at its brightest.

    Args:
      height: float64 [N, N], metres.
      metres_per_pixel: ground sampling.
      incidence_deg: from the vertical.
      range_deg: ground-range direction of the beam, clockwise from the image's right.
      limit_db: decibels over flat ground, at most.

    Returns:
      float64 [N, N], factor on intensity: 1 on flat ground, 0 turned away, `limit_db` at most.
    """
    rows, columns = np.gradient(height, metres_per_pixel)
    slope = columns * np.cos(np.radians(range_deg)) + rows * np.sin(np.radians(range_deg))
    tangent, limit = np.tan(np.radians(incidence_deg)), 10 ** (limit_db / 10)
    return np.clip((1 + slope * tangent) / np.maximum(1 - slope / tangent, 1 / limit), 0, limit)


def swath_gap(rng: np.random.Generator, size: int, chance: float) -> np.ndarray:
    """Draw the corner or strip outside the swath; mostly empty.

    Args:
      rng: the random stream.
      size: pixels a side.
      chance: probability of one.

    Returns:
      bool [N, N], true outside.
    """
    y, x = image_grid(size)
    angle, edge = rng.uniform(0, 2 * np.pi), rng.uniform(0.65, 0.95)
    return (x * np.cos(angle) + y * np.sin(angle) > edge) & (rng.random() < chance)


# Zones


def label_zones(cover: ZoneMask, shadow: BoolMask, outside: BoolMask) -> ZoneMask:
    """Label a scene: the cover without shadow and gap. Specks of shadow stay unlabelled, as people leave them.

    Args:
      cover: without shadow and gap.
      shadow: pixels that the beam does not reach.
      outside: pixels beyond the swath.
    """
    large = ndimage.gaussian_filter(shadow.astype(np.float64), cover.shape[0] / 200) > 0.5
    return np.where((large & shadow) | outside, NOT_AVAILABLE, cover).astype(np.uint8)


def is_complete(zones: ZoneMask, fronts: np.ndarray) -> bool:
    """Return True where ocean, glacier and rock are present, with a front neither tiny nor everywhere.

    Args:
      zones: labels of the scene.
      fronts: [N, N], not 0 on the front.
    """
    shares = [np.mean(zones == value) for value in (OCEAN, GLACIER, ROCK)]
    return bool(min(shares) > 0.01 and len(zones) / 8 <= np.count_nonzero(fronts) <= 2 * len(zones))


# Speckle, grey


def speckle(rng: np.random.Generator, size: int, looks: float, resampling: float) -> np.ndarray:
    """Draw multiplicative speckle of a multi-looked intensity: gamma distributed (Oliver & Quegan 1998, ch. 4).

    Args:
      rng: the random stream.
      size: pixels a side.
      looks: mean ** 2 / variance of the result, that is, after resampling.
      resampling: w of the kernel [w, 1 - 2 w, w], along both axes, that stands for resampling.

    Returns:
      float64 [N, N], mean 1, variance 1 / looks.
    """
    kernel = np.array([resampling, 1 - 2 * resampling, resampling])
    raw_looks = looks * np.sum(kernel**2) ** 2  # fewer: the kernel averages some of the variance away
    field = rng.standard_gamma(raw_looks, (size, size)) / raw_looks
    for axis in (0, 1):
        field = ndimage.convolve1d(field, kernel, axis=axis, mode="wrap")
    return field


def to_grey(intensity: np.ndarray, floor: float, outside: BoolMask, white_percentile: float) -> np.ndarray:
    """Convert an intensity to grey as CaFFe does: linear in amplitude, the brightest pixels saturated.

    Args:
      intensity: float64 [N, N], linear.
      floor: of the noise, in the same unit: black.
      outside: beyond the swath: black as well.
      white_percentile: of the amplitude within the swath.

    Returns:
      uint8 [N, N].
    """
    amplitude = np.sqrt(intensity) - np.sqrt(floor)
    white = np.percentile(amplitude[~outside], white_percentile)
    return np.where(outside, 0, np.clip(255 * amplitude / white, 0, 255).round()).astype(np.uint8)
