"""Report of the experiment: answer, tables, training data, data leakage, and how to read the figures."""

import math
from collections.abc import Mapping, Sequence

from pix2pix_tf.benefit.data import MANY
from pix2pix_tf.benefit.results import (
    CLASSES,
    FEW_PASSES,
    FRONTS,
    MEASURES,
    ExperimentInfo,
    TrialResult,
    differences,
    digits_of,
    fractions_of,
    heading,
    values_of,
    verdict,
    with_sd,
)
from pix2pix_tf.evaluation.tables import markdown
from pix2pix_tf.metrics.statistics import confidence_interval

HOW_TO_READ = """\
- **± is the standard deviation over the seeds.** A seed determines the real scenes of a fraction, the initial weights,
  the order of the patches and their augmentation. The glaciers are the same for all seeds, so ± does not cover how the
  scores would differ on other glaciers.
- **Both - real** compares, seed by seed, two trainings with the same real scenes, the same seed and the same number of
  steps. "Significant" means that the 95 % interval of the mean difference (Student's t over the seeds) excludes 0. With
  many fractions and metrics, one in twenty does so by chance.
- **Read mean distance error and missed fronts together**: a scene without a predicted front adds no distance, so a
  network that predicts only easy fronts gets a good mean.
- **Equal steps** means that all trainings process the same number of patches. With synthetic images added, each real
  patch is used less often.
- **The best epoch** of every training, also of `synthetic`, is chosen by val_iou on real validation scenes. They show
  no held-out glacier and are the same for all fractions.
"""


def page(trial_results: Sequence[TrialResult], info: ExperimentInfo) -> str:
    """Return the text of report.md; it links to benefit.png, classes.png, summary.csv, results.csv, data/ and runs/.

    Args:
      trial_results: of all trials.
      info: data and options of the experiment.
    """
    return f"""# Do synthetic SAR images help to find calving fronts?

{_measured_on(info)}

## Answer

{_answer(trial_results, info)}

![Macro IoU, mean distance error and missed fronts against the share of real scenes](benefit.png)

## Fronts and zones

{table(trial_results, info)}

## IoU of each class

{_values(trial_results, info, CLASSES)}

![IoU of each class against the share of real scenes](classes.png)

## Both - real, seed by seed

{_paired(trial_results, info)}

## Training data

{_trained(trial_results, info)}

## Data leakage

{_bullets(info.leakage)}

## How to read this

{HOW_TO_READ}
## How to reproduce this

```
{info.command}
```

[summary.csv](summary.csv) has means and deviations, [results.csv](results.csv) the scores of each training,
[data/](data) the data sets, [runs/](runs) the trained networks, each with a report on the held-out scenes.
"""


def table(trial_results: Sequence[TrialResult], info: ExperimentInfo) -> str:
    """Return the table of the fronts: mean ± standard deviation over the seeds."""
    return _values(trial_results, info, FRONTS)


def _measured_on(info: ExperimentInfo) -> str:
    return (
        f"Segmentation networks (`zones`) were trained on the real data set {info.data}, on the synthetic data set "
        f"{info.synthetic}, and on both, at equal steps ({info.steps}). They were evaluated on {info.scenes} real "
        f"scenes of held-out glaciers: {_counted(info.held_out)}. Distances are in {info.unit}; components of a front "
        f"of at most {info.min_length:g} {info.unit} are dropped."
    )


def _answer(trial_results: Sequence[TrialResult], info: ExperimentInfo) -> str:
    lines = []
    for fraction in fractions_of(trial_results):
        parts = []
        for measure in ("distance", "macro_iou"):
            changes = [c for c in differences(trial_results, fraction, measure) if not math.isnan(c)]
            if changes:
                mean, half = confidence_interval(changes)
                digits = digits_of(measure)
                interval = (
                    "" if half is None else f", 95 % interval {mean - half:+.{digits}f} to {mean + half:+.{digits}f}"
                )
                change = f"{with_sd(changes, digits, '+')} (sd of {_seeds(len(changes))}{interval})"
                parts.append(f"{heading(measure, info.unit)} {change}: **{verdict(changes, measure)}**")
            else:
                parts.append(f"{heading(measure, info.unit)}: one of the two predicted no front")
        missed = [with_sd(values_of(trial_results, kind, fraction, "missed"), 1) for kind in ("real", "both")]
        parts.append(f"missed fronts of {info.scenes}: {missed[0]} with real scenes alone, {missed[1]} with both")
        head = f"With {100 * fraction:g} % of the real training scenes, adding the synthetic ones:"
        lines.append("\n  - ".join([head, *parts]))
    return _bullets(lines)


def _values(trial_results: Sequence[TrialResult], info: ExperimentInfo, measures: Sequence[str]) -> str:
    rows = []
    for name, kind, fraction in _kinds(trial_results):
        scores = [values_of(trial_results, kind, fraction, measure) for measure in measures]
        cells = [with_sd(values, digits_of(measure)) for measure, values in zip(measures, scores, strict=True)]
        rows.append([name, len(scores[0]), *cells])
    return markdown(["trained on", "seeds", *(_heading(measure, info) for measure in measures)], rows)


def _paired(trial_results: Sequence[TrialResult], info: ExperimentInfo) -> str:
    rows = []
    for fraction in fractions_of(trial_results):
        changes = [with_sd(differences(trial_results, fraction, m), digits_of(m), "+") for m in MEASURES]
        rows.append([f"{100 * fraction:g} %", *changes])
    return markdown(["real scenes", *(heading(measure, info.unit) for measure in MEASURES)], rows)


def _trained(trial_results: Sequence[TrialResult], info: ExperimentInfo) -> str:
    """Return the table of the training data, with notes on short trainings."""
    processed = info.steps * info.batch_size
    rows, short = [], []
    for name, kind, fraction in _kinds(trial_results):
        chosen = [one for one in trial_results if (one.trial.kind, one.trial.fraction) == (kind, fraction)]
        passes = [processed / (one.real_patches + one.synthetic_patches) for one in chosen]
        real = [100 * one.real_patches / (one.real_patches + one.synthetic_patches) for one in chosen]
        counts = [[one.real_scenes for one in chosen], [one.real_patches for one in chosen]]
        epochs = ", ".join(str(one.best_epoch) for one in chosen)
        rows.append([name, *map(_range, counts), chosen[0].synthetic_patches, _range(real), _range(passes), epochs])
        short += [name] if min(passes) < FEW_PASSES else []
    head = ["trained on", "real scenes", "real patches", "synthetic patches", "real share (%)", "passes", "best epochs"]
    late = sum(one.best_epoch == info.epochs for one in trial_results)
    notes = [
        f"{len(trial_results)} trainings of {info.steps} steps each, {info.batch_size} patches a step, in "
        f"{info.epochs} epochs of {info.steps_per_epoch} steps; {info.learning_rates}.",
        f"Real scenes available for training: {_counted(info.trained_on)}. Validated on {info.validated} real patches.",
    ]
    if short:
        notes.append(
            f"**Few steps**: {', '.join(short)} used each patch fewer than {FEW_PASSES} times. Longer trainings may "
            "change the result."
        )
    if late:
        notes.append(
            f"**{late} of {len(trial_results)} trainings were best in their last epoch** and might improve with more "
            "--steps."
        )
    return f"{markdown(head, rows)}\n\n{_bullets(notes)}"


def _kinds(trial_results: Sequence[TrialResult]) -> list[tuple[str, str, float | None]]:
    """Return name, kind and fraction of each row of the tables, by ascending fraction, synthetic alone last."""
    kinds = [
        (f"{100 * fraction:g} % real" + (" + synthetic" if kind == "both" else ""), kind, fraction)
        for fraction in fractions_of(trial_results)
        for kind in ("real", "both")
    ]
    return [*kinds, ("synthetic alone", "synthetic", None)]


def _heading(measure: str, info: ExperimentInfo) -> str:
    return heading(measure, info.unit) + (f" of {info.scenes}" if measure == "missed" else "")


def _range(values: Sequence[float]) -> str:
    """Format the minimum and the maximum, or the only value; small fractional numbers have one decimal place."""
    low, high = (
        f"{value:.1f}" if value < 100 and value % 1 else f"{value:.0f}" for value in (min(values), max(values))
    )
    return low if low == high else f"{low} to {high}"


def _seeds(count: int) -> str:
    return f"{count} seed{'s' if count > 1 else ''}"


def _counted(scenes: Mapping[str, int]) -> str:
    """List glaciers with their numbers of scenes; many glaciers are only counted."""
    if len(scenes) > MANY:
        return f"{sum(scenes.values())} of {len(scenes)} glaciers"
    return ", ".join(f"{glacier} ({count})" for glacier, count in sorted(scenes.items()))


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
