"""What runs paint of some images of a split: side by side on a sheet, and one by one with their scores."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pix2pix_tf.data import visualization
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.io import images
from pix2pix_tf.evaluation import inference
from pix2pix_tf.evaluation.html_report.examples import Example, Shown, choose, told
from pix2pix_tf.evaluation.inference import Setting
from pix2pix_tf.evaluation.runs import Run
from pix2pix_tf.evaluation.scores import DIGITS, HEADINGS, Scores, at_last_common_epoch, last_common_epoch
from pix2pix_tf.export import best_epoch, saved_model, versions

SHOWN = 3  # outputs of each input, where several are painted


@dataclass(frozen=True)
class Column:
    """Some images, as a role has them or as a run paints them."""

    heading: str
    measured: str | None  # the run whose scores are of these very pictures
    pictures: list[np.ndarray]  # uint8 [H, W] or [H, W, 3]


def columns(runs: Sequence[Run], setting: Setting, stems: Sequence[str]) -> list[Column]:
    """Some images of the split: input, target, and what each run paints at the last epoch that all have.

    They are painted with the seeds that they are measured with. Where several images are painted of an input, the
    target comes last: SAR, outputs, target.

    Args:
      runs: at least one, all with the same targets.
      setting: on what.
      stems: the images, from the top down.

    Raises:
      UserError: a model takes other patches than these, or paints what is no image.
    """
    inputs, targets = dict.fromkeys(role for run in runs for role in run.inputs), runs[0].targets

    def real(heading: str, role: str) -> Column:
        pixels = inference.pixels(setting.dataset, setting.split, role, stems)
        return Column(heading, None, visualization.for_display(role, pixels))

    found = [real(visualization.name_of(role), role) for role in inputs]
    true = [real(_heading("target", role, targets), role) for role in targets]
    several = max(setting.outputs) > 1
    found += [] if several else true
    exports = {run.name: versions.epochs(run.folder) for run in runs}
    common = last_common_epoch(exports.values())
    for run in runs:
        epoch = max(exports[run.name]) if common is None else common
        model = inference.load_model(exports[run.name][epoch], setting.dataset)
        for number in range(SHOWN if several else 1):
            again = f", output {number + 1}" if several else ""
            found += _painted(run, model, setting, stems, number, f"epoch {epoch}{again}")
        del model
        gc.collect()  # as in evaluation: a loaded model is a ring of references
    return found + (true if several else [])


def _painted(
    run: Run, model: saved_model.Model, setting: Setting, stems: Sequence[str], number: int, which: str
) -> list[Column]:
    """One output of each image, a column for each of its roles."""
    inputs = setting.inputs
    places = np.array([inputs.index(inputs[setting.stems.index(stem)]) for stem in stems])  # an input has one seed
    further = number * len(setting.stems)
    made = [inference.generated(model, setting, places[i : i + 1], further) for i in range(len(places))]
    pixels = images.to_pixels(np.concatenate(made))
    parts = np.split(pixels, np.cumsum([CHANNELS[role] for role in run.targets])[:-1], axis=-1)
    measured = None if number else run.name  # scores are of the first output
    return [
        Column(f"{_heading(run.name, role, run.targets)}\n{which}", measured, visualization.for_display(role, part))
        for role, part in zip(run.targets, parts, strict=True)
    ]


def of_scores(runs: Sequence[Run], setting: Setting, scores: Sequence[Scores]) -> tuple[list[Example], str]:
    """The worst, the median and the best images by each score, in the mean over the runs, for the page.

    Args:
      runs: that were measured.
      setting: on what.
      scores: of all runs and epochs.

    Returns:
      The images, and a sentence that says which they are.

    Raises:
      UserError: see `columns`.
    """
    _, last = at_last_common_epoch(scores)
    by = {heading: name for name, heading in best_epoch.METRICS.items() if name in last[0].values}
    chosen = choose({heading: np.mean([s.values[name] for s in last], axis=0) for heading, name in by.items()})
    found = columns(runs, setting, [setting.stems[place] for place in chosen])
    of_run: dict[str | None, Scores] = {s.run: s for s in last}
    examples = []
    for row, (place, reasons) in enumerate(chosen.items()):
        pictures = [
            Shown(", ".join(one.heading.split("\n")), one.pictures[row], _scores_of(of_run.get(one.measured), place))
            for one in found
        ]
        examples.append(Example(reasons, setting.stems[place], tuple(pictures)))
    note = told(list(by), f"all {len(setting.stems)} images of {setting.split}")
    mean = " Which ones these are, the mean over the runs says." if len(last) > 1 else ""
    return examples, note + mean


def _scores_of(scores: Scores | None, place: int) -> dict[str, str]:
    """What is said of one image below it; nothing of one that no run painted."""
    if scores is None:
        return {}
    said = {heading: f"{scores.values[name][place]:.{DIGITS[name]}f}" for name, heading in HEADINGS.items()}
    faithfulness = scores.values.get("faithfulness")
    return said if faithfulness is None else said | {"faithfulness": f"{faithfulness[place]:.3f}"}


def _heading(name: str, role: str, targets: Sequence[str]) -> str:
    return name if len(targets) == 1 else f"{name}: {visualization.name_of(role)}"
