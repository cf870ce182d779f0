"""One function for many jobs, in processes that end with this one."""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from pix2pix_tf import cli
from pix2pix_tf.errors import UserError

Job, Result = TypeVar("Job"), TypeVar("Result")


def run_all(function: Callable[[Job], Result], jobs: Sequence[Job], workers: int, what: str) -> list[Result]:
    """Applies a function to all jobs; Ctrl-C, an exception and the end of this process end the workers at once.

    Args:
      function: of a module, so that another process finds it; what it writes must appear whole or not at all.
      jobs: small, as they are sent to the processes.
      workers: how many processes; 1: none but this one.
      what: what is done with the jobs, for the line of progress, such as "scenes written".

    Returns:
      The results in the order of the jobs.

    Raises:
      UserError: the system ended a worker.
    """
    if workers == 1:
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
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()
