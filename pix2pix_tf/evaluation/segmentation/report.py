"""What an evaluation of zones and fronts says in words and figures.

It tells of the scores that it is given, and knows nothing of models.
"""

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
from pix2pix_tf.fronts import postprocessing
from pix2pix_tf.fronts.postprocessing import FrontScore
from pix2pix_tf.metrics import image as image_metrics

AGREEMENT = {
    "precision": image_metrics.precision,
    "recall": image_metrics.recall,
    "f1": image_metrics.f1,
    "iou": image_metrics.iou,
}
HEADINGS = {"precision": "precision", "recall": "recall", "f1": "F1", "iou": "IoU"}
CLASSES = {"zones": zone_classes.ZONE_NAMES, "fronts": ("front",)}
COLUMNS = ("network", "grouped_by", "group", "scenes")  # of metrics.csv, the first ones
FOLDERS = ("masks", "overlays", "fronts")  # what lies beside the report
SYMBOL = {"metres": "m", "pixels": "px"}
SHORTEST = {"metres": 750.0, "pixels": 10.0}  # of a front: the benchmark's rule, and one for scenes of unknown scale

# Mean distance error in metres on the test split of CaFFe at full resolution: of all, of Mapple, of COL.
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
- **Mean distance error**: from every pixel of the predicted front to the nearest of the true one, and from every pixel
  of the true front to the nearest of the predicted one; the mean over all these distances of all scenes. Long fronts
  count more than short ones.
- **Missed** scenes have a true front and no predicted one. They add no distance: a network that finds only easy fronts
  looks well in the mean. The two figures belong together.
- **Mean of scenes** gives every scene with both fronts the same weight; ± is half of its 95 % interval (Student's t),
  which takes scenes as independent. Scenes of one glacier are not.
- **Precision, recall, F1, IoU** are computed for each scene and class, then averaged over scenes; a class that neither
  the truth nor the prediction of a scene has is left out there. For fronts the true line is one pixel wide and the
  prediction all that is above the threshold, so that precision and IoU are small by nature.
"""


@dataclass(frozen=True)
class SceneScore:
    """One scene, judged."""

    name: str
    scene: Scene
    agreement: Mapping[str, np.ndarray]  # precision, recall, f1, iou: float64 [classes]
    front: FrontScore


@dataclass(frozen=True)
class Result:
    """All scenes of a split, as one network sees them."""

    name: str
    run: Run  # whose it is; of a baseline, the run whose training data it is made from
    epoch: int | None
    target: str  # zones | fronts
    scenes: tuple[SceneScore, ...]


@dataclass(frozen=True)
class Measured:
    """What the scores were measured on."""

    data: str  # the data set's name
    origin: str  # real | simulated | generated: <run>@<epoch> | unknown
    split: str
    unit: str  # metres | pixels
    shortest: float  # in that unit


# What scenes are told apart by, as the benchmark does: heading -> a scene's group, None where it is not known.
Grouping = Callable[[Scene], str | None]
BY: dict[str, Grouping] = {
    "glacier": lambda scene: scene.glacier,
    "season": lambda scene: season_of(scene.glacier, scene.date),
    "sensor": lambda scene: "TSX/TDX" if scene.sensor in ("TSX", "TDX") else scene.sensor,
    "resolution": lambda scene: None if scene.metres_per_pixel is None else f"{scene.metres_per_pixel:g} m",
}


def scenes(results: Sequence[Result], unit: str) -> str:
    """The text of scenes.csv: one line for each network and scene."""
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
    """The text of metrics.csv: for each network all scenes, then each group of them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    head = [f"mean_distance_error_{unit}", "missed", "no_true_front", *(f"macro_{measure}" for measure in AGREEMENT)]
    writer.writerow([*COLUMNS, *head])
    for result in results:
        for by, group, members in _groups(result):
            mean, missed, absent = postprocessing.mean_distance_error(one.front for one in members)
            macros = [macro(members, measure) for measure in AGREEMENT]
            row = ["" if mean is None else mean, missed, absent, *macros]
            writer.writerow([result.name, by, group, len(members), *row])
    return text.getvalue()


def table(results: Sequence[Result], measured: Measured) -> str:
    """The text of table.md: fronts and classes of all networks."""
    return f"# Scores\n\n{_measured_on(results, measured)}\n\n{_tables(results, measured)}\n"


def page(results: Sequence[Result], measured: Measured, command: str, shown: Sequence[str]) -> str:
    """The text of report.md, which stands beside the pictures, scenes.csv, metrics.csv, masks/, fronts/ and overlays/.

    Args:
      results: of all networks.
      measured: on what.
      command: the command line that makes this report again.
      shown: the scenes whose pictures it shows.
    """
    pictures = "\n\n".join(
        f"### {scene}\n\n" + "\n\n".join(f"![{r.name}](overlays/{r.name}/{scene}.png)" for r in results)
        for scene in shown
    )
    groups = "\n\n".join(f"### {result.name}\n\n{_group_table(result, measured.unit)}" for result in results)
    return f"""# Calving fronts of {", ".join(result.name for result in results)}

{_measured_on(results, measured)}

{_tables(results, measured)}

## By glacier, season, sensor and resolution

{groups}

## Pictures

![SAR image, true mask and what each network says](comparison.png)

{pictures}

## How to read this

{HOW_TO_READ}
## Where it comes from

```
{command}
```

[metrics.csv](metrics.csv) has the means of all groups, [scenes.csv](scenes.csv) the values of each scene,
[masks/](masks) what each network says, [fronts/](fronts) the fronts as GeoJSON, [overlays/](overlays) a picture of each
scene.
"""


def macro(members: Sequence[SceneScore], measure: str) -> float:
    """The mean over scenes of the mean over the classes that occur; `measure` is a key of AGREEMENT."""
    return image_metrics.macro([image_metrics.macro(one.agreement[measure]) for one in members])


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
        mean, missed, absent = postprocessing.mean_distance_error(one.front for one in result.scenes)
        each = [one.front.mean for one in result.scenes if one.front.mean is not None]
        of_scenes = with_interval(*image_metrics.confidence_interval(each), 1) if each else "none"
        rows.append([result.name, len(result.scenes), _number(mean, 1), missed, of_scenes, absent])
    return markdown(head, rows)


def _class_table(results: Sequence[Result], classes: Sequence[str]) -> str:
    head = ["network", "", *classes, *(["macro"] if len(classes) > 1 else [])]
    rows = []
    for result in results:
        for measure, heading in HEADINGS.items():
            values = [
                image_metrics.macro([one.agreement[measure][i] for one in result.scenes]) for i in range(len(classes))
            ]
            values += [macro(result.scenes, measure)] if len(classes) > 1 else []
            rows.append([result.name, heading, *(_number(value, 3) for value in values)])
    return markdown(head, rows)


def _group_table(result: Result, unit: str) -> str:
    rows = []
    for by, group, members in _groups(result):
        mean, missed, absent = postprocessing.mean_distance_error(one.front for one in members)
        rows.append([by, group, len(members), _number(mean, 1), missed, absent])
    head = ["by", "group", "scenes", f"mean distance error ({SYMBOL[unit]})", "missed", "without a true front"]
    return markdown(head, rows)


def _groups(result: Result) -> list[tuple[str, str, list[SceneScore]]]:
    """All scenes, then each group of each grouping, alone and within each glacier."""
    found = [("all", "", list(result.scenes))]
    for by in (*((by,) for by in BY), *(("glacier", by) for by in BY if by != "glacier")):
        groups: dict[tuple[str, ...], list[SceneScore]] = {}
        for one in result.scenes:
            group = tuple(BY[name](one.scene) or "not known" for name in by)
            groups.setdefault(group, []).append(one)
        found += [(" x ".join(by), ", ".join(group), members) for group, members in sorted(groups.items())]
    return found


def _all_classes(results: Sequence[Result]) -> list[str]:
    return [name for target in dict.fromkeys(result.target for result in results) for name in CLASSES[target]]


def _value(result: Result, one: SceneScore, measure: str, name: str) -> float | str:
    classes = CLASSES[result.target]
    value = one.agreement[measure][classes.index(name)] if name in classes else np.nan
    return "" if np.isnan(value) else float(value)


def _number(value: float | None, digits: int) -> str:
    return "none" if value is None or np.isnan(value) else f"{value:.{digits}f}"


def _measured_on(results: Sequence[Result], measured: Measured) -> str:
    """Says what the figures come from, and whether the published ones may stand beside them."""
    count = len(results[0].scenes)
    trained_on = ", ".join(f"{r.run.origin} ({r.name})" for r in results)
    sentence = (
        f"Measured on {count} scene{'s' if count > 1 else ''} of the data set {measured.data}, split {measured.split} "
        f"(origin: {measured.origin}). Trained on data of origin: {trained_on}. Pieces of a front of at most "
        f"{measured.shortest:g} {measured.unit} are dropped."
    )
    if measured.unit == "pixels":
        return f"{sentence} Distances are in pixels of these patches, which no published figure is."
    if measured.origin != "real":
        return f"{sentence} The published figures are of real radar images: they do not compare with these."
    return (
        f"{sentence} The published figures compare with these only if this is the test split of CaFFe, at its full "
        "resolution and with its boxes."
    )
