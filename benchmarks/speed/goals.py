"""Goals of speed and memory beside the measurements of one `make bench`.

Beside PyTorch each side counts in its best precision. A figure that was not measured is left open.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pix2pix_tf.utils import cli

EXAMPLES = """\
  python -m benchmarks.speed.goals runs/bench"""


@dataclass(frozen=True)
class Goal:
    """A figure, and how it is told."""

    what: str
    wanted: str
    reached: Callable[[float], bool]
    measured: float | None
    told: str


def main(argv: list[str]) -> None:
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument("folder", type=Path, help="of speed.json, floor.json, start.json and epochs.json")
    folder = parser.parse_args(argv).folder
    print("| | wanted | measured | reached |\n|---|---:|---:|---|")
    for goal in [*of_speed(folder), *of_others(folder)]:
        if goal.measured is None:
            print(f"| {goal.what} | {goal.wanted} | not measured | |")
        else:
            reached = "yes" if goal.reached(goal.measured) else "**no**"
            print(f"| {goal.what} | {goal.wanted} | {goal.told.format(goal.measured)} | {reached} |")


def of_speed(folder: Path) -> Iterator[Goal]:
    """Of benchmarks.speed.speed, which sets the networks of `orig` beside the same in PyTorch."""
    rows = [row for row in read(folder, "speed.json") if row["variant"] == "orig" and row["size"] == 256]
    for work, batches in (("training", (1, 4)), ("generation", (1, 8))):
        for batch in batches:
            peers = [r for r in rows if (r["work"], r["batch"], r["program"]) == (work, batch, "torch")]
            measured = fastest(peers)["ratio"][0] if peers else None
            yield Goal(
                f"{work}, batch {batch}, against PyTorch", "at least 1.3", lambda r: r >= 1.3, measured, "{:.2f}"
            )
    training = [row for row in rows if row["work"] == "training" and row["batch"] == 1]
    sides = [[row for row in training if row["program"] == program] for program in ("ours", "torch")]
    measured = fastest(sides[0])["peak_mib"] / fastest(sides[1])["peak_mib"] if all(sides) else None
    yield Goal("peak memory of training, batch 1, against PyTorch", "at most 1", lambda r: r <= 1, measured, "{:.2f}")


def of_others(folder: Path) -> Iterator[Goal]:
    """Of benchmarks.speed.floor, start and epochs."""
    wanted = ("orig", "float32", 4)
    floors = [r for r in read(folder, "floor.json") if (r["variant"], r["precision"], r["batch"]) == wanted]
    ratio = floors[0]["ratio"][0] if floors else None
    what = "training, batch 4, float32, against its bare convolutions"
    yield Goal(what, "at most 1.25", lambda r: r <= 1.25, ratio, "{:.2f}")
    starts = [row["seconds"] for row in read(folder, "start.json")]
    yield Goal("`train.py` to its first step", "under 12 s", lambda s: s < 12, min(starts, default=None), "{:.1f} s")
    shares = [row["share"] for row in read(folder, "epochs.json")]
    what = "all but the steps, of ten epochs with an export"
    yield Goal(what, "under 3 %", lambda s: s < 0.03, min(shares, default=None), "{:.1%}")


def fastest(rows: list[dict]) -> dict:
    """The row of the best precision."""
    return max(rows, key=lambda row: row["images_per_second"])


def read(folder: Path, name: str) -> list[dict]:
    """The rows of a benchmark's file; none where it was not run."""
    path = folder / name
    return json.loads(path.read_text())["rows"] if path.exists() else []


if __name__ == "__main__":
    sys.exit(cli.run(main))
