"""The report of an evaluation: table.md, and the page report.md that joins the tables with the pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.evaluation.scores import (
    COLUMNS,
    DIGITS,
    ERROR,
    HEADINGS,
    Scores,
    at_last_common_epoch,
    best_of,
    name_of,
    runs_of,
    scores_of,
)
from pix2pix_tf.evaluation.tables import markdown, with_interval
from pix2pix_tf.evaluation.verdict import verdict
from pix2pix_tf.export.best_epoch import METRICS
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

# Table I of the glacier synthesis paper (Dietrich-Sussner et al. 2021, arXiv 2101.03252): variant -> (Dice, SSIM)
# after 210 epochs on its own real patches.
PUBLISHED = {
    "orig": (0.2638, 0.8409),
    "gen5": (0.2266, 0.8492),
    "dis3": (0.1566, 0.8448),
    "l11gan100": (0.1578, 0.7926),
    "l150gan50": (0.1484, 0.7379),
}

# Cheng et al. 2022 (arXiv 2206.13042), SAR-to-optical in the MultiEarth challenge: experiment, PSNR (dB), SSIM, error
# score of 3 outputs.
PUBLISHED_OPTICAL = (
    ("uint16", "20.734", "0.735", ""),
    ("uint8", "21.551", "0.763", ""),
    ("final", "22.527", "0.732", "0.0412"),
)

COMPARABLE = {
    "real": "The paper's figures stand beside ours as far as these patches are like the paper's own.",
    "simulated": "Simulated data: not comparable with the paper's figures, which are of real radar images.",
    "generated": "Generated data: not comparable with the paper's figures, which are of real radar images.",
    "unknown": "The origin of these images is not known: the paper's figures are of real radar images of glaciers.",
}

HOW_TO_READ = """\
- **Dice** here is non-binary: it is computed on grey values and is no overlap of regions. It is high where both images
  are bright in the same places, and rises with the brightness of both.
- **Dice and SSIM compare pixel by pixel, but speckle is random and never matches.** SSIM, PSNR and MAE reward
  smoothness: an image without speckle scores better than one with realistic speckle in other places. A higher score
  does not yet mean a more realistic image.
- **Look at the pictures** for what the figures do not measure: is there speckle, do crevasses run with the flow, do
  edges follow the mask, does a pattern repeat?
"""


@dataclass(frozen=True)
class Data:
    """The images that were scored."""

    name: str  # of the data set
    origin: str  # real | simulated | generated: <run>@<epoch> | unknown
    split: str
    seed: int
    trained_on: Mapping[str, str]  # run -> origin of its training data
    select: str = "ssim"  # of best_epoch.METRICS: a run's best epoch has the highest


def check_output(folder: Path, columns: Sequence[str] = COLUMNS, kept: Sequence[str] = ("scores",)) -> None:
    """Check that a report overwrites nothing but an earlier report of the same kind.

    Args:
      folder: where the report is to go.
      columns: the first columns of this kind of report's metrics.csv.
      kept: folders that an interrupted evaluation leaves, before its metrics.csv.

    Raises:
      UserError: the folder holds other things, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output {folder} is a file. Name a folder.")
    means = folder / "metrics.csv"
    if means.is_file() and means.read_bytes().startswith(",".join(columns).encode()):
        return
    names = sorted(path.name for path in folder.glob("*"))
    ours = {*kept, files.LOCK}  # a killed process leaves its lock
    foreign = [name for name in names if name not in ours and not name.startswith(".tmp-")]
    if foreign:
        raise UserError(
            f"--output {folder} holds {foreign[0]}, but no report of this kind. Name a new or empty folder."
        )


def table(scores: Sequence[Scores], data: Data) -> str:
    """Return the text of table.md, the paper's table I: each run at the last common epoch, and at its own best one.

    Args:
      scores: of all runs and epochs, in any order.
      data: the images that were scored; named below the figures, since they decide what the figures compare with.
    """
    return f"# Scores\n\n{_tables(scores, data.select)}\n\n{_data_note(scores, data)}\n"


def page(scores: Sequence[Scores], data: Data, command: str, captions: Sequence[str], sections: str = "") -> str:
    """Return the text of report.md, which stands beside curves.png, comparison.png, metrics.csv and scores/.

    Args:
      scores: of all runs and epochs, in any order.
      data: the images that were scored.
      command: the command line that makes this report again.
      captions: the names of the patches in comparison.png, from the top down.
      sections: further ones, such as those of realism and faithfulness, each with its heading and an empty line behind.
    """
    return f"""# Evaluation of {", ".join(runs_of(scores))}

{_verdicts(scores, data.select)}

{_data_note(scores, data)}

## Curves

![Dice and SSIM by epoch](curves.png)

The mean over the images, by epoch; a shade or a bar is its 95 % interval.

## Table

{_tables(scores, data.select)}

## Comparison

![Mask, target and the image that each run generates](comparison.png)

Patches spread evenly over the split: {", ".join(f"`{name}`" for name in captions)}.

{sections}## How to read this

{HOW_TO_READ}
## Where it comes from

```
{command}
```

[metrics.csv](metrics.csv) has the means, [scores/](scores) the values of each image, [table.md](table.md) the table.
"""


def _verdicts(scores: Sequence[Scores], best_by: str) -> str:
    """Return which run is best at the last common epoch, or which epoch of a single run; by faithfulness as well."""
    compared = at_last_common_epoch(scores)[1]
    if len(compared) == 1:
        compared = list(scores)
    names = [f"{s.run}@{s.epoch}" for s in compared]
    measures = dict.fromkeys((best_by, *(("faithfulness",) if "faithfulness" in scores[0].values else ())))
    sentences = [
        verdict({n: s.values[m] for n, s in zip(names, compared, strict=True)}, METRICS[m], 4) for m in measures
    ]
    return " ".join(sentences)


def _tables(scores: Sequence[Scores], best_by: str) -> str:
    runs = [scores_of(scores, run) for run in runs_of(scores)]
    common, last = at_last_common_epoch(scores)
    best, by = [best_of(run, best_by) for run in runs], METRICS[best_by]
    if common is None:
        title = "The runs have no exported epoch in common: each at its own last one"
    else:
        title = f"Epoch {common}, the last one" + (" that all runs have" if len(runs) > 1 else "")
    parts = [f"### {title}", _rows(last)]
    if len(scores) > len(runs) and [s.epoch for s in best] == [s.epoch for s in last]:
        parts += [f"By {by}, that is also the best epoch" + (" of each run." if len(runs) > 1 else ".")]
    elif len(scores) > len(runs):
        parts += ["### " + ("Each run's best epoch" if len(runs) > 1 else "The best epoch") + f", by {by}", _rows(best)]
        parts += ["It was chosen on the same images that it is scored on, so its score is slightly optimistic."]
    parts += [
        "± is half of the 95 % interval of the mean over the n images (Student's t). It takes them as independent; "
        "patches of one scene are not quite, so the true interval is somewhat wider.",
        "Dice is 2 Σxy / (Σx² + Σy²), Dice linear 2 Σxy / (Σx + Σy): the paper's text does not settle which it used.",
    ]
    if _errors(scores):
        parts += [_error_table(last), _OF_ERRORS]
    if any(s.variant in PUBLISHED for s in scores):
        parts += [
            "The paper's figures are those of table I of Dietrich-Sussner et al. 2021 (arXiv 2101.03252), after 210 "
            "epochs on its own data."
        ]
    return "\n\n".join(parts)


_OF_ERRORS = (
    "The error score is that of the MultiEarth challenge: several images are generated from an input, and each of its "
    "targets counts with the least error among them; then comes the mean over targets, then over inputs. More outputs "
    "can only lower it: the columns show by how much. It is the mean absolute error on [0, 1], unless --norm says "
    "otherwise."
)


def _errors(scores: Sequence[Scores]) -> list[str]:
    return [name for name in scores[0].values if name.startswith(ERROR)]


def _error_table(scores: Sequence[Scores]) -> str:
    """Return error scores by number of outputs, and the published figures, which are of other images."""
    names = _errors(scores)
    head = ["run", "epoch", *(f"of {name.removeprefix(ERROR)}" for name in names), "inputs"]
    rows = []
    for s in scores:
        values = [with_interval(*s.interval(name), 4) for name in names]
        rows.append([name_of(s), s.epoch, *values, len(set(s.inputs))])
    ours = markdown(head, rows)
    theirs = markdown(["MultiEarth report, experiment", "PSNR (dB)", "SSIM", "error score"], PUBLISHED_OPTICAL)
    published = "Published, on the challenge's own images of the Amazon:"
    return f"### Error score, by the number of outputs\n\n{ours}\n\n{published}\n\n{theirs}"


def _rows(scores: Sequence[Scores]) -> str:
    """Return a table of one line a run, with the paper's figures if it has any for these variants."""
    published = any(s.variant in PUBLISHED for s in scores)
    head = ["run", "epoch", *HEADINGS.values(), "n", *(["paper: Dice", "paper: SSIM"] if published else [])]
    rows = []
    for s in scores:
        ours = [with_interval(*s.interval(measure), DIGITS[measure]) for measure in HEADINGS]
        paper = [f"{value:.4f}" for value in PUBLISHED[s.variant]] if s.variant in PUBLISHED else ["", ""]
        rows.append([name_of(s), s.epoch, *ours, len(s.stems), *paper * published])
    return markdown(head, rows)


def _data_note(scores: Sequence[Scores], data: Data) -> str:
    """Return sentences on the images behind the figures, and on how the paper's figures compare with them."""
    images, origins = len(scores[0].stems), list(dict.fromkeys(data.trained_on.values()))
    by_run = ", ".join(f"{origin} ({run})" for run, origin in data.trained_on.items())
    sentence = (
        f"Measured on {images} image{'s' if images > 1 else ''} of the data set {data.name}, split "
        f"{data.split} (origin: {data.origin}), seed {data.seed}. Origin of the training data: "
        f"{origins[0] if len(origins) == 1 else by_run}."
    )
    if _errors(scores):
        sentence += " The published figures are of the challenge's own images: these are not comparable with them."
    if any(s.variant in PUBLISHED for s in scores):
        sentence += " " + COMPARABLE.get(data.origin.split(":")[0], COMPARABLE["unknown"])
    return sentence
