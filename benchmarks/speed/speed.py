"""Training and generation beside the same networks in PyTorch and in plain Keras; the floor under a training step.

Every program has a process of its own, and all take turns, so that a machine whose speed drifts slows all alike.
Images/s are medians; a ratio is the median of the turns' ratios, with the least and the greatest. `make bench-peer`
makes the environment that PyTorch needs; without it, plain Keras is measured alone.
"""

import os
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.turns import Side, ratio, take_turns
from pix2pix_tf.utils import cli, files

EXAMPLES = """\
  python -m benchmarks.speed.speed --output runs/speed.json
  python -m benchmarks.speed.speed --variants orig gen5 spade --peers torch --training 4 --generation 8 --rounds 15
  python -m benchmarks.speed.speed --peers torch torch-compiled --precisions float32 float16 bfloat16 --training 1 16"""

TORCH = Path(".venv-peer/bin/python")
PEERS = ("keras", "torch", "torch-compiled")


@dataclass(frozen=True)
class Case:
    """The work that all programs do."""

    variant: str
    work: str  # "training" or "generation"
    batch: int
    size: int  # of an image, in pixels


def main(argv: list[str]) -> None:
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument("--variants", nargs="+", default=["orig"], choices=["orig", "gen5", "spade", "speckle"])
    parser.add_argument(
        "--training", nargs="*", type=int, default=[1, 4], metavar="BATCH", help="batches to train with"
    )
    parser.add_argument("--generation", nargs="*", type=int, default=[1, 8], metavar="BATCH", help="and to paint")
    parser.add_argument("--sizes", nargs="+", type=int, default=[256], help="pixels a side: 128, 256, 512")
    parser.add_argument("--precisions", nargs="+", default=["float32", "bfloat16"], help="float32 bfloat16 float16")
    parser.add_argument("--peers", nargs="*", choices=PEERS, help="(default: keras, and torch where it is installed)")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each side (default: 9)")
    parser.add_argument("--output", type=Path, help="keep the figures in this JSON file")
    options = parser.parse_args(argv)
    peers = options.peers if options.peers is not None else ["keras", "torch"][: 1 + TORCH.exists()]
    cases = [
        Case(variant, work, batch, size)
        for variant in options.variants
        for work in ("training", "generation")
        for batch in getattr(options, work)
        for size in options.sizes
    ]
    measured = []
    print("| variant | work | batch | pixels | program | precision | images/s | peak MiB | ours is faster by |")
    print("|---|---|---:|---:|---|---|---:|---:|---:|")
    for case in cases:
        # the tutorial's code has neither spatially adaptive normalisation nor styles
        programs = ["ours", *(peer for peer in peers if peer != "keras" or case.variant in ("orig", "gen5"))]
        rows = compare(case, programs, options.precisions, options.rounds)
        measured += rows
        for row in rows:
            times = "" if row["program"] == "ours" else "{:.2f} ({:.2f}-{:.2f})".format(*row["ratio"])
            print(
                f"| {case.variant} | {case.work} | {case.batch} | {case.size} | {row['program']} | {row['precision']} "
                f"| {row['images_per_second']:.2f} | {row['peak_mib']:.0f} | {times} |",
                flush=True,
            )
    if options.output:
        files.write_json(options.output, {"cores": os.cpu_count(), "rows": measured})
        print(f"\nkept in {options.output}")


def compare(case: Case, programs: list[str], precisions: list[str], rounds: int) -> list[dict]:
    """A row for each program and precision; `ratio` is that of our fastest precision to it."""
    names = [(program, precision) for program in programs for precision in precisions]
    sides = {name: start(case, *name) for name in names}
    try:
        turns = take_turns(sides, case.work, rounds)
        peaks = {name: side.ask("memory") for name, side in sides.items()}
    finally:
        for side in sides.values():
            side.close()
    seconds = {name: statistics.median(turn[name] for turn in turns) for name in names}
    ours = min((name for name in names if name[0] == "ours"), key=seconds.__getitem__)
    return [
        vars(case)
        | {"program": name[0], "precision": name[1], "images_per_second": case.batch / seconds[name]}
        | {"peak_mib": peaks[name], "ratio": ratio(turns, ours, name)}
        for name in names
    ]


def start(case: Case, program: str, precision: str) -> Side:
    """A process that waits to be told to train or to paint."""
    what = [case.variant, case.work, str(case.batch), str(case.size), precision]
    if not program.startswith("torch"):
        return Side(sys.executable, "-m", f"benchmarks.speed.peer_{program}", *what)
    return Side(str(TORCH), "-m", "benchmarks.speed.peer_torch", *what, *["compiled"] * (program == "torch-compiled"))


if __name__ == "__main__":
    print(f"{os.cpu_count()} cores")
    sys.exit(cli.run(main))
