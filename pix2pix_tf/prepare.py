"""Prepares data sets: `python -m pix2pix_tf.prepare simulate | folder`.

Each command is one `add_...` (its options) and one `run_...` (options -> a function that does the work).
"""

import argparse
import shlex
import sys
from pathlib import Path

from pix2pix_tf import cli
from pix2pix_tf.data import dataset, division, folder, images, patches, roles, survey
from pix2pix_tf.data.dataset import Dataset, Scene
from pix2pix_tf.data.simulate import simulate_scene
from pix2pix_tf.errors import UserError

ROLES = ("zones", "fronts", "elevation", "sar")  # of simulated scenes, as they are written
SEEDS = 100_000  # simulated scenes a data set may have: scene number n of seed s is simulate_scene(SEEDS * s + n)
SCALE = "metres_per_pixel"  # the note in a simulated SAR image, for a run that goes on after an interruption


def main(argv: list[str]) -> None:
    """Reads the command line and does what it says."""
    parser = cli.parser(
        "Prepares data sets. See each command's own --help.",
        "  python -m pix2pix_tf.prepare simulate --output datasets/simulated\n"
        "  python -m pix2pix_tf.prepare folder --input my_scenes --output datasets/mine --split scene",
    )
    parser.prog = "python -m pix2pix_tf.prepare"
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add_simulate(commands)
    add_folder(commands)
    arguments = parser.parse_args(argv)
    arguments.run(arguments)


def _command(commands, name: str, description: str, example: str) -> argparse.ArgumentParser:
    """A subcommand with the manners of `cli.parser`."""
    new = commands.add_parser(
        name,
        help=description.splitlines()[0],
        description=description,
        epilog=f"examples:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cli.add_debug(new)
    return new


# ---- simulate -------------------------------------------------------------------------------------------------------


def add_simulate(commands) -> None:
    """Adds the command that makes a data set out of nothing."""
    new = _command(
        commands,
        "simulate",
        "makes a data set of simulated glacier scenes: zones, fronts, elevation, sar",
        "  python -m pix2pix_tf.prepare simulate --output datasets/simulated\n"
        "  python -m pix2pix_tf.prepare simulate --output datasets/small --scenes 20 --size 64 --seed 7",
    )
    new.add_argument("--output", type=Path, required=True, metavar="DIR", help="the data set's folder")
    new.add_argument("--scenes", type=int, default=300, metavar="N", help="how many scenes (default: 300)")
    new.add_argument("--size", type=int, default=256, metavar="PIXELS", help="of each side (default: 256)")
    new.add_argument("--seed", type=int, default=0, metavar="N", help="another seed, other scenes (default: 0)")
    new.add_argument("--val", type=float, default=0.1, metavar="SHARE", help="validation share (default: 0.1)")
    new.set_defaults(run=run_simulate)


def run_simulate(arguments: argparse.Namespace) -> None:
    """From options to a simulated data set."""
    simulate(arguments.output, arguments.scenes, arguments.size, arguments.seed, arguments.val)
    print(_next_command(arguments.output))


def simulate(output: Path, scenes: int = 300, size: int = 256, seed: int = 0, val: float = 0.1) -> None:
    """Makes a data set of simulated scenes, one patch each; or goes on with one that was interrupted.

    Args:
      output: the data set's folder.
      scenes: how many, at least two.
      size: pixels a side, at least 32.
      seed: the same seed and size give the same bytes.
      val: share of the scenes for validation.

    Raises:
      UserError: an argument is out of range, or the folder holds something else; nothing has been written then.
    """
    if not 2 <= scenes < SEEDS:
        raise UserError(f"--scenes {scenes} must be from 2 (one to train, one to validate) to {SEEDS - 1}.")
    if size < 32 or not 0 < val < 1:
        raise UserError(f"--size {size} must be 32 pixels or more, and --val {val} between 0 and 1.")
    if not 0 <= seed < 2**32:
        raise UserError(f"--seed {seed} must be from 0 to {2**32 - 1}.")
    settings = {"command": "simulate", "scenes": scenes, "size": size, "seed": seed, "val": val}
    if patches.is_finished(output, settings):
        return
    patches.begin(output, settings)
    numbers = {f"SIM_{number:05d}": number for number in range(1, scenes + 1)}
    chosen = division.choose_val(dict.fromkeys(numbers, 1), val, seed)
    described = {}
    for name, number in cli.progress(numbers.items(), scenes, "scenes simulated"):
        split = "val" if name in chosen else "train"
        scale = _simulated(output, split, name, SEEDS * seed + number, size)
        described[name] = Scene(split, size, size, glacier=name, sensor="simulated", metres_per_pixel=scale)
    bits = dict.fromkeys(ROLES, 8)
    dataset.save(Dataset(output, output.resolve().name, "simulated", size, bits, described))
    print(f"{output}: {scenes} simulated scenes of {size} x {size} pixels, {len(chosen)} of them for validation")


def _simulated(output: Path, split: str, name: str, seed: int, size: int) -> float:
    """Writes one scene unless it is there already; returns its metres per pixel."""
    sar = output / split / "sar" / f"{name}.png"  # written last: where it is, the scene is whole
    if not patches.missing(output, split, ROLES, name):
        return float(images.read_text(sar, SCALE))
    scene = simulate_scene(seed, size)
    for role in ROLES[:-1]:
        patches.write(output, split, name, {role: getattr(scene, role)})
    images.write_png(sar, scene.sar, {SCALE: repr(scene.metres_per_pixel)})
    return scene.metres_per_pixel


# ---- folder ---------------------------------------------------------------------------------------------------------


def add_folder(commands) -> None:
    """Adds the command that makes a data set from the user's own scenes."""
    defaults = survey.Settings()
    new = _command(
        commands,
        "folder",
        "cuts your own scenes and masks into a data set\n\n"
        f"--input holds one folder per role ({', '.join(roles.CHANNELS)})\n"
        "with the same file names in each: PNG, TIFF, or JPEG where there are no classes. Names such as\n"
        "DBE_2004-10-07_RSAT_12_4_282 (glacier, date, sensor, metres per pixel, quality, orbit) tell those\n"
        "facts. datasets/README.md tells the rest.",
        "  python -m pix2pix_tf.prepare folder --input my_scenes --output datasets/mine --split scene\n"
        "  python -m pix2pix_tf.prepare folder --input my_scenes --output datasets/mine --split glacier --hold-out SI\n"
        "  python -m pix2pix_tf.prepare folder --input facades --output datasets/ab --side-by-side zones sar",
    )
    new.add_argument("--input", type=Path, required=True, metavar="DIR", help="the folder with your scenes")
    new.add_argument("--output", type=Path, required=True, metavar="DIR", help="the data set's folder")
    new.add_argument("--size", type=int, default=defaults.size, metavar="PIXELS", help="of a patch (default: 256)")
    new.add_argument(
        "--overlap", type=int, default=0, metavar="PIXELS", help="that neighbouring patches share (default: 0)"
    )
    new.add_argument(
        "--split",
        choices=survey.DIVIDE_BY,
        default=defaults.split,
        help="what stays on one side of train and val: single patches (random, the default), whole scenes, or whole "
        "glaciers. Patches of one scene, and scenes of one place, are near-duplicates: random leaks them into val, and "
        "its results are too good. Only glacier tells how a model does on a glacier it has not seen",
    )
    new.add_argument("--val", type=float, default=defaults.val, metavar="SHARE", help="validation share (default: 0.1)")
    new.add_argument(
        "--hold-out", nargs="+", default=(), metavar="GLACIER", help="become the split test, whatever --split"
    )
    new.add_argument(
        "--seed", type=int, default=defaults.seed, metavar="N", help="another seed, another split (default: 0)"
    )
    new.add_argument(
        "--cut",
        nargs="+",
        default=["2", "98"],
        metavar="PERCENTILE",
        help="what becomes black and white where there are more than 8 bits, per scene and band (default: 2 98); none "
        "keeps 16 bits",
    )
    new.add_argument(
        "--side-by-side",
        nargs="*",
        metavar="ROLE",
        help="--input holds images A|B of twice the width, directly or in train/, val/, test/ (these splits are kept); "
        "the roles of the left and the right half (default: zones sar)",
    )
    new.set_defaults(run=run_folder)


def run_folder(arguments: argparse.Namespace) -> None:
    """From options to a data set of the user's scenes."""
    settings = survey.Settings(
        size=arguments.size,
        overlap=arguments.overlap,
        split=arguments.split,
        val=arguments.val,
        hold_out=tuple(sorted(set(arguments.hold_out))),
        seed=arguments.seed,
        cut=_cut(arguments.cut),
        side_by_side=None if arguments.side_by_side is None else _halves(arguments.side_by_side),
    )
    folder.prepare(arguments.input, arguments.output, settings)
    print(_next_command(arguments.output))


def _cut(words: list[str]) -> tuple[float, float] | None:
    if words == ["none"]:
        return None
    try:
        low, high = map(float, words)
    except ValueError:
        raise UserError(f"--cut {' '.join(words)}: give two percentiles, such as --cut 2 98, or --cut none.") from None
    return low, high


def _halves(words: list[str]) -> tuple[str, str]:
    if len(words) not in (0, 2):
        raise UserError(f"--side-by-side {' '.join(words)}: give two roles, left and right, such as zones sar.")
    return tuple(words) if words else ("zones", "sar")


def _next_command(output: Path) -> str:
    return f"next: python train.py --variant gen5 --data {shlex.quote(str(output))}"


if __name__ == "__main__":
    sys.exit(cli.run(main))
