"""What lies on a simulated landscape, and how strongly it scatters radar back: snow, flow lines, melange, water.

It is drawn once for a scene, so that another sensor's picture shows the same floes and crevasses.
"""

from dataclasses import dataclass

import numpy as np

from pix2pix_tf.data.classes import OCEAN, ROCK
from pix2pix_tf.prepare.simulation.landscape import Landscape, SceneSettings, fractal


@dataclass(frozen=True)
class Surface:
    """Everything float64 [N, N] unless said, everywhere, also where the cover is another."""

    gamma: np.ndarray  # gamma nought of the ground in VV, linear, before any slope is regarded
    rock: np.ndarray  # mottling: mean 0, standard deviation 1, as of floes and swirls
    snow: np.ndarray  # 0 bare ice, 1 snow
    flow_lines: np.ndarray  # decibels: bands that the ice carries along
    crevasses: np.ndarray  # decibels: bands across the flow, towards the front
    floes: np.ndarray
    swirls: np.ndarray
    melange: np.ndarray  # bool: packed against the front
    pools: np.ndarray  # bool: smooth water between the floes
    icebergs: np.ndarray  # bool


def draw_surface(rng: np.random.Generator, landscape: Landscape, settings: SceneSettings) -> Surface:
    """Draws the surface of a landscape; the order of the draws is the radar's, and decides the bytes of its image.

    Args:
      rng: the radar's random stream.
      landscape: what it lies on.
      settings: the ranges to draw from.
    """
    rock_level, rock = rng.uniform(*settings.rock_db), fractal(rng, len(landscape.cover), 1.6)
    ocean, on_water = _ocean_db(rng, landscape, settings)
    glacier, on_ice = _glacier_db(rng, landscape, settings)
    covers = [landscape.cover == OCEAN, landscape.cover == ROCK]
    decibels = np.select(covers, [ocean, rock_level + 2.0 * rock], glacier)
    return Surface(10 ** (decibels / 10), rock, **on_water, **on_ice)


def _glacier_db(
    rng: np.random.Generator, landscape: Landscape, settings: SceneSettings
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Gamma nought in decibels: ice below and snow above the snow line, flow lines, crevasses towards the front."""
    size = len(landscape.cover)
    patches, ripple = fractal(rng, size, 3.6), fractal(rng, size, 2.8, 3.0)
    above = (landscape.height - rng.uniform(*settings.snow_line_m)) / 80 + 1.2 * patches
    snow = 1 / (1 + np.exp(-above))
    bare, snowy = rng.uniform(*settings.trunk_db), rng.uniform(*settings.snow_db)
    decibels = bare + (snowy - bare) / (1 + np.exp(-above)) + 1.5 * ripple

    # Flow lines: one random profile across the valley, which the ice carries along and bends a little.
    in_valley = np.clip(2.2 - 2 * np.abs(landscape.across), 0, 1)
    profile = 0.4 * np.cumsum(rng.standard_normal(90)) + rng.standard_normal(90)
    profile = rng.uniform(*settings.flow_lines_db) * (profile - profile.mean()) / profile.std()
    flow_lines = in_valley * np.interp(landscape.across + 0.04 * patches, np.linspace(-1.2, 1.2, 90), profile)
    decibels += flow_lines

    # Crevasses open across the flow; their walls reflect strongly, in bands a few pixels apart.
    waves = landscape.downstream * np.pi * size / rng.uniform(3.0, 5.0) + 3 * ripple
    field = in_valley * np.exp(np.minimum(landscape.downstream, 0) / rng.uniform(0.08, 0.4))
    brighter, bands = rng.uniform(0, 3), rng.uniform(*settings.crevasses_db) * np.sin(waves)
    parts = {"snow": snow, "flow_lines": flow_lines, "crevasses": field * bands}
    return decibels + field * (brighter + bands), parts


def _ocean_db(
    rng: np.random.Generator, landscape: Landscape, settings: SceneSettings
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Gamma nought in decibels: melange packed against the front, water with wind on it beyond, icebergs in both."""
    size = len(landscape.cover)
    floes, swirls = fractal(rng, size, 2.5, 10.0), fractal(rng, size, 3.0)
    melange = rng.uniform(*settings.melange_db) + 1.2 * floes + 1.0 * swirls
    pool_depth, pools = rng.uniform(*settings.pool_depth_db), floes < -rng.uniform(1.5, 2.5)
    melange -= pool_depth * pools
    water = rng.uniform(*settings.water_db) + rng.uniform(0.5, 2.5) * swirls
    packed = landscape.downstream < rng.uniform(*settings.melange_reach) - 0.12 * swirls - 0.025 * floes
    icebergs = floes > rng.uniform(2.2, 3.4)
    parts = {"floes": floes, "swirls": swirls, "melange": packed, "pools": pools, "icebergs": icebergs}
    return np.where(packed, melange, water) + 6.0 * icebergs, parts
