"""The command `simulate`: a data set out of nothing."""

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
PICTURES = 3  # optical pictures of each scene
SEEDS = 100_000  # simulated scenes a data set may have: scene number n of seed s is simulate_scene(SEEDS * s + n)
SCALE = "metres_per_pixel"  # the note in a simulated SAR image, for a run that goes on after an interruption
CLOUD = "cloud"  # the same in an optical picture: the share under cloud
QUICK = 2  # zlib's effort for optical pictures: a quarter of the time for 5 % more bytes


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
        """The stems of its optical pictures."""
        return [f"{self.name}_{number}" for number in range(1, PICTURES + 1)] if self.optical else []

    @property
    def roles(self) -> tuple[str, ...]:
        """All others; the last one is the radar's."""
        return OPTICAL_ROLES if self.optical else ROLES


def add_simulate(commands: Commands) -> None:
    """Adds the command that makes a data set out of nothing."""
    new = command(
        commands,
        "simulate",
        "makes a data set of simulated glacier scenes: zones, fronts, elevation, sar\n\n"
        f"With --optical: zones, fronts, elevation, sar_vv (the same as sar), sar_vh, and {PICTURES} optical pictures\n"
        "of each scene. About half of them have no cloud; of the others the share of cloud is known.",
        "  python -m pix2pix_tf.prepare simulate --output datasets/simulated\n"
        "  python -m pix2pix_tf.prepare simulate --output datasets/simulated-optical --optical\n"
        "  python -m pix2pix_tf.prepare simulate --output datasets/small --scenes 20 --size 64 --seed 7\n"
        "  python -m pix2pix_tf.prepare simulate --output datasets/large --scenes 5000 --workers all\n"
        "  python -m pix2pix_tf.prepare simulate --output datasets/large --scenes 5000 --scheduler tcp://host:8786",
    )
    new.add_argument("--output", type=Path, required=True, metavar="DIR", help="the data set's folder")
    new.add_argument("--optical", action="store_true", help="for SAR-to-optical: two polarisations, optical pictures")
    new.add_argument("--scenes", type=int, default=300, metavar="N", help="how many scenes (default: 300)")
    new.add_argument("--size", type=int, default=256, metavar="PIXELS", help="of each side (default: 256)")
    new.add_argument("--seed", type=int, default=0, metavar="N", help="another seed, other scenes (default: 0)")
    new.add_argument("--val", type=float, default=0.1, metavar="SHARE", help="validation share (default: 0.1)")
    add_options(new)
    new.set_defaults(run=run_simulate)


def run_simulate(arguments: argparse.Namespace) -> None:
    """From options to a simulated data set."""
    shape = (arguments.scenes, arguments.size, arguments.seed, arguments.val)
    simulate(arguments.output, *shape, arguments.optical, arguments.workers, arguments.scheduler)
    print(next_command("sar2optical" if arguments.optical else "gen5", arguments.output))


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
    """Makes a data set of simulated scenes, one patch each; or goes on with one that was interrupted.

    Args:
      output: the data set's folder.
      scenes: how many, at least two.
      size: pixels a side, at least 32.
      seed: the same seed and size give the same bytes; those of a scene's zones, fronts and elevation, and its SAR
        image in VV, do not depend on `optical`.
      val: share of the scenes for validation.
      optical: whether there are two polarisations and several optical pictures of each scene.
      workers: processes; what is written does not depend on them.
      scheduler: of a Dask cluster that does the work in their place.

    Raises:
      UserError: an argument is out of range, or the folder holds something else; nothing has been written then.
    """
    _check(scenes, size, seed, val)
    settings = {"command": "simulate", "scenes": scenes, "size": size, "seed": seed, "val": val}
    settings |= {"optical": PICTURES} if optical else {}
    if dataset_writer.is_finished(output, settings):
        return
    dataset_writer.begin(output, settings)
    jobs = _tasks(output, scenes, size, seed, val, optical)
    found = parallel_map(_simulated, jobs, workers, "scenes simulated", scheduler)
    facts = {job.name: fact for job, fact in zip(jobs, found, strict=True)}
    dataset.save(_described(output, size, jobs, facts))
    held_out = sum(job.split == "val" for job in jobs)
    print(f"{output}: {scenes} simulated scenes of {size} x {size} pixels, {held_out} of them for validation")
    if optical:
        clear = sum(cloud == 0 for _, clouds in facts.values() for cloud in clouds)
        print(f"{PICTURES * scenes} optical pictures, {clear} of them without a cloud")


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
        raise UserError(f"--size {size} must be 32 pixels or more, and --val {val} between 0 and 1.")
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
    output: Path, size: int, jobs: Sequence[SceneTask], facts: Mapping[str, tuple[float | None, Sequence[float | None]]]
) -> Dataset:
    """The data set as dataset.json tells it: radar images and optical pictures are scenes of their own."""
    scenes, rows = {}, {}
    for job in jobs:
        scale, clouds = facts[job.name]
        radar = Scene(job.split, size, size, glacier=job.name, sensor="simulated", metres_per_pixel=scale)
        scenes[job.name] = radar
        for stem, cloud in zip(job.pictures, clouds, strict=True):
            scenes[stem] = replace(radar, sensor="simulated optical", cloud=cloud)
            rows[stem] = Pairing(job.name, cloud)
    roles = (*jobs[0].roles, "optical") if rows else jobs[0].roles
    return Dataset(output, output.resolve().name, "simulated", size, dict.fromkeys(roles, 8), scenes, pairs=rows)


def _simulated(job: SceneTask) -> tuple[float, list[float]]:
    """Writes one scene unless it is there already; returns its metres per pixel, and the clouds in its pictures."""
    dataset_writer.expect_begun(job.output)
    folder, last = job.output / job.split, job.roles[-1]
    sar = folder / last / f"{job.name}.png"  # written last: where it is, the scene is whole
    optical = [folder / "optical" / f"{stem}.png" for stem in job.pictures]
    if not dataset_writer.missing(job.output, job.split, job.roles, job.name) and all(
        path.exists() for path in optical
    ):
        return dataset_writer.png_metadata(sar, SCALE), [dataset_writer.png_metadata(path, CLOUD) for path in optical]
    scene = simulate_scene(job.seed, job.size)
    pictures = simulate_optical(scene, PICTURES) if job.optical else []
    for path, picture in zip(optical, pictures, strict=True):
        images.write_png(path, picture.pixels, {CLOUD: repr(picture.cloud)}, QUICK)
    for role in job.roles[:-1]:
        pixels = simulate_vh(scene) if role == "sar_vh" else getattr(scene, role)
        dataset_writer.write(job.output, job.split, job.name, {role: pixels})
    images.write_png(sar, scene.sar, {SCALE: repr(scene.metres_per_pixel)})
    return scene.metres_per_pixel, [picture.cloud for picture in pictures]
