"""Applies a function to many tasks: in this process, in worker processes, or on a Dask cluster."""

import argparse
import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import ModuleType
from typing import TypeVar

from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError

Task = TypeVar("Task")
Result = TypeVar("Result")


def add_options(to: argparse.ArgumentParser) -> None:
    """Add --workers and --scheduler to a command that has many independent tasks."""
    who = to.add_mutually_exclusive_group()
    who.add_argument("--workers", type=_count, default=1, metavar="N", help="processes, or all cores (default: 1)")
    who.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster that does the work, such as tcp://host:8786"
    )


def cores() -> int:
    """Return the number of cores available to this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(word: str) -> int:
    if word == "all":
        return cores()
    if not word.isdecimal() or int(word) < 1:
        raise UserError(f"--workers {word} must be a whole number from 1, or all.")
    return int(word)


def parallel_map(
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    workers: int,
    description: str,
    scheduler: str | None = None,
) -> list[Result]:
    """Apply a function to all tasks; Ctrl-C, an exception or the end of this process end the workers at once.

    The results and the files written do not depend on `workers` and `scheduler`.

    Args:
      function: defined at the top level of a module, so that other processes can import it; it must write files
        atomically.
      tasks: small, as they are sent to the processes.
      workers: number of processes; 1: this process only.
      description: for the progress line, such as "scenes written".
      scheduler: the address of a Dask scheduler, whose workers replace the processes; a running task is completed
        there.

    Returns:
      The results in the order of the tasks.

    Raises:
      UserError: the system ended a worker; or the cluster is missing or unsuitable.
    """
    if scheduler is not None:
        return _cluster().parallel_map(function, tasks, scheduler, description)
    if workers == 1 or len(tasks) < 2:
        return [function(task) for task in cli.progress(tasks, len(tasks), description)]
    return _in_processes(function, tasks, workers, description)


def _in_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], workers: int, description: str
) -> list[Result]:
    # Spawned, not forked: a fork would copy the locks that other threads hold.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(tasks)), context, initializer=_end_with_parent)
    try:
        with _sigint_blocked():
            futures = [pool.submit(function, task) for task in tasks]
        return [future.result() for future in cli.progress(futures, len(futures), description)]
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in multiprocessing.active_children():
            worker.terminate()
        if isinstance(error, BrokenProcessPool):
            raise UserError(
                f"The system ended one of {workers} worker processes, most likely for want of memory. Give a smaller "
                "--workers; the same command resumes."
            ) from None
        raise
    finally:
        pool.shutdown()


def _cluster() -> ModuleType:
    """Import the module that uses Dask, which only --scheduler needs."""
    try:
        from pix2pix_tf.utils import dask_cluster
    except ModuleNotFoundError as error:
        raise UserError(
            f"--scheduler needs Dask ({error}): pip install -r requirements-dask.txt. Or leave it out, and give "
            "--workers all for all cores of this machine."
        ) from None
    return dask_cluster


@contextlib.contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Block Ctrl-C for processes started in this block. A terminal sends it to all, but their parent ends them.

    The processes inherit the block; in this process the signal is only delayed.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    """Make a worker exit when the process that started it ends for any reason."""
    parent = multiprocessing.parent_process()
    if parent is None:  # not a worker
        return

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
