"""A user's own scenes: which there are, their pixels, and the stretch of what has more than 8 bits.

    <folder>/<role>/<stem>.{png,tif,tiff,jpg}     the same stem in every role is one scene
    <folder>/[train|val|test/]<stem>.png          or side by side: the left half one role, the right half another
    <folder>/scenes.json                          of painted scenes: where they come from, and facts beyond their names
    <folder>/scenes.csv                           of the user's: facts beyond their names (see `scene_table`)

Scenes are found by name alone, then read one at a time.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from pix2pix_tf.data import scene_names, validation
from pix2pix_tf.data.classes import CHANNELS, VALUES
from pix2pix_tf.data.dataset import SPLITS, checked_fields
from pix2pix_tf.data.io import images, raster
from pix2pix_tf.data.scene_names import Facts
from pix2pix_tf.prepare import scene_table
from pix2pix_tf.prepare.own_scenes.role_files import read_role
from pix2pix_tf.prepare.stretch import Cut, stretch
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError, did_you_mean, truncate, truncated_repr

SUFFIXES = (*images.PNG, *images.TIFF, *images.JPEG)
TOLD = "scenes.json"  # written with painted scenes: origin and seen of Dataset; of each scene, by stem, fields of Scene
OF_THE_CUTTING = {"split", "height", "width", "padding", "overlap", "stretch"}  # of Scene, but not of a file
NAME_ENDS = {"zones": ("_zones", "_mask"), "fronts": ("_front", "_fronts")}  # CaFFe's raw masks carry the first
OFTEN = {"masks": "zones", "mask": "zones", "labels": "zones", "images": "sar", "sar_images": "sar", "scenes": "sar"}
TARGETS = ("sar", "sar_vv", "sar_vh", "optical")  # what is learnt to be painted: twins here leak between splits


class BadScene(Exception):
    """What is wrong with a scene, as pairs of problem and file name."""

    def __init__(self, problems: list[tuple[str, str]]):
        super().__init__(problems)
        self.problems = problems


@dataclass(frozen=True)
class Source:
    """A scene, as far as names tell."""

    name: str
    paths: Mapping[str, Path]  # for each role; side by side, the same file for both
    split: str | None = None  # where the folders fix it
    halves: bool = False  # the roles lie side by side in one file, in the order of `paths`
    facts: Facts = field(default_factory=Facts)  # what a file beside them tells


@dataclass(frozen=True)
class Picture:
    """A scene, read."""

    pixels: Mapping[str, np.ndarray]  # for each role, uint8 or uint16, [H, W] or [H, W, 3], the same H and W
    stretch: Mapping[str, tuple[float, ...]]  # for stretched roles: raw values of black and white, band after band
    not_finite: int  # pixels that were NaN, infinite or "no data", and became 0
    digests: Mapping[str, str]  # for each role that is a target: equal digests, equal raw pixels
    facts: Facts  # what the files and the name tell


# ---- Finding --------------------------------------------------------------------------------------------------------


def find(folder: Path, side_by_side: tuple[str, str] | None = None) -> list[Source]:
    """Finds the scenes in a user's folder, by the names of its files.

    Args:
      folder: one folder per role; or side-by-side images, directly or in train/, val/, test/.
      side_by_side: the roles of the left and the right half; None for one folder per role.

    Returns:
      The scenes, sorted by name.

    Raises:
      UserError: no images, an unknown role, a scene without a partner or twice; one message names them all.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}. Check --input.")
    problems: list[tuple[str, str]] = []
    sources = _halves(folder, side_by_side, problems) if side_by_side else _roles(folder, problems)
    if problems:
        raise validation.validation_error(f"The scenes in {folder} cannot be used", problems)
    told, table = _told(folder)["scenes"], _table(folder, {one.name for one in sources})
    return [
        replace(one, facts={**told.get(one.name, {}), **table.get(one.name, {})})
        for one in sorted(sources, key=lambda source: source.name)
    ]


def origin(folder: Path) -> tuple[str, tuple[str, ...] | None]:
    """Where scenes come from, as `origin` and `seen` of Dataset: real, unless they say that they are painted."""
    told = _told(folder)
    return told["origin"], told["seen"]


def _told(folder: Path) -> dict:
    """What TOLD says, each field checked, for those that it leaves out what holds without it."""
    told = files.read_json(folder / TOLD) if (folder / TOLD).exists() else {}
    origin, seen, scenes = told.get("origin", "real"), told.get("seen"), told.get("scenes", {})
    try:
        if not isinstance(origin, str) or not isinstance(scenes, dict):
            raise ValueError("origin should be a text, and scenes an object")
        if seen is not None and not (isinstance(seen, list) and all(isinstance(one, str) for one in seen)):
            raise ValueError(f"seen should be a list of glaciers, not {truncated_repr(seen)}")
        facts = {}
        for name, values in scenes.items():
            if not isinstance(values, dict) or OF_THE_CUTTING & values.keys():
                raise ValueError(
                    f"scene {truncate(name)} should be facts of a whole scene, not {truncated_repr(values)}"
                )
            facts[name] = checked_fields(name, values)
    except ValueError as error:
        raise UserError(f"{folder / TOLD} is not as generate writes it: {error}. Mend it or paint anew.") from None
    return {"origin": origin, "seen": None if seen is None else tuple(seen), "scenes": facts}


def _table(folder: Path, scenes: set[str]) -> dict[str, Facts]:
    """What scenes.csv tells of each scene, by its name here; lines and scenes that find no partner are said."""
    table = {}
    for name, facts in scene_table.read_facts(folder).items():
        suffix = Path(name).suffix
        table[scene_name(name.removesuffix(suffix) if suffix.lower() in SUFFIXES else name)] = facts
    lost, silent = sorted(table.keys() - scenes), sorted(scenes - table.keys())
    if lost:
        print(f"{folder / scene_table.FILE} has lines of no scene here: {validation.abbreviate(lost)}")
    if table and silent:
        print(f"{folder / scene_table.FILE} has no line of {validation.abbreviate(silent)}")
    return table


def _roles(folder: Path, problems: list[tuple[str, str]]) -> list[Source]:
    found: dict[str, dict[str, Path]] = {}
    for child in visible(folder):
        if child.is_dir() and child.name in CHANNELS:
            found[child.name] = _images(child, problems)
        elif child.is_dir() and child.name in SPLITS:
            problems.append(
                ("is no role; a data set that is divided already goes to train.py --data as it is, and images A|B "
                 "are read with --side-by-side", f"{child.name}/")
            )  # fmt: skip
        elif child.is_dir():
            likely = OFTEN.get(child.name.lower())
            hint = f"Unknown role folder {child.name!r}. Rename it, to {likely!r} as it seems" if likely else None
            problems.append((hint or str(did_you_mean("role folder", child.name, CHANNELS)), ""))
    if not found and not problems:
        loose = any(child.suffix.lower() in SUFFIXES for child in visible(folder))
        hint = "for images A|B of twice the width, add --side-by-side" if loose else f"roles are {', '.join(CHANNELS)}"
        problems.append((f"no folder per role, such as {folder}/zones and {folder}/sar ({hint})", ""))
    bare = {role: _bare(role, found, problems) for role in found}
    everything = sorted(set().union(*bare.values()))
    for role, paths in bare.items():
        lonely = f"no partner in {role}/ (add the missing files there, or remove the others of that name)"
        problems += [(lonely, name) for name in everything if paths and name not in paths]
    return [] if problems else [Source(name, {role: bare[role][name] for role in bare}) for name in everything]


def _halves(folder: Path, roles: tuple[str, str], problems: list[tuple[str, str]]) -> list[Source]:
    for role in roles:
        if role not in CHANNELS:
            raise did_you_mean("role", role, CHANNELS)
    if roles[0] == roles[1]:
        raise UserError(f"--side-by-side {roles[0]} {roles[1]}: the halves must be of two different roles.")
    splits = [child.name for child in visible(folder) if child.is_dir()]
    problems += [(str(did_you_mean("split", name, SPLITS)), "") for name in splits if name not in SPLITS]
    loose = [child for child in visible(folder) if child.suffix.lower() in SUFFIXES]
    if splits and loose:
        problems += [(f"lies beside the folders {', '.join(splits)} (move it into one)", path.name) for path in loose]
    found: dict[str | None, dict[str, Path]] = {split: _images(folder / split, problems) for split in splits}
    if not splits:
        found[None] = _images(folder, problems)
    times = Counter(name for paths in found.values() for name in paths)
    sources: dict[str, Source] = {}
    for split, paths in found.items():
        for name, path in paths.items():
            unique = name if times[name] == 1 else f"{split}_{name}"  # other projects number each split from 1
            if unique in sources:
                problems.append(("would get the name of another scene (rename one of them)", _shown(path)))
            sources[unique] = Source(unique, dict.fromkeys(roles, path), split, halves=True)
    return list(sources.values())


def _images(folder: Path, problems: list[tuple[str, str]]) -> dict[str, Path]:
    """The image files of one folder by scene name; what else lies there is said."""
    found: dict[str, Path] = {}
    others: Counter[str] = Counter()
    for path in visible(folder):
        if path.suffix.lower() not in SUFFIXES:
            others[path.suffix or "no suffix"] += 1
            continue
        name = scene_name(path.stem)
        if name in found:
            problems.append((f"the same scene as {_shown(found[name])} (keep one of them)", _shown(path)))
        found[name] = path
    if others:
        print(f"{folder}: left out what is no image: " + ", ".join(f"{n} x {kind}" for kind, n in others.items()))
    if not found:
        problems.append((f"no images ({', '.join(SUFFIXES)}); put some there or remove the folder", f"{folder.name}/"))
    return found


def visible(folder: Path) -> list[Path]:
    """What a folder holds, sorted, without hidden files."""
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _shown(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def scene_name(stem: str) -> str:
    """A scene's name: the file's stem, composed (NFC) and without doubled underscores, which mark patches."""
    return re.sub("__+", "_", unicodedata.normalize("NFC", stem))


def _bare(role: str, found: Mapping[str, Mapping[str, Path]], problems: list[tuple[str, str]]) -> dict[str, Path]:
    """A role's files by name without the role at its end, unless that is what their partners are called too."""
    others = set().union(*(found[other] for other in found if other != role))
    bare: dict[str, Path] = {}
    for stem, path in found[role].items():
        ends = [end for end in NAME_ENDS.get(role, ()) if stem.endswith(end) and stem not in others]
        name = stem.removesuffix(ends[0]) if ends else stem
        if name in bare:
            problems.append((f"the same scene as {_shown(bare[name])} (keep one of them)", _shown(path)))
        bare[name] = path
    return bare


# ---- Reading --------------------------------------------------------------------------------------------------------


def read(
    source: Source,
    cut: Cut | None = (2.0, 98.0),
    tolerance: int | None = None,
    classes: Sequence[str] | None = None,
) -> Picture:
    """Reads one scene: all its roles, checked and in 8 bits (or 16).

    Args:
      source: from `find`.
      cut: the percentiles that become black and white where there are more than 8 bits; None keeps 16-bit integers.
      tolerance: reads PNGs of zones as drawings, see `drawn.read_mask`; None takes their grey values as they are.
      classes: what other values of zones mean, see `masks.parse_classes`; None takes CaFFe's.

    Raises:
      BadScene: files are damaged, of the wrong kind or of different sizes, or masks hold values that are no class.
    """
    problems: list[tuple[str, str]] = []
    facts: Facts = {**scene_names.facts_of(source.name), **source.facts}
    pixels, stretched, digests, not_finite = {}, {}, {}, 0
    for role, path in source.paths.items():
        try:
            raw = read_role(path, role, tuple(source.paths) if source.halves else (), tolerance, classes)
            is_tiff = path.suffix.lower() in images.TIFF
            no_data = raster.no_data_value(path) if is_tiff else None
            if role in TARGETS:
                digests[role] = hashlib.sha256(f"{role} {raw.dtype} {raw.shape}".encode() + raw.tobytes()).hexdigest()
            if role in VALUES or raw.dtype == np.uint8:
                pixels[role] = raw.astype(np.uint8)
            elif cut:
                pixels[role], stretched[role], count = stretch(raw, cut, no_data)
                not_finite += count
            elif raw.dtype == np.uint16:
                pixels[role] = raw
            else:
                raise images.BadImage(f"{raw.dtype} numbers, which no PNG holds (leave out --cut none)")
            if is_tiff and not source.halves:
                facts.update(raster.georeference(path))
        except images.BadImage as error:
            problems.append((str(error), _shown(path)))
    if different := validation.different_sizes(pixels):
        problems.append(
            (f"its roles differ in size: {different} pixels (cut or resample them to one grid)", source.name)
        )
    if problems:
        raise BadScene(problems)
    return Picture(pixels, stretched, not_finite, digests, facts)


def fingerprint(sources: Sequence[Source]) -> str:
    """Says in a few letters which files there are, and when and how long they were written."""
    paths = sorted({path for source in sources for path in source.paths.values()})
    return f"{len(paths)} files {validation.fingerprint((_shown(path), path) for path in paths)}"
