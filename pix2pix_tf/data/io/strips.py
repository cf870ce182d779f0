"""Reads images that may not fit into memory, in strips of rows from the top down.

libvips (https://www.libvips.org) decodes PNG and TIFF only as far as requested.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyvips

from pix2pix_tf.data.io import images, limits
from pix2pix_tf.data.io import tiff as raster

BLOCK = 256  # default number of rows in a strip
SUFFIXES = (*images.PNG, *images.TIFF)

_DTYPES = {"uchar": np.uint8, "ushort": np.uint16}


class StripReader:
    """Reads a PNG or TIFF of 8 or 16 bits, grey or RGB, from the top down."""

    def __init__(self, path: Path):
        """Open the file and read its header.

        Raises:
          BadImage: the file is unreadable, or of another kind.
        """
        self._kind = "PNG" if path.suffix.lower() in images.PNG else "TIFF"
        if self._kind == "PNG":
            images.check_png_header(path)
        try:
            image = pyvips.Image.new_from_file(str(path), access="sequential", fail_on="warning")
            if self._kind == "TIFF" or image.get_typeof("interlaced"):  # decoded as a whole
                raster.check_size(image, path)
            self._region = pyvips.Region.new(image)
        except (pyvips.Error, OSError) as error:
            raise raster.damaged(self._kind, error) from None
        if image.width > limits.WIDEST:
            raise images.BadImage(f"{image.width} pixels wide, more than {limits.WIDEST:,} (cut it)")
        if image.format not in _DTYPES:
            raise images.BadImage(f"an image of {image.format} numbers (save with 8 or 16 bit)")
        if image.bands not in (1, 3):
            raise images.BadImage(f"an image of {image.bands} channels (save as grey or RGB, without alpha)")
        self.height, self.width, self.channels = image.height, image.width, image.bands
        self.dtype = np.dtype(_DTYPES[image.format])
        self._done = 0

    def read(self, count: int) -> np.ndarray:
        """Read the next rows.

        Args:
          count: number of rows; fewer come at the end of the image, and none after it.

        Returns:
          uint8 or uint16 [count, W, C].

        Raises:
          BadImage: the file is truncated or damaged.
        """
        count = min(count, self.height - self._done)
        if count < 1:
            return np.empty((0, self.width, self.channels), self.dtype)
        try:
            data = self._region.fetch(0, self._done, self.width, count)
        except pyvips.Error as error:
            raise raster.damaged(self._kind, error) from None
        self._done += count
        return np.frombuffer(data, self.dtype).reshape(count, self.width, self.channels)

    def blocks(self, count: int = BLOCK) -> Iterator[np.ndarray]:
        """Yield all remaining rows, `count` at a time."""
        while (block := self.read(count)).size:
            yield block
