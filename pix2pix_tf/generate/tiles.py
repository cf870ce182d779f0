"""Scenes larger than a network's patches: cut into overlapping tiles, painted, and put together strip by strip.

Each tile has weights that rise where it overlaps the one before and fall where it overlaps the next, sin^2 and cos^2,
so that those of all tiles sum to one in every pixel. A network with instance normalisation gives each tile the
brightness and the contrast of its own content; over half a tile, such a difference is too faint a slope to be seen.

A network with stride leaves a grid of its own in what it paints. At steps of half a tile the grids of neighbours fall
together, so that their textures are alike where they blend, and do not wear each other out (benchmarks/quality).
"""

import itertools
import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pix2pix_tf.utils.errors import UserError

# Paints one tile: uint8 or uint16 [h, w, C] and a seed -> float32 [h, w, C'], [-1, 1].
Paint = Callable[[np.ndarray, int], np.ndarray]


class Place(NamedTuple):
    """Where a tile lies along one side of a scene, in pixels."""

    start: int
    before: int  # shared with the tile before it
    after: int  # shared with the next one


@dataclass(frozen=True)
class Tiling:
    """How a scene is divided. All in pixels."""

    tile: int  # the longest side of what the network gets at once
    overlap: int  # that neighbours share, half a tile at most
    divisor: int  # what the sides of a tile must be multiples of

    def check(self) -> None:
        """Makes sure that the numbers fit each other.

        Raises:
          UserError: they do not.
        """
        if self.tile < 1 or self.tile % self.divisor:
            raise UserError(f"--tile {self.tile} must be a multiple of {self.divisor}, as this model takes it.")
        if not 0 <= self.overlap <= self.tile // 2:
            raise UserError(f"--overlap {self.overlap} must be from 0 to {self.tile // 2}, half of --tile.")

    def side(self, length: int) -> int:
        """A tile's side along a scene's side of that length: a short scene is one tile, filled up to the divisor."""
        return min(self.tile, math.ceil(length / self.divisor) * self.divisor)

    def places(self, length: int) -> list[Place]:
        """Where tiles lie along a scene's side; the last one may reach beyond it."""
        starts = [0]
        while starts[-1] + self.tile < length:
            starts.append(starts[-1] + self.tile - self.overlap)
        shared = [0, *(a + self.tile - b for a, b in itertools.pairwise(starts)), 0]
        return [Place(*place) for place in zip(starts, shared, shared[1:], strict=False)]


def stitched(
    read: Callable[[int], np.ndarray], height: int, width: int, tiling: Tiling, paint: Paint, seed: int
) -> Iterator[np.ndarray]:
    """Paints a scene of any size from the top down; in memory are one row of tiles and what was painted of it.

    Args:
      read: gives so many of the scene's next rows, uint8 or uint16 [n, W, C], fewer where it ends.
      height: of the scene, pixels.
      width: likewise.
      tiling: how it is divided.
      paint: the network.
      seed: of the scene. The same seed gives the same image; each tile has a seed of its own.

    Yields:
      The painted rows, float32 [n, W, C'], one block for each row of tiles.
    """
    columns, tall, wide = tiling.places(width), tiling.side(height), tiling.side(width)
    mask, top, bottom = read(tall), 0, min(tall, height)
    carried: np.ndarray | float = 0.0  # what the row of tiles before left for the next
    for row in tiling.places(height):
        mask = np.concatenate([mask[row.start - top :], read(row.start + tall - bottom)])
        top, bottom = row.start, row.start + len(mask)
        strip = filled(mask, tall, columns[-1].start + wide)
        painted = _painted(strip, row.start, columns, wide, paint, seed)
        painted *= weights(tall, row.before, row.after)[:, np.newaxis, np.newaxis]
        painted[: row.before] += carried
        ready = tall - row.after
        carried = painted[ready:]
        yield painted[: min(ready, height - row.start), :width]


def _painted(strip: np.ndarray, row: int, columns: Sequence[Place], wide: int, paint: Paint, seed: int) -> np.ndarray:
    """One row of tiles, put together from left to right: float32 [tall, W, C']."""
    whole = None
    for column in columns:
        inside = slice(column.start, column.start + wide)
        tile = paint(strip[:, inside], tile_seed(seed, row, column.start))
        if whole is None:
            whole = np.zeros((*strip.shape[:2], tile.shape[2]), np.float32)
        whole[:, inside] += weights(wide, column.before, column.after)[:, np.newaxis] * tile
    assert whole is not None  # a row has a tile at least
    return whole


def weights(side: int, before: int, after: int) -> np.ndarray:
    """How much a tile counts, along one of its sides.

    Args:
      side: pixels.
      before: pixels over which the weights rise: what the tile shares with the one before.
      after: pixels over which they fall: what it shares with the next.

    Returns:
      float32 [side], (0, 1].
    """
    counted = np.ones(side)
    counted[:before] = _ramp(before)
    counted[side - after :] = _ramp(after)[::-1]
    return counted.astype(np.float32)


def _ramp(length: int) -> np.ndarray:
    """Half a period of sin^2, at the middles of so many pixels."""
    return np.sin(np.pi / 2 * (np.arange(length) + 0.5) / max(length, 1)) ** 2


def filled(mask: np.ndarray, height: int, width: int) -> np.ndarray:
    """Continues a mask at the bottom and at the right by its mirror image.

    A mirror image keeps the shares of the classes near the border, by which instance normalisation sets brightness,
    and lets coasts run on. Zeros would say "shadow": a dark bar, and a brighter rest.

    Args:
      mask: [H, W, C], any dtype.
      height: pixels that are wanted, H or more.
      width: likewise.
    """
    missing = ((0, height - mask.shape[0]), (0, width - mask.shape[1]), (0, 0))
    return np.pad(mask, missing, mode="reflect")


def tile_seed(seed: int, row: int, column: int) -> int:
    """The seed of the tile that begins there, 0 up to below 2**31.

    The first one has the scene's: so a scene of one tile is what the network paints of it in one call.
    """
    return seed if row == column == 0 else zlib.crc32(f"{seed}/{row}/{column}".encode()) >> 1
