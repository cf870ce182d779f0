"""Checks the chunks of PNG files, and writes PNG files in strips of rows (ISO/IEC 15948)."""

import contextlib
import io
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from pix2pix_tf.data.io.limits import BadImage
from pix2pix_tf.utils import files

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = 26  # bytes: signature, length and name of the first chunk, width, height, depth, colour type
GREY, RGB, PALETTE = 0, 2, 3  # colour types without alpha

_UP = 2  # filter: each row as its difference from the row above; files a tenth larger than with the best mix

_TRUNCATED = "not a whole PNG (cut off or damaged; copy or make the file again)"
_ORIENTATION = 274  # EXIF tag; 1 is upright


def check(file: BinaryIO) -> tuple[int, int]:
    """Check all chunks of a PNG, which decoders do not: they accept files that end early.

    Args:
      file: open at its start; chunks are read one at a time.

    Returns:
      Bit depth and colour type.

    Raises:
      BadImage: the file is no PNG, ends early, has a wrong checksum, or is to be turned for display.
    """
    depth, colour = header(file.read(HEADER))
    end = file.seek(0, io.SEEK_END)
    file.seek(len(SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        body = file.read(min(length, end))
        if len(body) < length or file.read(4) != struct.pack(">I", zlib.crc32(body, zlib.crc32(kind))):
            break
        if kind == b"eXIf" and (turn := _orientation(body)) != 1:
            raise BadImage(f"a PNG that is to be turned for display (EXIF Orientation {turn}; save it upright)")
        if kind == b"IEND":
            return depth, colour
    raise BadImage(_TRUNCATED)


def header(data: bytes) -> tuple[int, int]:
    """Return bit depth and colour type of a PNG from its first bytes.

    Raises:
      BadImage: the bytes are not those of a PNG.
    """
    if data[:8] != SIGNATURE:
        raise BadImage("not a PNG, whatever its name says (convert it)")
    if len(data) < HEADER:
        raise BadImage(_TRUNCATED)
    return data[24], data[25]


def _orientation(exif: bytes) -> int:
    try:
        tags = Image.Exif()
        tags.load(exif)
        return int(tags.get(_ORIENTATION, 1))
    except Exception:  # Pillow fails on damaged EXIF with many kinds of errors; viewers then show the image as it is
        return 1


@contextlib.contextmanager
def written(
    path: Path, height: int, width: int, channels: int = 1, bits: int = 8, effort: int = 6
) -> Iterator[Callable[[np.ndarray], None]]:
    """Write a PNG in strips; the file appears when the block ends without an error.

    Memory holds the rows of one call only. The same pixels give the same bytes, whatever the strips.

    Args:
      path: the file to create or replace; a missing folder is created.
      height: pixels of the image.
      width: pixels of the image.
      channels: 1, grey, or 3, RGB.
      bits: 8 or 16.
      effort: compression level of zlib, from 1 (fast) to 9 (small).

    Yields:
      A function that takes the next rows, uint8 (uint16 for 16 bit) [n, W] or [n, W, C].

    Raises:
      OSError: writing failed; `path` is unchanged.
      ValueError: the rows do not have the given shape, number or bits.
    """
    with files.atomic_write(path) as temporary, temporary.open("wb") as file:
        header = struct.pack(">IIBBBBB", width, height, bits, GREY if channels == 1 else RGB, 0, 0, 0)
        file.write(SIGNATURE + _chunk(b"IHDR", header))
        packer, above, done = zlib.compressobj(effort), np.zeros(width * channels * bits // 8, np.uint8), 0

        def write(rows: np.ndarray) -> None:
            nonlocal above, done
            if rows.nbytes != len(rows) * len(above) or 8 * rows.dtype.itemsize != bits:
                raise ValueError(f"{path}: rows of {width} x {channels} x {bits} bit, not {rows.shape} {rows.dtype}")
            for row in np.ascontiguousarray(rows, f">u{bits // 8}").reshape(len(rows), -1).view(np.uint8):
                _put(file, packer.compress(bytes([_UP]) + (row - above).tobytes()))
                above, done = row, done + 1

        yield write
        if done != height:
            raise ValueError(f"{path} should have {height} rows, not {done}")
        _put(file, packer.flush())
        file.write(_chunk(b"IEND", b""))


def _put(file, packed: bytes) -> None:
    """Write compressed bytes, if there are any, as a chunk."""
    if packed:
        file.write(_chunk(b"IDAT", packed))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
