"""Report of an evaluation of zones and fronts: report.md, table.md, metrics.csv and scenes.csv, from the scores."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pix2pix_tf.data import classes as zone_classes
from pix2pix_tf.data.dataset import Scene
from pix2pix_tf.data.scene_names import season_of
from pix2pix_tf.evaluation.runs import Run
from pix2pix_tf.evaluation.tables import markdown, with_interval
from pix2pix_tf.evaluation.verdict import verdict
from pix2pix_tf.metrics import segmentation
from pix2pix_tf.metrics.front_distance import FrontScore, mean_distance_error
from pix2pix_tf.metrics.statistics import confidence_interval

AGREEMENT = {
    "precision": segmentation.precision,
    "recall": segmentation.recall,
    "f1": segmentation.f1,
    "iou": segmentation.iou,
}
HEADINGS = {"precision": "precision", "recall": "recall", "f1": "F1", "iou": "IoU"}
CLASSES = {"zones": zone_classes.ZONE_NAMES, "fronts": ("front",)}
COLUMNS = ("network", "grouped_by", "group", "scenes")  # of metrics.csv, the first ones
FOLDERS = ("masks", "overlays", "fronts")  # beside the report
SYMBOL = {"metres": "m", "pixels": "px"}

# Mean distance error in metres on the test split of CaFFe at full resolution: all scenes, Mapple, COL.
PUBLISHED = (
    ("CaFFe baseline, zones (Gourmelon et al. 2022)", "753 ± 76", "287", "840"),
    ("CaFFe baseline, fronts (Gourmelon et al. 2022)", "887", "150", "1032"),
    ("nnU-Net", "541", "", ""),
    ("AMD-HookNet", "438", "", ""),
    ("HookFormer", "353", "", ""),
    ("SSL4SAR", "293", "", ""),
    ("multi-temporal", "184", "", ""),
)

HOW_TO_READ = """\
- **Mean distance error** is the mean distance from each pixel of a front to the nearest pixel of the other, in both
  directions, over all scenes. Long fronts count more than short ones.
- **Missed** scenes have a true front but no predicted one. They add no distance, so a network that predicts only easy
  fronts gets a good mean. Read both figures together.
- **Mean of scenes** gives all scenes with both fronts the same weight. ± is half of its 95 % interval (Student's t),
  which takes scenes as independent. Scenes of one glacier are not independent.
- **Precision, recall, F1, IoU** are computed for each scene and class, then averaged over scenes. A scene in which
  neither the true nor the predicted mask has a class is left out for that class. The true front is one pixel wide, and
  the predicted one covers all pixels above the threshold, so precision and IoU of fronts are low for any network.
"""


@dataclass(frozen=True)
class SceneScore:
    """The scores of one scene."""

    name: str
    scene: Scene
    agreement: Mapping[str, np.ndarray]  # precision, recall, f1, iou: float64 [classes]
    front: FrontScore


@dataclass(frozen=True)
class Result:
    """The scores of one network on all scenes of a split."""

    name: str
    run: Run  # for a baseline, the run whose training data it is computed from
    epoch: int | None
    target: str  # zones | fronts
    scenes: tuple[SceneScore, ...]


@dataclass(frozen=True)
class Measured:
    """The data and the options of the evaluation."""

    data: str  # the data set's name
    origin: str  # real | simulated | generated: <run>@<epoch> | unknown
    split: str
    unit: str  # metres | pixels
    min_length: float  # in that unit: components of a front of at most this length are dropped


# Groupings of scenes, as in the benchmark: heading -> a scene's group, None where it is unknown.
Grouping = Callable[[Scene], str | None]
BY: dict[str, Grouping] = {
    "glacier": lambda scene: scene.glacier,
    "season": lambda scene: season_of(scene.glacier, scene.date),
    "sensor": lambda scene: "TSX/TDX" if scene.sensor in ("TSX", "TDX") else scene.sensor,
    "resolution": lambda scene: None if scene.metres_per_pixel is None else f"{scene.metres_per_pixel:g} m",
}


def scenes(results: Sequence[Result], unit: str) -> str:
    """Return the text of scenes.csv: one line for each network and scene."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    measures = [f"{measure}_{name.replace(' ', '_')}" for measure in AGREEMENT for name in _all_classes(results)]
    distance = [f"distance_sum_{unit}", "distance_count", f"mean_distance_{unit}", "missed", "no_true_front"]
    writer.writerow(["network", "scene", *BY, *measures, *distance])
    for result in results:
        for one in result.scenes:
            groups = [group(one.scene) or "" for group in BY.values()]
            values = [_value(result, one, m, name) for m in AGREEMENT for name in _all_classes(results)]
            front = one.front
            mean = "" if front.mean is None else front.mean
            row = [front.total, front.count, mean, int(front.missed), int(front.absent)]
            writer.writerow([result.name, one.name, *groups, *values, *row])
    return text.getvalue()


def summary(results: Sequence[Result], unit: str) -> str:
    """Return the text of metrics.csv: for each network, all scenes and then each group of scenes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = [f"mean_distance_error_{unit}", "missed", "no_true_front", *(f"macro_{measure}" for measure in AGREEMENT)]
    writer.writerow([*COLUMNS, *head])
    for result in results:
        for by, group, members in _groups(result):
            mean, missed, absent = mean_distance_error(one.front for one in members)
            macros = [macro(members, measure) for measure in AGREEMENT]
            row = ["" if mean is None else mean, missed, absent, *macros]
            writer.writerow([result.name, by, group, len(members), *row])
    return text.getvalue()


def _verdict(results: Sequence[Result], unit: str) -> str:
    """Return which network is best by the distance of its fronts, or by IoU if they have none; and what it misses."""
    distances = {r.name: [np.nan if one.front.mean is None else one.front.mean for one in r.scenes] for r in results}
    text = verdict(distances, f"distance of fronts in {unit}", 0 if unit == "metres" else 1, "scenes", True)
    if not text and len({result.target for result in results}) == 1:  # IoU of zones and of fronts do not compare
        overlaps = {r.name: [macro([one], "iou") for one in r.scenes] for r in results}
        text = verdict(overlaps, "IoU", 3, "scenes")
    missed = {result.name: sum(one.front.missed for one in result.scenes) for result in results}
    counts = ", ".join(f"{count} (`{name}`)" for name, count in missed.items())
    having = sum(not one.front.absent for one in results[0].scenes)
    found = f"No front was found in {counts} of the {having} scenes that have one."
    if not any(missed.values()):
        found = f"A front was found in all {having} scenes that have one." if having else "No scene has a front."
    return f"{text} {found}".strip()


def table(results: Sequence[Result], measured: Measured) -> str:
    """Return the text of table.md: fronts and classes of all networks."""
    return f"# Scores\n\n{_measured_on(results, measured)}\n\n{_tables(results, measured)}\n"


def page(results: Sequence[Result], measured: Measured, command: str, shown: Sequence[str]) -> str:
    """Return the text of report.md; it links to the pictures, scenes.csv, metrics.csv, masks/, fronts/ and overlays/.

    Args:
      results: of all networks.
      measured: data and options.
      command: the command line that reproduces this report.
      shown: the scenes whose overlays the report shows.
    """
    pictures = "\n\n".join(
        f"### {scene}\n\n" + "\n\n".join(f"![{r.name}](overlays/{r.name}/{scene}.png)" for r in results)
        for scene in shown
    )
    groups = "\n\n".join(f"### {result.name}\n\n{_group_table(result, measured.unit)}" for result in results)
    return f"""# Calving fronts of {", ".join(result.name for result in results)}

{_verdict(results, measured.unit)}

{_measured_on(results, measured)}

{_tables(results, measured)}

## By glacier, season, sensor and resolution

{groups}

## Pictures

![SAR image, true mask and the mask of each network](comparison.png)

{pictures}

## How to read this

{HOW_TO_READ}
## How to reproduce this

```
{command}
```

[metrics.csv](metrics.csv) has the means of all groups, [scenes.csv](scenes.csv) the values of each scene,
[masks/](masks) the predicted masks, [fronts/](fronts) the predicted fronts as GeoJSON, [overlays/](overlays) a picture
of each scene.
"""


def macro(members: Sequence[SceneScore], measure: str) -> float:
    """Return the mean over scenes of the mean over classes that occur; `measure` is a key of AGREEMENT."""
    return segmentation.macro([segmentation.macro(one.agreement[measure]) for one in members])


def _tables(results: Sequence[Result], measured: Measured) -> str:
    parts = ["## Fronts", _front_table(results, measured.unit)]
    if measured.unit == "metres":
        parts += [
            "Published, on the 122 test scenes of CaFFe at full resolution, in metres:",
            markdown(["system", "all", "Mapple", "COL"], PUBLISHED),
        ]
    for target in dict.fromkeys(result.target for result in results):
        mine = [result for result in results if result.target == target]
        parts += [f"## Classes: {target}", _class_table(mine, CLASSES[target])]
    return "\n\n".join(parts)


def _front_table(results: Sequence[Result], unit: str) -> str:
    symbol = SYMBOL[unit]
    head = ["network", "scenes", f"mean distance error ({symbol})", "missed"]
    head += [f"mean of scenes ({symbol})", "scenes without a true front"]
    rows = []
    for result in results:
        mean, missed, absent = mean_distance_error(one.front for one in result.scenes)
        each = [one.front.mean for one in result.scenes if one.front.mean is not None]
        of_scenes = with_interval(*confidence_interval(each), 1) if each else "none"
        rows.append([result.name, len(result.scenes), _number(mean, 1), missed, of_scenes, absent])
    return markdown(head, rows)


def _class_table(results: Sequence[Result], classes: Sequence[str]) -> str:
    head = ["network", "", *classes, *(["macro"] if len(classes) > 1 else [])]
    rows = []
    for result in results:
        for measure, heading in HEADINGS.items():
            values = [
                segmentation.macro([one.agreement[measure][i] for one in result.scenes]) for i in range(len(classes))
            ]
            values += [macro(result.scenes, measure)] if len(classes) > 1 else []
            rows.append([result.name, heading, *(_number(value, 3) for value in values)])
    return markdown(head, rows)


def _group_table(result: Result, unit: str) -> str:
    rows = []
    for by, group, members in _groups(result):
        mean, missed, absent = mean_distance_error(one.front for one in members)
        rows.append([by, group, len(members), _number(mean, 1), missed, absent])
    head = ["by", "group", "scenes", f"mean distance error ({SYMBOL[unit]})", "missed", "without a true front"]
    return markdown(head, rows)


def _groups(result: Result) -> list[tuple[str, str, list[SceneScore]]]:
    """Return all scenes, then each group of each grouping, alone and within each glacier."""
    grouped = [("all", "", list(result.scenes))]
    for by in (*((by,) for by in BY), *(("glacier", by) for by in BY if by != "glacier")):
        groups: dict[tuple[str, ...], list[SceneScore]] = {}
        for one in result.scenes:
            group = tuple(BY[name](one.scene) or "not known" for name in by)
            groups.setdefault(group, []).append(one)
        grouped += [(" x ".join(by), ", ".join(group), members) for group, members in sorted(groups.items())]
    return grouped


def _all_classes(results: Sequence[Result]) -> list[str]:
    return [name for target in dict.fromkeys(result.target for result in results) for name in CLASSES[target]]


def _value(result: Result, one: SceneScore, measure: str, name: str) -> float | str:
    classes = CLASSES[result.target]
    value = one.agreement[measure][classes.index(name)] if name in classes else np.nan
    return "" if np.isnan(value) else float(value)


def _number(value: float | None, digits: int) -> str:
    return "none" if value is None or np.isnan(value) else f"{value:.{digits}f}"


def _measured_on(results: Sequence[Result], measured: Measured) -> str:
    """Describe the data of the scores, and state if published figures compare with them."""
    count = len(results[0].scenes)
    trained_on = ", ".join(f"{r.run.origin} ({r.name})" for r in results)
    sentence = (
        f"Measured on {count} scene{'s' if count > 1 else ''} of the data set {measured.data}, split {measured.split} "
        f"(origin: {measured.origin}). Origin of the training data: {trained_on}. Components of a front of at most "
        f"{measured.min_length:g} {measured.unit} are dropped."
    )
    if measured.unit == "pixels":
        return f"{sentence} Distances are in pixels of these patches; published figures are in metres."
    if measured.origin != "real":
        return f"{sentence} The published figures were measured on real SAR images and do not compare with these."
    return (
        f"{sentence} The published figures compare with these only if this is the test split of CaFFe, at full "
        "resolution and with its bounding boxes."
    )
