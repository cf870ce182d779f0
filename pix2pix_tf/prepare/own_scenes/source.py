"""Find and read a user's own scenes; images of more than 8 bits are stretched.

    <folder>/<role>/<stem>.{png,tif,tiff,jpg}     the same stem in every role is one scene
    <folder>/[train|val|test/]<stem>.png          or side by side: the left half one role, the right half another
    <folder>/scenes.json                          of generated images: their origin and metadata
    <folder>/scenes.csv                           by the user: metadata that names do not hold (see `scene_table`)

Scenes are found by name alone, then read one at a time: images by `brightness`, masks by `masks`.
"""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from pix2pix_tf.data import classes as zone_classes
from pix2pix_tf.data import dataset, scene_names, validation
from pix2pix_tf.data.classes import CHANNELS, VALUES
from pix2pix_tf.data.dataset import SPLITS, checked_fields
from pix2pix_tf.data.io import images, raster, vector_masks
from pix2pix_tf.data.io.grid import difference
from pix2pix_tf.data.scene_names import Facts
from pix2pix_tf.prepare import radiometry, scene_table
from pix2pix_tf.prepare.own_scenes import brightness, multilook
from pix2pix_tf.prepare.own_scenes.masks import read_mask
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError, did_you_mean, truncate, truncated_repr
from pix2pix_tf.utils.files import visible_files

SUFFIXES = (*images.PNG, *images.TIFF, *images.JPEG)
NOT_OF_A_FILE = {"split", "height", "width", "padding", "overlap", "stretch"}  # of Scene, but not of a file
NAME_ENDS = {"zones": ("_zones", "_mask"), "fronts": ("_front", "_fronts")}  # CaFFe's raw masks carry the first
LONGEST_NAME = 200  # bytes; file systems take 255, and patches and temporary files have longer names
COMMON_NAMES = {
    "masks": "zones",
    "mask": "zones",
    "labels": "zones",
    "images": "sar",
    "sar_images": "sar",
    "scenes": "sar",
}


class BadScene(Exception):
    """A scene cannot be used; `problems` holds (problem, file name) pairs."""

    def __init__(self, problems: list[tuple[str, str]]):
        super().__init__(problems)
        self.problems = problems


@dataclass(frozen=True)
class Source:
    """The files of one scene, found by their names."""

    name: str
    paths: Mapping[str, Path]  # for each role; side by side, the same file for both
    split: str | None = None  # where the folders determine it
    halves: bool = False  # the roles lie side by side in one file, in the order of `paths`
    facts: Facts = field(default_factory=Facts)  # metadata from scenes.json and scenes.csv


@dataclass(frozen=True)
class Reading:
    """How the files of scenes are read."""

    options: brightness.Options = field(default_factory=brightness.Options)
    tolerance: int | None = None  # 0..127: reads PNGs of zones as drawings, see `mask_drawings.read_mask`
    classes: tuple[str, ...] | None = None  # meaning of other zone values, see `classes.parse_classes`; None: CaFFe's
    align: bool = False  # masks on another grid are resampled
    zone_field: str = vector_masks.FIELD  # of vector files: the field with the class of a polygon
    multilook: int = 1  # side of the squares of pixels that are averaged


@dataclass(frozen=True)
class Picture:
    """The contents of one scene, but for the pixels of its images."""

    images: Mapping[str, brightness.Image]  # by role
    masks: Mapping[str, np.ndarray]  # by role, uint8 [H, W]
    facts: Facts  # metadata from the files and the name
    notes: tuple[str, ...]  # for the summary
    hidden: int  # pixels of the zones that became "not available", because the SAR image has none there
    size: tuple[int, int]  # height and width in pixels

    @property
    def bits(self) -> dict[str, int]:
        """For each role, 8 or 16."""
        found = {**{role: image.bits for role, image in self.images.items()}, **dict.fromkeys(self.masks, 8)}
        return dict(sorted(found.items()))

    @property
    def stretch(self) -> dict[str, tuple[float, ...]]:
        """For stretched roles: the numbers of black and white, band after band."""
        return {role: image.stretch for role, image in self.images.items() if image.stretch is not None}

    @property
    def radiometry(self) -> dict[str, str]:
        """For stretched SAR roles: what the files hold, one of radiometry.KINDS."""
        return {role: image.radiometry.kind for role, image in self.images.items() if image.radiometry}

    @property
    def digests(self) -> dict[str, str]:
        """For each target role: equal digests mean equal pixels."""
        return {role: image.digest for role, image in self.images.items() if role in brightness.TARGETS}

    @property
    def missing(self) -> int:
        """Pixels that are not available in the images."""
        return sum(image.missing for image in self.images.values())


# ---- Finding --------------------------------------------------------------------------------------------------------


def find(
    folder: Path, side_by_side: tuple[str, str] | None = None, shared: Mapping[str, Path] | None = None
) -> list[Source]:
    """Find the scenes in a user's folder, by the names of its files.

    Args:
      folder: one folder per role; or side-by-side images, directly or in train/, val/, test/.
      side_by_side: the roles of the left and the right half; None for one folder per role.
      shared: role -> a vector file with the masks of all scenes.

    Returns:
      The scenes, sorted by name.

    Raises:
      UserError: no images, an unknown role, a scene without a partner or twice; one message names them all.
    """
    if not folder.is_dir():
        raise UserError(f"There is no folder {folder}. Check --input.")
    problems: list[tuple[str, str]] = []
    sources = _halves(folder, side_by_side, problems) if side_by_side else _roles(folder, problems)
    problems += [
        (
            f"its name has more than {LONGEST_NAME} bytes, too many for its patches (rename it in every role)",
            name,
        )
        for name in [one.name for one in sources]
        if len(os.fsencode(name)) > LONGEST_NAME
    ]
    if problems:
        raise validation.validation_error(f"The scenes in {folder} cannot be used", problems)
    shared = shared or {}
    for role in shared:
        if sources and role in sources[0].paths:
            raise UserError(f"--{role} {shared[role]}: {folder} has {role} already. Leave one of them out.")
    described, table = _read_scenes_file(folder)["scenes"], _table(folder, {one.name for one in sources})
    return [
        replace(one, paths={**one.paths, **shared}, facts={**described.get(one.name, {}), **table.get(one.name, {})})
        for one in sorted(sources, key=lambda source: source.name)
    ]


def origin(folder: Path) -> tuple[str, tuple[str, ...] | None]:
    """Return `origin` and `generator_train_glaciers` for a Dataset; "real" and None without a scenes.json."""
    described = _read_scenes_file(folder)
    return described["origin"], described["seen"]


def _read_scenes_file(folder: Path) -> dict:
    """Read and check scenes.json; missing fields get their defaults."""
    values = files.read_json(folder / dataset.SCENES_FILE) if (folder / dataset.SCENES_FILE).exists() else {}
    origin, seen, scenes = values.get("origin", "real"), values.get("seen"), values.get("scenes", {})
    try:
        if not isinstance(origin, str) or not isinstance(scenes, dict):
            raise ValueError("origin should be a text, and scenes an object")
        if seen is not None and not (isinstance(seen, list) and all(isinstance(one, str) for one in seen)):
            raise ValueError(f"seen should be a list of glaciers, not {truncated_repr(seen)}")
        facts = {}
        for name, fields in scenes.items():
            if not isinstance(fields, dict) or NOT_OF_A_FILE & fields.keys():
                raise ValueError(
                    f"scene {truncate(name)} should hold metadata of a whole scene, not {truncated_repr(fields)}"
                )
            facts[name] = checked_fields(name, fields)
    except ValueError as error:
        raise UserError(
            f"{folder / dataset.SCENES_FILE} is not as generate writes it: {error}. Mend it or generate the images "
            "again."
        ) from None
    return {"origin": origin, "seen": None if seen is None else tuple(seen), "scenes": facts}


def _table(folder: Path, scenes: set[str]) -> dict[str, Facts]:
    """Return the metadata in scenes.csv by scene name, and print lines and scenes without a partner."""
    table = {}
    for name, facts in scene_table.read_facts(folder).items():
        suffix = Path(name).suffix
        table[scene_name(name.removesuffix(suffix) if suffix.lower() in SUFFIXES else name)] = facts
    lost, undescribed = sorted(table.keys() - scenes), sorted(scenes - table.keys())
    if lost:
        print(f"{folder / scene_table.FILE} has lines without a scene: {validation.abbreviate(lost)}")
    if table and undescribed:
        print(f"{folder / scene_table.FILE} has no line for {validation.abbreviate(undescribed)}")
    return table


def _roles(folder: Path, problems: list[tuple[str, str]]) -> list[Source]:
    found: dict[str, dict[str, Path]] = {}
    for child in visible_files(folder):
        if child.is_dir() and child.name in CHANNELS:
            found[child.name] = _images(child, problems)
        elif child.is_dir() and child.name in SPLITS:
            problems.append(
                ("is no role; pass a data set that is split already to train.py --data as it is, and images A|B with "
                 "--side-by-side", f"{child.name}/")
            )  # fmt: skip
        elif child.is_dir():
            likely = COMMON_NAMES.get(child.name.lower())
            hint = f"Unknown role folder {child.name!r}. Rename it, to {likely!r} as it seems" if likely else None
            problems.append((hint or str(did_you_mean("role folder", child.name, CHANNELS)), ""))
    if not found and not problems:
        loose = any(child.suffix.lower() in SUFFIXES for child in visible_files(folder))
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
    splits = [child.name for child in visible_files(folder) if child.is_dir()]
    problems += [(str(did_you_mean("split", name, SPLITS)), "") for name in splits if name not in SPLITS]
    loose = [child for child in visible_files(folder) if child.suffix.lower() in SUFFIXES]
    if splits and loose:
        problems += [(f"is beside the folders {', '.join(splits)} (move it into one)", path.name) for path in loose]
    found: dict[str | None, dict[str, Path]] = {split: _images(folder / split, problems) for split in splits}
    if not splits:
        found[None] = _images(folder, problems)
    times = Counter(name for paths in found.values() for name in paths)
    sources: dict[str, Source] = {}
    for split, paths in found.items():
        for name, path in paths.items():
            unique = name if times[name] == 1 else f"{split}_{name}"  # other projects number each split from 1
            if unique in sources:
                problems.append(("gets the name of another scene (rename one of them)", _display_path(path)))
            sources[unique] = Source(unique, dict.fromkeys(roles, path), split, halves=True)
    return list(sources.values())


def _images(folder: Path, problems: list[tuple[str, str]]) -> dict[str, Path]:
    """Return the image files of one folder by scene name, and print which other files are left out."""
    found: dict[str, Path] = {}
    others: Counter[str] = Counter()
    suffixes = (*SUFFIXES, *vector_masks.SUFFIXES) if folder.name in VALUES else SUFFIXES
    for path in visible_files(folder):
        if path.suffix.lower() not in suffixes:
            if not path.with_suffix(".shp").exists():  # else a part of this Shapefile
                others[path.suffix or "no suffix"] += 1
            continue
        name = scene_name(path.stem)
        if name in found:
            problems.append((f"the same scene as {_display_path(found[name])} (keep one of them)", _display_path(path)))
        found[name] = path
    if others:
        print(
            f"{folder}: left out files that are no images: " + ", ".join(f"{n} x {kind}" for kind, n in others.items())
        )
    if not found:
        problems.append((f"no images ({', '.join(SUFFIXES)}); put some there or remove the folder", f"{folder.name}/"))
    return found


def _display_path(path: Path) -> str:
    return f"{path.parent.name}/{path.name}".encode(errors="backslashreplace").decode()


def scene_name(stem: str) -> str:
    """Return a scene's name: the file's stem, composed (NFC).

    Bytes that are no UTF-8, as old archives leave them in names, are taken as Windows-1252.
    """
    try:
        stem.encode()
    except UnicodeEncodeError:
        stem = os.fsencode(stem).decode("cp1252", errors="replace")
    return unicodedata.normalize("NFC", stem)


def _bare(role: str, found: Mapping[str, Mapping[str, Path]], problems: list[tuple[str, str]]) -> dict[str, Path]:
    """Return a role's files by name without the role at its end, unless their partners have that name too."""
    others = set().union(*(found[other] for other in found if other != role))
    bare: dict[str, Path] = {}
    for stem, path in found[role].items():
        ends = [end for end in NAME_ENDS.get(role, ()) if stem.endswith(end) and stem not in others]
        name = stem.removesuffix(ends[0]) if ends else stem
        if name in bare:
            problems.append((f"the same scene as {_display_path(bare[name])} (keep one of them)", _display_path(path)))
        bare[name] = path
    return bare


# ---- Reading --------------------------------------------------------------------------------------------------------


def read(source: Source, reading: Reading | None = None) -> Picture:
    """Read and check all roles of one scene.

    Args:
      source: from `find`.
      reading: options of the command; None: the defaults.

    Raises:
      BadScene: files are damaged, of the wrong kind, of different sizes or places or in doubt, or masks hold invalid
        class values.
    """
    reading, problems = Reading() if reading is None else reading, list[tuple[str, str]]()
    pictures: dict[str, brightness.Image] = {}
    missing: dict[str, np.ndarray] = {}
    for role, path, half, options in _brightness(source, reading.options, problems):
        try:
            pictures[role], missing[role] = brightness.examine(path, role, options, half)
        except images.BadImage as error:
            problems.append((str(error), _display_path(path)))
        except MemoryError:
            problems.append(("too large for the memory (cut it into smaller scenes)", _display_path(path)))
    grids = {role: image.grid for role, image in pictures.items() if not source.halves}
    masks, others = _masks(source, reading, pictures, problems)
    grids.update(others)
    problems += _different_grids(source, grids, pictures, masks)
    if problems:
        raise BadScene(problems)
    hidden, looks = _hide(masks, missing), reading.multilook
    facts, notes = _facts(source, grids, pictures)
    sizes = [mask.shape for mask in masks.values()] + [(image.height, image.width) for image in pictures.values()]
    (height, width), *_ = sizes
    try:
        size = multilook.coarser_size(height, width, looks)
    except images.BadImage as error:
        raise BadScene([(str(error), source.name)]) from None
    masks = {role: multilook.majority(mask, role, looks) for role, mask in masks.items()}
    _hide(masks, {role: ~multilook.available(~one, looks) for role, one in missing.items()})
    return Picture(pictures, masks, multilook.coarser_facts(facts, height, width, looks), notes, hidden, size)


def load(source: Source, reading: Reading, pictures: Mapping[str, brightness.Image]) -> dict[str, np.ndarray]:
    """Read the pixels of a scene that `read` has examined.

    Args:
      source: of the scene.
      reading: as given to `read`.
      pictures: `Picture.images`.

    Returns:
      For each role, uint8 or uint16, [H, W] or [H, W, 3], of one size; 0 where nothing is available.

    Raises:
      BadScene: files have changed since.
    """
    problems: list[tuple[str, str]] = []
    read_again = {role: brightness.convert(image) for role, image in pictures.items()}
    masks, _ = _masks(source, reading, pictures, problems)
    if problems:
        raise BadScene(problems)
    _hide(masks, {role: missing for role, (_, missing) in read_again.items()})
    looks = reading.multilook
    averaged = {role: multilook.average(pixels, ~missing, looks) for role, (pixels, missing) in read_again.items()}
    masks = {role: multilook.majority(mask, role, looks) for role, mask in masks.items()}
    _hide(masks, {role: ~there for role, (_, there) in averaged.items()})
    return {**{role: means for role, (means, _) in averaged.items()}, **masks}


def _masks(
    source: Source, reading: Reading, pictures: Mapping[str, brightness.Image], problems: list[tuple[str, str]]
) -> tuple[dict[str, np.ndarray], dict[str, raster.Grid]]:
    """Return the masks of a scene, and the grids of those that were not resampled."""
    chief = next((image.grid for image in pictures.values() if image.grid.is_georeferenced), None)
    halves = tuple(source.paths) if source.halves else ()
    masks: dict[str, np.ndarray] = {}
    grids: dict[str, raster.Grid] = {}
    for role in [role for role in source.paths if role in VALUES]:
        path = source.paths[role]
        try:
            if path.suffix.lower() in vector_masks.SUFFIXES:
                codes = reading.classes and zone_classes.parse_classes(reading.classes)
                masks[role] = vector_masks.read(path, role, reading.zone_field, codes or None, chief, source.name)
                continue
            grid = None if halves or path.suffix.lower() in images.JPEG else raster.read_grid(path)
            target = chief if reading.align and grid and grid.has_coordinates else None
            masks[role] = read_mask(path, role, halves, reading.tolerance, reading.classes, target)
            if grid and not target:
                grids[role] = grid
        except images.BadImage as error:
            problems.append((str(error), _display_path(path)))
    return masks, grids


def _brightness(
    source: Source, options: brightness.Options, problems: list[tuple[str, str]]
) -> Iterator[tuple[str, Path, int | None, brightness.Options]]:
    """Yield role, file, half and options of each image; a SAR file of two bands gives `sar_vv` and `sar_vh`."""
    for role, path in source.paths.items():
        if role in VALUES:
            continue
        half = list(source.paths).index(role) if source.halves else None
        try:
            bands = brightness.polarisations(path) if role == "sar" and half is None else None
        except images.BadImage as error:
            problems.append((str(error), _display_path(path)))
            continue
        if bands is None or "sar" in (options.bands or {}):
            yield role, path, half, options
            continue
        for one, band in bands.items():
            yield one, path, None, replace(options, bands={**(options.bands or {}), one: (band,)})


def _different_grids(
    source: Source,
    grids: Mapping[str, raster.Grid],
    pictures: Mapping[str, brightness.Image],
    masks: Mapping[str, np.ndarray],
) -> list[tuple[str, str]]:
    """Compare the sizes and the places of a scene's roles."""
    problems = []
    placed = [role for role, grid in grids.items() if grid.has_coordinates]
    chief = next((role for role in placed if grids[role].is_georeferenced), placed[0] if placed else None)
    for role, grid in grids.items():
        if chief and (apart := difference(grids[chief], grid)):
            cure = "add --align, which resamples masks to it" if role in VALUES else "resample it"
            if not (grids[chief].is_georeferenced and grid.is_georeferenced):
                cure = "give it its CRS, or save it without coordinates if its pixels are those of the image"
            problems.append((f"{role} is not on the grid of {chief}: {apart}; {cure}", source.name))
    for image in pictures.values() if chief and chief not in pictures else ():
        if not image.grid.is_georeferenced and brightness.place_notes(image):
            cure = "project it with gdalwarp, or save the mask without its place if it is drawn on these pixels"
            text = f"the place of {image.role} is known by control points or RPCs, and {chief} is on a map: {cure}"
            problems.append((text, source.name))
    sizes = {role: np.empty((image.height, image.width, 0)) for role, image in pictures.items()}
    if not problems and (different := validation.different_sizes({**sizes, **masks})):
        problems.append(
            (f"its roles differ in size: {different} pixels (cut or resample them to one grid)", source.name)
        )
    return problems


def _hide(masks: dict[str, np.ndarray], missing: Mapping[str, np.ndarray]) -> int:
    """Make zones "not available" where all SAR images are; return the number of changed pixels."""
    nowhere = [missing[role] for role in brightness.SAR if role in missing]
    if "zones" not in masks or not nowhere:
        return 0
    hidden = np.logical_and.reduce(nowhere) & (masks["zones"] != zone_classes.NOT_AVAILABLE)
    masks["zones"][hidden] = zone_classes.NOT_AVAILABLE
    return int(np.count_nonzero(hidden))


def _facts(
    source: Source, grids: Mapping[str, raster.Grid], pictures: Mapping[str, brightness.Image]
) -> tuple[Facts, tuple[str, ...]]:
    """Return a scene's metadata, and notes about its images and its place."""
    facts: Facts = {**scene_names.facts_of(scene_names.scene_of(source.name)), **source.facts}
    notes = [note for image in pictures.values() for note in image.notes]
    for image in pictures.values():
        if image.radiometry:
            told = image.radiometry
            notes.append(f"{image.role}: taken as {radiometry.NAMES[told.kind]} ({told.reason}); grey is amplitude")
    for grid in grids.values():
        if grid.is_georeferenced:
            facts.update(grid.facts())
            break
    if pictures and not source.halves:
        notes += brightness.place_notes(next(iter(pictures.values())))
    return facts, tuple(dict.fromkeys(notes))


def fingerprint(sources: Sequence[Source]) -> str:
    """Return a short digest of the files' names, sizes and times."""
    paths = sorted({path for source in sources for path in source.paths.values()})
    return f"{len(paths)} files {validation.fingerprint((_display_path(path), path) for path in paths)}"
