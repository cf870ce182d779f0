"""The experiment: its data, its trials, and the output folder."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pix2pix_tf import config as configuration
from pix2pix_tf.benefit import data
from pix2pix_tf.benefit.data import Sources
from pix2pix_tf.benefit.results import Trial
from pix2pix_tf.config import Config, make_config
from pix2pix_tf.data import merging
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.data.merging import Part
from pix2pix_tf.utils import resumable
from pix2pix_tf.utils.errors import UserError

SETTINGS = "benefit.json"
EPOCHS = 20  # of each training, unless train.steps_per_epoch is set: the best epoch is chosen among so many
RESERVED = ("train.epochs", "train.seed", "train.monitor", "train.patience", "data.targets")  # set by the experiment


@dataclass(frozen=True)
class Experiment:
    """Everything that is trained and evaluated."""

    sources: Sources
    config: Config  # of all trials, except for the seed
    trials: tuple[Trial, ...]
    output: Path
    unit: str  # of distances: metres | pixels
    min_length: float  # in that unit: components of a front of at most this length are dropped

    @property
    def steps(self) -> int:
        """Training steps of each trial."""
        return self.config.train.epochs * self.config.train.steps_per_epoch

    @property
    def roles(self) -> tuple[str, ...]:
        """Inputs and targets of the networks."""
        return tuple(dict.fromkeys(self.config.data.inputs + self.config.data.targets))

    def run(self, trial: Trial) -> Path:
        """Return the run folder of a trial."""
        return self.output / "runs" / trial.name

    def report(self, trial: Trial) -> Path:
        """Return the folder of a trial's evaluation on the held-out scenes."""
        return self.run(trial) / "report"

    def is_done(self, trial: Trial) -> bool:
        """Return True for a trial that is trained and evaluated: an evaluation writes report.md last."""
        return (self.report(trial) / "report.md").exists()

    def scenes(self, trial: Trial) -> tuple[str, ...]:
        """Return the real training scenes of a trial."""
        if trial.fraction is None:
            return ()
        return data.draw_scenes(self.sources.training_scenes(), trial.fraction, trial.seed)

    def parts(self, trial: Trial) -> list[Part]:
        """Return the parts of a trial's data set."""
        return data.training_parts(self.sources, self.scenes(trial), synthetic=trial.kind != "real")

    def patches(self, trial: Trial) -> tuple[int, int]:
        """Return the numbers of real and synthetic training patches of a trial."""
        real, _, *synthetic = self.parts(trial)
        return len(real.stems), sum(len(part.stems) for part in synthetic)

    def data(self, trial: Trial) -> Dataset:
        """Return a trial's data set; `merging.write_dataset` writes it."""
        real, synthetic = self.sources.real.origin, self.sources.synthetic.origin
        origin = {"real": real, "synthetic": synthetic, "both": f"{real} and {synthetic}"}[trial.kind]
        return merging.merged_dataset(self.output / "data" / trial.data_name, origin, self.parts(trial), self.roles)

    @property
    def test_parts(self) -> list[Part]:
        """The parts of the test data."""
        return data.held_out_parts(self.sources)

    @property
    def test_data(self) -> Dataset:
        """The held-out scenes with their true fronts; `merging.write_dataset` writes them."""
        real = self.sources.real
        roles = tuple(dict.fromkeys((*self.roles, "fronts")))
        return merging.merged_dataset(self.output / "data" / "held-out", real.origin, self.test_parts, roles)


def trial_config(overrides: Sequence[str], steps: int) -> Config:
    """Return the configuration that all trials share, except for the seed.

    Args:
      overrides: of the user, as for train.py.
      steps: of each training; rounded up to whole epochs.

    Raises:
      UserError: an override would give trials different numbers of steps, or sets an option of the experiment.
    """
    for override in overrides:
        key = override.partition("=")[0].strip()
        if configuration.RENAMED.get(key, key) in RESERVED:
            raise UserError(
                f"--set {key}: the experiment sets this option itself, so that all trials are equal (see --help)."
            )
    ours = [f"train.steps_per_epoch={max(1, steps // EPOCHS)}", "train.max_to_keep=1"]  # one, as there are many runs
    chosen = make_config("zones", [*ours, *overrides])
    if not chosen.train.steps_per_epoch:
        raise UserError(
            "--set train.steps_per_epoch=0 makes the length of an epoch depend on the data set: set a number of steps."
        )
    epochs = math.ceil(steps / chosen.train.steps_per_epoch)
    # No early stopping, which would give a trial fewer steps than the others.
    return replace(chosen, train=replace(chosen.train, epochs=epochs, monitor="val_iou", patience=0))


def plan(fractions: Sequence[float], seeds: int) -> tuple[Trial, ...]:
    """Return all trials, one seed after the other.

    Args:
      fractions: of the real training scenes, each above 0 and at most 1.
      seeds: number of trials of each kind and fraction.
    """
    trials: list[Trial] = []
    for seed in range(seeds):
        trials.append(Trial("synthetic", None, seed))
        trials += [Trial(kind, fraction, seed) for fraction in fractions for kind in ("real", "both")]
    return tuple(trials)


def check_batches(experiment: Experiment) -> None:
    """Check that every trial has at least one batch of training patches.

    Raises:
      UserError: a trial has fewer.
    """
    batch_size = experiment.config.train.batch_size
    fewest, name = min((sum(experiment.patches(trial)), trial.name) for trial in experiment.trials)
    if fewest < batch_size:
        raise UserError(
            f"{name} would have {fewest} training patches, fewer than one batch of {batch_size}: use --set "
            f"train.batch_size={fewest} or less, which applies to all trials, or larger --fractions."
        )


def claim(experiment: Experiment) -> None:
    """Claim the output folder for this experiment. An earlier one may be extended by seeds and fractions.

    Raises:
      UserError: the folder holds an experiment with other settings, or something else.
    """
    sources = experiment.sources
    settings = {
        "data": sources.real.name,
        "origin": sources.real.origin,
        "train": len(sources.real_stems("train")),
        "val": len(sources.real_stems("val")),
        "generated": sources.synthetic.name,
        "generated_origin": sources.synthetic.origin,
        "generated_patches": len(sources.synthetic.stems["train"]),
        "hold_out": sorted(sources.held_out),
        "unit": experiment.unit,
        "shortest": experiment.min_length,  # the name of this setting in folders made before
        "config": configuration.to_dict(experiment.config),
    }
    resumable.claim(experiment.output, SETTINGS, settings, compare=_changes)


def _changes(before: Mapping, now: Mapping) -> list[str]:
    """Return the differences between two settings; options of the configuration are compared one by one."""
    configs = (configuration.from_dict(settings.get("config", {})) for settings in (before, now))
    names = {"shortest": "min_length"}  # as the option is called now
    others = ({names.get(k, k): v for k, v in settings.items() if k != "config"} for settings in (before, now))
    return resumable.changes(*others) + configuration.differences(*configs)
