"""Reads TIFF files: their pixels, and the georeference of a GeoTIFF.

tifffile reads the tags, and pixels of any number type without compression or with deflate. libvips
(https://www.libvips.org) reads all other compressions.
"""

import logging
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import tifffile

os.environ.setdefault("VIPS_WARNING", "0")  # before its import; errors are raised and reported once
import pyvips

from pix2pix_tf.data.io import limits
from pix2pix_tf.data.io.limits import BadImage
from pix2pix_tf.data.scene_names import Facts
from pix2pix_tf.utils.errors import truncate

METRE = 9001  # the GeoTIFF code of the unit
BYTES = {  # of a number, by libvips' names of the types
    **{"uchar": 1, "char": 1, "ushort": 2, "short": 2, "uint": 4, "int": 4},
    **{"float": 4, "double": 8, "complex": 8, "dpcomplex": 16},
}

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # errors are raised and reported once
pyvips.cache_set_max(0)  # or a file that is opened again would continue where its last reader stopped

_SMALLER = 1 | 4  # bits of NewSubfileType: a smaller copy of the image, a transparency mask
_DEFLATED = (tifffile.COMPRESSION.ADOBE_DEFLATE, tifffile.COMPRESSION.DEFLATE)
_INFLATION = 1032  # deflate expands one byte to at most this many
_PAGES = 100  # number of pages that are checked

Result = TypeVar("Result")


def read(path: Path) -> np.ndarray:
    """Read a TIFF without conversion.

    Returns:
      [H, W] or [H, W, C], any real number type.

    Raises:
      BadImage: the file is truncated or damaged, has several images or a palette, or exceeds the memory limits.
    """
    pixels = _with_tags(path, lambda tiff: _pixels(tiff, path.stat().st_size))
    if pixels is not None:
        return pixels
    try:
        image = pyvips.Image.new_from_file(str(path), fail_on="error")
        check_size(image, path)
        return image.numpy()
    except (pyvips.Error, OSError, MemoryError) as error:
        raise damaged("TIFF", error) from None


def check_size(image: pyvips.Image, path: Path) -> None:
    """Reject an image that would need implausibly much memory; see `limits.check`."""
    limits.check(image.width * image.height * image.bands, BYTES[image.format], path.stat().st_size)


def damaged(kind: str, error: Exception) -> BadImage:
    """Return the error to raise for a PNG or TIFF that libvips or tifffile cannot read."""
    reason = truncate(getattr(error, "detail", "") or str(error) or type(error).__name__)
    return BadImage(f"not a whole {kind} ({reason}; copy or make the file again)")


def no_data_value(path: Path) -> float | None:
    """Return the "no data" value of a TIFF written by GDAL; None when it has none.

    Raises:
      BadImage: the tags are damaged.
    """

    def read_tag(tiff: tifffile.TiffFile) -> float | None:
        page = tiff.pages.first
        return float(page.nodata) if "GDAL_NODATA" in page.tags else None

    return _with_tags(path, read_tag)


def georeference(path: Path) -> Facts:
    """Return the georeference of a GeoTIFF.

    Returns:
      bounds: left, bottom, right, top, in the unit of the crs.
      crs: such as `EPSG:3031`.
      metres_per_pixel: where the unit is the metre and pixels are square.
      Empty for other files, and for those in degrees or not oriented to the north.

    Raises:
      BadImage: the tags are damaged.
    """
    return _with_tags(path, _place)


def _place(tiff: tifffile.TiffFile) -> Facts:
    page = tiff.pages.first
    tags, height, width = page.geotiff_tags or {}, page.imagelength, page.imagewidth
    scale, tie, code = (tags.get(key) for key in ("ModelPixelScale", "ModelTiepoint", "ProjectedCSTypeGeoKey"))
    if not scale or not tie or len(tie) != 6 or code is None:
        return {}
    centre = 0.5 if int(tags.get("GTRasterTypeGeoKey", 1)) == 2 else 0.0  # 2: the tie point is the pixel's centre
    left = tie[3] - (tie[0] + centre) * scale[0]
    top = tie[4] + (tie[1] + centre) * scale[1]
    corners = left, top - height * scale[1], left + width * scale[0], top
    if not np.isfinite(corners).all() or min(scale[:2]) <= 0:
        raise ValueError("it lies nowhere on the ground")
    facts: Facts = {"bounds": corners, "crs": f"EPSG:{int(code)}"}
    if int(tags.get("ProjLinearUnitsGeoKey", METRE)) == METRE and scale[0] == scale[1]:
        facts["metres_per_pixel"] = scale[0]
    return facts


def _pixels(tiff: tifffile.TiffFile, length: int) -> np.ndarray | None:
    """Return the pixels of a file of `length` bytes; None if libvips is to read them.

    Raises:
      BadImage: the image is of an unsupported kind, or exceeds the memory limits.
      Exception: the file is damaged.
    """
    page = tiff.pages.first
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        raise BadImage("a palette image (save as grey or RGB)")
    if page.dtype is None or page.dtype.kind not in "uif":
        raise BadImage(
            f"an image of {page.dtype or 'odd'} numbers (save 8 or 16 bit or float; complex SAR as amplitude or dB)"
        )
    pages = [one for one in tiff.pages[:_PAGES] if isinstance(one, tifffile.TiffPage)]
    whole = [one for one in pages if not one.subfiletype & _SMALLER]
    if len(whole) > 1:
        raise BadImage("a TIFF of several images (save one image a file)")
    limits.check(page.nbytes // page.dtype.itemsize, page.dtype.itemsize, length)
    if page.compression not in (tifffile.COMPRESSION.NONE, *_DEFLATED):
        return None
    pieces = int(np.prod(page.chunked))
    if min(len(page.dataoffsets), len(page.databytecounts)) < pieces:
        raise ValueError(f"{len(page.dataoffsets)} strips or tiles in place of {pieces}")
    if page.compression in _DEFLATED:
        _check_inflation(page, page.dtype.itemsize)
    elif page.nbytes > length:
        raise ValueError(f"{length:,} bytes cannot hold {page.nbytes:,} of pixels")
    if page.axes not in ("YX", "YXS", "SYX") or 0 in page.shape:
        raise ValueError(f"an image of the dimensions {page.axes}, {page.shape}")
    pixels = page.asarray()
    return np.moveaxis(pixels, 0, -1) if page.axes == "SYX" else pixels


def _check_inflation(page: tifffile.TiffPage, number_bytes: int) -> None:
    """Raise a ValueError if strips or tiles inflate beyond their size; tifffile does not check this."""
    expected = int(np.prod(page.chunks)) * number_bytes
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if count * _INFLATION <= limits.PLAIN:
            continue
        page.parent.filehandle.seek(offset)
        packed, unpacked, inflate = page.parent.filehandle.read(count), 0, zlib.decompressobj()
        while packed and not inflate.eof:
            unpacked += len(inflate.decompress(packed, 2**20))
            packed = inflate.unconsumed_tail
            if unpacked > expected:
                raise ValueError("a strip or tile inflates to more than it should")


def _with_tags(path: Path, function: Callable[[tifffile.TiffFile], Result]) -> Result:
    """Apply a function to an open TIFF; raise BadImage, as for a damaged file, for any error.

    tifffile fails on damaged tags with about a dozen kinds of errors, ZeroDivisionError and AssertionError among them.
    """
    try:
        with tifffile.TiffFile(path) as tiff:
            return function(tiff)
    except BadImage:
        raise
    except Exception as error:
        raise damaged("TIFF", error) from None
