"""The command `simulate`: a data set out of nothing."""

import argparse
from pathlib import Path

from pix2pix_tf import cli
from pix2pix_tf.data import dataset, division, images, patches
from pix2pix_tf.data.dataset import Dataset, Scene
from pix2pix_tf.data.simulate import simulate_scene
from pix2pix_tf.errors import UserError
from pix2pix_tf.prepare.commands import command, next_command

ROLES = ("zones", "fronts", "elevation", "sar")  # of simulated scenes, as they are written
SEEDS = 100_000  # simulated scenes a data set may have: scene number n of seed s is simulate_scene(SEEDS * s + n)
SCALE = "metres_per_pixel"  # the note in a simulated SAR image, for a run that goes on after an interruption


def add_simulate(commands) -> None:
    """Adds the command that makes a data set out of nothing."""
    new = command(
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
    print(next_command("gen5", arguments.output))


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
