"""Measures the exports of runs and writes a report: python evaluate.py runs/gen5. An interrupted one goes on.

What paints is measured image by image; what tells zones or fronts scene by scene, down to the front's distance error.
Without a run's name all runs are measured, each kind in a report of its own.
"""

import argparse
import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix_tf.export import best_epoch
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    from pix2pix_tf.evaluation import runs

EXAMPLES = """\
  python evaluate.py                                   # all runs that have an export -> runs/report
  python evaluate.py runs/gen5                         # -> runs/gen5/report
  python evaluate.py runs/orig runs/gen5 --data datasets/caffe --split test --output generated/comparison
  python evaluate.py runs/zones runs/fronts --split test --output runs/report-caffe   # calving fronts, in metres
  python evaluate.py runs/zones --unit pixels --baseline
  python evaluate.py runs/orig runs/gen5 --segmenter runs/zones   # realism and faithfulness as well
  python evaluate.py runs/gen5 --select ssim           # the best epoch, named in runs/gen5/best.json"""

RUNS = Path("runs")
OUTPUTS = (1, 2, 3, 5, 10)  # images painted of an input whose targets are optical; the challenge takes 3


def main(argv: list[str]) -> None:
    """Reads the arguments, finds runs and data, evaluates."""
    options = read_options(argv)

    from pix2pix_tf.evaluation import runs

    found = runs.find_runs(options.runs, RUNS)
    if options.segmenter:
        check_painters(found)
    if options.select:
        check_select(found, named=bool(options.runs))
    alike = [found] if options.runs or options.output else runs.group_by_task(found)
    for together in alike:
        several = f"report-{together[0].task}" if len(alike) > 1 else "report"
        output = options.output or (found[0].folder / "report" if len(found) == 1 else RUNS / several)
        if together[0].is_segmentation:
            judge_fronts(together, output, options)
        elif together[0].task == "clouds":
            judge_clouds(together, output, options)
        else:
            score_images(together, output, options)
        print(f"{output / 'report.html'} has tables and pictures; {output / 'metrics.csv'} the means.")


def read_options(argv: list[str]) -> argparse.Namespace:
    """Reads the arguments and refuses what is out of range."""
    parser = cli.parser(__doc__, EXAMPLES)
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help=f"run folders (default: all in {RUNS}/)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="a data set (default: the runs' own)")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val", help="(default: val)")
    parser.add_argument("--seed", type=int, default=0, help="image i is painted with seed + i (default: 0)")
    parser.add_argument(
        "--outputs",
        type=int,
        nargs="+",
        metavar="N",
        help="images painted of an input, for the error score (default: 1 2 3 5 10 for optical images, else 1)",
    )
    parser.add_argument("--norm", choices=("mae", "rmse"), default="mae", help="of the error score (default: mae)")
    parser.add_argument("--batch-size", type=int, default=8, help="images at a time (default: 8)")
    parser.add_argument(
        "--unit", choices=("metres", "pixels"), default="metres", help="of distances between fronts (default: metres)"
    )
    parser.add_argument(
        "--shortest",
        type=float,
        metavar="LENGTH",
        help="pieces of a front that are at most so long are dropped (default: 750 metres, or 10 pixels)",
    )
    parser.add_argument(
        "--max-cloud",
        type=float,
        metavar="SHARE",
        help="targets that are more cloud than this are left out; 1: none is (default: as the strictest run had it)",
    )
    parser.add_argument(
        "--baseline", action="store_true", help="of zones or fronts: measure the mean training mask as well"
    )
    parser.add_argument(
        "--segmenter",
        type=Path,
        metavar="RUN",
        help="of SAR painted from zones: judge realism and faithfulness by this run of --variant zones, or its export",
    )
    parser.add_argument(
        "--select",
        choices=tuple(best_epoch.METRICS),
        help="name the best epoch of each run that paints, by this mean over the images of val, in its "
        f"{best_epoch.FILE}: --model RUN then takes it",
    )
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help=f"(default: <run>/report, or {RUNS}/report for several runs)"
    )
    options = parser.parse_args(argv)
    if options.batch_size < 1:
        raise UserError(f"--batch-size takes a whole number from 1, not {options.batch_size}.")
    if not 0 <= options.seed < 2**31:
        raise UserError(f"--seed takes a whole number from 0 to {2**31 - 1}, not {options.seed}.")
    if options.outputs and min(options.outputs) < 1:
        raise UserError(f"--outputs takes whole numbers from 1, not {min(options.outputs)}.")
    if options.shortest is not None and not 0 <= options.shortest < math.inf:
        raise UserError(f"--shortest takes a length from 0, not {options.shortest}.")
    if options.select and options.split != "val":
        raise UserError(
            f"--select chooses on val, not on {options.split}: what is chosen on images cannot be judged by them any "
            "more. Leave --split out."
        )
    if options.select == "faithfulness" and not options.segmenter:
        raise UserError("--select faithfulness needs a network that reads zones: add --segmenter runs/zones.")
    if options.max_cloud is not None and not 0 <= options.max_cloud <= 1:
        raise UserError(f"--max-cloud takes a share from 0 to 1, not {options.max_cloud}.")
    return options


def check_painters(found: Sequence["runs.Run"]) -> None:
    """Makes sure that the runs that paint SAR, which --segmenter is to judge, do so from zones."""
    judged = [run for run in found if run.task == "sar"] or found
    other = next((run for run in judged if run.targets != ("sar",) or "zones" not in run.inputs), None)
    if other:
        made = f"{', '.join(other.targets) or 'no images'} from {', '.join(other.inputs)}"
        raise UserError(
            f"--segmenter judges SAR that is painted from zones, and {other.folder} makes {made}. Leave it out, or "
            "name other runs."
        )


def check_select(found: Sequence["runs.Run"], named: bool) -> None:
    """Makes sure that --select has something to choose from; of runs that nobody named, it takes those that paint."""
    for run in found:
        if run.is_segmentation or run.task == "clouds":
            kept = f"{run.folder} paints no images, and has kept its best epoch alone, chosen as it was trained"
            if named:
                raise UserError(f"{kept}: there is nothing to --select. Leave it out, or name runs that paint.")
            print(f"{kept}; --select leaves it as it is")


def score_images(found: Sequence["runs.Run"], output: Path, options: argparse.Namespace) -> None:
    """Measures what paints, image by image."""
    from pix2pix_tf.evaluation import runs
    from pix2pix_tf.evaluation.translation import report

    report.check_output(output)
    dataset = runs.open_data(found, options.data, options.split, options.max_cloud)

    from pix2pix_tf.evaluation import inference  # TensorFlow: some seconds, which no mistake above has to wait for
    from pix2pix_tf.evaluation.translation import evaluation

    outputs = tuple(sorted(set(options.outputs or (OUTPUTS if "optical" in found[0].targets else (1,)))))
    segmenter = options.segmenter if found[0].task == "sar" else None
    if options.select == "faithfulness" and not segmenter:
        raise UserError(f"--select faithfulness is for SAR painted from zones; {found[0].folder} paints other images.")
    setting = inference.Setting(
        dataset, options.split, options.seed, options.batch_size, outputs, options.norm, segmenter
    )
    more = ["--seed", options.seed, "--outputs", *outputs, "--norm", options.norm]
    more += ["--segmenter", segmenter] if segmenter else []
    more += ["--select", options.select] if options.select else []
    command = _command(found, dataset.root, output, options, more)
    evaluation.evaluate(found, setting, output, command, options.select)


def judge_fronts(found: Sequence["runs.Run"], output: Path, options: argparse.Namespace) -> None:
    """Measures what tells zones or fronts, scene by scene."""
    from pix2pix_tf.evaluation import runs
    from pix2pix_tf.evaluation.segmentation import report as segmentation_report
    from pix2pix_tf.evaluation.translation import report

    report.check_output(output, segmentation_report.COLUMNS, segmentation_report.FOLDERS)
    dataset = runs.open_data(found, options.data, options.split, options.max_cloud)

    from pix2pix_tf.evaluation.segmentation import evaluation as segmentation_evaluation  # TensorFlow, as above

    shortest = segmentation_report.SHORTEST[options.unit] if options.shortest is None else options.shortest
    setting = segmentation_evaluation.Setting(dataset, options.split, options.batch_size, options.unit, shortest)
    more = ["--unit", options.unit, "--shortest", f"{shortest:g}", *["--baseline"] * options.baseline]
    command = _command(found, dataset.root, output, options, more)
    segmentation_evaluation.evaluate(found, setting, output, command, options.baseline)


def judge_clouds(found: Sequence["runs.Run"], output: Path, options: argparse.Namespace) -> None:
    """Measures what tells cloudy patches from clear ones."""
    from pix2pix_tf.evaluation import runs
    from pix2pix_tf.evaluation.translation import report

    report.check_output(output, ("run", "variant", "epoch", "accuracy"), ())
    dataset = runs.open_data(found, options.data, options.split, options.max_cloud)

    from pix2pix_tf.evaluation import classification  # TensorFlow, as above

    setting = classification.Setting(dataset, options.split, options.batch_size)
    classification.evaluate(found, setting, output, _command(found, dataset.root, output, options, ()))


def _command(
    found: Sequence["runs.Run"], data: Path, output: Path, options: argparse.Namespace, more: Sequence[object]
) -> str:
    """The command line that measures the same again, for the report."""
    arguments = [*(run.folder for run in found), "--data", data, "--split", options.split]
    clouds = [] if options.max_cloud is None else ["--max-cloud", options.max_cloud]
    arguments += ["--batch-size", options.batch_size, *clouds, *more, "--output", output]
    return shlex.join(["python", "evaluate.py", *map(str, arguments)])


if __name__ == "__main__":
    sys.exit(cli.run(main))
