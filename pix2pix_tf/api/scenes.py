"""SAR scenes and masks with their place on the ground, and the calving front of a mask."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pix2pix_tf.data import classes
from pix2pix_tf.data.io import images
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.data.io.strips import StripReader
from pix2pix_tf.fronts import inputs, postprocessing, scenes, vectorize
from pix2pix_tf.prepare.own_scenes import brightness
from pix2pix_tf.prepare.own_scenes.brightness import SAR, Options
from pix2pix_tf.utils.errors import UserError, did_you_mean

if TYPE_CHECKING:
    import xarray
    from affine import Affine
    from rasterio.crs import CRS

ROLES = (*SAR, "zones")


@dataclass(frozen=True)
class SceneImage:
    """An image with its place on the ground; NumPy takes it for the array of its pixels."""

    pixels: np.ndarray  # uint8 [H, W] (uint16 for SAR read with cut=None): grey, or values of `pix2pix_tf.zones`
    valid: np.ndarray  # bool [H, W], False where the file has no data
    grid: Grid = field(repr=False)
    facts: Mapping[str, Any]  # glacier, date, sensor and others, as far as name and file tell them

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the pixels."""
        return np.array(self.pixels, dtype) if copy else self.pixels.astype(dtype or self.pixels.dtype, copy=False)

    @property
    def transform(self) -> "Affine":
        """From (column, row) to x, y in the unit of `crs`, as in rasterio; the identity without a place."""
        return self.grid.transform

    @property
    def crs(self) -> "CRS | None":
        """The coordinate reference system, as in rasterio; None without a place."""
        return self.grid.crs

    @property
    def metres_per_pixel(self) -> float | None:
        """The side of a pixel on the ground; None where it is unknown."""
        return self.facts.get("metres_per_pixel")

    def to_xarray(self, values: np.ndarray | None = None) -> "xarray.DataArray":
        """Return the image with the coordinates of its pixels, which `.rio.to_raster(path)` writes as a GeoTIFF.

        Args:
          values: [H, W], of the image's own grid, such as zones that a model has found in it; None: the pixels.

        Raises:
          UserError: rioxarray is missing, or `values` has another shape.
        """
        try:
            import rioxarray  # noqa: F401  (gives arrays `.rio`)
            import xarray
        except ImportError:
            raise UserError("to_xarray needs rioxarray: pip install 'pix2pix-tf[geo]'.") from None
        values = self.pixels if values is None else np.asarray(values)
        if values.shape != self.pixels.shape:
            raise UserError(f"values has the shape {values.shape}, the scene {self.pixels.shape}.")
        array = xarray.DataArray(values, dims=("y", "x"))
        if self.grid.is_georeferenced:
            array = array.rio.write_crs(self.crs).rio.write_transform(self.transform)
            array = array.assign_coords(self._coordinates())
        return array

    def _coordinates(self) -> dict[str, np.ndarray]:
        """Return x and y of the centres of the pixels; of a rotated grid none, as they need two numbers each."""
        if not self.grid.is_north_up:
            return {}
        a, c, e, f = self.transform.a, self.transform.c, self.transform.e, self.transform.f
        return {"x": c + a * (np.arange(self.grid.width) + 0.5), "y": f + e * (np.arange(self.grid.height) + 0.5)}


def read_scene(
    path: str | Path,
    role: str = "sar",
    meaning: Mapping[int, str] | None = None,
    cut: tuple[float, float] | None = (2.0, 98.0),
    band: int | str | None = None,
) -> SceneImage:
    """Read a GeoTIFF, TIFF or PNG as models take it.

    SAR becomes grey proportional to amplitude, as in `prepare folder` and `fronts`: decibels and power are converted,
    and pixels without data are marked.

    Args:
      path: the file.
      role: "sar" (or "sar_vv", "sar_vh", one of the two bands of a file of both), or "zones" for a mask.
      meaning: of a mask with class numbers of its own, see `zones.recode`.
      cut: percentiles of SAR that become black and white, where it has more than 8 bits; None keeps 16 bits.
      band: of SAR in a file of several bands, by number from 1 or by description.

    Raises:
      UserError: the file is missing, damaged or not of the role; the message has the cure.

    >>> scene = read_scene("scenes/COL_2010-01-01_ERS_20_1_000.png")
    >>> scene.pixels.shape, scene.pixels.dtype, scene.facts["sensor"], scene.crs
    ((32, 32), dtype('uint8'), 'ERS', None)
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"There is no file {path}. read_scene takes a GeoTIFF, a TIFF or a PNG.")
    if role not in ROLES:
        raise did_you_mean("role", str(role), ROLES)
    try:
        (found,) = inputs.find([path], [role])
        if role == "zones":
            return _read_zones(path, found, meaning)
        options = Options(cut=cut, bands=_bands(path, role, band))
        read = inputs.read(found, [role], 16 if cut is None else 8, options)
    except images.BadImage as error:
        raise UserError(f"{path}: {error}.") from None
    return SceneImage(read.pixels[..., 0], read.valid, read.grid, _facts(found, read.grid))


def _bands(path: Path, role: str, band: int | str | None) -> dict[str, tuple[int | str, ...]] | None:
    """Return the band of a role, where the file has several."""
    if band is not None:
        return {role: (band,)}
    both = brightness.polarisations(path) if role != "sar" else None
    return {role: (both[role],)} if both else None


def _read_zones(path: Path, found: inputs.SceneSource, meaning: Mapping[int, str] | None) -> SceneImage:
    codes = classes.parse_classes([f"{number}={name}" for number, name in meaning.items()]) if meaning else None
    reader = StripReader(path, "zones", codes)
    zones, grid = reader.read(reader.height)[..., 0], reader.grid
    return SceneImage(zones, zones != classes.NOT_AVAILABLE, grid, _facts(found, grid))


def _facts(found: inputs.SceneSource, grid: Grid) -> dict[str, Any]:
    return {**found.facts, **grid.facts()}


def front_of(
    zones: Any, metres_per_pixel: float | None = None, min_length: float | None = None, lines: bool = False
) -> np.ndarray | list[np.ndarray]:
    """Return the calving front of a zone mask, by the rules of the CaFFe benchmark.

    Args:
      zones: uint8 [H, W], values of `pix2pix_tf.zones`, or a mask from `read_scene`.
      metres_per_pixel: None: that of the scene, if known.
      min_length: parts of the front up to this length are dropped, in metres, or in pixels without a scale. None: 750
        metres or 10 pixels.
      lines: return polylines in place of a mask.

    Returns:
      bool [H, W], one pixel wide; with `lines`, int [n, 2] for each part, rows and columns from end to end, the longest
      part first. Nothing where there is no ocean beside glacier.

    Raises:
      UserError: `zones` is no zone mask.

    >>> import numpy as np
    >>> zones = np.full((40, 40), 127, np.uint8)
    >>> zones[:, 25:] = 254
    >>> np.argwhere(front_of(zones))[:2].tolist()
    [[0, 25], [1, 25]]
    >>> front_of(zones, lines=True)[0].shape
    (40, 2)
    """
    from pix2pix_tf.api import arrays

    (mask,) = arrays.batch_of(zones, ["zones"], {"zones": 8}, "zones").pixels
    scale = zones.metres_per_pixel if metres_per_pixel is None and isinstance(zones, SceneImage) else metres_per_pixel
    shortest = postprocessing.min_length_pixels(scale, min_length)
    front = scenes.front_of(mask[..., 0], "zones", shortest)
    return vectorize.polylines(front) if lines else front
