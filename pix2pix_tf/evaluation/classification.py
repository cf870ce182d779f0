"""Measures networks that tell cloudy patches from clear ones.

<output>/report.md report.html metrics.csv patches.csv examples.png
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pix2pix_tf.data import visualization
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.evaluation import html_report, inference
from pix2pix_tf.evaluation.html_report.examples import Example, Shown, choose, told
from pix2pix_tf.evaluation.runs import Run
from pix2pix_tf.evaluation.tables import markdown
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError

COLUMNS = ("run", "variant", "epoch", "accuracy", "precision", "recall", "f1", "auc", "commoner_class", "n")
EXAMPLES = 8  # patches on the sheet, from the clearest to the cloudiest

HOW_TO_READ = """\
- **Accuracy** is the share of patches that are called rightly, at a probability of 0.5; **commoner class** what calling
  all patches alike would reach. What is not better has learnt nothing.
- **Precision**: of the patches called cloudy, the share that are. **Recall**: of the cloudy patches, the share that are
  called so; the others would stay among the training targets.
- **AUC**: how likely a cloudy patch gets a higher probability than a clear one, whatever the threshold; 0.5 is chance.
"""


@dataclass(frozen=True)
class Setting:
    """On what the networks are measured."""

    dataset: Dataset  # opened with the input roles, with a cloud share in each row
    split: str  # train | val | test
    batch_size: int  # patches at a time

    @property
    def stems(self) -> tuple[str, ...]:
        """The patches of the split, in order."""
        return self.dataset.stems[self.split]


def evaluate(runs: Sequence[Run], setting: Setting, output: Path, command: str) -> None:
    """Measures the newest export of each run, which is its best, and writes the report.

    Args:
      runs: at least one, each without targets.
      setting: on what.
      output: the report's folder; what it has of an earlier report is renewed.
      command: the command line that makes this report, for the report.

    Raises:
      UserError: the share of clouds of a patch is not known, or an export takes other patches.
    """
    shares = _shares(setting)
    lines, patches, all_told = [], [], {}
    for run in runs:
        epoch, version = max(versions.epochs(run.folder).items())
        said = _told(inference.load_model(version, setting.dataset), setting)
        all_told[run] = said
        lines.append([run.name, run.variant, epoch, *score(said, shares > run.cloudy), len(said)])
        rows = zip(setting.stems, shares, said, strict=True)
        patches += [[run.name, stem, float(share), float(p)] for stem, share, p in rows]
    _draw(output / "examples.png", runs[-1], setting, said, shares)
    files.write_text(output / "metrics.csv", _csv(COLUMNS, lines))
    files.write_text(output / "patches.csv", _csv(("run", "patch", "cloud_share", "probability"), patches))
    html_report.write(output, _page(runs, setting, lines, command), *_examples(all_told, setting, shares))


def score(told: np.ndarray, cloudy: np.ndarray) -> tuple[float, float, float, float, float, float]:
    """Accuracy, precision, recall and F1 at 0.5, the area under the ROC curve, and the share of the commoner class.

    Args:
      told: float [n], [0, 1], probabilities of being cloudy.
      cloudy: bool [n], the truth.

    Returns:
      Six floats; NaN where a class that is needed does not occur.
    """
    confusion = image_metrics.confusion(cloudy, told > 0.5, (0, 1))
    accuracy = float(np.mean((told > 0.5) == cloudy))
    precision, recall, f1 = (
        float(measure(confusion)[1]) for measure in (image_metrics.precision, image_metrics.recall, image_metrics.f1)
    )
    above = told[cloudy][:, np.newaxis] - told[~cloudy][np.newaxis]
    auc = float(np.mean((above > 0) + 0.5 * (above == 0))) if above.size else float("nan")
    return accuracy, precision, recall, f1, auc, float(max(cloudy.mean(), 1 - cloudy.mean()))


def _shares(setting: Setting) -> np.ndarray:
    """The share of clouds of each patch, float64 [n]."""
    rows = setting.dataset.pairs
    shares = [rows[stem].cloud if stem in rows else None for stem in setting.stems]
    if None in shares:
        raise UserError(
            f"{setting.dataset.root}/dataset.json does not say how cloudy {setting.stems[shares.index(None)]} is. "
            "Measure on data that have a cloud share in each row, such as simulated ones."
        )
    return np.array(shares, np.float64)


def _told(model: saved_model.Model, setting: Setting) -> np.ndarray:
    """How likely each patch is cloudy, float64 [n]."""
    batches = range(0, len(setting.stems), setting.batch_size)
    found = []
    for first in cli.progress(batches, len(batches), "batches"):
        stems = setting.stems[first : first + setting.batch_size]
        found.append(model.probabilities(inference.stacked(setting.dataset, setting.split, model.inputs, stems))[:, 0])
    return np.concatenate(found).astype(np.float64)


def _draw(path: Path, run: Run, setting: Setting, told: np.ndarray, shares: np.ndarray) -> None:
    """A sheet of patches from what is called clearest to what is called cloudiest."""
    order = np.argsort(told, kind="stable")
    places = order[np.linspace(0, len(order) - 1, min(EXAMPLES, len(order))).round().astype(int)]
    stems = [setting.stems[place] for place in places]
    role = run.inputs[0]
    pixels = inference.stacked(setting.dataset, setting.split, (role,), stems)
    captions = [f"{told[place]:.2f} cloudy; true share {shares[place]:.2f}" for place in places]
    title = f"{run.name}: from clear to cloudy"
    visualization.grid(
        path,
        [(visualization.name_of(role), visualization.for_display(role, pixels))],
        title,
        legend=False,
        captions=captions,
    )


def _examples(all_told: Mapping[Run, np.ndarray], setting: Setting, shares: np.ndarray) -> tuple[list[Example], str]:
    """The patches that are called most wrongly, in the middle and most rightly, in the mean over the runs."""
    truths = {run: shares > run.cloudy for run in all_told}
    right = [np.where(truths[run], told, 1 - told) for run, told in all_told.items()]
    name, run = "probability of what is true", next(iter(all_told))
    chosen = choose({name: np.mean(right, axis=0)})
    stems = [setting.stems[place] for place in chosen]
    pixels = inference.stacked(setting.dataset, setting.split, run.inputs[:1], stems)
    shown = visualization.for_display(run.inputs[0], pixels)
    examples = []
    for (place, reasons), picture in zip(chosen.items(), shown, strict=True):
        said = {f"cloudy, says {run.name}": f"{told[place]:.2f}" for run, told in all_told.items()}
        scores = {"share under cloud": f"{shares[place]:.2f}"} | said
        examples.append(
            Example(reasons, setting.stems[place], (Shown(visualization.name_of(run.inputs[0]), picture, scores),))
        )
    return examples, told([name], f"all {len(setting.stems)} patches of {setting.split}")


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
    return f"""# Clouds: {", ".join(run.name for run in runs)}

Measured on {len(setting.stems)} patches of the data set {dataset.name}, split {setting.split}, of origin:
{dataset.origin}. A patch counts as cloudy when more than this share of it is under cloud: {limits}.

{markdown(head, rows)}

![Patches from what is called clearest to what is called cloudiest](examples.png)

## How to read this

{HOW_TO_READ}
## Where it comes from

```
{command}
```

[metrics.csv](metrics.csv) has the figures, [patches.csv](patches.csv) the probability of each patch.
"""
