"""Example images of a report: the choice of images, and what the page shows of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class ExampleImage:
    """One of the images of an example."""

    name: str  # such as "mask", or "gen5, epoch 210"
    pixels: np.ndarray | Path  # uint8 [H, W] or [H, W, 3]; or the path of a PNG
    scores: Mapping[str, str] = field(default_factory=dict)  # by name, formatted


@dataclass(frozen=True)
class Example:
    """A sample of the split: its input, its target, and the image of each run."""

    reasons: tuple[str, ...]  # why it was chosen, such as "worst SSIM"
    name: str
    images: tuple[ExampleImage, ...]


def choose(values: Mapping[str, np.ndarray]) -> dict[int, tuple[str, ...]]:
    """Choose the worst, the median and the best sample by each score.

    Args:
      values: name of the score -> float [n], one for each sample, higher is better; NaN: no score.

    Returns:
      Index of each chosen sample -> the reasons, such as ("worst SSIM", "best Dice"). Of equal values the first sample
      counts, and of two middle ones the lower is the median.
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


def selection_note(scores: Sequence[str], samples: str) -> str:
    """Return a sentence such as "The worst, the median and the best of all 4132 images of val by SSIM and Dice."

    Args:
      scores: their names.
      samples: such as "all 4132 images of val".
    """
    listed = " and ".join(filter(None, (", ".join(scores[:-1]), scores[-1])))
    return f"The worst, the median and the best of {samples} by {listed}."
