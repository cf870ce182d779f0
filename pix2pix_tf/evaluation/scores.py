"""Scores of exported epochs, image by image: their means, and the best and the last common epochs of runs."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.metrics.statistics import confidence_interval

COLUMNS = ("run", "variant", "epoch", "dice", "dice_linear", "ssim", "psnr", "mae", "n")  # of metrics.csv
HEADINGS = {"dice": "Dice", "dice_linear": "Dice linear", "ssim": "SSIM", "psnr": "PSNR (dB)", "mae": "MAE"}
DIGITS = {"dice": 4, "dice_linear": 4, "ssim": 4, "psnr": 2, "mae": 4}  # behind the point, in the table

ERROR = "error_"  # begins the names of error scores, which end with the number of outputs


@dataclass(frozen=True)
class Scores:
    """The scores of one exported epoch of a run on the images of a split."""

    run: str
    variant: str
    epoch: int
    stems: tuple[str, ...]  # the images, in the order of the values
    inputs: tuple[str, ...]  # of each image; several images may share one
    values: Mapping[str, np.ndarray]  # measure -> float64 [n], one for each image
    of_all: Mapping[str, float] = field(default_factory=dict)  # column of metrics.csv -> of all images together

    def interval(self, measure: str) -> tuple[float, float | None]:
        """Return the mean over the images and half of its 95 % interval (None for one image).

        An error score is a mean over the targets of an input first, then over inputs.
        """
        values = self.values[measure]
        if measure.startswith(ERROR):
            _, which = np.unique(self.inputs, return_inverse=True)
            values = np.bincount(which, values) / np.bincount(which)
        return confidence_interval(values)


def error_name(outputs: int) -> str:
    """Return the name of the error score of so many outputs."""
    return f"{ERROR}{outputs}"


def summary(scores: Sequence[Scores]) -> str:
    """Return the text of metrics.csv: the mean of each measure, one line for each run and epoch.

    Args:
      scores: of all runs and epochs, in any order.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    further = [name for name in scores[0].values if name not in image_metrics.MEASURES]  # error scores, faithfulness
    writer.writerow([*COLUMNS, *further, *scores[0].of_all])
    for s in (s for run in runs_of(scores) for s in scores_of(scores, run)):
        means, more = ([s.interval(name)[0] for name in names] for names in (COLUMNS[3:-1], further))
        writer.writerow([s.run, s.variant, s.epoch, *means, len(s.stems), *more, *s.of_all.values()])
    return text.getvalue()


def last_common_epoch(epochs: Iterable[Iterable[int]]) -> int | None:
    """Return the last of the epochs that every run has; None when there is none."""
    return max(set.intersection(*map(set, epochs)), default=None)


def runs_of(scores: Sequence[Scores]) -> list[str]:
    """Return the names of the runs, in the order given."""
    return list(dict.fromkeys(s.run for s in scores))


def scores_of(scores: Sequence[Scores], run: str) -> list[Scores]:
    """Return the scores of one run, by ascending epoch."""
    return sorted((s for s in scores if s.run == run), key=lambda s: s.epoch)


def name_of(scores: Scores) -> str:
    """Return a run's label in curves and tables: its name, and its variant where that is another."""
    return scores.run if scores.run == scores.variant else f"{scores.run} ({scores.variant})"


def at_last_common_epoch(scores: Sequence[Scores]) -> tuple[int | None, list[Scores]]:
    """Return the last epoch that all runs have and each run's scores there; without one, None and the last scores."""
    runs = [scores_of(scores, run) for run in runs_of(scores)]
    common = last_common_epoch([s.epoch for s in run] for run in runs)
    return common, [[s for s in run if common in (None, s.epoch)][-1] for run in runs]


def best_of(scores: Sequence[Scores], measure: str) -> Scores:
    """Return the scores of the epoch with the highest mean; of equal epochs the first."""
    return max(scores, key=lambda s: np.nan_to_num(s.interval(measure)[0], nan=-np.inf))
