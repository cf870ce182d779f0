"""Scenes larger than the training patches, generated at several scales, from the top down as `inference` does.

A generator knows scenes of one size. In the tiles of a larger one it draws the forms of a whole scene over and over,
and nothing larger than a tile. So the mask is also generated at half its size, at a quarter and so on, down to that of
a training patch, where the generator sees it whole; and each level gives the forms that are too fine for the one below:
a Laplacian pyramid (Burt & Adelson 1983), in log tone. All levels advance together, so memory holds one row of tiles of
each.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from pix2pix_tf.data.classes import NOT_AVAILABLE
from pix2pix_tf.data.tiling import Tiling
from pix2pix_tf.export import inference
from pix2pix_tf.export.inference import OutputTile, RowReader, Style
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model

WHOLE = 1.5  # sides of a training patch: a mask of up to so many is generated whole
DEVIATION, REACH = 1.4, 6  # pixels: of the Gaussian that parts two levels, and its radius

OpenReaders = Callable[[], Sequence[RowReader]]  # opens an image for each input role, in the network's order


def levels_of(model: "Model", height: int, width: int, levels: int | None = None) -> int:
    """Return the number of levels at which a scene is generated.

    Args:
      model: a generator.
      height: of the scene, pixels.
      width: of the scene, pixels.
      levels: requested; None: as many as it takes to see the scene whole, or 1 for a model without styles, which gives
        each level another brightness.

    Raises:
      UserError: the model has no styles, and more than one level is requested.
    """
    if levels is not None:
        if levels < 1:
            raise UserError(f"levels is a number from 1, not {levels}.")
        if levels > 1 and not model.styles:
            raise UserError(f"levels={levels}: this model was trained without styles and generates one level.")
        return levels
    if not model.styles:
        return 1
    excess = max(height, width) / (WHOLE * model.size)
    return 1 + max(0, int(np.ceil(np.log2(excess))))


def generate_scene(
    model: "Model",
    open_readers: OpenReaders,
    tiling: Tiling,
    seed: int,
    condition: str = "",
    style: Style | None = None,
    levels: int | None = None,
) -> Iterator[OutputTile]:
    """Generate a scene of any size from the top down.

    Args:
      model: a generator.
      open_readers: called once or twice for each level.
      tiling: how each level is divided.
      seed: of the scene. The same seed gives the same result.
      condition: as data/conditions.py writes it.
      style: requested; None: by the seed.
      levels: see `levels_of`.

    Yields:
      float32 [n, W, C'], [-1, 1].
    """
    first = open_readers()
    zones = model.inputs.index("zones") if model.styles else 0
    present = inference.present_zones(open_readers()[zones]) if model.styles else None
    count = levels_of(model, first[0].height, first[0].width, levels)

    def generate(level: int, readers: Sequence[RowReader]) -> Iterator[OutputTile]:
        run_tile = inference.tile_generator(model, condition, style or Style(), present, seed, level)
        return inference.run_on_images(readers, tiling, run_tile, seed)

    if count == 1:
        return generate(0, first)
    from pix2pix_tf.data import encoding  # TensorFlow

    def tones(level: int) -> Iterator[np.ndarray]:
        readers, masks = ([Halved(reader, level) for reader in open_readers()] for _ in range(2))
        fine = (encoding.log_tone(strip).numpy() for strip in generate(level, readers))
        return fine if level == count - 1 else blended(tones(level + 1), fine, masks[zones])

    return (encoding.from_log_tone(strip).numpy() for strip in tones(0))


class Halved:
    """Reads an image of classes halved a number of times: of each square of pixels the one in its middle."""

    def __init__(self, reader: RowReader, times: int):
        """Halve what a reader reads, from its beginning."""
        self._reader, self._step = reader, 2**times
        self.height, self.width = -(-reader.height // self._step), -(-reader.width // self._step)

    def read(self, count: int) -> np.ndarray:
        """Return the next rows, [count, W, C]; fewer at the end."""
        rows = self._reader.read(count * self._step)
        down, across = (
            np.minimum(np.arange(0, side, self._step) + self._step // 2, side - 1) for side in rows.shape[:2]
        )
        return rows[down[:, np.newaxis], across]


def blended(coarse: Iterator[np.ndarray], fine: Iterator[np.ndarray], mask: RowReader) -> Iterator[np.ndarray]:
    """Give an image the large forms of another of half its size.

    Args:
      coarse: rows of the other from the top down, float32 [n, ceil(W / 2), 1].
      fine: rows of the image, float32 [n, W, 1].
      mask: its zones; pixels that are not available stay as they are.

    Yields:
      float32 [n, W, 1], as many rows in all as `fine`, some of them a block later.
    """
    larger, waiting = _Rows(np.repeat(np.repeat(rows, 2, axis=0), 2, axis=1) for rows in coarse), _Rows(iter(()))

    def differences() -> Iterator[np.ndarray]:
        for rows in fine:
            waiting.add(rows)
            change = larger.take(len(rows))[:, : rows.shape[1]] - rows
            yield np.where(mask.read(len(rows)) == NOT_AVAILABLE, np.float32(0), change)

    for change in smoothed(differences()):
        yield waiting.take(len(change)) + change


def smoothed(blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Smooth an image that comes in blocks of rows by a Gaussian, with mirrored borders.

    Args:
      blocks: float32 [n, W, 1], from the top down, one or more.

    Yields:
      float32 [n, W, 1]: the same rows, some of them a block later.
    """
    window, above = next(blocks), REACH  # rows to mirror above the window
    for block in blocks:
        if above and len(window) >= REACH:
            window, above = _mirrored(window, REACH, 0), 0
        window = np.concatenate([window, block])
        if not above and len(window) > 2 * REACH:
            yield _gaussian(window)[REACH:-REACH]
            window = window[-2 * REACH :]
    yield _gaussian(_mirrored(window, above, REACH))[REACH:-REACH]


def _mirrored(rows: np.ndarray, above: int, below: int) -> np.ndarray:
    return np.pad(rows, ((above, below), (0, 0), (0, 0)), "symmetric")


def _gaussian(rows: np.ndarray) -> np.ndarray:
    for axis in (0, 1):
        rows = ndimage.gaussian_filter1d(rows, DEVIATION, axis, mode="reflect", radius=REACH)
    return rows


class _Rows:
    """Rows that come in blocks of one size and are taken in others."""

    def __init__(self, blocks: Iterator[np.ndarray]):
        self._blocks, self._count = blocks, 0
        self._held: list[np.ndarray] = []

    def add(self, rows: np.ndarray) -> None:
        """Add rows at the end."""
        self._held.append(rows)
        self._count += len(rows)

    def take(self, count: int) -> np.ndarray:
        """Return the next rows, which must exist."""
        while self._count < count:
            self.add(next(self._blocks))
        rows = np.concatenate(self._held)
        self._held, self._count = [rows[count:]], len(rows) - count
        return rows[:count]
