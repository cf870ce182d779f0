"""What an evaluation says: curves, a table, and the page that joins them with the pictures.

It tells of the scores that it is given, and knows nothing of models.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pix2pix_tf import files, metrics
from pix2pix_tf.errors import UserError

# Table I of the glacier synthesis paper: variant -> (Dice, SSIM), after 210 epochs, on its own real patches.
PUBLISHED = {
    "orig": (0.2638, 0.8409),
    "gen5": (0.2266, 0.8492),
    "dis3": (0.1566, 0.8448),
    "l11gan100": (0.1578, 0.7926),
    "l150gan50": (0.1484, 0.7379),
}

COLUMNS = ("run", "variant", "epoch", "dice", "dice_linear", "ssim", "psnr", "mae", "n")  # of metrics.csv
HEADINGS = {"dice": "Dice", "dice_linear": "Dice linear", "ssim": "SSIM", "psnr": "PSNR (dB)", "mae": "MAE"}
DIGITS = {"dice": 4, "dice_linear": 4, "ssim": 4, "psnr": 2, "mae": 4}  # behind the point, in the table

# One run, one style. The colours are those of Okabe & Ito (2008), told apart with any common colour-blindness, without
# the yellow that white paper swallows; marker and dash tell the runs apart in black and white as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")
SHADED = 5  # runs; the intervals of more would cover each other

COMPARABLE = {
    "real": "The paper's figures stand beside ours as far as these patches are like the paper's own.",
    "simulated": "Simulated data: not comparable with the paper's figures, which are of real radar images.",
    "generated": "Generated data: not comparable with the paper's figures, which are of real radar images.",
    "unknown": "Where these images come from is not known: the paper's figures are of real radar images of glaciers.",
}

HOW_TO_READ = """\
- **Dice** here is non-binary: it is computed on grey values and is no overlap of regions. It asks whether what is
  bright in one image is bright in the other, and rises with the brightness of both.
- **SSIM, PSNR and MAE** reward smoothness. Speckle is random: an image without any, the mean of what could be there,
  scores better than one with speckle as strong as the real one but in other places. A higher score is not yet a more
  real image.
- **The pictures decide** what the figures cannot: whether there is speckle, whether crevasses run with the flow,
  whether edges follow the mask, whether a pattern repeats.
"""


@dataclass(frozen=True)
class Scores:
    """One exported epoch of a run, measured on the images of a split."""

    run: str
    variant: str
    epoch: int
    stems: tuple[str, ...]  # the images, in the order of the values
    values: Mapping[str, np.ndarray]  # measure -> float64 [n], one for each image

    def interval(self, measure: str) -> tuple[float, float | None]:
        """The mean over the images and half of its 95 % interval (None for one image)."""
        return metrics.confidence_interval(self.values[measure])


@dataclass(frozen=True)
class Measured:
    """What the scores were measured on."""

    data: str  # the data set's name
    origin: str  # real | simulated | generated: <run>@<epoch> | unknown
    split: str
    seed: int
    trained_on: Mapping[str, str]  # run -> origin of its training data


def check_output(folder: Path) -> None:
    """Makes sure that a report overwrites nothing but an earlier report.

    Raises:
      UserError: the folder holds other things, or is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--output {folder} is a file. Name a folder.")
    means = folder / "metrics.csv"
    if means.is_file() and means.read_bytes().startswith(",".join(COLUMNS).encode()):
        return
    # What was interrupted before its metrics.csv has left scores/ alone.
    names = sorted(path.name for path in folder.glob("*"))
    foreign = [name for name in names if name != "scores" and not name.startswith(".tmp-")]
    if foreign:
        raise UserError(f"--output {folder} holds {foreign[0]}, but no report. Name a new or empty folder.")


def summary(scores: Sequence[Scores]) -> str:
    """The text of metrics.csv: the mean of each measure, one line for each run and epoch.

    Args:
      scores: of all runs and epochs, in any order.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for s in (s for run in _runs(scores) for s in _of(scores, run)):
        writer.writerow([s.run, s.variant, s.epoch, *(s.interval(name)[0] for name in COLUMNS[3:-1]), len(s.stems)])
    return text.getvalue()


def curves(path: Path, scores: Sequence[Scores]) -> None:
    """Draws Dice above SSIM by epoch, one line a run: the paper's figure 3.

    A line is the mean over the images, its shade the 95 % interval: a bar where there is one epoch only, and left out
    where there are so many runs that shades would cover each other.

    Args:
      path: the PNG to write.
      scores: of all runs and epochs, in any order.
    """
    runs = [_of(scores, run) for run in _runs(scores)]
    single = len({s.epoch for s in scores}) == 1
    figure = Figure(figsize=(8, 7.5), layout="constrained")
    upper, lower = figure.subplots(2, sharex=True)
    for axes, measure, label in ((upper, "dice", "Dice (non-binary)"), (lower, "ssim", "SSIM")):
        for number, run in enumerate(runs):
            aside = 0.2 * (number - (len(runs) - 1) / 2) / len(runs) if single else 0.0  # epochs, lest bars coincide
            _curve(axes, run, measure, number, aside, shaded=len(runs) <= SHADED)
        axes.set_ylabel(label)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    lower.set_xlabel("epoch")
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    if single:
        lower.set_xticks([scores[0].epoch])
        lower.set_xlim(scores[0].epoch - 0.5, scores[0].epoch + 0.5)
    handles, labels = upper.get_legend_handles_labels()
    fitting = max(1, 100 // (max(map(len, labels)) + 10))  # columns; the page is some 100 letters wide
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(len(labels), fitting), frameon=False, handlelength=4
    )
    with files.whole_file(path) as temporary:
        figure.savefig(temporary, format="png", dpi=150)


def table(scores: Sequence[Scores], measured: Measured) -> str:
    """The text of table.md, the paper's table I: each run at the last epoch that all have, and at its own best one.

    Args:
      scores: of all runs and epochs, in any order.
      measured: on what; said below the figures, since it decides what they can be compared with.
    """
    return f"# Scores\n\n{_tables(scores)}\n\n{_measured_on(scores, measured)}\n"


def page(scores: Sequence[Scores], measured: Measured, command: str, captions: Sequence[str]) -> str:
    """The text of report.md, which stands beside curves.png, comparison.png, metrics.csv and scores/.

    Args:
      scores: of all runs and epochs, in any order.
      measured: on what.
      command: the command line that makes this report again.
      captions: the names of the patches in comparison.png, from the top down.
    """
    return f"""# Evaluation of {", ".join(_runs(scores))}

{_measured_on(scores, measured)}

## Curves

![Dice and SSIM by epoch](curves.png)

The mean over the images, by epoch; a shade or a bar is its 95 % interval.

## Table

{_tables(scores)}

## Comparison

![Mask, target and what each run makes of it](comparison.png)

Patches spread evenly over the split: {", ".join(f"`{name}`" for name in captions)}.

## How to read this

{HOW_TO_READ}
## Where it comes from

```
{command}
```

[metrics.csv](metrics.csv) has the means, [scores/](scores) the values of each image, [table.md](table.md) the table.
"""


def last_common_epoch(epochs: Iterable[Iterable[int]]) -> int | None:
    """The last of the epochs that every run has; None when there is none."""
    return max(set.intersection(*map(set, epochs)), default=None)


def _runs(scores: Sequence[Scores]) -> list[str]:
    return list(dict.fromkeys(s.run for s in scores))


def _of(scores: Sequence[Scores], run: str) -> list[Scores]:
    return sorted((s for s in scores if s.run == run), key=lambda s: s.epoch)


def _curve(axes: Axes, scores: Sequence[Scores], measure: str, number: int, aside: float, shaded: bool) -> None:
    """One run's line, moved aside by so many epochs; its number chooses the style."""
    epochs = np.array([s.epoch for s in scores]) + aside
    means, halves = np.transpose([(mean, half or 0.0) for mean, half in (s.interval(measure) for s in scores)])
    style = {
        "color": COLOURS[number % len(COLOURS)],
        "marker": MARKERS[number % len(MARKERS)],
        "markersize": 5,
        "linestyle": DASHES[number % len(DASHES)],
        "label": _label(scores[0]),
    }
    if len(scores) == 1:  # a shade needs two points
        axes.errorbar(epochs, means, halves, capsize=4, **style)
        return
    axes.plot(epochs, means, **style)
    if shaded:
        axes.fill_between(epochs, means - halves, means + halves, color=style["color"], alpha=0.12, linewidth=0)


def _label(scores: Scores) -> str:
    return scores.run if scores.run == scores.variant else f"{scores.run} ({scores.variant})"


def _tables(scores: Sequence[Scores]) -> str:
    runs = [_of(scores, run) for run in _runs(scores)]
    common = last_common_epoch([s.epoch for s in run] for run in runs)
    last = [[s for s in run if common in (None, s.epoch)][-1] for run in runs]
    best = [max(run, key=lambda s: s.interval("ssim")[0]) for run in runs]
    if common is None:
        title = "The runs have no exported epoch in common: each at its own last one"
    else:
        title = f"Epoch {common}, the last one" + (" that all runs have" if len(runs) > 1 else "")
    parts = [f"### {title}", _rows(last)]
    if len(scores) > len(runs):
        parts += ["### Each run's best epoch, by SSIM" if len(runs) > 1 else "### The best epoch, by SSIM", _rows(best)]
        parts += ["It was chosen on the very images it is measured on, which flatters it a little."]
    parts += [
        "± is half of the 95 % interval of the mean over the n images (Student's t). It takes them as independent; "
        "patches of one scene are not quite, so the true interval is somewhat wider.",
        "Dice is 2 Σxy / (Σx² + Σy²), Dice linear 2 Σxy / (Σx + Σy): the paper's text does not settle which it used.",
    ]
    if any(s.variant in PUBLISHED for s in scores):
        parts += ["The paper's figures are those of its table I, after 210 epochs on its own data."]
    return "\n\n".join(parts)


def _rows(scores: Sequence[Scores]) -> str:
    """A table of one line a run; with the paper's figures if it has any for these variants."""
    published = any(s.variant in PUBLISHED for s in scores)
    head = ["run", "epoch", *HEADINGS.values(), "n", *(["paper: Dice", "paper: SSIM"] if published else [])]
    lines = [head, ["---", *["---:"] * (len(head) - 1)]]
    for s in scores:
        ours = [_with_interval(*s.interval(measure), DIGITS[measure]) for measure in HEADINGS]
        paper = [f"{value:.4f}" for value in PUBLISHED[s.variant]] if s.variant in PUBLISHED else ["", ""]
        lines.append([_label(s).replace("|", r"\|"), str(s.epoch), *ours, str(len(s.stems)), *paper * published])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _with_interval(mean: float, half: float | None, digits: int) -> str:
    return f"{mean:.{digits}f}" + ("" if half is None else f" ± {half:.{digits}f}")


def _measured_on(scores: Sequence[Scores], measured: Measured) -> str:
    """Says what the figures come from, and whether the paper's may stand beside them."""
    images, origins = len(scores[0].stems), list(dict.fromkeys(measured.trained_on.values()))
    by_run = ", ".join(f"{origin} ({run})" for run, origin in measured.trained_on.items())
    sentence = (
        f"Measured on {images} image{'s' if images > 1 else ''} of the data set {measured.data}, split "
        f"{measured.split} (origin: {measured.origin}), seed {measured.seed}. Trained on data of origin: "
        f"{origins[0] if len(origins) == 1 else by_run}."
    )
    if any(s.variant in PUBLISHED for s in scores):
        sentence += " " + COMPARABLE.get(measured.origin.split(":")[0], COMPARABLE["unknown"])
    return sentence
