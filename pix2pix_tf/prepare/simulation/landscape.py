"""Simulate landscapes: relief, a fjord with a glacier at its head, the cover of each pixel, and surface textures.

`sar` and `optical` make images of a landscape; its surface is drawn once, so that all of them show the same floes and
crevasses. Lengths are fractions of the image, so a scene of 64 pixels is still a whole fjord, in coarser pixels. All
arithmetic is float64: NumPy releases and processors then differ by far less than a grey level.
"""

import functools
from dataclasses import dataclass

import numpy as np
from scipy import fft, ndimage

from pix2pix_tf.data.classes import GLACIER, OCEAN, ROCK

Range = tuple[float, float]  # each scene draws its own value, uniform between the two
Field = np.ndarray  # float64 [N, N], one value for each pixel


@dataclass(frozen=True)
class SceneSettings:
    """Ranges from which scenes are drawn. `_db` is gamma nought, C to X band (after Ulaby & Dobson 1989)."""

    extent_km: Range = (9.0, 24.0)  # side of the scene: an outlet glacier with its fjord
    relief_m: Range = (400.0, 2100.0)  # summits: from an ice sheet's margin to the Antarctic Peninsula
    ocean_share: Range = (0.08, 0.38)  # of all pixels, as in CaFFe's scenes; so are the next
    rock_share: Range = (0.05, 0.18)
    swath_edge_chance: float = 0.3  # the scene ends obliquely, beyond is "not available"
    tributary_chance: float = 0.6
    nunatak_chance: float = 0.5  # a rock in the ice; in the fjord it is an island
    fjord_half_width: Range = (0.28, 0.5)  # in half image sides, and so the next two
    front_bulge: Range = (-0.12, 0.25)  # mid-stream ahead of the shores; below 0 it is an embayment
    front_raggedness: Range = (0.02, 0.08)  # standard deviation along the flow

    incidence_deg: Range = (23.0, 45.0)  # from the vertical: ERS has 23, TerraSAR-X up to 45
    looks: Range = (6.0, 28.0)  # equivalent number, after the resampling
    resampling: float = 0.12  # weight of each neighbour: correlates the speckle by 0.3, 0 leaves it white
    noise_floor_db: Range = (-27.0, -21.0)
    brightest_slope_db: float = 11.0  # over flat ground: layover piles up slopes, but not without end
    trunk_db: Range = (-17.0, -11.0)  # bare and wet ice of the lower glacier
    snow_db: Range = (-15.0, -2.0)  # the heights: dark when wet, bright in the percolation zone
    snow_line_m: Range = (150.0, 700.0)
    flow_lines_db: Range = (1.0, 2.2)  # standard deviation across the valley
    crevasses_db: Range = (0.5, 2.5)  # half the contrast of the bands at the front
    rock_db: Range = (-17.5, -11.0)
    melange_db: Range = (-12.5, -4.0)
    melange_reach: Range = (-0.1, 1.9)  # from the front seaward, in half image sides; below 0 there is none
    pool_depth_db: Range = (3.0, 10.0)  # smooth water between the floes, below the melange
    water_db: Range = (-30.0, -14.0)  # calm to windy
    vh_ice_db: Range = (-10.0, -6.0)  # VH over VV: ice, snow and melange scatter in their volume
    vh_rock_db: Range = (-12.0, -8.0)
    vh_water_db: Range = (-18.0, -12.0)  # a surface alone hardly turns the polarisation
    white_percentile: Range = (94.0, 99.6)  # of the amplitude: shown as 255


@dataclass(frozen=True)
class Landscape:
    """The ground, before any sensor images it. All arrays are [N, N]."""

    height: np.ndarray  # float64, metres above the sea, 0 on the ocean
    cover: np.ndarray  # uint8, CaFFe grey values: rock, glacier or ocean everywhere
    downstream: np.ndarray  # float64, along the flow from the front, seaward > 0, in half image sides
    across: np.ndarray  # float64, 0 on the valley's centre line, -1 and 1 on its shores
    metres_per_pixel: float


@functools.cache
def frequencies(size: int) -> np.ndarray:
    """Return cycles per image in the order of `irfft2`: float64 [N, N // 2 + 1]."""
    return np.hypot(fft.fftfreq(size)[:, None], fft.rfftfreq(size)[None]) * size


def fractal(rng: np.random.Generator, size: int, power: float, coarsest: float = 1.0) -> np.ndarray:
    """Draw fractal noise by spectral synthesis: random phases under a power law (Saupe 1988).

    Args:
      rng: the random stream.
      size: pixels a side.
      power: the power spectrum falls as frequency ** -power: 0 white, 2 mottled, 4 mountains.
      coarsest: the lowest frequency present, in cycles per image.

    Returns:
      float64 [N, N], mean 0, standard deviation 1, periodic.
    """
    frequency = frequencies(size)
    amplitude = np.where(frequency >= coarsest, np.maximum(frequency, 1.0) ** (-power / 2), 0.0)
    real, imaginary = rng.standard_normal((2, *frequency.shape))
    field = fft.irfft2(amplitude * (real + 1j * imaginary), s=(size, size))
    return (field - field.mean()) / field.std()


def simulate_landscape(rng: np.random.Generator, size: int, settings: SceneSettings) -> Landscape:
    """Carve a fjord into mountains, fill its head with a glacier, and assign a cover to each pixel.

    Args:
      rng: the random stream.
      size: pixels a side.
      settings: the ranges to draw from.
    """
    extent = 1000 * rng.uniform(*settings.extent_km)
    along, across = flow_coordinates(rng, size, settings)
    return fill_valley(rng, along, across, extent / size, settings)


def fill_valley(
    rng: np.random.Generator, along: np.ndarray, across: np.ndarray, metres_per_pixel: float, settings: SceneSettings
) -> Landscape:
    """Raise mountains beside a valley, fill its head with a glacier and its mouth with the ocean.

    Args:
      rng: the random stream.
      along: float64 [N, N], grows along the flow, seaward, in half image sides; it is not changed.
      across: float64 [N, N], 0 on the valley's centre line, -1 and 1 on its shores.
      metres_per_pixel: ground sampling.
      settings: the ranges to draw from.
    """
    size, extent = len(along), len(along) * metres_per_pixel
    noise = functools.partial(fractal, rng, size)
    nunatak = island(rng, size) if rng.random() < settings.nunatak_chance else 0.0
    rounded = ndimage.gaussian_filter(np.abs(across), size / 30, truncate=2)  # no sharp spurs at a junction
    shore = rounded + 0.16 * noise(3.8) + nunatak
    valley = shore < 1

    # Ice flows fastest mid-stream: the front bulges there, or has calved back; noise makes it ragged.
    along = along + rng.uniform(*settings.front_bulge) * np.minimum(across**2, 1.5)
    along += rng.uniform(*settings.front_raggedness) * noise(3.5)
    ocean_share = min(rng.uniform(*settings.ocean_share) / valley.mean(), 0.75)  # of the valley: ice stays
    downstream = along - np.quantile(along[valley], 1 - ocean_share)
    ocean = largest_part(valley & (downstream > 0))

    upstream = ndimage.gaussian_filter(np.maximum(-downstream, 0), size / 24)  # two branches meet level
    ice = np.minimum(rng.uniform(20, 60) + rng.uniform(0.02, 0.05) * extent / 2 * upstream, 350)  # metres
    wall = np.clip((shore - 1) / rng.uniform(0.15, 0.7), 0, 1)
    relief = rng.uniform(*settings.relief_m) * mountains(rng, size) * wall**2 * (3 - 2 * wall)
    height = np.where(ocean, 0.0, np.maximum(ice + 4 * noise(2) + relief, 0.0))

    # Snow does not hold on steep ground: rock shows there, mostly beside the fjord.
    steepness = np.hypot(*np.gradient(ndimage.gaussian_filter(height, size / 100)))
    bareness = steepness / steepness.std() + 1.6 * noise(3.5, 2.0) - 0.6 * shore + 3 * nunatak
    slopes = (shore > 1) & ~ocean
    rock_share = min(rng.uniform(*settings.rock_share) / slopes.mean(), 0.6)
    rock = slopes & (bareness > np.quantile(bareness[slopes], 1 - rock_share))
    cover = np.select([ocean, rock], [OCEAN, ROCK], GLACIER).astype(np.uint8)
    return Landscape(height, cover, downstream, across, metres_per_pixel)


def image_grid(size: int) -> np.ndarray:
    """Return y and x from -1 to 1, in half image sides: float64 [2, N, N]."""
    return np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]


def flow_coordinates(rng: np.random.Generator, size: int, settings: SceneSettings) -> tuple[np.ndarray, np.ndarray]:
    """Draw coordinates that follow a winding valley, and a tributary where that is nearer.

    Args:
      rng: the random stream.
      size: pixels a side.
      settings: the ranges to draw from.

    Returns:
      Along and across, float64 [N, N], as `fill_valley` takes them.
    """
    y, x = image_grid(size)
    seaward, (y0, x0) = rng.uniform(0, 2 * np.pi), rng.uniform(-0.3, 0.3, 2)
    half_width = rng.uniform(*settings.fjord_half_width)
    along, across = valley_coordinates(rng, y - y0, x - x0, seaward, half_width, rng.uniform(0, 0.7))
    if rng.random() < settings.tributary_chance:
        junction, turn = rng.uniform(-0.5, 0.4), rng.choice([-1, 1]) * rng.uniform(0.6, 1.3)
        y0, x0 = y0 + junction * np.sin(seaward), x0 + junction * np.cos(seaward)
        half_width *= rng.uniform(0.4, 0.6)
        side_along, side_across = valley_coordinates(rng, y - y0, x - x0, seaward + turn, half_width, 0)
        side_across += np.copysign(4 * np.maximum(side_along, 0), side_across)  # it ends at the junction
        lead = np.abs(across) - np.abs(side_across)  # > 0 where the tributary is nearer
        along += (side_along + junction - along) / (1 + np.exp(-4 * lead))  # blended: no jump in the front
        across = np.where(lead > 0, side_across, across)
    return along, across


def valley_coordinates(
    rng: np.random.Generator, y: np.ndarray, x: np.ndarray, heading: float, half_width: float, widening: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the coordinates of one valley, which winds, swells and widens seaward.

    Args:
      rng: the random stream.
      y: float64 [N, N], rows from a place on the centre line, in half image sides.
      x: the same of columns.
      heading: of the flow, radians clockwise from the image's right.
      half_width: of the valley at that place, in half image sides.
      widening: share of the width gained seaward, for each half image side.
    """
    along = x * np.cos(heading) + y * np.sin(heading)
    winding = rng.uniform(0.03, 0.2) * np.sin(rng.uniform(1.5, 3.5) * along + rng.uniform(0, 6.3))
    swelling = 1 + 0.2 * np.sin(rng.uniform(2, 5) * along + rng.uniform(0, 6.3))
    swelling += widening * np.maximum(along, 0)
    return along, (y * np.cos(heading) - x * np.sin(heading) - winding) / (half_width * swelling)


def island(rng: np.random.Generator, size: int) -> Field:
    """Draw a hill that ice or water flows around: 1.3 at its top, 0 far from it."""
    y, x = image_grid(size)
    (y0, x0), (high, wide) = rng.uniform(-0.7, 0.7, 2), rng.uniform(0.06, 0.14, 2)
    distance = ((x - x0) / wide) ** 2 + ((y - y0) / high) ** 2
    return 1.3 * np.exp(-distance * np.exp(0.5 * fractal(rng, size, 3.0, 3.0)))


def mountains(rng: np.random.Generator, size: int) -> Field:
    """Draw plateaus that end in escarpments, and ridges, from 0 to 1."""
    steepness, share = rng.uniform(1.5, 6.0), rng.uniform(0.1, 0.5)
    plateaus = 0.5 + 0.5 * np.tanh(steepness * (fractal(rng, size, rng.uniform(4.2, 5.0), 2.0) + 0.2))
    ridges = np.maximum(1 - np.abs(fractal(rng, size, rng.uniform(3.8, 4.8), 2.5)), 0)
    return (1 - share) * plateaus + share * ridges


def largest_part(mask: np.ndarray) -> np.ndarray:
    """Return the largest connected part of a mask, by the 4-neighbourhood: bool [H, W]."""
    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0  # the background
    return (parts == sizes.argmax()) & mask


# ---- The surface --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Surface:
    """Textures of the ground, for every pixel, whatever its cover."""

    gamma: Field  # gamma nought of the ground in VV, linear, without slopes
    rock: Field  # mottling: mean 0, standard deviation 1, like floes and swirls
    snow: Field  # 0 bare ice, 1 snow
    flow_lines: Field  # decibels: bands that the ice carries along
    crevasses: Field  # decibels: bands across the flow, towards the front
    floes: Field
    swirls: Field
    melange: np.ndarray  # bool [N, N]: packed against the front
    pools: np.ndarray  # bool [N, N]: smooth water between the floes
    icebergs: np.ndarray  # bool [N, N]


def draw_surface(rng: np.random.Generator, landscape: Landscape, settings: SceneSettings) -> Surface:
    """Draw the surface of a landscape. The order of the draws determines the bytes of the SAR image.

    Args:
      rng: the random stream of the SAR image.
      landscape: the ground below.
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
    """Draw gamma nought in decibels: ice below and snow above the snow line, flow lines, and crevasses
    towards the front.
    """
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
    """Draw gamma nought in decibels: melange packed against the front, water with wind on it beyond, and
    icebergs in both.
    """
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
