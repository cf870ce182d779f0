"""One function for many jobs, on the workers of a Dask cluster: the same results, only elsewhere.

A worker that is lost costs the jobs it had in hand: Dask gives them to others. Should it still be alive behind a broken
line, two of them write the same files; each writes under a name of its own and renames (`files.whole_file`), and both
write the same bytes, so that it does not matter who comes last.

Only --scheduler imports this module: Dask takes a second to import, and is not always installed.
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

Job = TypeVar("Job")
Result = TypeVar("Result")

CONNECT_SECONDS = 10.0  # for the scheduler to answer
WORKER_SECONDS = 30.0  # for a worker to come, at the beginning and when all of them are gone
POLL_SECONDS = 0.02  # between two looks for results
RETRIES = 2  # of a job that failed: a shared folder may be out of reach for a moment
BATCH = 1000  # jobs sent to the scheduler at a time
SPEAKING = ("dask", "distributed")  # must be the same everywhere for the machines to understand one another
WRITING = ("numpy", "scipy", "pillow", "tensorflow")  # must be so wherever files are written, for the same bytes


def parallel_map(function: Callable[[Job], Result], jobs: Sequence[Job], scheduler: str, what: str) -> list[Result]:
    """Applies a function to all jobs on a cluster; when this process ends, however, what has not begun is dropped.

    Args:
      function: of a module that the workers find too; what it writes must appear whole or not at all.
      jobs: small; paths in them may be relative, and are sent absolute.
      scheduler: its address, such as tcp://host:8786.
      what: what is done with the jobs, for the line of progress, such as "scenes written".

    Returns:
      The results in the order of the jobs.

    Raises:
      UserError: no scheduler answers, there is no worker, a job ended worker after worker, or versions differ.
      Interrupted: by Ctrl-C or SIGTERM; the scheduler forgets what has not begun.
      Exception: what a job raised, as if it had run here.
    """
    packed = [pickle.dumps(_Call(function, job)) for job in jobs]
    results: dict[int, Result] = {}
    # Noted, not raised: Python drops an exception that comes while it clears away objects, here thousands of them.
    with _connected(scheduler) as client, cli.stop_signals() as received:
        # What is called must exist on the scheduler too, so it is Python's own: unpickling a `_Call` does the job.
        futures = client.map(pickle.loads, packed, pure=False, retries=RETRIES, batch_size=BATCH, key=what)
        numbers = {future: number for number, future in enumerate(futures)}
        for future, result in cli.progress(_arriving(client, futures, scheduler, received), len(jobs), what):
            results[numbers[future]] = result
            future.release()  # it is here now: should its worker be lost, it is not done again
    return [results[number] for number in range(len(jobs))]


# ---- Here -----------------------------------------------------------------------------------------------------------


def _connected(scheduler: str) -> distributed.Client:
    """A connection to a cluster that speaks our version and has a worker."""
    for name in ("distributed", "distributed.client", "tornado.application"):  # here alone: it is told below, once
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        installed = asyncio.run(asyncio.wait_for(_ask_versions(scheduler), CONNECT_SECONDS))
    except (OSError, ValueError, AssertionError) as error:  # nobody there, no address, an unknown host
        raise UserError(
            f"No Dask scheduler answers at {scheduler} ({str(error) or 'no word from it'}). Start one with `python -m "
            "dask scheduler`, and give the address that it prints, such as --scheduler tcp://host:8786."
        ) from None
    mine = {name: importlib.metadata.version(name) for name in SPEAKING}
    for where, packages in installed.items():
        other = _different({name: packages[name] for name in SPEAKING}, mine)
        if other:
            raise UserError(f"The Dask {where} differs: {other}. Install the same everywhere.")
    client = distributed.Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
    try:
        _expect_worker(client, scheduler)
    except BaseException:
        client.close()
        raise
    return client


async def _ask_versions(scheduler: str) -> dict[str, dict[str, str]]:
    """The packages of the scheduler and its workers; asked in a way that older versions know, as a client is not."""
    question = {"op": "versions", "packages": []}
    how = distributed.Security().get_connection_args("client")
    async with distributed.rpc(scheduler, timeout=CONNECT_SECONDS, connection_args=how) as asked:
        found = {f"scheduler at {scheduler}": await asked.versions(packages=[])}
        for worker, told in (await asked.broadcast(msg=question, on_error="ignore")).items():
            found[f"worker at {worker}"] = told
    return {where: told["packages"] for where, told in found.items()}


def _expect_worker(client: distributed.Client, scheduler: str) -> None:
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError:
        raise UserError(
            f"The Dask scheduler at {scheduler} has had no worker for {WORKER_SECONDS:.0f} s. Start some with "
            f"`python -m dask worker {scheduler} --nworkers -1 --nthreads 1`; the same command goes on."
        ) from None


def _arriving(
    client: distributed.Client, futures: list[distributed.Future], scheduler: str, received: list[int]
) -> Iterator[tuple[distributed.Future, Any]]:
    """Hands results on as they come. When none comes for long, it asks whether there is a worker left."""
    results = distributed.as_completed(futures, loop=client.loop, with_results=True)
    patient_until = time.monotonic() + WORKER_SECONDS
    try:
        while not results.is_empty():
            if received:
                raise Interrupted("interrupted; the same command goes on from what is already written", received[0])
            if results.has_ready():
                future, result = next(results)
                if isinstance(result, CancelledError):
                    raise result
                yield future, result
                patient_until = time.monotonic() + WORKER_SECONDS
            elif time.monotonic() < patient_until:
                time.sleep(POLL_SECONDS)
            else:
                _expect_worker(client, scheduler)
                patient_until = time.monotonic() + WORKER_SECONDS
    except KilledWorker as error:
        raise UserError(
            f"{error.allowed_failures + 1} workers of the Dask cluster ended one after the other over the same job, "
            "most likely for want of memory. Start fewer of them on a machine; the same command goes on."
        ) from None
    except ModuleNotFoundError as error:
        raise UserError(
            f"A Dask worker says: {error}. Start all workers in this program's folder, with what it needs installed."
        ) from None
    except CancelledError:
        raise UserError(
            f"The Dask scheduler at {scheduler} is gone. Start it and its workers again; the same command goes on."
        ) from None


class _Absolute(cloudpickle.Pickler):
    """Pickles, and makes paths absolute on the way: a worker has another working directory."""

    def reducer_override(self, thing: Any) -> Any:
        if isinstance(thing, Path) and not thing.is_absolute():
            return Path, (str(thing.absolute()),)
        return super().reducer_override(thing)


class _Call:
    """A job that is done where it is unpickled; what that machine lacks is then the job's error, and no worker ends."""

    def __init__(self, function: Callable[[Job], Result], job: Job):
        buffer = io.BytesIO()
        _Absolute(buffer).dump((function, job))
        self.parts = buffer.getvalue(), _versions()

    def __reduce__(self):
        return _work, self.parts


# ---- On a worker ----------------------------------------------------------------------------------------------------


def _work(packed: bytes, wanted: Mapping[str, str]) -> Any:
    """Does a job, if what is installed here writes the same bytes as where it comes from.

    Args:
      packed: function and job.
      wanted: the versions of the process that sent them.
    """
    other = _different(_versions(), wanted)
    if other:
        raise UserError(f"A Dask worker on {socket.gethostname()} differs: {other}. Install the same everywhere.")
    function, job = pickle.loads(packed)
    return function(job)


@functools.cache
def _versions() -> dict[str, str]:
    """What decides which bytes are written: Python, libraries, and the files of this package."""
    package, digest = Path(__file__).parents[1], hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package).as_posix()}\n".encode() + path.read_bytes())
    found = {name: importlib.metadata.version(name) for name in WRITING}
    return found | {"Python": ".".join(platform.python_version_tuple()[:2]), "pix2pix_tf": digest.hexdigest()[:12]}


def _different(theirs: Mapping[str, str], mine: Mapping[str, str]) -> str:
    """Such as `numpy 2.4.6 there, 1.26.4 here`; empty when nothing differs."""
    return ", ".join(
        f"{name} {version} there, {mine[name]} here" for name, version in theirs.items() if version != mine[name]
    )
