"""Evaluates networks that classify patches as cloudy or clear.

<output>/report.md report.html metrics.csv patches.csv examples.png
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from pix2pix_tf import html_report
from pix2pix_tf.data import visualization
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.evaluation import inference
from pix2pix_tf.evaluation.runs import Run
from pix2pix_tf.evaluation.tables import markdown
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.html_report.examples import Example, ExampleImage, choose, selection_note
from pix2pix_tf.metrics import segmentation
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError

COLUMNS = ("run", "variant", "epoch", "accuracy", "precision", "recall", "f1", "auc", "commoner_class", "n")
EXAMPLES = 8  # patches on the sheet, from the clearest to the cloudiest

HOW_TO_READ = """\
- **Accuracy** is the share of patches that are classified correctly at a probability of 0.5; **commoner class** is the
  accuracy of predicting one class for all patches. A network that is no better has learnt nothing.
- **Precision**: of the patches predicted cloudy, the share that are cloudy. **Recall**: of the cloudy patches, the
  share that are predicted cloudy; the others would stay among the training targets.
- **AUC**: the probability that a cloudy patch has a higher score than a clear one, at any threshold; 0.5 is chance.
"""


@dataclass(frozen=True)
class Setting:
    """The patches to classify."""

    dataset: Dataset  # opened with the input roles, with a cloud share of each patch
    split: str  # train | val | test
    batch_size: int  # patches at a time

    @property
    def stems(self) -> tuple[str, ...]:
        """The patches of the split, in order."""
        return self.dataset.stems[self.split]


def evaluate(runs: Sequence[Run], setting: Setting, output: Path, command: str) -> None:
    """Score the newest export of each run, which is its best, and write the report.

    Args:
      runs: at least one, each without targets.
      setting: the patches.
      output: the report's folder; what it has of an earlier report is renewed.
      command: the command line that makes this report, for the report.

    Raises:
      UserError: the share of clouds of a patch is not known, or an export takes other patches.
    """
    shares = _shares(setting)
    lines, patches, probabilities = [], [], {}
    for run in runs:
        epoch, version = max(versions.all_of(run.folder).items())
        predicted = _probabilities(inference.load_model(version, setting.dataset), setting)
        probabilities[run] = predicted
        lines.append([run.name, run.variant, epoch, *score(predicted, shares > run.cloudy), len(predicted)])
        patches += [
            [run.name, stem, float(share), float(p)]
            for stem, share, p in zip(setting.stems, shares, predicted, strict=True)
        ]
    _draw(output / "examples.png", runs[-1], setting, predicted, shares)
    files.write_text(output / "metrics.csv", _csv(COLUMNS, lines))
    files.write_text(output / "patches.csv", _csv(("run", "patch", "cloud_share", "probability"), patches))
    html_report.write(output, _page(runs, setting, lines, command), *_examples(probabilities, setting, shares))


def score(predicted: np.ndarray, cloudy: np.ndarray) -> tuple[float, float, float, float, float, float]:
    """Return accuracy, precision, recall and F1 at 0.5, the area under the ROC curve, and the commoner class's share.

    Args:
      predicted: float [n], [0, 1], probabilities of being cloudy.
      cloudy: bool [n], the true classes.

    Returns:
      Six floats; NaN where a class that is needed does not occur.
    """
    confusion = segmentation.confusion_matrix(cloudy, predicted > 0.5, (0, 1))
    accuracy = float(np.mean((predicted > 0.5) == cloudy))
    precision, recall, f1 = (
        float(measure(confusion)[1]) for measure in (segmentation.precision, segmentation.recall, segmentation.f1)
    )
    both = predicted[cloudy], predicted[~cloudy]
    pairs = len(both[0]) * len(both[1])
    auc = float(stats.mannwhitneyu(*both).statistic) / pairs if pairs else float("nan")  # share of pairs in order
    return accuracy, precision, recall, f1, auc, float(max(cloudy.mean(), 1 - cloudy.mean()))


def _shares(setting: Setting) -> np.ndarray:
    """Return the share of clouds of each patch, float64 [n]."""
    pairs = setting.dataset.pairs
    shares = [pairs[stem].cloud if stem in pairs else None for stem in setting.stems]
    if None in shares:
        raise UserError(
            f"{setting.dataset.root}/dataset.json has no cloud share of {setting.stems[shares.index(None)]}. "
            "Evaluate on data that have a cloud share of each patch, such as simulated ones."
        )
    return np.array(shares, np.float64)


def _probabilities(model: saved_model.Model, setting: Setting) -> np.ndarray:
    """Return the probability of each patch of being cloudy, float64 [n]."""
    batches = range(0, len(setting.stems), setting.batch_size)
    predicted = []
    for first in cli.progress(batches, len(batches), "batches"):
        stems = setting.stems[first : first + setting.batch_size]
        image = inference.stacked(setting.dataset, setting.split, model.inputs, stems)
        predicted.append(model.probabilities(image)[:, 0])
    return np.concatenate(predicted).astype(np.float64)


def _draw(path: Path, run: Run, setting: Setting, predicted: np.ndarray, shares: np.ndarray) -> None:
    """Draw patches in the order of their predicted probability, from the clearest to the cloudiest."""
    order = np.argsort(predicted, kind="stable")
    places = order[np.linspace(0, len(order) - 1, min(EXAMPLES, len(order))).round().astype(int)]
    stems = [setting.stems[place] for place in places]
    role = run.inputs[0]
    pixels = inference.stacked(setting.dataset, setting.split, (role,), stems)
    captions = [f"{predicted[place]:.2f} cloudy; true share {shares[place]:.2f}" for place in places]
    title = f"{run.name}: from clear to cloudy"
    visualization.grid(
        path,
        [(visualization.name_of(role), visualization.for_display(role, pixels))],
        title,
        legend=False,
        captions=captions,
    )


def _examples(
    probabilities: Mapping[Run, np.ndarray], setting: Setting, shares: np.ndarray
) -> tuple[list[Example], str]:
    """Return the patches with the lowest, median and highest probability of their true class, mean over the runs."""
    truths = {run: shares > run.cloudy for run in probabilities}
    right = [np.where(truths[run], predicted, 1 - predicted) for run, predicted in probabilities.items()]
    name, run = "probability of the true class", next(iter(probabilities))
    chosen = choose({name: np.mean(right, axis=0)})
    stems = [setting.stems[place] for place in chosen]
    pixels = inference.stacked(setting.dataset, setting.split, run.inputs[:1], stems)
    shown = visualization.for_display(run.inputs[0], pixels)
    examples = []
    for (place, reasons), picture in zip(chosen.items(), shown, strict=True):
        by_run = {f"cloudy by {run.name}": f"{predicted[place]:.2f}" for run, predicted in probabilities.items()}
        scores = {"share under cloud": f"{shares[place]:.2f}"} | by_run
        image = ExampleImage(visualization.name_of(run.inputs[0]), picture, scores)
        examples.append(Example(reasons, setting.stems[place], (image,)))
    return examples, selection_note([name], f"all {len(setting.stems)} patches of {setting.split}")


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _page(runs: Sequence[Run], setting: Setting, lines: Sequence[Sequence[object]], command: str) -> str:
    head = ["run", "epoch", "accuracy", "precision", "recall", "F1", "AUC", "commoner class", "n"]
    rows = [[name, epoch, *(f"{value:.3f}" for value in values), count] for name, _, epoch, *values, count in lines]
    dataset = setting.dataset
    limits = ", ".join(f"{run.cloudy:g} ({run.name})" for run in runs)
    return f"""# Cloud classification: {", ".join(run.name for run in runs)}

Measured on {len(setting.stems)} patches of the data set {dataset.name}, split {setting.split}, of origin:
{dataset.origin}. A patch counts as cloudy where more than this share of it is under cloud: {limits}.

{markdown(head, rows)}

![Patches from the lowest to the highest predicted probability](examples.png)

## How to read this

{HOW_TO_READ}
## Where it comes from

```
{command}
```

[metrics.csv](metrics.csv) has the figures, [patches.csv](patches.csv) the probability of each patch.
"""
