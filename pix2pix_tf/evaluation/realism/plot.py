"""Plots realism: log-intensity by zone and radial spectra, of real images and each run; measures by training time."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pix2pix_tf.evaluation.plots import COLOURS, DASHES, REAL, save, style_of
from pix2pix_tf.evaluation.realism.report import RealismResults
from pix2pix_tf.evaluation.realism.statistics import RealismScores
from pix2pix_tf.evaluation.scores import Scores, at_last_common_epoch, name_of, runs_of, scores_of
from pix2pix_tf.metrics import sar_realism

BAND, BAND_NAME = "#F3F3F3", "#777777"  # sRGB: the shade of the middle band of a spectrum, and the names of bands
RunEpoch = tuple[str, int]
Measure = Callable[[RealismScores], float]

NARROWEST = 1.0  # dB: width of a bar of a histogram, at least; the dark steps of grey are wider


def draw(path: Path, scores: Sequence[Scores], results: RealismResults) -> None:
    """Draw a histogram for each zone, and the spectra, at the last epoch that all runs have.

    Args:
      path: the PNG to write; an SVG comes beside it.
      scores: of all runs and epochs, in any order.
      results: of the same runs and epochs.
    """
    _, last = at_last_common_epoch(scores)
    sources = [(f"{name_of(s)}, epoch {s.epoch}", results.generated[s.run, s.epoch]) for s in last]
    figure = Figure(figsize=(10, 7.5), layout="constrained")
    panels = figure.subplots(2, 2).ravel()
    for zone, (axes, name) in enumerate(zip(panels[:3], sar_realism.ZONE_NAMES, strict=True)):
        _draw_histograms(axes, zone, results.real, sources)
        axes.set_title(name)
        axes.set_xlabel("intensity (dB against white)")
        axes.set_ylabel("share of pixels (per dB)")
    _draw_spectra(panels[3], results.real, sources)
    for axes in panels:
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = panels[3].get_legend_handles_labels()
    fitting = max(1, 120 // (max(map(len, labels)) + 10))  # columns; the page is some 120 letters wide
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), fitting), frameon=False)
    save(figure, path)


def draw_progress(
    path: Path, scores: Sequence[Scores], results: RealismResults, hours: Mapping[RunEpoch, float]
) -> None:
    """Draw each measure by hours of training, a line a run; by epochs where the time of an export is not known.

    Args:
      path: the PNG to write; an SVG comes beside it.
      scores: of all runs and epochs, in any order.
      results: of the same runs and epochs.
      hours: of training until an export, by run and epoch.
    """
    timed = all((s.run, s.epoch) in hours for s in scores)
    panels: list[tuple[str, Measure, Mapping[RunEpoch, RealismScores]]] = [
        ("faithfulness (pooled IoU)", lambda one: one.faithfulness_pooled, results.generated)
    ]
    if results.masks:
        panels.append((f"the same, masks of {results.masks.name}", panels[0][1], results.masks.generated))
    panels.append(("spectrum (dB off)", lambda one: one.summary()["spectrum"], results.generated))
    if results.has_features:
        panels.append(("kernel distance", lambda one: one.summary()["kernel_distance"], results.generated))
    panels.append(("histogram, mean of zones (dB off)", _histogram, results.generated))
    panels.append(("looks, zone farthest off (times)", lambda one: _looks_off(one, results.real), results.generated))
    figure = Figure(figsize=(10, 3.2 * -(-len(panels) // 3) + 0.5), layout="constrained")
    grid = figure.subplots(-(-len(panels) // 3), 3, sharex=True, squeeze=False).ravel()
    for axes, (label, measure, generated) in zip(grid, panels, strict=False):
        for number, run in enumerate(runs_of(scores)):
            one = scores_of(scores, run)
            axes.plot(
                [hours[s.run, s.epoch] if timed else s.epoch for s in one],
                [measure(generated[s.run, s.epoch]) for s in one],
                **style_of(number, name_of(one[0])),
            )
        if generated is results.generated:  # artificial masks have no real images
            axes.axhline(measure(results.real), color=REAL, linewidth=4, zorder=0, label="real images")
        axes.set_title(label, fontsize="medium")
        axes.set_xlabel("hours of training" if timed else "epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=not timed))
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in grid[len(panels) :]:
        axes.remove()
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    save(figure, path)


def _histogram(one: RealismScores) -> float:
    return float(np.mean([one.summary()[f"histogram_{name}"] for name in sar_realism.ZONE_NAMES]))


def _looks_off(one: RealismScores, real: RealismScores) -> float:
    """Return how many times too many or too few looks the zone has that is farthest off; NaN without any zone."""
    # A zone that is not there has NaN, an even one infinitely many.
    looks = np.stack([one.looks[1], real.looks[1]], axis=1)
    known = looks[(np.isfinite(looks) & (looks > 0)).all(axis=1)]
    return float(max((max(own / its, its / own) for own, its in known), default=np.nan))


def _draw_histograms(axes: Axes, zone: int, real: RealismScores, sources: Sequence[tuple[str, RealismScores]]) -> None:
    first, edges = _bars()
    for number, one in ((None, real), *enumerate(scores for _, scores in sources)):
        counts = one.greys[zone]
        shares = np.add.reduceat(counts, first) / max(counts.sum(), 1) / np.diff(edges)
        if number is None:
            axes.stairs(shares, edges, fill=True, color=REAL)
        else:
            axes.stairs(shares, edges, color=COLOURS[number % len(COLOURS)], ls=DASHES[number % len(DASHES)], lw=1.5)
    axes.set_ylim(bottom=0)


def _bars() -> tuple[np.ndarray, np.ndarray]:
    """Join steps of grey to bars: returns the first step of each, and the bars' ends in dB.

    A step of grey fills what 8 bit rounds to it; black, which has no lower end, is as wide as the step above it.
    """
    ends = sar_realism.decibels((np.arange(sar_realism.GREYS + 1) - 0.5) / (sar_realism.GREYS - 1))
    ends[0] = 2 * ends[1] - ends[2]
    first = [0]
    for step in range(1, sar_realism.GREYS):
        if ends[step] - ends[first[-1]] >= NARROWEST:
            first.append(step)
    return np.array(first), ends[[*first, sar_realism.GREYS]]


def _draw_spectra(axes: Axes, real: RealismScores, sources: Sequence[tuple[str, RealismScores]]) -> None:
    cycles = sar_realism.frequencies(len(real.level))
    _mark_bands(axes, cycles)
    axes.plot(cycles, 10 ** (real.level / 10), color=REAL, lw=6, solid_capstyle="butt", label="real images")
    for number, (label, one) in enumerate(sources):
        style: dict[str, Any] = {"color": COLOURS[number % len(COLOURS)], "ls": DASHES[number % len(DASHES)], "lw": 1.5}
        axes.plot(cycles, 10 ** (one.level / 10), label=label, **style)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_title("radially averaged spectrum of log-intensity")
    axes.set_xlabel("frequency (cycles per pixel)")
    axes.set_ylabel("power (dB²)")


def _mark_bands(axes: Axes, cycles: np.ndarray) -> None:
    """Shade the middle band, and name all bands that have a frequency; in steps of the logarithm a name is centred."""
    ends = (cycles[0], sar_realism.LOW, sar_realism.HIGH, cycles[-1])
    axes.axvspan(sar_realism.LOW, sar_realism.HIGH, color=BAND, lw=0)
    for name, low, high in zip(sar_realism.BAND_NAMES, ends, ends[1:], strict=False):
        if low < high:
            place = np.sqrt(low * high)
            axes.text(place, 0.97, name, transform=axes.get_xaxis_transform(), ha="center", va="top", color=BAND_NAME)
