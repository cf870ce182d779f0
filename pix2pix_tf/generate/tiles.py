"""Scenes larger than a network's patches: tiled, generated, and blended strip by strip.

Each tile has weights that rise where it overlaps the one before and fall where it overlaps the next, sin^2 and cos^2.
A network with instance normalisation gives each tile the brightness and the contrast of its own content; over half a
tile, such a difference is too faint a slope to be seen.

A network with stride leaves a grid of its own. At steps of half a tile the grids of neighbours fall
together, so that their textures are alike where they blend, and do not wear each other out (benchmarks/quality).
"""

import zlib
from collections.abc import Callable, Iterator

import numpy as np

from pix2pix_tf.data.tiling import Stitcher, Tiling, pad_by_reflection, ramp_weights

# Generates one tile: uint8 or uint16 [h, w, C] and a seed -> float32 [h, w, C'], [-1, 1].
Generate = Callable[[np.ndarray, int], np.ndarray]


def generate_strips(
    read: Callable[[int], np.ndarray], height: int, width: int, tiling: Tiling, generate: Generate, seed: int
) -> Iterator[np.ndarray]:
    """Generates a scene of any size from the top down; in memory is one row of tiles and what came of it.

    Args:
      read: gives so many of the mask's next rows, uint8 or uint16 [n, W, C], fewer where it ends.
      height: of the scene, pixels.
      width: likewise.
      tiling: how it is divided.
      generate: the network.
      seed: of the scene. The same seed gives the same image; each tile has a seed of its own.

    Yields:
      The generated rows, float32 [n, W, C'], one block for each row of tiles.
    """
    columns, tall, wide = tiling.places(width), tiling.side(height), tiling.side(width)
    mask, top, bottom = read(tall), 0, min(tall, height)
    stitcher = Stitcher(height, width)
    for row in tiling.places(height):
        mask = np.concatenate([mask[row.start - top :], read(row.start + tall - bottom)])
        top, bottom = row.start, row.start + len(mask)
        strip = pad_by_reflection(mask, tall, columns[-1].start + wide)
        down = ramp_weights(tall, row.before, row.after)
        for column in columns:
            tile = generate(strip[:, column.start : column.start + wide], tile_seed(seed, row.start, column.start))
            across = ramp_weights(wide, column.before, column.after)
            stitcher.add(row.start, column.start, tile, np.outer(down, across))
        yield stitcher.take(row.start + tall - row.after).astype(np.float32)


def tile_seed(seed: int, row: int, column: int) -> int:
    """The seed of the tile that begins there, 0 up to below 2**31.

    The first one has the scene's: so a scene of one tile is what the network paints of it in one call.
    """
    return seed if row == column == 0 else zlib.crc32(f"{seed}/{row}/{column}".encode()) >> 1
