"""Draw zone masks of new fjords.

This module draws the valley: a trunk that bends, narrows and widens, glaciers that join it, and a front of
one of many shapes. `landscape` fills the valley with ice, and `sar` casts the radar shadow. Lengths are in half image
sides, as there, so that a fjord of 64 pixels is still a whole fjord.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from pix2pix_tf.data.classes import ZoneMask, front_of
from pix2pix_tf.prepare.simulation.landscape import Range, SceneSettings, fill_valley, fractal, image_grid
from pix2pix_tf.prepare.simulation.sar import MAX_ATTEMPTS, cast_shadow, is_complete, label_zones, swath_gap

STEP = 0.02  # between the points of a centre line, where the flow is straight
REACH = 2.6  # of a centre line from the trunk's middle: out of the image, bends included
BLEND = 8.0  # sharpness of the transition between two valleys' coordinates where they meet


@dataclass(frozen=True)
class FjordSettings:
    """Ranges from which fjords are drawn, uniform between the two values."""

    trunk_half_width: Range = (0.12, 0.42)
    bends: Range = (0.0, 0.9)  # radians the heading swings to either side
    bend_length: Range = (0.8, 2.2)  # of half a swing
    narrows: Range = (0.0, 0.35)  # share of the width lost to a sill or a spur
    widening: Range = (0.0, 0.8)  # share of the width gained towards the sea, for each half image side
    tributaries: tuple[int, int] = (0, 4)  # whole numbers, both included
    tributary_width: Range = (0.35, 0.75)  # of the trunk's
    tributary_turn_deg: Range = (30.0, 85.0)  # between the two flows where they meet
    tributary_vigour: Range = (0.5, 3.0)  # above 1 its front stands nearer to the junction than the trunk's would
    front_bulge: Range = (-0.5, 0.8)  # mid-stream ahead of the shores, in half-widths of the trunk, as the next five
    front_skew: Range = (-0.5, 0.5)  # one shore ahead of the middle
    front_raggedness: Range = (0.04, 0.16)  # standard deviation along the flow
    bay_depth: Range = (0.15, 0.6)
    bay_half_width: Range = (0.12, 0.4)
    bays: tuple[int, int] = (0, 3)  # number of bays that calving left in the front

    scene: SceneSettings = field(
        default_factory=lambda: SceneSettings(
            ocean_share=(0.06, 0.45),
            rock_share=(0.04, 0.4),  # from an ice sheet's margin to bare fjord walls
            nunatak_chance=0.35,
            tributary_chance=0.0,  # they are drawn here
            front_bulge=(0.0, 0.0),  # shaped here too: a narrow fjord has a smaller bulge
            front_raggedness=(0.0, 0.0),
        )
    )


@dataclass(frozen=True)
class Fjord:
    """A mask of a new fjord."""

    zones: ZoneMask
    metres_per_pixel: float
    attempts: int  # geometries drawn until one had rock, glacier, ocean and a front; 1 is usual


def draw_fjord(seed: int | tuple[int, ...], size: int = 256, settings: FjordSettings | None = None) -> Fjord:
    """Draw the zone mask of a new fjord, with ocean, glacier, rock and a calving front in it.

    Args:
      seed: the same seed, size and settings give the same bytes.
      size: pixels a side, 32 or more.
      settings: the ranges to draw from; None takes the defaults.

    Raises:
      RuntimeError: the settings allow no such fjord.
    """
    settings = settings or FjordSettings()
    scene = settings.scene
    for attempt in range(MAX_ATTEMPTS):
        rng = np.random.default_rng([*np.atleast_1d(seed), attempt])
        scale = 1000 * rng.uniform(*scene.extent_km) / size
        trunk = draw_trunk(rng, settings)
        along, across = valley_network(rng, trunk, size, settings)
        along += front_shape(rng, across, float(np.median(trunk.half_width)), settings)
        ground = fill_valley(rng, along, across, scale, scene)
        shadow = cast_shadow(ground.height, scale, rng.uniform(*scene.incidence_deg), rng.uniform(0, 360))
        zones = label_zones(ground.cover, shadow, swath_gap(rng, size, scene.swath_edge_chance))
        if is_complete(zones, front_of(zones)):
            return Fjord(zones, scale, attempt + 1)
    raise RuntimeError(f"seed {seed}: no complete fjord of {size} pixels in {MAX_ATTEMPTS} attempts")


# Valleys


@dataclass(frozen=True)
class Valley:
    """One centre line, as points STEP apart, from its head to its end."""

    points: np.ndarray  # float64 [P, 2]: y and x
    heading: np.ndarray  # float64 [P]: of the flow, radians clockwise from the image's right
    along: np.ndarray  # float64 [P]: the coordinate along the flow, seaward
    half_width: np.ndarray  # float64 [P]


def valley_network(
    rng: np.random.Generator, trunk: Valley, size: int, settings: FjordSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the tributaries of a trunk, and return each pixel's place in the nearest valley.

    Args:
      rng: the random stream.
      trunk: from `draw_trunk`.
      size: pixels a side.
      settings: the ranges to draw from.

    Returns:
      Along, float64 [N, N]: grows seaward, in half image sides. Across, float64 [N, N]: 0 on the centre line, -1 and 1
      on the shores. Both as `landscape.fill_valley` takes them.
    """
    count = rng.integers(*settings.tributaries, endpoint=True)
    valleys = [trunk, *(draw_tributary(rng, trunk, settings) for _ in range(count))]
    coarse = (size + 1) // 2  # the fields are smooth where it matters; a quarter of the pixels, a quarter of the work
    along, across = np.stack([valley_coordinates(valley, coarse) for valley in valleys], axis=1)
    # Blended by nearness: where two valleys meet their coordinates differ, and the front must not jump.
    nearness = np.exp(-BLEND * (np.abs(across) - np.abs(across).min(axis=0)))
    along = (nearness * along).sum(axis=0) / nearness.sum(axis=0)
    across = np.take_along_axis(across, np.abs(across).argmin(axis=0)[None], axis=0)[0]
    return ndimage.zoom(along, size / coarse, order=1), ndimage.zoom(across, size / coarse, order=1)


def draw_trunk(rng: np.random.Generator, settings: FjordSettings) -> Valley:
    """Draw a valley through the image, past a place near its middle."""
    along = np.arange(-REACH, REACH, STEP)
    swing, length, phase = rng.uniform(*settings.bends), rng.uniform(*settings.bend_length), rng.uniform(0, 2 * np.pi)
    second = rng.uniform(0, 0.5) * np.sin(np.pi * along / (0.45 * length) + rng.uniform(0, 2 * np.pi))
    heading = rng.uniform(0, 2 * np.pi) + swing * (np.sin(np.pi * along / length + phase) + second)
    half_width = rng.uniform(*settings.trunk_half_width) * (1 + rng.uniform(*settings.widening) * np.maximum(along, 0))
    for _ in range(2):
        place, reach = rng.uniform(-1, 1), rng.uniform(0.1, 0.3)
        half_width *= 1 - rng.uniform(*settings.narrows) * np.exp(-(((along - place) / reach) ** 2))
    points = _walked(heading)
    middle = rng.uniform(-0.35, 0.35, 2)
    return Valley(points - points[len(points) // 2] + middle, heading, along, half_width)


def draw_tributary(rng: np.random.Generator, trunk: Valley, settings: FjordSettings) -> Valley:
    """Draw a valley that joins the trunk inside the image, at an angle, and bends above the junction.

    Args:
      rng: the random stream.
      trunk: from `draw_trunk`.
      settings: the ranges to draw from.
    """
    inside = np.flatnonzero(np.abs(trunk.points).max(axis=1) < 0.9)
    junction = rng.choice(inside) if len(inside) else len(trunk.points) // 2
    turn = rng.choice([-1, 1]) * np.radians(rng.uniform(*settings.tributary_turn_deg))
    upstream = np.arange(0, REACH, STEP)  # distance from the junction
    swing, length = rng.uniform(*settings.bends), rng.uniform(*settings.bend_length)
    heading = trunk.heading[junction] + turn + swing * np.sin(np.pi * upstream / length) * rng.choice([-1, 1])
    points = trunk.points[junction] - _walked(heading)
    half_width = rng.uniform(*settings.tributary_width) * trunk.half_width[junction] * np.exp(-0.15 * upstream)
    vigour = rng.uniform(*settings.tributary_vigour)
    order = slice(None, None, -1)  # from its head to the junction
    return Valley(points[order], heading[order], (trunk.along[junction] - vigour * upstream)[order], half_width[order])


def _walked(heading: np.ndarray) -> np.ndarray:
    """Return y and x after each step, from 0: float64 [P, 2]."""
    steps = STEP * np.stack([np.sin(heading), np.cos(heading)], axis=1)
    return np.cumsum(steps, axis=0) - steps[0]


def valley_coordinates(valley: Valley, size: int) -> np.ndarray:
    """Return along and across of each pixel, by the nearest point of a centre line.

    Args:
      valley: the one with the centre line.
      size: pixels a side.

    Returns:
      float64 [2, N, N], as of `valley_network`.
    """
    pixels = np.moveaxis(image_grid(size), 0, -1)
    distance, nearest = cKDTree(valley.points).query(pixels)
    y, x = np.moveaxis(pixels - valley.points[nearest], -1, 0)
    sine, cosine = np.sin(valley.heading)[nearest], np.cos(valley.heading)[nearest]
    forward, aside = y * sine + x * cosine, y * cosine - x * sine
    rate = np.gradient(valley.along, STEP)[nearest]
    # Abreast of the last point a valley ends: the whole distance counts, not the part across.
    across = np.copysign(distance, aside) / valley.half_width[nearest]
    return np.stack([valley.along[nearest] + rate * np.clip(forward, -STEP, STEP), across])


def front_shape(rng: np.random.Generator, across: np.ndarray, width: float, settings: FjordSettings) -> np.ndarray:
    """Draw the shape of the front: a bulge or embayment, skew, raggedness, and calving bays.

    Args:
      rng: the random stream.
      across: float64 [N, N], as from `valley_network`.
      width: half the trunk's, in half image sides.
      settings: the ranges to draw from.

    Returns:
      float64 [N, N], to add to along: where it is larger, the ocean reaches further upstream.
    """
    inside = np.clip(across, -1.2, 1.2)
    shape = rng.uniform(*settings.front_bulge) * inside**2 + rng.uniform(*settings.front_skew) * inside
    for _ in range(rng.integers(*settings.bays, endpoint=True)):
        place, reach = rng.uniform(-1, 1), rng.uniform(*settings.bay_half_width)
        shape += rng.uniform(*settings.bay_depth) * np.exp(-(((across - place) / reach) ** 4))
    ragged = fractal(rng, len(across), 3.3, min(1 / width, 8))  # waves no longer than the valley is wide
    return width * (shape + rng.uniform(*settings.front_raggedness) * ragged)
