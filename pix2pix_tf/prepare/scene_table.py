"""Read tables as spreadsheets save them, and scenes.csv, the user's table of scene metadata.

    <folder>/scenes.csv     name;glacier;date;sensor;metres_per_pixel;quality;orbit

The first line names the columns; `name` must be among them, the others may be missing, and so may cells. A spreadsheet
follows its language: commas or semicolons, 12,5 or 12.5, UTF-8 or Windows-1252, 2019-07-01 or 01.07.2019.
"""

import csv
import datetime
import math
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from pix2pix_tf.data.dataset import checked_fields
from pix2pix_tf.data.scene_names import Facts
from pix2pix_tf.utils.errors import UserError, did_you_mean, truncate, truncated_repr

FILE = "scenes.csv"
FACTS = (
    "glacier",
    "date",
    "sensor",
    "metres_per_pixel",
    "quality",
    "orbit",
)  # the fields of Scene that a table may have


def read_rows(path: Path) -> list[list[str]]:
    """Return the cells of a table, line by line, without blanks and quotes around them and without empty lines.

    Args:
      path: with commas, semicolons or tabs between cells, whichever is most frequent in the first line; any line ends;
        UTF-8, UTF-16 with its mark, else Windows-1252.

    Raises:
      ValueError: the file is no such table.
      OSError: the file cannot be read.
    """
    data = path.read_bytes()
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = data.decode("utf-16")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252", errors="replace")
    lines = unicodedata.normalize("NFC", text).splitlines()  # composed, as the names of scenes are
    between = max(";,\t", key=(lines or [""])[0].count)
    try:
        rows = [[cell.strip(' "') for cell in row] for row in csv.reader(lines, delimiter=between)]
    except csv.Error as error:
        raise ValueError(error) from None
    return [row for row in rows if any(row)]


def read_facts(folder: Path) -> dict[str, Facts]:
    """Read a folder's scenes.csv.

    Returns:
      For each name, as the table writes it, its metadata by the names of Scene's fields; empty without a table.

    Raises:
      UserError: something in the file is wrong; the message names the line and the cure.
    """
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        head, *rows = read_rows(path) or [[]]
        columns = [column.lower() for column in head]
        strange = next((column for column in columns if column not in ("name", *FACTS)), None)
        if strange is not None:
            raise ValueError(str(did_you_mean("column", strange, ("name", *FACTS))))
        if "name" not in columns or len(set(columns)) < len(columns):
            raise ValueError("Its first line should name the columns, each once, and name among them.")
        found: dict[str, Facts] = {}
        for row in rows:
            cells = dict(zip(columns, row, strict=False))
            if len(row) > len(columns) or not cells["name"]:
                raise ValueError(
                    f"A line should have a name, and no more cells than the first line: {truncated_repr(row)}."
                )
            if cells["name"] in found:
                raise ValueError(f"Scene {truncate(cells['name'])} has two lines. Keep one.")
            found[cells["name"]] = _facts(cells)
        return found
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be used. {truncate(error)}") from None


def _facts(cells: Mapping[str, str]) -> Facts:
    """Return the metadata of one line; empty cells are left out."""
    name, known = cells["name"], {key: cells[key] for key in FACTS if cells.get(key)}
    facts: dict[str, object] = dict(known)
    try:
        if "date" in known:
            facts["date"] = _date(known["date"])
        if "metres_per_pixel" in known:
            facts["metres_per_pixel"] = metres = float(known["metres_per_pixel"].replace(",", "."))
            if not math.isfinite(metres):
                raise ValueError
        if "quality" in known:
            facts["quality"] = int(known["quality"])
    except ValueError:
        raise ValueError(
            f"Of scene {truncate(name)}, date should be YYYY-MM-DD or DD.MM.YYYY, metres_per_pixel a number and "
            f"quality 1 to 6: {truncated_repr(known)}."
        ) from None
    try:
        return cast("Facts", checked_fields(name, facts))  # just FACTS, each in Scene's form
    except ValueError as error:
        raise ValueError(f"{error}.") from None


def _date(text: str) -> str:
    """Return a day as YYYY-MM-DD, also from DD.MM.YYYY; other forms, such as 3/4/2019, are ambiguous."""
    found = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text)
    if found:
        return datetime.date(*(int(part) for part in reversed(found.groups()))).isoformat()
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        raise ValueError
    return datetime.date.fromisoformat(text).isoformat()
