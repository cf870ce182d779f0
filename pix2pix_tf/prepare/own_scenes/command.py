"""Define the command `folder`, which builds a data set from the user's own scenes."""

import argparse
from pathlib import Path

from pix2pix_tf.data import classes, dataset
from pix2pix_tf.data.io import mask_drawings, vector_masks
from pix2pix_tf.prepare.commands import Commands, command, next_command
from pix2pix_tf.prepare.own_scenes import build, reading, survey
from pix2pix_tf.utils.errors import UserError


def add_folder(commands: Commands) -> None:
    """Add the command to a parser."""
    defaults = survey.Settings()
    new = command(
        commands,
        "folder",
        "cut your own scenes and masks into a data set\n\n"
        f"--input holds one folder per role ({', '.join(classes.CHANNELS)})\n"
        "with the same file names in each: PNG, TIFF, or JPEG where there are no classes. Names such as\n"
        "DBE_2004-10-07_RSAT_12_4_282 (glacier, date, sensor, metres per pixel, quality, orbit) give those\n"
        "metadata. See datasets/README.md.",
        "  python -m pix2pix_tf.prepare folder --input my_scenes --output datasets/mine --split scene\n"
        "  python -m pix2pix_tf.prepare folder --input my_scenes --output datasets/mine --split glacier --hold-out SI\n"
        "  python -m pix2pix_tf.prepare folder --input my_scenes --output datasets/mine --split scene --as-drawn\n"
        "  python -m pix2pix_tf.prepare folder --input gis --output datasets/gis --classes 1=rock 2=glacier 3=ocean\n"
        "  python -m pix2pix_tf.prepare folder --input sar_only --output datasets/gis --zones zones.gpkg\n"
        "  python -m pix2pix_tf.prepare folder --input facades --output datasets/ab --side-by-side zones sar",
    )
    new.add_argument("--input", type=Path, required=True, metavar="DIR", help="the folder with your scenes")
    new.add_argument("--output", type=Path, required=True, metavar="DIR", help="the data set's folder")
    new.add_argument("--size", type=int, default=defaults.size, metavar="PIXELS", help="side of a patch (default: 256)")
    new.add_argument(
        "--overlap", type=int, default=0, metavar="PIXELS", help="that neighbouring patches share (default: 0)"
    )
    _add_split(new, defaults)
    reading.add_multilook(new)
    reading.add_brightness(new)
    new.add_argument(
        "--align", action="store_true", help="resample masks on another grid to their SAR image, by the nearest pixel"
    )
    _add_masks(new)
    new.set_defaults(run=run_folder)


def _add_split(new: argparse.ArgumentParser, defaults: survey.Settings) -> None:
    """Add the options that divide the patches."""
    new.add_argument(
        "--split",
        choices=survey.DIVIDE_BY,
        default=defaults.split,
        help="unit that stays in one split: single patches (random, the default), whole scenes, or whole glaciers. "
        "Patches of one scene, and scenes of one place, are near-duplicates, so random causes data leakage. Only "
        "glacier measures how a model does on an unknown glacier",
    )
    new.add_argument("--val", type=float, default=defaults.val, metavar="SHARE", help="validation share (default: 0.1)")
    new.add_argument(
        "--hold-out",
        nargs="+",
        default=(),
        metavar="GLACIER",
        help="glaciers that become the split test, with any --split",
    )
    new.add_argument(
        "--seed", type=int, default=defaults.seed, metavar="N", help="another seed, another split (default: 0)"
    )


def _add_masks(new: argparse.ArgumentParser) -> None:
    """Add the options that say how masks are given."""
    new.add_argument(
        "--side-by-side",
        nargs="*",
        metavar="ROLE",
        help="--input holds images A|B of twice the width, directly or in train/, val/, test/ (these splits are kept); "
        "the roles of the left and the right half (default: zones sar)",
    )
    new.add_argument(
        "--as-drawn",
        action="store_true",
        help="the zones are drawings: PNGs as a paint program saves them, in the display colours or with soft rims",
    )
    new.add_argument(
        "--tolerance",
        type=int,
        metavar="GREY",
        help=f"how far a drawn pixel may be from its class in each channel (default: {mask_drawings.TOLERANCE} of 255)",
    )
    new.add_argument(
        "--classes",
        nargs="+",
        metavar="VALUE=CLASS",
        help="meaning of all zone values, where they are not 0, 64, 127, 254, such as 0=na 1=rock 2=glacier 3=ocean "
        "(na: not available)",
    )
    new.add_argument(
        "--zones",
        type=Path,
        metavar="FILE",
        help="polygons of the zones of all scenes, as GeoPackage, GeoJSON or Shapefile in any CRS, drawn into the grid "
        "of each SAR image; a field `scene` with scenes' names tells dates apart. zones/ may hold a file for each "
        "scene, too",
    )
    new.add_argument(
        "--zone-field",
        metavar="FIELD",
        help="of polygons, the field with the class: na, rock, glacier, ocean, or a number (default: class)",
    )
    new.add_argument("--fronts", type=Path, metavar="FILE", help="lines of the fronts of all scenes, likewise")
    new.add_argument(
        "--add-fronts",
        action="store_true",
        help="add the role fronts, where ocean meets glacier in the zones; evaluate.py measures fronts by it",
    )


def run_folder(arguments: argparse.Namespace) -> None:
    """Build the data set that the options describe."""
    brightness = reading.brightness_options(arguments)
    settings = survey.Settings(
        size=arguments.size,
        overlap=arguments.overlap,
        split=arguments.split,
        val=arguments.val,
        hold_out=tuple(sorted(set(arguments.hold_out))),
        seed=arguments.seed,
        cut=brightness.cut,
        side_by_side=None if arguments.side_by_side is None else _halves(arguments.side_by_side),
        tolerance=_tolerance(arguments),
        classes=_classes(arguments),
        fronts=arguments.add_fronts or None,
        limits=brightness.limits,
        no_data=brightness.no_data,
        radiometry=brightness.radiometry,
        bands=brightness.bands,
        align=arguments.align or None,
        multilook=reading.multilook(arguments),
        zones_file=_vector_file("--zones", arguments.zones),
        fronts_file=_vector_file("--fronts", arguments.fronts),
        zone_field=arguments.zone_field,
    )
    build.prepare(arguments.input, arguments.output, settings)
    if variant := _suited(arguments.output):
        print(next_command(variant, arguments.output, arguments.size))


def _suited(output: Path) -> str:
    """Return a variant for the roles of a data set, with what has to be set for it; empty without such a pair."""
    roles = set(dataset.read(output).bits)
    for pair, variant in (
        ({"zones", "sar"}, "gen5"),
        ({"zones", "sar_vv"}, "gen5 --set data.targets=sar_vv"),
        ({"sar_vv", "sar_vh", "optical"}, "sar2optical"),
        ({"sar", "optical"}, "sar2optical --set data.inputs=sar"),
    ):
        if pair <= roles:
            return variant
    return ""


def _vector_file(option: str, path: Path | None) -> str | None:
    """Return the name of a vector file."""
    if path is None:
        return None
    if path.suffix.lower() not in vector_masks.SUFFIXES:
        raise UserError(f"{option} {path} does not end in {', '.join(vector_masks.SUFFIXES)}. Save it as one of these.")
    return str(path)


def _tolerance(arguments: argparse.Namespace) -> int | None:
    """Return the tolerance of drawings; None where the zones are no drawings."""
    if not arguments.as_drawn:
        if arguments.tolerance is not None:
            raise UserError("--tolerance is for drawings: add --as-drawn, or leave it out.")
        return None
    if arguments.side_by_side is not None:
        raise UserError("--as-drawn is for one folder per role: the halves of A|B images are taken as they are.")
    tolerance = mask_drawings.TOLERANCE if arguments.tolerance is None else arguments.tolerance
    if not 0 <= tolerance <= 127:
        raise UserError(f"--tolerance {tolerance} must be from 0 to 127.")
    return tolerance


def _classes(arguments: argparse.Namespace) -> tuple[str, ...] | None:
    """Return --classes, checked."""
    if arguments.classes is None:
        return None
    if arguments.as_drawn:
        raise UserError("--classes is for values, --as-drawn for colours: leave one of them out.")
    classes.parse_classes(arguments.classes)
    return tuple(sorted(arguments.classes))


def _halves(words: list[str]) -> tuple[str, str]:
    if len(words) not in (0, 2):
        raise UserError(f"--side-by-side {' '.join(words)}: give two roles, left and right, such as zones sar.")
    left, right = words or ("zones", "sar")
    return left, right
