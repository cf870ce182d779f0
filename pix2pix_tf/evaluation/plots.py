"""Plots scores by epoch."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pix2pix_tf.evaluation.scores import Scores, name_of, runs_of, scores_of
from pix2pix_tf.utils import files

# One run, one style. The colours are those of Okabe & Ito (2008), distinct with any common colour-blindness, without
# the yellow that is lost on white paper; marker and dash make the runs distinct in black and white as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")
REAL = "#BBBBBB"  # of real images: a light grey, broad or as an area, which no run's line can be taken for
SHADED = 5  # runs; the intervals of more would cover each other

LABELS = {"dice": "Dice (non-binary)", "ssim": "SSIM", "faithfulness": "faithfulness (mean IoU)"}  # from the top down


def draw(path: Path, scores: Sequence[Scores], real: float | None = None) -> None:
    """Draw Dice above SSIM by epoch, one line a run, the paper's figure 3; and faithfulness where it is scored.

    A line is the mean over the images, its shade the 95 % interval: a bar where there is one epoch only, and left out
    where there are so many runs that shades would cover each other.

    Args:
      path: the PNG to write; an SVG comes beside it.
      scores: of all runs and epochs, in any order.
      real: the faithfulness of the real images, as a line to compare with.
    """
    runs = [scores_of(scores, run) for run in runs_of(scores)]
    single = len({s.epoch for s in scores}) == 1
    shown = {measure: label for measure, label in LABELS.items() if measure in scores[0].values}
    figure = Figure(figsize=(8, 1.1 + 3.2 * len(shown)), layout="constrained")
    panels = figure.subplots(len(shown), sharex=True)
    for axes, (measure, label) in zip(panels, shown.items(), strict=True):
        for number, run in enumerate(runs):
            aside = 0.2 * (number - (len(runs) - 1) / 2) / len(runs) if single else 0.0  # epochs, lest bars coincide
            _curve(axes, run, measure, number, aside, shaded=len(runs) <= SHADED)
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    lower = panels[-1]
    if real is not None:
        lower.axhline(real, color=REAL, linewidth=4, zorder=0, label="real images")
    lower.set_xlabel("epoch")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    if single:
        lower.set_xticks([scores[0].epoch])
        lower.set_xlim(scores[0].epoch - 0.5, scores[0].epoch + 0.5)
    handles, labels = lower.get_legend_handles_labels()
    fitting = max(1, 100 // (max(map(len, labels)) + 10))  # columns; the page is some 100 letters wide
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(len(labels), fitting), frameon=False, handlelength=4
    )
    save(figure, path)


def save(figure: Figure, path: Path) -> None:
    """Write a picture as PNG, and beside it as SVG, which is sharp at any size; the same picture, the same bytes.

    Args:
      figure: the picture.
      path: the PNG's.
    """
    with files.atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)
    figure.set_layout_engine("none")  # what stands is laid out; to do it again takes as long as to draw
    names = matplotlib.rc_context({"svg.hashsalt": path.stem})  # else they are random
    with names, files.atomic_write(path.with_suffix(".svg")) as temporary:
        figure.savefig(temporary, format="svg", metadata={"Date": None})


def style_of(number: int, label: str) -> dict[str, Any]:
    """Return the style of a run's line, for matplotlib.

    Args:
      number: of the run, from 0.
      label: its name in the legend.
    """
    return {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 5,
        "linestyle": DASHES[number % len(DASHES)],
        "label": label,
    }


def _curve(axes: Axes, scores: Sequence[Scores], measure: str, number: int, aside: float, shaded: bool) -> None:
    """One run's line, moved aside by so many epochs; its number chooses the style."""
    epochs = np.array([s.epoch for s in scores]) + aside
    means, halves = np.transpose([(mean, half or 0.0) for mean, half in (s.interval(measure) for s in scores)])
    style = style_of(number, name_of(scores[0]))
    if len(scores) == 1:  # a shade needs two points
        axes.errorbar(epochs, means, halves, capsize=4, **style)
        return
    axes.plot(epochs, means, **style)
    if shaded:
        axes.fill_between(epochs, means - halves, means + halves, color=style["color"], alpha=0.12, linewidth=0)
