"""One function for many jobs: in this process, in processes that end with it, or on a Dask cluster."""

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

Job = TypeVar("Job")
Result = TypeVar("Result")


def add_options(to: argparse.ArgumentParser) -> None:
    """Adds --workers and --scheduler, the same for all commands that have many jobs to do."""
    who = to.add_mutually_exclusive_group()
    who.add_argument("--workers", type=_count, default=1, metavar="N", help="processes, or all cores (default: 1)")
    who.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster that does the work, such as tcp://host:8786"
    )


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _count(word: str) -> int:
    if word == "all":
        return cores()
    if not word.isdecimal() or int(word) < 1:
        raise UserError(f"--workers {word} must be a whole number from 1, or all.")
    return int(word)


def parallel_map(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int, what: str, scheduler: str | None = None
) -> list[Result]:
    """Applies a function to all jobs; Ctrl-C, an exception and the end of this process end the workers at once.

    The results, and the files written, do not depend on who does the work.

    Args:
      function: of a module, so that another process finds it; what it writes must appear whole or not at all.
      jobs: small, as they are sent to the processes.
      workers: how many processes; 1: none but this one.
      what: what is done with the jobs, for the line of progress, such as "scenes written".
      scheduler: the address of a Dask scheduler, whose workers then do the work in place of `workers`; a job that has
        begun there is finished.

    Returns:
      The results in the order of the jobs.

    Raises:
      UserError: the system ended a worker; or there is no such cluster, or it is not fit for the work.
    """
    if scheduler is not None:
        return _cluster().parallel_map(function, jobs, scheduler, what)
    if workers == 1 or len(jobs) < 2:
        return [function(job) for job in cli.progress(jobs, len(jobs), what)]
    # Spawned, not forked: a fork would copy the locks of whatever threads run here.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(jobs)), context, initializer=_end_with_parent)
    try:
        with _deaf_children():
            futures = [pool.submit(function, job) for job in jobs]
        return [future.result() for future in cli.progress(futures, len(futures), what)]
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in multiprocessing.active_children():
            worker.terminate()
        if isinstance(error, BrokenProcessPool):
            raise UserError(
                f"The system ended one of {workers} worker processes, most likely for want of memory. Give a smaller "
                "--workers; the same command goes on from what is written."
            ) from None
        raise
    finally:
        pool.shutdown()


def _cluster() -> ModuleType:
    """The module that knows Dask, which only --scheduler needs."""
    try:
        from pix2pix_tf.utils import dask_cluster
    except ModuleNotFoundError as error:
        raise UserError(
            f"--scheduler needs Dask ({error}): pip install -r requirements-dask.txt. Or leave it out, and give "
            "--workers all for all cores of this machine."
        ) from None
    return dask_cluster


@contextlib.contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes started in this block never hear Ctrl-C, which a terminal sends to all: their parent ends them.

    They inherit that the signal is blocked; here it is only late.
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
    """Makes a worker end when the process that started it is gone, however that came."""
    parent = multiprocessing.parent_process()
    if parent is None:  # no worker, but the process that starts them
        return

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
