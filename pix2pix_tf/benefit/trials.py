"""Trains and measures, one training after the other; each is an ordinary run with an ordinary report."""

import gc
import shlex
import time
from dataclasses import replace

import tensorflow as tf

from pix2pix_tf.benefit import merging
from pix2pix_tf.benefit.experiment import Experiment
from pix2pix_tf.benefit.results import Trial
from pix2pix_tf.evaluation import runs
from pix2pix_tf.evaluation.segmentation import evaluation
from pix2pix_tf.evaluation.segmentation.evaluation import Setting
from pix2pix_tf.training import trainer
from pix2pix_tf.utils import cli

TEST_BATCH = 8  # patches at a time in the evaluation


def setting_of(comparison: Experiment) -> Setting:
    """On what all networks are measured, and how."""
    return Setting(comparison.test_data, "test", TEST_BATCH, comparison.unit, comparison.shortest)


def run_trials(comparison: Experiment) -> None:
    """Trains and measures whatever has no report yet.

    In one process, as starting TensorFlow for each takes time too. It keeps the graphs of what is over, some 150 MB a
    training whatever the network's width; where memory is short, interrupt and start again.

    Raises:
      Interrupted: SIGINT or SIGTERM came in a training; its checkpoint is written.
      Diverged: a loss is not finite.
    """
    missing = [trial for trial in comparison.trials if not comparison.is_done(trial)]
    if len(missing) < len(comparison.trials):
        print(f"{len(comparison.trials) - len(missing)} trainings are done already, in {comparison.output / 'runs'}")
    setting = setting_of(comparison)
    merging.lay_out(setting.dataset, comparison.test_parts)
    started = time.monotonic()
    for done, trial in enumerate(missing, 1):
        print(f"\n{trial.name}: training {done} of {len(missing)}", flush=True)
        _train(comparison, trial)
        _measure(comparison, trial, setting)
        tf.keras.backend.clear_session()  # the next training builds graphs of its own, and needs the memory
        gc.collect()
        left = cli.duration((time.monotonic() - started) / done * (len(missing) - done))
        print(f"{trial.name} is measured. Trainings left: {len(missing) - done}, about {left}", flush=True)


def _train(comparison: Experiment, trial: Trial) -> None:
    dataset = comparison.data(trial)
    merging.lay_out(dataset, comparison.parts(trial))
    config = replace(comparison.config, train=replace(comparison.config.train, seed=trial.seed))
    trainer.train(config, dataset, comparison.run(trial))


def _measure(comparison: Experiment, trial: Trial, setting: Setting) -> None:
    run, report = comparison.run(trial), comparison.report(trial)
    arguments = [run, "--data", setting.dataset.root, "--split", setting.split, "--batch-size", setting.batch_size]
    arguments += ["--unit", setting.unit, "--shortest", f"{setting.shortest:g}", "--output", report]
    command = shlex.join(["python", "evaluate.py", *map(str, arguments)])
    evaluation.evaluate(runs.find_runs([run], run.parent), setting, report, command)
