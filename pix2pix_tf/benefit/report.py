"""The page that tells whether synthetic images helped: answer, tables, what was trained, and what to keep in mind."""

import math
from collections.abc import Mapping, Sequence

from pix2pix_tf.benefit.data import MANY
from pix2pix_tf.benefit.results import (
    CLASSES,
    FEW_PASSES,
    FRONTS,
    MEASURES,
    Compared,
    Outcome,
    differences,
    digits_of,
    fractions_of,
    heading,
    values_of,
    verdict,
    with_sd,
)
from pix2pix_tf.evaluation.tables import markdown
from pix2pix_tf.metrics import image as image_metrics

HOW_TO_READ = """\
- **± is the standard deviation over the seeds.** A seed draws the real scenes of a fraction, the first weights, the
  order of the patches and their random changes. Other glaciers it does not draw: how far the figures hold for glaciers
  that are neither trained on nor held out here, no seed tells.
- **Both - real** compares, seed by seed, two trainings with the same real scenes, the same seed and the same number of
  steps. "Helped" and "did harm" mean that the 95 % interval of its mean (Student's t over the seeds) leaves out 0; with
  many fractions and measures, one in twenty does so by chance.
- **Mean distance error and missed fronts belong together**: a scene without a predicted front adds no distance, so
  that a network that finds only easy fronts looks well in the mean.
- **Equal steps** means that each training saw as many patches as any other, and not each patch as often: with synthetic
  images beside them, the real ones are shown less.
- **The best epoch** of every training, also of `synthetic`, is chosen on real validation scenes (val_iou), which show
  none of the held-out glaciers; they are the same ones whatever the fraction.
"""


def page(outcomes: Sequence[Outcome], compared: Compared) -> str:
    """The text of report.md, which stands beside benefit.png, classes.png, summary.csv, results.csv and runs/.

    Args:
      outcomes: of all trainings.
      compared: what was compared.
    """
    return f"""# Do synthetic SAR images help to find calving fronts?

{_measured_on(compared)}

## Answer

{_answer(outcomes, compared)}

![Macro IoU, mean distance error and missed fronts against the share of real scenes](benefit.png)

## Fronts and zones

{table(outcomes, compared)}

## IoU of each class

{_values(outcomes, compared, CLASSES)}

![IoU of each class against the share of real scenes](classes.png)

## Both - real, seed by seed

{_paired(outcomes, compared)}

## What was trained

{_trained(outcomes, compared)}

## What is known of leaks

{_bullets(compared.leaks)}

## How to read this

{HOW_TO_READ}
## Where it comes from

```
{compared.command}
```

[summary.csv](summary.csv) has means and deviations, [results.csv](results.csv) each training, [data/](data) what was
trained and tested on, [runs/](runs) the trainings, each with a report of its own on the held-out scenes.
"""


def table(outcomes: Sequence[Outcome], compared: Compared) -> str:
    """The table of the fronts: mean ± standard deviation over the seeds."""
    return _values(outcomes, compared, FRONTS)


def _measured_on(compared: Compared) -> str:
    return (
        f"Networks that tell zones (`zones`) were trained on the real data set {compared.data}, on the synthetic one "
        f"{compared.synthetic}, and on both, at equal steps ({compared.steps}), and measured on {compared.scenes} real "
        f"scenes of glaciers that none of them was trained on: {_counted(compared.held_out)}. Distances are in "
        f"{compared.unit}; pieces of a front of at most {compared.shortest:g} {compared.unit} are dropped."
    )


def _answer(outcomes: Sequence[Outcome], compared: Compared) -> str:
    lines = []
    for fraction in fractions_of(outcomes):
        said = []
        for measure in ("distance", "macro_iou"):
            changes = [c for c in differences(outcomes, fraction, measure) if not math.isnan(c)]
            if changes:
                mean, half = image_metrics.confidence_interval(changes)
                digits = digits_of(measure)
                interval = (
                    "" if half is None else f", 95 % interval {mean - half:+.{digits}f} to {mean + half:+.{digits}f}"
                )
                change = f"{with_sd(changes, digits, '+')} (sd of {_seeds(len(changes))}{interval})"
                said.append(f"{heading(measure, compared.unit)} {change}: **{verdict(changes, measure)}**")
            else:
                said.append(f"{heading(measure, compared.unit)}: no front was predicted by one or the other")
        missed = [with_sd(values_of(outcomes, kind, fraction, "missed"), 1) for kind in ("real", "both")]
        said.append(f"missed fronts of {compared.scenes}: {missed[0]} with real scenes alone, {missed[1]} with both")
        head = f"With {100 * fraction:g} % of the real training scenes, adding the synthetic ones:"
        lines.append("\n  - ".join([head, *said]))
    return _bullets(lines)


def _values(outcomes: Sequence[Outcome], compared: Compared, measures: Sequence[str]) -> str:
    rows = []
    for name, kind, fraction in _kinds(outcomes):
        found = [values_of(outcomes, kind, fraction, measure) for measure in measures]
        cells = [with_sd(values, digits_of(measure)) for measure, values in zip(measures, found, strict=True)]
        rows.append([name, len(found[0]), *cells])
    return markdown(["trained on", "seeds", *(_of_all(measure, compared) for measure in measures)], rows)


def _paired(outcomes: Sequence[Outcome], compared: Compared) -> str:
    rows = []
    for fraction in fractions_of(outcomes):
        changes = [with_sd(differences(outcomes, fraction, m), digits_of(m), "+") for m in MEASURES]
        rows.append([f"{100 * fraction:g} %", *changes])
    return markdown(["real scenes", *(heading(measure, compared.unit) for measure in MEASURES)], rows)


def _trained(outcomes: Sequence[Outcome], compared: Compared) -> str:
    """What each kind of training had, and which of them were short."""
    shown = compared.steps * compared.batch_size
    rows, short = [], []
    for name, kind, fraction in _kinds(outcomes):
        found = [one for one in outcomes if (one.trial.kind, one.trial.fraction) == (kind, fraction)]
        passes = [shown / (one.real_patches + one.synthetic_patches) for one in found]
        real = [100 * one.real_patches / (one.real_patches + one.synthetic_patches) for one in found]
        counts = [[one.real_scenes for one in found], [one.real_patches for one in found]]
        epochs = ", ".join(str(one.best_epoch) for one in found)
        rows.append([name, *map(_range, counts), found[0].synthetic_patches, _range(real), _range(passes), epochs])
        short += [name] if min(passes) < FEW_PASSES else []
    head = ["trained on", "real scenes", "real patches", "synthetic patches", "real share (%)", "passes", "best epochs"]
    late = sum(one.best_epoch == compared.epochs for one in outcomes)
    notes = [
        f"{len(outcomes)} trainings of {compared.steps} steps each, {compared.batch_size} patches a step, in "
        f"{compared.epochs} epochs of {compared.epoch_steps} steps; {compared.rates}.",
        f"Real training scenes, all of them: {_counted(compared.trained_on)}. Validated on {compared.validated} real "
        "patches.",
    ]
    if short:
        notes.append(
            f"**Few steps**: {', '.join(short)} saw each patch fewer than {FEW_PASSES} times. Figures of so short a "
            "training may turn with a longer one."
        )
    if late:
        notes.append(
            f"**{late} of {len(outcomes)} trainings were best in their last epoch** and might have become better with "
            "more --steps."
        )
    return f"{markdown(head, rows)}\n\n{_bullets(notes)}"


def _kinds(outcomes: Sequence[Outcome]) -> list[tuple[str, str, float | None]]:
    """What there is to compare, with its name: by rising fraction, synthetic alone last."""
    found = [
        (f"{100 * fraction:g} % real" + (" + synthetic" if kind == "both" else ""), kind, fraction)
        for fraction in fractions_of(outcomes)
        for kind in ("real", "both")
    ]
    return [*found, ("synthetic alone", "synthetic", None)]


def _of_all(measure: str, compared: Compared) -> str:
    return heading(measure, compared.unit) + (f" of {compared.scenes}" if measure == "missed" else "")


def _range(values: Sequence[float]) -> str:
    """The least and the greatest, or the only one; small numbers with a digit behind the point."""
    low, high = (
        f"{value:.1f}" if value < 100 and value % 1 else f"{value:.0f}" for value in (min(values), max(values))
    )
    return low if low == high else f"{low} to {high}"


def _seeds(count: int) -> str:
    return f"{count} seed{'s' if count > 1 else ''}"


def _counted(scenes: Mapping[str, int]) -> str:
    """Glaciers with the numbers of their scenes; many of them are counted."""
    if len(scenes) > MANY:
        return f"{sum(scenes.values())} of {len(scenes)} glaciers"
    return ", ".join(f"{glacier} ({count})" for glacier, count in sorted(scenes.items()))


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
