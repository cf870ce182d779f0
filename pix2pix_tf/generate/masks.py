"""The input of `generate`: finds the masks' files, checks them, and returns the facts of their scenes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.data import dataset, scene_names, validation
from pix2pix_tf.data.classes import VALUES
from pix2pix_tf.data.dataset import SPLITS, Scene
from pix2pix_tf.data.io import images, mask_drawings, raster
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.data.io.strips import SUFFIXES
from pix2pix_tf.data.tiling import Tiling
from pix2pix_tf.generate.readers import open_input
from pix2pix_tf.prepare.own_scenes.brightness import SAR, Options
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.files import visible_files

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model


@dataclass(frozen=True)
class Masks:
    """The files to generate images from."""

    paths: Mapping[str, tuple[Path, ...]]  # by stem, sorted: one file for each role
    data: Path | None  # the data set that they belong to
    split: str | None  # their split in it


def find(path: Path, roles: Sequence[str], split: str) -> Masks:
    """Find the masks' files.

    Args:
      path: a PNG or TIFF; a folder of them; a folder with one folder for each role; or a data set. A SAR file may hold
        the bands of several roles.
      roles: the model's inputs.
      split: of a data set.

    Raises:
      UserError: there is no file, a stem lacks a file of some role, or two files have the same stem.
    """
    base = path / split if any((path / name).is_dir() for name in SPLITS) else path
    plain = path.is_file() or not any((base / role).is_dir() for role in roles)
    if plain and not set(roles) <= set(SAR) and len(roles) > 1:
        raise UserError(f"The model takes {' and '.join(roles)}: --masks takes a folder with a folder for each.")
    folders = [base] * len(roles) if plain else [base / role for role in roles]
    by_role = [_images([path] if path.is_file() else _in(folder)) for folder in folders]
    stems = sorted(set().union(*by_role))
    missing = [
        (f"not in {folder}", stem)
        for stem in stems
        for folder, files in zip(folders, by_role, strict=True)
        if stem not in files
    ]
    if missing:
        raise validation.validation_error(f"{path} lacks files", missing)
    if not stems:
        raise UserError(f"There is no {' or '.join(SUFFIXES)} file in {' or '.join(map(str, folders))}.")
    return Masks(
        {stem: tuple(files[stem] for files in by_role) for stem in stems}, *_data_set_of(folders[0], base != path)
    )


def _in(folder: Path) -> list[Path]:
    return visible_files(folder) if folder.is_dir() else []


def _images(paths: Sequence[Path]) -> dict[str, Path]:
    """Return the files that StripReader reads, by stem."""
    images: dict[str, Path] = {}
    for path in paths:
        if path.suffix.lower() in SUFFIXES:
            other = images.setdefault(path.stem, path)
            if other != path:
                raise UserError(f"The images of {other} and {path} would have the same name. Rename one of them.")
    return images


def _data_set_of(folder: Path, in_split: bool) -> tuple[Path | None, str | None]:
    """Return the data set and the split that a folder or file lies in; (None, None) if it lies in none.

    Args:
      folder: of the masks, or one of them.
      in_split: it was found through a split's folder. Otherwise a folder of such a name may mean something else.
    """
    for place in (folder.resolve(), *folder.resolve().parents):
        if place.name in SPLITS and (in_split or (place.parent / dataset.FILE).exists()):
            return place.parent, place.name
    return None, None


def check_split(masks: Masks, any_split: bool) -> None:
    """Check that the masks are not those of the scenes that models are tested on: that would be data leakage.

    Raises:
      UserError: the masks are of the split val or test, and `any_split` is False.
    """
    if masks.split not in (None, "train") and not any_split:
        raise UserError(
            f"These masks are of the split {masks.split} of {masks.data}. To train a model on images made from them is "
            "data leakage. Use --split train, or add --any-split if no model will be trained on the images."
        )


def check(
    masks: Masks,
    model: "Model",
    tiling: Tiling,
    codes: Mapping[int, int] | None = None,
    options: Options | None = None,
) -> dict[str, tuple[int, int]]:
    """Check that the model takes every file, before the first image is generated. Files are read in strips.

    Args:
      masks: the files.
      model: the generator.
      tiling: how large masks are divided.
      codes: meaning of the numbers of zones, see `classes.parse_classes`; None: CaFFe's.
      options: how SAR scenes are read.

    Returns:
      (height, width) in pixels by stem.

    Raises:
      UserError: the message names all bad files and how to mend them.
    """
    sizes: dict[str, tuple[int, int]] = {}
    problems: list[tuple[str, str]] = []
    for stem, paths in cli.progress(masks.paths.items(), len(masks.paths), "masks checked"):
        shapes = set()
        for role, path in zip(model.inputs, paths, strict=True):
            try:
                shapes.add(_size(path, role, model.bits[role], codes, options))
            except images.BadImage as error:
                problems.append((f"{error}{_if_drawn(role, path)}", path.name))
        if len(shapes) > 1:
            problems.append(("its roles differ in size (cut or resample them to one grid)", stem))
        sizes[stem] = max(shapes, default=(0, 0))
        tiled = max(sizes[stem]) > tiling.tile
        if tiled and any(role in VALUES for role in model.targets):
            unblended = (
                f"the model returns classes, which cannot be blended: sides of at most --tile {tiling.tile} pixels"
            )
            problems.append((unblended, stem))
    if problems:
        raise validation.validation_error("These masks cannot be used", problems)
    return sizes


def _if_drawn(role: str, path: Path) -> str:
    """Return how to use a mask that is a drawing; empty for others."""
    if role == "zones" and path.suffix.lower() in images.PNG and mask_drawings.is_drawing(path):
        return "; if it is a drawing, convert it first: prepare folder --as-drawn, or prepare masks"
    return ""


def _size(
    path: Path, role: str, bits: int, codes: Mapping[int, int] | None, options: Options | None
) -> tuple[int, int]:
    """Return height and width of a good file.

    Raises:
      BadImage: it has another depth, other channels, or an invalid class value.
    """
    reader = open_input(path, role, bits, codes, options)
    problem = validation.channel_problem(role, np.empty((1, 1, reader.channels)))
    if not problem and 8 * reader.dtype.itemsize != bits:
        problem = f"{8 * reader.dtype.itemsize} bit, but the model takes {role} of {bits} bit"
    if problem:
        raise images.BadImage(problem)
    for _ in reader.blocks():  # refuses invalid classes
        pass
    return reader.height, reader.width


def grids(masks: Masks) -> dict[str, Grid]:
    """Return the grids of the masks that have a place on the ground, by stem."""
    found = {stem: raster.read_grid(paths[0]) for stem, paths in masks.paths.items()}
    return {stem: grid for stem, grid in found.items() if grid.is_georeferenced}


def facts(masks: Masks, stem: str) -> scene_names.Facts:
    """Return the facts in a mask's name and file, without those that only hold for a real image."""
    path, facts_of_scene = masks.paths[stem][0], scene_names.facts_of(scene_names.scene_of(stem))
    facts_of_scene.pop("quality", None)
    facts_of_scene.pop("orbit", None)
    facts_of_scene.update(raster.read_grid(path).facts())
    return facts_of_scene


def scene(masks: Masks, described: Mapping[str, Scene], stem: str) -> Scene:
    """Return a mask's scene: from the data set's description (`scenes`), or else from its name and file."""
    return described.get(scene_names.scene_of(stem)) or Scene("train", 0, 0, **facts(masks, stem))


def scenes(masks: Masks) -> dict[str, Scene]:
    """Return the scenes that the masks' data set describes, without what only holds for a real image."""
    if masks.data is None or not (masks.data / dataset.FILE).exists():
        return {}
    described = dataset.read(masks.data).scenes
    return {
        name: replace(scene, split="train", stretch=None, quality=None, orbit=None, cloud=None)
        for name, scene in described.items()
    }
