"""TIFF files: pixels, and what a GeoTIFF tells beside them.

tifffile reads the tags, and pixels that are deflated or not compressed at all, of any kind of number. libvips
(https://www.libvips.org) reads the others: it knows every compression.
"""

import logging
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import tifffile

os.environ.setdefault("VIPS_WARNING", "0")  # read when it is loaded: what it finds wrong is raised, and told once
import pyvips

from pix2pix_tf.data.io import limits
from pix2pix_tf.data.io.limits import BadImage
from pix2pix_tf.data.scene_names import Facts
from pix2pix_tf.utils.errors import truncate

METRE = 9001  # the GeoTIFF code of the unit
BYTES = {  # of a number, by libvips' names
    **{"uchar": 1, "char": 1, "ushort": 2, "short": 2, "uint": 4, "int": 4},
    **{"float": 4, "double": 8, "complex": 8, "dpcomplex": 16},
}

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # what it finds wrong is raised, and told once
pyvips.cache_set_max(0)  # else a file opened again would go on where its last reader stopped

_SMALLER = 1 | 4  # bits of NewSubfileType: a smaller copy of the image, a mask of what is transparent
_DEFLATED = (tifffile.COMPRESSION.ADOBE_DEFLATE, tifffile.COMPRESSION.DEFLATE)
_INFLATION = 1032  # bytes that deflate makes of one, at most
_PAGES = 100  # looked at, at most

Told = TypeVar("Told")


def read(path: Path) -> np.ndarray:
    """Reads a TIFF as it is.

    Returns:
      [H, W] or [H, W, C], of any number that is not complex.

    Raises:
      BadImage: the file is cut off or damaged, has several images or a palette, or would not fit the memory.
    """
    pixels = _tags(path, lambda tiff: _pixels(tiff, path.stat().st_size))
    if pixels is not None:
        return pixels
    try:
        image = pyvips.Image.new_from_file(str(path), fail_on="error")
        check_size(image, path)
        return image.numpy()
    except (pyvips.Error, OSError, MemoryError) as error:
        raise damaged("TIFF", error) from None


def check_size(image: pyvips.Image, path: Path) -> None:
    """Refuses an image that would become far larger in memory than such files are; see `bounds.check`."""
    limits.check(image.width * image.height * image.bands, BYTES[image.format], path.stat().st_size)


def damaged(kind: str, error: Exception) -> BadImage:
    """What to raise for a PNG or TIFF that libvips or tifffile cannot read."""
    reason = truncate(getattr(error, "detail", "") or str(error) or type(error).__name__)
    return BadImage(f"not a whole {kind} ({reason}; copy or make the file again)")


def no_data_value(path: Path) -> float | None:
    """The number that stands for "no measurement" in a TIFF written by GDAL; None when the file names none.

    Raises:
      BadImage: its tags are damaged.
    """
    return _tags(path, lambda tiff: float(tiff.pages.first.nodata) if "GDAL_NODATA" in tiff.pages.first.tags else None)


def georeference(path: Path) -> Facts:
    """Where a GeoTIFF lies on the ground.

    Returns:
      bounds: left, bottom, right, top, in the unit of the crs.
      crs: such as `EPSG:3031`.
      metres_per_pixel: where the unit is the metre and pixels are square.
      Each only if the file tells it: empty for other files, and for those in degrees or turned against north.

    Raises:
      BadImage: its tags are damaged.
    """
    return _tags(path, _place)


def _place(tiff: tifffile.TiffFile) -> Facts:
    page = tiff.pages.first
    tags, height, width = page.geotiff_tags or {}, page.imagelength, page.imagewidth
    scale, tie, code = (tags.get(key) for key in ("ModelPixelScale", "ModelTiepoint", "ProjectedCSTypeGeoKey"))
    if not scale or not tie or len(tie) != 6 or code is None:
        return {}
    centre = 0.5 if int(tags.get("GTRasterTypeGeoKey", 1)) == 2 else 0.0  # 2: the tie is the pixel's middle
    left = tie[3] - (tie[0] + centre) * scale[0]
    top = tie[4] + (tie[1] + centre) * scale[1]
    corners = left, top - height * scale[1], left + width * scale[0], top
    if not np.isfinite(corners).all() or min(scale[:2]) <= 0:
        raise ValueError("it lies nowhere on the ground")
    found: Facts = {"bounds": corners, "crs": f"EPSG:{int(code)}"}
    if int(tags.get("ProjLinearUnitsGeoKey", METRE)) == METRE and scale[0] == scale[1]:
        found["metres_per_pixel"] = scale[0]
    return found


def _pixels(tiff: tifffile.TiffFile, length: int) -> np.ndarray | None:
    """The pixels of a file of `length` bytes; None if libvips is to read them.

    Raises:
      BadImage: it is of a kind that no role has, or would not fit the memory.
      Exception: it is damaged.
    """
    page = tiff.pages.first
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        raise BadImage("a palette image (save as grey or RGB)")
    if page.dtype is None or page.dtype.kind not in "uif":
        raise BadImage(
            f"an image of {page.dtype or 'odd'} numbers (save 8 or 16 bit or float; complex SAR as amplitude or dB)"
        )
    pages = [one for one in tiff.pages[:_PAGES] if isinstance(one, tifffile.TiffPage)]  # all of them: none is a frame
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
        _expect_no_bomb(page, page.dtype.itemsize)
    elif page.nbytes > length:
        raise ValueError(f"{length:,} bytes cannot hold {page.nbytes:,} of pixels")
    if page.axes not in ("YX", "YXS", "SYX") or 0 in page.shape:
        raise ValueError(f"an image of the dimensions {page.axes}, {page.shape}")
    pixels = page.asarray()
    return np.moveaxis(pixels, 0, -1) if page.axes == "SYX" else pixels


def _expect_no_bomb(page: tifffile.TiffPage, number_bytes: int) -> None:
    """Raises a ValueError for strips or tiles that would inflate to more than they should; tifffile would do it."""
    wanted = int(np.prod(page.chunks)) * number_bytes
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if count * _INFLATION <= limits.PLAIN:
            continue
        page.parent.filehandle.seek(offset)
        packed, unpacked, inflate = page.parent.filehandle.read(count), 0, zlib.decompressobj()
        while packed and not inflate.eof:
            unpacked += len(inflate.decompress(packed, 2**20))
            packed = inflate.unconsumed_tail
            if unpacked > wanted:
                raise ValueError("a strip or tile inflates to more than it should")


def _tags(path: Path, look: Callable[[tifffile.TiffFile], Told]) -> Told:
    """What `look` finds in the tags; whatever it stumbles over, the file is damaged.

    tifffile fails on damaged tags by some dozen kinds of errors, ZeroDivisionError and AssertionError among them.
    """
    try:
        with tifffile.TiffFile(path) as tiff:
            return look(tiff)
    except BadImage:
        raise
    except Exception as error:
        raise damaged("TIFF", error) from None
