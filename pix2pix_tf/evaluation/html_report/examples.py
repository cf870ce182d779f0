"""Single images to look at: which ones, and what stands beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Shown:
    """A picture of an example."""

    name: str  # such as "mask", or "gen5, epoch 210"
    pixels: np.ndarray | Path  # uint8 [H, W] or [H, W, 3]; or a PNG's path
    scores: Mapping[str, str] = field(default_factory=dict)  # by name, as they are to be read


@dataclass(frozen=True)
class Example:
    """An image of the split: what it was made from, what it should be, and what each run makes of it."""

    places: tuple[str, ...]  # why it is shown, such as "worst SSIM"
    name: str
    pictures: tuple[Shown, ...]


def choose(values: Mapping[str, np.ndarray]) -> dict[int, tuple[str, ...]]:
    """The worst, the median and the best image by each score.

    Args:
      values: score's name -> float [n], one for each image, higher is better; NaN: not scored.

    Returns:
      Places among the images, each with why it was chosen, such as ("worst SSIM", "best Dice"). An image that several
      scores choose is there once; of like values the first image counts. Of two images the lower one is the median.
    """
    chosen: dict[int, list[str]] = {}
    for name, scores in values.items():
        order = np.argsort(scores, kind="stable")[: np.count_nonzero(~np.isnan(scores))]  # NaN comes last
        if not len(order):
            continue
        places = {"worst": order[0], "median": order[(len(order) - 1) // 2], "best": order[-1]}
        for which, place in places.items():
            chosen.setdefault(int(place), []).append(f"{which} {name}")
    return {place: tuple(reasons) for place, reasons in chosen.items()}


def told(names: Sequence[str], of: str) -> str:
    """Says which examples are shown, such as "of all 4132 images the worst, the median and the best by SSIM".

    Args:
      names: of the scores.
      of: what they are chosen from, such as "all 4132 images of val".
    """
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"Of {of}, the worst, the median and the best one by {listed}."
