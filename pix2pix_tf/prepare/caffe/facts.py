"""What lies beside the images of the raw CaFFe benchmark: where each front is judged, and where each scene lies.

    <raw>/bounding_boxes/<stem>_front_extent_coord.txt
    <raw>/meta_data.csv                                   or one folder higher; not part of the publication

The first is a header line and four corners in pixels, the second a table (the mirror's has ";" between its columns).
"""

import math
import re
from pathlib import Path

from pix2pix_tf.data.scene_names import Facts
from pix2pix_tf.prepare.own_scenes.source import visible
from pix2pix_tf.prepare.scene_table import read_rows
from pix2pix_tf.utils.errors import UserError, truncate

FIELDS = 6  # of a scene's name, with underscores between them
_BOUNDS = re.compile(r"left=(\S+?),\s*bottom=(\S+?),\s*right=(\S+?),\s*top=([^\s)]+)")


def find_boxes(root: Path, problems: list[tuple[str, str]]) -> dict[str, Path]:
    """The files of the bounding boxes by scene.

    Args:
      root: the folder that holds bounding_boxes/, which may be missing.
      problems: pairs of problem and file; a second file for a scene is added to them.
    """
    folder = root / "bounding_boxes"
    found: dict[str, Path] = {}
    for path in visible(folder) if folder.is_dir() else ():
        name = "_".join(path.stem.split("_")[:FIELDS])  # by whole fields: ..._1 does not take the box of ..._12
        if name in found:
            problems.append((f"a second bounding box beside {found[name].name} (keep one)", path.name))
        found[name] = path
    return found


def read_box(path: Path, height: int, width: int) -> tuple[int, int, int, int]:
    """Reads where the front of a scene is judged, as the benchmark's evaluation does.

    Args:
      path: a header line, then `x,y` of the left upper, left lower, right lower and right upper corner, in pixels,
        where "upper" is the larger row.
      height: of the scene, in pixels.
      width: likewise.

    Returns:
      row_from, row_to, column_from, column_to, the ends not included.

    Raises:
      ValueError: the file is not so, or nothing of the scene lies inside.
    """
    lines = path.read_text(errors="replace").splitlines()[1:5]
    if len(lines) < 4:
        raise ValueError("it should have a header and four lines x,y")
    left_upper, _, right_lower, _ = map(_corner, lines)
    # A corner beyond the far edge costs the last row or column too: the published figures were measured so.
    rows = max(0, right_lower[1]), height - 1 if left_upper[1] > height else left_upper[1]
    columns = max(0, left_upper[0]), width - 1 if right_lower[0] > width else right_lower[0]
    if rows[0] >= rows[1] or columns[0] >= columns[1]:
        raise ValueError(f"rows {rows[0]} to {rows[1]}, columns {columns[0]} to {columns[1]} hold no pixel")
    return *rows, *columns


def _corner(line: str) -> tuple[int, int]:
    x, y = line.split(",")
    return round(float(x)), round(float(y))


def read_metadata(root: Path) -> dict[str, Facts]:
    """Where scenes lie on the ground: bounds and crs, by scene; empty without a meta_data.csv.

    Args:
      root: the folder that holds sar_images/; the file lies there or one folder higher.

    Raises:
      UserError: there is such a file, but it is not what it should be.
    """
    path = next((path for folder in (root, root.parent) if (path := folder / "meta_data.csv").is_file()), None)
    if not path:
        return {}
    found: dict[str, Facts] = {}
    try:
        head, *rows = read_rows(path) or [[]]
        name, crs, box = (head.index(key) for key in ("image_name", "Coordinate system", "Bounding box coordinates"))
        for row in rows:
            found[row[name].removesuffix("_geo.tif")] = {"bounds": _bounds(row[box]), "crs": row[crs]}
    except (ValueError, IndexError) as error:  # no such column, no such cell, no such words in it
        raise UserError(
            f"{path} is not the benchmark's meta_data.csv ({truncate(error)}). Mend or remove it."
        ) from None
    return found


def _bounds(cell: str) -> tuple[float, float, float, float]:
    found = _BOUNDS.search(cell)
    if not found:
        raise ValueError(f"no left, bottom, right and top in {cell!r}")
    left, bottom, right, top = map(float, found.groups())
    if not all(map(math.isfinite, (left, bottom, right, top))):
        raise ValueError(f"{cell} lies nowhere on the ground")
    return left, bottom, right, top
