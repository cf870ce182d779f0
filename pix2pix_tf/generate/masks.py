"""What is painted from: the masks' files, what is wrong with them, and what is known of their scenes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.data import dataset, scene_names, validation
from pix2pix_tf.data.classes import VALUES
from pix2pix_tf.data.dataset import SPLITS, Scene
from pix2pix_tf.data.io import images, mask_drawings, raster
from pix2pix_tf.data.io.strips import SUFFIXES, StripReader
from pix2pix_tf.data.tiling import Tiling
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import visible_files

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model


@dataclass(frozen=True)
class Masks:
    """The files to paint from."""

    paths: Mapping[str, tuple[Path, ...]]  # for each stem, sorted, one file for each role
    data: Path | None  # the data set that they are from
    split: str | None  # and its split


def find(path: Path, roles: Sequence[str], split: str) -> Masks:
    """Finds the files to paint from.

    Args:
      path: a PNG or TIFF; a folder of them; a folder of one folder for each role; or a data set.
      roles: what the model takes.
      split: which part of a data set.

    Raises:
      UserError: there is none, or a role or a partner is missing, or two files have one stem.
    """
    base = path / split if any((path / name).is_dir() for name in SPLITS) else path
    plain = path.is_file() or (len(roles) == 1 and not (base / roles[0]).is_dir())
    if plain and len(roles) > 1:
        raise UserError(f"The model takes {' and '.join(roles)}: --masks takes a folder that has a folder for each.")
    folders = [base] if plain else [base / role for role in roles]
    found = [_images([path] if path.is_file() else _in(folder)) for folder in folders]
    stems = sorted(set().union(*found))
    missing = [
        (f"not in {folder}", stem)
        for stem in stems
        for folder, files in zip(folders, found, strict=True)
        if stem not in files
    ]
    if missing:
        raise validation.validation_error(f"{path} lacks files", missing)
    if not stems:
        raise UserError(f"There is no {' or '.join(SUFFIXES)} file in {' or '.join(map(str, folders))}.")
    return Masks(
        {stem: tuple(files[stem] for files in found) for stem in stems}, *_data_set_of(folders[0], base != path)
    )


def _in(folder: Path) -> list[Path]:
    return visible_files(folder) if folder.is_dir() else []


def _images(paths: Sequence[Path]) -> dict[str, Path]:
    """Those that can be read by rows, by their stems."""
    found: dict[str, Path] = {}
    for path in paths:
        if path.suffix.lower() in SUFFIXES:
            other = found.setdefault(path.stem, path)
            if other != path:
                raise UserError(f"{other} and {path} would be painted under one name. Keep one of them, or rename it.")
    return found


def _data_set_of(folder: Path, divided: bool) -> tuple[Path | None, str | None]:
    """The data set that a folder or file lies in, and the split; two times None when it lies in none.

    Args:
      folder: where the masks are, or one of them.
      divided: whether it was found through a split's folder; else a folder of such a name may mean something else.
    """
    for place in (folder.resolve(), *folder.resolve().parents):
        if place.name in SPLITS and (divided or (place.parent / dataset.FILE).exists()):
            return place.parent, place.name
    return None, None


def check_split(masks: Masks, any_split: bool) -> None:
    """Makes sure that what a model is tested on later is not painted from, and so learnt.

    Raises:
      UserError: the masks are of a split other than train, and nobody said that this is meant.
    """
    if masks.split not in (None, "train") and not any_split:
        raise UserError(
            f"These masks are of the split {masks.split} of {masks.data}: a model trained on what is painted from them "
            "would know the scenes it is judged by. Take --split train, or add --any-split if nothing will be trained "
            "on the images."
        )


def check(masks: Masks, model: "Model", tiling: Tiling) -> dict[str, tuple[int, int]]:
    """Makes sure that the model can paint from every file, before it paints from the first; each is read by rows.

    Returns:
      For each stem height and width, in pixels.

    Raises:
      UserError: one message names all bad files, with the cure.
    """
    sizes: dict[str, tuple[int, int]] = {}
    problems: list[tuple[str, str]] = []
    for stem, paths in cli.progress(masks.paths.items(), len(masks.paths), "masks checked"):
        found = set()
        for role, path in zip(model.inputs, paths, strict=True):
            try:
                found.add(_size(path, role, model.bits[role]))
            except images.BadImage as error:
                problems.append((f"{error}{_if_drawn(role, path)}", path.name))
        if len(found) > 1:
            problems.append(("its roles differ in size (cut or resample them to one grid)", stem))
        sizes[stem] = max(found, default=(0, 0))
        tiled = max(sizes[stem]) > tiling.tile
        if tiled and any(role in VALUES for role in model.targets):
            classes = f"the model tells classes, which cannot be blended: sides of at most --tile {tiling.tile} pixels"
            problems.append((classes, stem))
    if problems:
        raise validation.validation_error("These masks cannot be used", problems)
    return sizes


def _if_drawn(role: str, path: Path) -> str:
    """The cure for a mask that is a drawing; empty for others."""
    if role == "zones" and path.suffix.lower() in images.PNG and mask_drawings.is_drawing(path):
        return "; or read it as a drawing: prepare folder --as-drawn, or prepare masks, and paint from what they make"
    return ""


def _size(path: Path, role: str, bits: int) -> tuple[int, int]:
    """Height and width of a file that is good.

    Raises:
      BadImage: it is not.
    """
    rows = StripReader(path)
    wrong = validation.channel_problem(role, np.empty((1, 1, rows.channels)))
    if not wrong and 8 * rows.dtype.itemsize != bits:
        wrong = f"{8 * rows.dtype.itemsize} bit, but the model takes {role} of {bits} bit"
    if wrong:
        raise images.BadImage(wrong)
    above = 0
    for block in rows.blocks():
        if role in VALUES and (strange := np.argwhere(~np.isin(block[..., 0], VALUES[role]))).size:
            row, column = strange[0]
            wrong = validation.class_problem(role, block[row, column])
            raise images.BadImage(f"row {above + row}, column {column}: {wrong}")
        above += len(block)
    if path.suffix.lower() in images.TIFF:
        raster.georeference(path)  # asked later, when it may no longer fail
    return rows.height, rows.width


def facts(masks: Masks, stem: str) -> scene_names.Facts:
    """What a mask's name and file tell of its scene, without what is of a real image and of no painted one."""
    path, known = masks.paths[stem][0], scene_names.facts_of(scene_names.scene_of(stem))
    known.pop("quality", None)
    known.pop("orbit", None)
    if path.suffix.lower() in images.TIFF:
        known.update(raster.georeference(path))
    return known


def scene(masks: Masks, known: Mapping[str, Scene], stem: str) -> Scene:
    """A mask's scene, as the data set tells it (`scenes`), or else as its name and file do."""
    return known.get(scene_names.scene_of(stem)) or Scene("train", 0, 0, **facts(masks, stem))


def scenes(masks: Masks) -> dict[str, Scene]:
    """The scenes that the masks' data set describes, without what a painted image has not; none without a data set."""
    if masks.data is None or not (masks.data / dataset.FILE).exists():
        return {}
    known = dataset.read(masks.data).scenes
    return {
        name: replace(scene, split="train", stretch=None, quality=None, orbit=None, cloud=None)
        for name, scene in known.items()
    }
