"""Scenes a second, by who makes them: python -m benchmarks.workers

Makes the same simulated data set with one process, with several, and with as many workers of a local Dask cluster, in
turns, and prints scenes a second and the ratio to one process. Starting processes counts, as each command pays for it;
starting the cluster does not, as it is there before the command. The bytes are compared, too.
"""

import argparse
import contextlib
import hashlib
import statistics
import tempfile
import time
from pathlib import Path

import distributed

from pix2pix_tf import prepare


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="examples:\n  python -m benchmarks.workers\n  python -m benchmarks.workers --workers 8 --scenes 500",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes, and Dask workers (default: 2)")
    parser.add_argument("--scenes", type=int, default=100, metavar="N", help="of each data set (default: 100)")
    parser.add_argument("--size", type=int, default=256, metavar="PIXELS", help="of each side (default: 256)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each (default: 3)")
    options = parser.parse_args()
    cluster = distributed.LocalCluster(options.workers, threads_per_worker=1, dashboard_address=":0")
    with cluster, tempfile.TemporaryDirectory() as folder:
        ways = {
            "1 process": {},
            f"{options.workers} processes": {"workers": options.workers},
            f"{options.workers} Dask workers": {"scheduler": cluster.scheduler_address},
        }
        prepare.simulate(Path(folder) / "first", 2 * options.workers, 32, **list(ways.values())[-1])  # they import now
        _report({name: [] for name in ways}, ways, options, Path(folder))


def _report(rates: dict[str, list[float]], ways: dict[str, dict], options: argparse.Namespace, folder: Path) -> None:
    digests = set()
    for turn in range(options.rounds):
        for name, way in ways.items():
            output, start = folder / str(turn) / name / "data", time.perf_counter()
            with contextlib.redirect_stdout(None):
                prepare.simulate(output, options.scenes, options.size, **way)
            rates[name].append(options.scenes / (time.perf_counter() - start))
            digests.add(_digest(output))
    print(f"\n{options.scenes} scenes of {options.size} x {options.size} pixels, median of {options.rounds} turns")
    print("| who | scenes/s | to one process, turn by turn |\n|---|---:|---:|")
    one = rates["1 process"]
    for name, found in rates.items():
        ratios = [rate / base for rate, base in zip(found, one, strict=True)]
        each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"| {name} | {statistics.median(found):.1f} | {statistics.median(ratios):.2f} ({each}) |")
    print("the bytes are the same" if len(digests) == 1 else "THE BYTES DIFFER")


def _digest(root: Path) -> str:
    """Of all files' names and bytes."""
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(root)}\n".encode() + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    main()
