"""Scores against the share of real scenes, as pictures."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pix2pix_tf.benefit.results import CLASSES, FRONTS, Compared, Outcome, fractions_of, heading, mean_and_sd, values_of
from pix2pix_tf.evaluation.plots import COLOURS, save

STYLES = {"real": ("real", "o", "-", COLOURS[0]), "both": ("real + synthetic", "s", "--", COLOURS[1])}
BAND = ("synthetic alone", ":", COLOURS[2])
ASIDE = 0.06  # of the way from one fraction to the next, by which the kinds stand apart, lest bars coincide


def draw(folder: Path, outcomes: Sequence[Outcome], compared: Compared) -> None:
    """Draws benefit.png (macro IoU, distance error, missed fronts) and classes.png (IoU of each class).

    Means with bars of one standard deviation over the seeds; the seeds themselves as small points. The line and the
    band across are those of the synthetic images alone, which no fraction changes.

    Args:
      folder: for both, as PNG and as SVG.
      outcomes: of all trainings.
      compared: gives the unit and the number of scenes.
    """
    _draw(folder / "benefit.png", outcomes, compared, FRONTS)
    _draw(folder / "classes.png", outcomes, compared, CLASSES)


def _draw(path: Path, outcomes: Sequence[Outcome], compared: Compared, measures: Sequence[str]) -> None:
    figure = Figure(figsize=(3.6 * len(measures), 4.4), layout="constrained")
    seeds = len({one.trial.seed for one in outcomes})
    for axes, measure in zip(figure.subplots(1, len(measures)), measures, strict=True):
        _panel(axes, outcomes, measure)
        label = heading(measure, compared.unit)
        axes.set_ylabel(f"{label} of {compared.scenes}" if measure == "missed" else label)
        axes.set_xlabel("real training scenes")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, handlelength=4)
    bars = f"mean ± standard deviation of {seeds} seeds (small: each seed)" if seeds > 1 else "one seed, no error bar"
    title = f"{compared.scenes} held-out scenes, {compared.steps} steps a training; {bars}"
    figure.suptitle(title, fontsize="medium")
    save(figure, path)


def _panel(axes: Axes, outcomes: Sequence[Outcome], measure: str) -> None:
    fractions = fractions_of(outcomes)
    places = np.arange(len(fractions))
    for number, (kind, (label, marker, dash, colour)) in enumerate(STYLES.items()):
        seeds = [values_of(outcomes, kind, fraction, measure) for fraction in fractions]
        means, sds, _ = zip(*map(mean_and_sd, seeds), strict=True)
        aside = places + ASIDE * (2 * number - 1)
        style: dict[str, Any] = {
            "color": colour,
            "marker": marker,
            "linestyle": dash,
            "markersize": 6,
            "capsize": 4,
            "label": label,
        }
        axes.errorbar(aside, means, np.nan_to_num(sds), **style)
        for place, values in zip(aside, seeds, strict=True):
            beside = place + ASIDE * (2 * number - 1)
            axes.plot([beside] * len(values), values, marker, color=colour, markersize=3, alpha=0.5, linestyle="none")
    label, dash, colour = BAND
    mean, sd, count = mean_and_sd(values_of(outcomes, "synthetic", None, measure))
    if count:
        axes.axhline(mean, color=colour, linestyle=dash, linewidth=1.5, label=label)
    if not math.isnan(sd):
        axes.axhspan(mean - sd, mean + sd, color=colour, alpha=0.12, linewidth=0)
    low, high = axes.get_ylim()
    axes.set_ylim(bottom=max(low, -0.03 * high))  # a deviation may reach below 0, where no measure is
    scenes = [_scenes(outcomes, fraction) for fraction in fractions]
    axes.set_xticks(places, [f"{100 * f:g} %\n(n = {n})" for f, n in zip(fractions, scenes, strict=True)])
    axes.set_xlim(-0.5, len(fractions) - 0.5)


def _scenes(outcomes: Sequence[Outcome], fraction: float) -> int:
    """How many real scenes a fraction is."""
    return next(one.real_scenes for one in outcomes if one.trial.fraction == fraction)
