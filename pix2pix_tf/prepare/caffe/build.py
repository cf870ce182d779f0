"""Build a data set from the raw CaFFe benchmark: find, split, write, report; or only check it.

Gourmelon et al. 2022, Earth System Science Data 14, 4287. Patches, paddings and the split are those of the benchmark's
published code (data_processing/data_preprocessing.py).
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pix2pix_tf.data import dataset, validation
from pix2pix_tf.data.dataset import SPLITS, Dataset, Scene
from pix2pix_tf.data.scene_names import Facts, facts_of
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.prepare.caffe import source as caffe_source
from pix2pix_tf.prepare.caffe.scene import ROLES, Outcome, SceneTask, check_scene, write_scene
from pix2pix_tf.prepare.caffe.source import Source
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError, did_you_mean
from pix2pix_tf.utils.parallel import parallel_map

DIVIDE_BY = ("paper", "glacier")
SCENES = {"train": 559, "test": 122}  # of the whole benchmark
PATCHES = {"train": 46_700, "val": 18_744, "test": 28_376}  # of 256 pixels, in the split of the paper
VAL_SHARE, VAL_SEED = 0.1, 1  # of the paper's split


@dataclass(frozen=True)
class Settings:
    """Options that determine the data set."""

    size: int = 256  # pixels of a patch's side
    split: str = "paper"  # how train is divided into train and val; test is the benchmark's own
    hold_out: tuple[str, ...] = ()  # training glaciers that become val, with the split "glacier"


def prepare(raw: Path, output: Path, settings: Settings, workers: int = 1, scheduler: str | None = None) -> None:
    """Build a data set from the benchmark or a part of it, or resume an interrupted one.

    Args:
      raw: data_raw, or the folder that holds it.
      output: the data set's folder.
      settings: checked here.
      workers: number of processes; the files do not depend on it.
      scheduler: address of a Dask scheduler, whose cluster does the work instead.

    Raises:
      UserError: settings, names or the output folder are not usable, and nothing is written; or some scenes are not
        usable, and all others are written.
    """
    root = caffe_source.root_of(raw)
    _check_settings(settings, root, output)
    sources = caffe_source.find(root)
    where = make_splits(sources, settings)
    places = caffe_source.read_metadata(root)
    record = _record(sources, settings, _unusable_before(output), output)
    if dataset_writer.is_finished(output, record):
        return
    dataset_writer.begin(output, record)
    tasks = [SceneTask(source, where[source.name], settings.size, output) for source in sources]
    outcomes = parallel_map(write_scene, tasks, workers, "scenes written", scheduler)
    bad = [one for one in outcomes if one.problems]
    record = _record(sources, settings, [one.name for one in bad], output)
    files.write_json(output / dataset_writer.SETTINGS, record)
    if bad:
        raise validation.validation_error(
            f"{len(bad)} of {len(sources)} scenes in {root} cannot be used. The others are written; mend these, and "
            "the same command adds them",
            [problem for one in bad for problem in one.problems],
        )
    scenes = {one.name: replace(one.scene, **places.get(one.name, Facts())) for one in outcomes if one.scene}
    bits = dict.fromkeys(ROLES, 8)
    dataset.save(Dataset(output, output.resolve().name, "real", settings.size, bits, scenes))
    report(outcomes, scenes, settings.size, settings.split)


def _check_settings(settings: Settings, root: Path, output: Path) -> None:
    if settings.size < 2:
        raise UserError(f"--size {settings.size} must be 2 pixels or more.")
    if settings.split not in DIVIDE_BY:
        raise did_you_mean("split", settings.split, DIVIDE_BY)
    if output.resolve().is_relative_to(root.resolve()):
        raise UserError(f"--output {output} lies inside {root}. Choose a folder outside it.")


def _unusable_before(output: Path) -> list[str]:
    """Return the scenes that an earlier run could not use: their files may have been mended since then."""
    path = output / dataset_writer.SETTINGS
    return files.read_json(path).get("unusable", []) if path.exists() else []


def _record(sources: Sequence[Source], settings: Settings, unusable: Sequence[str], output: Path) -> dict[str, object]:
    """Return what must stay the same to resume: the settings, the names of all scenes, and the files that were good.

    Bounding boxes and meta_data.csv are left out, as no patch depends on them.
    """
    names = hashlib.sha256("".join(f"{source.split} {source.name}\n" for source in sources).encode())
    good = [path for source in sources if source.name not in unusable for path in source.paths.values()]
    stamps = validation.fingerprint((caffe_source.display_path(path), path) for path in good)
    return {
        "command": "caffe",
        "size": settings.size,
        "split": settings.split,
        "hold_out": list(settings.hold_out),
        "scenes": f"{len(sources)} names {names.hexdigest()[:12]}",
        "input": f"{len(sources) - len(unusable)} x 3 files {stamps}",
        "unusable": list(unusable),
        # Earlier versions dilated `fronts` and noted no width; their `lines` are the fronts one pixel wide.
        **({} if dataset.front_folder_of(output) == "lines" else {"front_width": 1}),
    }


# ---- Splitting ------------------------------------------------------------------------------------------------------


def make_splits(sources: Sequence[Source], settings: Settings) -> dict[str, str]:
    """Return the split of each scene. The test scenes are always the benchmark's own.

    Args:
      sources: sorted by name.
      settings: `paper` draws a tenth of the training scenes, so val shows the same glaciers as train, often within a
        week; `glacier` holds out whole glaciers.

    Raises:
      UserError: glaciers are missing, unknown or given with `paper`, or train would be empty.
    """
    where = {source.name: source.split for source in sources}
    training = [source.name for source in sources if source.split == "train"]
    if settings.split == "paper":
        if settings.hold_out:
            raise UserError("--hold-out goes with --split glacier; the split of the paper is fixed.")
        val = paper_val(training)
    else:
        val = _held_out(training, settings.hold_out)
    if len(val) == len(training):
        raise UserError(f"Nothing is left for train: all {len(training)} training scenes are validation scenes.")
    return where | dict.fromkeys(val, "val")


def paper_val(names: Sequence[str]) -> list[str]:
    """Return the paper's validation scenes: those that scikit-learn's train_test_split draws with seed 1.

    Args:
      names: those of all training scenes, sorted.
    """
    order = np.random.RandomState(VAL_SEED).permutation(len(names))  # RandomState's stream is frozen, for all NumPys
    return [names[place] for place in order[: math.ceil(VAL_SHARE * len(names))]]


def _held_out(training: Sequence[str], glaciers: Sequence[str]) -> list[str]:
    glacier = {name: facts_of(name)["glacier"] for name in training}
    known = Counter(glacier.values())
    if not glaciers:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(known.items()))
        raise UserError(f"--split glacier needs --hold-out with the glaciers to validate on. There are: {listed}.")
    for name in glaciers:
        if name not in known:
            raise did_you_mean("training glacier", name, known)
    return [name for name in training if glacier[name] in glaciers]


# ---- Only checking --------------------------------------------------------------------------------------------------


def check(raw: Path, workers: int = 1, scheduler: str | None = None) -> None:
    """Check the whole benchmark as its own script does. Write nothing.

    Args:
      raw: data_raw, or the folder that holds it.
      workers: number of processes.
      scheduler: address of a Dask scheduler, whose cluster does the work instead.

    Raises:
      UserError: one message names all problems.
    """
    root = caffe_source.root_of(raw)
    sources, problems = caffe_source.scan(root)
    found = Counter(source.split for source in sources)
    problems += [
        (f"{found[split]} whole scenes in {split}/, but the benchmark has {count}", "")
        for split, count in SCENES.items()
        if found[split] != count
    ]
    problems += [
        ("no file in bounding_boxes/", source.name) for source in sources if source.split == "test" and not source.box
    ]
    outcomes = parallel_map(check_scene, sources, workers, "scenes checked", scheduler)
    problems += [problem for one in outcomes for problem in one.problems]
    if problems:
        raise validation.validation_error(f"The benchmark in {root} differs from the published one", problems)
    places = caffe_source.read_metadata(root)
    print(f"{root} is the whole benchmark: {found['train']} training and {found['test']} test scenes, all of them good")
    print(f"meta_data.csv gives the place of {sum(source.name in places for source in sources)} of them")
    print_without_box([source.name for source in sources if not source.box])
    print_without_glacier(outcomes)


# ---- Reporting -------------------------------------------------------------------------------------------------------


def report(outcomes: Sequence[Outcome], scenes: Mapping[str, Scene], size: int, split: str) -> None:
    """Print scenes, patches, glaciers and sensors by split, and list unusual scenes.

    Args:
      outcomes: those of all scenes, all usable.
      scenes: the scenes by name, with their places on the ground.
      size: pixels of a patch's side.
      split: how they were split.
    """
    found = Counter("test" if scene.split == "test" else "train" for scene in scenes.values())
    whole = found == SCENES and size == 256
    total = sum(one.patches for one in outcomes)
    print(f"{len(outcomes)} scenes, {total} patches of {size} x {size} pixels: {', '.join(ROLES)}")
    print("split   scenes  patches" + ("  published" if whole else ""))
    for part in SPLITS:
        inside = [one for one in outcomes if scenes[one.name].split == part]
        line = f"{part:<8}{len(inside):>6}{sum(one.patches for one in inside):>9}"
        known = split == "paper" or part == "test"  # no counts are published for other splits
        print(line + (f"{PATCHES[part] if known else '-':>11}" if whole else ""))
    for part in SPLITS:
        members = [scene for scene in scenes.values() if scene.split == part]
        kinds = (_counted(members, field) for field in ("glacier", "sensor"))
        print(f"{part}: " + "; ".join(kinds))
    print_incomplete(found)
    print_without_glacier(outcomes)
    _print_special(scenes, size)


def _counted(scenes: Sequence[Scene], field: str) -> str:
    counts = Counter(getattr(scene, field) for scene in scenes)
    return f"{field}s " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def print_incomplete(found: Mapping[str, int]) -> None:
    """Print a warning when scenes of the benchmark are missing.

    Args:
      found: number of scenes of its `train` and `test`.
    """
    if any(found[part] != SCENES[part] for part in SCENES):
        counts = ", ".join(f"{part} {found[part]} of {SCENES[part]} scenes" for part in SCENES)
        print(f"this is not the whole benchmark ({counts}): results on it are not comparable with published ones")


def print_without_box(names: Sequence[str]) -> None:
    """Print which scenes have no bounding box."""
    if names:
        print(f"no bounding box, so the front is evaluated in the whole scene: {validation.abbreviate(names)}")


def print_without_glacier(outcomes: Sequence[Outcome]) -> None:
    """Print which scenes show no glacier."""
    bare = [one.name for one in outcomes if not one.has_glacier]
    if bare:
        print(f"no glacier in {len(bare)} scenes: {validation.abbreviate(bare)}")


def _print_special(scenes: Mapping[str, Scene], size: int) -> None:
    evaluated = {name: scene for name, scene in scenes.items() if scene.split != "train"}
    print_without_box([name for name, scene in evaluated.items() if scene.bounding_box is None])
    small = [name for name, scene in evaluated.items() if min(scene.height, scene.width) < size - scene.overlap]
    if small:
        print(
            "smaller than a patch's step, padded to one (the published code drops them): "
            f"{validation.abbreviate(small)}"
        )
    lost = [name for name, scene in scenes.items() if scene.bounds is None]
    if lost:
        print(f"no place on the ground known of {len(lost)} scenes (meta_data.csv): {validation.abbreviate(lost)}")
