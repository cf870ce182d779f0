"""Find MultiEarth files by their names, group them into pictures, and pair the pictures.

    <folder>/**/Sensor_BAND_lon_lat_YYYY_MM_DD.tiff     one band a file: Sentinel1_VV_-55.20_-4.39_2019_05_27.tiff

A picture is one sensor's bands of one place and day. This module opens no file.
"""

import datetime
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pix2pix_tf.data import validation
from pix2pix_tf.data.io import images
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import is_leftover

RULE = "Sensor_BAND_lon_lat_YYYY_MM_DD, such as Sentinel1_VV_-55.20_-4.39_2019_05_27"
SAR, OPTICAL = "Sentinel1", "Sentinel2"
SHORT = {SAR: "S1", OPTICAL: "S2"}  # ends a picture's name
ROLES: dict[str, dict[str, tuple[str, ...]]] = {  # sensor -> role -> its bands
    SAR: {"sar_vv": ("VV",), "sar_vh": ("VH",)},
    OPTICAL: {"optical": ("B4", "B3", "B2")},
}
SHORT_NAME = 20  # characters of another sensor's name in the list of files left out
CLOUD_MASK = "QA60"  # of Sentinel-2; a picture may lack it

_NAME = re.compile(r"([A-Za-z0-9]+)_([A-Za-z0-9]+)_(-?\d+(?:\.\d+)?_-?\d+(?:\.\d+)?)_(\d{4})_(\d\d)_(\d\d)")


@dataclass(frozen=True)
class Picture:
    """The bands of one sensor of one place on one day."""

    sensor: str  # SAR or OPTICAL
    place: str  # longitude_latitude, as the files' names write them
    date: datetime.date
    paths: Mapping[str, Path] = field(compare=False)  # by band, the cloud mask among them

    @property
    def name(self) -> str:
        """The stem of its patches, such as -55.20_-4.39_2019-05-27_S1."""
        return f"{self.place}_{self.date}_{SHORT[self.sensor]}"


@dataclass(frozen=True)
class Pair:
    """A target and its input."""

    optical: Picture
    sar: Picture

    @property
    def days(self) -> int:
        """Days between the two."""
        return abs(self.optical.date - self.sar.date).days


def find(folder: Path) -> tuple[list[Picture], list[Picture]]:
    """Find the pictures in a folder and its subfolders, and print which files are left out.

    Args:
      folder: with TIFFs of one band each, named by RULE. Other sensors, bands and files may be there too.

    Returns:
      The SAR and the optical pictures that have all their bands, sorted by name.

    Raises:
      UserError: there are none, or TIFFs have other names, or two the same; one message names them all.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}. Check --input.")
    problems: list[tuple[str, str]] = []
    bands, ignored = _bands(folder, problems)
    if problems:
        raise validation.validation_error(f"The files in {folder} cannot be used", problems)
    if ignored:
        print(f"{folder}: not needed: " + ", ".join(f"{n} x {kind}" for kind, n in sorted(ignored.items())))
    whole: dict[str, list[Picture]] = {SAR: [], OPTICAL: []}
    incomplete = []
    for (sensor, place, date), paths in sorted(bands.items()):
        picture = Picture(sensor, place, date, paths)
        missing = [band for bands in ROLES[sensor].values() for band in bands if band not in paths]
        if missing:
            incomplete.append(f"{picture.name} lacks {' and '.join(missing)}")
        else:
            whole[sensor].append(picture)
    if incomplete:
        print(f"left out, because a band is missing: {validation.abbreviate(incomplete)}")
    for sensor, pictures in whole.items():
        if not pictures:
            bands_needed = ", ".join(band for bands in ROLES[sensor].values() for band in bands)
            lacking = f" ({validation.abbreviate(incomplete)})" if incomplete else ""
            raise UserError(
                f"{folder} has no {sensor} picture with all of {bands_needed}{lacking}. Files are named {RULE}."
            )
    return whole[SAR], whole[OPTICAL]


def _bands(
    folder: Path, problems: list[tuple[str, str]]
) -> tuple[dict[tuple[str, str, datetime.date], dict[str, Path]], Counter[str]]:
    """Return the files of each sensor, place and day by band, and count the other files by kind."""
    needed = {(sensor, band) for sensor, roles in ROLES.items() for bands in roles.values() for band in bands}
    needed.add((OPTICAL, CLOUD_MASK))
    found: dict[tuple[str, str, datetime.date], dict[str, Path]] = {}
    ignored: Counter[str] = Counter()
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or any(map(is_leftover, path.relative_to(folder).parts)):
            continue
        if path.suffix.lower() not in images.TIFF:
            ignored[path.suffix or "no suffix"] += 1
            continue
        name = _parse_name(path.stem)
        if name is None and not path.stem.startswith((SAR, OPTICAL)):
            ignored[path.stem.split("_")[0][:SHORT_NAME]] += 1  # another sensor, or labels
            continue
        if name is None:
            problems.append((f"the name does not follow {RULE} (rename the file or move it away)", path.name))
            continue
        sensor, band, place, date = name
        if (sensor, band) not in needed:
            ignored[f"{sensor} {band}" if sensor in ROLES else sensor] += 1
            continue
        other = found.setdefault((sensor, place, date), {}).setdefault(band, path)
        if other != path:
            problems.append((f"there is {other} too (keep one of them)", str(path)))
    return found, ignored


def _parse_name(stem: str) -> tuple[str, str, str, datetime.date] | None:
    """Return the sensor, band, place and date in a name; None when it follows another rule."""
    found = _NAME.fullmatch(stem)
    if not found:
        return None
    sensor, band, place, *date = found.groups()
    try:
        return sensor, band, place, datetime.date(*map(int, date))
    except ValueError:  # no calendar date
        return None


def pair(sar: Iterable[Picture], optical: Sequence[Picture], days: int) -> list[Pair]:
    """Pair each optical picture with the SAR image of its place that is nearest in time; the earlier one of a tie.

    MultiEarth pairs a SAR image with every optical picture within the time. Here a target has one input, so that no
    file is stored twice, and a SAR image has all targets to which it is the nearest.

    Args:
      sar: pictures.
      optical: pictures.
      days: the most that may lie between the two.

    Returns:
      The pairs, in the order of the optical pictures. Those without a SAR image in time are left out.

    Raises:
      UserError: there is no pair at all.
    """
    there: dict[str, list[Picture]] = {}
    for picture in sorted(sar, key=lambda picture: picture.date):
        there.setdefault(picture.place, []).append(picture)
    nearest = [
        min((Pair(picture, other) for other in there[picture.place]), key=lambda found: found.days)
        for picture in optical
        if picture.place in there
    ]
    pairs = [found for found in nearest if found.days <= days]
    if pairs:
        return pairs
    if not nearest:
        raise UserError("No place has both SAR and optical pictures. Names must write a place with the same digits.")
    least = min(found.days for found in nearest)
    raise UserError(
        f"No optical picture was taken within {days} days of a SAR image of its place; the nearest are {least} days "
        f"apart. Give --days {least} or more, or add pictures."
    )
