"""Measure the benefit of synthetic SAR images for the segmentation of calving fronts.

The command trains networks of the variant `zones` on real images, on synthetic images and on both, at equal steps, for
several fractions of the real scenes and several seeds, and evaluates them on real glaciers that none was trained on.

<output>/report.md report.html table.md summary.csv results.csv benefit.png classes.png (and .svg)
         benefit.json                     the settings
         data/<name>/                     the data sets of training and test
         runs/<kind>-<fraction>-seed<k>/  the runs, each with its report on the held-out scenes

The same command resumes an interrupted experiment, and extends a finished one by more --seeds or other --fractions.
"""

import argparse
import math
import shlex
from collections import Counter
from dataclasses import replace
from pathlib import Path

from pix2pix_tf import html_report
from pix2pix_tf.benefit import plot, report, results
from pix2pix_tf.benefit.data import describe_leakage, open_sources
from pix2pix_tf.benefit.experiment import EPOCHS, Experiment, check_batches, claim, plan, trial_config
from pix2pix_tf.benefit.results import ExperimentInfo, Trial, TrialResult
from pix2pix_tf.config import TrainConfig
from pix2pix_tf.fronts.postprocessing import MIN_LENGTH
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError

EXAMPLES = """\
  python -m pix2pix_tf.benefit --data datasets/caffe --generated generated/caffe --hold-out SI --output runs/benefit
  python -m pix2pix_tf.benefit --data datasets/mine --generated generated/mine --hold-out Crane Jorum \\
      --output runs/benefit-short --steps 2000 --seeds 5 --fractions 0.05 0.5 1 --set train.batch_size=8"""


def main(argv: list[str]) -> None:
    """Read the arguments, load the data, train and evaluate the trials, and write the report."""
    options = read_options(argv)
    experiment = make_experiment(options)

    # These import TensorFlow, which takes seconds; mistakes in the arguments are reported before.
    from pix2pix_tf.benefit import trials
    from pix2pix_tf.evaluation.segmentation import evaluation

    setting, root = trials.evaluation_setting(experiment), experiment.sources.real.root
    evaluation.check_scenes(replace(setting, dataset=replace(setting.dataset, root=root)))  # so errors name its file
    with files.lock(experiment.output):
        claim(experiment)
        epochs = experiment.config.train.epochs
        print(
            f"{len(experiment.trials)} trainings of {experiment.steps} steps ({epochs} epochs), each of them evaluated",
            flush=True,
        )
        trials.run_trials(experiment)
        write_report(experiment, shlex.join(["python", "-m", "pix2pix_tf.benefit", *argv]))
    page, means = experiment.output / "report.html", experiment.output / "summary.csv"
    print(f"{page} has the answer, tables and plots; {means} the means.")


def read_options(argv: list[str]) -> argparse.Namespace:
    """Read the arguments.

    Raises:
      UserError: a number is out of range.
    """
    parser = cli.parser(__doc__ or "", EXAMPLES, "python -m pix2pix_tf.benefit")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the real data set, with fronts")
    parser.add_argument(
        "--generated", type=Path, required=True, metavar="DIR", help="the synthetic data set; its split train is used"
    )
    parser.add_argument(
        "--hold-out",
        nargs="+",
        required=True,
        metavar="NAME",
        help="test glaciers, left out of training and validation",
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
        "--steps", type=int, default=10_000, metavar="N", help=f"of each training, in {EPOCHS} epochs (default: 10000)"
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an option of config.py")
    parser.add_argument("--unit", choices=tuple(MIN_LENGTH), default="metres", help="of distances (default: metres)")
    parser.add_argument(
        "--min-length",
        type=float,
        metavar="LENGTH",
        help="components of a front of at most this length are dropped (default: "
        f"{MIN_LENGTH['metres']:g} metres, or {MIN_LENGTH['pixels']:g} pixels)",
    )
    parser.add_argument("--shortest", type=float, dest="min_length", help=argparse.SUPPRESS)  # its name before
    options = parser.parse_args(argv)
    _check_ranges(options)
    return options


def _check_ranges(options: argparse.Namespace) -> None:
    cli.check_positive("--seeds", options.seeds)
    cli.check_positive("--steps", options.steps)
    for fraction in options.fractions:
        if not 0 < fraction <= 1:
            raise UserError(f"--fractions takes shares above 0 and up to 1, not {fraction:g}.")
    if options.min_length is not None and not 0 <= options.min_length < math.inf:
        raise UserError(f"--min-length takes a length from 0, not {options.min_length}.")


def make_experiment(options: argparse.Namespace) -> Experiment:
    """Load the data, plan the trials and check both.

    Raises:
      UserError: see `open_sources`, `trial_config` and `check_batches`.
    """
    config = trial_config(options.set, options.steps)
    roles = tuple(dict.fromkeys(config.data.inputs + config.data.targets))
    sources = open_sources(options.data, options.generated, options.hold_out, roles)
    min_length = MIN_LENGTH[options.unit] if options.min_length is None else options.min_length
    trials = plan(sorted(set(options.fractions)), options.seeds)
    experiment = Experiment(sources, config, trials, options.output, options.unit, min_length)
    check_batches(experiment)
    return experiment


def write_report(experiment: Experiment, command: str) -> None:
    """Read the scores of all trials and write tables, plots and the report.

    Args:
      experiment: all its trials are done.
      command: the command line that reproduces this report.
    """
    trial_results = [_read_result(experiment, trial) for trial in experiment.trials]
    info = _info(experiment, command)
    files.write_text(experiment.output / "results.csv", results.results(trial_results, experiment.unit))
    files.write_text(experiment.output / "summary.csv", results.summary(trial_results, experiment.unit))
    files.write_text(experiment.output / "table.md", report.table(trial_results, info))
    plot.draw(experiment.output, trial_results, info)
    html_report.write(experiment.output, report.page(trial_results, info))


def _read_result(experiment: Experiment, trial: Trial) -> TrialResult:
    epoch, values = results.read_scores(experiment.report(trial), experiment.unit)
    return TrialResult(trial, len(experiment.scenes(trial)), *experiment.patches(trial), epoch, values)


def _info(experiment: Experiment, command: str) -> ExperimentInfo:
    sources, train = experiment.sources, experiment.config.train
    real, synthetic = sources.real, sources.synthetic
    test_scenes = experiment.test_data.scenes.values()
    return ExperimentInfo(
        data=f"{real.name} (origin: {real.origin})",
        synthetic=f"{synthetic.name} (origin: {synthetic.origin})",
        held_out=dict(Counter(scene.glacier for scene in test_scenes if scene.glacier)),
        trained_on=dict(Counter(sources.training_scenes().values())),
        validated=len(sources.real_stems("val")),
        leakage=describe_leakage(sources),
        unit=experiment.unit,
        min_length=experiment.min_length,
        epochs=train.epochs,
        steps_per_epoch=train.steps_per_epoch,
        batch_size=train.batch_size,
        learning_rates=_learning_rates(train, experiment.steps),
        command=command,
    )


def _learning_rates(train: TrainConfig, steps: int) -> str:
    """Describe the learning rates of the training."""
    low, high = train.learning_rate, train.max_learning_rate
    if not high:
        return f"learning rate {low:g}"
    if steps < train.step_size_up:
        reached = low + (high - low) * steps / train.step_size_up
        return (
            f"learning rate rising from {low:g} to {reached:.3g}; the schedule reaches {high:g} only later "
            f"(train.step_size_up={train.step_size_up})"
        )
    return f"learning rate from {low:g} to {high:g} in {train.step_size_up} steps, and back in as many"
