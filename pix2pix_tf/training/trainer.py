"""The training loop: it resumes, reports its progress, and is the same for all tasks.

runs/<run>/config.json     the configuration and the data set
           log.jsonl       one line an epoch: mean losses, validation, seconds
           tensorboard/    the same, and losses every train.log_steps
           checkpoints/    networks, optimizers, step: everything that resuming needs
           samples/        the same validation patches after each export
           export/<model>/<epoch>/   a SavedModel
"""

import contextlib
import functools
import json
import math
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from pix2pix_tf.config import Config
from pix2pix_tf.data import conditions, pipeline, styles
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.data.loading import evenly_spaced
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.training import distribution, logs, precision, run_folder, snapshots, weights
from pix2pix_tf.training.checkpoints import Checkpoints
from pix2pix_tf.training.speckle import SpeckleGan
from pix2pix_tf.training.tasks import Pix2Pix, Task, make_task
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import Diverged, Interrupted, UserError


def build_task(config: Config, dataset: Dataset, dtype_policy: str, bank: styles.Bank | None = None) -> Task:
    """Build the task with new weights, which the configuration's seed determines.

    Args:
      config: of the training.
      dataset: gives the patches' size and depth.
      dtype_policy: Keras' name, such as "mixed_bfloat16".
      bank: styles to draw from, for the speckle network; None: those of the training patches.

    Raises:
      UserError: the patch size does not fit the networks, or the data lack a key of `data.condition`.
    """
    tf.keras.utils.set_random_seed(config.train.seed)
    if config.train.deterministic:
        tf.config.experimental.enable_op_determinism()
    vocabulary = conditions.vocabulary(dataset, config.data.condition)
    if bank is None and config.model.network == "speckle":
        bank = styles.make_bank(dataset, vocabulary)
    return make_task(config, dataset.size, dataset.bits, dtype_policy, vocabulary, bank)


def train(config: Config, dataset: Dataset, run: Path, init: Path | None = None) -> None:
    """Train a run to its last epoch, starting or resuming it.

    Args:
      config: of the training.
      dataset: loaded with the roles of the configuration, splits "train" and "val".
      run: the run's folder; created when missing, resumed when it exists.
      init: a run or an export whose weights a new run begins with (`run_folder.find_weights`); None: new weights, or
        what the run was begun with.

    Raises:
      UserError: there are no weights at `init`, or none that fit; the folder holds a run of another configuration or
        data set, or something else; another process is using it; or its newest checkpoint is damaged.
      Interrupted: SIGINT or SIGTERM came, here or at another worker; a checkpoint is written.
      Diverged: a loss, or a gradient of it, is not finite.
      ConnectionError: another worker is gone.
    """
    devices = distribution.choose(config.train)
    with devices.guard_workers():
        dtype_policy, reason = precision.choose(config.train.precision, config.model.width)
        patches = len(dataset.stems["train"])
        print(f"{config.variant}: {patches} training patches, on {devices.description}, {dtype_policy} ({reason})")
        with devices.scope():
            task = build_task(config, dataset, dtype_policy)
        with files.lock(run) if devices.chief else contextlib.nullcontext():
            Training(config, dataset, run, task, devices, init).fit()


class Training:
    """The training of one run."""

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        run: Path,
        task: Task,
        devices: distribution.Devices | None = None,
        init: Path | None = None,
    ):
        """Claim the run's folder, and restore its newest checkpoint, or else the weights that it begins with."""
        self.config, self.dataset, self.run, self.task = config, dataset, run, task
        self.devices = devices or distribution.Devices()  # those on which the task was built
        self.take_step, self.score = self.devices.compiled(task.train_step), self.devices.compiled(task.validate)
        one_pass = pipeline.steps_per_epoch(dataset, config)
        self.steps_per_epoch = config.train.steps_per_epoch or one_pass
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False)  # of the whole training
        self.saved_sums = {name: tf.Variable(0.0, dtype=tf.float64) for name in (*task.loss_names, "seconds")}
        self.best_value = tf.Variable(math.nan, dtype=tf.float64, trainable=False)
        self.best_epoch = tf.Variable(0, dtype=tf.int64, trainable=False)  # 0: none yet
        best = {"best_value": self.best_value, "best_epoch": self.best_epoch}
        parts = {"step": self.step, "sums": self.saved_sums, **best, **task.modules()}
        self.checkpoints = Checkpoints(run / "checkpoints", parts, config.train.max_to_keep)
        begun = init or run_folder.init_of(run)
        if begun and self.checkpoints.newest is None:  # before the folder is claimed: the weights may not fit
            fit = task.fit_style if isinstance(task, SpeckleGan) else None
            print("\n".join(weights.initialize(task.modules(), run_folder.find_weights(begun), fit)), flush=True)
        self.devices.chief_first(
            lambda: run_folder.claim(run, config, dataset, init), lambda: run_folder.check(run, config, dataset, init)
        )
        self.saved_at = time.monotonic()
        if self.checkpoints.restore():
            print(f"resuming from {self._place()}")
        # of the epoch's steps so far; in Python, as adding to a variable takes longer than all else beside a step
        self.sums = {name: float(saved) for name, saved in self.saved_sums.items()}
        if not self.devices.all_equal(int(self.step)):
            raise UserError(f"The workers read different checkpoints: {run} must be one folder that all of them share.")
        if self.devices.chief:
            self.checkpoints.clear()
            logs.purge_lines_after(run / "log.jsonl", int(self.step))
            logs.purge_after(run / "tensorboard", int(self.step))
        self.writer = (
            tf.summary.create_file_writer(str(run / "tensorboard"))
            if self.devices.chief
            else tf.summary.create_noop_writer()
        )
        self.samples = evenly_spaced(dataset.stems["val"], config.train.samples)
        self.validation_stems = evenly_spaced(dataset.stems["val"], config.train.validation_patches)

    @property
    def epoch(self) -> int:
        """The number of complete epochs."""
        return int(self.step) // self.steps_per_epoch

    @functools.cached_property
    def validation(self) -> tf.data.Dataset:
        """The validation patches in batches; one pipeline for all epochs, so that its graph is built once."""
        batch_size = self.config.train.batch_size  # of all devices
        together = batch_size * -(-pipeline.TOGETHER // batch_size)
        return pipeline.fixed_batches(self.dataset, self.config, "val", self.validation_stems, together)

    def fit(self) -> None:
        """Train to the last epoch, or until `train.monitor` has not improved for `train.patience` epochs."""
        self._export_if_due()  # a process may have been killed between an epoch's checkpoint and its export
        if self.epoch >= self.config.train.epochs:
            print(f"already trained to epoch {self.epoch}; a larger --epochs continues the training")
            return
        batches = self.devices.batches(
            lambda *share: pipeline.training_batches(self.dataset, self.config, int(self.step), *share)
        )
        with cli.stop_signals() as received_signals:
            while self.epoch < self.config.train.epochs and not self._stopped_early():
                self._train_epoch(batches, received_signals)
                self._finish_epoch()
                self._save_if_due(received_signals)
        if self._stopped_early():
            print(f"stopped early: {self.config.train.monitor} has not improved in {self.config.train.patience} epochs")
        print(f"trained to epoch {self.epoch}; exports: {self.run / 'export' / self.config.variant}", flush=True)

    def _stopped_early(self) -> bool:
        patience = self.config.train.patience
        return bool(patience and self.best_epoch) and self.epoch - int(self.best_epoch) >= patience

    def _train_epoch(self, batches: Iterator[pipeline.Batch], received_signals: list[int]) -> None:
        first = int(self.step) % self.steps_per_epoch
        bar = tf.keras.utils.Progbar(
            self.steps_per_epoch, verbose=int(sys.stdout.isatty()), stateful_metrics=self.task.loss_names
        )
        for place in range(first, self.steps_per_epoch):
            started = time.monotonic()
            batch = next(batches)
            losses = {name: float(loss) for name, loss in self.take_step(batch).items()}
            self._check_finite(losses, batch)
            self.step.assign_add(1)
            for name, value in {**losses, "seconds": time.monotonic() - started}.items():
                self.sums[name] += value
            bar.update(place + 1, [(name, self.sums[name] / (place + 1)) for name in losses], finalize=False)
            if int(self.step) % self.config.train.log_steps == 0:
                self._write_summaries(losses)
            if place + 1 < self.steps_per_epoch:  # a checkpoint never stands between an epoch's last step and its log
                self._save_if_due(received_signals)
        if sys.stdout.isatty():
            print()

    def _check_finite(self, losses: dict[str, float], batch: pipeline.Batch) -> None:
        if all(math.isfinite(value) for value in losses.values()):
            return
        stems, indices = self.dataset.stems["train"], self.devices.local_results(batch["index"]).numpy()
        patches = ", ".join(f"{stems[i]}.png" for i in indices)
        raise Diverged(self._divergence(self.epoch + 1, f"step {int(self.step) + 1}", losses, patches))

    def _divergence(self, epoch: int, place: str, values: dict[str, float], patches: str) -> str:
        return (
            f"A loss, or a gradient of it, is not finite at epoch {epoch}, {place} "
            f"({', '.join(f'{name} {value}' for name, value in values.items())}), on {patches}. The last good "
            f"checkpoint is {self.checkpoints.newest}. Try a smaller train.learning_rate or "
            "train.precision=float32, in a new run."
        )

    def _check_finite_validation(self, values: dict[str, float]) -> None:
        if not all(math.isfinite(value) for value in values.values()):
            raise Diverged(self._divergence(self.epoch, "validation", values, "the validation patches"))

    def _finish_epoch(self) -> None:
        """Validate and log the epoch; draw samples, save and export where that is due.

        The order makes a kill harmless: a resumed run purges and repeats everything that comes before the checkpoint.
        The export comes after it, so that no version is replaced while a server reads it.
        """
        seconds = self.sums["seconds"]
        losses = {name: self.sums[name] / self.steps_per_epoch for name in self.task.loss_names}
        losses |= self._validate()
        self._check_finite_validation(losses)
        if isinstance(self.task, Pix2Pix | SpeckleGan):
            self.task.choose_weights(losses)
        run_folder.expect_claimed(self.run)
        speed = self.steps_per_epoch * self.config.train.batch_size / seconds
        line = {"epoch": self.epoch, "step": int(self.step), **losses, "seconds": seconds, "images_per_second": speed}
        if self.devices.chief:
            with (self.run / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
        self._write_summaries(losses)
        left = cli.duration(seconds * (self.config.train.epochs - self.epoch))
        values = "  ".join(f"{name} {value:.3f}" for name, value in losses.items())
        print(f"epoch {self.epoch}/{self.config.train.epochs}  {values}  {speed:.1f} images/s  {left} left", flush=True)
        self.sums = dict.fromkeys(self.sums, 0.0)
        self._update_best(losses)
        if self._is_export_epoch():
            if self.devices.chief:
                self._draw_samples()
            self._save()
            self._export_if_due()
        elif self.epoch == self.config.train.epochs or self._stopped_early():
            self._save()

    def _update_best(self, values: dict[str, float]) -> None:
        train = self.config.train
        if train.monitor != "none":
            value, before = values[train.monitor], float(self.best_value)
            if math.isnan(before) or (value < before if train.monitor == "val_loss" else value > before):
                self.best_value.assign(value)
                self.best_epoch.assign(self.epoch)

    def _is_export_epoch(self) -> bool:
        """Return True every `export_every` epochs and after the last; with `monitor`, for the best epoch so far."""
        train = self.config.train
        if train.monitor == "none":
            return self.epoch == train.epochs or self.epoch % train.export_every == 0
        return self.epoch == int(self.best_epoch)

    def _export_if_due(self) -> None:
        """Export the epoch that has just ended, if it is due and not exported yet."""
        base, ended = self.run / "export" / self.config.variant, int(self.step) % self.steps_per_epoch == 0
        if not (self.devices.chief and self.epoch and ended and self._is_export_epoch()):
            return
        if self.epoch not in versions.versions(base):
            snapshots.export_epoch(base, self.task, self.dataset, self.run.name, self.epoch, self.samples[0])
        if self.config.train.monitor != "none":  # the best epoch is the newest version, which TF Serving takes
            versions.keep_only(base, self.epoch)

    def _validate(self) -> dict[str, float]:
        """Return the means over the validation patches, by name."""
        sums: dict[str, float] = {}
        for batch in self.validation:
            for name, value in self.score(self.devices.distribute(batch)).items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(batch["index"])
        return {name: total / len(self.validation_stems) for name, total in sums.items()}

    def _draw_samples(self) -> None:
        path = self.run / "samples" / f"epoch_{self.epoch:04d}.png"
        snapshots.draw_samples(path, self.task, self.dataset, self.samples, self.epoch)
        with self.writer.as_default(step=int(self.step)):
            tf.summary.image("samples", tf.io.decode_png(path.read_bytes(), channels=3)[tf.newaxis])

    def _write_summaries(self, losses: dict[str, float]) -> None:
        with self.writer.as_default(step=self.step):
            for name, value in losses.items():
                tf.summary.scalar(name, np.asarray(value))
        with saved_model.os_errors(self.run / "tensorboard"):
            self.writer.flush()

    def _save_if_due(self, received_signals: list[int]) -> None:
        """Save and stop at the same step at all workers, which all call this after each step."""
        overdue = time.monotonic() - self.saved_at > 60 * self.config.train.checkpoint_minutes
        stop, due = self.devices.any_worker(bool(received_signals), overdue)
        if stop:
            self._save()
            raise Interrupted(
                f"\nstopped at {self._place()}; everything is saved in {self.run}. The same command resumes from here.",
                received_signals[0] if received_signals else signal.SIGTERM,
            )
        if due:
            self._save()
            if not sys.stdout.isatty():
                print(f"saved at {self._place()}", flush=True)

    def _save(self) -> None:
        run_folder.expect_claimed(self.run)
        if self.devices.chief:
            with saved_model.os_errors(self.run / "tensorboard"):
                self.writer.flush()
            for name, total in self.sums.items():
                self.saved_sums[name].assign(np.asarray(total))  # TensorFlow caches a constant for each Python float
            self.checkpoints.save(int(self.step))
        self.devices.any_worker()  # all wait until it is written: if one exits earlier, TensorFlow ends the others
        self.saved_at = time.monotonic()

    def _place(self) -> str:
        done = int(self.step) % self.steps_per_epoch
        if not done:
            return f"the end of epoch {self.epoch}" if self.epoch else "the beginning"
        return f"epoch {self.epoch + 1}, step {done} of {self.steps_per_epoch}"
