"""The products of a run: fronts.gpkg, summary.csv, report.md and report.html, from the products of its scenes."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pix2pix_tf import html_report
from pix2pix_tf.fronts import series as time_series_of
from pix2pix_tf.fronts import series_plot, trust, vector_files
from pix2pix_tf.fronts.products import LINES, RECORD, each_flag
from pix2pix_tf.fronts.series import Series
from pix2pix_tf.utils import files

Record = tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]  # scene.json, and the features of front.geojson

SHOWN = 30  # overlays in the report; the others are files beside it
FACTS = ("scene", "glacier", "date", "sensor", "metres_per_pixel", "crs")
FIGURES = (
    *("network", "model", "run", "epoch", "length_m", "length_px", "pieces", "probability", "near_nodata"),
    *("on_seams", "fjord", "spread_m", "spread_px", "disagreement_m", "disagreement_px"),
)

HOW_TO_READ = """\
- A **flag** marks a front that may be wrong. Look at its overlay before you use it. A front without a flag can still be
  wrong: the network knows only what it was trained on.
- **probability** is the network's own, in the mean along the front. It is not calibrated: compare it between scenes
  only.
- **fjord** is the share of the fjord's width that the front crosses: of the ocean before its middle, or of the ice
  behind it where that is narrower.
- **spread** is the mean distance between the front and those of the mirrored images (`--uncertainty`). It shows how
  stable the prediction is, not how right.
- Fronts are lines through the centres of the ocean pixels beside the glacier.
"""

ABOUT_SERIES = """\
Positions are distances along the flow, and grow as the glacier advances. **Box method** (Moon & Joughin 2008,
[doi.org/10.1029/2007JF000927](https://doi.org/10.1029/2007JF000927)): the glacier's area between a fixed upstream line
and the front, in a box along the flow, over the width of the box; **coverage** is the share of the width that the front
crosses, and its ends continue over the rest. **Centre-line method**: where the front crosses the centre line, which
ignores all of the front but one point. Lea et al. 2014
([doi.org/10.3189/2014JoG13J061](https://doi.org/10.3189/2014JoG13J061)) compare both. Changes count from the first
date. The rate is the slope of a straight line through all positions.
"""


def read(output: Path, names: Sequence[str]) -> list[Record]:
    """Read the products of scenes that are complete.

    Args:
      output: of the run.
      names: of the scenes.
    """
    folders = [output / name for name in names]
    return [
        (files.read_json(folder / RECORD), files.read_json(folder / "front.geojson")["features"]) for folder in folders
    ]


def write(output: Path, records: Sequence[Record], series: Sequence[Series], command: str) -> None:
    """Write the files of the run.

    Args:
      output: of the run.
      records: of its scenes.
      series: of its glaciers; empty without --time-series.
      command: the command line that reproduces the run, for the report.
    """
    _write_lines(output / "fronts.gpkg", records)
    files.write_text(output / "summary.csv", summary(records))
    for one in series:
        series_plot.positions(output / time_series_of.FOLDER / f"{one.name}.png", one)
        series_plot.fronts(output / time_series_of.FOLDER / f"{one.name}-map.png", one)
    if series:
        time_series_of.write(series, output)
    html_report.write(output, page(output, records, series, command))


def _write_lines(path: Path, records: Sequence[Record]) -> None:
    """Write all lines into one GeoPackage, with a layer for each CRS where there are several."""
    by_crs: dict[str | None, list[dict]] = {}
    for record, features in records:
        by_crs.setdefault(record.get("crs") if record.get("bounds") else None, []).extend(map(dict, features))
    several = len(by_crs) > 1
    names = {crs: f"{LINES} {crs or 'in pixels'}" if several else LINES for crs in by_crs}
    vector_files.write_geopackage(path, {names[crs]: (features, crs) for crs, features in by_crs.items()})


def summary(records: Sequence[Record]) -> str:
    """Return the text of summary.csv: one line for each scene and network."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*FACTS, *FIGURES, "flags"])
    for record, _ in records:
        for front in record["fronts"]:
            facts = [record.get(key) for key in FACTS]
            writer.writerow([*facts, *(front.get(key) for key in FIGURES), " ".join(each_flag(front))])
    return text.getvalue()


def page(output: Path, records: Sequence[Record], series: Sequence[Series], command: str) -> str:
    """Return the text of report.md.

    Args:
      output: of the run.
      records: of its scenes.
      series: of its glaciers.
      command: the command line that reproduces the run.
    """
    fronts = [front for record, _ in records for front in record["fronts"]]
    flagged = sum(bool(each_flag(front)) for front in fronts)
    networks = ", ".join(dict.fromkeys(f"{front['run']}@{front['epoch']} ({front['network']})" for front in fronts))
    meanings = sorted({flag for front in fronts for flag in each_flag(front)}, key=list(trust.FLAGS).index)
    flags = "\n".join(f"- **{flag}**: {trust.FLAGS[flag]}" for flag in meanings)
    shown = [record for record, _ in records[:SHOWN]]
    overlays = "\n\n".join(f"### {one['scene']}\n\n![{one['scene']}](<{one['scene']}/overlay.png>)" for one in shown)
    left_out = len(records) - len(shown)
    more = f"\n\n{left_out} more overlays lie in the scenes' folders." if left_out else ""
    return f"""# Calving fronts of {len(records)} scene{"s" if len(records) > 1 else ""}

Predicted by {networks}. {flagged} of {len(fronts)} fronts have a flag.

{_series_text(series)}## Fronts

{_table(records)}

{flags}

## Overlays

{overlays}{more}

## How to read this

{HOW_TO_READ}
## Files

[fronts.gpkg](fronts.gpkg) has all lines, [summary.csv](summary.csv) all figures; each scene's folder has its
`zones.tif`, `front.gpkg`, `front.geojson` and `overlay.png`.

```
{command}
```
"""


def _table(records: Sequence[Record]) -> str:
    spread = any(front["spread_px"] is not None for record, _ in records for front in record["fronts"])
    head = ["scene", "date", "network", "length", "probability", "fjord", *(["spread"] if spread else []), "flags"]
    lines = [head, ["---", "---", "---", "---:", "---:", "---:", *(["---:"] if spread else []), "---"]]
    for record, _ in records:
        for front in record["fronts"]:
            crossed = "" if front["fjord"] is None else f"{front['fjord']:.0%}"
            spreads = [_length(front, "spread")] if spread else []
            probable = f"{front['probability']:.2f}" if front["pieces"] else ""
            named = [record["scene"], record.get("date") or "", front["network"]]
            lines.append([*named, _length(front, "length"), probable, crossed, *spreads, ", ".join(each_flag(front))])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _length(front: Mapping[str, Any], name: str) -> str:
    """Return a length in metres, or in pixels where the scale is not known."""
    metres, pixels = front[f"{name}_m"], front[f"{name}_px"]
    if metres is not None:
        return f"{metres / 1000:.2f} km" if metres >= 1000 else f"{metres:.0f} m"
    return "" if pixels is None else f"{pixels:.1f} px"


def _series_text(series: Sequence[Series]) -> str:
    if not series:
        return ""
    parts = []
    for one in series:
        rates = [f"{name} {'not known' if rate is None else f'{rate:+.0f} m a year'}"
                 for name, rate in zip(("box", "centre line"), time_series_of.rates(one), strict=True)]  # fmt: skip
        unsigned = "" if one.oriented else " No network for zones shows where the ocean is, so the sign is arbitrary."
        folder = time_series_of.FOLDER
        parts.append(
            f"### {one.glacier}, {one.network}\n\nMean rate: {', '.join(rates)}.{unsigned}\n\n"
            f"![Positions of {one.glacier} by date](<{folder}/{one.name}.png>)\n\n"
            f"![Fronts of {one.glacier}, coloured by date](<{folder}/{one.name}-map.png>)\n\n{_positions_table(one)}"
        )
    return f"## Time series\n\n{ABOUT_SERIES}\n" + "\n\n".join(parts) + "\n\n"


def _positions_table(one: Series) -> str:
    columns = {
        "date": "date", "box_change_m": "box (m)", "area_change_km2": "area (km²)", "box_coverage": "coverage",
        "centre_line_change_m": "centre line (m)", "flags": "flags",
    }  # fmt: skip
    formats = {"box_change_m": "+.0f", "area_change_km2": "+.3f", "box_coverage": ".0%", "centre_line_change_m": "+.0f"}
    lines = [list(columns.values()), ["---", *["---:"] * 4, "---"]]
    for row in time_series_of.table([one]):
        lines.append(["" if row[key] is None else format(row[key], formats.get(key, "")) for key in columns])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
