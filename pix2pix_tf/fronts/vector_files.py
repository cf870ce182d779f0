"""Fronts as GeoJSON and GeoPackage, for a map or for the image.

RFC 7946, the GeoJSON of 2016, allows degrees only. Glaciologists work in projected metres, so these files follow the
GeoJSON of 2008, whose `crs` member GDAL and QGIS read.
"""

import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.utils import files


def feature_collection(
    lines: Sequence[np.ndarray],
    bounds: tuple[float, float, float, float] | None,
    crs: str | None,
    height: int,
    width: int,
    properties: Mapping[str, object],
    of_lines: Iterable[Mapping[str, object]] | None = None,
    side: float = 1.0,
) -> dict:
    """Return a front as a FeatureCollection with one feature for each line: a LineString, or a Point for one pixel.

    Lines run through the centres of pixels. Without bounds, coordinates are pixels: x to the right and y down from the
    upper left corner of the image, so that the centre of the first pixel is at (0.5, 0.5).

    Args:
      lines: int [n, 2] each, rows and columns in order, as from `vectorize.polylines`.
      bounds: left, bottom, right, top of the image's outer edges, in the unit of the crs; None where unknown.
      crs: such as "EPSG:3031"; another name is written as it is. It is used only together with bounds.
      height: pixels of the image.
      width: likewise.
      properties: of every feature, in JSON's types, such as the scene's name. `coordinates` is added, which describes
        the coordinates in words.
      of_lines: further properties of each line; None: none.
      side: of a pixel where there are no bounds, in pixels of the file that was averaged (--multilook).

    Raises:
      ValueError: the bounds are empty.
    """
    if bounds is None:
        left, top, pixel_width, pixel_height = 0.0, 0.0, float(side), float(side)
        coordinates = "pixels, from the upper left corner to the right and down"
    else:
        left, bottom, right, top = map(float, bounds)
        if not (left < right and bottom < top):
            raise ValueError(f"Bounds are left, bottom, right, top; {tuple(bounds)} enclose nothing.")
        pixel_width, pixel_height = (right - left) / width, (bottom - top) / height  # rows run down, y runs up
        coordinates = f"x and y in {crs}" if crs else "x and y in a projection that is not known"
    features = []
    for line, own in zip(lines, [{} for _ in lines] if of_lines is None else of_lines, strict=True):
        x, y = left + (line[:, 1] + 0.5) * pixel_width, top + (line[:, 0] + 0.5) * pixel_height
        points = np.stack([x, y], axis=1).tolist()
        shape = ("Point", points[0]) if len(points) == 1 else ("LineString", points)
        geometry = dict(zip(("type", "coordinates"), shape, strict=True))
        described = {**properties, **own, "coordinates": coordinates}
        features.append({"type": "Feature", "properties": described, "geometry": geometry})
    reference = {"type": "name", "properties": {"name": _urn(crs)}} if bounds is not None and crs else None
    return {"type": "FeatureCollection", **({"crs": reference} if reference else {}), "features": features}


def write_geopackage(path: Path, layers: Mapping[str, tuple[Iterable[dict], str | None]]) -> None:
    """Write features as the layers of a GeoPackage, atomically.

    Args:
      path: the file to create or replace; its name ends in .gpkg.
      layers: name -> features as in `feature_collection`, and the CRS of their coordinates, such as "EPSG:3031" or WKT;
        None: unknown, or pixels. A layer without features has no attributes.

    Raises:
      OSError: writing failed; `path` is unchanged.
    """
    import geopandas  # with pandas: a second, which only products need
    import pyogrio

    with files.atomic_write(path) as temporary, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "'crs' was not provided")  # pixels have none
        for name, (features, crs) in layers.items():
            found = list(features)
            kinds = {str(feature["geometry"]["type"]) for feature in found} or {"LineString"}
            if found:
                frame = geopandas.GeoDataFrame.from_features(found, crs=crs)
            else:
                frame = geopandas.GeoDataFrame(geometry=[], crs=crs)
            kind = kinds.pop() if len(kinds) == 1 else "Unknown"
            try:
                frame.to_file(temporary, driver="GPKG", layer=name, engine="pyogrio", geometry_type=kind)
            except pyogrio.errors.DataSourceError as error:
                raise OSError(f"{path} could not be written ({error})") from None


def _urn(crs: str) -> str:
    """Return the name of a projection as GDAL writes it: urn:ogc:def:crs:EPSG::3031."""
    code = re.fullmatch(r"EPSG:(\d+)", crs.strip(), re.IGNORECASE)
    return f"urn:ogc:def:crs:EPSG::{code[1]}" if code else crs
