"""Reads and writes rasters with rasterio (GDAL): windows, bands, missing pixels and the place on the ground.

A file's name chooses GDAL's driver for TIFF, PNG or JPEG, whatever the content claims to be, so that no file can refer
to other files or to the network. Errors of GDAL become one sentence (`BadImage`).
"""

import contextlib
import itertools
import logging
import re
import struct
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import rasterio
import rasterio.shutil
from numpy.typing import DTypeLike
from PIL import Image
from rasterio._err import CPLE_BaseError  # GDAL's own errors, for which rasterio has no public name
from rasterio.enums import ColorInterp, Compression, Interleaving, MaskFlags, PhotometricInterp, Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.warp import reproject
from rasterio.windows import Window

from pix2pix_tf.data.io import limits, png
from pix2pix_tf.data.io.grid import Bounds, Grid
from pix2pix_tf.data.io.limits import BadImage
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import truncate

__all__ = ["Bounds", "Grid", "Raster", "Strip", "geotiff_written", "open_raster", "read_grid", "write_geotiff"]

DRIVERS = {".png": "PNG", ".tif": "GTiff", ".tiff": "GTiff", ".jpg": "JPEG", ".jpeg": "JPEG"}
BEGINNINGS = {"PNG": (b"\x89P",), "GTiff": (b"II", b"MM"), "JPEG": (b"\xff\xd8",)}  # of files
STRIP = 256  # default number of rows that are read together, and the side of a tile that is written
CACHE = 64  # MB of decoded blocks that GDAL keeps
OPTIONS: dict[str, Any] = {  # of GDAL, while it reads or writes
    "GDAL_NUM_THREADS": "1",  # a process is a worker; several of them share the processors already
    "GDAL_CACHEMAX": CACHE,
    "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE",  # sidecar files are looked up by name; a folder may hold thousands
    "GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO",  # rows are read in order, in constant memory
    "GTIFF_IGNORE_READ_ERRORS": "NO",
    "GDAL_ERROR_ON_LIBJPEG_WARNING": "TRUE",  # of a JPEG that ends early, too
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{noop}",  # nothing is fetched, whatever a sidecar file says
}
ORIENTATION, STRIP_ROWS = 274, 278  # tags of TIFF, the first of EXIF, too
TILE, OFFSETS = (322, 323), (273, 324)  # width and height of tiles; places of strips and of tiles
BIG_TIFF = 43  # version of TIFF with offsets of 8 bytes; 42 is the classic one
MOST_TAGS = 4096  # that are looked at

logging.getLogger("rasterio").setLevel(logging.CRITICAL)  # errors are raised and reported once

_BROKEN = (
    RasterioError,
    OSError,
    ValueError,
    LookupError,
    TypeError,
    ArithmeticError,
    MemoryError,
    SyntaxError,
    *(CPLE_BaseError, struct.error),
)


class Strip(NamedTuple):
    """Some rows of a raster."""

    pixels: np.ndarray  # [n, W, C], dtype of the raster
    valid: np.ndarray  # bool [n, W, C], False where a pixel is not available


class Raster:
    """A raster that is open for reading. Its channels are its bands without alpha."""

    def __init__(self, path: Path, source: rasterio.DatasetReader):
        if source.count > limits.BANDS:
            raise BadImage(f"{source.count:,} bands, more than {limits.BANDS} (cut it)")
        self._path, self._source = path, source
        colours = source.colorinterp
        self._bands = [band for band in source.indexes if colours[band - 1] != ColorInterp.alpha]
        self.height, self.width, self.channels = source.height, source.width, len(self._bands)
        self.dtype = np.dtype(source.dtypes[0] if source.dtypes[0] != "complex_int16" else "complex64")
        self._alpha = next((band for band in source.indexes if colours[band - 1] == ColorInterp.alpha), None)
        self.has_alpha = self._alpha is not None
        self.grid = Grid(source.width, source.height, source.transform, source.crs)
        self.has_palette = ColorInterp.palette in colours
        self.white_is_zero = source.photometric == PhotometricInterp.white or "MINISWHITE" in source.tags(
            ns="IMAGE_STRUCTURE"
        )
        self.is_jpeg = source.compression == Compression.jpeg
        self.has_mask = any(MaskFlags.per_dataset in flags for flags in source.mask_flag_enums)
        self.bits = int(source.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 8 * self.dtype.itemsize))
        self.control_points, self.has_rpcs = len(source.gcps[0]), source.rpcs is not None
        self.nodata: tuple[float | None, ...] = self._of_channels(source.nodatavals)
        self.descriptions: tuple[str | None, ...] = self._of_channels(source.descriptions)
        self.units: tuple[str | None, ...] = self._of_channels(source.units)
        scaling = zip(source.scales, source.offsets, strict=True)
        self.scaling: tuple[tuple[float, float], ...] = self._of_channels(tuple(scaling))
        self.block_height = source.block_shapes[0][0]
        self.unwritten_is_missing = True  # False: tiles that a sparse file leaves out are 0, as a mask's class 0 may be

    def _of_channels(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """Return the values of the channels from those of all bands."""
        return tuple(values[band - 1] for band in self._bands)

    @property
    def nbytes(self) -> int:
        """Bytes of all pixels, decoded."""
        return self.height * self.width * self.channels * self.dtype.itemsize

    @property
    def metadata(self) -> Mapping[str, str]:
        """The tags that GDAL finds in the file, for the whole raster and then its first band."""
        with _gdal(self._path):
            return {**self._source.tags(), **self._source.tags(1)}

    def colormap(self) -> Mapping[int, tuple[int, int, int, int]]:
        """Return the RGBA colour of each value of the first band, 0 to 255; empty without a palette."""
        with _gdal(self._path):
            return self._source.colormap(1) if self.has_palette else {}

    def read(self, row: int = 0, count: int | None = None, channels: Sequence[int] | None = None) -> Strip:
        """Read rows.

        Args:
          row: the first one.
          count: number of rows, fewer at the end of the raster; None reads to the end.
          channels: from 0; None reads all.

        Returns:
          Pixels as they are in the file, and False where one is not available: the file's "no data" value, its mask or
          its alpha, a tile that was never written, NaN or infinity.

        Raises:
          BadImage: the file is truncated or damaged, or GDAL lacks the codec.
        """
        count = self.height - row if count is None else max(0, min(count, self.height - row))
        bands = self._bands if channels is None else [self._bands[channel] for channel in channels]
        if not count:
            empty = np.empty((0, self.width, len(bands)), self.dtype)
            return Strip(empty, empty != empty)
        window = Window(0, row, self.width, count)
        with _gdal(self._path):
            pixels = self._source.read(bands, window=window)
            valid = self._valid(bands, window, pixels)
        if pixels.shape != (len(bands), count, self.width):
            raise BadImage(f"{pixels.shape} pixels where the header says {(len(bands), count, self.width)}")
        return Strip(np.moveaxis(pixels, 0, -1), np.moveaxis(valid, 0, -1))

    def strips(self, count: int | None = None, channels: Sequence[int] | None = None) -> Iterator[Strip]:
        """Yield all rows from the top down, `count` at a time; None takes whole blocks of the file."""
        if count is None:
            count = max(1, STRIP // self.block_height) * min(self.block_height, 4 * STRIP)
        for row in range(0, self.height, count):
            yield self.read(row, count, channels)

    def read_on(self, grid: Grid) -> Strip:
        """Read all of the raster on another grid, by the nearest pixel.

        Args:
          grid: both need a place.

        Returns:
          Pixels [H, W, C] of the grid; outside the raster they are 0 and not available.

        Raises:
          BadImage: as `read` does; or the raster has no place.
        """
        if not (self.grid.is_georeferenced and grid.is_georeferenced):
            lacking = "CRS" if self.grid.has_coordinates and not self.grid.crs else "place on the ground"
            raise BadImage(f"no {lacking}, without which it cannot be aligned (save it as GeoTIFF with its CRS)")
        pixels, valid = self.read()
        place = {
            **{"src_transform": self.grid.transform, "src_crs": self.grid.crs},
            **{"dst_transform": grid.transform, "dst_crs": grid.crs, "resampling": Resampling.nearest},
        }
        there = np.zeros((self.channels, grid.height, grid.width), self.dtype)
        here = np.zeros(there.shape, np.uint8)
        with _gdal(self._path):
            for i in range(self.channels):
                reproject(np.ascontiguousarray(pixels[..., i]), there[i], **place)
                reproject(valid[..., i].astype(np.uint8), here[i], **place)
        return Strip(np.moveaxis(there, 0, -1), np.moveaxis(here != 0, 0, -1))

    def _valid(self, bands: Sequence[int], window: Window, pixels: np.ndarray) -> np.ndarray:
        """bool [C, n, W]; pixels are of that shape."""
        valid = np.ones(pixels.shape, bool)
        for i, band in enumerate(bands):
            flags = self._source.mask_flag_enums[band - 1]
            if MaskFlags.all_valid not in flags:
                valid[i] = self._source.read_masks(band, window=window) != 0
            elif self._alpha:  # GDAL takes alpha for a mask in 8 and 16 bits without sign only
                valid[i] = self._source.read(self._alpha, window=window) != 0
            if self.unwritten_is_missing and MaskFlags.nodata not in flags and self._source.driver == "GTiff":
                self._mark_unwritten(band, window, pixels[i], valid[i])
        if pixels.dtype.kind in "fc":
            valid &= np.isfinite(pixels)
        return valid

    def _mark_unwritten(self, band: int, window: Window, pixels: np.ndarray, valid: np.ndarray) -> None:
        """Mark the tiles that a sparse TIFF leaves out; GDAL reads them as 0."""
        high, wide = self._source.block_shapes[band - 1]
        first, last = int(window.row_off), int(window.row_off + window.height)
        for y in range(first // high, -(-last // high)):
            rows = slice(max(0, y * high - first), y * high + high - first)
            if pixels[rows].all():
                continue
            for x in range(-(-self.width // wide)):
                if self._source.get_tag_item(f"BLOCK_OFFSET_{x}_{y}", "TIFF", band) is None:
                    valid[rows, x * wide : (x + 1) * wide] &= pixels[rows, x * wide : (x + 1) * wide] != 0


# ---- Opening --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def open_raster(path: Path, whole: bool = False) -> Iterator[Raster]:
    """Open a TIFF, PNG or JPEG on the local disk.

    Args:
      path: its suffix determines the driver.
      whole: the caller will hold all pixels in memory, so that they count against the limits; else blocks of rows.

    Raises:
      BadImage: the file is truncated, damaged or of an unsupported kind, or exceeds the memory limits.
    """
    source = _opened(path)
    try:
        with _gdal(path):
            raster = Raster(path, source)
            _check(raster, path, whole)
        yield raster
    finally:
        with _gdal(path):
            source.close()


def read_grid(path: Path) -> Grid:
    """Return the grid of a TIFF, PNG or JPEG; its place is that in the file, or in a world file beside it.

    Raises:
      BadImage: the file is damaged or of an unsupported kind.
    """
    with open_raster(path) as raster:
        return raster.grid


def _opened(path: Path) -> rasterio.DatasetReader:
    kind = DRIVERS[path.suffix.lower()]
    if kind == "PNG":
        try:
            with path.open("rb") as file:
                png.check(file)
        except OSError as error:
            raise BadImage(f"not readable ({error.strerror})") from None
    with _gdal(path), _without_place():
        try:
            str(path).encode()
        except UnicodeEncodeError:  # bytes that are no UTF-8; GDAL takes the open file, without files beside it
            return rasterio.open(path.open("rb"), driver=kind)
        return rasterio.open(path, driver=kind)


def _check(raster: Raster, path: Path, whole: bool) -> None:
    """Reject kinds that nobody can use, and what would not fit into memory."""
    source, length = raster._source, path.stat().st_size
    if not raster.channels:
        raise BadImage("an image of transparency alone (save it with its grey values)")
    if source.subdatasets:
        raise BadImage("a TIFF of several images (save one image a file)")
    if raster.width > limits.WIDEST:
        raise BadImage(f"{raster.width} pixels wide, more than {limits.WIDEST:,} (cut it)")
    values = raster.width * raster.channels
    limits.check(values * (raster.height if whole else 1), raster.dtype.itemsize, length)
    high, wide = source.block_shapes[0]
    limits.check(high * wide, raster.dtype.itemsize, length)
    if ColorInterp.cyan in source.colorinterp:
        raise BadImage("a CMYK image (save as grey or RGB)")
    turn = 1  # upright; `png.check` looks at PNGs
    if source.driver == "JPEG":
        with Image.open(path, formats=["JPEG"]) as image:
            turn = int(image.getexif().get(ORIENTATION, 1))
    elif source.driver == "GTiff":
        tags = _tags(path)
        turn = tags.get(ORIENTATION, (1, 1))[1]
        _check_blocks(tags, raster, source.interleaving == Interleaving.band)
    if turn != 1:
        raise BadImage(f"an image that is to be turned for display (Orientation {turn}; save it upright)")


def _check_blocks(tags: Mapping[int, tuple[int, int]], raster: Raster, is_planar: bool) -> None:
    """Reject a TIFF that lists fewer strips or tiles than its size needs; GDAL takes them for tiles left out."""
    wide, high = (tags[tag][1] if tag in tags else None for tag in TILE)
    if wide is None or high is None:
        wide, high = raster.width, min(tags.get(STRIP_ROWS, (1, raster.height))[1], raster.height)
    if not (wide and high):
        raise ValueError("strips or tiles of no size")
    expected = -(-raster.width // wide) * -(-raster.height // high)
    expected *= raster.channels + raster.has_alpha if is_planar else 1
    listed = max(tags[tag][0] if tag in tags else 0 for tag in OFFSETS)
    if listed < expected:
        raise ValueError(f"{listed} strips or tiles in place of {expected}")


def _tags(path: Path) -> dict[int, tuple[int, int]]:
    """Return the tags of a TIFF's first image: how many values each has, and the first one, where it is in the tag."""
    with path.open("rb") as file:
        order, version = struct.unpack("2sH", file.read(4))
        order = "<" if order == b"II" else ">"
        is_big = version in (BIG_TIFF, BIG_TIFF << 8)
        number, room = (f"{order}u8", 8) if is_big else (f"{order}u4", 4)
        file.seek(8 if is_big else 4)
        file.seek(int(np.fromfile(file, number, 1)[0]))
        count = int(np.fromfile(file, f"{order}u{8 if is_big else 2}", 1)[0])
        entry = np.dtype([("tag", f"{order}u2"), ("type", f"{order}u2"), ("count", number), ("value", f"V{room}")])
        entries = np.fromfile(file, entry, min(count, MOST_TAGS))
    values = {3: f"{order}u2", 4: f"{order}u4", 16: f"{order}u8"}
    return {
        int(tag): (int(count), int(np.frombuffer(value.tobytes()[: np.dtype(kind).itemsize], kind)[0]))
        for tag, code, count, value in reversed(entries)
        if (kind := values.get(int(code))) and np.dtype(kind).itemsize <= room
    }


@contextlib.contextmanager
def _without_place() -> Iterator[None]:
    """Let rasters without a place on the ground be no reason for a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


@contextlib.contextmanager
def _gdal(path: Path) -> Iterator[None]:
    """Set GDAL's options, and turn its errors into BadImage."""
    kind = DRIVERS[path.suffix.lower()].replace("GTiff", "TIFF")
    try:
        with rasterio.Env(**OPTIONS):
            yield
    except FileNotFoundError:
        raise BadImage("not readable (no such file)") from None
    except _BROKEN as error:
        if "not recognized as being in a supported" in str(error) and not _begins_well(path):
            raise BadImage(f"not a {kind}, whatever its name says (convert or rename it)") from None
        raise BadImage(f"not a whole {kind} ({_reason(error, path)}; copy or make the file again)") from None


def _begins_well(path: Path) -> bool:
    """Return True if a file is empty, or begins as its name says."""
    with path.open("rb") as file:
        begin = file.read(2)
    return begin in (b"", *BEGINNINGS[DRIVERS[path.suffix.lower()]])


def _reason(error: BaseException, path: Path) -> str:
    """Return GDAL's own words for an error of rasterio, without the file's name, which messages have anyway."""
    while error.__cause__ is not None:
        error = error.__cause__
    names = f"{re.escape(str(path))}|{re.escape(path.name)}"
    words = re.sub(rf"'?({names})'?[:,]? ?", "", str(error))
    return truncate(words) or type(error).__name__


# ---- Writing --------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def geotiff_written(
    path: Path,
    grid: Grid,
    channels: int = 1,
    dtype: DTypeLike = np.uint8,
    *,
    nodata: float | None = None,
    palette: Mapping[int, tuple[int, int, int]] | None = None,
    tags: Mapping[str, str] | None = None,
    descriptions: Sequence[str] = (),
) -> Iterator[Callable[[np.ndarray], None]]:
    """Write a cloud-optimised GeoTIFF in strips; the file appears when the block ends without an error.

    It is tiled and deflated, and has overviews, so that a GIS shows large ones at once. Memory holds some rows only;
    the rows lie uncompressed beside the file until all are there. The same pixels give the same bytes, whatever the
    strips.

    Args:
      path: the file to create or replace; a missing folder is created.
      grid: size, transform and CRS.
      channels: number of bands.
      dtype: any real number type.
      nodata: the value of pixels that are not available; None for none.
      palette: RGB colour of each value, 0 to 255; of uint8 of one channel.
      tags: metadata by key.
      descriptions: name of each channel.

    Yields:
      A function that takes the next rows, [n, W] or [n, W, C].

    Raises:
      OSError: writing failed; `path` is unchanged.
      ValueError: the rows do not have the grid's size.
    """
    kind = np.dtype(dtype)
    profile = {
        **{"driver": "GTiff", "width": grid.width, "height": grid.height, "count": channels, "dtype": kind.name},
        **{"crs": grid.crs, "nodata": nodata, "BIGTIFF": "IF_SAFER"},
        **({"transform": grid.transform} if not grid.transform.is_identity else {}),
        **{"tiled": True, "blockxsize": STRIP, "blockysize": STRIP, "interleave": "pixel"},
    }
    optimised = {
        **{"driver": "COG", "compress": "deflate", "predictor": "yes", "blocksize": STRIP, "bigtiff": "if_safer"},
        **{"overview_resampling": "mode" if palette else "average"},  # classes have no mean
    }
    with files.atomic_write(path) as temporary, _without_place(), rasterio.Env(**OPTIONS):
        uncompressed = temporary.with_name(f"{temporary.name}.rows")
        try:
            with rasterio.open(uncompressed, "w", **profile) as target:
                _describe(target, palette or {}, tags or {}, descriptions)
                rows = _Rows(target, path)
                yield rows.write
                rows.finish()
            rasterio.shutil.copy(uncompressed, temporary, **optimised)
        except RasterioError as error:
            raise OSError(f"{path} could not be written ({_reason(error, temporary)})") from None
        finally:
            uncompressed.unlink(missing_ok=True)


def write_geotiff(path: Path, strips: np.ndarray | Iterable[np.ndarray], grid: Grid, **options: Any) -> None:
    """Write an image as a GeoTIFF; see `geotiff_written`.

    Args:
      path: the file to create or replace.
      strips: [H, W] or [H, W, C], any real number type; or its rows from the top down, [n, W] or [n, W, C] each.
      grid: size, transform and CRS.
      options: nodata, palette, tags and descriptions.
    """
    rows = iter([strips] if isinstance(strips, np.ndarray) else strips)
    first = next(rows)
    with geotiff_written(path, grid, 1 if first.ndim == 2 else first.shape[2], first.dtype, **options) as write:
        for strip in itertools.chain([first], rows):
            write(strip)


def _describe(
    target: Any, palette: Mapping[int, tuple[int, int, int]], tags: Mapping[str, str], descriptions: Sequence[str]
) -> None:
    """Write what a file says beside its pixels."""
    if palette:
        target.write_colormap(1, {value: (*colour, 255) for value, colour in palette.items()})
    target.update_tags(**tags)
    for band, text in enumerate(descriptions, 1):
        target.set_band_description(band, text)


class _Rows:
    """Writes rows in multiples of a tile's height, so that no tile is written twice."""

    def __init__(self, target: Any, path: Path):
        self._target, self._path, self._row = target, path, 0
        self._waiting = np.empty((0, target.width, target.count), target.dtypes[0])

    def write(self, rows: np.ndarray) -> None:
        if rows.dtype != self._waiting.dtype:
            raise ValueError(f"{self._path}: {rows.dtype} numbers, not {self._waiting.dtype}")
        rows = rows.reshape(len(rows), self._target.width, self._target.count)
        self._waiting = np.concatenate([self._waiting, rows])
        self._flush(len(self._waiting) // STRIP * STRIP)

    def finish(self) -> None:
        self._flush(len(self._waiting))
        if self._row != self._target.height:
            raise ValueError(f"{self._path} should have {self._target.height} rows, not {self._row}")

    def _flush(self, count: int) -> None:
        if self._row + count > self._target.height:
            raise ValueError(f"{self._path} should have {self._target.height} rows, not more")
        if count:
            window = Window(0, self._row, self._target.width, count)
            self._target.write(np.moveaxis(self._waiting[:count], -1, 0), window=window)
            self._waiting, self._row = self._waiting[count:], self._row + count
