"""Reads images that may not fit into memory, in strips of rows from the top down."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pix2pix_tf.data.io import images, raster

BLOCK = 256  # default number of rows in a strip
SUFFIXES = (*images.PNG, *images.TIFF)


class StripReader:
    """Reads a PNG or TIFF of 8 or 16 bits, grey or RGB, from the top down."""

    def __init__(self, path: Path):
        """Open the file and read its header.

        Raises:
          BadImage: the file is unreadable, or of another kind.
        """
        if path.suffix.lower() in images.PNG:
            images.check_png_header(path)
        with contextlib.ExitStack() as stack:
            self._raster = stack.enter_context(raster.open_raster(path))
            _check_kind(self._raster)
            self._open = stack.pop_all()  # closed with this object
        self.height, self.width, self.channels = self._raster.height, self._raster.width, self._raster.channels
        self.dtype = self._raster.dtype
        self._done = 0

    def read(self, count: int) -> np.ndarray:
        """Read the next rows.

        Args:
          count: number of rows; fewer come at the end of the image, and none after it.

        Returns:
          uint8 or uint16 [count, W, C]; 0, which masks have for "not available", where the file has no data.

        Raises:
          BadImage: the file is truncated or damaged.
        """
        pixels, valid = self._raster.read(self._done, count)
        self._done += len(pixels)
        return pixels if valid.all() else np.where(valid, pixels, 0).astype(self.dtype)

    def blocks(self, count: int = BLOCK) -> Iterator[np.ndarray]:
        """Yield all remaining rows, `count` at a time."""
        while (block := self.read(count)).size:
            yield block


def _check_kind(image: raster.Raster) -> None:
    """Reject numbers and channels that no network takes."""
    if image.dtype not in (np.uint8, np.uint16):
        raise images.BadImage(f"an image of {image.dtype} numbers (save with 8 or 16 bit)")
    channels = image.channels + image.has_alpha
    if channels not in (1, 3) or image.has_alpha:
        raise images.BadImage(f"an image of {channels} channels (save as grey or RGB, without alpha)")
