"""Parses file names: the scene and position of a patch, and the metadata in a CaFFe name."""

import datetime
import re
from typing import TypedDict

PATCH_MARK = "__"  # <scene>__y<row>_x<column>: separates the scene from the position

_PLACE = re.compile(r"__y(\d+)_x(\d+)$")
_CAFFE = re.compile(r"([^_]+)_(\d{4}-\d\d-\d\d)_([^_]+)_(\d+(?:\.\d+)?)_(\d+)_([^_]+)")

COARSEST = 1e6  # metres per pixel; larger numbers are not a resolution
QUALITIES = range(1, 7)  # CaFFe's ratings of an image; 1 is best
NORTHERN, SOUTHERN = ("COL", "JAC"), ("Crane", "DBE", "Jorum", "Mapple", "SI")  # glaciers of CaFFe
CAFFE_RULE = "Glacier_Date_Sensor_Resolution_Quality_Orbit, such as DBE_2004-10-07_RSAT_12_4_282"


class Facts(TypedDict, total=False):
    """Known metadata of a scene, under the names of `dataset.Scene`'s fields; unknown fields are absent."""

    glacier: str
    date: str | None  # YYYY-MM-DD; None: an earlier date is no longer valid
    sensor: str
    metres_per_pixel: float
    quality: int
    orbit: str
    bounds: tuple[float, float, float, float]
    crs: str


def scene_of(stem: str) -> str:
    """Return the name of the scene that a patch was cut from: the stem without the position at its end."""
    return _PLACE.sub("", stem)


def is_file_name(text: str) -> bool:
    """Return True if a text can be the name of a file in a folder and cannot lead outside it."""
    return 0 < len(text.encode()) < 250 and text not in (".", "..") and not set(text) & set("/\\\0")


def patch_stem(scene: str, row: int, column: int) -> str:
    """Return the stem of a patch: its scene, and the position of its upper left pixel there.

    Args:
      scene: its name.
      row: pixels from the top, from 0.
      column: pixels from the left, from 0.
    """
    return f"{scene}{PATCH_MARK}y{row:05d}_x{column:05d}"


def place_of(stem: str) -> tuple[int, int]:
    """Return row and column of a patch's upper left pixel in its scene; (0, 0) when the stem has none."""
    match = _PLACE.search(stem)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def facts_of(scene: str) -> Facts:
    """Parse a scene's name by the convention of the CaFFe benchmark (Gourmelon et al. 2022).

    Args:
      scene: such as `DBE_2004-10-07_RSAT_12_4_282`.

    Returns:
      glacier, date (YYYY-MM-DD), sensor, metres_per_pixel, quality (1 best to 6), orbit; numbers only where they
      are valid. Empty when the name follows another convention.
    """
    match = _CAFFE.fullmatch(scene)
    if not match:
        return {}
    glacier, date, sensor, resolution, quality, orbit = match.groups()
    if not is_date(date):  # such as 2004-13-45: no CaFFe name
        return {}
    facts: Facts = {"glacier": glacier, "date": date, "sensor": sensor}
    if 0 < float(resolution) < COARSEST:
        facts["metres_per_pixel"] = float(resolution)
    if len(quality) == 1 and int(quality) in QUALITIES:
        facts["quality"] = int(quality)
    facts["orbit"] = orbit
    return facts


def is_date(text: str) -> bool:
    """Return True for a day of the calendar as YYYY-MM-DD."""
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def season_of(glacier: str | None, date: str | None) -> str | None:
    """Return the season of a CaFFe scene, as the benchmark defines it.

    Args:
      glacier: as in CaFFe's names.
      date: YYYY-MM-DD.

    Returns:
      "winter" (September to March in the north, April to August in the south) or "summer"; None where the glacier
      is not in CaFFe, or the date is unknown.
    """
    if date is None or not is_date(date) or glacier not in NORTHERN + SOUTHERN:
        return None
    month = datetime.date.fromisoformat(date).month
    return "winter" if (4 <= month <= 8) == (glacier in SOUTHERN) else "summer"
