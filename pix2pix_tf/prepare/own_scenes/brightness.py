"""Read the roles of a scene that hold brightness: SAR, optical images, elevation.

`examine` reads a file once, strip by strip, and decides which pixels are available and which numbers become black and
white. `convert` reads it again, and stretches it by this decision.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data import validation
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.io import raster
from pix2pix_tf.data.io.images import BadImage
from pix2pix_tf.data.io.raster import Grid, Raster
from pix2pix_tf.prepare import gaps, radiometry
from pix2pix_tf.prepare.radiometry import Radiometry, to_amplitude
from pix2pix_tf.prepare.stretch import Cut, Limits, to_grey

SAR = ("sar", "sar_vv", "sar_vh")
TARGETS = (*SAR, "optical")  # roles that models generate: duplicates in two splits are data leakage
ZERO_IS_A_NUMBER = ("elevation",)  # roles whose border of zeros is no sign of missing pixels
SAMPLE = 2**23  # pixels of a scene, evenly spaced, that the stretch is taken from; smaller scenes: all
ALMOST_EMPTY = 0.05  # share of available pixels below which a scene is reported
NOT_SQUARE = 0.05  # relative difference of a pixel's sides above which it is reported
SHORT = 40  # characters of a tag that may be about the numbers


@dataclass(frozen=True)
class Options:
    """How brightness is read. None: as the files say."""

    cut: Cut | None = (2.0, 98.0)  # percentiles of the available pixels that become black and white; None keeps 16 bits
    limits: Mapping[str, Limits] | None = None  # role ("" for SAR of any role): numbers that become black and white
    no_data: float | str | None = None  # the value of missing pixels; "none": no value and no border is missing
    radiometry: str | None = None  # what SAR images hold, one of radiometry.KINDS; None: told from each
    bands: Mapping[str, tuple[int | str, ...]] | None = None  # role: its bands, by number from 1 or by description


@dataclass(frozen=True)
class Image:
    """One role of one scene, examined."""

    path: Path
    role: str
    columns: slice  # of the file: all, or the left or right half
    channels: tuple[int, ...]  # of the file, from 0
    height: int
    width: int
    dtype: np.dtype
    grid: Grid
    no_data: float | str | None
    border: bool  # zeros connected to the border are missing
    stretch: tuple[float, ...] | None  # amplitude (SAR) or numbers that become black and white, by band; None: kept
    radiometry: Radiometry | None  # of a SAR image that is stretched
    missing: int  # pixels that are not available
    digest: str  # equal digests mean equal pixels
    notes: tuple[str, ...]  # for the summary

    @property
    def bits(self) -> int:
        """Of the grey values."""
        return 8 if self.stretch is not None or self.dtype == np.uint8 else 16


# ---- Examining ------------------------------------------------------------------------------------------------------


def examine(path: Path, role: str, options: Options, half: int | None = None) -> tuple[Image, np.ndarray]:
    """Read a file once, and decide how it becomes grey.

    Args:
      path: TIFF, PNG or JPEG.
      role: one of CHANNELS, without classes.
      options: of the command.
      half: 0 or 1 for the left or right half of a side-by-side image; None for all of it.

    Returns:
      The decision; bool [H, W], True where a pixel is not available.

    Raises:
      BadImage: the file is damaged, of a kind that the role cannot have, or in doubt; the text has the cure.
    """
    with raster.open_raster(path, whole=True) as source:
        _check_kind(source, role)
        columns, channels = _half(source, half), _channels(source, role, options, half)
        seen = _Survey(source.height, columns, len(channels), role)
        for strip in _strips(source, channels, columns, options.no_data):
            seen.add(*strip)
        texts = _texts(source, channels)
        grid, dtype = source.grid, source.dtype
        is_whole = dtype.kind in "ui" and all(float(step).is_integer() for i in channels for step in source.scaling[i])
        if CHANNELS[role] == 1 and len(channels) == 3 and not seen.equal_channels:
            raise BadImage(_channel_problem(source, role, half))
        named = [source.nodata[channel] for channel in channels]  # NaN is missing anyway, and says nothing of zeros
        names_missing = any(value is not None and not np.isnan(value) for value in named) or source.has_mask
    missing = ~seen.valid
    look = options.no_data is None and not names_missing and dtype != np.uint8 and role not in ZERO_IS_A_NUMBER
    border = gaps.zero_border(seen.zero) if look else None
    if border is not None:
        missing |= border
    sample = seen.sample()[~missing.ravel()[:: seen.step]]
    count, notes = int(np.count_nonzero(missing)), []
    if not sample.size:
        raise BadImage("no finite pixel (all are NaN, infinite or no data)")
    if border is not None:
        notes.append(f"{role}: zeros connected to the border are not available (--nodata none takes them as measured)")
    if missing.size - count < ALMOST_EMPTY * missing.size:
        notes.append(f"warning: {role}: less than {ALMOST_EMPTY:.0%} of the pixels are available")
    used = channels[:1] if CHANNELS[role] == 1 else channels
    sample = sample[:, : len(used)]
    stretch, told = _decide(sample, role, dtype, is_whole, texts, options, notes)
    image = Image(
        path, role, columns, used, source.height, missing.shape[1], dtype, grid,
        options.no_data, border is not None, stretch, told, count, seen.digest(), tuple(notes),
    )  # fmt: skip
    return image, missing


class _Survey:
    """What one pass over a file collects."""

    def __init__(self, height: int, columns: slice, channels: int, role: str):
        width = columns.stop - columns.start
        self.valid, self.zero = np.empty((height, width), bool), np.empty((height, width), bool)
        self.step, self.equal_channels = -(-height * width // SAMPLE), True
        self._row, self._width, self._channels, self._role = 0, width, channels, role
        self._parts: list[np.ndarray] = []
        self._hash = hashlib.sha256(f"{role} {height} {width}".encode())

    def add(self, pixels: np.ndarray, values: np.ndarray, valid: np.ndarray) -> None:
        """Take the next rows: pixels of the file, their numbers, and which are available; all [n, W, C]."""
        rows = slice(self._row, self._row + len(pixels))
        self.valid[rows], self.zero[rows] = valid.all(axis=-1), (pixels == 0).any(axis=-1)
        first = -self._row * self._width % self.step
        with np.errstate(invalid="ignore"):  # of a NaN that signals
            self._parts.append(values.reshape(-1, self._channels)[first :: self.step].astype(np.float64))
        self.equal_channels &= self._channels == 1 or bool((pixels == pixels[..., :1]).all())
        self._row = rows.stop
        if self._role in TARGETS:
            self._hash.update(str(pixels.dtype).encode())
            self._hash.update(np.ascontiguousarray(pixels).data)

    def sample(self) -> np.ndarray:
        """float64 [N, C], every `step`-th pixel. To be called once: the memory is given back."""
        parts, self._parts = self._parts, []
        return np.concatenate(parts)

    def digest(self) -> str:
        return self._hash.hexdigest()


def _strips(
    source: Raster, channels: tuple[int, ...], columns: slice, no_data: float | str | None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield pixels of the file, their numbers (float, scaled as the file says) and which are available, [n, W, C]."""
    scaling = np.array([source.scaling[channel] for channel in channels])
    is_scaled = bool((scaling != (1, 0)).any())
    for pixels, valid in source.strips(channels=channels):
        pixels, valid = pixels[:, columns], valid[:, columns]
        if isinstance(no_data, float):
            valid &= pixels != no_data
        values = pixels
        if pixels.dtype.kind != "f":
            values = pixels.astype(np.float32 if pixels.dtype.itemsize <= 2 else np.float64)
        if is_scaled:
            values = (values * scaling[:, 0] + scaling[:, 1]).astype(np.float64)
        yield pixels, values, valid


def _check_kind(source: Raster, role: str) -> None:
    if source.has_palette:
        raise BadImage("a palette image (save as grey or RGB)")
    if source.dtype.kind == "c":
        raise BadImage(
            f"an image of {source.dtype} numbers, complex SAR (SLC): it is in the geometry of the radar and has one "
            "look. Take its amplitude, average looks, and project it: Multilook and Terrain-Correction of SNAP"
        )
    if source.white_is_zero:
        raise BadImage("an image whose 0 is white (MinIsWhite; save it with 0 as black)")
    if source.bits < 8:
        raise BadImage(f"an image of {source.bits} bit (save with 8)")


def _half(source: Raster, half: int | None) -> slice:
    if half is None:
        return slice(0, source.width)
    if source.width % 2:
        raise BadImage(f"{source.width} pixels wide, which does not halve (not a side-by-side image?)")
    middle = source.width // 2
    return slice(half * middle, (half + 1) * middle)


def _channels(source: Raster, role: str, options: Options, half: int | None) -> tuple[int, ...]:
    """Return the channels of the file that hold a role, from 0."""
    chosen = (options.bands or {}).get(role)
    if chosen:
        return tuple(_band(source, band) for band in chosen)
    if source.channels == CHANNELS[role] or (CHANNELS[role] == 1 and source.channels == 3):
        return tuple(range(source.channels))
    if half is not None and source.channels == 1:
        return (0,) * CHANNELS[role]
    raise BadImage(_channel_problem(source, role, half))


def _channel_problem(source: Raster, role: str, half: int | None) -> str:
    problem = validation.channel_problem(role, np.empty((1, 1, source.channels)))
    if source.channels == 1 or half is not None:
        return str(problem)
    named = [f"{i} {text}" if text else str(i) for i, text in enumerate(source.descriptions, 1)]
    return f"{problem}, or choose from its bands ({', '.join(named[:12])}): --band {role}=1"


def _band(source: Raster, band: int | str) -> int:
    """Return a channel from 0, by number from 1 or by description."""
    if isinstance(band, int) and 1 <= band <= source.channels:
        return band - 1
    named = [i for i, text in enumerate(source.descriptions) if text and text.lower() == str(band).lower()]
    if len(named) != 1:
        there = ", ".join(text or str(i) for i, text in enumerate(source.descriptions, 1))
        raise BadImage(f"no band {band} (its bands are {there[:200]})")
    return named[0]


def _texts(source: Raster, channels: tuple[int, ...]) -> list[str]:
    """Return what a file says about the numbers of its bands."""
    about = [text for one in (source.units, source.descriptions) for channel in channels if (text := one[channel])]
    return about + [text for text in source.metadata.values() if len(text) <= SHORT]


def _decide(
    sample: np.ndarray,
    role: str,
    dtype: np.dtype,
    is_whole: bool,
    texts: list[str],
    options: Options,
    notes: list[str],
) -> tuple[tuple[float, ...] | None, Radiometry | None]:
    """Return the numbers that become black and white (None: the image is kept), and what a SAR image holds.

    Args:
      sample: float64 [N, C], the available pixels.
      role: of the image.
      dtype: of the file.
      is_whole: the numbers are whole ones, after the file's scale too.
      texts: what the file says about its numbers.
      options: of the command.
      notes: for the summary; more are added.
    """
    is_flat = (sample.min(axis=0) == sample.max(axis=0)).any()
    fixed = (options.limits or {}).get(role) or ((options.limits or {}).get("") if role in SAR else None)
    if dtype == np.uint8 and not fixed:
        if is_flat:
            notes.append(f"warning: {role}: every pixel has the same grey value")
        return None, None
    if is_flat and role in TARGETS:
        raise BadImage(f"every pixel is {sample[0, 0]:g} (a damaged or empty band: make it again, or remove the scene)")
    if options.no_data is None and dtype != np.uint8:
        _ask_about_no_data(sample)
    if not (options.cut or fixed):
        if dtype == np.uint16:
            return None, None
        raise BadImage(f"{dtype} numbers, which no PNG holds (leave out --cut none)")
    told = None
    if role in SAR:
        told = radiometry.classify(sample[:, 0], is_whole, texts, options.radiometry)
        if fixed:
            low, high = to_amplitude(np.array(fixed, np.float64), told.kind)
            return (float(low), float(high)), told
        sample = to_amplitude(sample, told.kind)
    if fixed:
        return tuple(map(float, fixed)) * sample.shape[1], told
    assert options.cut is not None
    return tuple(limit for band in sample.T for limit in _percentiles(band, options.cut)), told


def _percentiles(band: np.ndarray, cut: Cut) -> Limits:
    low, high = np.percentile(band, cut)
    return (float(low), float(high)) if low < high else (float(band.min()), float(band.max()))


def _ask_about_no_data(sample: np.ndarray) -> None:
    for band in sample.T:
        value = gaps.suspicious_value(band)
        if value is not None:
            rest = band[band != value]
            raise BadImage(
                f"{value:.10g} fills {1 - len(rest) / len(band):.0%} and lies far outside the rest ({rest.min():.4g} "
                f"to {rest.max():.4g}): if it stands for missing pixels, add --nodata {value:.10g}, else --nodata none"
            )


def polarisations(path: Path) -> dict[str, int | str] | None:
    """Return the bands of `sar_vv` and `sar_vh` of a SAR file of two bands; None for any other file.

    Raises:
      BadImage: the file is damaged, or its two bands are of other polarisations.
    """
    with raster.open_raster(path) as source:
        if source.channels != 2 or source.dtype.kind == "c":
            return None
        names = [(text or "").upper() for text in source.descriptions]
    if not any(names):
        return {"sar_vv": 1, "sar_vh": 2}
    both = ("VV", "VH") if "VV" in names[0] else ("VH", "VV")
    if not all(polarisation in name for polarisation, name in zip(both, names, strict=True)):
        raise BadImage(f"two bands, {' and '.join(names)}, but not VV and VH (choose one: --band sar=1)")
    return {f"sar_{polarisation.lower()}": band for band, polarisation in enumerate(both, 1)}


def place_notes(image: Image) -> list[str]:
    """Return what a user should know about the place of an image."""
    grid, name = image.grid, image.path.name
    with raster.open_raster(image.path) as source:
        points, has_rpcs = source.control_points, source.has_rpcs
    warp = f"gdalwarp {{}}-t_srs EPSG:3031 {name} projected.tif (3413 in Greenland)"
    if grid.is_georeferenced and grid.is_north_up:
        across, down = grid.pixel_size_metres() or (1, 1)
        square = abs(across - down) <= NOT_SQUARE * max(across, down)
        return [] if square else [f"warning: pixels are not square on the ground; cure: {warp.format('')}"]
    if grid.is_georeferenced:
        return [f"warning: the grid is turned, so its bounds are not kept; cure: {warp.format('')}"]
    if points or has_rpcs:
        what, how = ("control points (GCPs)", "-tps ") if points else ("an RPC model", "-rpc ")
        return [f"warning: the place is known by {what} alone, and is not kept; cure: {warp.format(how)}"]
    return []


# ---- Converting -----------------------------------------------------------------------------------------------------


def convert(image: Image) -> tuple[np.ndarray, np.ndarray]:
    """Read an examined file again, and stretch it.

    Returns:
      uint8 or uint16, [H, W] or [H, W, 3], 0 where a pixel is not available; bool [H, W], True there.

    Raises:
      BadImage: the file is damaged.
    """
    size, channels = (image.height, image.width), len(image.channels)
    grey = np.empty((*size, channels), np.uint8 if image.bits == 8 else np.uint16)
    missing, zero, row = np.empty(size, bool), np.empty(size if image.border else (0, 0), bool), 0
    with raster.open_raster(image.path, whole=True) as source:
        for pixels, values, valid in _strips(source, image.channels, image.columns, image.no_data):
            rows = slice(row, row + len(pixels))
            if image.stretch is None:
                grey[rows] = np.where(valid, pixels, 0)
            else:
                values = np.where(valid, values, 0)
                values = to_amplitude(values, image.radiometry.kind) if image.radiometry else values
                grey[rows] = np.where(valid, to_grey(values, image.stretch), 0)
            missing[rows], row = ~valid.all(axis=-1), rows.stop
            if image.border:
                zero[rows] = (pixels == 0).any(axis=-1)
    border = gaps.zero_border(zero) if image.border else None
    if border is not None:
        missing |= border
    grey[missing] = 0
    return grey[..., 0] if channels == 1 else grey, missing
