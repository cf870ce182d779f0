"""Evaluate the exports of runs and write a report. The same command again resumes an interrupted evaluation.

Generated images are scored one by one. Zones and fronts are scored scene by scene, including the distance error of the
fronts. Without the name of a run, all runs are evaluated, with one report for each task.
"""

import argparse
import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pix2pix_tf.export import best_epoch
from pix2pix_tf.fronts.postprocessing import MIN_LENGTH
from pix2pix_tf.utils import cli, files
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    from pix2pix_tf.evaluation import runs

PROG = "python evaluate.py"
EXAMPLES = """\
  python evaluate.py                                   # all runs that have an export -> runs/report
  python evaluate.py runs/gen5                         # -> runs/gen5/report
  python evaluate.py runs/orig runs/gen5 --data datasets/caffe --split test --output generated/comparison
  python evaluate.py runs/zones runs/fronts --split test --output runs/report-caffe   # calving fronts, in metres
  python evaluate.py runs/zones --unit pixels --baseline
  python evaluate.py runs/orig runs/gen5 --segmenter runs/zones   # realism and faithfulness as well
  python evaluate.py runs/orig --segmenter runs/zones --masks datasets/fjords   # on masks without real images too
  python evaluate.py runs/gen5 --select ssim           # the best epoch, named in runs/gen5/best.json
  python evaluate.py pretrained/zones --data datasets/mine        # an export alone -> runs/report-export-zones"""

RUNS = Path("runs")
OUTPUTS = (1, 2, 3, 5, 10)  # images generated from an input whose targets are optical; the challenge takes 3


def main(argv: list[str]) -> None:
    """Read the arguments, find runs and data, evaluate."""
    options = read_options(argv)

    from pix2pix_tf.evaluation import runs

    found = runs.find_runs(options.runs, RUNS)
    if options.segmenter:
        check_segmenter(found)
    if options.masks:
        runs.find_masks(options.masks)
    if options.select:
        check_select(found, named=bool(options.runs))
    groups = [found] if options.runs or options.output else runs.group_by_task(found)
    for group in groups:
        several = f"report-{group[0].task}" if len(groups) > 1 else "report"
        output = options.output or (default_folder(found[0]) if len(found) == 1 else RUNS / several)
        if group[0].is_segmentation:
            evaluate_segmentation(group, output, options)
        elif group[0].task == "clouds":
            evaluate_classification(group, output, options)
        else:
            evaluate_images(group, output, options)
        print(f"{output / 'report.html'} has tables and pictures, {output / 'metrics.csv'} the means.")


def read_options(argv: list[str]) -> argparse.Namespace:
    """Read the arguments.

    Raises:
      UserError: a value is out of range, or options contradict each other.
    """
    options = _parser().parse_args(argv)
    _check(options)
    return options


def _parser() -> argparse.ArgumentParser:
    parser = cli.parser(__doc__ or "", EXAMPLES, PROG)
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN", help=f"runs, or exports (default: all in {RUNS}/)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="a data set (default: the runs' own; exports need it)")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val", help="(default: val)")
    parser.add_argument("--seed", type=int, default=0, help="image i is generated with seed + i (default: 0)")
    parser.add_argument(
        "--outputs",
        type=int,
        nargs="+",
        metavar="N",
        help="images generated from an input, for the error score (default: 1 2 3 5 10 for optical images, else 1)",
    )
    parser.add_argument("--norm", choices=("mae", "rmse"), default="mae", help="of the error score (default: mae)")
    parser.add_argument("--batch-size", type=int, default=8, help="images at a time (default: 8)")
    parser.add_argument(
        "--unit",
        choices=("metres", "pixels"),
        default="metres",
        help="of distances between fronts (default: metres)",
    )
    parser.add_argument(
        "--min-length",
        type=float,
        metavar="LENGTH",
        help="drop components of a front of at most this length (default: "
        f"{MIN_LENGTH['metres']:g} metres, or {MIN_LENGTH['pixels']:g} pixels)",
    )
    parser.add_argument("--shortest", type=float, dest="min_length", help=argparse.SUPPRESS)  # its name before
    parser.add_argument(
        "--max-cloud",
        type=float,
        metavar="SHARE",
        help="leave out targets with a larger cloud fraction; 1: keep all (default: as in the strictest run)",
    )
    parser.add_argument(
        "--baseline", action="store_true", help="for zones and fronts: score the mean training mask as well"
    )
    parser.add_argument(
        "--segmenter",
        type=Path,
        metavar="RUN",
        help="score realism and faithfulness of SAR generated from zones, by a run of --variant zones or its export",
    )
    parser.add_argument(
        "--masks",
        type=Path,
        metavar="DIR",
        help="with --segmenter: score images of these masks too, such as a data set of prepare masks; they need no "
        "real images",
    )
    parser.add_argument(
        "--select",
        choices=tuple(best_epoch.METRICS),
        help="choose the best epoch of each generator by this mean over the images of val, and write it to the run's "
        f"{best_epoch.FILE}: --model RUN then uses it",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help=f"(default: <run>/report; {RUNS}/report for several runs, {RUNS}/report-export-<name> for an export)",
    )
    return parser


def _check(options: argparse.Namespace) -> None:
    """Raise UserError for values out of range, and for options that contradict each other."""
    cli.check_positive("--batch-size", options.batch_size)
    if not 0 <= options.seed < 2**31:
        raise UserError(f"--seed takes a whole number from 0 to {2**31 - 1}, not {options.seed}.")
    for count in options.outputs or ():
        cli.check_positive("--outputs", count)
    if options.min_length is not None and not 0 <= options.min_length < math.inf:
        raise UserError(f"--min-length takes a length from 0, not {options.min_length}.")
    if options.select and options.split != "val":
        raise UserError(
            f"--select chooses on val, not on {options.split}: scores on images that chose the epoch are biased. "
            "Leave --split out."
        )
    if options.select == "faithfulness" and not options.segmenter:
        raise UserError("--select faithfulness needs a segmentation network: add --segmenter runs/zones.")
    if options.masks and not options.segmenter:
        raise UserError("--masks needs a segmentation network to score their images: add --segmenter runs/zones.")
    if options.max_cloud is not None and not 0 <= options.max_cloud <= 1:
        raise UserError(f"--max-cloud takes a share from 0 to 1, not {options.max_cloud}.")


def default_folder(run: "runs.Run") -> Path:
    """Return the folder of a single run's report: in the run, or beside the runs for an export alone."""
    return RUNS / f"report-export-{run.name}" if run.data is None else run.folder / "report"


def check_segmenter(found: Sequence["runs.Run"]) -> None:
    """Refuse --segmenter for runs that do not generate SAR from zones."""
    scored = [run for run in found if run.task == "sar"] or found
    other = next((run for run in scored if run.targets != ("sar",) or "zones" not in run.inputs), None)
    if other:
        generated = f"{', '.join(other.targets) or 'no images'} from {', '.join(other.inputs)}"
        raise UserError(
            f"--segmenter scores SAR generated from zones, but {other.folder} generates {generated}. Leave it out, or "
            "name other runs."
        )


def check_select(found: Sequence["runs.Run"], named: bool) -> None:
    """Refuse --select for named runs that are no generators; of all runs, it applies to the generators alone."""
    for run in found:
        if run.is_segmentation or run.task == "clouds":
            kept = f"{run.folder} generates no images, and its training has already chosen its best epoch"
            if named:
                raise UserError(f"{kept}: there is nothing to --select. Leave it out, or name generators.")
            print(f"{kept}; --select leaves it unchanged")
        elif run.data is None:
            raise UserError(f"--select writes the best epoch into a run, and {run.folder} is an export. Leave it out.")


def evaluate_images(found: Sequence["runs.Run"], output: Path, options: argparse.Namespace) -> None:
    """Score generated images one by one."""
    from pix2pix_tf.evaluation import runs
    from pix2pix_tf.evaluation.translation import report

    report.check_output(output)
    dataset = runs.open_data(found, options.data, options.split, options.max_cloud)
    segmenter = options.segmenter if found[0].task == "sar" else None
    further = runs.open_masks(found, options.masks, dataset) if options.masks and segmenter else None

    from pix2pix_tf.evaluation import inference  # imports TensorFlow: seconds, after all checks
    from pix2pix_tf.evaluation.translation import evaluation

    outputs = tuple(sorted(set(options.outputs or (OUTPUTS if "optical" in found[0].targets else (1,)))))
    if options.select == "faithfulness" and not segmenter:
        raise UserError(f"--select faithfulness is for SAR generated from zones, not for {found[0].folder}.")
    masks = inference.Setting(*further, options.seed, options.batch_size) if further else None
    setting = inference.Setting(
        dataset, options.split, options.seed, options.batch_size, outputs, options.norm, segmenter, masks
    )
    more = ["--seed", options.seed, "--outputs", *outputs, "--norm", options.norm]
    more += ["--segmenter", segmenter] if segmenter else []
    more += ["--masks", options.masks] if masks else []
    more += ["--select", options.select] if options.select else []
    command = _command(found, dataset.root, output, options, more)
    with files.lock(output):
        evaluation.evaluate(found, setting, output, command, options.select)


def evaluate_segmentation(found: Sequence["runs.Run"], output: Path, options: argparse.Namespace) -> None:
    """Score predicted zones or fronts scene by scene."""
    from pix2pix_tf.evaluation import runs
    from pix2pix_tf.evaluation.segmentation import report as segmentation_report
    from pix2pix_tf.evaluation.translation import report

    report.check_output(output, segmentation_report.COLUMNS, segmentation_report.FOLDERS)
    dataset = runs.open_data(found, options.data, options.split, options.max_cloud)

    from pix2pix_tf.evaluation.segmentation import evaluation as segmentation_evaluation  # TensorFlow, as above

    min_length = MIN_LENGTH[options.unit] if options.min_length is None else options.min_length
    setting = segmentation_evaluation.Setting(dataset, options.split, options.batch_size, options.unit, min_length)
    more = ["--unit", options.unit, "--min-length", f"{min_length:g}", *["--baseline"] * options.baseline]
    command = _command(found, dataset.root, output, options, more)
    with files.lock(output):
        segmentation_evaluation.evaluate(found, setting, output, command, options.baseline)


def evaluate_classification(found: Sequence["runs.Run"], output: Path, options: argparse.Namespace) -> None:
    """Score the classification of patches as cloudy or clear."""
    from pix2pix_tf.evaluation import runs
    from pix2pix_tf.evaluation.translation import report

    report.check_output(output, ("run", "variant", "epoch", "accuracy"), ())
    dataset = runs.open_data(found, options.data, options.split, options.max_cloud)

    from pix2pix_tf.evaluation import classification  # TensorFlow, as above

    setting = classification.Setting(dataset, options.split, options.batch_size)
    command = _command(found, dataset.root, output, options, ())
    with files.lock(output):
        classification.evaluate(found, setting, output, command)


def _command(
    found: Sequence["runs.Run"], data: Path, output: Path, options: argparse.Namespace, more: Sequence[object]
) -> str:
    """Return the command line that repeats the evaluation, for the report."""
    arguments = [*(run.folder for run in found), "--data", data, "--split", options.split]
    clouds = [] if options.max_cloud is None else ["--max-cloud", options.max_cloud]
    arguments += ["--batch-size", options.batch_size, *clouds, *more, "--output", output]
    return f"{cli.as_typed(PROG)} {shlex.join(map(str, arguments))}"
