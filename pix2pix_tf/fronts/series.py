"""Time series of the fronts of each glacier: tables, a plot of the positions, and a map of the fronts.

<output>/time_series.csv                 positions by both methods
        time_series/<glacier>.png        positions by date
        time_series/<glacier>-map.png    all fronts, coloured by date
        time_series/<glacier>.gpkg       the box and the centre line, for a GIS, and for --box another time
"""

import csv
import datetime
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.crs import CRS
from rasterio.warp import transform as transform_points

from pix2pix_tf.data import scene_names
from pix2pix_tf.fronts import time_series, vector_files
from pix2pix_tf.fronts.time_series import Box, Line, Position
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError, truncate

TABLE, FOLDER = "time_series.csv", "time_series"
UNNAMED = "glacier"  # name of the series of scenes whose glacier is not known
WEB_MERCATOR = 3857  # whose metres are none
YEAR = 365.2425  # days
COLUMNS = (
    *("glacier", "network", "date", "scene", "box_position_m", "box_change_m", "box_coverage", "area_change_km2"),
    *("centre_line_position_m", "centre_line_change_m", "flags"),
)


@dataclass(frozen=True)
class Dated:
    """The front of one scene."""

    scene: str
    date: datetime.date
    lines: tuple[Line, ...]  # in the CRS of the series
    flow: np.ndarray  # direction downstream, unit vector, or zeros where it is not known
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Series:
    """The fronts of one glacier and one network, by date."""

    glacier: str
    network: str
    crs: str
    fronts: tuple[Dated, ...]
    box: Box
    centre_line: Line
    oriented: bool  # False: nothing tells where downstream is, and the sign of positions is arbitrary

    @property
    def name(self) -> str:
        """The stem of its files: a glacier's name may be any text, and a slash would leave the folder."""
        return f"{self.glacier}-{self.network}".replace("/", "%2F")

    def positions(self) -> list[Position]:
        """Return the positions of all fronts."""
        return [time_series.position(one.lines, self.box, self.centre_line) for one in self.fronts]


# ---- From products to series ----------------------------------------------------------------------------------------


def collect(scenes: Sequence[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]], box: Path | None) -> list[Series]:
    """Collect the series of all glaciers that have fronts of two dates or more.

    Args:
      scenes: scene.json and the features of front.geojson of each scene.
      box: a vector file with a polygon, the box, or a line, the centre line from its upstream end, or both; a field
        `glacier` assigns them. None: they follow from the fronts.

    Raises:
      UserError: no glacier has two dates with a front, or `box` cannot be used.
    """
    groups: dict[tuple[str, str], list[tuple[Mapping[str, Any], Mapping[str, Any], list]]] = defaultdict(list)
    for record, features in scenes:
        for front in record["fronts"]:
            if scene_names.is_date(record.get("date") or "") and record.get("bounds") and record.get("crs"):
                lines = [one for one in features if one["properties"]["network"] == front["network"]]
                groups[record.get("glacier") or UNNAMED, front["network"]].append((record, front, lines))
    series = [_series(*key, group, box) for key, group in sorted(groups.items()) if _dates(group) > 1]
    if not series:
        raise UserError(
            "--time-series needs georeferenced scenes with a front, of two dates or more of one glacier. The date is "
            "part of the file's name, such as COL_2011-06-01_TSX_7_1_2.tif, or stands in scenes.csv beside the scenes "
            "(datasets/README.md)."
        )
    return series


def _dates(group: Sequence[tuple]) -> int:
    """Return the number of dates that have a front."""
    return len({record["date"] for record, _, lines in group if lines})


def _series(glacier: str, network: str, group: Sequence[tuple], box: Path | None) -> Series:
    crs = _common_crs([record["crs"] for record, _, _ in group], group[0][0]["bounds"])
    fronts = []
    for record, front, features in sorted(group, key=lambda one: (one[0]["date"], one[0]["scene"])):
        lines = [np.array(one["geometry"]["coordinates"], float).reshape(-1, 2) for one in features]
        fronts.append(
            Dated(
                record["scene"],
                datetime.date.fromisoformat(record["date"]),
                tuple(_reprojected(lines, record["crs"], crs)),
                _flow(record, crs),
                tuple(front["flags"]),
            )
        )
    mean = np.sum([one.flow * sum(map(len, one.lines)) for one in fronts], axis=0)
    oriented = bool(np.hypot(*mean) > 0)
    flow = mean if oriented else _normal([line for one in fronts for line in one.lines])
    drawn_box, drawn_line = (None, None) if box is None else _drawn(box, glacier, crs, flow)
    used = drawn_box or time_series.box_of_fronts([one.lines for one in fronts], flow)
    centre = used.centre_line() if drawn_line is None else drawn_line
    return Series(glacier, network, crs, tuple(fronts), used, centre, oriented or drawn_line is not None)


def _flow(record: Mapping[str, Any], crs: str) -> np.ndarray:
    """Return the direction downstream in a scene as a unit vector; zeros where no network knows it.

    A network for zones knows it; the front of another network of the same scene faces the same way.
    """
    known = [np.array(front["flow"], float) for front in record["fronts"] if any(front["flow"])]
    if not known:
        return np.zeros(2)
    left, bottom, right, top = record["bounds"]
    middle = np.array([(left + right) / 2, (bottom + top) / 2])
    (ends,) = _reprojected([np.stack([middle, middle + known[0] * (right - left) / 1000])], record["crs"], crs)
    step = ends[1] - ends[0]
    return step / np.hypot(*step)


def _normal(lines: Sequence[Line]) -> np.ndarray:
    """Return the direction across the mean chord of fronts, to the right or upwards."""
    chords = [line[-1] - line[0] for line in lines if len(line) > 1] or [np.array([0.0, 1.0])]
    chord = np.sum([one * (np.sign(one @ chords[0]) or 1) for one in chords], axis=0)
    across = np.array([chord[1], -chord[0]])
    return across * (np.sign(across[0]) or np.sign(across[1]) or 1)


def _common_crs(crs: Sequence[str], bounds: Sequence[float]) -> str:
    """Return the first projected CRS in metres; else the UTM zone of the first scene, WGS 84."""
    for one in crs:
        found = CRS.from_user_input(one)
        if found.is_projected and found.linear_units_factor[1] == 1 and found.to_epsg() != WEB_MERCATOR:
            return one
    left, bottom, right, top = bounds
    (longitude,), (latitude,) = transform_points(crs[0], "EPSG:4326", [(left + right) / 2], [(bottom + top) / 2])
    zone = int((longitude + 180) // 6) % 60 + 1
    return f"EPSG:{(32600 if latitude >= 0 else 32700) + zone}"


def _reprojected(lines: Sequence[Line], of: str, to: str) -> list[Line]:
    return list(lines) if of == to else [np.stack(transform_points(of, to, *line.T), axis=1) for line in lines]


def _drawn(path: Path, glacier: str, crs: str, flow: np.ndarray) -> tuple[Box | None, Line | None]:
    """Return the box and the centre line that a user drew for a glacier."""
    import geopandas

    try:
        frames = [geopandas.read_file(path, layer=name, engine="pyogrio") for name in geopandas.list_layers(path).name]
    except Exception as error:  # pyogrio and GDAL fail in many ways on files that are none
        raise UserError(f"--box {path} cannot be read ({truncate(error)}). Give a GeoPackage or GeoJSON.") from None
    polygon, line = None, None
    for frame in frames:
        if frame.crs is None:
            raise UserError(f"--box {path} has no CRS. Save it with the CRS of the scenes.")
        if "glacier" in frame:
            frame = frame[frame["glacier"].isna() | (frame["glacier"] == glacier)]
        for shape in frame.to_crs(crs).geometry.explode():
            if shape.geom_type == "Polygon":
                polygon = time_series.box_of_polygon(np.array(shape.exterior.coords)[:, :2], flow)
            elif shape.geom_type == "LineString":
                line = np.array(shape.coords)[:, :2]
    if polygon is None and line is None:
        raise UserError(f"--box {path} holds neither a polygon nor a line for {glacier}.")
    return polygon, line


# ---- Files ----------------------------------------------------------------------------------------------------------


def table(series: Sequence[Series]) -> list[dict[str, object]]:
    """Return the lines of time_series.csv, by column; changes are those since the first date that has a position."""
    lines: list[dict[str, object]] = []
    for one in series:
        positions = one.positions()
        first = [next((getattr(p, name) for p in positions if getattr(p, name) is not None), None)
                 for name in ("box", "centre_line")]  # fmt: skip
        for front, place in zip(one.fronts, positions, strict=True):
            box, line = (None if a is None or b is None else a - b for a, b in
                         zip((place.box, place.centre_line), first, strict=True))  # fmt: skip
            values = (
                *(one.glacier, one.network, front.date.isoformat(), front.scene, place.box, box, place.coverage),
                *(None if box is None else box * one.box.width / 1e6, place.centre_line, line, " ".join(front.flags)),
            )
            lines.append(dict(zip(COLUMNS, values, strict=True)))
    return lines


def rates(one: Series) -> tuple[float | None, float | None]:
    """Return the mean rate of change of the positions by both methods, metres a year: the slope of a line through them.

    None where fewer than two dates have a position.
    """
    years = np.array([(front.date - one.fronts[0].date).days / YEAR for front in one.fronts])
    found = []
    for values in zip(*((place.box, place.centre_line) for place in one.positions()), strict=True):
        known = np.array([value is not None for value in values])
        spread = len(set(years[known])) > 1
        slope = np.polyfit(years[known], np.array(values, float)[known], 1)[0] if spread else None
        found.append(None if slope is None else float(slope))
    return found[0], found[1]


def write(series: Sequence[Series], output: Path) -> None:
    """Write the table, and for each series its box and centre line.

    Args:
      series: from `collect`.
      output: the folder of the run.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for line in table(series):
        writer.writerow({key: round(value, 4) if isinstance(value, float) else value for key, value in line.items()})
    files.write_text(output / TABLE, text.getvalue())
    for one in series:
        corners, centre = one.box.corners().tolist(), one.centre_line.tolist()
        named = {"glacier": None if one.glacier == UNNAMED else one.glacier, "network": one.network}
        shapes = {"box": ("Polygon", [corners]), "centre_line": ("LineString", centre)}
        vector_files.write_geopackage(
            output / FOLDER / f"{one.name}.gpkg",
            {
                name: ([{"properties": named, "geometry": {"type": kind, "coordinates": points}}], one.crs)
                for name, (kind, points) in shapes.items()
            },
        )
