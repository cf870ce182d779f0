"""How long a command takes, and how large its processes become."""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# A process inherits the peak of the one that starts it. This one is small.
_WATCH = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
sys.exit(status)
"""


def measure(command: Sequence[object], folder: Path | None = None) -> tuple[float, float]:
    """Run a command: MiB of its largest process at its peak, and seconds.

    Args:
      command: an interpreter or a program, and its arguments.
      folder: to run it in; None: this process's.

    Raises:
      subprocess.CalledProcessError: the command failed.
    """
    watched = [sys.executable, "-c", _WATCH, *map(str, command)]
    start = time.monotonic()
    peak = subprocess.run(watched, cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout
    return float(peak), time.monotonic() - start
