"""Scenes a second, by who makes them: python -m benchmarks.speed.workers

Makes the same simulated data set with one process, with several, and with as many workers of a local Dask cluster, in
turns, and prints scenes a second and the ratio to one process. Starting processes counts, as each command pays for it;
starting the cluster does not, as it is there before the command. Processor seconds a scene tell what sharing the work
costs even where other programs keep the cores from being free. The bytes are compared, too.
"""

import argparse
import contextlib
import hashlib
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from pix2pix_tf import prepare


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="examples:\n  python -m benchmarks.speed.workers\n"
        "  python -m benchmarks.speed.workers --workers 8 --scenes 500",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes, and Dask workers (default: 2)")
    parser.add_argument("--scenes", type=int, default=100, metavar="N", help="of each data set (default: 100)")
    parser.add_argument("--size", type=int, default=256, metavar="PIXELS", help="of each side (default: 256)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each (default: 3)")
    options = parser.parse_args()
    import distributed  # here: processes import this file too, and no command makes them import Dask

    cluster = distributed.LocalCluster(options.workers, threads_per_worker=1, dashboard_address=":0")
    with cluster, tempfile.TemporaryDirectory() as folder:
        ways = {
            "1 process": {},
            f"{options.workers} processes": {"workers": options.workers},
            f"{options.workers} Dask workers": {"scheduler": cluster.scheduler_address},
        }
        prepare.simulate(Path(folder) / "first", 2 * options.workers, 32, **list(ways.values())[-1])  # they import now
        _report(_measure(ways, options, Path(folder)), options)


def _measure(ways: dict[str, dict], options: argparse.Namespace, folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Scenes a second, and processor seconds a scene, of each way in each turn."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    digests = set()
    for turn in range(options.rounds):
        for name, way in ways.items():
            output, start, used = folder / str(turn) / name / "data", time.perf_counter(), _processor_seconds()
            with contextlib.redirect_stdout(None):
                prepare.simulate(output, options.scenes, options.size, **way)
            seconds, used = time.perf_counter() - start, _processor_seconds() - used
            found[name].append((options.scenes / seconds, used / options.scenes))
            digests.add(_digest(output))
    print("the bytes are the same" if len(digests) == 1 else "THE BYTES DIFFER")
    return found


def _processor_seconds() -> float:
    """Of this process and all it started, since their beginning."""
    me = psutil.Process()
    all_times = [process.cpu_times() for process in (me, *me.children(recursive=True))]
    return sum(sum(times[:4]) for times in all_times)  # user, system, and both of children that have ended


def _report(found: dict[str, list[tuple[float, float]]], options: argparse.Namespace) -> None:
    print(f"{options.scenes} scenes of {options.size} x {options.size} pixels, median of {options.rounds} turns")
    print("| who | scenes/s | to one process (turn by turn) | processor s a scene |\n|---|---:|---:|---:|")
    for name, turns in found.items():
        ratios = [rate / one for (rate, _), (one, _) in zip(turns, found["1 process"], strict=True)]
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        rate, cost = (statistics.median(column) for column in zip(*turns, strict=True))
        print(f"| {name} | {rate:.1f} | {statistics.median(ratios):.2f} ({each}) | {cost:.3f} |")


def _digest(root: Path) -> str:
    """Of all files' names and bytes."""
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
