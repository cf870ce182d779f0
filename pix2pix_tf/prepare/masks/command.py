"""Define the command `masks`, which makes synthetic zone masks: new fjords, perturbed fronts, or hand-drawn masks.

`generate` makes SAR images from them, and the zones are their labels.
"""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from pix2pix_tf.data import classes, dataset, validation, visualization
from pix2pix_tf.data.io import images, mask_drawings
from pix2pix_tf.data.loading import evenly_spaced
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.prepare.commands import Commands, command
from pix2pix_tf.prepare.masks import build
from pix2pix_tf.prepare.masks import sources as mask_sources
from pix2pix_tf.prepare.masks.build import MaskTask, Outcome, Settings
from pix2pix_tf.prepare.masks.front_motion import MoveSettings
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.parallel import add_options, parallel_map

MOST = 100_000  # masks a data set may have
OVERVIEW = "overview.png"
ROWS, COLUMNS = 6, 4  # of masks, at most
LINE = (255, 255, 255)  # sRGB: no class has it


def add_masks(commands: Commands) -> None:
    """Add the command to a parser."""
    new = command(
        commands,
        "masks",
        "make synthetic zone masks: new fjords, moved fronts, or hand-drawn masks\n\n"
        "Without --from: new fjords. With --from: its masks (of a data set those of train), the front of each moved\n"
        "along the flow and given another shape; rock and \"not available\" stay. With --as-drawn: its masks as they\n"
        "are, grey or in the display colours, as a paint program saved them. Fronts are always where ocean meets\n"
        "glacier. Masks without a front are left out and listed.",
        "  python -m pix2pix_tf.prepare masks --output datasets/fjords\n"
        "  python -m pix2pix_tf.prepare masks --output datasets/moved --from datasets/caffe --workers all\n"
        "  python -m pix2pix_tf.prepare masks --output datasets/retreat --from datasets/caffe --move -800 -200 "
        "--unit metres\n"
        "  python -m pix2pix_tf.prepare masks --output datasets/straight --from mask.png --move 12 --bend 0 --rough 0 "
        "--bays 0 --count 1\n"
        "  python -m pix2pix_tf.prepare masks --output datasets/mine --from my_drawings --as-drawn",
    )  # fmt: skip
    moves = MoveSettings()
    new.add_argument("--output", type=Path, required=True, metavar="DIR", help="the data set's folder")
    new.add_argument("--from", dest="source", type=Path, metavar="PATH", help="a PNG, a folder of PNGs, or a data set")
    new.add_argument("--count", type=int, metavar="N", help="number of masks (default: 1000; --as-drawn: all)")
    new.add_argument(
        "--size", type=int, metavar="PIXELS", help="side of a mask, 32 or more (default: 256, or as in --from)"
    )
    new.add_argument("--seed", type=int, default=0, metavar="N", help="another seed, other masks (default: 0)")
    new.add_argument("--val", type=float, default=0.0, metavar="SHARE", help="share of new fjords for val (default: 0)")
    add_options(new)
    new.add_argument(
        "--move", type=float, nargs="+", metavar="LENGTH",
        help=f"one length, or the lowest and highest, along the flow; below 0 a retreat (default: {moves.advance[0]:g} "
        f"{moves.advance[1]:g} pixels in masks of 256, as the next)",
    )  # fmt: skip
    new.add_argument(
        "--bend", type=float, metavar="LENGTH", help=f"mid-stream ahead or back (default: {moves.bend[1]:g})"
    )
    new.add_argument("--rough", type=float, metavar="LENGTH", help=f"raggedness, at most (default: {moves.rough[1]:g})")
    new.add_argument("--bays", type=int, metavar="N", help=f"calving bays, at most (default: {moves.bays[1]})")
    new.add_argument("--unit", choices=("pixels", "metres"), default="pixels", help="of the lengths (default: pixels)")
    new.add_argument("--as-drawn", action="store_true", help="take the masks of --from as they are, without moving")
    new.add_argument(
        "--tolerance", type=int, default=mask_drawings.TOLERANCE, metavar="GREY",
        help=f"how far a drawn pixel may be from its class in each channel (default: {mask_drawings.TOLERANCE} of 255)",
    )  # fmt: skip
    new.add_argument(
        "--any-split", action="store_true", help="take val and test of a data set too, which is data leakage"
    )
    new.set_defaults(run=run_masks)


def run_masks(arguments: argparse.Namespace) -> None:
    """Make the masks that the options describe.

    Raises:
      UserError: --move has more than two lengths; or as `make_masks` does.
    """
    options = {field.name: getattr(arguments, field.name) for field in fields(Settings)}
    if arguments.move:
        if len(arguments.move) > 2:
            raise UserError("--move takes one length, or the lowest and the highest.")
        options["move"] = (arguments.move[0], arguments.move[-1])
    make_masks(arguments.output, Settings(**options), arguments.workers, arguments.scheduler)
    data = shlex.quote(str(arguments.output))
    program = cli.as_typed("python -m pix2pix_tf.generate")
    print(f"next: {program} --model runs/gen5/export/gen5 --masks {data} --output generated/mine")


def make_masks(output: Path, settings: Settings, workers: int = 1, scheduler: str | None = None) -> None:
    """Make a data set of synthetic masks, or resume an interrupted one.

    Args:
      output: the data set's folder.
      settings: which masks; the same settings and sources give the same bytes.
      workers: number of processes.
      scheduler: address of a Dask scheduler, whose cluster does the work instead.

    Raises:
      UserError: an option is out of range, a source cannot be used, or the folder holds something else.
    """
    _check(settings)
    found = mask_sources.find(settings.source, settings.any_split) if settings.source else None
    record = {"command": "masks", **settings.as_json()}
    record |= {"sources": mask_sources.fingerprint(found)} if found else {}
    if dataset_writer.is_finished(output, record):
        return
    if found:
        found = mask_sources.scan(found, settings.tolerance, workers, scheduler)
        if settings.size not in (None, found.size):
            raise UserError(f"--size {settings.size}: the masks of {found.name} have {found.size} pixels a side.")
    sources = build.chosen_sources(found, settings) if found else []
    tasks = build.source_tasks(output, found, sources, settings) if found else build.fjord_tasks(output, settings)
    dataset_writer.begin(output, record)
    outcomes = parallel_map(build.make, tasks, workers, "masks made", scheduler)
    good = [task for task, outcome in zip(tasks, outcomes, strict=True) if outcome.good]
    if not good:
        raise UserError(
            f"No such move keeps a front: give a smaller --move (the masks have {tasks[0].size} pixels a side), and "
            f"another --output or remove {output}."
        )
    draw_overview(output, good)
    dataset.save(build.described(tasks, outcomes, found, sources))
    _report(output, tasks, outcomes)


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
        raise UserError(f"{option} needs existing masks: name them with --from.")
    if settings.source is not None and settings.val:
        raise UserError("--val is for new fjords: masks made from others stay in the split of those.")
    if settings.as_drawn and (given or settings.count):
        raise UserError(f"--as-drawn takes every mask as it is, so leave out {given[0] if given else '--count'}.")
    for option, value in moving.items():
        if value is not None and not np.isfinite(value).all():
            raise UserError(f"{option} takes finite lengths, not nan or inf.")
    if settings.move and settings.move[0] > settings.move[1]:
        raise UserError(f"--move {settings.move[0]:g} {settings.move[1]:g}: the lower length comes first.")
    for option, value in (("--bend", settings.bend), ("--rough", settings.rough), ("--bays", settings.bays)):
        if value is not None and value < 0:
            raise UserError(f"{option} {value:g} must be 0 or more.")


def _report(output: Path, tasks: Sequence[MaskTask], outcomes: Sequence[Outcome]) -> None:
    bad = [task.name for task, outcome in zip(tasks, outcomes, strict=True) if not outcome.good]
    attempts, good, size = sum(outcome.attempts for outcome in outcomes), len(tasks) - len(bad), tasks[0].size
    print(f"{output}: {good} masks of {size} x {size} pixels, with their fronts; {output / OVERVIEW} shows some")
    if attempts > good:
        print(f"{attempts - good} of {attempts} drawings were incomplete, such as without a front, and repeated")
    if bad:
        print(f"masks that keep no front in any of {build.ATTEMPTS} moves: {validation.abbreviate(bad)}")


# ---- An image grid of some masks -------------------------------------------------------------------------------------


def draw_overview(output: Path, tasks: Sequence[MaskTask]) -> None:
    """Draw an image grid of some masks of a data set, one row for each source.

    Args:
      output: the data set's folder.
      tasks: those whose masks were made, one or more.
    """
    name, rows = output.resolve().name, _rows(tasks)
    if rows:
        columns = _moved(rows) if tasks[0].move else _drawn(rows)
        title = f"{name}: {sum(len(made) for _, made in rows)} of {len(tasks)} masks"
        title += "; white: the front before" if tasks[0].move else ""
    else:
        columns = _fjords([task.path for task in tasks[: ROWS * COLUMNS]])
        title = f"{name}: {sum(len(column) for _, column in columns)} of {len(tasks)} new fjords"
    visualization.grid(output / OVERVIEW, columns, title, legend=True, captions=[source.stem for source, _ in rows])


def _fjords(paths: Sequence[Path]) -> list[tuple[str, list[np.ndarray]]]:
    width = min(COLUMNS, len(paths))
    whole = len(paths) // width * width  # columns of one length
    return [("", [_coloured(path) for path in paths[place:whole:width]]) for place in range(width)]


def _rows(tasks: Sequence[MaskTask]) -> list[tuple[Path, list[MaskTask]]]:
    """Return some sources, evenly spaced, each with the same number of its tasks; none for new fjords."""
    by_source: dict[Path, list[MaskTask]] = {}
    for task in tasks:
        if task.source:
            by_source.setdefault(task.source, []).append(task)
    rows = [(source, by_source[source]) for source in evenly_spaced(list(by_source), ROWS)]
    width = min([COLUMNS, *(len(made) for _, made in rows)])
    return [(source, made[:width]) for source, made in rows]


def _moved(rows: Sequence[tuple[Path, Sequence[MaskTask]]]) -> list[tuple[str, list[np.ndarray]]]:
    before = [mask_drawings.read_mask(source, made[0].tolerance) for source, made in rows]
    columns = [("before", [classes.colour_zones(zones) for zones in before])]
    for place in range(len(rows[0][1])):
        moved = [_coloured(made[place].path) for _, made in rows]
        for picture, zones in zip(moved, before, strict=True):
            picture[classes.front_of(zones) > 0] = LINE
        columns.append(("moved", moved))
    return columns


def _drawn(rows: Sequence[tuple[Path, Sequence[MaskTask]]]) -> list[tuple[str, list[np.ndarray]]]:
    pictures = [images.read_drawing(source)[0] for source, _ in rows]
    return [("drawn by hand", pictures), ("classes", [_coloured(made[0].path) for _, made in rows])]


def _coloured(path: Path) -> np.ndarray:
    """Return a mask in the colours of its classes: uint8 [H, W, 3]."""
    return classes.colour_zones(images.read_png(path))
