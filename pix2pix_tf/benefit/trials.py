"""Trains and evaluates the trials, one after the other; each is an ordinary run with an ordinary report."""

import gc
import shlex
import time
from dataclasses import replace

import tensorflow as tf

from pix2pix_tf.benefit.experiment import Experiment
from pix2pix_tf.benefit.results import Trial
from pix2pix_tf.data import merging
from pix2pix_tf.evaluation import runs
from pix2pix_tf.evaluation.segmentation import evaluation
from pix2pix_tf.evaluation.segmentation.evaluation import Setting
from pix2pix_tf.training import trainer
from pix2pix_tf.utils import cli

TEST_BATCH = 8  # patches at a time in the evaluation


def evaluation_setting(experiment: Experiment) -> Setting:
    """Return the data and options of the evaluation of every trial."""
    return Setting(experiment.test_data, "test", TEST_BATCH, experiment.unit, experiment.min_length)


def run_trials(experiment: Experiment) -> None:
    """Train and evaluate each trial that has no report yet.

    All run in one process, since each start of TensorFlow takes time. The graphs of finished trials stay in memory,
    some 150 MB a trial at any width; where memory is short, interrupt and start again.

    Raises:
      Interrupted: SIGINT or SIGTERM came during a training; its checkpoint is written.
      Diverged: a loss is not finite.
    """
    missing = [trial for trial in experiment.trials if not experiment.is_done(trial)]
    if len(missing) < len(experiment.trials):
        print(f"{len(experiment.trials) - len(missing)} trainings are done already, in {experiment.output / 'runs'}")
    setting = evaluation_setting(experiment)
    merging.write_dataset(setting.dataset, experiment.test_parts)
    started = time.monotonic()
    for done, trial in enumerate(missing, 1):
        print(f"\n{trial.name}: training {done} of {len(missing)}", flush=True)
        _train(experiment, trial)
        _evaluate(experiment, trial, setting)
        tf.keras.backend.clear_session()  # frees memory for the graphs of the next training
        gc.collect()
        left = cli.duration((time.monotonic() - started) / done * (len(missing) - done))
        print(f"{trial.name} is evaluated. Trainings left: {len(missing) - done}, about {left}", flush=True)


def _train(experiment: Experiment, trial: Trial) -> None:
    dataset = experiment.data(trial)
    merging.write_dataset(dataset, experiment.parts(trial))
    config = replace(experiment.config, train=replace(experiment.config.train, seed=trial.seed))
    trainer.train(config, dataset, experiment.run(trial))


def _evaluate(experiment: Experiment, trial: Trial, setting: Setting) -> None:
    run, report = experiment.run(trial), experiment.report(trial)
    arguments = [run, "--data", setting.dataset.root, "--split", setting.split, "--batch-size", setting.batch_size]
    arguments += ["--unit", setting.unit, "--min-length", f"{setting.min_length:g}", "--output", report]
    command = shlex.join(["python", "evaluate.py", *map(str, arguments)])
    evaluation.evaluate(runs.find_runs([run], run.parent), setting, report, command)
