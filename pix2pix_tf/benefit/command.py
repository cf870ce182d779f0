"""Measures whether synthetic SAR images help to find calving fronts: python -m pix2pix_tf.benefit --data ...

Networks of the variant `zones` are trained on real images, on synthetic ones and on both, at equal steps, for some
fractions of the real scenes and some seeds, and measured on real glaciers that none of them was trained on.

<output>/report.md report.html table.md summary.csv results.csv benefit.png classes.png (and .svg)
         benefit.json                     what was asked for
         data/<name>/                     what is trained and tested on: data sets like any other
         runs/<kind>-<fraction>-seed<k>/  a run like any other, with its report on the held-out scenes

What has its report is done; interrupted, the same command goes on with the rest. So it does with more --seeds.
"""

import argparse
import math
import shlex
from collections import Counter
from dataclasses import replace
from pathlib import Path

from pix2pix_tf.benefit import experiment, plot, results
from pix2pix_tf.benefit import report as benefit_report
from pix2pix_tf.benefit.data import open_sources, what_is_known_of_leaks
from pix2pix_tf.benefit.experiment import Experiment
from pix2pix_tf.benefit.results import Compared, Outcome, Trial
from pix2pix_tf.config import TrainConfig
from pix2pix_tf.evaluation import html_report
from pix2pix_tf.evaluation.segmentation import report as segmentation_report
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError

EXAMPLES = """\
  python -m pix2pix_tf.benefit --data datasets/caffe --generated generated/caffe --hold-out SI --output runs/benefit
  python -m pix2pix_tf.benefit --data datasets/mine --generated generated/mine --hold-out Crane Jorum \\
      --output runs/benefit-short --steps 2000 --seeds 5 --fractions 0.05 0.5 1 --set train.batch_size=8"""


def main(argv: list[str]) -> None:
    """Reads the arguments, opens the data, trains, measures, reports."""
    options = read_options(argv)
    chosen = compose(options)

    from pix2pix_tf.benefit import trials as benefit_trials
    from pix2pix_tf.evaluation.segmentation import (
        evaluation,  # TensorFlow: some seconds, which no mistake above has to wait for
    )

    setting, root = benefit_trials.setting_of(chosen), chosen.sources.real.root
    evaluation.check_scenes(replace(setting, dataset=replace(setting.dataset, root=root)))  # its file is to be mended
    with files.lock(chosen.output):
        experiment.claim(chosen)
        epochs = chosen.config.train.epochs
        print(
            f"{len(chosen.trials)} trainings of {chosen.steps} steps ({epochs} epochs), each of them measured",
            flush=True,
        )
        benefit_trials.run_trials(chosen)
        write_report(chosen, shlex.join(["python", "-m", "pix2pix_tf.benefit", *argv]))
    report, means = chosen.output / "report.html", chosen.output / "summary.csv"
    print(f"{report} has answer, tables and pictures; {means} the means.")


def read_options(argv: list[str]) -> argparse.Namespace:
    """Reads the arguments.

    Raises:
      UserError: a number is out of range.
    """
    parser = cli.parser(__doc__ or "", EXAMPLES, "python -m pix2pix_tf.benefit")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the real data set, with fronts")
    parser.add_argument(
        "--generated", type=Path, required=True, metavar="DIR", help="the synthetic data set; its split train is used"
    )
    parser.add_argument(
        "--hold-out", nargs="+", required=True, metavar="NAME", help="glaciers that test, and never train or validate"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="for report, data sets and runs")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="trainings of each kind (default: 3)")
    parser.add_argument(
        "--fractions",
        type=float,
        nargs="+",
        default=[0.1, 0.25, 1.0],
        metavar="SHARE",
        help="of the real training scenes (default: 0.1 0.25 1)",
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=10_000,
        metavar="N",
        help=f"of each training, in {experiment.EPOCHS} epochs (default: 10000)",
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an option of config.py")
    parser.add_argument(
        "--unit", choices=tuple(segmentation_report.SHORTEST), default="metres", help="of distances (default: metres)"
    )
    parser.add_argument(
        "--shortest",
        type=float,
        metavar="LENGTH",
        help="pieces of a front that are at most so long are dropped (default: 750 metres, or 10 pixels)",
    )
    options = parser.parse_args(argv)
    for name, value in (("--seeds", options.seeds), ("--steps", options.steps)):
        if value < 1:
            raise UserError(f"{name} takes a whole number from 1, not {value}.")
    for fraction in options.fractions:
        if not 0 < fraction <= 1:
            raise UserError(f"--fractions takes shares above 0 and up to 1, not {fraction:g}.")
    if options.shortest is not None and not 0 <= options.shortest < math.inf:
        raise UserError(f"--shortest takes a length from 0, not {options.shortest}.")
    return options


def compose(options: argparse.Namespace) -> Experiment:
    """Opens the data, and refuses what cannot be compared.

    Raises:
      UserError: see `open_sources`, `equal_training` and `check_batches`.
    """
    config = experiment.equal_training(options.set, options.steps)
    roles = tuple(dict.fromkeys(config.data.inputs + config.data.targets))
    sources = open_sources(options.data, options.generated, options.hold_out, roles)
    shortest = segmentation_report.SHORTEST[options.unit] if options.shortest is None else options.shortest
    trials = experiment.plan(sorted(set(options.fractions)), options.seeds)
    chosen = Experiment(sources, config, trials, options.output, options.unit, shortest)
    experiment.check_batches(chosen)
    return chosen


def write_report(chosen: Experiment, command: str) -> None:
    """Reads what all trainings reached, and writes tables and pictures.

    Args:
      chosen: all its trainings are done.
      command: the command line that makes this report, for the report.
    """
    outcomes = [_outcome(chosen, trial) for trial in chosen.trials]
    compared = _compared(chosen, command)
    files.write_text(chosen.output / "results.csv", results.results(outcomes, chosen.unit))
    files.write_text(chosen.output / "summary.csv", results.summary(outcomes, chosen.unit))
    files.write_text(chosen.output / "table.md", benefit_report.table(outcomes, compared))
    plot.draw(chosen.output, outcomes, compared)
    html_report.write(chosen.output, benefit_report.page(outcomes, compared))


def _outcome(chosen: Experiment, trial: Trial) -> Outcome:
    epoch, values = results.read_figures(chosen.report(trial), chosen.unit)
    return Outcome(trial, len(chosen.scenes(trial)), *chosen.patches(trial), epoch, values)


def _compared(chosen: Experiment, command: str) -> Compared:
    sources, train = chosen.sources, chosen.config.train
    real, synthetic = sources.real, sources.synthetic
    return Compared(
        data=f"{real.name} (origin: {real.origin})",
        synthetic=f"{synthetic.name} (origin: {synthetic.origin})",
        held_out=dict(Counter(scene.glacier for scene in chosen.test_data.scenes.values() if scene.glacier)),
        trained_on=dict(Counter(sources.training_scenes().values())),
        validated=len(sources.real_stems("val")),
        leaks=what_is_known_of_leaks(sources),
        unit=chosen.unit,
        shortest=chosen.shortest,
        epochs=train.epochs,
        epoch_steps=train.steps_per_epoch,
        batch_size=train.batch_size,
        rates=_rates(train, chosen.steps),
        command=command,
    )


def _rates(train: TrainConfig, steps: int) -> str:
    """The learning rates that the steps run through."""
    low, high = train.learning_rate, train.max_learning_rate
    if not high:
        return f"learning rate {low:g}"
    if steps < train.step_size_up:
        reached = low + (high - low) * steps / train.step_size_up
        return (
            f"learning rate rising from {low:g} to {reached:.3g}; the way up to {high:g} takes longer than that "
            f"(train.step_size_up={train.step_size_up})"
        )
    return f"learning rate from {low:g} to {high:g} in {train.step_size_up} steps, and back in as many"
