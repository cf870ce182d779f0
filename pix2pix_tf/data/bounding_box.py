"""The bounding box in which the front of a scene is evaluated, as CaFFe's published code applies it."""

from collections.abc import Sequence
from typing import TypeAlias

BoundingBox: TypeAlias = tuple[int, int, int, int]  # pixels: row_from, row_to, column_from, column_to, ends excluded


def clip(box: Sequence[float], height: int, width: int) -> BoundingBox:
    """Return the part of a box that lies in a scene, in whole pixels.

    As published, an end beyond the scene becomes its side - 1, so that the last row or column is lost; an end equal to
    the side stays, and nothing is lost. The published figures were computed this way.

    Args:
      box: row_from, row_to, column_from, column_to, the ends excluded; rounded to whole pixels.
      height: pixels of the scene.
      width: likewise.

    Returns:
      No limit is negative. A box outside the scene comes back empty: its start is not below its end.
    """
    row_from, row_to, column_from, column_to = (max(0, round(limit)) for limit in box)
    row_to = height - 1 if row_to > height else row_to
    column_to = width - 1 if column_to > width else column_to
    return row_from, row_to, column_from, column_to
