"""Move fronts: the glacier of a zone mask advances or retreats, and its front gets another shape.

The ice moves in one direction, the one that the front faces. A retreat turns glacier into ocean, an advance ocean
into glacier, and rock and "not available" stay as they are. The CaFFe classes hold no iceberg: melange, floes and bergs
are ocean. So what a move cuts off from the glacier becomes ocean, and calving shows as bays bitten into the front.
All lengths are pixels.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from pix2pix_tf.data.classes import GLACIER, OCEAN, ZoneMask, front_of
from pix2pix_tf.prepare.simulation.landscape import Range, fractal

SPECK = 1 / 2000  # of the mask: rock and shadow smaller than this are no obstacle to the ice, but stay
PIECE = 1 / 200  # of the mask: smaller pieces of glacier or ocean move nothing
CUT_OFF = 1 / 50  # of the mask: a piece that a move cuts off is an iceberg below this size, and a glacier above it
SLIT = 2  # pixels: half the width of the widest gap that is closed between old and new
SHORTEST_FRONT = 1 / 16  # of the mask's side: shorter fronts do not count


@dataclass(frozen=True)
class MoveSettings:
    """Ranges in pixels from which moves are drawn, uniform between the two values."""

    advance: Range = (-25.0, 25.0)  # along the flow, in the mean over the front; below 0 it is a retreat
    bend: Range = (-15.0, 15.0)  # how far mid-stream gets ahead of the shores; below 0 an embayment
    rough: Range = (0.0, 4.0)  # standard deviation along the flow
    bays: tuple[int, int] = (0, 2)  # number of bays that calving leaves
    bay_depth: Range = (5.0, 20.0)
    bay_half_width: Range = (6.0, 25.0)


@dataclass(frozen=True)
class Moved:
    """A mask with its front moved."""

    zones: ZoneMask
    advance: float  # drawn pixels along the flow, before bends and bays; below 0 a retreat


def has_front(zones: ZoneMask) -> bool:
    """Return True where a mask has glacier, ocean, and a front of sufficient length between them."""
    return np.count_nonzero(front_of(zones)) >= max(2, SHORTEST_FRONT * min(zones.shape))


def move_front(zones: ZoneMask, rng: np.random.Generator, settings: MoveSettings | None = None) -> Moved:
    """Move the front of a zone mask and give it another shape.

    Args:
      zones: a mask with a front; it is not changed.
      rng: the random stream.
      settings: the ranges to draw from; None takes the defaults.

    Returns:
      The new mask. It has no front where the move is longer than the ice or the ocean: see `has_front`.
    """
    settings = settings or MoveSettings()
    flow = flow_direction(zones)
    advance = rng.uniform(*settings.advance)
    shift = advance + new_shape(rng, across_front(zones, flow), settings)
    ice, water = zones == GLACIER, zones == OCEAN
    lost = ice & (distance_along(water, ice, zones, -flow) < 0.5 - shift)
    gained = water & (distance_along(ice, water, zones, flow) < 0.5 + shift)
    new_ice = _tidied((ice & ~lost) | gained, ice, water)
    if not gained.any():  # a retreat all along: tidying makes no ice either
        new_ice &= ice
    if not lost.any():
        new_ice |= ice
    return Moved(np.where(new_ice, GLACIER, np.where(ice | water, OCEAN, zones)).astype(np.uint8), advance)


def flow_direction(zones: ZoneMask) -> np.ndarray:
    """Return the flow direction: the mean of the directions that the front faces, from glacier to ocean.

    The shores of a fjord with ice on both sides face each other and cancel out, so that its head decides.

    Args:
      zones: a mask with a front.

    Returns:
      float64 [2]: y and x of a vector of length 1.
    """
    ice, water = zones == GLACIER, zones == OCEAN
    down = np.count_nonzero(ice[:-1] & water[1:]) - np.count_nonzero(water[:-1] & ice[1:])
    right = np.count_nonzero(ice[:, :-1] & water[:, 1:]) - np.count_nonzero(water[:, :-1] & ice[:, 1:])
    flow = np.array([down, right], np.float64)
    if not flow.any():  # a front all around: towards where the ocean is
        flow = np.argwhere(water).mean(axis=0) - np.argwhere(ice).mean(axis=0)
    return flow / np.hypot(*flow) if flow.any() else np.array([0.0, 1.0])


def across_front(zones: ZoneMask, flow: np.ndarray) -> np.ndarray:
    """Return the place of each pixel across the flow.

    Args:
      zones: a mask with a front.
      flow: float64 [2], from `flow_direction`.

    Returns:
      float64 [H, W]: 0 at the middle of the front, -1 and 1 at its ends.
    """
    rows, columns = np.indices(zones.shape)
    across = rows * flow[1] - columns * flow[0]
    ends = across[front_of(zones) > 0]
    middle, half = (ends.max() + ends.min()) / 2, max(np.ptp(ends) / 2, 1.0)
    return (across - middle) / half


def new_shape(rng: np.random.Generator, across: np.ndarray, settings: MoveSettings) -> np.ndarray:
    """Draw by how many pixels the front is ahead of its mean, along the flow: float64 [N, N].

    Args:
      rng: the random stream.
      across: float64 [N, N], from `across_front`.
      settings: the ranges to draw from.
    """
    inside = np.clip(across, -1.2, 1.2)
    shape = rng.uniform(*settings.bend) * (1 / 3 - inside**2)  # of mean 0 from shore to shore
    shape += rng.uniform(*settings.rough) * fractal(rng, len(across), 3.3, 4.0)
    pixels = np.hypot(*(np.abs(np.gradient(across, axis=axis)).max() for axis in (0, 1)))  # 1 / pixels of half a front
    for _ in range(rng.integers(*settings.bays, endpoint=True)):
        place, reach = rng.uniform(-1, 1), rng.uniform(*settings.bay_half_width) * pixels
        shape -= rng.uniform(*settings.bay_depth) * np.exp(-(((across - place) / reach) ** 4))
    return shape


def distance_along(start: np.ndarray, through: np.ndarray, zones: ZoneMask, direction: np.ndarray) -> np.ndarray:
    """Return how far a mask must be pushed in one direction until it reaches each pixel.

    Args:
      start: bool [H, W], the mask to push: its large pieces.
      through: bool [H, W], where it can move; also through itself, and over specks of anything else.
      zones: the whole mask.
      direction: float64 [2], y and x, of length 1.

    Returns:
      float64 [H, W], pixels; infinite where it never arrives.
    """
    open_ground = start | through | _small(~(start | through), SPECK)
    moving = start & ~_small(start, PIECE)
    distance = np.full(zones.shape, np.inf)
    unit = direction / np.abs(direction).max()  # one whole pixel along an axis at each step
    place = np.zeros(2, int)
    for step in range(1, max(zones.shape)):
        target = np.rint(step * unit).astype(int)
        moving = _shifted(moving, *(target - place)) & open_ground
        place = target
        distance[moving & np.isinf(distance)] = step * np.hypot(*unit)
        if not moving.any():
            break
    return distance


def _shifted(mask: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return a mask moved by at most one pixel along each axis, padded with False."""
    height, width = mask.shape
    return np.pad(mask, 1)[1 - down : 1 - down + height, 1 - right : 1 - right + width]


def _small(mask: np.ndarray, share: float) -> np.ndarray:
    """Return the pieces of a mask that are smaller than a share of the image: bool [H, W]."""
    pieces, _ = ndimage.label(mask)
    return mask & (np.bincount(pieces.ravel()) < share * mask.size)[pieces]


def _tidied(new_ice: np.ndarray, ice: np.ndarray, water: np.ndarray) -> np.ndarray:
    """Clean the new ice near changed pixels.

    Gaps between old and new are closed; pieces cut off from the glacier become ocean; enclosed water becomes ice.

    Args:
      new_ice: bool [H, W].
      ice: bool [H, W], before.
      water: bool [H, W], before.
    """
    fjord = ice | water
    beside = ndimage.binary_dilation(new_ice != ice, iterations=SLIT)
    new_ice = new_ice | (fjord & beside & _closed(new_ice))
    new_ice = new_ice & ~(beside & _closed(fjord & ~new_ice))
    new_ice = new_ice & ~_scraps(new_ice, ice, beside)
    return new_ice | _scraps(fjord & ~new_ice, water, beside)


def _scraps(mask: np.ndarray, before: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Return the small pieces of a mask that touch changed pixels and are new: bool [H, W].

    A piece is not new when it holds more of a piece of `before` than any other does.
    """
    pieces, count = ndimage.label(mask)
    older, older_count = ndimage.label(before & ~_small(before, PIECE))
    if not count:
        return mask
    shared = np.bincount((older * (count + 1) + pieces).ravel(), minlength=(older_count + 1) * (count + 1))
    shared = shared.reshape(older_count + 1, count + 1)[1:, 1:]  # pixels: older pieces down, new ones across
    heirs = shared.argmax(axis=1)[shared.any(axis=1)] + 1
    reaching = np.setdiff1d(pieces[beside & mask], heirs)
    return _small(mask, CUT_OFF) & np.isin(pieces, reaching)


def _closed(mask: np.ndarray) -> np.ndarray:
    """Return a mask with gaps narrower than two SLITs closed."""
    padded = np.pad(mask, SLIT, mode="edge")
    return ndimage.binary_closing(padded, iterations=SLIT)[SLIT:-SLIT, SLIT:-SLIT]
