"""A sheet of some of the masks that were made, to look at before a model paints from them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.data import classes, visualization
from pix2pix_tf.data.io import images, mask_drawings
from pix2pix_tf.data.loading import evenly_spaced
from pix2pix_tf.prepare.masks.build import MaskTask

OVERVIEW = "overview.png"
ROWS, COLUMNS = 6, 4  # of masks, at most
LINE = (255, 255, 255)  # sRGB: no class has it


def draw_overview(output: Path, jobs: Sequence[MaskTask]) -> None:
    """Draws some of the masks of a data set, each in the row of what it was made from.

    Args:
      output: the data set's folder.
      jobs: what was made, one or more.
    """
    name, rows = output.resolve().name, _rows(jobs)
    if rows:
        columns = _moved(rows) if jobs[0].move else _drawn(rows)
        title = f"{name}: {sum(len(made) for _, made in rows)} of {len(jobs)} masks"
        title += "; white: the front before" if jobs[0].move else ""
    else:
        columns = _fjords([job.path for job in jobs[: ROWS * COLUMNS]])
        title = f"{name}: {sum(len(column) for _, column in columns)} of {len(jobs)} new fjords"
    visualization.grid(output / OVERVIEW, columns, title, legend=True, captions=[source.stem for source, _ in rows])


def _fjords(paths: Sequence[Path]) -> list[tuple[str, list[np.ndarray]]]:
    width = min(COLUMNS, len(paths))
    whole = len(paths) // width * width  # columns of one length
    return [("", [_coloured(path) for path in paths[place:whole:width]]) for place in range(width)]


def _rows(jobs: Sequence[MaskTask]) -> list[tuple[Path, list[MaskTask]]]:
    """Some sources, spread evenly over all, with what was made from each, equally much; none of new fjords."""
    by_source: dict[Path, list[MaskTask]] = {}
    for job in jobs:
        if job.source:
            by_source.setdefault(job.source, []).append(job)
    rows = [(source, by_source[source]) for source in evenly_spaced(list(by_source), ROWS)]
    width = min([COLUMNS, *(len(made) for _, made in rows)])
    return [(source, made[:width]) for source, made in rows]


def _moved(rows: Sequence[tuple[Path, Sequence[MaskTask]]]) -> list[tuple[str, list[np.ndarray]]]:
    before = [mask_drawings.read_mask(source, made[0].tolerance) for source, made in rows]
    columns = [("before", [classes.colour_zones(zones) for zones in before])]
    for place in range(len(rows[0][1])):
        moved = [_coloured(made[place].path) for _, made in rows]
        for picture, zones in zip(moved, before, strict=True):
            picture[classes.front_of(zones) > 0] = LINE
        columns.append(("moved", moved))
    return columns


def _drawn(rows: Sequence[tuple[Path, Sequence[MaskTask]]]) -> list[tuple[str, list[np.ndarray]]]:
    pictures = [images.read_drawing(source)[0] for source, _ in rows]
    return [("drawn", pictures), ("classes", [_coloured(made[0].path) for _, made in rows])]


def _coloured(path: Path) -> np.ndarray:
    """uint8 [H, W, 3]: a mask in the colours of its classes."""
    return classes.colour_zones(images.read_png(path))
