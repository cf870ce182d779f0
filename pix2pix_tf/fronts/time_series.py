"""Position of a calving front over time, by the box method and by the centre-line method.

Box method (Moon & Joughin 2008, J. Geophys. Res. 113, F02022, doi:10.1029/2007JF000927): a rectilinear box, its long
sides parallel to the flow, is closed upstream by a fixed line and downstream by the front. The glacier's area in the
box over its width is the front's mean position, which counts bays and bends:

    position = area / width,    area change = width * (position - position of the first date)

Centre-line method: the distance along the glacier's centre line, from its upstream end, to the point where the front
crosses it. It needs one point of the front only, and notices nothing aside of it. Lea et al. 2014 (J. Glaciol. 60(220),
323-332, doi:10.3189/2014JoG13J061) compare these methods.

Coordinates are x and y of a projected CRS in metres, y upwards; positions grow downstream, so a retreat is negative.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from pix2pix_tf.utils.errors import UserError

Line: TypeAlias = np.ndarray  # float64 [n, 2]: x and y of the points of a line, in metres
Vector: TypeAlias = np.ndarray  # float64 [2]

BINS = 256  # strips along the flow into which a box is divided
MARGIN = 0.1  # of the fronts' own extent along the flow: room between the box's ends and the fronts
COMMON = 0.5  # of the median width: fronts that have less in common do not define a box by their common part


@dataclass(frozen=True)
class Box:
    """A rectilinear box, open downstream."""

    origin: Vector  # the corner upstream, where both coordinates are 0
    flow: Vector  # unit vector downstream
    across: Vector  # unit vector along the upstream side
    width: float  # metres across the flow
    length: float  # metres along the flow, for drawing

    def coordinates(self, points: Line) -> tuple[np.ndarray, np.ndarray]:
        """Return the coordinates of points across and along the flow, metres."""
        return (points - self.origin) @ self.across, (points - self.origin) @ self.flow

    def corners(self) -> Line:
        """Return the outline, a closed ring, float64 [5, 2]."""
        across, along = self.width * self.across, self.length * self.flow
        return np.stack([self.origin, self.origin + across, self.origin + across + along, self.origin + along,
                         self.origin])  # fmt: skip

    def centre_line(self) -> Line:
        """Return the middle of the box, from its upstream end, float64 [2, 2]."""
        start = self.origin + self.width / 2 * self.across
        return np.stack([start, start + self.length * self.flow])


@dataclass(frozen=True)
class Position:
    """The position of one front; None where the front does not reach the box or the line."""

    box: float | None  # metres from the upstream side: area over width
    coverage: float  # share of the box's width that the front crosses, 0..1; the rest continues its ends
    centre_line: float | None  # metres along the centre line


# ---- The box --------------------------------------------------------------------------------------------------------


def box_of_fronts(fronts: Sequence[Sequence[Line]], flow: Vector) -> Box:
    """Return a box that follows from the fronts: as wide as what all of them cover, and long enough for all.

    Args:
      fronts: the lines of each date, at least one line in all.
      flow: the direction downstream, of any length.

    Raises:
      UserError: there is no front.
    """
    flow = flow / np.hypot(*flow)
    across = np.array([flow[1], -flow[0]])
    points = [np.concatenate(lines) for lines in fronts if len(lines)]
    if not points:
        raise UserError("--time-series: no scene has a front.")
    ends = np.array([[(one @ across).min(), (one @ across).max()] for one in points])
    low, high = ends[:, 0].max(), ends[:, 1].min()
    if high - low < COMMON * np.median(ends[:, 1] - ends[:, 0]):  # a stray front must not narrow the box to nothing
        low, high = np.median(ends, axis=0)
    along = np.concatenate(points) @ flow
    room = max(MARGIN * np.ptp(along), MARGIN * (high - low))
    origin = low * across + (along.min() - room) * flow
    return Box(origin, flow, across, float(high - low), float(np.ptp(along) + 2 * room))


def box_of_polygon(ring: Line, flow: Vector) -> Box:
    """Return the box that a polygon describes: its smallest rectangle, whose upstream side follows from the flow.

    Args:
      ring: the corners, a closed ring.
      flow: the direction downstream, of any length; the side of the rectangle that is nearest to it counts.
    """
    from shapely import Polygon  # a second, which only this needs

    corners = np.array(Polygon(ring).minimum_rotated_rectangle.exterior.coords)
    sides = np.diff(corners[:3], axis=0)
    lengths = np.hypot(*sides.T)
    units = sides / lengths[:, None]
    along = int(np.abs(units @ flow).argmax())
    unit = units[along] * np.sign(units[along] @ flow)
    across = np.array([unit[1], -unit[0]])
    origin = (corners @ across).min() * across + (corners @ unit).min() * unit
    return Box(origin, unit, across, float(lengths[1 - along]), float(lengths[along]))


# ---- Positions ------------------------------------------------------------------------------------------------------


def position(lines: Sequence[Line], box: Box, centre_line: Line) -> Position:
    """Return the position of a front by both methods.

    Args:
      lines: of the front; none: no position.
      box: of the box method.
      centre_line: of the other one, from its upstream end.
    """
    mean, coverage = box_position(lines, box)
    return Position(mean, coverage, centre_line_position(lines, centre_line))


def box_position(lines: Sequence[Line], box: Box) -> tuple[float | None, float]:
    """Return the glacier's area in a box over the box's width, and the share of the width that the front crosses.

    The box is divided into `BINS` strips along the flow. A strip that the front crosses once is glacier up to there;
    one that it crosses three times is glacier up to the first crossing and between the other two, and so on. Where the
    front ends within the box, its end continues to the side.

    Args:
      lines: of the front.
      box: the box.

    Returns:
      Metres from the upstream side, None where no line is in the box; 0..1.
    """
    middles = (np.arange(BINS) + 0.5) / BINS * box.width
    crossings: list[list[float]] = [[] for _ in middles]
    for line in lines:
        across, along = box.coordinates(line)
        for first, second, start, end in zip(across, across[1:], along, along[1:], strict=False):
            low, high = np.searchsorted(middles, sorted((first, second)))  # half open: shared ends count once
            for number in range(low, high):
                crossings[number].append(start + (end - start) * (middles[number] - first) / (second - first))
    known = np.array([bool(one) for one in crossings])
    if not known.any():
        return None, 0.0
    reach = np.array([_glacier(sorted(one)) for one in crossings if one])
    return float(np.interp(middles, middles[known], reach).mean()), float(known.mean())


def _glacier(crossings: Sequence[float]) -> float:
    """Return the length of glacier in a strip that the front crosses at these sorted places."""
    if len(crossings) % 2 == 0:  # the line turns back without reaching the other side: its last crossing leads to ice
        return float(np.mean(crossings))
    return crossings[0] + sum(np.diff(crossings)[1::2])


def centre_line_position(lines: Sequence[Line], centre_line: Line) -> float | None:
    """Return the distance along a centre line to the front; of several crossings the one farthest downstream.

    Args:
      lines: of the front.
      centre_line: from its upstream end.

    Returns:
      Metres; None where no line crosses it.
    """
    from shapely import LineString, get_parts, line_locate_point

    centre = LineString(centre_line)
    found: list[float] = []
    for line in lines:
        if len(line) > 1:
            points = get_parts(LineString(line).intersection(centre))
            found += [line_locate_point(centre, point.representative_point()) for point in points if not point.is_empty]
    return max(map(float, found), default=None)
