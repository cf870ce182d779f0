"""Training on several devices, in one machine or in many.

Each device holds all weights and gets its part of every batch: of 8 images on 2 devices, the first gets images 0 to 3,
the second 4 to 7. Gradients are averaged, so that all take the same step, and whatever describes a whole batch (Dice,
batch normalisation, losses) is computed over the batch of all devices. So the results are those of one device, to
rounding. Several machines find each other by TF_CONFIG; each runs the same command and is called a worker. The first
one, the chief, writes; the others read its files, so that all need the same run folder.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from pix2pix_tf.config import TrainConfig
from pix2pix_tf.models import replicas
from pix2pix_tf.utils.errors import UserError

Step = Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]  # batch -> float32 scalars by name


@dataclass(frozen=True)
class Devices:
    """The devices that share each batch."""

    description: str = "one device"
    strategy: tf.distribute.Strategy | None = None  # None for one device
    worker: int = 0  # index of this process; 0: the chief
    workers: int = 1  # processes, usually one a machine

    @property
    def count(self) -> int:
        """The number of devices of all workers."""
        return self.strategy.num_replicas_in_sync if self.strategy else 1

    @property
    def chief(self) -> bool:
        """True for the process that writes."""
        return self.worker == 0

    def scope(self) -> contextlib.AbstractContextManager:
        """Return a context manager in which variables are created on all devices."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def batches(self, dataset_fn: Callable[[int, int, int], tf.data.Dataset]) -> Iterator:
        """Return endless batches for `compiled` functions.

        Args:
          dataset_fn: (worker, workers, devices of all workers) -> the worker's part of the batches, device by device.
        """
        if self.strategy is None:
            return iter(dataset_fn(0, 1, 1))

        def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
            # Endless for TensorFlow as well, or the workers would ask each other for their last batch at each step.
            return dataset_fn(self.worker, self.workers, context.num_replicas_in_sync).repeat()

        return iter(self.strategy.distribute_datasets_from_function(of_worker))

    def distribute(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Split a batch that each worker holds among the devices; one that does not divide goes to each as a whole."""
        if self.strategy is None:
            return batch
        images = len(next(iter(batch.values())))
        part = images // self.count if images % self.count == 0 else 0

        def of_device(context: tf.distribute.experimental.ValueContext) -> dict[str, tf.Tensor]:
            start = context.replica_id_in_sync_group * part
            return {name: value[start : start + part] if part else value for name, value in batch.items()}

        return self.strategy.experimental_distribute_values_from_function(of_device)

    def compiled(self, step: Step) -> Step:
        """Return a function that runs a step on all devices, each with its part of a batch, and return the means.

        Args:
          step: a tf.function, or a function that calls some. It is traced anew, as devices cannot communicate inside a
            function that is already traced.
        """
        strategy = self.strategy
        if strategy is None:
            return step
        python_step = getattr(step, "python_function", step)

        def replica_step(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            values = python_step(batch)
            return dict(zip(values, replicas.mean(list(values.values())), strict=True))

        @tf.function
        def distributed_step(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            values = strategy.run(replica_step, args=(batch,))
            return {name: strategy.experimental_local_results(value)[0] for name, value in values.items()}

        return distributed_step

    def local_results(self, value: tf.Tensor) -> tf.Tensor:
        """Concatenate a batch's tensor, such as `batch["index"]`, over the devices of this worker."""
        return tf.concat(self.strategy.experimental_local_results(value), axis=0) if self.strategy else value

    def any_worker(self, *flags: bool) -> tuple[bool, ...]:
        """Return for each flag whether it is set at any worker; without flags, wait for all workers."""
        if self.workers == 1:
            return flags
        return tuple(total > 0 for total in self._sums(*flags, 0)[:-1])

    def all_equal(self, number: int) -> bool:
        """Return True if all workers have the same number."""
        if self.workers == 1:
            return True
        (total,) = self._sums(number)
        return not self.any_worker(total != number * self.count)[0]

    def _sums(self, *numbers: float) -> list[float]:
        assert self.strategy  # several workers have one
        own = self.strategy.experimental_distribute_values_from_function(lambda _: tf.constant(numbers, tf.float64))
        return self.strategy.reduce("SUM", own, axis=None).numpy().tolist()

    def chief_first(self, of_chief: Callable[[], None], of_others: Callable[[], None]) -> None:
        """Call one function at the chief, then another one at the other workers; an error of one stops all.

        Raises:
          UserError: that of this worker's function, or one that points to another worker's message.
        """
        for chiefs_turn in (True, False) if self.workers > 1 else (True,):
            own_error = None
            if self.chief == chiefs_turn:
                try:
                    (of_chief if self.chief else of_others)()
                except UserError as error:
                    own_error = error
            (any_error,) = self.any_worker(own_error is not None)
            if own_error:
                raise own_error
            if any_error:
                raise UserError("Another worker of this training has stopped with an error; see its own message.")

    @contextlib.contextmanager
    def guard_workers(self) -> Iterator[None]:
        """Let only the chief print in this block, and report a lost worker in one sentence.

        Raises:
          ConnectionError: another worker is gone.
        """
        if self.workers == 1:
            yield
            return
        with contextlib.ExitStack() as stack:
            if not self.chief:
                silence = stack.enter_context(Path(os.devnull).open("w"))
                stack.enter_context(contextlib.redirect_stdout(silence))
            try:
                yield
            except (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError) as error:
                reason = error.message.split("}} ")[-1].splitlines()[:1]
                raise ConnectionError(
                    f"Another worker of this training is gone ({''.join(reason)[:200]}), and none continues without "
                    "it. Start all of them again"
                ) from None


def choose(train: TrainConfig) -> Devices:
    """Return the devices that `train.devices` and TF_CONFIG ask for. Call it before TensorFlow computes anything.

    Args:
      train: gives the number of devices and the batch size.

    Raises:
      UserError: there are fewer devices, the batch does not divide by them, or TF_CONFIG cannot be read.
    """
    addresses, worker = cluster(os.environ.get("TF_CONFIG", ""))
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and train.devices > len(gpus):
        raise UserError(f"train.devices={train.devices}, but TensorFlow finds {_count_of(len(gpus), 'GPU')}.")
    if len(addresses) > 1:
        return _workers(addresses, worker, train, gpus)
    alone = train.batch_size == 1 and not train.devices  # the papers' batch size, which cannot be shared
    count = 1 if alone else train.devices or len(gpus) or 1
    if count == 1:
        idle = f"; a batch of 1 cannot be shared, train.batch_size={len(gpus)} would use all {len(gpus)}"
        return Devices(f"one GPU{idle if alone and len(gpus) > 1 else ''}" if gpus else "one device")
    kind = "GPU" if gpus else "CPU"
    _check_batch(train, count, f"{count} {kind}s")
    if not gpus:
        _split_processor(count)
    strategy = tf.distribute.MirroredStrategy([f"{kind}:{number}" for number in range(count)])
    return Devices(f"{count} {'GPUs' if gpus else 'parts of the processor'}", strategy)


def cluster(text: str) -> tuple[list[str], int]:
    """Parse TF_CONFIG into the workers' addresses, the chief first, and the index of this process among them.

    Args:
      text: such as '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'; empty
        without a cluster.

    Raises:
      UserError: it cannot be read, or names a worker that is not in its list.
    """
    if not text.strip():
        return [], 0
    cure = (
        'It takes the form {"cluster": {"worker": ["host1:2222", "host2:2222"]}, '
        '"task": {"type": "worker", "index": 0}}, with another index at each worker.'
    )
    try:
        values = json.loads(text)
        jobs = values.get("cluster", {})
        addresses = [*jobs.get("chief", []), *jobs.get("worker", [])]
        if len(addresses) < 2:
            return addresses, 0
        job, index = values["task"]["type"], int(values["task"]["index"])
        own = jobs[job][index] if index >= 0 else None
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise UserError(f"The environment variable TF_CONFIG cannot be read ({error!r}). {cure}") from None
    if set(jobs) - {"chief", "worker"} or own is None or len(set(addresses)) < len(addresses):
        raise UserError(f"TF_CONFIG names other jobs than chief and worker, or an address twice. {cure}")
    return addresses, addresses.index(own)


def _workers(addresses: list[str], worker: int, train: TrainConfig, gpus: list) -> Devices:
    """Return all GPUs of all workers, or `train.devices` of each; without GPUs each worker is one device."""
    if not gpus and train.devices > 1:
        raise UserError("train.devices counts GPUs, and this worker has none; without GPUs each worker is one device.")
    if train.devices:
        tf.config.set_visible_devices(gpus[: train.devices], "GPU")
    each = train.devices or len(gpus) or 1
    description = f"{len(addresses)} workers of {_count_of(each, 'GPU' if gpus else 'CPU')}"
    _check_batch(train, len(addresses) * each, description)
    print(f"worker {worker} of {len(addresses)}: waiting for all of {', '.join(addresses)}", flush=True)
    return Devices(description, tf.distribute.MultiWorkerMirroredStrategy(), worker, len(addresses))


def _check_batch(train: TrainConfig, count: int, description: str) -> None:
    if train.batch_size % count:
        fitting = -(-train.batch_size // count) * count
        raise UserError(
            f"train.batch_size={train.batch_size} does not divide by {description}. Set train.batch_size={fitting} (it "
            "counts the images of all devices together), or another train.devices."
        )


def _split_processor(count: int) -> None:
    """Split the processor into logical devices: slower than one, but code for several can be tried on it."""
    (processor,) = tf.config.list_physical_devices("CPU")
    try:
        parts = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(processor, parts)
    except RuntimeError:  # TensorFlow has computed before
        if len(tf.config.list_logical_devices("CPU")) < count:
            raise UserError(
                f"train.devices={count} must be set before TensorFlow computes; start a new process."
            ) from None


def _count_of(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' if count != 1 else ''}"
