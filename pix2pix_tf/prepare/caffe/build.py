"""From the raw CaFFe benchmark to a data set: find, divide, write, report; or only check.

Gourmelon et al. 2022, Earth System Science Data 14, 4287. Patches, paddings and the split are those of
the benchmark's published code (data_processing/data_preprocessing.py).
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pix2pix_tf.data import dataset, validation
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.data.scene_names import Facts, facts_of
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.prepare.caffe import facts, report
from pix2pix_tf.prepare.caffe import source as caffe_source
from pix2pix_tf.prepare.caffe.scene import ROLES, SceneTask, check_scene, write_scene
from pix2pix_tf.prepare.caffe.source import Source
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError, did_you_mean
from pix2pix_tf.utils.parallel import parallel_map

DIVIDE_BY = ("paper", "glacier")
VAL_SHARE, VAL_SEED = 0.1, 1  # of the paper's split


@dataclass(frozen=True)
class Settings:
    """What decides which data set is made from the benchmark."""

    size: int = 256  # pixels of a patch's side
    split: str = "paper"  # how train and val are divided; test is the benchmark's own
    hold_out: tuple[str, ...] = ()  # training glaciers that become val, with the split "glacier"


def prepare(raw: Path, output: Path, settings: Settings, workers: int = 1, scheduler: str | None = None) -> None:
    """Makes a data set from the benchmark or from a part of it, or goes on with one that was interrupted.

    Args:
      raw: data_raw, or the folder that holds it.
      output: the data set's folder.
      settings: checked here.
      workers: processes; what is written does not depend on them.
      scheduler: of a Dask cluster that does the work in their place.

    Raises:
      UserError: settings, names or the output folder are not usable, and nothing has been written; or some scenes are
        not usable, and all others have been written.
    """
    root = caffe_source.root_of(raw)
    _check_settings(settings, root, output)
    sources = caffe_source.find(root)
    where = make_splits(sources, settings)
    places = facts.read_metadata(root)
    made_with = _made_with(sources, settings, _unusable_before(output), output)
    if dataset_writer.is_finished(output, made_with):
        return
    dataset_writer.begin(output, made_with)
    jobs = [SceneTask(source, where[source.name], settings.size, output) for source in sources]
    outcomes = parallel_map(write_scene, jobs, workers, "scenes written", scheduler)
    bad = [one for one in outcomes if one.problems]
    dataset_writer.begin(output, _made_with(sources, settings, [one.name for one in bad], output))
    if bad:
        raise validation.validation_error(
            f"{len(bad)} of {len(sources)} scenes in {root} cannot be used. The others are written; mend these, and "
            "the same command goes on with them",
            [problem for one in bad for problem in one.problems],
        )
    scenes = {one.name: replace(one.scene, **places.get(one.name, Facts())) for one in outcomes if one.scene}
    bits = dict.fromkeys(ROLES, 8)
    dataset.save(Dataset(output, output.resolve().name, "real", settings.size, bits, scenes))
    report.report(outcomes, scenes, settings.size, settings.split)


def _check_settings(settings: Settings, root: Path, output: Path) -> None:
    if settings.size < 2:
        raise UserError(f"--size {settings.size} must be 2 pixels or more.")
    if settings.split not in DIVIDE_BY:
        raise did_you_mean("split", settings.split, DIVIDE_BY)
    if output.resolve().is_relative_to(root.resolve()):
        raise UserError(f"--output {output} lies inside {root}. Choose a folder outside it.")


def _unusable_before(output: Path) -> list[str]:
    """Scenes that an earlier run could not use: their files may have been mended since then."""
    path = output / dataset_writer.SETTINGS
    return files.read_json(path).get("unusable", []) if path.exists() else []


def _made_with(
    sources: Sequence[Source], settings: Settings, unusable: Sequence[str], output: Path
) -> dict[str, object]:
    """What must stay the same for a run to go on: settings, the names of all scenes, and the files that were good.

    Bounding boxes and meta_data.csv are not among it: no patch depends on them.
    """
    names = hashlib.sha256("".join(f"{source.split} {source.name}\n" for source in sources).encode())
    good = [path for source in sources if source.name not in unusable for path in source.paths.values()]
    stamps = validation.fingerprint((caffe_source.shown(path), path) for path in good)
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


# ---- Dividing -------------------------------------------------------------------------------------------------------


def make_splits(sources: Sequence[Source], settings: Settings) -> dict[str, str]:
    """Says for each scene in which split it lies. The test scenes are always the benchmark's own.

    Args:
      sources: sorted by name.
      settings: `paper` draws a tenth of the training scenes, so that val shows the glaciers and often the very weeks
        that train shows; `glacier` takes whole glaciers.

    Raises:
      UserError: glaciers are missing, unknown or not to be given, or train would be empty.
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
        raise UserError(f"Nothing is left for train: all {len(training)} training scenes would validate.")
    return where | dict.fromkeys(val, "val")


def paper_val(names: Sequence[str]) -> list[str]:
    """The training scenes that validate in the paper: those that scikit-learn's train_test_split draws with seed 1.

    Args:
      names: of all training scenes, sorted.
    """
    order = np.random.RandomState(VAL_SEED).permutation(len(names))  # RandomState's stream is frozen, for all NumPys
    return [names[place] for place in order[: math.ceil(VAL_SHARE * len(names))]]


def _held_out(training: Sequence[str], glaciers: Sequence[str]) -> list[str]:
    glacier = {name: facts_of(name)["glacier"] for name in training}
    known = Counter(glacier.values())
    if not glaciers:
        listed = ", ".join(f"{name} ({count})" for name, count in sorted(known.items()))
        raise UserError(f"--split glacier needs --hold-out with the glaciers that shall validate. There are: {listed}.")
    for name in glaciers:
        if name not in known:
            raise did_you_mean("training glacier", name, known)
    return [name for name in training if glacier[name] in glaciers]


# ---- Only checking --------------------------------------------------------------------------------------------------


def check(raw: Path, workers: int = 1, scheduler: str | None = None) -> None:
    """Checks the whole benchmark as its own script does, and writes nothing.

    Args:
      raw: data_raw, or the folder that holds it.
      workers: processes.
      scheduler: of a Dask cluster that does the work in their place.

    Raises:
      UserError: one message names all that is wrong.
    """
    root = caffe_source.root_of(raw)
    sources, problems = caffe_source.scan(root)
    found = Counter(source.split for source in sources)
    problems += [
        (f"{found[split]} whole scenes in {split}/, but the benchmark has {count}", "")
        for split, count in report.SCENES.items()
        if found[split] != count
    ]
    problems += [
        ("no file in bounding_boxes/", source.name) for source in sources if source.split == "test" and not source.box
    ]
    outcomes = parallel_map(check_scene, sources, workers, "scenes checked", scheduler)
    problems += [problem for one in outcomes for problem in one.problems]
    if problems:
        raise validation.validation_error(f"The benchmark in {root} is not as it was published", problems)
    places = facts.read_metadata(root)
    print(f"{root} is the whole benchmark: {found['train']} training and {found['test']} test scenes, all of them good")
    print(f"meta_data.csv tells the place of {sum(source.name in places for source in sources)} of them")
    report.say_without_box([source.name for source in sources if not source.box])
    report.say_without_glacier(outcomes)
