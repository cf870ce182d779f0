"""Plots of a time series of fronts: the positions by date, and a map of all fronts."""

import datetime
import math
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib import dates as mdates
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from pix2pix_tf.fronts.series import Series
from pix2pix_tf.fronts.time_series import Position
from pix2pix_tf.utils import files

COLOURS = matplotlib.colormaps["cividis"]  # of the dates: distinct with any common colour-blindness
BLUE, VERMILION, GREY = "#0072b2", "#d55e00", "#777777"  # Okabe & Ito (2008)
DPI = 150


def positions(path: Path, series: Series) -> None:
    """Plot the change of the position by both methods, and the change of the area in the box.

    Args:
      path: the PNG to write.
      series: of one glacier.
    """
    places, dates = series.positions(), [mdates.date2num(front.date) for front in series.fronts]
    figure = Figure(figsize=(8, 4.5), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    for name, colour, marker in (("box", BLUE, "o"), ("centre_line", VERMILION, "s")):
        changes = _changes(places, name)
        label = {"box": "box method", "centre_line": "centre-line method"}[name]
        axes.plot(dates, changes, color=colour, marker=marker, markersize=4.5, linewidth=1.2, label=label)
        doubtful = [i for i, front in enumerate(series.fronts) if front.flags and not math.isnan(changes[i])]
        axes.plot([dates[i] for i in doubtful], [changes[i] for i in doubtful], linestyle="none", marker="o",
                  markersize=10, markerfacecolor="none", markeredgecolor=GREY,
                  label="flagged front" if doubtful and name == "box" else None)  # fmt: skip
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    unsigned = "" if series.oriented else " (direction not known)"
    axes.set_ylabel(f"change of front position (m){unsigned}")
    axes.set_title(f"{series.glacier}: advance above 0, retreat below", fontsize=11)
    width = series.box.width / 1e6  # km2 for each metre
    both_ways = (lambda metres: np.asarray(metres) * width, lambda area: np.asarray(area) / width)
    area = axes.secondary_yaxis("right", functions=both_ways)
    area.set_ylabel(f"area change in the box, {series.box.width / 1000:.3g} km wide (km²)")
    locator = mdates.AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.legend(frameon=False, fontsize=9)
    _save(figure, path)


def fronts(path: Path, series: Series) -> None:
    """Draw all fronts on a map, coloured by date, with the box and the centre line.

    Args:
      path: the PNG to write.
      series: of one glacier.
    """
    lines = [(line / 1000, front.date.toordinal()) for front in series.fronts for line in front.lines]
    figure = Figure(figsize=(7.5, 6.5), dpi=DPI, layout="constrained")
    axes = figure.add_subplot()
    days = [front.date.toordinal() for front in series.fronts]
    norm = matplotlib.colors.Normalize(min(days), max(max(days), min(days) + 1))
    collection = LineCollection(
        [line for line, _ in lines], array=np.array([day for _, day in lines]), cmap=COLOURS, norm=norm, linewidths=1.5
    )
    axes.add_collection(collection)
    box, centre = series.box.corners() / 1000, series.centre_line / 1000
    axes.plot(*box.T, color=GREY, linewidth=1, linestyle="--", label="box")
    axes.plot(*centre.T, color=VERMILION, linewidth=1, linestyle=":", label="centre line")
    everything = np.concatenate([box, centre, *(line for line, _ in lines)])
    _frame(axes, everything)
    flow = series.box.flow
    start = box.mean(axis=0)
    if series.oriented:
        axes.annotate("flow", start, start - 0.25 * series.box.length / 1000 * flow, color=GREY, fontsize=9,
                      ha="center", va="center", arrowprops={"arrowstyle": "->", "color": GREY})  # fmt: skip
    name = series.crs if len(series.crs) < 20 else "the scenes' projection"
    axes.set_xlabel(f"x in {name} (km)")
    axes.set_ylabel(f"y in {name} (km)")
    axes.set_title(f"{series.glacier}: {len(series.fronts)} fronts", fontsize=11, loc="left")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=9)
    bar = figure.colorbar(collection, ax=axes, shrink=0.8, label="date")
    ticks = _date_ticks(series.fronts[0].date, series.fronts[-1].date)
    bar.set_ticks([tick.toordinal() for tick in ticks], labels=[f"{tick:%Y-%m-%d}" for tick in ticks])
    _save(figure, path)


def _changes(places: list[Position], name: str) -> list[float]:
    """Return the positions relative to the first known one; NaN where there is none."""
    values = [math.nan if getattr(place, name) is None else getattr(place, name) for place in places]
    first = next((value for value in values if not math.isnan(value)), 0.0)
    return [value - first for value in values]


def _date_ticks(first: datetime.date, last: datetime.date) -> list[datetime.date]:
    """Return round dates between two dates, the ends included; the two themselves where there are fewer than two."""
    start, end = (datetime.datetime.combine(day, datetime.time()) for day in (first, last))
    ticks = [
        mdates.num2date(tick).date() for tick in mdates.AutoDateLocator(minticks=3, maxticks=8).tick_values(start, end)
    ]
    inside = [tick for tick in ticks if first <= tick <= last]
    return inside if len(inside) > 1 else [first, last]


def _frame(axes: Axes, points: np.ndarray) -> None:
    """Show all points with some room around, at one scale on both axes."""
    low, high = points.min(axis=0), points.max(axis=0)
    room = 0.05 * (high - low).max()
    axes.set_xlim(low[0] - room, high[0] + room)
    axes.set_ylim(low[1] - room, high[1] + room)
    axes.set_aspect("equal")
    axes.ticklabel_format(useOffset=False, style="plain")
    axes.grid(color="#eeeeee", linewidth=0.6, zorder=0)


def _save(figure: Figure, path: Path) -> None:
    with files.atomic_write(path) as temporary:
        figure.savefig(temporary, format="png", bbox_inches="tight", metadata={"Software": None})
