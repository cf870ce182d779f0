"""The command `multiearth`: a data set for SAR-to-optical from Sentinel-1 and Sentinel-2 files."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from pix2pix_tf.prepare.commands import Commands, command, next_command, percentiles
from pix2pix_tf.prepare.multiearth import build, files, survey
from pix2pix_tf.prepare.stretch import Limits
from pix2pix_tf.utils.errors import UserError


def add_multiearth(commands: Commands) -> None:
    """Adds the command that makes a data set from MultiEarth files."""
    defaults = survey.Settings()
    new = command(
        commands,
        "multiearth",
        "pairs Sentinel-1 with Sentinel-2 files, as of the MultiEarth challenge\n\n"
        "--input holds TIFFs of one band each, in any folders within, named\n"
        f"{files.RULE}:\n"
        "VV and VH become the inputs sar_vv and sar_vh, and B4, B3, B2 the target optical. A target's input is the\n"
        "SAR image of its place that is nearest in time. datasets/README.md tells the rest.",
        "  python -m pix2pix_tf.prepare multiearth --input my_tiffs --output datasets/multiearth\n"
        "  python -m pix2pix_tf.prepare multiearth --input my_tiffs --output datasets/me16 --days 3 --depth 16\n"
        "  python -m pix2pix_tf.prepare multiearth --input my_tiffs --output datasets/fixed"
        " --limits sar_vv -25 0 sar_vh -32 -5 optical 0 3000",
    )
    new.add_argument("--input", type=Path, required=True, metavar="DIR", help="the folder with the TIFFs")
    new.add_argument("--output", type=Path, required=True, metavar="DIR", help="the data set's folder")
    new.add_argument(
        "--days", type=int, default=defaults.days, metavar="N", help="between target and input, at most (default: 7)"
    )
    new.add_argument("--size", type=int, default=defaults.size, metavar="PIXELS", help="of a patch (default: 256)")
    new.add_argument(
        "--cut",
        nargs="+",
        default=["2", "98"],
        metavar="PERCENTILE",
        help="what becomes black and white, per picture and band (default: 2 98); none keeps integers as they are",
    )
    new.add_argument(
        "--limits",
        nargs="+",
        default=[],
        metavar="ROLE LOW HIGH",
        help="raw values that become black and white in all pictures of a role, in place of the cut",
    )
    new.add_argument(
        "--depth", type=int, choices=(8, 16), default=defaults.depth, help="bits of what is stretched (default: 8)"
    )
    new.add_argument(
        "--split",
        choices=survey.DIVIDE_BY,
        default=defaults.split,
        help="what stays on one side of train and val: all pictures of a place (the default), or a patch of a SAR "
        "image with its targets (random), whose neighbours and other days leak into val: results on it are too good",
    )
    new.add_argument("--val", type=float, default=defaults.val, metavar="SHARE", help="validation share (default: 0.1)")
    new.add_argument(
        "--seed", type=int, default=defaults.seed, metavar="N", help="another seed, another split (default: 0)"
    )
    new.set_defaults(run=run_multiearth)


def run_multiearth(arguments: argparse.Namespace) -> None:
    """From options to a data set of SAR images and their optical targets."""
    settings = survey.Settings(
        days=arguments.days,
        size=arguments.size,
        cut=percentiles(arguments.cut),
        limits=_limits(arguments.limits),
        depth=arguments.depth,
        split=arguments.split,
        val=arguments.val,
        seed=arguments.seed,
    )
    build.prepare(arguments.input, arguments.output, settings)
    print(next_command("sar2optical", arguments.output))


def _limits(words: Sequence[str]) -> dict[str, Limits]:
    try:
        triples = zip(words[::3], words[1::3], words[2::3], strict=True)
        return {role: (float(low), float(high)) for role, low, high in triples}
    except ValueError:
        raise UserError(
            f"--limits {' '.join(words)}: give a role and two numbers, and so on, such as --limits sar_vv -25 0."
        ) from None
