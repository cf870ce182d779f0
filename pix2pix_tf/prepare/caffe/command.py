"""Define the command `caffe`, which builds a data set from the CaFFe benchmark of calving fronts."""

import argparse
from pathlib import Path

from pix2pix_tf.data import dataset
from pix2pix_tf.prepare.caffe import build, patches
from pix2pix_tf.prepare.caffe.download import download_benchmark
from pix2pix_tf.prepare.commands import Commands, command, next_command
from pix2pix_tf.utils import parallel
from pix2pix_tf.utils.errors import UserError


def add_caffe(commands: Commands) -> None:
    """Add the command to a parser."""
    defaults = build.Settings()
    new = command(
        commands,
        "caffe",
        "cut the CaFFe benchmark into a data set, as its published code does\n\n"
        "681 SAR images of seven glaciers with zones and calving fronts: Gourmelon et al. 2022, Earth System\n"
        "Science Data 14, 4287; data: PANGAEA 940950, CC-BY-4.0, 2.9 GB. See datasets/README.md.",
        "  python -m pix2pix_tf.prepare caffe --download --output datasets/caffe\n"
        "  python -m pix2pix_tf.prepare caffe --raw data_raw --check\n"
        "  python -m pix2pix_tf.prepare caffe --raw data_raw --output datasets/caffe-si --split glacier --hold-out SI\n"
        "  python -m pix2pix_tf.prepare caffe --raw data_raw --output datasets/caffe --workers all\n"
        "  python -m pix2pix_tf.prepare caffe --patches torchgeo/caffe --output datasets/caffe\n"
        "  python -m pix2pix_tf.prepare caffe --raw data_raw --output datasets/caffe --scheduler tcp://host:8786",
    )
    source = new.add_mutually_exclusive_group(required=True)
    source.add_argument("--download", action="store_true", help="download it into <output>_raw, or resume that")
    source.add_argument(
        "--raw", type=Path, metavar="DIR", help="the benchmark on the disk: data_raw, or the folder that holds it"
    )
    source.add_argument(
        "--patches",
        type=Path,
        metavar="DIR",
        help="patches that are cut already, as torchgeo and the benchmark's own script write them; their splits stay",
    )
    new.add_argument("--output", type=Path, metavar="DIR", help="the data set's folder")
    new.add_argument(
        "--split",
        choices=build.DIVIDE_BY,
        default=defaults.split,
        help="how train and val are split: as in the paper (the default), whose val shows the same glaciers as train, "
        "which is data leakage; or by glacier. test is always the benchmark's own: COL and Mapple",
    )
    new.add_argument(
        "--hold-out", nargs="+", default=(), metavar="GLACIER", help="training glaciers that become val (split glacier)"
    )
    new.add_argument("--size", type=int, default=defaults.size, metavar="PIXELS", help="side of a patch (default: 256)")
    parallel.add_options(new)
    new.add_argument("--check", action="store_true", help="only check the benchmark in --raw, and write nothing")
    new.add_argument("--sha256", metavar="HEX", help="expected checksum of the downloaded zip; none is published")
    new.set_defaults(run=run_caffe)


def run_caffe(arguments: argparse.Namespace) -> None:
    """Build the data set that the options describe, or check the benchmark.

    Raises:
      UserError: the options contradict each other; or as `build.prepare`, `build.check` and `download_benchmark` do.
    """
    if arguments.check:
        if not arguments.raw:
            raise UserError("--check reads a benchmark on the disk: use it with --raw.")
        build.check(arguments.raw, arguments.workers, arguments.scheduler)
        return
    if not arguments.output:
        raise UserError("--output DIR is missing: name the folder of the data set.")
    if arguments.patches:
        patches.prepare(arguments.patches, arguments.output, arguments.workers, arguments.scheduler)
        print(next_command("zones", arguments.output, patches.SIZE))
        return
    settings = build.Settings(arguments.size, arguments.split, tuple(sorted(set(arguments.hold_out))))
    raw = arguments.raw or Path(f"{arguments.output.resolve()}_raw")
    if arguments.download:
        if (arguments.output / dataset.FILE).exists() and not raw.exists():
            print(f"{arguments.output} is finished already, and {raw} is no longer needed.")
            return
        download_benchmark(raw, arguments.sha256)
    build.prepare(raw, arguments.output, settings, arguments.workers, arguments.scheduler)
    print(next_command("zones", arguments.output, arguments.size))
