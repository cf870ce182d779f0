"""Fronts as GeoJSON, to be laid over a map or over the image.

GeoJSON as of 2016 (RFC 7946) knows degrees only. Glaciologists work in projected metres, and so this is the form of
2008, whose `crs` member GDAL and QGIS understand: metres stay metres.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np


def front(
    lines: Sequence[np.ndarray],
    bounds: tuple[float, float, float, float] | None,
    crs: str | None,
    height: int,
    width: int,
    properties: Mapping[str, object],
) -> dict:
    """Describes a front, one feature a line: a LineString, or a Point where the line is a single pixel.

    Lines run through the pixels' middles. Without bounds they are in pixels, x to the right and y down from the image's
    upper left corner, so that the middle of the first pixel is at (0.5, 0.5).

    Args:
      lines: int [n, 2] each, rows and columns in order, as from `front_lines.lines_of`.
      bounds: left, bottom, right, top of the image's outer edges, in the unit of the crs; None when they are not known.
      crs: such as "EPSG:3031"; another name is handed on as it is. It counts only beside bounds.
      height: pixels of the image.
      width: likewise.
      properties: of every line, in JSON's types, such as the scene's name. `coordinates` is added, which says in words
        what the numbers are.

    Returns:
      A FeatureCollection; without features where there is no line.

    Raises:
      ValueError: bounds that enclose nothing.
    """
    if bounds is None:
        left, top, across, down = 0.0, 0.0, 1.0, 1.0
        words = "pixels, from the upper left corner to the right and down"
    else:
        left, bottom, right, top = map(float, bounds)
        if not (left < right and bottom < top):
            raise ValueError(f"Bounds are left, bottom, right, top; {tuple(bounds)} enclose nothing.")
        across, down = (right - left) / width, (bottom - top) / height
        words = f"x and y in {crs}" if crs else "x and y in a projection that is not known"
    features = []
    for line in lines:
        points = np.stack([left + (line[:, 1] + 0.5) * across, top + (line[:, 0] + 0.5) * down], axis=1).tolist()
        shape = ("Point", points[0]) if len(points) == 1 else ("LineString", points)
        geometry = dict(zip(("type", "coordinates"), shape, strict=True))
        features.append({"type": "Feature", "properties": {**properties, "coordinates": words}, "geometry": geometry})
    reference = {"type": "name", "properties": {"name": _urn(crs)}} if bounds is not None and crs else None
    return {"type": "FeatureCollection", **({"crs": reference} if reference else {}), "features": features}


def _urn(crs: str) -> str:
    """The name that GDAL writes itself: urn:ogc:def:crs:EPSG::3031."""
    code = re.fullmatch(r"EPSG:(\d+)", crs.strip(), re.IGNORECASE)
    return f"urn:ogc:def:crs:EPSG::{code[1]}" if code else crs
