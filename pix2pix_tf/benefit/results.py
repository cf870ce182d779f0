"""Results of trials: read from the reports of their evaluations, summarised over seeds, written as CSV."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.data import classes
from pix2pix_tf.evaluation.segmentation.report import SYMBOL
from pix2pix_tf.metrics import segmentation
from pix2pix_tf.metrics.statistics import confidence_interval, mean_and_sd

KINDS = ("real", "both", "synthetic")
CLASSES = tuple(f"iou_{name.replace(' ', '_')}" for name in classes.ZONE_NAMES)
FRONTS = ("macro_iou", "distance", "missed")  # the metrics of the first table and the first picture
MEASURES = (*FRONTS, *CLASSES)
LOWER_IS_BETTER = ("distance", "missed")
FEW_PASSES = 10  # over the training patches; the report marks trials with fewer as short


@dataclass(frozen=True)
class Trial:
    """One training and evaluation of the experiment."""

    kind: str  # real | both | synthetic
    fraction: float | None  # of the real training scenes; None for synthetic images alone
    seed: int

    @property
    def name(self) -> str:
        """The name of its run, such as `both-0.25-seed1`."""
        return f"{self._amount}-seed{self.seed}"

    @property
    def data_name(self) -> str:
        """The name of its data set, which is the same for all seeds where all real scenes or none are used."""
        return self._amount if self.fraction in (None, 1) else self.name

    @property
    def _amount(self) -> str:
        return self.kind if self.fraction is None else f"{self.kind}-{self.fraction:g}"


@dataclass(frozen=True)
class TrialResult:
    """The training data of one trial and its scores on the held-out scenes."""

    trial: Trial
    real_scenes: int
    real_patches: int
    synthetic_patches: int
    best_epoch: int  # the one that was evaluated
    values: Mapping[str, float]  # by the names of MEASURES; NaN where there is none


@dataclass(frozen=True)
class ExperimentInfo:
    """The data and the options of the experiment, for the report."""

    data: str  # name and origin of the real data set
    synthetic: str  # name and origin of the synthetic data set
    held_out: Mapping[str, int]  # scenes of each held-out glacier
    trained_on: Mapping[str, int]  # real training scenes of each other glacier
    validated: int  # real patches on which the best epoch is chosen
    leakage: Sequence[str]  # sentences on data leakage
    unit: str  # metres | pixels
    min_length: float  # in that unit: components of a front of at most this length are dropped
    epochs: int
    steps_per_epoch: int
    batch_size: int
    learning_rates: str  # in words
    command: str

    @property
    def steps(self) -> int:
        """Training steps of each trial."""
        return self.epochs * self.steps_per_epoch

    @property
    def scenes(self) -> int:
        """The number of held-out scenes."""
        return sum(self.held_out.values())


def read_scores(folder: Path, unit: str) -> tuple[int, dict[str, float]]:
    """Read the scores of one trial from its evaluation.

    Args:
      folder: with metrics.csv and scenes.csv.
      unit: of its distances.

    Returns:
      The evaluated epoch, and the values of MEASURES.
    """
    with (folder / "metrics.csv").open() as lines:
        overall = next(row for row in csv.DictReader(lines) if row["grouped_by"] == "all")
    with (folder / "scenes.csv").open() as lines:
        scenes = list(csv.DictReader(lines))
    values = {
        "macro_iou": _number(overall["macro_iou"]),
        "distance": _number(overall[f"mean_distance_error_{unit}"]),
        "missed": _number(overall["missed"]),
    }
    values |= {name: segmentation.macro([_number(scene[name]) for scene in scenes]) for name in CLASSES}
    return int(overall["network"].rpartition("@")[2]), values


def fractions_of(trial_results: Sequence[TrialResult]) -> list[float]:
    """Return the fractions of the real scenes in ascending order."""
    return sorted({one.trial.fraction for one in trial_results if one.trial.fraction is not None})


def values_of(trial_results: Sequence[TrialResult], kind: str, fraction: float | None, measure: str) -> list[float]:
    """Return a metric of the trials of one kind and fraction, by ascending seed.

    Args:
      trial_results: of all trials.
      kind: one of KINDS.
      fraction: of the real scenes; None for the synthetic images alone.
      measure: one of MEASURES.
    """
    chosen = [one for one in trial_results if (one.trial.kind, one.trial.fraction) == (kind, fraction)]
    return [one.values[measure] for one in sorted(chosen, key=lambda one: one.trial.seed)]


def differences(trial_results: Sequence[TrialResult], fraction: float, measure: str) -> list[float]:
    """Return both - real for each seed: the same real scenes with and without the synthetic images.

    Args:
      trial_results: of all trials.
      fraction: of the real scenes.
      measure: one of MEASURES.
    """
    pair = [values_of(trial_results, kind, fraction, measure) for kind in ("both", "real")]
    return [both - real for both, real in zip(*pair, strict=True)]


def verdict(changes: Sequence[float], measure: str) -> str:
    """Return a verdict on the synthetic images, from the 95 % interval of the mean change (Student's t).

    Args:
      changes: both - real for each seed.
      measure: one of MEASURES.
    """
    known = [change for change in changes if not math.isnan(change)]
    mean, half = confidence_interval(known) if known else (math.nan, None)
    if half is None:
        return "fewer than two seeds to compare: no error bar"
    if abs(mean) <= half:
        return f"no significant difference ({len(known)} seeds)"
    better = (mean < 0) == (measure in LOWER_IS_BETTER)
    return "significant improvement" if better else "significant deterioration"


def results(trial_results: Sequence[TrialResult], unit: str) -> str:
    """Return the text of results.csv: one line for each trial.

    Args:
      trial_results: of all trials.
      unit: of distances, metres or pixels.
    """
    head = ["kind", "fraction", "seed", "real_scenes", "real_patches", "synthetic_patches", "best_epoch"]
    rows = []
    for one in trial_results:
        counts = [one.real_scenes, one.real_patches, one.synthetic_patches, one.best_epoch]
        fraction = "" if one.trial.fraction is None else f"{one.trial.fraction:g}"
        rows.append([one.trial.kind, fraction, one.trial.seed, *counts, *(_cell(one.values[m]) for m in MEASURES)])
    return _csv([*head, *(_column(measure, unit) for measure in MEASURES)], rows)


def summary(trial_results: Sequence[TrialResult], unit: str) -> str:
    """Return the text of summary.csv: mean and standard deviation over the seeds, by kind, and of both - real.

    Args:
      trial_results: of all trials.
      unit: of distances, metres or pixels.
    """
    rows = []
    for fraction in (*fractions_of(trial_results), None):
        for measure in MEASURES:
            sets = {kind: values_of(trial_results, kind, fraction, measure) for kind in KINDS}
            if fraction is not None:
                sets["both - real"] = differences(trial_results, fraction, measure)
            for kind, values in sets.items():
                mean, sd, count = mean_and_sd(values)
                if values:
                    share = "" if fraction is None else f"{fraction:g}"
                    rows.append([kind, share, _column(measure, unit), _cell(mean), _cell(sd), count, len(values)])
    return _csv(["kind", "fraction", "measure", "mean", "sd", "seeds_with_a_value", "seeds"], rows)


def with_sd(values: Sequence[float], digits: int, sign: str = "") -> str:
    """Format mean ± standard deviation over the seeds, with the number of seeds that have a value if not all do.

    Args:
      values: one for each seed, NaN where there is none.
      digits: decimal places.
      sign: "+" also writes the sign of positive numbers.
    """
    mean, sd, count = mean_and_sd(values)
    if not count:
        return "none"
    text = f"{mean:{sign}.{digits}f}" + ("" if math.isnan(sd) else f" ± {sd:.{digits}f}")
    return text if count == len(values) else f"{text} ({count} of {len(values)} seeds)"


def heading(measure: str, unit: str) -> str:
    """Return the name of a metric with its unit."""
    plain = {"macro_iou": "macro IoU", "distance": f"mean distance error ({SYMBOL[unit]})", "missed": "missed fronts"}
    return plain.get(measure) or f"IoU {measure.removeprefix('iou_').replace('_', ' ')}"


def digits_of(measure: str) -> int:
    """Return the decimal places of a metric in tables."""
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
