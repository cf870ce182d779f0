"""One image painted: the work of a process, small to send and the same bytes in whatever process it is done."""

import contextlib
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.data import classes
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.io import images, png
from pix2pix_tf.data.io.strips import StripReader
from pix2pix_tf.data.tiling import Tiling
from pix2pix_tf.generate.tiles import generate_strips
from pix2pix_tf.utils import cli

if TYPE_CHECKING:
    from pix2pix_tf.export.saved_model import Model

# Threads that TensorFlow may split one operation among, in every process. Their number changes the order of sums, and
# so the last bits: three give other bytes than one, two or four (benchmarks/speed). So it may depend neither on
# --workers nor on the machine; more cores are used better by more workers.
THREADS = 2


@dataclass(frozen=True)
class ImageTask:
    """One image to paint, and what goes with it."""

    model: Path  # a version folder
    inputs: tuple[Path, ...]  # a file for each input role
    outputs: tuple[tuple[str, Path], ...]  # role and file: of each input, of fronts, of each target last
    seed: int
    condition: str  # what the model is told beside the mask, as data/conditions.py writes it
    tiling: Tiling
    alone: bool  # whether no other image is wanted: then the rows of its tiles are shown as progress

    @property
    def is_done(self) -> bool:
        """Whether all files are there."""
        return all(path.exists() for _, path in self.outputs)


@functools.lru_cache(maxsize=1)
def load(folder: Path) -> "Model":
    """Loads an export, once in each process.

    Raises:
      UserError: as `export.load`.
    """
    import tensorflow as tf  # some seconds, which no mistake of the user's has to wait for

    from pix2pix_tf.export import saved_model

    try:
        tf.config.threading.set_intra_op_parallelism_threads(THREADS)
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)  # else the first process takes all of its memory
    except RuntimeError:
        pass  # TensorFlow is at work already, in a program of the user's own
    return saved_model.load(folder)


def paint_image(job: ImageTask) -> None:
    """Writes the files of one image that are not there yet; the image itself comes last.

    Raises:
      OSError: as the writing does; what is there is whole.
    """
    model = load(job.model)
    sources = dict(zip(model.inputs, job.inputs, strict=True))
    for role, path in job.outputs:
        if path.exists() or role in model.targets:
            continue
        rows = StripReader(sources["zones" if role == "fronts" and "fronts" not in sources else role])
        blocks = rows.blocks() if role in sources else front_rows(rows.blocks())
        with png.written(path, rows.height, rows.width, rows.channels, 8 * rows.dtype.itemsize) as write:
            for block in blocks:
                write(block)
    if not job.is_done:
        _paint(job, model)


def _paint(job: ImageTask, model: "Model") -> None:
    """Paints the target roles, all at once, from the top down."""
    inputs = [StripReader(path) for path in job.inputs]
    height, width = inputs[0].height, inputs[0].width
    strips = generate_strips(
        lambda count: np.concatenate([rows.read(count) for rows in inputs], axis=-1),
        height, width, job.tiling, functools.partial(paint_tile, model, job.condition), job.seed,
    )  # fmt: skip
    if job.alone:
        strips = cli.progress(strips, len(job.tiling.places(height)), "rows of tiles painted")
    ends = np.cumsum([CHANNELS[role] for role in model.targets])[:-1]
    with contextlib.ExitStack() as stack:
        writers = [
            stack.enter_context(png.written(path, height, width, CHANNELS[role]))
            for role, path in job.outputs
            if role in model.targets
        ]
        for strip in strips:
            for write, part in zip(writers, np.split(images.to_pixels(strip), ends, axis=-1), strict=True):
                write(part)


def paint_tile(model: "Model", condition: str, tile: np.ndarray, seed: int) -> np.ndarray:
    """Paints one tile: uint8 or uint16 [h, w, C] -> float32 [h, w, C'], [-1, 1].

    One tile a call: in a batch, some processors round differently by its size, and bytes would follow.
    """
    return model.generate(tile[np.newaxis], np.array([seed]), [condition])[0]


def front_rows(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The calving front of zones that come in blocks of rows: what `masks.front_of` finds in the whole of them.

    Args:
      blocks: uint8 [n, W, 1], from the top down.

    Yields:
      uint8 [n, W], as many rows in all.
    """
    known = None  # the last two rows: whether the last one is front, the next block's first row tells
    for block in blocks:
        zones = block[..., 0] if known is None else np.concatenate([known, block[..., 0]])
        yield classes.front_of(zones)[0 if known is None else len(known) - 1 : -1]
        known = zones[-2:]
    if known is not None:
        yield classes.front_of(known)[-1:]
