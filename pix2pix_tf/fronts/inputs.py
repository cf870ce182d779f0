"""The SAR scenes that `fronts` is given: image files, folders of them, or data sets.

Scenes are found by name alone, then read one at a time, grey as `prepare folder` makes them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
from affine import Affine
from rasterio.crs import CRS
from rasterio.transform import from_bounds

from pix2pix_tf.data import scene_names, tiling, validation
from pix2pix_tf.data.dataset import SPLITS, Dataset, Scene
from pix2pix_tf.data.io import images, raster
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.data.io.strips import SUFFIXES
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.data.scene_names import Facts, place_of, scene_of
from pix2pix_tf.prepare import radiometry, scene_table
from pix2pix_tf.prepare.own_scenes import brightness, multilook, source
from pix2pix_tf.prepare.own_scenes.brightness import Options
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?!\d)")


@dataclass(frozen=True)
class SceneSource:
    """A scene, found by its name."""

    name: str
    path: Path  # an image file; of a data set, its folder
    facts: Facts
    dataset: Dataset | None = None  # that it belongs to, loaded with the network's inputs
    patches: tuple[tuple[str, str], ...] = ()  # of a data set: split and stem of each patch

    @property
    def signature(self) -> object:
        """Changes when the scene's files do, in JSON's types."""
        if self.dataset is None:
            return validation.file_signature(self.path)
        files_ = [(f"{role}/{stem}", self.dataset.path(split, role, stem))
                  for split, stem in self.patches for role in self.dataset.bits]  # fmt: skip
        return f"{len(self.patches)} patches of {self.dataset.root.name} {validation.fingerprint(files_)}"


@dataclass(frozen=True)
class SarImage:
    """A scene as a network takes it."""

    pixels: np.ndarray  # uint8 or uint16 [H, W, C]: the input roles, stacked along the channels
    valid: np.ndarray  # bool [H, W], False where the scene has no data
    grid: Grid
    scene: Scene  # with all that is known
    looks: int = 1  # side of the squares of the file's pixels that became one


# ---- Finding --------------------------------------------------------------------------------------------------------


def find(paths: Sequence[Path], roles: Sequence[str]) -> list[SceneSource]:
    """Find the scenes.

    Args:
      paths: image files, folders of image files or with a folder for the role, and data sets.
      roles: the network's inputs.

    Returns:
      The scenes, sorted by name.

    Raises:
      UserError: a path does not exist or holds no scene, or two scenes have the same name.
    """
    found: dict[str, SceneSource] = {}
    for path in paths:
        if not path.exists():
            raise UserError(f"{path} does not exist. Give SAR images, folders of them, or data sets.")
        is_dataset = path.is_dir() and any((path / split).is_dir() for split in SPLITS)
        for one in _in_dataset(path, roles) if is_dataset else _in_folder(path, roles):
            other = found.setdefault(one.name, one)
            if other is not one:
                raise UserError(f"{other.path} and {one.path} give two scenes the name {one.name}. Rename one of them.")
    return sorted(found.values(), key=lambda one: one.name)


def _in_folder(path: Path, roles: Sequence[str]) -> Iterable[SceneSource]:
    """Return the scenes of a file, of the files of a folder, or of those in its folder for the role."""
    folder = path / roles[0] if path.is_dir() and (path / roles[0]).is_dir() else path
    images_ = [path] if path.is_file() else files.visible_files(folder)
    images_ = [one for one in images_ if one.suffix.lower() in SUFFIXES]
    if not images_:
        raise UserError(f"{folder} is or holds no {', '.join(SUFFIXES)} file.")
    top = path.parent if path.is_file() else path
    table = {source.scene_name(Path(name).stem if Path(name).suffix.lower() in SUFFIXES else name): facts
             for name, facts in scene_table.read_facts(top).items()}  # fmt: skip
    for one in images_:
        name = source.scene_name(one.stem)
        yield SceneSource(name, one, {**facts_of(name), **table.get(name, {})})


def facts_of(name: str) -> Facts:
    """Return the metadata in a scene's name: by CaFFe's rule, else the one date in it, such as S1A_20200131T0902."""
    facts = scene_names.facts_of(name)
    dates = {"-".join(match.groups()) for match in _DATE.finditer(name)}
    if not facts and len(dates) == 1 and scene_names.is_date(*dates):
        facts["date"] = dates.pop()
    return facts


def _in_dataset(path: Path, roles: Sequence[str]) -> Iterable[SceneSource]:
    splits = [split for split in SPLITS if (path / split).is_dir()]
    loaded = load_dataset(path, tuple(roles), splits)
    patches: dict[str, list[tuple[str, str]]] = {}
    for split in splits:
        for stem in loaded.stems[split]:
            patches.setdefault(scene_of(stem), []).append((split, stem))
    for name, stems in patches.items():
        yield SceneSource(name, path, {}, loaded, tuple(stems))


# ---- Reading --------------------------------------------------------------------------------------------------------


def read(one: SceneSource, roles: Sequence[str], bits: int, options: Options, looks: int = 1) -> SarImage:
    """Read a scene.

    Args:
      one: from `find`.
      roles: the network's inputs.
      bits: 8 or 16, that the network takes.
      options: how the files are read.
      looks: side of the squares of pixels that are averaged.

    Raises:
      BadImage: the image is damaged, too small, or not what the network takes.
    """
    if one.dataset is not None:
        return _read_patches(one, one.dataset, roles, bits, looks)
    return _read_file(one, roles, bits, options, looks)


def _coarser(scene: Scene, looks: int) -> Scene:
    """Return what is known of a scene after averaging."""
    if looks == 1:
        return scene
    known = {key: getattr(scene, key) for key in (*Facts.__annotations__, "bounding_box")}
    facts = multilook.coarser_facts(cast(Facts, known), scene.height, scene.width, looks)
    height, width = multilook.coarser_size(scene.height, scene.width, looks)
    return replace(scene, height=height, width=width, padding=(0, 0), overlap=0, **facts)


def _read_patches(one: SceneSource, found: Dataset, roles: Sequence[str], bits: int, looks: int) -> SarImage:
    scene = found.scenes[one.name]
    channels = [_joined(found, one, scene, role) for role in roles]
    pixels = np.concatenate(channels, axis=-1)
    if pixels.dtype.itemsize * 8 != bits:
        raise images.BadImage(f"{pixels.dtype.itemsize * 8} bit, but the network takes {bits} bit")
    grid = Grid(scene.width, scene.height, Affine.identity(), None)
    if scene.bounds is not None:
        transform = from_bounds(*scene.bounds, scene.width, scene.height)
        grid = Grid(scene.width, scene.height, transform, None if scene.crs is None else CRS.from_user_input(scene.crs))
    # Zeros in patches may be dark water or no data; all are taken as measured.
    means, valid = multilook.average(pixels, np.ones(pixels.shape[:2], bool), looks)
    return SarImage(means, valid, grid.coarser(looks), _coarser(scene, looks), looks)


def _joined(found: Dataset, one: SceneSource, scene: Scene, role: str) -> np.ndarray:
    """Return one role of a scene, [H, W, C]."""
    pieces = [(*place_of(stem), images.read_png(found.path(split, role, stem))) for split, stem in one.patches]
    whole = tiling.join(pieces, scene.height, scene.width)
    return whole if whole.ndim == 3 else whole[..., np.newaxis]


def _read_file(one: SceneSource, roles: Sequence[str], bits: int, options: Options, looks: int) -> SarImage:
    examined = [brightness.examine(one.path, role, bands) for role, bands in _bands(one.path, roles, options)]
    first = examined[0][0]
    for image, _ in examined:
        if image.bits != bits:
            cure = "leave out --cut none" if bits == 8 else "add --cut none, for whole numbers of 16 bit"
            raise images.BadImage(f"{image.bits} bit, but the network takes {bits} bit ({cure})")
    converted = [brightness.convert(image) for image, _ in examined]
    averaged = [multilook.average(grey, ~missing, looks) for grey, missing in converted]
    pixels = np.stack([means for means, _ in averaged], axis=-1)
    valid = np.logical_and.reduce([there for _, there in averaged])
    if not valid.any():
        raise images.BadImage("no pixel with data")
    for note in dict.fromkeys(_notes([image for image, _ in examined])):
        print(f"{one.path.name}: {note}")
    facts: Facts = {**one.facts, **first.grid.facts()}
    stretch = {image.role: image.stretch for image, _ in examined if image.stretch is not None}
    scene = Scene("", first.height, first.width, stretch=stretch or None, **facts)
    return SarImage(pixels, valid, first.grid.coarser(looks), _coarser(scene, looks), looks)


def _notes(examined: Sequence[brightness.Image]) -> Iterator[str]:
    """Yield what a user should know about the images of a scene."""
    for image in examined:
        yield from image.notes
        if image.radiometry:
            told = image.radiometry
            yield f"{image.role}: taken as {radiometry.NAMES[told.kind]} ({told.reason}); grey is amplitude"
    yield from brightness.place_notes(examined[0])


def _bands(path: Path, roles: Sequence[str], options: Options) -> list[tuple[str, Options]]:
    """Return the roles of a file with the options that choose their bands; VV and VH may be in one file."""
    if len(roles) == 1:
        return [(roles[0], options)]
    named = options.bands or {}
    found = brightness.polarisations(path) or {}
    if not {*found, *named} >= set(roles):
        raise images.BadImage(f"no bands for {' and '.join(roles)} (name them: --band {roles[0]}=1 {roles[1]}=2)")
    return [(role, replace(options, bands={role: named.get(role) or (found[role],)})) for role in roles]


def check(found: Sequence[SceneSource]) -> None:
    """Check the headers of all files before the first scene is predicted.

    Raises:
      UserError: the message names all bad files and how to mend them.
    """
    problems = []
    for one in found:
        if one.dataset is not None:
            continue
        try:
            with raster.open_raster(one.path, whole=True):
                pass
        except images.BadImage as error:
            problems.append((str(error), one.path.name))
    if problems:
        raise validation.validation_error("These scenes cannot be used", problems)
