"""A sheet of some of the masks that were made, to look at before a model paints from them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf import sheets
from pix2pix_tf.data import drawn, images, masks
from pix2pix_tf.data.artificial import Job

OVERVIEW = "overview.png"
ROWS, COLUMNS = 6, 4  # of masks, at most
LINE = (255, 255, 255)  # sRGB: no class has it


def draw_overview(output: Path, jobs: Sequence[Job]) -> None:
    """Draws some of the masks of a data set, each in the row of what it was made from.

    Args:
      output: the data set's folder.
      jobs: what was made, one or more.
    """
    name = output.resolve().name
    if jobs[0].source is None:
        columns = _fjords([job.path for job in jobs[: ROWS * COLUMNS]])
        title, captions = f"{name}: {sum(len(column) for _, column in columns)} of {len(jobs)} new fjords", ()
    else:
        rows = _rows(jobs)
        columns, captions = (_moved(rows) if jobs[0].move else _drawn(rows)), [row[0].source.stem for row in rows]
        title = f"{name}: {sum(map(len, rows))} of {len(jobs)} masks"
        title += "; white: the front before" if jobs[0].move else ""
    sheets.grid(output / OVERVIEW, columns, title, legend=True, captions=captions)


def _fjords(paths: Sequence[Path]) -> list[tuple[str, list[np.ndarray]]]:
    width = min(COLUMNS, len(paths))
    whole = len(paths) // width * width  # columns of one length
    return [("", [_coloured(path) for path in paths[place:whole:width]]) for place in range(width)]


def _rows(jobs: Sequence[Job]) -> list[list[Job]]:
    """What was made from each of the first few sources, equally much from each."""
    by_source: dict[Path, list[Job]] = {}
    for job in jobs:
        by_source.setdefault(job.source, []).append(job)
    rows = list(by_source.values())[:ROWS]
    width = min(COLUMNS, *(len(row) for row in rows), COLUMNS)
    return [row[:width] for row in rows]


def _moved(rows: Sequence[Sequence[Job]]) -> list[tuple[str, list[np.ndarray]]]:
    before = [drawn.read_mask(row[0].source, row[0].tolerance) for row in rows]
    columns = [("before", [masks.colour_zones(zones) for zones in before])]
    for place in range(len(rows[0])):
        moved = [_coloured(row[place].path) for row in rows]
        for picture, zones in zip(moved, before, strict=True):
            picture[masks.front_of(zones) > 0] = LINE
        columns.append(("moved", moved))
    return columns


def _drawn(rows: Sequence[Sequence[Job]]) -> list[tuple[str, list[np.ndarray]]]:
    pictures = [images.read_painted(row[0].source)[0] for row in rows]
    return [("drawn", pictures), ("classes", [_coloured(row[0].path) for row in rows])]


def _coloured(path: Path) -> np.ndarray:
    """uint8 [H, W, 3]: a mask in the colours of its classes."""
    return masks.colour_zones(images.read_png(path))
