"""The SAR scenes that `fronts` is given: image files, folders of them, or data sets.

Scenes are found by name alone, then read one at a time, grey as `prepare folder` makes them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

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
from pix2pix_tf.prepare import scene_table
from pix2pix_tf.prepare.own_scenes import source
from pix2pix_tf.prepare.stretch import Cut, stretch
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

SAMPLE = 2**22  # pixels of a scene from which the percentiles of the stretch are taken

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
        return f"{len(self.patches)} patches of {self.dataset.root.name}"


@dataclass(frozen=True)
class SarImage:
    """A scene as a network takes it."""

    pixels: np.ndarray  # uint8 or uint16 [H, W, C]: the input roles, stacked along the channels
    valid: np.ndarray  # bool [H, W], False where the scene has no data
    grid: Grid
    scene: Scene  # with all that is known


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
    if not facts and len(dates) == 1:
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


def read(one: SceneSource, roles: Sequence[str], bits: int, cut: Cut) -> SarImage:
    """Read a scene.

    Args:
      one: from `find`.
      roles: the network's inputs.
      bits: 8 or 16, that the network takes. Images of more than 8 bits are stretched for a network of 8 bits.
      cut: percentiles that become black and white.

    Raises:
      BadImage: the image is damaged, or not what the network takes.
    """
    if one.dataset is not None:
        return _read_patches(one, one.dataset, roles, bits)
    return _read_file(one, roles, bits, cut)


def _read_patches(one: SceneSource, found: Dataset, roles: Sequence[str], bits: int) -> SarImage:
    scene = found.scenes[one.name]
    channels = [_joined(found, one, scene, role) for role in roles]
    pixels = np.concatenate(channels, axis=-1)
    if pixels.dtype.itemsize * 8 != bits:
        raise images.BadImage(f"{pixels.dtype.itemsize * 8} bit, but the network takes {bits} bit")
    grid = Grid(scene.width, scene.height, Affine.identity(), None)
    if scene.bounds is not None:
        transform = from_bounds(*scene.bounds, scene.width, scene.height)
        grid = Grid(scene.width, scene.height, transform, None if scene.crs is None else CRS.from_user_input(scene.crs))
    return SarImage(pixels, np.ones(pixels.shape[:2], bool), grid, scene)


def _joined(found: Dataset, one: SceneSource, scene: Scene, role: str) -> np.ndarray:
    """Return one role of a scene, [H, W, C]."""
    pieces = [(*place_of(stem), images.read_png(found.path(split, role, stem))) for split, stem in one.patches]
    whole = tiling.join(pieces, scene.height, scene.width)
    return whole if whole.ndim == 3 else whole[..., np.newaxis]


def _read_file(one: SceneSource, roles: Sequence[str], bits: int, cut: Cut) -> SarImage:
    with raster.open_raster(one.path) as opened:
        channels = _channels(opened, roles)
        limits = None if opened.dtype == np.uint8 or bits == 16 else _limits(opened, channels, cut)
        if bits == 16 and opened.dtype != np.uint16:
            raise images.BadImage(f"{opened.dtype} numbers, but the network takes whole numbers of 16 bit")
        pixels = np.zeros((opened.height, opened.width, len(roles)), np.uint16 if bits == 16 else np.uint8)
        valid, row = np.zeros(pixels.shape[:2], bool), 0
        for strip in opened.strips(channels=channels):
            rows = slice(row, row + len(strip.pixels))
            valid[rows], row = strip.valid.all(axis=-1), rows.stop
            pixels[rows] = strip.pixels if limits is None else _grey(strip, limits)
        pixels[~valid] = 0
        grid = opened.grid
    if not valid.any():
        raise images.BadImage("no pixel with data")
    facts: Facts = {**one.facts, **grid.facts()}
    scene = Scene("", grid.height, grid.width, stretch=_kept(roles, limits), **facts)
    return SarImage(pixels, valid, grid, scene)


def _channels(opened: raster.Raster, roles: Sequence[str]) -> list[int]:
    """Return the channels of a file that are the roles; grey saved as three equal channels counts as grey."""
    if opened.channels == len(roles) or (opened.channels == 3 and len(roles) == 1):
        return list(range(len(roles)))
    raise images.BadImage(f"{opened.channels} bands, but the network takes {' and '.join(roles)}")


def _limits(opened: raster.Raster, channels: Sequence[int], cut: Cut) -> list[tuple[float, float]]:
    """Return the raw values of black and white of each channel."""
    step = max(1, round((opened.height * opened.width / SAMPLE) ** 0.5))
    sample, valid = [], []
    row = 0
    for strip in opened.strips(channels=channels):
        first = -row % step
        sample.append(strip.pixels[first::step, ::step])
        valid.append(strip.valid[first::step, ::step])
        row += len(strip.pixels)
    raw = np.where(np.concatenate(valid), np.concatenate(sample).astype(np.float32), np.nan)
    _, limits, _ = stretch(raw, cut)
    return list(zip(limits[::2], limits[1::2], strict=True))


def _grey(strip: raster.Strip, limits: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return grey values, uint8 [n, W, C]."""
    grey = np.zeros(strip.pixels.shape, np.uint8)
    for channel, ends in enumerate(limits):
        on = strip.valid[..., channel]
        if on.any():
            raw = np.where(on, strip.pixels[..., channel].astype(np.float32), np.nan)
            grey[..., channel] = stretch(raw, limits=ends)[0]
    return grey


def _kept(roles: Sequence[str], limits: Sequence[tuple[float, float]] | None) -> dict[str, tuple[float, ...]] | None:
    return None if limits is None else dict(zip(roles, limits, strict=True))


def check(found: Sequence[SceneSource], roles: Sequence[str], bits: int) -> None:
    """Check the headers of all files before the first scene is predicted.

    Raises:
      UserError: the message names all bad files and how to mend them.
    """
    problems = []
    for one in found:
        if one.dataset is not None:
            continue
        try:
            with raster.open_raster(one.path) as opened:
                _channels(opened, roles)
                if bits == 16 and opened.dtype != np.uint16:
                    raise images.BadImage(f"{opened.dtype} numbers, but the network takes whole numbers of 16 bit")
        except images.BadImage as error:
            problems.append((str(error), one.path.name))
    if problems:
        raise validation.validation_error("These scenes cannot be used", problems)
