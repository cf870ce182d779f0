"""The command `caffe`: a data set from the CaFFe benchmark of glaciers and their calving fronts."""

import argparse
from pathlib import Path

from pix2pix_tf.data import dataset
from pix2pix_tf.prepare.caffe import build
from pix2pix_tf.prepare.caffe import source as caffe_source
from pix2pix_tf.prepare.commands import Commands, command, next_command
from pix2pix_tf.utils import parallel
from pix2pix_tf.utils.errors import UserError


def add_caffe(commands: Commands) -> None:
    """Adds the command that makes a data set from the benchmark."""
    defaults = build.Settings()
    new = command(
        commands,
        "caffe",
        "cuts the CaFFe benchmark into a data set, as its published code does\n\n"
        "681 SAR images of seven glaciers with zones and calving fronts: Gourmelon et al. 2022, Earth System\n"
        "Science Data 14, 4287; data: PANGAEA 940950, CC-BY-4.0, 2.9 GB. datasets/README.md tells the rest.",
        "  python -m pix2pix_tf.prepare caffe --download --output datasets/caffe\n"
        "  python -m pix2pix_tf.prepare caffe --raw data_raw --check\n"
        "  python -m pix2pix_tf.prepare caffe --raw data_raw --output datasets/caffe-si --split glacier --hold-out SI\n"
        "  python -m pix2pix_tf.prepare caffe --raw data_raw --output datasets/caffe --workers all\n"
        "  python -m pix2pix_tf.prepare caffe --raw data_raw --output datasets/caffe --scheduler tcp://host:8786",
    )
    source = new.add_mutually_exclusive_group(required=True)
    source.add_argument("--download", action="store_true", help="fetch it into <output>_raw, or go on with that")
    source.add_argument("--raw", type=Path, metavar="DIR", help="it lies here: data_raw, or the folder that holds it")
    new.add_argument("--output", type=Path, metavar="DIR", help="the data set's folder")
    new.add_argument(
        "--split",
        choices=build.DIVIDE_BY,
        default=defaults.split,
        help="how train and val are divided: as in the paper (the default), whose val shows the same glaciers as "
        "train, so that its results are too good; or by glacier. test is always the benchmark's own: COL and Mapple",
    )
    new.add_argument(
        "--hold-out", nargs="+", default=(), metavar="GLACIER", help="training glaciers that become val (split glacier)"
    )
    new.add_argument("--size", type=int, default=defaults.size, metavar="PIXELS", help="of a patch (default: 256)")
    parallel.add_options(new)
    new.add_argument("--check", action="store_true", help="only check that the benchmark in --raw is whole and good")
    new.add_argument("--sha256", metavar="HEX", help="what the downloaded zip must have; none is published")
    new.set_defaults(run=run_caffe)


def run_caffe(arguments: argparse.Namespace) -> None:
    """From options to a data set of the benchmark, or to its check.

    Raises:
      UserError: options that do not go together; and see `caffe.prepare`, `caffe.check` and `caffe_raw.download`.
    """
    if arguments.check:
        if arguments.download:
            raise UserError("--check looks at what is on the disk: give it with --raw.")
        build.check(arguments.raw, arguments.workers, arguments.scheduler)
        return
    if not arguments.output:
        raise UserError("--output DIR is missing: where shall the data set go?")
    settings = build.Settings(arguments.size, arguments.split, tuple(sorted(set(arguments.hold_out))))
    raw = arguments.raw or Path(f"{arguments.output.resolve()}_raw")
    if arguments.download:
        if (arguments.output / dataset.FILE).exists() and not raw.exists():
            print(f"{arguments.output} is finished already, and {raw} is no longer needed.")
            return
        caffe_source.download(raw, arguments.sha256)
    build.prepare(raw, arguments.output, settings, arguments.workers, arguments.scheduler)
    print(next_command("zones", arguments.output))
