"""Opens the inputs of a generator: masks, images, and SAR scenes, which become grey as in `prepare folder`."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.io import images, raster
from pix2pix_tf.data.io.strips import BLOCK, StripReader
from pix2pix_tf.prepare.own_scenes import brightness
from pix2pix_tf.prepare.own_scenes.brightness import Options


class GreyReader:
    """Reads a SAR scene that is stretched to 8 bits, from the top down. Memory holds a byte for each pixel."""

    def __init__(self, path: Path, role: str, options: Options | None = None):
        """Read and stretch the scene.

        Args:
          path: a raster of any numbers; of two bands VV and VH, the one of the role is taken.
          role: one of `brightness.SAR`.
          options: how it is read; None: the defaults.

        Raises:
          BadImage: the file is damaged or in doubt, or lacks the role.
        """
        chosen = options or Options()
        bands = brightness.polarisations(path)
        if bands and role in bands and role not in (chosen.bands or {}):
            chosen = replace(chosen, bands={role: (bands[role],)})
        image, _ = brightness.examine(path, role, chosen)
        if image.bits != 8:
            raise images.BadImage("16 bit, but the model takes 8 bit (leave out --cut none)")
        self._grey, self._done = brightness.convert(image)[0][..., np.newaxis], 0
        self.height, self.width, self.channels = self._grey.shape
        self.dtype = self._grey.dtype

    def read(self, count: int) -> np.ndarray:
        """Return the next rows, uint8 [count, W, 1]; fewer at the end."""
        rows = self._grey[self._done : self._done + count]
        self._done += len(rows)
        return rows

    def blocks(self, count: int = BLOCK) -> Iterator[np.ndarray]:
        """Yield all remaining rows, `count` at a time."""
        while (block := self.read(count)).size:
            yield block


Reader: TypeAlias = StripReader | GreyReader


def open_input(
    path: Path, role: str, bits: int, codes: Mapping[int, int] | None = None, options: Options | None = None
) -> Reader:
    """Open one input of a generator.

    Args:
      path: the file.
      role: of the input.
      bits: 8 or 16, that the model takes.
      codes: meaning of the numbers of zones, see `classes.parse_classes`; None: CaFFe's.
      options: how SAR scenes of other numbers are read.

    Raises:
      BadImage: the file is damaged, or of a kind that the role cannot have.
    """
    if role in brightness.SAR and bits == 8:
        with raster.open_raster(path) as source:
            as_it_is = source.dtype == np.uint8 and source.channels == CHANNELS[role]
        if not as_it_is:
            return GreyReader(path, role, options)
    return StripReader(path, role, codes)
