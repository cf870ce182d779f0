"""The grid of a raster: its size, its place on the ground and its coordinate reference system (CRS)."""

import math
from dataclasses import dataclass

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform as transform_points

from pix2pix_tf.data.scene_names import Facts

Bounds = tuple[float, float, float, float]  # left, bottom, right, top, in the unit of the CRS

EQUATORIAL, FLATTENING = 6_378_137.0, 1 / 298.257223563  # of WGS 84: radius in metres, and how much the poles lack
SAME = 0.5  # pixels that two grids may be apart anywhere


@dataclass(frozen=True)
class Grid:
    """The pixels of a raster on the ground."""

    width: int
    height: int
    transform: Affine  # from (column, row) of a pixel's corner to x, y in the unit of the CRS
    crs: CRS | None

    @property
    def has_coordinates(self) -> bool:
        """True where the pixels have coordinates of a map, in a known CRS or not; rows and columns are none."""
        a, b, x, d, e, y = self.transform[:6]
        is_counted = (abs(a), b, d, abs(e)) == (1, 0, 0, 1) and x == 0 and y in (0, self.height)
        return not is_counted and not self.transform.is_degenerate

    @property
    def is_georeferenced(self) -> bool:
        """True where the pixels have a place in a known CRS."""
        return self.crs is not None and not self.transform.is_identity and not self.transform.is_degenerate

    @property
    def is_north_up(self) -> bool:
        """True where rows run from north to south and columns from west to east, without rotation."""
        return self.transform.b == self.transform.d == 0 and self.transform.a > 0 > self.transform.e

    @property
    def bounds(self) -> Bounds:
        """Left, bottom, right, top, in the unit of the CRS; of a rotated grid, those of the box around it."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def corners(self) -> list[tuple[float, float]]:
        """x, y of the upper left, upper right, lower left and lower right corner."""
        return [self.transform @ (x, y) for y in (0, self.height) for x in (0, self.width)]

    @property
    def crs_name(self) -> str | None:
        """Such as `EPSG:3031`; the WKT of a CRS without a code; None without a CRS."""
        if self.crs is None:
            return None
        code = self.crs.to_epsg()
        return f"EPSG:{code}" if code else self.crs.to_wkt()

    def pixel_size_metres(self) -> tuple[float, float] | None:
        """Return width and height of a pixel on the ground, in metres; None where the grid has no place.

        In degrees, and in the web's Mercator projection (EPSG:3857), whose metres are none, it is the size at the
        latitude of the centre, on the ellipsoid WGS 84.
        """
        if self.crs is None or not self.is_georeferenced:
            return None
        across, down = math.hypot(*self.transform[0:4:3]), math.hypot(*self.transform[1:5:3])
        if self.crs.is_geographic:
            east, north = metres_per_degree((self.transform @ (self.width / 2, self.height / 2))[1])
            return across * east, down * north
        factor = self.crs.linear_units_factor[1] if self.crs.is_projected else 1.0
        if self.crs.to_epsg() == 3857:
            y = (self.transform @ (self.width / 2, self.height / 2))[1]
            factor /= math.cosh(y / EQUATORIAL)
        return across * factor, down * factor

    def coarser(self, factor: int) -> "Grid":
        """Return the grid whose pixels are so many times larger; what is left at the bottom and right is cut off."""
        transform = self.transform @ Affine.scale(factor) if self.has_coordinates else self.transform
        return Grid(self.width // factor, self.height // factor, transform, self.crs)

    def facts(self) -> Facts:
        """Return what `dataset.Scene` keeps of the grid.

        Returns:
          bounds and crs of a grid that is oriented to the north; metres_per_pixel where it has a place (the geometric
          mean of the sides of pixels that are not square). Empty without a place.
        """
        size = self.pixel_size_metres()
        if size is None or not all(map(math.isfinite, (*self.bounds, *size))) or min(size) <= 0:
            return {}
        known: Facts = {"metres_per_pixel": size[0] if size[0] == size[1] else math.sqrt(size[0] * size[1])}
        if self.is_north_up and self.crs_name:
            known["bounds"], known["crs"] = self.bounds, self.crs_name
        return known


def metres_per_degree(latitude: float) -> tuple[float, float]:
    """Return the length of a degree eastwards and northwards on the ellipsoid WGS 84, in metres.

    Args:
      latitude: degrees, -90 to 90.
    """
    eccentricity = FLATTENING * (2 - FLATTENING)  # squared
    phi = math.radians(latitude)
    curve = 1 - eccentricity * math.sin(phi) ** 2
    east = EQUATORIAL * math.cos(phi) / math.sqrt(curve)
    north = EQUATORIAL * (1 - eccentricity) / curve**1.5
    return math.radians(east), math.radians(north)


def difference(ours: Grid, others: Grid) -> str | None:
    """Describe how two grids differ; return None where no pixel is farther than half a pixel from its partner.

    Args:
      ours: the grid to compare with.
      others: the grid in question. Its corners are projected, where its CRS is another; where only one has a CRS, as
        beside a world file, coordinates are taken to be in that one.

    Returns:
      Such as "it lies 2000 m beside (origin 2000, 0, not 0, 0)"; None also where one of the two has no place.
    """
    if not (ours.has_coordinates and others.has_coordinates):
        return None
    is_one_crs = ours.crs == others.crs or None in (ours.crs, others.crs)
    try:
        corners = others.corners if is_one_crs else _projected(others, ours)
        inverse = ~ours.transform
        apart = np.array([inverse @ corner for corner in corners]) - [
            (x, y) for y in (0, others.height) for x in (0, others.width)
        ]
    except (RasterioError, CRSError, ValueError, ArithmeticError):
        apart = np.full((4, 2), np.inf)
    if np.abs(apart).max() <= SAME:
        return None
    if not is_one_crs:
        return f"it has the CRS {_short(others)}, not {_short(ours)}"
    if not np.allclose(others.transform[0:2] + others.transform[3:5], ours.transform[0:2] + ours.transform[3:5]):
        return f"it has {_pixel(others)}, not {_pixel(ours)}"
    size = ours.pixel_size_metres() or others.pixel_size_metres()
    far = f"{math.hypot(*(apart[0] * size)):.4g} m" if size else f"{math.hypot(*apart[0]):.4g} pixels"
    here, there = (f"{grid.transform.c:.10g}, {grid.transform.f:.10g}" for grid in (ours, others))
    return f"it lies {far} beside (origin {there}, not {here})"


def _projected(grid: Grid, target: Grid) -> list[tuple[float, float]]:
    xs, ys = zip(*grid.corners, strict=True)
    return list(zip(*transform_points(grid.crs, target.crs, xs, ys)[:2], strict=True))


def _short(grid: Grid) -> str:
    return (grid.crs_name or "none").split(",")[0]


def _pixel(grid: Grid) -> str:
    a, b, _, d, e, _ = grid.transform[:6]
    turned = "" if grid.is_north_up else f", turned ({a:g}, {b:g}, {d:g}, {e:g})"
    return f"pixels of {math.hypot(a, d):.6g} x {math.hypot(b, e):.6g}{turned}"
