"""Define the command `multiearth`, which builds a SAR-to-optical data set from Sentinel-1 and Sentinel-2 files."""

import argparse
from pathlib import Path

from pix2pix_tf.prepare.commands import Commands, command, limits, next_command, percentiles
from pix2pix_tf.prepare.multiearth import build, files


def add_multiearth(commands: Commands) -> None:
    """Add the command to a parser."""
    defaults = build.Settings()
    new = command(
        commands,
        "multiearth",
        "pair Sentinel-1 with Sentinel-2 files, as of the MultiEarth challenge\n\n"
        "--input holds TIFFs of one band each, also in subfolders, named\n"
        f"{files.RULE}:\n"
        "VV and VH become the inputs sar_vv and sar_vh, and B4, B3, B2 the target optical. A target's input is the\n"
        "SAR image of its place that is nearest in time. See datasets/README.md.",
        "  python -m pix2pix_tf.prepare multiearth --input my_tiffs --output datasets/multiearth\n"
        "  python -m pix2pix_tf.prepare multiearth --input my_tiffs --output datasets/me16 --days 3 --depth 16\n"
        "  python -m pix2pix_tf.prepare multiearth --input my_tiffs --output datasets/fixed"
        " --limits sar_vv -25 0 sar_vh -32 -5 optical 0 3000",
    )
    new.add_argument("--input", type=Path, required=True, metavar="DIR", help="the folder with the TIFFs")
    new.add_argument("--output", type=Path, required=True, metavar="DIR", help="the data set's folder")
    new.add_argument(
        "--days", type=int, default=defaults.days, metavar="N", help="most days between target and input (default: 7)"
    )
    new.add_argument("--size", type=int, default=defaults.size, metavar="PIXELS", help="side of a patch (default: 256)")
    new.add_argument(
        "--cut",
        nargs="+",
        default=["2", "98"],
        metavar="PERCENTILE",
        help="percentiles that become black and white, per picture and band (default: 2 98); none keeps integers",
    )
    new.add_argument(
        "--limits",
        nargs="+",
        default=[],
        metavar="ROLE LOW HIGH",
        help="raw values that become black and white in all pictures of a role, instead of the cut",
    )
    new.add_argument(
        "--depth", type=int, choices=(8, 16), default=defaults.depth, help="bits of stretched images (default: 8)"
    )
    new.add_argument(
        "--split",
        choices=build.DIVIDE_BY,
        default=defaults.split,
        help="unit that stays in one split: all pictures of a place (the default), or a patch of a SAR image with its "
        "targets (random), which is data leakage: neighbours and other days are in the other split",
    )
    new.add_argument("--val", type=float, default=defaults.val, metavar="SHARE", help="validation share (default: 0.1)")
    new.add_argument(
        "--seed", type=int, default=defaults.seed, metavar="N", help="another seed, another split (default: 0)"
    )
    new.set_defaults(run=run_multiearth)


def run_multiearth(arguments: argparse.Namespace) -> None:
    """Build the data set that the options describe."""
    settings = build.Settings(
        days=arguments.days,
        size=arguments.size,
        cut=percentiles(arguments.cut),
        limits=limits(arguments.limits),
        depth=arguments.depth,
        split=arguments.split,
        val=arguments.val,
        seed=arguments.seed,
    )
    build.prepare(arguments.input, arguments.output, settings)
    print(next_command("sar2optical", arguments.output, arguments.size))
