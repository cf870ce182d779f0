"""Plots of the scores against the fraction of real scenes."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pix2pix_tf.benefit.results import (
    CLASSES,
    FRONTS,
    ExperimentInfo,
    TrialResult,
    fractions_of,
    heading,
    mean_and_sd,
    values_of,
)
from pix2pix_tf.evaluation.plots import COLOURS, save

STYLES = {"real": ("real", "o", "-", COLOURS[0]), "both": ("real + synthetic", "s", "--", COLOURS[1])}
BAND = ("synthetic alone", ":", COLOURS[2])
ASIDE = 0.06  # of the distance between fractions: horizontal offset of the kinds, so that error bars do not overlap


def draw(folder: Path, trial_results: Sequence[TrialResult], info: ExperimentInfo) -> None:
    """Draw benefit.png (macro IoU, distance error, missed fronts) and classes.png (IoU of each class).

    They show means with error bars of one standard deviation over the seeds, and each seed as a small point. The
    horizontal line and band are the synthetic images alone, which do not depend on the fraction.

    Args:
      folder: for both, as PNG and as SVG.
      trial_results: of all trials.
      info: data and options of the experiment.
    """
    _draw(folder / "benefit.png", trial_results, info, FRONTS)
    _draw(folder / "classes.png", trial_results, info, CLASSES)


def _draw(path: Path, trial_results: Sequence[TrialResult], info: ExperimentInfo, measures: Sequence[str]) -> None:
    figure = Figure(figsize=(3.6 * len(measures), 4.4), layout="constrained")
    seeds = len({one.trial.seed for one in trial_results})
    for axes, measure in zip(figure.subplots(1, len(measures)), measures, strict=True):
        _panel(axes, trial_results, measure)
        label = heading(measure, info.unit)
        axes.set_ylabel(f"{label} of {info.scenes}" if measure == "missed" else label)
        axes.set_xlabel("real training scenes")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, handlelength=4)
    bars = f"mean ± standard deviation of {seeds} seeds (small: each seed)" if seeds > 1 else "one seed, no error bar"
    title = f"{info.scenes} held-out scenes, {info.steps} steps a training; {bars}"
    figure.suptitle(title, fontsize="medium")
    save(figure, path)


def _panel(axes: Axes, trial_results: Sequence[TrialResult], measure: str) -> None:
    fractions = fractions_of(trial_results)
    places = np.arange(len(fractions))
    for number, (kind, (label, marker, dash, colour)) in enumerate(STYLES.items()):
        seeds = [values_of(trial_results, kind, fraction, measure) for fraction in fractions]
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
    mean, sd, count = mean_and_sd(values_of(trial_results, "synthetic", None, measure))
    if count:
        axes.axhline(mean, color=colour, linestyle=dash, linewidth=1.5, label=label)
    if not math.isnan(sd):
        axes.axhspan(mean - sd, mean + sd, color=colour, alpha=0.12, linewidth=0)
    low, high = axes.get_ylim()
    axes.set_ylim(bottom=max(low, -0.03 * high))  # a deviation may reach below 0, but no metric does
    scenes = [_scenes(trial_results, fraction) for fraction in fractions]
    axes.set_xticks(places, [f"{100 * f:g} %\n(n = {n})" for f, n in zip(fractions, scenes, strict=True)])
    axes.set_xlim(-0.5, len(fractions) - 0.5)


def _scenes(trial_results: Sequence[TrialResult], fraction: float) -> int:
    """Return the number of real scenes of a fraction."""
    return next(one.real_scenes for one in trial_results if one.trial.fraction == fraction)
