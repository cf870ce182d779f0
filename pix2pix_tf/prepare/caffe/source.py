"""Find and read the raw CaFFe benchmark: scenes, bounding boxes, and places on the ground.

    <raw>/{sar_images,zones,fronts}/{train,test}/<stem>[_zones|_front].png
    <raw>/bounding_boxes/<stem>_front_extent_coord.txt    a header line, then four corners in pixels
    <raw>/meta_data.csv                                   or one folder higher; from a mirror, columns between ";"

Gourmelon et al. 2022, Earth System Science Data 14, 4287; data: PANGAEA 940950 (CC-BY-4.0). The definitions are those
of the benchmark's published code (data_processing/, validate_or_test.py).
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data import bounding_box, validation
from pix2pix_tf.data.bounding_box import BoundingBox
from pix2pix_tf.data.io import images
from pix2pix_tf.data.scene_names import CAFFE_RULE, Facts, facts_of
from pix2pix_tf.prepare.own_scenes.source import BadScene
from pix2pix_tf.prepare.scene_table import read_rows
from pix2pix_tf.utils.errors import UserError, truncate
from pix2pix_tf.utils.files import visible_files

ENDS = {"sar_images": "", "zones": "_zones", "fronts": "_front"}  # folder -> suffix of its file names
ROLES = {"sar_images": "sar", "zones": "zones", "fronts": "fronts"}  # folder -> role
GLACIERS = {"train": ("Crane", "DBE", "JAC", "Jorum", "SI"), "test": ("COL", "Mapple")}
FIELDS = 6  # of a scene's name, with underscores between them
_BOUNDS = re.compile(r"left=(\S+?),\s*bottom=(\S+?),\s*right=(\S+?),\s*top=([^\s)]+)")


@dataclass(frozen=True)
class Source:
    """The files of one scene, found by their names."""

    name: str
    split: str  # train | test: the benchmark's own
    paths: Mapping[str, Path]  # for each folder of ENDS
    box: Path | None  # the file of its bounding box


# ---- Finding --------------------------------------------------------------------------------------------------------


def find(root: Path) -> list[Source]:
    """Find the scenes by the names of their files.

    Args:
      root: the folder that holds sar_images/.

    Returns:
      The scenes, sorted by name.

    Raises:
      UserError: folders or partners are missing, or names are wrong; one message names them all.
    """
    sources, problems = scan(root)
    if problems:
        raise validation.validation_error(f"The benchmark in {root} cannot be used", problems)
    return sources


def scan(root: Path) -> tuple[list[Source], list[tuple[str, str]]]:
    """Find scenes as `find` does; return the complete ones, and (problem, name) pairs for the others."""
    problems: list[tuple[str, str]] = []
    boxes = find_boxes(root, problems)
    sources: dict[str, Source] = {}
    for split in ("train", "test"):
        found = {folder: _stems(root, folder, split, problems) for folder in ENDS}
        for name in sorted(set().union(*found.values())):
            lonely = [folder for folder in ENDS if name not in found[folder]]
            problems += [(f"no partner in {folder}/{split}/", name) for folder in lonely if found[folder]]
            problems += [(problem, name) for problem in _name_problems(name, split)]
            if name in sources:
                problems.append(("is in train/ and in test/", name))
            if not lonely:
                paths = {folder: stems[name] for folder, stems in found.items()}
                sources[name] = Source(name, split, paths, boxes.get(name))
    return sorted(sources.values(), key=lambda source: source.name), problems


def root_of(raw: Path) -> Path:
    """Return the folder that holds sar_images/: the given one, or one in it.

    Raises:
      UserError: there is none.
    """
    if not raw.is_dir():
        raise UserError(f"There is no folder {raw}. Check its name, or download the benchmark with --download.")
    for folder in (raw, *sorted(raw.iterdir())):
        if (folder / "sar_images").is_dir():
            return folder
    raise UserError(f"{raw} holds no folder sar_images, and no folder with one. Give the benchmark's data_raw.")


def _stems(root: Path, folder: str, split: str, problems: list[tuple[str, str]]) -> dict[str, Path]:
    """Return the files of one folder by scene name."""
    place = root / folder / split
    found: dict[str, Path] = {}
    if not place.is_dir():
        problems.append(("no such folder", f"{folder}/{split}/"))
        return {}
    for path in visible_files(place):
        name = path.stem.removesuffix(ENDS[folder])
        if path.suffix.lower() not in images.PNG:
            problems.append(("no PNG by its name (move it elsewhere)", display_path(path)))
        elif not path.stem.endswith(ENDS[folder]):
            problems.append((f"its name should end in {ENDS[folder]}.png", display_path(path)))
        elif name in found:
            problems.append((f"the same scene as {found[name].name} (keep one of them)", display_path(path)))
        else:
            found[name] = path
    if not found:
        problems.append(("no images", f"{folder}/{split}/"))
    return found


def display_path(path: Path) -> str:
    """Return how messages name a raw file: its last three path components."""
    return "/".join(path.parts[-3:])


def _name_problems(name: str, split: str) -> list[str]:
    facts = facts_of(name)
    if "quality" not in facts:
        return [f"the name does not follow {CAFFE_RULE}"]
    other = "test" if split == "train" else "train"
    if facts["glacier"] in GLACIERS[other]:
        return [f"{facts['glacier']} is a glacier of the {other} split, but is in {split}/"]
    return []


# ---- Reading --------------------------------------------------------------------------------------------------------


def read(source: Source) -> tuple[dict[str, np.ndarray], BoundingBox | None]:
    """Read one scene and check it as the benchmark's own script does.

    Returns:
      The pixels of zones, fronts and sar: uint8 [H, W], of one size, grey values as in the files.
      The bounding box of the front, as in `dataset.Scene`; None without a file of it.

    Raises:
      BadScene: files are damaged, not grey, of different sizes, or hold invalid values.
    """
    problems: list[tuple[str, str]] = []
    pixels = {}
    for folder, path in source.paths.items():
        try:
            pixels[ROLES[folder]] = _grey(path, ROLES[folder])
        except images.BadImage as error:
            problems.append((str(error), display_path(path)))
    if different := validation.different_sizes(pixels):
        problems.append((f"its images differ in size: {different} pixels", source.name))
    box = None
    if source.box and not problems:
        try:
            height, width = pixels["sar"].shape
            box = read_box(source.box, height, width)
        except (ValueError, OverflowError) as error:
            problems.append(
                (f"no bounding box can be read from it ({error}; mend or remove it)", display_path(source.box))
            )
    if problems:
        raise BadScene(problems)
    return pixels, box


def _grey(path: Path, role: str) -> np.ndarray:
    image = images.read_png(path)
    problem = validation.channel_problem(role, image) or validation.class_problem(role, image)
    if problem:
        raise images.BadImage(problem)
    if image.dtype != np.uint8:
        raise images.BadImage(f"{8 * image.dtype.itemsize} bit, but the benchmark's images have 8")
    if role == "fronts" and image.min() == image.max():
        raise images.BadImage(f"only the grey value {image.flat[0]}, but a front mask has both 0 and 255")
    return image


# ---- Bounding boxes and places on the ground -------------------------------------------------------------------------


def find_boxes(root: Path, problems: list[tuple[str, str]]) -> dict[str, Path]:
    """Return the bounding-box files by scene name.

    Args:
      root: the folder that holds bounding_boxes/, which may be missing.
      problems: (problem, file) pairs, to which a second file for a scene is added.
    """
    folder = root / "bounding_boxes"
    found: dict[str, Path] = {}
    for path in visible_files(folder) if folder.is_dir() else ():
        name = "_".join(path.stem.split("_")[:FIELDS])  # by whole fields: ..._1 does not take the box of ..._12
        if name in found:
            problems.append((f"a second bounding box beside {found[name].name} (keep one)", path.name))
        found[name] = path
    return found


def read_box(path: Path, height: int, width: int) -> BoundingBox:
    """Read the bounding box in which the benchmark's evaluation scores the front of a scene.

    Args:
      path: a header line, then `x,y` of the left upper, left lower, right lower and right upper corner, in pixels,
        where "upper" is the larger row.
      height: of the scene, in pixels.
      width: likewise.

    Raises:
      ValueError: the file has another form, or the box holds no pixel of the scene.
    """
    lines = path.read_text(errors="replace").splitlines()[1:5]
    if len(lines) < 4:
        raise ValueError("it should have a header and four lines x,y")
    left_upper, _, right_lower, _ = map(_corner, lines)
    corners = right_lower[1], left_upper[1], left_upper[0], right_lower[0]
    row_from, row_to, column_from, column_to = box = bounding_box.clip(corners, height, width)
    if row_from >= row_to or column_from >= column_to:
        raise ValueError(f"rows {row_from} to {row_to}, columns {column_from} to {column_to} hold no pixel")
    return box


def _corner(line: str) -> tuple[int, int]:
    x, y = line.split(",")
    return round(float(x)), round(float(y))


def read_metadata(root: Path) -> dict[str, Facts]:
    """Read the scenes' bounds and CRS from meta_data.csv; return an empty dictionary without one.

    Args:
      root: the folder that holds sar_images/; the file is there or one folder higher.

    Raises:
      UserError: the file has other columns or cells.
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
    except (ValueError, IndexError) as error:  # a missing column or cell, or unreadable bounds
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
        raise ValueError(f"{cell} is no place on the ground")
    return left, bottom, right, top
