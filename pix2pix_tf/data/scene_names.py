"""What a file's name tells: a patch's scene and its place there, and the facts in a CaFFe name."""

import datetime
import re
from typing import TypedDict

PATCH_MARK = "__"  # <scene>__y<row>_x<column>: a stem's scene is what stands before it

_PLACE = re.compile(r"__y(\d+)_x(\d+)$")
_CAFFE = re.compile(r"([^_]+)_(\d{4}-\d\d-\d\d)_([^_]+)_(\d+(?:\.\d+)?)_(\d+)_([^_]+)")

COARSEST = 1e6  # metres a pixel: what says more is no scale
QUALITIES = range(1, 7)  # CaFFe's marks for a picture: 1 is best
NORTHERN, SOUTHERN = ("COL", "JAC"), ("Crane", "DBE", "Jorum", "Mapple", "SI")  # glaciers of CaFFe
CAFFE_RULE = "Glacier_Date_Sensor_Resolution_Quality_Orbit, such as DBE_2004-10-07_RSAT_12_4_282"


class Facts(TypedDict, total=False):
    """What is known of a scene, by the names of `dataset.Scene`'s fields; the others are left out."""

    glacier: str
    date: str | None  # YYYY-MM-DD; None: that of before no longer holds
    sensor: str
    metres_per_pixel: float
    quality: int
    orbit: str
    bounds: tuple[float, float, float, float]
    crs: str


def scene_of(stem: str) -> str:
    """The name of the scene that a patch was cut from."""
    return stem.split(PATCH_MARK)[0]


def is_file_name(text: str) -> bool:
    """Whether a text can be the name of a file in a folder, and of none outside it."""
    return 0 < len(text.encode()) < 250 and text not in (".", "..") and not set(text) & set("/\\\0")


def patch_stem(scene: str, row: int, column: int) -> str:
    """Names a patch after its scene and the place of its upper left pixel there.

    Args:
      scene: its name.
      row: pixels from the top, from 0.
      column: pixels from the left, from 0.
    """
    return f"{scene}{PATCH_MARK}y{row:05d}_x{column:05d}"


def place_of(stem: str) -> tuple[int, int]:
    """The row and column of a patch's upper left pixel in its scene; (0, 0) when the stem names none."""
    found = _PLACE.search(stem)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def facts_of(scene: str) -> Facts:
    """Reads a scene's name by the rule of the CaFFe benchmark (Gourmelon et al. 2022).

    Args:
      scene: such as `DBE_2004-10-07_RSAT_12_4_282`.

    Returns:
      glacier, date (YYYY-MM-DD), sensor, metres_per_pixel, quality (1 best to 6), orbit, the numbers only where they
      make sense; empty when the name follows another rule.
    """
    found = _CAFFE.fullmatch(scene)
    if not found:
        return {}
    glacier, date, sensor, resolution, quality, orbit = found.groups()
    try:
        datetime.date.fromisoformat(date)
    except ValueError:  # 2004-13-45 is no date, so this is no CaFFe name
        return {}
    facts: Facts = {"glacier": glacier, "date": date, "sensor": sensor}
    if 0 < float(resolution) < COARSEST:
        facts["metres_per_pixel"] = float(resolution)
    if len(quality) == 1 and int(quality) in QUALITIES:
        facts["quality"] = int(quality)
    facts["orbit"] = orbit
    return facts


def season_of(glacier: str | None, date: str | None) -> str | None:
    """The half of the year in which a scene of CaFFe was taken, as the benchmark divides it.

    Args:
      glacier: as in CaFFe's names.
      date: YYYY-MM-DD.

    Returns:
      "winter" (September to March in the north, April to August in the south) or "summer"; None where the glacier is
      none of CaFFe's, or the date is unknown.
    """
    if date is None or glacier not in NORTHERN + SOUTHERN:
        return None
    try:
        month = datetime.date.fromisoformat(date).month
    except ValueError:
        return None
    return "winter" if (4 <= month <= 8) == (glacier in SOUTHERN) else "summer"
