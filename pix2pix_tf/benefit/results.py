"""What a comparison of real and synthetic training images says in words and figures.

It reads what the evaluation of each training wrote, and knows nothing of models.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data import classes
from pix2pix_tf.evaluation.segmentation.report import SYMBOL
from pix2pix_tf.metrics import image as image_metrics

KINDS = ("real", "both", "synthetic")
CLASSES = tuple(f"iou_{name.replace(' ', '_')}" for name in classes.ZONE_NAMES)
FRONTS = ("macro_iou", "distance", "missed")  # the measures of the first table and the first picture
MEASURES = (*FRONTS, *CLASSES)
LOWER_IS_BETTER = ("distance", "missed")
FEW_PASSES = 10  # over the training patches: a training with fewer is called short


@dataclass(frozen=True)
class Trial:
    """One training of the comparison."""

    kind: str  # real | both | synthetic
    fraction: float | None  # of the real training scenes; None where none is trained on
    seed: int

    @property
    def name(self) -> str:
        """Of its run, such as `both-0.25-seed1`."""
        return f"{self._amount}-seed{self.seed}"

    @property
    def data_name(self) -> str:
        """Of its data set; all scenes are the same scenes for every seed."""
        return self._amount if self.fraction in (None, 1) else self.name

    @property
    def _amount(self) -> str:
        return self.kind if self.fraction is None else f"{self.kind}-{self.fraction:g}"


@dataclass(frozen=True)
class Outcome:
    """What one training had, and what it reached on the held-out scenes."""

    trial: Trial
    real_scenes: int
    real_patches: int
    synthetic_patches: int
    best_epoch: int  # the one that was measured
    values: Mapping[str, float]  # by the names of MEASURES; NaN where there is none


@dataclass(frozen=True)
class Compared:
    """What was compared, for the words of the report."""

    data: str  # of the real data set: path and origin
    synthetic: str  # of the other
    held_out: Mapping[str, int]  # scenes of each held-out glacier
    trained_on: Mapping[str, int]  # real training scenes of each other glacier
    validated: int  # real patches that choose the best epoch
    leaks: Sequence[str]  # what is known of them, and what is not
    unit: str  # metres | pixels
    shortest: float  # in that unit: pieces of a front that are at most so long are dropped
    epochs: int
    epoch_steps: int
    batch_size: int
    rates: str  # of learning
    command: str

    @property
    def steps(self) -> int:
        """Of each training."""
        return self.epochs * self.epoch_steps

    @property
    def scenes(self) -> int:
        """That test."""
        return sum(self.held_out.values())


def read_figures(folder: Path, unit: str) -> tuple[int, dict[str, float]]:
    """Reads what the evaluation of one network wrote.

    Args:
      folder: with metrics.csv and scenes.csv.
      unit: of its distances.

    Returns:
      The epoch that was measured, and the values of MEASURES.
    """
    with (folder / "metrics.csv").open() as lines:
        everything = next(row for row in csv.DictReader(lines) if row["grouped_by"] == "all")
    with (folder / "scenes.csv").open() as lines:
        scenes = list(csv.DictReader(lines))
    values = {
        "macro_iou": _number(everything["macro_iou"]),
        "distance": _number(everything[f"mean_distance_error_{unit}"]),
        "missed": _number(everything["missed"]),
    }
    values |= {name: image_metrics.macro([_number(scene[name]) for scene in scenes]) for name in CLASSES}
    return int(everything["network"].rpartition("@")[2]), values


def mean_and_sd(values: Iterable[float]) -> tuple[float, float, int]:
    """The mean, the standard deviation (n - 1 below) and the number of the values that are numbers.

    The mean of none is NaN, and so is the deviation of fewer than two.
    """
    known = [value for value in values if not math.isnan(value)]
    mean = float(np.mean(known)) if known else math.nan
    return mean, float(np.std(known, ddof=1)) if len(known) > 1 else math.nan, len(known)


def fractions_of(outcomes: Sequence[Outcome]) -> list[float]:
    """The fractions of the real scenes, rising."""
    return sorted({one.trial.fraction for one in outcomes if one.trial.fraction is not None})


def values_of(outcomes: Sequence[Outcome], kind: str, fraction: float | None, measure: str) -> list[float]:
    """A measure of the trainings of one kind and fraction, by rising seed.

    Args:
      outcomes: of all trainings.
      kind: one of KINDS.
      fraction: of the real scenes; None for the synthetic images alone.
      measure: one of MEASURES.
    """
    found = [one for one in outcomes if (one.trial.kind, one.trial.fraction) == (kind, fraction)]
    return [one.values[measure] for one in sorted(found, key=lambda one: one.trial.seed)]


def differences(outcomes: Sequence[Outcome], fraction: float, measure: str) -> list[float]:
    """Of each seed, both - real: the same real scenes, once with the synthetic images and once without.

    Args:
      outcomes: of all trainings.
      fraction: of the real scenes.
      measure: one of MEASURES.
    """
    pair = [values_of(outcomes, kind, fraction, measure) for kind in ("both", "real")]
    return [both - real for both, real in zip(*pair, strict=True)]


def verdict(changes: Sequence[float], measure: str) -> str:
    """Whether the synthetic images helped, by the 95 % interval of the mean change (Student's t).

    Args:
      changes: both - real of each seed.
      measure: a name of MEASURES.
    """
    known = [change for change in changes if not math.isnan(change)]
    mean, half = image_metrics.confidence_interval(known) if known else (math.nan, None)
    if half is None:
        return "fewer than two seeds to compare: no error bar"
    if abs(mean) <= half:
        return f"no difference that {len(known)} seeds tell from chance"
    better = (mean < 0) == (measure in LOWER_IS_BETTER)
    return "they helped" if better else "they did harm"


def results(outcomes: Sequence[Outcome], unit: str) -> str:
    """The text of results.csv: one line a training.

    Args:
      outcomes: of all trainings.
      unit: of their distances, metres or pixels.
    """
    head = ["kind", "fraction", "seed", "real_scenes", "real_patches", "synthetic_patches", "best_epoch"]
    rows = []
    for one in outcomes:
        had = [one.real_scenes, one.real_patches, one.synthetic_patches, one.best_epoch]
        fraction = "" if one.trial.fraction is None else f"{one.trial.fraction:g}"
        rows.append([one.trial.kind, fraction, one.trial.seed, *had, *(_cell(one.values[m]) for m in MEASURES)])
    return _csv([*head, *(_column(measure, unit) for measure in MEASURES)], rows)


def summary(outcomes: Sequence[Outcome], unit: str) -> str:
    """The text of summary.csv: mean and standard deviation over the seeds, of each kind and of both - real.

    Args:
      outcomes: of all trainings.
      unit: of their distances, metres or pixels.
    """
    rows = []
    for fraction in (*fractions_of(outcomes), None):
        for measure in MEASURES:
            sets = {kind: values_of(outcomes, kind, fraction, measure) for kind in KINDS}
            if fraction is not None:
                sets["both - real"] = differences(outcomes, fraction, measure)
            for kind, values in sets.items():
                mean, sd, count = mean_and_sd(values)
                if values:
                    share = "" if fraction is None else f"{fraction:g}"
                    rows.append([kind, share, _column(measure, unit), _cell(mean), _cell(sd), count, len(values)])
    return _csv(["kind", "fraction", "measure", "mean", "sd", "seeds_with_a_value", "seeds"], rows)


def with_sd(values: Sequence[float], digits: int, sign: str = "") -> str:
    """Mean ± standard deviation of some seeds, for a table; it tells how many of them have a value, if not all.

    Args:
      values: one for each seed, NaN where there is none.
      digits: behind the point.
      sign: "+" writes that of positive numbers too.
    """
    mean, sd, count = mean_and_sd(values)
    if not count:
        return "none"
    text = f"{mean:{sign}.{digits}f}" + ("" if math.isnan(sd) else f" ± {sd:.{digits}f}")
    return text if count == len(values) else f"{text} ({count} of {len(values)} seeds)"


def heading(measure: str, unit: str) -> str:
    """A measure's name with its unit."""
    plain = {"macro_iou": "macro IoU", "distance": f"mean distance error ({SYMBOL[unit]})", "missed": "missed fronts"}
    return plain.get(measure) or f"IoU {measure.removeprefix('iou_').replace('_', ' ')}"


def digits_of(measure: str) -> int:
    """Digits behind the point that a measure is told with."""
    return 1 if measure in LOWER_IS_BETTER else 3


def _number(text: str) -> float:
    return float(text) if text else math.nan


def _cell(value: float) -> float | str:
    return "" if math.isnan(value) else value


def _column(measure: str, unit: str) -> str:
    return f"mean_distance_error_{unit}" if measure == "distance" else measure


def _csv(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    return text.getvalue()
