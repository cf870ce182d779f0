"""Tiled inference: runs an export on scenes of any size, strip by strip. Memory holds one row of tiles.

Each tile has weights that rise where it overlaps the previous tile and fall where it overlaps the next one, as sin^2
and cos^2. A network with instance normalisation gives each tile the brightness and the contrast of its own content;
over half a tile, such a difference is too faint a slope to be visible.

A strided network leaves a grid of its own. At steps of half a tile the grids of neighbours coincide, so their textures
agree where they blend and do not average out (benchmarks/quality).
"""

import functools
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from pix2pix_tf.data.classes import ZONE_VALUES
from pix2pix_tf.data.tiling import Stitcher, Tiling, pad_by_reflection, ramp_weights

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model

# Threads that TensorFlow may split one operation among, in every process. Their number changes the order of sums, and
# so the last bits: three give other bytes than one, two or four (benchmarks/speed). So it may depend neither on
# --workers nor on the machine; more workers use more cores better.
THREADS = 2
BLOCK = 256  # rows of a mask that are read at a time
TILES = 2  # default side of a tile, in sides of the patches that the model was trained on

InputTile: TypeAlias = np.ndarray  # uint8 or uint16 [h, w, C]: PNG values of the input roles, stacked along channels
OutputTile: TypeAlias = np.ndarray  # float32 [h, w, C']: for a generator in [-1, 1]
Place: TypeAlias = tuple[int, int]  # row and column of a tile's upper left pixel in the scene
RunTile: TypeAlias = Callable[[InputTile, int, Place], OutputTile]  # takes a tile, its seed, and its place


class RowReader(Protocol):
    """Reads an image from the top down, such as `StripReader`."""

    height: int
    width: int

    def read(self, count: int) -> np.ndarray:
        """Return the next rows, [count, W, C]; fewer at the end."""


class ArrayReader:
    """Reads an image in memory from the top down, as `StripReader` reads a file."""

    def __init__(self, image: np.ndarray):
        """Keep the image, uint8 or uint16 [H, W, C]."""
        self.height, self.width = image.shape[:2]
        self._image, self._done = image, 0

    def read(self, count: int) -> np.ndarray:
        """Return the next rows, [count, W, C]; fewer at the end."""
        rows = self._image[self._done : self._done + count]
        self._done += len(rows)
        return rows


def tiling_of(model: "Model", tile: int | None = None, overlap: int | None = None) -> Tiling:
    """Return how a model divides large scenes.

    Args:
      model: a generator.
      tile: pixels, the side of a tile; None: TILES patches.
      overlap: pixels that neighbours share; None: half a tile.

    Raises:
      UserError: the tile does not divide as the model needs, or overlaps by more than half.
    """
    side = TILES * model.size if tile is None else tile
    tiling = Tiling(side, side // 2 if overlap is None else overlap, model.divisor)
    tiling.check()
    return tiling


def load(path: Path) -> "Model":
    """Load an export, once in each process.

    Args:
      path: a version folder, a base path (its newest version), or a run (its best epoch, or the newest).

    Raises:
      UserError: there is no export, or it cannot be read.
    """
    from pix2pix_tf.export import (  # TensorFlow: some seconds, which a mistyped option should not cost
        versions,
    )

    return _load(versions.find(path))


@functools.lru_cache(maxsize=1)
def _load(version: Path) -> "Model":
    import tensorflow as tf

    from pix2pix_tf.export import saved_model

    try:
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)  # else the first process takes all of its memory
    except RuntimeError:
        pass  # TensorFlow is initialised already, in a program of the user's own
    return saved_model.load(version)


@dataclass(frozen=True)
class Style:
    """The style that a user requests; a model without styles ignores it."""

    text: str = ""  # "": by the seed, "random", or "scene:" and a name; see data/styles.choose
    measured: tuple[tuple[float, ...], tuple[float, ...]] | None = None  # values and flags of an image of the user's


def tile_generator(
    model: "Model", condition: str, style: Style, present: np.ndarray | None, seed: int, level: int = 0
) -> RunTile:
    """Return the function that generates the tiles of one scene.

    The tiles of a model with styles have one style, which suits the zones of the whole scene, and the noise of their
    place, so that speckle agrees where they overlap.

    Args:
      model: a generator.
      condition: as data/conditions.py writes it.
      style: requested.
      present: of the scene's mask (`present_zones`); None for a model without styles.
      seed: of the scene.
      level: halvings of the scene (`scales`): each has the style of the scene, and noise of its own.
    """
    if not model.styles or present is None:
        return functools.partial(generate_tile, model, condition)
    vector = model.choose_style(present, seed, condition, style.text, style.measured)
    noise = tile_seed(seed, -level, -level)
    return lambda tile, _, place: model.generate_styled(tile[np.newaxis], vector, noise, place)[0]


def present_zones(zones: RowReader) -> np.ndarray:
    """Return 1 for each zone of a mask (rock, glacier, ocean), else 0: float32 [3]. Reads the mask to its end."""
    known: set[int] = set()
    while (rows := zones.read(BLOCK)).size:
        known |= set(np.unique(rows).tolist())
    return np.array([float(value in known) for value in ZONE_VALUES[1:]], np.float32)


def measure_style(model: "Model", sar: np.ndarray, zones: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Measure the style of an image: the mean over pieces of the size of the training patches, which cover it.

    Args:
      model: with styles.
      sar: uint8 [H, W, 1], or uint16 for a model of 16 bit.
      zones: uint8 [H, W, 1], the image's mask.

    Returns:
      Values and flags of the statistics, as `Style.measured` has them.
    """
    size, (height, width, _) = model.size, sar.shape
    starts = [[*range(0, side - size, size), max(side - size, 0)] for side in (height, width)]
    pieces = [np.s_[row : row + size, column : column + size] for row in starts[0] for column in starts[1]]
    measured = [model.measure_style(sar[piece][np.newaxis], zones[piece][np.newaxis]) for piece in pieces]
    values, flags = (np.concatenate(part) for part in zip(*measured, strict=True))
    counts = flags.sum(axis=0)
    means = (values * flags).sum(axis=0) / np.maximum(counts, 1)
    return tuple(means.tolist()), tuple((counts > 0).astype(float).tolist())


def generate_tile(model: "Model", condition: str, tile: InputTile, seed: int, place: Place = (0, 0)) -> OutputTile:
    """Generate one tile, float32 [h, w, C'], [-1, 1]; its place has no influence.

    One tile a call: in a batch, some processors round differently depending on its size, and so would the bytes.
    """
    return model.generate(tile[np.newaxis], np.array([seed]), [condition])[0]


def run_on_images(readers: Sequence[RowReader], tiling: Tiling, run_tile: RunTile, seed: int) -> Iterator[OutputTile]:
    """Run a network on a scene that lies in images; see `run_tiled`.

    Args:
      readers: of an image for each input role, in the network's order, all of one size.
      tiling: how the scene is divided.
      run_tile: the network, such as `tile_generator`.
      seed: of the scene.

    Yields:
      float32 [n, W, C'], from the top down.
    """

    def read(count: int) -> np.ndarray:
        return np.concatenate([reader.read(count) for reader in readers], axis=-1)

    return run_tiled(read, readers[0].height, readers[0].width, tiling, run_tile, seed)


def run_tiled(
    read: Callable[[int], np.ndarray], height: int, width: int, tiling: Tiling, run_tile: RunTile, seed: int
) -> Iterator[OutputTile]:
    """Run a network on a scene of any size from the top down, and blend the tiles.

    Args:
      read: returns the next n rows of the scene, uint8 or uint16 [n, W, C]; fewer at its end.
      height: of the scene, pixels.
      width: of the scene, pixels.
      tiling: how the scene is divided.
      run_tile: the network. Its output has the height and the width of its input.
      seed: of the scene. The same seed gives the same result; each tile gets a seed of its own (`tile_seed`).

    Yields:
      The blended rows, float32 [n, W, C'], one block for each row of tiles.
    """
    columns, tall, wide = tiling.places(width), tiling.side(height), tiling.side(width)
    rows, top, bottom = read(tall), 0, min(tall, height)
    stitcher = Stitcher(height, width)
    for row in tiling.places(height):
        rows = np.concatenate([rows[row.start - top :], read(row.start + tall - bottom)])
        top, bottom = row.start, row.start + len(rows)
        strip = pad_by_reflection(rows, tall, columns[-1].start + wide)
        down = ramp_weights(tall, row.before, row.after)
        for column in columns:
            place = row.start, column.start
            tile = run_tile(strip[:, column.start : column.start + wide], tile_seed(seed, *place), place)
            across = ramp_weights(wide, column.before, column.after)
            stitcher.add(row.start, column.start, tile, np.outer(down, across))
        yield stitcher.take(row.start + tall - row.after).astype(np.float32)


def tile_seed(seed: int, row: int, column: int) -> int:
    """Return the seed of the tile whose upper left pixel is (row, column), 0 <= seed < 2**31.

    The first tile has the scene's seed, so a scene of one tile is the network's output for one call.
    """
    return seed if row == column == 0 else zlib.crc32(f"{seed}/{row}/{column}".encode()) >> 1
