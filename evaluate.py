"""Measures the exports of runs and writes a report: python evaluate.py runs/gen5. An interrupted one goes on."""

import shlex
import sys
from pathlib import Path

from pix2pix_tf import cli
from pix2pix_tf.errors import UserError

EXAMPLES = """\
  python evaluate.py                                   # all runs that have an export -> runs/report
  python evaluate.py runs/gen5                         # -> runs/gen5/report
  python evaluate.py runs/orig runs/gen5 --data datasets/caffe --split test --output generated/comparison"""

RUNS = Path("runs")


def main(argv: list[str]) -> None:
    """Reads the arguments, finds runs and data, evaluates."""
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help=f"run folders (default: all in {RUNS}/)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="a data set (default: the runs' own)")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val", help="(default: val)")
    parser.add_argument("--seed", type=int, default=0, help="image i is painted with seed + i (default: 0)")
    parser.add_argument("--batch-size", type=int, default=8, help="images painted at a time (default: 8)")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help=f"(default: <run>/report, or {RUNS}/report for several)"
    )
    options = parser.parse_args(argv)
    if options.batch_size < 1:
        raise UserError(f"--batch-size takes a whole number from 1, not {options.batch_size}.")
    if not 0 <= options.seed < 2**31:
        raise UserError(f"--seed takes a whole number from 0 to {2**31 - 1}, not {options.seed}.")

    from pix2pix_tf import report, runs

    found = runs.find_runs(options.runs, RUNS)
    output = options.output or (found[0].folder if len(found) == 1 else RUNS) / "report"
    report.check_output(output)
    dataset = runs.open_data(found, options.data, options.split)

    from pix2pix_tf import evaluation  # TensorFlow: some seconds, which no mistake above has to wait for

    setting = evaluation.Setting(dataset, options.split, options.seed, options.batch_size)
    arguments = [*(run.folder for run in found), "--data", dataset.root, "--split", options.split]
    arguments += ["--seed", options.seed, "--batch-size", options.batch_size, "--output", output]
    evaluation.evaluate(found, setting, output, shlex.join(["python", "evaluate.py", *map(str, arguments)]))
    print(f"{output / 'report.md'} has curves, table and pictures; {output / 'metrics.csv'} the means.")


if __name__ == "__main__":
    sys.exit(cli.run(main))
