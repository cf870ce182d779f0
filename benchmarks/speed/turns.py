"""Programs that take turns at the same work, so that a machine whose speed drifts slows all of them alike.

Each has a process of its own: its peak memory is its own, and PyTorch need not live beside TensorFlow. The processes
are told over standard input what to do and answer over standard output how long it took.
"""

import itertools
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

Name = TypeVar("Name")  # of a side: whatever tells it from the others

WARM_UP = 2  # turns that trace, allocate and choose kernels


class Side:
    """One program, from the outside."""

    def __init__(self, *command: str):
        """Start it: an interpreter, and a module that calls `answer`."""
        self.command = command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what: str) -> float:
        """The seconds of one piece of work, or its peak memory in MiB for "memory"."""
        assert self.process.stdin  # pipes, as asked for
        assert self.process.stdout
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{' '.join(self.command)} ended; its message is above.")
        return float(answer)

    def close(self) -> None:
        """End it."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def answer(works: Mapping[str, Callable[[], object]], calls: int = 1) -> None:
    """The other end of `Side`: does what it is told until nobody asks any more.

    Args:
      works: by name; each is called and done when it returns.
      calls: how often in a turn; a turn of much less than a second is mostly waking up.
    """
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a library prints must not be taken for an answer
    for line in sys.stdin:
        what = line.strip()
        if what == "memory":
            said = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        else:
            start = time.perf_counter()
            for _ in range(calls):
                works[what]()
            said = (time.perf_counter() - start) / calls
        print(said, file=answers, flush=True)
    os._exit(0)  # some libraries take seconds to fall apart in order


def levels(size: int) -> int:
    """Return the halvings of every program's generator: down to one pixel, at most eight."""
    return min(8, size.bit_length() - 1)


def take_turns(sides: Mapping[Name, Side], what: str, rounds: int) -> list[dict[Name, float]]:
    """The seconds of each side in each round; neither is always the first."""
    for side in sides.values():
        for _ in range(WARM_UP):
            side.ask(what)
    orders = itertools.cycle([list(sides), list(sides)[::-1]])
    return [{name: sides[name].ask(what) for name in next(orders)} for _ in range(rounds)]


def ratio(turns: list[dict[Name, float]], one: Name, other: Name) -> tuple[float, float, float]:
    """Return the speed of `one` over that of `other`: median, least and greatest of the turns' ratios."""
    ratios = [turn[other] / turn[one] for turn in turns]
    return statistics.median(ratios), min(ratios), max(ratios)
