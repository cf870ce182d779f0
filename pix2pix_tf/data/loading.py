"""Opens a data set: what its folder holds, and the check that it holds nothing bad.

    <root>/dataset.json
    <root>/{train,val,test}/<role>/<stem>.png

The same stem in every role is one sample; where the data set has rows, several samples may share an input.
`datasets/README.md` tells the whole contract.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from pix2pix_tf.data import dataset, validation
from pix2pix_tf.data.dataset import MIXED, Dataset, Scene
from pix2pix_tf.data.io import images
from pix2pix_tf.data.roles import CHANNELS
from pix2pix_tf.data.scene_names import Facts, facts_of, place_of, scene_of
from pix2pix_tf.utils.errors import UserError, did_you_mean

Item = TypeVar("Item")


def load_dataset(
    root: Path, roles: Sequence[str], splits: Sequence[str] = ("train", "val"), remember: bool = True
) -> Dataset:
    """Opens a data set and checks every file of the named roles and splits.

    The full check reads each pixel once; a data set that has not changed since is opened by its file list alone.

    Args:
      root: the data set's folder. Without a `dataset.json` in it, what can be inferred is inferred and said.
      roles: what each sample must have, such as ("zones", "sar").
      splits: what must not be empty.
      remember: note in the folder that its files are checked, so that the next call is quick.

    Raises:
      UserError: the folder or a role is missing, or files are bad; one message names them all, with the cure.
    """
    for role in roles:
        if role not in CHANNELS:
            raise did_you_mean("role", role, CHANNELS)
    if not root.is_dir():
        raise UserError(
            f"There is no data set {root}. Make one with python -m pix2pix_tf.prepare (see --help), or check --data."
        )
    described = (root / dataset.FILE).exists()
    found = dataset.read(root) if described else Dataset(root, root.resolve().name, "unknown", 0, {}, {})
    stems, problems = _listing(found, roles, splits)
    if problems:
        raise validation.validation_error(f"The data set {root} cannot be used", problems)
    found = _completed(replace(found, stems=stems), roles, described)
    patches = [(found.path(split, role, stem), role) for split in stems for role in roles for stem in stems[split]]
    unique = dict.fromkeys(patches)  # an input that is shared is read once
    validation.verify(root, found.size, found.bits, unique, remember)
    return found


def evenly_spaced(stems: Sequence[Item], count: int) -> tuple[Item, ...]:
    """Evenly spread members of a list, always the same ones; all when there are no more than `count`."""
    places = np.linspace(0, len(stems) - 1, min(count, len(stems))).round().astype(int)
    return tuple(stems[place] for place in places)


def _listing(
    described: Dataset, roles: Sequence[str], splits: Sequence[str]
) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    """The stems of each split, and what is wrong with them as pairs of problem and name."""
    stems: dict[str, tuple[str, ...]] = {}
    problems: list[tuple[str, str]] = []
    for split in splits:
        found = {role: _stems(described.root / split / role) for role in roles}
        empty = [f"{split}/{role}" for role in roles if not found[role]]
        if empty:
            derived = (
                "; of your own scenes, prepare folder --add-fronts makes them" if empty == [f"{split}/fronts"] else ""
            )
            problems.append(
                (f"No .png files in {' and '.join(empty)}: put patches there, or choose another --data{derived}", "")
            )
            continue
        shared = described.target_role in roles and any(row.input for row in described.pairs.values())
        everything = sorted(found[described.target_role] if shared else set().union(*found.values()))
        for role in roles:
            problems += _lonely(described, split, role, everything, found[role])
        stems[split] = tuple(everything)
    return stems, problems


def _lonely(
    described: Dataset, split: str, role: str, stems: Sequence[str], there: Collection[str]
) -> list[tuple[str, str]]:
    """Files of a role that samples want and that are missing; one that several want is named once."""
    wanted: dict[str, str] = {}  # file -> the first sample that wants it
    for stem in stems:
        wanted.setdefault(described.file_stem(role, stem), stem)
    alone = f"no partner in {split}/{role} (add the missing files there, or remove the others of that name)"
    shared = f"the input is missing in {split}/{role} (add it, or remove the targets whose rows name it)"
    return [
        (alone, stem) if file == stem else (shared, f"{file} (of {stem})")
        for file, stem in wanted.items()
        if file not in there
    ]


def _stems(folder: Path) -> set[str]:
    """Names of the patches; hidden files are what a killed process or another system left behind."""
    return {path.stem for path in folder.glob("*.png") if not path.name.startswith(".")}


def _completed(found: Dataset, roles: Sequence[str], described: bool) -> Dataset:
    """Infers what dataset.json does not say: depths, the size, scenes; and says so."""
    bits, size = dict(found.bits), found.size
    for role in roles:
        if role not in bits or not size:
            width, bits[role] = _first_good(found, role)
            size = size or width
    scenes = dict(found.scenes)
    for split, stems in found.stems.items():
        for stem in stems:
            name = scene_of(stem)
            if name not in found.scenes:
                scenes[name] = extend_scene(scenes.get(name), split, stem, size, facts_of(name))
    new = sorted(scenes.keys() - found.scenes.keys())
    if not described:
        depths = ", ".join(f"{role} {bits[role]} bit" for role in roles)
        print(
            f"{found.root} has no dataset.json: taking it as {size} x {size} patches of {len(new)} scenes of unknown "
            f"origin, {depths}"
        )
    elif new:
        print(
            f"{found.root}/dataset.json does not describe {validation.abbreviate(new)}: taken from the names of the "
            "patches"
        )
    return replace(found, size=size, bits=bits, scenes=scenes)


def _first_good(found: Dataset, role: str) -> tuple[int, int]:
    """Width and bits of a role's first whole patch; when there is none, any answer will do, as all are refused."""
    for split, stems in found.stems.items():
        for stem in stems:
            try:
                pixels = images.read_png(found.path(split, role, stem))
            except images.BadImage:
                continue
            return pixels.shape[1], 8 * pixels.dtype.itemsize
    return 0, 8


def extend_scene(scene: Scene | None, split: str, stem: str, size: int, facts: Facts) -> Scene:
    """A scene as far as its patches' names tell, one patch more.

    Args:
      scene: as the patches before tell; None before the first.
      split: of the patch.
      stem: of the patch.
      size: pixels of its side.
      facts: what else is known.
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
