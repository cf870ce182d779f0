"""Applies a function to many tasks on the workers of a Dask cluster, with the same results as in this process.

Dask reassigns the tasks of a lost worker. If that worker is still alive behind a broken connection, two workers write
the same files. This is safe: each writes to a temporary name and renames it (`files.atomic_write`), and both write the
same bytes.

Only --scheduler imports this module: Dask takes a second to import, and is an optional dependency.
"""

import asyncio
import functools
import hashlib
import importlib.metadata
import io
import logging
import pickle
import platform
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any, TypeVar

import cloudpickle
import distributed
from distributed.scheduler import KilledWorker

from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import Interrupted, UserError

Task = TypeVar("Task")
Result = TypeVar("Result")

CONNECT_SECONDS = 10.0  # timeout for the scheduler
WORKER_SECONDS = 30.0  # timeout for a first worker, at the start and after all workers are lost
POLL_SECONDS = 0.02  # between two checks for results
RETRIES = 2  # of a failed task, as a shared folder may be unavailable for a moment
BATCH = 1000  # tasks sent to the scheduler at a time
PROTOCOL_PACKAGES = ("dask", "distributed")  # the same versions on all machines, for a compatible protocol
OUTPUT_PACKAGES = ("numpy", "scipy", "pillow", "tensorflow")  # the same versions on all machines, for the same bytes


def parallel_map(
    function: Callable[[Task], Result], tasks: Sequence[Task], scheduler: str, description: str
) -> list[Result]:
    """Apply a function to all tasks on a cluster; the end of this process cancels tasks that have not started.

    Args:
      function: defined at the top level of a module that the workers can import; it must write files atomically.
      tasks: small; relative paths in them are sent as absolute ones.
      scheduler: its address, such as tcp://host:8786.
      description: for the progress line, such as "scenes written".

    Returns:
      The results in the order of the tasks.

    Raises:
      UserError: no scheduler answers, there is no worker, a task ended several workers, or versions differ.
      Interrupted: by Ctrl-C or SIGTERM; the scheduler cancels tasks that have not started.
      Exception: raised by a task.
    """
    packed = [pickle.dumps(_Call(function, task)) for task in tasks]
    results: dict[int, Result] = {}
    # Signals are recorded, not raised: Python drops an exception raised during the deletion of objects, of which there
    # are thousands here.
    with _connected(scheduler) as client, cli.stop_signals() as received:
        # The scheduler must be able to import the function, so it is Python's own: unpickling a `_Call` runs the task.
        futures = client.map(pickle.loads, packed, pure=False, retries=RETRIES, batch_size=BATCH, key=description)
        numbers = {future: number for number, future in enumerate(futures)}
        completed = _as_completed(client, futures, scheduler, received)
        for future, result in cli.progress(completed, len(tasks), description):
            results[numbers[future]] = result
            future.release()  # or the loss of its worker would repeat the task
    return [results[number] for number in range(len(tasks))]


# ---- In this process ------------------------------------------------------------------------------------------------


def _connected(scheduler: str) -> distributed.Client:
    """Connect to a cluster; check that it has the same versions and a worker."""
    for name in ("distributed", "distributed.client", "tornado.application"):  # the errors below replace their messages
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        installed = asyncio.run(asyncio.wait_for(_ask_versions(scheduler), CONNECT_SECONDS))
    except (OSError, ValueError, AssertionError) as error:  # no answer, an invalid address, an unknown host
        raise UserError(
            f"No Dask scheduler answers at {scheduler} ({str(error) or 'no word from it'}). Start one with `python -m "
            "dask scheduler`, and give the address that it prints, such as --scheduler tcp://host:8786."
        ) from None
    ours = {name: importlib.metadata.version(name) for name in PROTOCOL_PACKAGES}
    for where, packages in installed.items():
        difference = _differences({name: packages[name] for name in PROTOCOL_PACKAGES}, ours)
        if difference:
            raise UserError(f"The Dask {where} differs: {difference}. Install the same everywhere.")
    client = distributed.Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    try:
        _expect_worker(client, scheduler)
    except BaseException:
        client.close()
        raise
    return client


async def _ask_versions(scheduler: str) -> dict[str, dict[str, str]]:
    """Return the package versions of the scheduler and its workers, by a request that older versions also support."""
    request = {"op": "versions", "packages": []}
    connection_args = distributed.Security().get_connection_args("client")
    async with distributed.rpc(scheduler, timeout=CONNECT_SECONDS, connection_args=connection_args) as remote:
        answers = {f"scheduler at {scheduler}": await remote.versions(packages=[])}
        for worker, answer in (await remote.broadcast(msg=request, on_error="ignore")).items():
            answers[f"worker at {worker}"] = answer
    return {where: answer["packages"] for where, answer in answers.items()}


def _expect_worker(client: distributed.Client, scheduler: str) -> None:
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError:
        raise UserError(
            f"The Dask scheduler at {scheduler} has had no worker for {WORKER_SECONDS:.0f} s. Start some with "
            f"`python -m dask worker {scheduler} --nworkers -1 --nthreads 1`; the same command resumes."
        ) from None


def _as_completed(
    client: distributed.Client, futures: list[distributed.Future], scheduler: str, received: list[int]
) -> Iterator[tuple[distributed.Future, Any]]:
    """Yield results in the order of completion; check for a remaining worker after a long time without results."""
    results = distributed.as_completed(futures, loop=client.loop, with_results=True)
    deadline = time.monotonic() + WORKER_SECONDS
    try:
        while not results.is_empty():
            if received:
                raise Interrupted("interrupted; the same command resumes from the files that are written", received[0])
            if results.has_ready():
                future, result = next(results)
                if isinstance(result, CancelledError):
                    raise result
                yield future, result
                deadline = time.monotonic() + WORKER_SECONDS
            elif time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
            else:
                _expect_worker(client, scheduler)
                deadline = time.monotonic() + WORKER_SECONDS
    except KilledWorker as error:
        raise UserError(
            f"{error.allowed_failures + 1} workers of the Dask cluster ended one after the other over the same task, "
            "most likely for want of memory. Start fewer of them on a machine; the same command resumes."
        ) from None
    except ModuleNotFoundError as error:
        raise UserError(
            f"A Dask worker says: {error}. Start all workers in this program's folder, with what it needs installed."
        ) from None
    except CancelledError:
        raise UserError(
            f"The Dask scheduler at {scheduler} is gone. Start it and its workers again; the same command resumes."
        ) from None


class _Absolute(cloudpickle.Pickler):
    """Pickles with absolute paths, as a worker has another working directory."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, Path) and not value.is_absolute():
            return Path, (str(value.absolute()),)
        return super().reducer_override(value)


class _Call:
    """A task that runs when it is unpickled, so that a missing module is its error and does not end the worker."""

    def __init__(self, function: Callable[[Task], Result], task: Task):
        buffer = io.BytesIO()
        _Absolute(buffer).dump((function, task))
        self.parts = buffer.getvalue(), _versions()

    def __reduce__(self):
        return _run, self.parts


# ---- On a worker ----------------------------------------------------------------------------------------------------


def _run(packed: bytes, expected: Mapping[str, str]) -> Any:
    """Run a task, if the versions on this machine write the same bytes as those of its sender.

    Args:
      packed: pickled function and task.
      expected: the versions of the sender.
    """
    difference = _differences(_versions(), expected)
    if difference:
        raise UserError(f"A Dask worker on {socket.gethostname()} differs: {difference}. Install the same everywhere.")
    function, task = pickle.loads(packed)
    return function(task)


@functools.cache
def _versions() -> dict[str, str]:
    """Return the versions on which the written bytes depend: Python, libraries, and the source of this package."""
    package, digest = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package).as_posix()}\n".encode() + path.read_bytes())
    libraries = {name: importlib.metadata.version(name) for name in OUTPUT_PACKAGES}
    return libraries | {"Python": ".".join(platform.python_version_tuple()[:2]), "pix2pix_tf": digest.hexdigest()[:12]}


def _differences(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """Describe different versions, such as `numpy 2.4.6 there, 1.26.4 here`; empty when there are none."""
    return ", ".join(
        f"{name} {version} there, {ours[name]} here" for name, version in theirs.items() if version != ours[name]
    )
