"""The options of how files of brightness are read, which `prepare folder` and `fronts` share."""

import argparse

from pix2pix_tf.data import classes
from pix2pix_tf.prepare import radiometry
from pix2pix_tf.prepare.commands import limits, percentiles
from pix2pix_tf.prepare.own_scenes.brightness import Options
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError, did_you_mean


def add_brightness(new: argparse.ArgumentParser) -> None:
    """Add the options to a parser."""
    new.add_argument(
        "--cut",
        nargs="+",
        default=["2", "98"],
        metavar="PERCENTILE",
        help="percentiles that become black and white in data of more than 8 bits, per scene and band (default: 2 98); "
        "none keeps 16 bits",
    )
    new.add_argument(
        "--limits",
        nargs="+",
        default=[],
        metavar="[ROLE] LOW HIGH",
        help="numbers that become black and white in all scenes, instead of the percentiles: -25 0 for SAR, or "
        "sar_vv -25 0 sar_vh -32 -5 elevation 0 2000",
    )
    new.add_argument(
        "--radiometry",
        choices=radiometry.KINDS,
        help="what the numbers of SAR images are; without it, told from each file and printed. Grey is proportional to "
        "amplitude",
    )
    new.add_argument(
        "--nodata",
        metavar="VALUE",
        help="the value of pixels without data, beside those that the files name (write --nodata=-3.4e38); none: no "
        "value, and no border of zeros either",
    )
    new.add_argument(
        "--band",
        nargs="+",
        default=[],
        metavar="ROLE=BAND",
        help="bands of a stack, by number from 1 or by description, such as sar=VV or optical=4,3,2",
    )


def brightness_options(arguments: argparse.Namespace) -> Options:
    """Return the options, checked.

    Raises:
      UserError: one of them is not usable.
    """
    return Options(
        percentiles(arguments.cut),
        limits(arguments.limits) or None,
        _no_data(arguments.nodata),
        arguments.radiometry,
        _bands(arguments.band),
    )


def add_multilook(new: argparse.ArgumentParser) -> None:
    """Add the option to a parser."""
    new.add_argument(
        "--multilook",
        type=int,
        default=1,
        metavar="N",
        help="average squares of N x N pixels, so that a patch of 256 pixels shows more of the glacier, with less "
        "speckle (default: 1)",
    )


def multilook(arguments: argparse.Namespace) -> int | None:
    """Return --multilook, the side of a square in pixels; None where nothing is averaged.

    Raises:
      UserError: it is below 1.
    """
    cli.check_positive("--multilook", arguments.multilook)
    return None if arguments.multilook == 1 else arguments.multilook  # None, as in the records of earlier data sets


def _no_data(word: str | None) -> float | str | None:
    if word in (None, "none"):
        return word
    try:
        return float(word)
    except ValueError:
        raise UserError(f"--nodata {word}: give a number, such as -9999, or none.") from None


def _bands(words: list[str]) -> dict[str, tuple[int | str, ...]] | None:
    found: dict[str, tuple[int | str, ...]] = {}
    for word in words:
        role, _, names = word.partition("=")
        if role not in classes.CHANNELS or role in classes.VALUES:
            raise did_you_mean("role of --band", role, [one for one in classes.CHANNELS if one not in classes.VALUES])
        chosen = [name.strip() for name in names.split(",") if name.strip()]
        if len(chosen) != classes.CHANNELS[role]:
            raise UserError(f"--band {word}: {role} takes {classes.CHANNELS[role]} band(s), such as {role}=1.")
        found[role] = tuple(int(name) if name.isdecimal() else name for name in chosen)
    return found or None
