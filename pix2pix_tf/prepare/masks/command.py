"""The command `masks`: artificial zone masks, of new fjords, with moved fronts, or drawn by hand.

`generate` paints SAR images from them, and the zones are their labels.
"""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from pix2pix_tf.data import dataset, validation
from pix2pix_tf.data.io import mask_drawings
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.prepare.commands import Commands, command
from pix2pix_tf.prepare.masks import build
from pix2pix_tf.prepare.masks import sources as mask_sources
from pix2pix_tf.prepare.masks.build import Made, MaskTask, Settings
from pix2pix_tf.prepare.masks.front_motion import MoveSettings
from pix2pix_tf.prepare.masks.overview import OVERVIEW, draw_overview
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.parallel import add_options, parallel_map

MOST = 100_000  # masks a data set may have


def add_masks(commands: Commands) -> None:
    """Adds the command that makes artificial masks."""
    new = command(
        commands,
        "masks",
        "makes artificial zone masks: new fjords, moved fronts, or what you drew\n\n"
        "Without --from: new fjords. With --from: its masks (of a data set those of train), the front of each moved\n"
        "along the flow and given another shape; rock and \"not available\" stay. With --as-drawn: its masks as they\n"
        "are, grey or in the display colours, as a paint program saved them. Fronts are always where ocean meets\n"
        "glacier. Masks without a front are left out, and said.",
        "  python -m pix2pix_tf.prepare masks --output datasets/fjords\n"
        "  python -m pix2pix_tf.prepare masks --output datasets/moved --from datasets/caffe --workers all\n"
        "  python -m pix2pix_tf.prepare masks --output datasets/retreat --from datasets/caffe --move -800 -200 "
        "--unit metres\n"
        "  python -m pix2pix_tf.prepare masks --output datasets/straight --from mask.png --move 12 --bend 0 --rough 0 "
        "--bays 0 --count 1\n"
        "  python -m pix2pix_tf.prepare masks --output datasets/mine --from my_drawings --as-drawn",
    )  # fmt: skip
    usual = MoveSettings()
    new.add_argument("--output", type=Path, required=True, metavar="DIR", help="the data set's folder")
    new.add_argument("--from", dest="source", type=Path, metavar="PATH", help="a PNG, a folder of PNGs, or a data set")
    new.add_argument("--count", type=int, metavar="N", help="how many masks (default: 1000; --as-drawn: all)")
    new.add_argument("--size", type=int, metavar="PIXELS", help="of each side (default: 256, or as in --from)")
    new.add_argument("--seed", type=int, default=0, metavar="N", help="another seed, other masks (default: 0)")
    new.add_argument("--val", type=float, default=0.0, metavar="SHARE", help="of new fjords for val (default: 0)")
    add_options(new)
    new.add_argument(
        "--move", type=float, nargs="+", metavar="LENGTH",
        help=f"one length, or the lowest and highest, along the flow; below 0 a retreat (default: {usual.advance[0]:g} "
        f"{usual.advance[1]:g} pixels in masks of 256, as the next)",
    )  # fmt: skip
    new.add_argument(
        "--bend", type=float, metavar="LENGTH", help=f"mid-stream ahead or back (default: {usual.bend[1]:g})"
    )
    new.add_argument("--rough", type=float, metavar="LENGTH", help=f"raggedness, at most (default: {usual.rough[1]:g})")
    new.add_argument("--bays", type=int, metavar="N", help=f"calving bays, at most (default: {usual.bays[1]})")
    new.add_argument("--unit", choices=("pixels", "metres"), default="pixels", help="of the lengths (default: pixels)")
    new.add_argument("--as-drawn", action="store_true", help="take the masks of --from as they are, without moving")
    new.add_argument(
        "--tolerance", type=int, default=mask_drawings.TOLERANCE, metavar="GREY",
        help=f"how far a drawn pixel may be from its class in each channel (default: {mask_drawings.TOLERANCE} of 255)",
    )  # fmt: skip
    new.add_argument("--any-split", action="store_true", help="take val and test of a data set too: they leak")
    new.set_defaults(run=run_masks)


def run_masks(arguments: argparse.Namespace) -> None:
    """From options to a data set of masks.

    Raises:
      UserError: --move has more than two lengths; and see `make_masks`.
    """
    options = {field.name: getattr(arguments, field.name) for field in fields(Settings)}
    if arguments.move:
        if len(arguments.move) > 2:
            raise UserError("--move takes one length, or the lowest and the highest.")
        options["move"] = (arguments.move[0], arguments.move[-1])
    make_masks(arguments.output, Settings(**options), arguments.workers, arguments.scheduler)
    data = shlex.quote(str(arguments.output))
    print(f"next: python -m pix2pix_tf.generate --model runs/gen5/export/gen5 --masks {data} --output generated/mine")


def make_masks(output: Path, settings: Settings, workers: int = 1, scheduler: str | None = None) -> None:
    """Makes a data set of artificial masks, or goes on with one that was interrupted.

    Args:
      output: the data set's folder.
      settings: which masks; the same settings and sources give the same bytes.
      workers: processes.
      scheduler: of a Dask cluster that does the work in their place.

    Raises:
      UserError: an option is out of range, a source cannot be used, or the folder holds something else.
    """
    _check(settings)
    found = mask_sources.find(settings.source, settings.any_split) if settings.source else None
    made_with = {"command": "masks", **settings.as_json()}
    made_with |= {"sources": mask_sources.fingerprint(found)} if found else {}
    if dataset_writer.is_finished(output, made_with):
        return
    if found:
        found = mask_sources.scan(found, settings.tolerance, workers, scheduler)
        if settings.size not in (None, found.size):
            raise UserError(f"--size {settings.size}: the masks of {found.name} have {found.size} pixels a side.")
    sources = build.chosen_sources(found, settings) if found else []
    jobs = build.source_jobs(output, found, sources, settings) if found else build.fjord_jobs(output, settings)
    dataset_writer.begin(output, made_with)
    results = parallel_map(build.make, jobs, workers, "masks made", scheduler)
    good = [job for job, made in zip(jobs, results, strict=True) if made.good]
    if not good:
        raise UserError(
            f"No such move leaves a front: give a smaller --move (the masks have {jobs[0].size} pixels a side), and "
            f"another --output or remove {output}."
        )
    draw_overview(output, good)
    dataset.save(build.described(jobs, results, found, sources))
    _report(output, jobs, results)


def _check(settings: Settings) -> None:
    if settings.count is not None and not 1 <= settings.count <= MOST:
        raise UserError(f"--count {settings.count} must be from 1 to {MOST}.")
    if settings.size is not None and settings.size < 32:
        raise UserError(f"--size {settings.size} must be 32 pixels or more.")
    if not 0 <= settings.seed < 2**32:
        raise UserError(f"--seed {settings.seed} must be from 0 to {2**32 - 1}.")
    if not 0 <= settings.val < 1 or (settings.val and settings.count == 1):
        raise UserError(f"--val {settings.val} must be a share from 0 to below 1, of two masks or more.")
    if not 0 <= settings.tolerance <= 127:
        raise UserError(f"--tolerance {settings.tolerance} must be from 0 to 127.")
    moving = {"--move": settings.move, "--bend": settings.bend, "--rough": settings.rough, "--bays": settings.bays}
    given = [option for option, value in moving.items() if value is not None]
    if settings.source is None and (given or settings.as_drawn or settings.any_split):
        option = [*given, *["--as-drawn"] * settings.as_drawn, "--any-split"][0]
        raise UserError(f"{option} is about masks that there are: name them with --from.")
    if settings.source is not None and settings.val:
        raise UserError("--val is for new fjords: masks made from others stay in the split of those.")
    if settings.as_drawn and (given or settings.count):
        raise UserError(f"--as-drawn takes every mask as it is, so leave out {given[0] if given else '--count'}.")
    if settings.move and settings.move[0] > settings.move[1]:
        raise UserError(f"--move {settings.move[0]:g} {settings.move[1]:g}: the lower length comes first.")
    for option, value in (("--bend", settings.bend), ("--rough", settings.rough), ("--bays", settings.bays)):
        if value is not None and value < 0:
            raise UserError(f"{option} {value:g} must be 0 or more.")


def _report(output: Path, jobs: Sequence[MaskTask], results: Sequence[Made]) -> None:
    bad = [job.name for job, made in zip(jobs, results, strict=True) if not made.good]
    attempts, good, size = sum(made.attempts for made in results), len(jobs) - len(bad), jobs[0].size
    print(f"{output}: {good} masks of {size} x {size} pixels, with their fronts; {output / OVERVIEW} shows some")
    if attempts > good:
        print(f"{attempts - good} of {attempts} drawings were incomplete, such as without a front, and drawn again")
    if bad:
        print(f"masks of which none of {build.ATTEMPTS} moves left a front: {validation.abbreviate(bad)}")
