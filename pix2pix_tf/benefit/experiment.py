"""What a comparison consists of: the images, the trainings, and the folder that is theirs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pix2pix_tf import config as configuration
from pix2pix_tf.benefit import merging
from pix2pix_tf.benefit.data import Sources, draw
from pix2pix_tf.benefit.merging import Part
from pix2pix_tf.benefit.results import Trial
from pix2pix_tf.config import Config, make_config
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

SETTINGS = "benefit.json"
EPOCHS = 20  # of each training, unless train.steps_per_epoch says otherwise: how often the best one is looked for
OURS = ("train.epochs", "train.seed", "train.monitor", "train.patience", "data.targets")  # no user sets them


@dataclass(frozen=True)
class Experiment:
    """All that is trained and measured."""

    sources: Sources
    config: Config  # of all trainings, but for the seed
    trials: tuple[Trial, ...]
    output: Path
    unit: str  # of distances: metres | pixels
    shortest: float  # in that unit: pieces of a front that are at most so long are dropped

    @property
    def steps(self) -> int:
        """Of each training."""
        return self.config.train.epochs * self.config.train.steps_per_epoch

    @property
    def roles(self) -> tuple[str, ...]:
        """What the networks take and tell."""
        return tuple(dict.fromkeys(self.config.data.inputs + self.config.data.targets))

    def run(self, trial: Trial) -> Path:
        """The folder of a training."""
        return self.output / "runs" / trial.name

    def report(self, trial: Trial) -> Path:
        """The folder of a training's own report on the held-out scenes."""
        return self.run(trial) / "report"

    def is_done(self, trial: Trial) -> bool:
        """Whether a training is over and measured: the page is what an evaluation writes last."""
        return (self.report(trial) / "report.md").exists()

    def scenes(self, trial: Trial) -> tuple[str, ...]:
        """The real scenes that a training has."""
        if trial.fraction is None:
            return ()
        return draw(self.sources.training_scenes(), trial.fraction, trial.seed)

    def parts(self, trial: Trial) -> list[Part]:
        """What a training's data set is made of."""
        return merging.parts_of(self.sources, self.scenes(trial), synthetic=trial.kind != "real")

    def patches(self, trial: Trial) -> tuple[int, int]:
        """How many real and how many synthetic patches a training has."""
        real, _, *synthetic = self.parts(trial)
        return len(real.stems), sum(len(part.stems) for part in synthetic)

    def data(self, trial: Trial) -> Dataset:
        """A training's data set; on the disk once it is laid out."""
        real, synthetic = self.sources.real.origin, self.sources.synthetic.origin
        origin = {"real": real, "synthetic": synthetic, "both": f"{real} and {synthetic}"}[trial.kind]
        return merging.merged(self.output / "data" / trial.data_name, origin, self.parts(trial), self.roles)

    @property
    def test_parts(self) -> list[Part]:
        """What the data set of the held-out scenes is made of."""
        return merging.held_out_parts(self.sources)

    @property
    def test_data(self) -> Dataset:
        """The held-out scenes, with their true fronts; on the disk once they are laid out."""
        real = self.sources.real
        roles = tuple(dict.fromkeys((*self.roles, "fronts")))
        return merging.merged(self.output / "data" / "held-out", real.origin, self.test_parts, roles)


def equal_training(overrides: Sequence[str], steps: int) -> Config:
    """The configuration that all trainings have, but for the seed.

    Args:
      overrides: the user's, as for train.py.
      steps: of each training; rounded up to whole epochs.

    Raises:
      UserError: an override that would make the trainings unequal, or something else than they are called.
    """
    for override in overrides:
        if (key := override.partition("=")[0].strip()) in OURS:
            raise UserError(
                f"--set {key}: the comparison sets it itself, so that all trainings are equal (see --help)."
            )
    ours = [f"train.steps_per_epoch={max(1, steps // EPOCHS)}", "train.max_to_keep=1"]  # one, as there are many runs
    chosen = make_config("zones", [*ours, *overrides])
    if not chosen.train.steps_per_epoch:
        raise UserError(
            "--set train.steps_per_epoch=0 makes epochs as unequal as the data sets: set a number of steps."
        )
    epochs = math.ceil(steps / chosen.train.steps_per_epoch)
    # No patience: a training that stops early has had fewer steps than the others.
    return replace(chosen, train=replace(chosen.train, epochs=epochs, monitor="val_iou", patience=0))


def plan(fractions: Sequence[float], seeds: int) -> tuple[Trial, ...]:
    """All trainings, one seed after the other.

    Args:
      fractions: of the real training scenes, each above 0 and at most 1.
      seeds: how many trainings there are of each kind and fraction.
    """
    trials: list[Trial] = []
    for seed in range(seeds):
        trials.append(Trial("synthetic", None, seed))
        trials += [Trial(kind, fraction, seed) for fraction in fractions for kind in ("real", "both")]
    return tuple(trials)


def check_batches(comparison: Experiment) -> None:
    """Makes sure that every training has a batch at least.

    Raises:
      UserError: one has fewer patches.
    """
    batch_size = comparison.config.train.batch_size
    fewest, name = min((sum(comparison.patches(trial)), trial.name) for trial in comparison.trials)
    if fewest < batch_size:
        raise UserError(
            f"{name} would have {fewest} training patches, fewer than one batch of {batch_size}: take --set "
            f"train.batch_size={fewest} or less, for all trainings alike, or larger --fractions."
        )


def claim(comparison: Experiment) -> None:
    """Makes sure that the output holds nothing or this comparison. More seeds and other fractions may join it.

    Raises:
      UserError: it holds another one, or something else.
    """
    output, sources = comparison.output, comparison.sources
    settings = {
        "data": sources.real.name,
        "origin": sources.real.origin,
        "train": len(sources.real_stems("train")),
        "val": len(sources.real_stems("val")),
        "generated": sources.synthetic.name,
        "generated_origin": sources.synthetic.origin,
        "generated_patches": len(sources.synthetic.stems["train"]),
        "hold_out": sorted(sources.held_out),
        "unit": comparison.unit,
        "shortest": comparison.shortest,
    }
    path = output / SETTINGS
    if path.exists():
        before = files.read_json(path)
        changes = [f"{key}: {before.get(key)} -> {new}" for key, new in settings.items() if before.get(key) != new]
        changes += configuration.differences(configuration.from_dict(before.get("config", {})), comparison.config)
        if changes:
            raise UserError(f"{output} holds another comparison ({'; '.join(changes)}). Choose another --output.")
    elif not files.is_empty(output):
        raise UserError(f"{output} is there already, and not empty. Choose another --output.")
    files.clear(output)
    files.write_json(path, settings | {"config": configuration.to_dict(comparison.config)})
