"""Reads images that may not fit into memory, in strips of rows from the top down."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from pix2pix_tf.data import validation
from pix2pix_tf.data.classes import VALUES
from pix2pix_tf.data.io import class_numbers, images, raster

BLOCK = 256  # default number of rows in a strip
SUFFIXES = (*images.PNG, *images.TIFF)


class StripReader:
    """Reads a PNG or TIFF of 8 or 16 bits, grey or RGB, from the top down; of masks also other class numbers."""

    def __init__(self, path: Path, role: str = "", codes: Mapping[int, int] | None = None):
        """Open the file and read its header.

        Args:
          path: the file.
          role: of the image. The class numbers of a mask become the values of its role; see `class_numbers`.
          codes: what the numbers of zones mean, see `classes.parse_classes`; None: CaFFe's.

        Raises:
          BadImage: the file is unreadable, or of another kind.
        """
        is_mask = role in VALUES
        if path.suffix.lower() in images.PNG:
            images.check_png_header(path, is_mask)
        with contextlib.ExitStack() as stack:
            self._raster = stack.enter_context(raster.open_raster(path))
            _check_kind(self._raster, is_mask)
            self._open = stack.pop_all()  # closed with this object
        self._means = class_numbers.meaning(role, codes, self._raster.colormap()) if is_mask else None
        self._role, self._codes = role, codes
        self.height, self.width, self.channels = self._raster.height, self._raster.width, self._raster.channels
        self.grid = self._raster.grid
        self.dtype = np.dtype(np.uint8) if is_mask else self._raster.dtype
        self._done = 0

    def read(self, count: int) -> np.ndarray:
        """Read the next rows.

        Args:
          count: number of rows; fewer come at the end of the image, and none after it.

        Returns:
          uint8 or uint16 [count, W, C]; 0, which masks have for "not available", where the file has no data.

        Raises:
          BadImage: the file is truncated or damaged, or a number is no class.
        """
        pixels, valid = self._raster.read(self._done, count)
        if self._means is not None:
            pixels = self._decoded(pixels, valid)
        self._done += len(pixels)
        return pixels if valid.all() else np.where(valid, pixels, 0).astype(self.dtype)

    def _decoded(self, pixels: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """Return the values of a mask, uint8."""
        assert self._means is not None
        if self._codes and self._raster.nodata[0] in self._means:
            valid |= pixels == self._raster.nodata[0]  # the user's word counts more than the file's
        values, unknown = class_numbers.decode(pixels, valid, self._means)
        if unknown.any():
            row, column, channel = np.argwhere(unknown)[0]
            number = pixels[row, column, channel]
            problem = validation.class_problem(self._role, np.array([[number]]))
            if self._codes:
                known = " ".join(f"{value}=..." for value in self._codes)
                problem = f"the value {number:.10g} is none of --classes {known} (add what it is)"
            raise images.BadImage(f"row {self._done + row}, column {column}: {problem}")
        return values

    def blocks(self, count: int = BLOCK) -> Iterator[np.ndarray]:
        """Yield all remaining rows, `count` at a time."""
        while (block := self.read(count)).size:
            yield block


def _check_kind(image: raster.Raster, is_mask: bool) -> None:
    """Reject numbers and channels that no network takes."""
    if is_mask and image.is_jpeg:
        raise images.BadImage("compressed as JPEG, which blurs the classes of masks (export it with deflate)")
    if image.dtype not in (np.uint8, np.uint16) and not (is_mask and image.dtype.kind in "iuf"):
        raise images.BadImage(f"an image of {image.dtype} numbers (save with 8 or 16 bit)")
    channels = image.channels + image.has_alpha
    if channels not in (1, 3) or image.has_alpha:
        raise images.BadImage(f"an image of {channels} channels (save as grey or RGB, without alpha)")
