"""Loads a data set: lists its patches, and checks each of them.

    <root>/dataset.json
    <root>/{train,val,test}/<role>/<stem>.png

Files of the same stem, one in each role, form a sample; where `dataset.json` pairs them, several samples share an
input. `datasets/README.md` describes the format in full.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from pix2pix_tf.data import dataset, validation
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.dataset import MIXED, Dataset, Scene
from pix2pix_tf.data.io import images
from pix2pix_tf.data.scene_names import Facts, facts_of, place_of, scene_of
from pix2pix_tf.utils.errors import UserError, did_you_mean

Item = TypeVar("Item")


def load_dataset(
    root: Path,
    roles: Sequence[str],
    splits: Sequence[str] = ("train", "val"),
    remember: bool = True,
    option: str = "--data",
) -> Dataset:
    """Load a data set and check every file of the given roles and split.

    The full check reads each pixel once. The result is cached: an unchanged data set loads from its file list alone.

    Args:
      root: the data set's folder. Without a `dataset.json`, its properties are inferred from the files and printed.
      roles: that each sample must have, such as ("zones", "sar").
      splits: that must not be empty.
      remember: note in the folder that its files are checked, so that the next call is quick.
      option: the command-line option that names the folder, for error messages.

    Raises:
      UserError: the folder or a role is missing, or files are invalid; one message lists them all, with the cure.
    """
    for role in roles:
        if role not in CHANNELS:
            raise did_you_mean("role", role, CHANNELS)
    if not root.is_dir():
        raise UserError(
            f"There is no data set {root}. Make one with python -m pix2pix_tf.prepare (see --help), or check {option}."
        )
    described = (root / dataset.FILE).exists()
    loaded = dataset.read(root) if described else _undescribed(root)
    stems, problems = _list_stems(loaded, roles, splits, option)
    if problems:
        raise validation.validation_error(f"The data set {root} cannot be used", problems)
    loaded = _infer_missing(replace(loaded, stems=stems), roles, described)
    patches = [(loaded.path(split, role, stem), role) for split in stems for role in roles for stem in stems[split]]
    unique = dict.fromkeys(patches)  # an input that is shared is read once
    validation.verify(root, loaded.size, loaded.bits, unique, remember)
    return loaded


def evenly_spaced(stems: Sequence[Item], count: int) -> tuple[Item, ...]:
    """Return `count` evenly spaced items of a list, always the same ones; all of a shorter list."""
    places = np.linspace(0, len(stems) - 1, min(count, len(stems))).round().astype(int)
    return tuple(stems[place] for place in places)


def _undescribed(root: Path) -> Dataset:
    """Return a data set without a `dataset.json`; `_infer_missing` adds the size, the depths and the scenes."""
    front_folder = dataset.front_folder_of(root)
    return Dataset(root, root.resolve().name, "unknown", 0, {}, {}, front_folder=front_folder)


# ---- Listing files --------------------------------------------------------------------------------------------------


def _list_stems(
    described: Dataset, roles: Sequence[str], splits: Sequence[str], option: str
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    """Return the stems of each split, and the problems with them as pairs of problem and name."""
    stems: dict[str, tuple[str, ...]] = {}
    problems: list[tuple[str, str]] = []
    for split in splits:
        existing = {role: _stems(described.folder(split, role)) for role in roles}
        empty = [f"{split}/{described.folder(split, role).name}" for role in roles if not existing[role]]
        if empty:
            derived = (
                "; of your own scenes, prepare folder --add-fronts makes them" if empty == [f"{split}/fronts"] else ""
            )
            problems.append(
                (f"No .png files in {' and '.join(empty)}: put patches there, or choose another {option}{derived}", "")
            )
            continue
        shared = described.target_role in roles and any(pairing.input for pairing in described.pairs.values())
        every_stem = sorted(existing[described.target_role] if shared else set().union(*existing.values()))
        for role in roles:
            problems += _missing_files(described, split, role, every_stem, existing[role])
        stems[split] = tuple(every_stem)
    return stems, problems


def _missing_files(
    described: Dataset, split: str, role: str, stems: Sequence[str], existing: Collection[str]
) -> list[tuple[str, str]]:
    """Return the files of a role that samples need but that are missing, each once, as pairs of problem and name."""
    first_sample: dict[str, str] = {}  # file -> the first sample that needs it
    for stem in stems:
        first_sample.setdefault(described.file_stem(role, stem), stem)
    folder = f"{split}/{described.folder(split, role).name}"
    alone = f"no partner in {folder} (add the missing files there, or remove the others of that name)"
    shared = f"the input is missing in {folder} (add it, or remove the targets whose rows name it)"
    return [
        (alone, stem) if file == stem else (shared, f"{file} (of {stem})")
        for file, stem in first_sample.items()
        if file not in existing
    ]


def _stems(folder: Path) -> set[str]:
    """Return the stems of the patches; killed processes and other systems leave hidden files, which do not count."""
    return {path.stem for path in folder.glob("*.png") if not path.name.startswith(".")}


# ---- Inferring metadata ---------------------------------------------------------------------------------------------


def _infer_missing(loaded: Dataset, roles: Sequence[str], described: bool) -> Dataset:
    """Infer the size, depths and scenes that dataset.json lacks, and print that it did."""
    bits, size = dict(loaded.bits), loaded.size
    for role in roles:
        if role not in bits or not size:
            width, bits[role] = _first_valid(loaded, role)
            size = size or width
    scenes = dict(loaded.scenes)
    for split, stems in loaded.stems.items():
        for stem in stems:
            name = scene_of(stem)
            if name not in loaded.scenes:
                scenes[name] = extend_scene(scenes.get(name), split, stem, size, facts_of(name))
    new = sorted(scenes.keys() - loaded.scenes.keys())
    if not described:
        depths = ", ".join(f"{role} {bits[role]} bit" for role in roles)
        print(
            f"{loaded.root} has no dataset.json: taking it as {size} x {size} patches of {len(new)} scenes of unknown "
            f"origin, {depths}"
        )
    elif new:
        print(
            f"{loaded.root}/dataset.json does not describe {validation.abbreviate(new)}: taken from the names of the "
            "patches"
        )
    return replace(loaded, size=size, bits=bits, scenes=scenes)


def _first_valid(loaded: Dataset, role: str) -> tuple[int, int]:
    """Return width and bits of a role's first readable patch; (0, 8) when none is, as the check then rejects all."""
    for split, stems in loaded.stems.items():
        for stem in stems:
            try:
                pixels = images.read_png(loaded.path(split, role, stem))
            except images.BadImage:
                continue
            return pixels.shape[1], 8 * pixels.dtype.itemsize
    return 0, 8


def extend_scene(scene: Scene | None, split: str, stem: str, size: int, facts: Facts) -> Scene:
    """Return a scene that is known from its patches' names alone, extended by one more patch.

    Args:
      scene: from the patches before; None for the first.
      split: of the patch.
      stem: of the patch.
      size: pixels of its side.
      facts: further metadata of the scene.
    """
    row, column = place_of(stem)
    if scene is None:
        return Scene(split, row + size, column + size, **facts)
    return replace(
        scene,
        split=split if scene.split == split else MIXED,
        height=max(scene.height, row + size),
        width=max(scene.width, column + size),
    )
