"""PNG files, written row by row (the format: ISO/IEC 15948)."""

import contextlib
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from pix2pix_tf.utils import files

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER = 26  # bytes: signature, length and name of the first chunk, width, height, depth, colour type
GREY, RGB, PALETTE = 0, 2, 3  # colour types without alpha

_UP = 2  # the filter by which a row is told as its difference from the row above: a tenth larger than the best mix


@contextlib.contextmanager
def written(
    path: Path, height: int, width: int, channels: int = 1, bits: int = 8, effort: int = 6
) -> Iterator[Callable[[np.ndarray], None]]:
    """Opens a PNG for its rows; when the block ends well it is there, else nothing is.

    Memory is needed for the rows of one call only. The same pixels give the same bytes, whatever the calls.

    Args:
      path: the file to make or to replace; its folder is made if it is missing.
      height: rows that will come.
      width: pixels of a row.
      channels: 1, grey, or 3, RGB.
      bits: 8 or 16.
      effort: zlib's, from 1 (quick) to 9 (small).

    Yields:
      A function that takes the next rows, uint8 (uint16 for 16 bit) [n, W] or [n, W, C].

    Raises:
      OSError: as the writing does; then `path` is as it was before.
      ValueError: other rows came than were announced.
    """
    with files.atomic_write(path) as temporary, temporary.open("wb") as file:
        colour = GREY if channels == 1 else RGB
        header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
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
    """Writes what zlib has ready, if anything."""
    if packed:
        file.write(_chunk(b"IDAT", packed))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
