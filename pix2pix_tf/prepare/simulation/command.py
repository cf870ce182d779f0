"""Define the command `simulate`, which makes a data set of simulated scenes."""

import argparse
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pix2pix_tf.data import dataset
from pix2pix_tf.data.dataset import Dataset, Pairing, Scene
from pix2pix_tf.data.io import images
from pix2pix_tf.prepare import dataset_writer, splits
from pix2pix_tf.prepare.commands import Commands, command, next_command
from pix2pix_tf.prepare.simulation.optical import simulate_optical
from pix2pix_tf.prepare.simulation.sar import simulate_scene, simulate_vh
from pix2pix_tf.utils.errors import UserError
from pix2pix_tf.utils.parallel import add_options, parallel_map

ROLES = ("zones", "fronts", "elevation", "sar")  # of simulated scenes, as they are written
OPTICAL_ROLES = ("zones", "fronts", "elevation", "sar_vh", "sar_vv")  # the same with optical pictures beside them
PICTURES = 3  # optical images of each scene
SEEDS = 100_000  # scenes that a data set may have: scene number n of seed s is simulate_scene(SEEDS * s + n)
SCALE = "metres_per_pixel"  # text chunk in a simulated SAR image, which a resumed run reads
CLOUD = "cloud"  # the same in an optical image: share under cloud, 0..1
QUICK = 2  # zlib's level for optical images: a quarter of the time for 5 % more bytes


@dataclass(frozen=True)
class SceneTask:
    """One scene to simulate."""

    output: Path
    split: str
    name: str
    seed: int
    size: int
    optical: bool

    @property
    def pictures(self) -> list[str]:
        """The stems of its optical images."""
        return [f"{self.name}_{number}" for number in range(1, PICTURES + 1)] if self.optical else []

    @property
    def roles(self) -> tuple[str, ...]:
        """All other roles; the last one is a SAR image."""
        return OPTICAL_ROLES if self.optical else ROLES


def add_simulate(commands: Commands) -> None:
    """Add the command to a parser."""
    new = command(
        commands,
        "simulate",
        "make a data set of simulated glacier scenes: zones, fronts, elevation, sar\n\n"
        f"With --optical: zones, fronts, elevation, sar_vv (the same as sar), sar_vh, and {PICTURES} optical images\n"
        "of each scene. About half of them have no cloud; for the others the share of cloud is known.",
        "  python -m pix2pix_tf.prepare simulate --output datasets/simulated\n"
        "  python -m pix2pix_tf.prepare simulate --output datasets/simulated-optical --optical\n"
        "  python -m pix2pix_tf.prepare simulate --output datasets/small --scenes 20 --size 64 --seed 7\n"
        "  python -m pix2pix_tf.prepare simulate --output datasets/large --scenes 5000 --workers all\n"
        "  python -m pix2pix_tf.prepare simulate --output datasets/large --scenes 5000 --scheduler tcp://host:8786",
    )
    new.add_argument("--output", type=Path, required=True, metavar="DIR", help="the data set's folder")
    new.add_argument("--optical", action="store_true", help="for SAR-to-optical: two polarisations, optical images")
    new.add_argument("--scenes", type=int, default=300, metavar="N", help="number of scenes (default: 300)")
    new.add_argument(
        "--size",
        type=int,
        default=256,
        metavar="PIXELS",
        help="side of a scene, 32 or more; pix2pix takes multiples of 256, or of 32 with --set model.depth=5 "
        "(default: 256)",
    )
    new.add_argument("--seed", type=int, default=0, metavar="N", help="another seed, other scenes (default: 0)")
    new.add_argument("--val", type=float, default=0.1, metavar="SHARE", help="validation share (default: 0.1)")
    add_options(new)
    new.set_defaults(run=run_simulate)


def run_simulate(arguments: argparse.Namespace) -> None:
    """Simulate the data set that the options describe."""
    shape = (arguments.scenes, arguments.size, arguments.seed, arguments.val)
    simulate(arguments.output, *shape, arguments.optical, arguments.workers, arguments.scheduler)
    variant = "sar2optical" if arguments.optical else "gen5"
    print(next_command(variant, arguments.output, arguments.size))


def simulate(
    output: Path,
    scenes: int = 300,
    size: int = 256,
    seed: int = 0,
    val: float = 0.1,
    optical: bool = False,
    workers: int = 1,
    scheduler: str | None = None,
) -> None:
    """Make a data set of simulated scenes, one patch each, or resume an interrupted one.

    Args:
      output: the data set's folder.
      scenes: number of scenes, 2 or more.
      size: side of a scene in pixels, 32 or more.
      seed: the same seed and size give the same bytes. A scene's zones, fronts, elevation and VV image do not depend on
        `optical`.
      val: share of the scenes for validation.
      optical: True makes two polarisations and several optical images of each scene.
      workers: number of processes; the files do not depend on it.
      scheduler: address of a Dask scheduler, whose cluster does the work instead.

    Raises:
      UserError: an argument is out of range, or the folder holds something else; nothing is written then.
    """
    _check(scenes, size, seed, val)
    settings = {"command": "simulate", "scenes": scenes, "size": size, "seed": seed, "val": val}
    settings |= {"optical": PICTURES} if optical else {}
    if dataset_writer.is_finished(output, settings):
        return
    dataset_writer.begin(output, settings)
    tasks = _tasks(output, scenes, size, seed, val, optical)
    results = parallel_map(_simulate_and_write, tasks, workers, "scenes simulated", scheduler)
    facts = {task.name: result for task, result in zip(tasks, results, strict=True)}
    dataset.save(_described(output, size, tasks, facts))
    held_out = sum(task.split == "val" for task in tasks)
    print(f"{output}: {scenes} simulated scenes of {size} x {size} pixels, {held_out} of them for validation")
    if optical:
        clear = sum(cloud == 0 for _, clouds in facts.values() for cloud in clouds)
        print(f"{PICTURES * scenes} optical images, {clear} of them without a cloud")


def preview(output: Path, optical: bool = False) -> Dataset:
    """Describe the data set that `simulate` makes by default, and write nothing.

    Args:
      output: the data set's folder; it may be missing.
      optical: as in `simulate`.

    Returns:
      The data set as `load_dataset` returns it; scales and clouds are unknown.
    """
    defaults = {name: one.default for name, one in inspect.signature(simulate).parameters.items()}
    tasks = _tasks(output, defaults["scenes"], defaults["size"], defaults["seed"], defaults["val"], optical)
    facts = {task.name: (None, [None] * len(task.pictures)) for task in tasks}
    described = _described(output, defaults["size"], tasks, facts)
    stems = {
        split: tuple(stem for task in tasks if task.split == split for stem in (task.pictures or [task.name]))
        for split in ("train", "val")
    }
    return replace(described, stems=stems)


def _check(scenes: int, size: int, seed: int, val: float) -> None:
    if not 2 <= scenes < SEEDS:
        raise UserError(f"--scenes {scenes} must be from 2 (one to train, one to validate) to {SEEDS - 1}.")
    if size < 32 or not 0 < val < 1:
        raise UserError(
            f"--size {size} must be 32 pixels or more, best a multiple of 256, and --val {val} between 0 and 1."
        )
    if not 0 <= seed < 2**32:
        raise UserError(f"--seed {seed} must be from 0 to {2**32 - 1}.")


def _tasks(output: Path, scenes: int, size: int, seed: int, val: float, optical: bool) -> list[SceneTask]:
    numbers = {f"SIM_{number:05d}": number for number in range(1, scenes + 1)}
    chosen = splits.choose_val(dict.fromkeys(numbers, 1), val, seed)
    return [
        SceneTask(output, "val" if name in chosen else "train", name, SEEDS * seed + number, size, optical)
        for name, number in numbers.items()
    ]


def _described(
    output: Path,
    size: int,
    tasks: Sequence[SceneTask],
    facts: Mapping[str, tuple[float | None, Sequence[float | None]]],
) -> Dataset:
    """Return the description for dataset.json: SAR and optical images are scenes of their own."""
    scenes, rows = {}, {}
    for task in tasks:
        scale, clouds = facts[task.name]
        sar_scene = Scene(task.split, size, size, glacier=task.name, sensor="simulated", metres_per_pixel=scale)
        scenes[task.name] = sar_scene
        for stem, cloud in zip(task.pictures, clouds, strict=True):
            scenes[stem] = replace(sar_scene, sensor="simulated optical", cloud=cloud)
            rows[stem] = Pairing(task.name, cloud)
    roles = (*tasks[0].roles, "optical") if rows else tasks[0].roles
    return Dataset(output, output.resolve().name, "simulated", size, dict.fromkeys(roles, 8), scenes, pairs=rows)


def _simulate_and_write(task: SceneTask) -> tuple[float, list[float]]:
    """Write one scene unless it exists; return its metres per pixel, and the clouds in its optical images."""
    dataset_writer.expect_begun(task.output)
    folder, last = task.output / task.split, task.roles[-1]
    sar = folder / last / f"{task.name}.png"  # written last: a scene with it is whole
    optical = [folder / "optical" / f"{stem}.png" for stem in task.pictures]
    if not dataset_writer.missing(task.output, task.split, task.roles, task.name) and all(
        path.exists() for path in optical
    ):
        return dataset_writer.png_metadata(sar, SCALE), [dataset_writer.png_metadata(path, CLOUD) for path in optical]
    scene = simulate_scene(task.seed, task.size)
    pictures = simulate_optical(scene, PICTURES) if task.optical else []
    for path, picture in zip(optical, pictures, strict=True):
        images.write_png(path, picture.pixels, {CLOUD: repr(picture.cloud)}, QUICK)
    for role in task.roles[:-1]:
        pixels = simulate_vh(scene) if role == "sar_vh" else getattr(scene, role)
        dataset_writer.write(task.output, task.split, task.name, {role: pixels})
    images.write_png(sar, scene.sar, {SCALE: repr(scene.metres_per_pixel)})
    return scene.metres_per_pixel, [picture.cloud for picture in pictures]
