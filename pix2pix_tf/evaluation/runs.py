"""Finds runs on disk and opens the data set to compare them on.

It does without TensorFlow, which takes seconds to import: a mistake in a command line is answered at once.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pix2pix_tf.data import dataset, scene_names
from pix2pix_tf.data.cloud_filter import without_clouds
from pix2pix_tf.data.dataset import SPLITS, Dataset
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.export import versions
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError, did_you_mean, truncated_repr


@dataclass(frozen=True)
class Run:
    """A training that has exported, as its config.json describes it, or an export alone, as it describes itself."""

    folder: Path  # of the run, or of the export: a base path or a version
    name: str
    variant: str
    inputs: tuple[str, ...]  # roles
    targets: tuple[str, ...]
    data: Path | None  # the data set it was trained on; None: an export alone
    origin: str  # of that data set: real | simulated | generated: <run>@<epoch> | unknown
    cloudy: float = 0.1  # share of clouds above which a patch was called cloudy in training
    max_cloud: float = 1.0  # share of a target under cloud, above which it was left out

    @property
    def is_segmentation(self) -> bool:
        """True for a run that predicts masks of zones or fronts, False for one that generates images."""
        return self.targets in (("zones",), ("fronts",))

    @property
    def task(self) -> str:
        """The kind of its scores: those of runs of different tasks do not compare."""
        return "fronts" if self.is_segmentation else "-".join(self.targets) or "clouds"


def find_runs(named: Sequence[Path], root: Path) -> list[Run]:
    """Read the runs that a user names.

    Args:
      named: run folders or exports; when there are none, all runs under `root` that have an export.
      root: the folder of runs.

    Raises:
      UserError: a run does not exist or has no export, two have the same name, or none is named and there is none.
    """
    exporting = sorted(folder for folder in root.glob("*") if _has_export(folder))
    if not named and not exporting:
        raise UserError(f"There is no run with an export in {root}/. Train one first: python train.py --variant orig")
    runs: dict[str, Run] = {}
    for folder in named or exporting:
        run = _read(folder, exporting)
        same = runs.setdefault(run.name, run)
        if same.folder.resolve() != folder.resolve():
            one = "" if same.data is None or run.data is None else ", or rename one of them"
            raise UserError(f"{same.folder} and {folder} are both called {run.name}. Evaluate them apart{one}.")
    return list(runs.values())


def training_hours(run: Run) -> dict[int, float]:
    """Return the hours of training until the end of each epoch, by the run's log; empty where it has none.

    Args:
      run: the run.
    """
    lines = files.read_json_lines(run.folder / "log.jsonl")
    ends = itertools.accumulate(line["seconds"] / 3600 for line in lines)
    return {line["epoch"]: end for line, end in zip(lines, ends, strict=True)}


def group_by_task(runs: Sequence[Run]) -> list[list[Run]]:
    """Group runs by task."""
    return [[run for run in runs if run.task == task] for task in dict.fromkeys(run.task for run in runs)]


def open_data(runs: Sequence[Run], data: Path | None, split: str, max_cloud: float | None = None) -> Dataset:
    """Open the data set to compare runs on, and check it for all that they need.

    Args:
      runs: at least one.
      data: the data set's folder; the one that the runs were trained on when None.
      split: train, val or test.
      max_cloud: share of a target under cloud above which it is left out; the least of the runs' own when None, so
        that all are measured on the same targets.

    Raises:
      UserError: the runs have different targets, they were trained on different data sets and none is named, or the
        split or a role is missing.
    """
    other = next((run for run in runs if run.task != runs[0].task), None)
    if other:
        raise UserError(
            f"{runs[0].folder} makes {', '.join(runs[0].targets)} and {other.folder} {', '.join(other.targets)}: "
            "their scores mean different things. Evaluate them apart."
        )
    alone = next((run for run in runs if run.data is None), None)
    if data is None and alone:
        raise UserError(f"{alone.folder} is an export, which has no data of its own: name a data set with --data.")
    trained_on = {run.data.resolve(): run for run in runs if run.data}
    if data is None and len(trained_on) > 1:
        where = ", ".join(f"{run.folder} on {run.data}" for run in trained_on.values())
        raise UserError(f"The runs were trained on different data sets ({where}). Name one for all with --data.")
    roles = dict.fromkeys(role for run in runs for role in run.inputs + run.targets)
    if runs[0].is_segmentation:
        roles["fronts"] = None  # the truth for the fronts
    loaded = load_dataset(data or next(run.data for run in runs if run.data), tuple(roles), (split,))
    return without_clouds(loaded, min(run.max_cloud for run in runs) if max_cloud is None else max_cloud)


def find_masks(folder: Path) -> tuple[Path, str]:
    """Find the masks in a folder that a user names, without reading them.

    Args:
      folder: a data set with masks in one split, the folder of a split, or any folder with a folder `zones`.

    Returns:
      The data set's folder, and the split; "." where `zones` lies in the folder itself.

    Raises:
      UserError: there are no masks, or several splits have some.
    """
    if not folder.is_dir():
        raise UserError(
            f"There is no folder {folder}. Make masks first: python -m pix2pix_tf.prepare masks --output {folder}"
        )
    in_data = folder.name in SPLITS and (folder.parent / dataset.FILE).exists()
    places = [(folder.parent, folder.name)] if in_data else [(folder, split) for split in (*SPLITS, ".")]
    found = [place for place in places if any((place[0] / place[1] / "zones").glob("*.png"))]
    if not found:
        raise UserError(
            f"--masks {folder} has no .png files in zones/ or train/zones/. Name a data set of prepare masks, or put "
            "masks there."
        )
    if len(found) > 1:
        several = " and ".join(str(root / split) for root, split in found)
        raise UserError(f"--masks {folder} has masks in several splits. Name one of {several}.")
    return found[0]


def open_masks(runs: Sequence[Run], folder: Path, compared: Dataset) -> tuple[Dataset, str]:
    """Open masks that have no real images, and check them for all that the runs need.

    Args:
      runs: at least one; all generate SAR from zones.
      folder: see `find_masks`.
      compared: the data set with the real images.

    Returns:
      The masks as a data set, with the depth of the real images for the generated ones; and their split.

    Raises:
      UserError: there are no masks, a role is missing, or their size or depth is not that of the data set.
    """
    root, split = find_masks(folder)
    roles = tuple(dict.fromkeys(role for run in runs for role in run.inputs))
    masks = load_dataset(root, roles, (split,), option="--masks")
    if masks.size != compared.size:
        raise UserError(
            f"The masks of {root} have {masks.size} pixels a side and the images of {compared.root} {compared.size}: "
            f"their spectra do not compare. Make masks with prepare masks --size {compared.size}."
        )
    other = next((role for role in roles if masks.bits[role] != compared.bits[role]), None)
    if other:
        raise UserError(
            f"{other} has {masks.bits[other]} bit in {root} and {compared.bits[other]} bit in {compared.root}. Name "
            "--masks of the same depth."
        )
    return replace(masks, bits={**masks.bits, "sar": compared.bits["sar"]}), split


def _has_export(folder: Path) -> bool:
    return any((folder / "export").glob("*/*/saved_model.pb"))


def _read(folder: Path, others: Sequence[Path]) -> Run:
    if not folder.is_dir():
        raise did_you_mean("run", str(folder), map(str, others)) if others else UserError(f"There is no run {folder}.")
    path = folder / "config.json"
    if not path.exists():
        if _has_export(folder):
            raise UserError(f"{folder} is no run of train.py: it has no config.json.")
        return _read_export(folder)
    if not _has_export(folder):
        raise UserError(
            f"{folder} has no export yet; the first comes after train.export_every epochs. Train it further, or name "
            "another run."
        )
    values = files.read_json(path)
    try:
        config, data = values["config"], values["data"]
        return Run(
            folder=folder,
            name=folder.resolve().name,
            variant=str(config["variant"]),
            inputs=tuple(config["data"]["inputs"]),
            targets=tuple(config["data"]["targets"]),
            data=Path(data["path"]),
            origin=str(data["origin"]),
            cloudy=float(config["data"].get("cloudy", Run.cloudy)),
            max_cloud=float(config["data"].get("max_cloud", 1.0)),  # runs of before have none
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UserError(f"{path} is not as train.py writes it ({truncated_repr(error)}). Name another run.") from None


def _read_export(folder: Path) -> Run:
    exports = versions.all_of(folder)
    if not exports:
        raise UserError(f"{folder} is neither a run of train.py, which has a config.json, nor an export.")
    path = exports[max(exports)] / versions.DESCRIPTION
    described = files.read_json(path)
    try:
        name, variant, origin = (str(described[key]) for key in ("run", "variant", "origin"))
        inputs, targets = (tuple(map(str, described[key])) for key in ("inputs", "targets"))
        if not scene_names.is_file_name(name):
            raise ValueError(name)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} is not as train.py writes it ({truncated_repr(error)}). Name another one.") from None
    if not targets:
        raise UserError(f"{folder} classifies clouds, and only its run says from which share on: name the run.")
    return Run(folder, name, variant, inputs, targets, None, origin)
