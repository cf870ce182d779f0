"""Define the command `score-clouds`, which scores the clouds in a data set's targets by a classifier."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pix2pix_tf.data import dataset
from pix2pix_tf.data.cloud_filter import unscored
from pix2pix_tf.data.dataset import SPLITS, Dataset, Pairing
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.prepare.commands import Commands, command
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    from pix2pix_tf.export import saved_model

CLOUDY = 0.5  # the summary counts scores above this as cloudy


def add_score_clouds(commands: Commands) -> None:
    """Add the command to a parser."""
    new = command(
        commands,
        "score-clouds",
        "score how cloudy each target of a data set is, by a classifier\n\n"
        "The scores, 0 clear to 1 cloudy, go into the rows of dataset.json; --set data.max_cloud=0.1 trains without\n"
        "cloudier targets. Existing scores, such as those by the satellite's own mask, are kept.",
        "  python -m pix2pix_tf.prepare score-clouds --model runs/clouds/export/clouds --data datasets/multiearth",
    )
    new.add_argument(
        "--model", type=Path, required=True, metavar="PATH", help="a run of --variant clouds, or its export"
    )
    new.add_argument("--data", type=Path, required=True, metavar="DIR", help="the data set, with its dataset.json")
    new.add_argument("--overwrite", action="store_true", help="score all targets, also those with a score")
    new.add_argument("--batch-size", type=int, default=32, metavar="N", help="targets at a time (default: 32)")
    new.set_defaults(run=run_score_clouds)


def run_score_clouds(arguments: argparse.Namespace) -> None:
    """Score the targets that the options name."""
    score_clouds(arguments.model, arguments.data, arguments.overwrite, arguments.batch_size)


def score_clouds(model: Path, data: Path, overwrite: bool = False, batch_size: int = 32) -> None:
    """Score the targets of a data set by a classifier, into its dataset.json.

    Args:
      model: an export, a base path of exports, or a run.
      data: the data set.
      overwrite: True scores all targets; False only those without a score.
      batch_size: targets at a time.

    Raises:
      UserError: the data set or the model is not usable; nothing is written then.
    """
    if batch_size < 1:
        raise UserError(f"--batch-size {batch_size} must be 1 or more.")
    found = open_targets(data)
    targets = unscored_targets(found, overwrite)
    if not targets:
        print(f"all targets of {data} have a score already (--overwrite scores them again)")
        return

    from pix2pix_tf.export import saved_model  # TensorFlow: some seconds, which the errors above need not wait for

    score(saved_model.load(model), found, targets, batch_size)


def open_targets(root: Path) -> Dataset:
    """Open a data set with its targets alone, in all splits that it has.

    Raises:
      UserError: there is none, it has no dataset.json, or files are bad.
    """
    if root.is_dir() and not (root / dataset.FILE).exists():
        raise UserError(f"{root} has no {dataset.FILE}, which holds the scores. Make the data set with prepare.")
    role = dataset.read(root).target_role if root.is_dir() else Dataset.target_role
    splits = tuple(split for split in SPLITS if (root / split / role).is_dir())
    return load_dataset(root, (role,), splits or ("train",))


def unscored_targets(found: Dataset, overwrite: bool) -> list[tuple[str, str]]:
    """Return the (split, stem) pairs of the targets to score.

    Args:
      found: the data set, opened.
      overwrite: True returns all targets; False those without a score.
    """
    return [
        (split, stem)
        for split, stems in found.stems.items()
        for stem in (stems if overwrite else unscored(found, stems))
    ]


def score(model: "saved_model.Model", found: Dataset, targets: Sequence[tuple[str, str]], batch_size: int) -> None:
    """Score targets and write the scores into dataset.json; when interrupted, those so far.

    Args:
      model: its signature `tensor` returns `probabilities`, float32 [N, 1], of cloud.
      found: the data set, opened.
      targets: (split, stem) pairs.
      batch_size: targets at a time.

    Raises:
      UserError: the model is no classifier of such targets.
    """
    _check(model, found)
    scores: dict[str, float] = {}
    batches = [targets[first : first + batch_size] for first in range(0, len(targets), batch_size)]
    try:
        for batch in cli.progress(batches, len(batches), f"batches of {batch_size} targets scored"):
            pixels = np.stack([images.read_png(found.path(split, found.target_role, stem)) for split, stem in batch])
            values = _probabilities(model, pixels if pixels.ndim == 4 else pixels[..., np.newaxis])
            scores.update(zip((stem for _, stem in batch), values, strict=True))
    finally:
        if scores:
            dataset.save_pairs(replace(found, pairs=_with_scores(found.pairs, scores)))
            cloudy = sum(value > CLOUDY for value in scores.values())
            kept = sum(len(stems) for stems in found.stems.values()) - len(targets)
            print(
                f"{len(scores)} of {len(targets)} targets scored, {cloudy} of them above {CLOUDY}; {kept} kept theirs"
            )


def _check(model: "saved_model.Model", found: Dataset) -> None:
    role = found.target_role
    if tuple(model.inputs) != (role,):
        raise UserError(
            f"{model.folder} takes {', '.join(model.inputs)}; scoring needs a classifier of {role} alone, such as "
            "runs/clouds/export/clouds."
        )
    if found.size % model.divisor:
        raise UserError(
            f"{model.folder} takes patches whose sides are multiples of {model.divisor} pixels; those of {found.root} "
            f"have {found.size}."
        )
    if model.bits[role] != found.bits[role]:
        raise UserError(
            f"{model.folder} takes {role} of {model.bits[role]} bit; {found.root} has {found.bits[role]} bit. Train a "
            "classifier on data of that depth, or prepare the data set with the other --depth."
        )


def _probabilities(model: "saved_model.Model", pixels: np.ndarray) -> list[float]:
    """Return one probability for each target; check their shape and range."""
    try:
        values = model.probabilities(pixels)
    except KeyError:
        raise UserError(f"{model.folder} returns no probabilities: it is no classifier.") from None
    if values.shape != (len(pixels), 1) or not ((values >= 0) & (values <= 1)).all():
        raise UserError(
            f"{model.folder} returns probabilities of shape {values.shape}; a cloud classifier returns one from 0 to 1 "
            "for each picture."
        )
    return [float(value) for value in values[:, 0]]


def _with_scores(rows: Mapping[str, Pairing], scores: Mapping[str, float]) -> dict[str, Pairing]:
    return {**rows, **{stem: replace(rows.get(stem, Pairing()), cloud=value) for stem, value in scores.items()}}
