"""Read MultiEarth pictures, one at a time: bands stacked and stretched to 8 or 16 bits, and cloud masks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pix2pix_tf.data import tiling, validation
from pix2pix_tf.data.dataset import Scene
from pix2pix_tf.data.io import images, raster
from pix2pix_tf.data.io.grid import difference
from pix2pix_tf.data.scene_names import Facts
from pix2pix_tf.prepare import gaps
from pix2pix_tf.prepare.multiearth.files import CLOUD_MASK, ROLES, Pair, Picture
from pix2pix_tf.prepare.own_scenes.source import BadScene
from pix2pix_tf.prepare.stretch import Cut, Limits, stretch
from pix2pix_tf.utils import cli

CLOUD_BITS = 1 << 10 | 1 << 11  # of QA60: opaque clouds, and cirrus (Sentinel-2 Level-1C in Google Earth Engine)
FILL = 0.0  # value of pixels without data


@dataclass(frozen=True)
class Stretching:
    """The conversion of raw values to grey values."""

    cut: Cut | None = (2.0, 98.0)  # percentiles of each picture and band; None keeps integers as they are
    limits: Mapping[str, Limits] = field(default_factory=dict)  # role: raw values of black and white, in place of that
    depth: int = 8  # bits of what is stretched


@dataclass(frozen=True)
class Contents:
    """The contents of one picture."""

    pixels: Mapping[str, np.ndarray]  # for each role, uint8 or uint16, [H, W] or [H, W, 3]
    stretch: Mapping[str, tuple[float, ...]]  # for stretched roles: raw values of black and white, band after band
    not_measured: int  # pixels that were NaN, infinite, zero-filled or no data, and became 0
    cloud: np.ndarray | None  # bool [H, W]: the sensor's own cloud mask; None without one
    grid: raster.Grid  # of the first band


def read(picture: Picture, stretching: Stretching) -> Contents:
    """Read the bands of a picture.

    Args:
      picture: from `files.find`.
      stretching: how raw values become grey values.

    Raises:
      BadScene: files are damaged, of different sizes, or have no usable values.
    """
    bands, available, grids, problems = _bands(picture)
    problems += _different_grids(picture, grids)
    if different := validation.different_sizes(bands):
        problems.append((f"its bands differ in size: {different} pixels (resample them to one grid)", picture.name))
    if problems:
        raise BadScene(problems)
    pixels, limits, not_measured = {}, {}, 0
    for role, names in ROLES[picture.sensor].items():
        try:
            raw = np.stack([bands[name] for name in names], axis=-1) if len(names) > 1 else bands[names[0]]
            valid = np.stack([available[name] for name in names], axis=-1).reshape(raw.shape)
            if not stretching.cut and role not in stretching.limits:
                pixels[role] = _as_they_are(raw, role, valid)
            else:
                pixels[role], limits[role] = _stretched(raw, role, names, valid, stretching)
            not_measured += int((~valid.reshape(*raw.shape[:2], -1).all(axis=-1)).sum())
        except images.BadImage as error:
            problems.append((str(error), ", ".join(picture.paths[name].name for name in names)))
    if problems:
        raise BadScene(problems)
    mask, grid = bands.get(CLOUD_MASK), next(iter(grids.values()))
    return Contents(pixels, limits, not_measured, None if mask is None else mask & CLOUD_BITS != 0, grid)


def _different_grids(picture: Picture, grids: Mapping[str, raster.Grid]) -> list[tuple[str, str]]:
    """Compare the places of a picture's bands."""
    chief = next(iter(grids.values()), None)
    return [
        (f"it is not on the grid of the picture's other bands: {apart}; resample it", picture.paths[band].name)
        for band, grid in grids.items()
        if chief and (apart := difference(chief, grid))
    ]


def _bands(
    picture: Picture,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], dict[str, raster.Grid], list[tuple[str, str]]]:
    """Return pixels, available pixels (bool) and grids of the readable bands, and (problem, file) pairs of the others.

    Pixels are those that the file's scale and offset make of its numbers.
    """
    bands: dict[str, np.ndarray] = {}
    available: dict[str, np.ndarray] = {}
    grids: dict[str, raster.Grid] = {}
    problems = []
    for band, path in picture.paths.items():
        try:
            with raster.open_raster(path, whole=True) as source:
                if source.channels != 1:
                    raise images.BadImage(f"{source.channels} bands (save one band a file)")
                if source.dtype.kind == "c":
                    raise images.BadImage(f"{source.dtype} numbers, complex SAR (save decibels)")
                if source.has_palette or source.white_is_zero:
                    raise images.BadImage("numbers that stand for colours, or whose 0 is white (save plain numbers)")
                pixels, valid = source.read()
                scale, grids[band] = source.scaling[0], source.grid
            if band == CLOUD_MASK and pixels.dtype.kind not in "ui":
                raise images.BadImage(f"{pixels.dtype} numbers, but a cloud mask holds bits (save whole numbers)")
            bands[band], available[band] = pixels[..., 0], valid[..., 0] & (pixels[..., 0] != FILL)
            if band != CLOUD_MASK and scale != (1, 0):
                bands[band] = bands[band] * scale[0] + scale[1]
        except images.BadImage as error:
            problems.append((str(error), path.name))
    return bands, available, grids, problems


def _as_they_are(raw: np.ndarray, role: str, valid: np.ndarray) -> np.ndarray:
    if raw.dtype not in (np.uint8, np.uint16):
        raise images.BadImage(
            f"{raw.dtype} numbers, which no PNG holds as they are (leave out --cut none, or give --limits {role} LOW "
            "HIGH as well)"
        )
    return np.where(valid, raw, 0).astype(raw.dtype)


def _stretched(
    raw: np.ndarray, role: str, names: tuple[str, ...], valid: np.ndarray, stretching: Stretching
) -> tuple[np.ndarray, tuple[float, ...]]:
    fixed = stretching.limits.get(role)
    for i, band in enumerate(names):
        numbers = raw.reshape(*raw.shape[:2], -1)[..., i][valid.reshape(*raw.shape[:2], -1)[..., i]]
        if role != "optical" and numbers.dtype.kind == "f" and numbers.size and numbers.min() >= 0:
            raise images.BadImage(
                f"{band} has no negative number, so it is not in decibels (take 10 log10 of the power)"
            )
        value = gaps.suspicious_value(numbers.astype(np.float64)) if numbers.size and raw.dtype != np.uint8 else None
        if value is not None and not fixed:
            raise images.BadImage(
                f"{value:.10g} fills {(numbers == value).mean():.0%} of {band} and lies far outside the rest (if it "
                f"stands for missing pixels, name it: gdal_edit -a_nodata {value:.10g} FILE; else give --limits {role} "
                "LOW HIGH)"
            )
    grey, limits = stretch(raw, stretching.cut or (0, 100), fixed, stretching.depth, valid)
    for name, low, high in zip(names, limits[::2], limits[1::2], strict=True):
        if low == high:
            raise images.BadImage(
                f"{name} is {low:g} everywhere, which leaves the stretch no range (remove the picture, or give "
                f"--limits {role} LOW HIGH)"
            )
    return grey, limits


# ---- Scanning ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SceneInfo:
    """The facts about one picture that later steps need."""

    picture: Picture
    scene: Scene  # its split is not known yet
    stems: tuple[str, ...]  # of its patches
    bits: Mapping[str, int]
    cloud: float | None  # share under cloud by the sensor's own mask, 0..1; None without one
    clouds: tuple[float, ...] | None  # the same for each patch, without padding
    not_measured: int  # pixels
    grid: raster.Grid  # of its first band


def scan(
    pictures: Sequence[Picture], pairs: Sequence[Pair], stretching: Stretching, size: int, folder: Path
) -> dict[str, SceneInfo]:
    """Read every picture once, so that all problems are reported before anything is written.

    Args:
      pictures: those in a pair.
      pairs: targets and inputs.
      stretching: how raw values become grey values.
      size: pixels of a patch's side.
      folder: the folder of the files, for the message.

    Returns:
      The facts about each picture, by its name.

    Raises:
      UserError: one message names all bad files, with the cure.
    """
    found: dict[str, SceneInfo] = {}
    problems: list[tuple[str, str]] = []
    for picture in cli.progress(pictures, len(pictures), "pictures checked"):
        try:
            found[picture.name] = _look(picture, read(picture, stretching), size)
        except BadScene as error:
            problems += error.problems
    first = {role: one for one in reversed(found.values()) for role in one.bits}
    for one in found.values():
        for role, bits in one.bits.items():
            expected, other = first[role].bits[role], first[role].picture.name
            if bits != expected:
                problems.append((f"{bits} bit, but {other} has {expected} (leave out --cut none)", one.picture.name))
    for pair in pairs:
        both = [found[picture.name].scene for picture in (pair.optical, pair.sar) if picture.name in found]
        sizes = [f"{scene.width} x {scene.height}" for scene in both]
        if len(set(sizes)) > 1:
            cure = f"{sizes[0]} pixels, but its SAR image {pair.sar.name} has {sizes[1]} (cut both to one grid)"
            problems.append((cure, pair.optical.name))
        ours, others = found.get(pair.sar.name), found.get(pair.optical.name)
        if ours and others and len(set(sizes)) == 1 and (apart := difference(ours.grid, others.grid)):
            text = f"it is not on the grid of its SAR image {pair.sar.name}: {apart}; resample it"
            problems.append((text, pair.optical.name))
    if problems:
        raise validation.validation_error(f"The pictures in {folder} cannot be used", problems)
    return found


def _look(picture: Picture, contents: Contents, size: int) -> SceneInfo:
    height, width = next(iter(contents.pixels.values())).shape[:2]
    facts: Facts = {
        **contents.grid.facts(),
        "glacier": picture.place,
        "date": str(picture.date),
        "sensor": picture.sensor,
    }
    padding = tiling.padding(height, width, size)
    scene = Scene("", height, width, padding=padding, stretch=dict(contents.stretch) or None, **facts)
    mask = contents.cloud
    windows = (
        (slice(row, row + size), slice(column, column + size))
        for row in tiling.origins(height, size)
        for column in tiling.origins(width, size)
    )
    return SceneInfo(
        picture,
        scene,
        tuple(tiling.stems(picture.name, height, width, size)),
        {role: 8 * pixels.dtype.itemsize for role, pixels in contents.pixels.items()},
        None if mask is None else float(mask.mean()),
        None if mask is None else tuple(float(mask[window].mean()) for window in windows),
        contents.not_measured,
        contents.grid,
    )
