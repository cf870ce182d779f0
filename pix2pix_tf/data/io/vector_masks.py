"""Masks from vector files: polygons of zones and lines of fronts, drawn into the grid of a SAR image.

GeoPackage, GeoJSON and Shapefile are read with pyogrio (GDAL), which is imported when the first file is read. A file
must begin as its suffix says, so that none can refer to other files or to the network.
"""

import functools
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.data import classes, validation
from pix2pix_tf.data.classes import FrontMask, ZoneMask
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.data.io.limits import BadImage
from pix2pix_tf.utils.errors import truncate, truncated_repr

if TYPE_CHECKING:
    from geopandas import GeoDataFrame

SUFFIXES = (".gpkg", ".geojson", ".shp")
FIELD = "class"  # default name of the field with the class of a polygon
SCENE = "scene"  # name of the field with the scene that a shape belongs to, in files of several dates
OVERLAP = 0.01  # share of a mask that polygons of different classes may both cover: slivers of careless digitizing

_BEGIN = {".gpkg": b"SQLite format 3\0", ".geojson": b"{", ".shp": b"\0\0\x27\x0a"}
_NAMES = {"na": classes.NOT_AVAILABLE, **dict(zip(classes.ZONE_NAMES, classes.ZONE_VALUES, strict=True))}


def read(
    path: Path, role: str, field: str, codes: Mapping[int, int] | None, grid: Grid | None, scene: str
) -> ZoneMask | FrontMask:
    """Draw the mask of one scene.

    Args:
      path: see `read_zones` and `read_fronts`.
      role: zones or fronts.
      field: see `read_zones`.
      codes: see `read_zones`.
      grid: of the SAR image; None: it has no place.
      scene: its name; of a file with a field `scene`, only shapes with this name count.

    Raises:
      BadImage: see `read_zones` and `read_fronts`, or the SAR image has no place.
    """
    if grid is None:
        raise BadImage("needs a SAR image that has a place on the ground (a GeoTIFF; or draw the mask as an image)")
    return read_zones(path, field, codes, grid, scene) if role == "zones" else read_fronts(path, grid, scene)


def read_zones(
    path: Path, field: str, codes: Mapping[int, int] | None, grid: Grid, scene: str | None = None
) -> ZoneMask:
    """Draw polygons into a grid. A pixel has the class of the polygon at its centre; where two overlap, the later one.

    Args:
      path: the polygons, in any CRS.
      field: with the class of each polygon: na, rock, glacier or ocean, or a number.
      codes: meaning of the numbers, see `classes.parse_classes`; None: CaFFe's grey values.
      grid: of the SAR image.
      scene: its name, see `read`; None: all shapes count.

    Returns:
      The mask; outside all polygons it is "not available".

    Raises:
      BadImage: the file is damaged or has no CRS, lacks the field, holds an unknown class or no polygon within the
        grid, or polygons of different classes overlap.
    """
    from rasterio.features import rasterize

    frame = _in_grid(path, "zones", ("Polygon", "MultiPolygon"), grid, scene)
    if field not in frame:
        fields = ", ".join(name for name in frame.columns if name != "geometry")
        raise BadImage(f"no field {truncated_repr(field)} (name it with --zone-field; there are: {fields or 'none'})")
    values = [_class_of(value, codes) for value in frame[field]]
    place = {"out_shape": (grid.height, grid.width), "transform": grid.transform, "dtype": "uint8"}
    covers = np.zeros((grid.height, grid.width), np.uint8)
    for value in dict.fromkeys(values):
        of_class = [shape for shape, other in zip(frame.geometry, values, strict=True) if other == value]
        covers += rasterize(of_class, **place)
    if np.count_nonzero(covers > 1) > OVERLAP * covers.size:
        share = np.count_nonzero(covers > 1) / covers.size
        raise BadImage(f"polygons of different classes overlap in {share:.0%} of the scene (cut them at their borders)")
    return rasterize(zip(frame.geometry, values, strict=True), fill=classes.NOT_AVAILABLE, **place)


def read_fronts(path: Path, grid: Grid, scene: str | None = None) -> FrontMask:
    """Draw lines into a grid, one pixel wide.

    Args:
      path: the lines, in any CRS.
      grid: of the SAR image.
      scene: its name, see `read`; None: all shapes count.

    Raises:
      BadImage: the file is damaged, has no CRS, or holds no line within the grid.
    """
    from rasterio.features import rasterize

    frame = _in_grid(path, "fronts", ("LineString", "MultiLineString"), grid, scene)
    shapes = [(shape, 255) for shape in frame.geometry]
    return rasterize(shapes, out_shape=(grid.height, grid.width), transform=grid.transform, dtype="uint8")


def _class_of(value: object, codes: Mapping[int, int] | None) -> int:
    """Return CaFFe's grey value of a polygon's class."""
    if value is None or value != value:
        raise BadImage("a polygon without a class (fill in its field, or remove it)")
    text = str(value).strip().lower()
    if text in _NAMES:
        return _NAMES[text]
    try:
        number = float(text)
    except ValueError:
        number = np.nan
    known = dict(zip(classes.ZONE_VALUES, classes.ZONE_VALUES, strict=True)) if codes is None else codes
    if number not in known:
        allowed = ", ".join(map(str, known))
        raise BadImage(
            f"the class {truncated_repr(value)} is none of {', '.join(_NAMES)} and none of the numbers {allowed} (name "
            "the meaning of numbers with --classes)"
        )
    return known[int(number)]


def _in_grid(path: Path, role: str, kinds: tuple[str, ...], grid: Grid, scene: str | None) -> "GeoDataFrame":
    """Return the shapes of some kinds that touch a grid, in its CRS; with a field `scene`, those of the scene."""
    import shapely

    frame = _read(path, role, validation.file_signature(path))
    if frame.crs is None:
        raise BadImage("without a CRS (save it with the CRS of its coordinates)")
    if scene is not None and SCENE in frame:
        frame = frame[[_name(value) == _name(scene) for value in frame[SCENE]]]
        if not len(frame):
            raise BadImage(f"no shape has the {SCENE} {truncated_repr(scene)}")
    nowhere = int((frame.geometry.isna() | frame.geometry.is_empty).sum())
    if nowhere:
        raise BadImage(f"{nowhere} of its shapes without geometry (draw them, or remove their rows)")
    frame = frame.explode()  # collections, too, of which the other kinds go
    frame = frame[frame.geom_type.isin(kinds)].to_crs(grid.crs)
    ring = shapely.Polygon([grid.corners[place] for place in (0, 1, 3, 2)])
    frame = frame[frame.intersects(ring)]
    if not len(frame):
        around = ", ".join(f"{end:.10g}" for end in grid.bounds)
        raise BadImage(
            f"no {kinds[0].lower().replace('string', '')} lies within the scene ({around} in {grid.crs_name}; check "
            "the CRS of both)"
        )
    return frame


def _name(value: object) -> str:
    """Return the name of a scene as it is compared: composed (NFC), and 2019 also of a column of numbers."""
    whole = isinstance(value, float) and value.is_integer()
    return unicodedata.normalize("NFC", str(int(value) if whole else value))  # type: ignore[call-overload]


@functools.lru_cache(maxsize=2)  # one file may hold the masks of many scenes
def _read(path: Path, role: str, signature: str) -> "GeoDataFrame":
    """Read a file; of several layers the one named after the role. `signature` changes with the file.

    Raises:
      BadImage: it is damaged, no such file, or its layers are ambiguous.
    """
    try:
        with path.open("rb") as file:
            begin = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n" if path.suffix.lower() == ".geojson" else b"")
    except OSError as error:
        raise BadImage(f"not readable ({error.strerror})") from None
    if not begin.startswith(_BEGIN[path.suffix.lower()]):
        raise BadImage(f"not a {path.suffix.lower()[1:]}, whatever its name says (export it again)")
    import geopandas  # with pandas: a second, which only vector files need
    import pyogrio

    try:
        names = list(geopandas.list_layers(path).name)
        layer = names[0] if len(names) == 1 else next((name for name in names if name.lower() == role), None)
        if layer is None:
            raise BadImage(f"{len(names)} layers, none of which is {role} ({truncate(', '.join(names))}: rename one)")
        return geopandas.read_file(path, layer=layer, engine="pyogrio")
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError, RuntimeError, OSError) as error:
        raise BadImage(f"not a whole {path.suffix.lower()[1:]} ({truncate(error)}; export it again)") from None
