"""Many devices as one: which of them share a batch, and how what they find is put together.

Each device holds all weights and sees its part of every batch: of 8 images on 2 devices, the first sees images 0 to 3,
the second 4 to 7. Gradients are averaged, so that all take the same step, and whatever else is said of a whole batch
(Dice, batch normalisation, losses) is said of the batch of all devices. So many devices do what one would do, but for
rounding. Several machines are told of each other by TF_CONFIG; each runs the same command and is called a worker. The
first one, the chief, writes; the others read what it wrote, so that all need the same run folder.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import tensorflow as tf

from pix2pix_tf.config import TrainConfig
from pix2pix_tf.utils.errors import UserError

Tensors = TypeVar("Tensors", tf.Tensor, list[tf.Tensor])
Step = Callable[[dict[str, tf.Tensor]], dict[str, tf.Tensor]]  # batch -> float32 scalars by name


def mean(values: Tensors) -> Tensors:
    """The mean of what the devices have computed; each gets it. On one device: the values themselves.

    Args:
      values: float tensors, of the same shapes on all devices. The mean has a gradient, by which the mean of all
        devices' gradients is that of the mean of all devices' losses.
    """
    context = tf.distribute.get_replica_context()  # None where there is no step of all devices under way
    if context is None or context.num_replicas_in_sync == 1:
        return values
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, values)


def device_count() -> int:
    """How many devices share a batch, as networks are built and in a step."""
    return tf.distribute.get_strategy().num_replicas_in_sync


@dataclass(frozen=True)
class Devices:
    """Those that share each batch."""

    described: str = "one device"
    strategy: tf.distribute.Strategy | None = None  # None: one device, and TensorFlow needs no strategy
    worker: int = 0  # which one this process is; 0: the chief
    workers: int = 1  # processes, as a rule one a machine

    @property
    def count(self) -> int:
        """Devices of all workers."""
        return self.strategy.num_replicas_in_sync if self.strategy else 1

    @property
    def chief(self) -> bool:
        """Whether this process writes."""
        return self.worker == 0

    def scope(self) -> contextlib.AbstractContextManager:
        """Variables made in this block are on all devices."""
        return self.strategy.scope() if self.strategy else contextlib.nullcontext()

    def batches(self, make: Callable[[int, int, int], tf.data.Dataset]) -> Iterator:
        """Endless batches for `compiled` functions.

        Args:
          make: (worker, workers, devices of all workers) -> the worker's part of the batches, device by device.
        """
        if self.strategy is None:
            return iter(make(0, 1, 1))

        def of_worker(context: tf.distribute.InputContext) -> tf.data.Dataset:
            # Endless for TensorFlow as well, or the workers would ask each other at each step who has a batch left.
            return make(self.worker, self.workers, context.num_replicas_in_sync).repeat()

        return iter(self.strategy.distribute_datasets_from_function(of_worker))

    def distribute(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Deals a batch that each worker has out to the devices; one that does not divide goes to each as a whole."""
        if self.strategy is None:
            return batch
        images = len(next(iter(batch.values())))
        part = images // self.count if images % self.count == 0 else 0

        def of_device(context: tf.distribute.experimental.ValueContext) -> dict[str, tf.Tensor]:
            place = context.replica_id_in_sync_group * part
            return {name: value[place : place + part] if part else value for name, value in batch.items()}

        return self.strategy.experimental_distribute_values_from_function(of_device)

    def compiled(self, step: Step) -> Step:
        """A function that all devices run together, each on its part of a batch; it gives the means over them.

        Args:
          step: a tf.function, or one that calls some; compiled anew, as devices cannot meet inside a compiled one.
        """
        strategy = self.strategy
        if strategy is None:
            return step
        plain = getattr(step, "python_function", step)

        def on_a_device(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            values = plain(batch)
            return dict(zip(values, mean(list(values.values())), strict=True))

        @tf.function
        def on_all(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
            values = strategy.run(on_a_device, args=(batch,))
            return {name: strategy.experimental_local_results(value)[0] for name, value in values.items()}

        return on_all

    def local_results(self, value: tf.Tensor) -> tf.Tensor:
        """What the devices of this worker have of a batch's part, one after the other, such as `batch["index"]`."""
        return tf.concat(self.strategy.experimental_local_results(value), axis=0) if self.strategy else value

    def any_worker(self, *wishes: bool) -> tuple[bool, ...]:
        """Whether at least one worker wishes each of these; of nothing, to wait until all workers have come here."""
        if self.workers == 1:
            return wishes
        return tuple(votes > 0 for votes in self._sums(*wishes, 0)[:-1])

    def all_equal(self, number: int) -> bool:
        """Whether all workers have the same number."""
        if self.workers == 1:
            return True
        (total,) = self._sums(number)
        return not self.any_worker(total != number * self.count)[0]

    def _sums(self, *numbers: float) -> list[float]:
        assert self.strategy  # several workers have one
        own = self.strategy.experimental_distribute_values_from_function(lambda _: tf.constant(numbers, tf.float64))
        return self.strategy.reduce("SUM", own, axis=None).numpy().tolist()

    def chief_first(self, of_chief: Callable[[], None], of_others: Callable[[], None]) -> None:
        """The chief does one thing, then the others do another; where one refuses, all do.

        Raises:
          UserError: the refusal, or, at the other workers, that there was one.
        """
        for chiefs_turn in (True, False) if self.workers > 1 else (True,):
            refusal = None
            if self.chief == chiefs_turn:
                try:
                    (of_chief if self.chief else of_others)()
                except UserError as error:
                    refusal = error
            (refused,) = self.any_worker(refusal is not None)
            if refusal:
                raise refusal
            if refused:
                raise UserError("Another worker of this training has refused to go on; its own message says why.")

    @contextlib.contextmanager
    def guard_workers(self) -> Iterator[None]:
        """In this block the chief alone prints, and a worker that is gone is told of in one sentence.

        Raises:
          ConnectionError: it is.
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
                    f"Another worker of this training is gone ({''.join(reason)[:200]}), and none goes on without it. "
                    "Start all of them again"
                ) from None


def choose(train: TrainConfig) -> Devices:
    """The devices that `train.devices` and TF_CONFIG ask for. Call it before TensorFlow computes anything.

    Args:
      train: gives the number of devices and the batch.

    Raises:
      UserError: there are fewer devices, the batch does not divide by them, or TF_CONFIG cannot be read.
    """
    addresses, worker = cluster(os.environ.get("TF_CONFIG", ""))
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and train.devices > len(gpus):
        raise UserError(f"train.devices={train.devices}, but TensorFlow sees {_many(len(gpus), 'GPU')} here.")
    if len(addresses) > 1:
        return _workers(addresses, worker, train, gpus)
    alone = train.batch_size == 1 and not train.devices  # the papers' batch cannot be shared; it trains as ever
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
    """The workers' addresses, the chief first, and which of them this process is, as TF_CONFIG has them.

    Args:
      text: such as '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'; empty
        where there is no cluster.

    Raises:
      UserError: it cannot be read, or asks for what there is not.
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
    """All GPUs of all workers, or `train.devices` of each; without GPUs each worker is one device."""
    if not gpus and train.devices > 1:
        raise UserError("train.devices counts GPUs, and this worker has none; without GPUs each worker is one device.")
    if train.devices:
        tf.config.set_visible_devices(gpus[: train.devices], "GPU")
    each = train.devices or len(gpus) or 1
    described = f"{len(addresses)} workers of {_many(each, 'GPU' if gpus else 'CPU')}"
    _check_batch(train, len(addresses) * each, described)
    print(f"worker {worker} of {len(addresses)}: waiting for all of {', '.join(addresses)}", flush=True)
    return Devices(described, tf.distribute.MultiWorkerMirroredStrategy(), worker, len(addresses))


def _check_batch(train: TrainConfig, count: int, described: str) -> None:
    if train.batch_size % count:
        fitting = -(-train.batch_size // count) * count
        raise UserError(
            f"train.batch_size={train.batch_size} does not divide by {described}. Set train.batch_size={fitting} (it "
            "counts the images of all devices together), or another train.devices."
        )


def _split_processor(count: int) -> None:
    """Makes a processor look like several devices: slower than one, but all that several do can be tried on it."""
    (processor,) = tf.config.list_physical_devices("CPU")
    try:
        parts = [tf.config.LogicalDeviceConfiguration()] * count
        tf.config.set_logical_device_configuration(processor, parts)
    except RuntimeError:  # TensorFlow has computed before
        if len(tf.config.list_logical_devices("CPU")) < count:
            raise UserError(
                f"train.devices={count} has to be known before TensorFlow computes; start a new process."
            ) from None


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'s' if count != 1 else ''}"
