"""The folder of a run: whose it is, and which settings may change between two starts of one training."""

from collections.abc import Mapping
from pathlib import Path

from pix2pix_tf import config as configuration
from pix2pix_tf.config import Config
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.export import versions
from pix2pix_tf.utils import files, resumable
from pix2pix_tf.utils.errors import UserError, truncate

RECORD = "config.json"  # {"config": the configuration, "data": the data set, "init": the path of --init, if given}

# The weights of an epoch do not depend on these options, so they may change between two starts of a run; but with
# `train.decay_epochs` the learning rate falls towards the last of the epochs, and rises again where more are added.
MAY_CHANGE = tuple(
    f"train.{option}:"
    for option in (
        *("epochs", "export_every", "export_weights", "checkpoint_minutes", "max_to_keep", "log_steps", "samples"),
        "devices",  # any number of them takes the same steps, but for rounding
    )
)


def claim(run: Path, config: Config, dataset: Dataset, init: Path | None = None) -> None:
    """Make a run's folder and write its config.json, or check that the folder there belongs to this training.

    Removes what a killed process left half written in it.

    Args:
      run: the folder; locked by this process (`files.lock`).
      config: what is to be trained.
      dataset: on what, opened.
      init: the weights that it begins with, as the user named them; None: new ones, or those of the record.

    Raises:
      UserError: the folder holds a run of another configuration or data set, or something else.
    """
    folders = (run / "samples", run / "tensorboard", run / "checkpoints", *(run / "export").glob("*"))
    resumable.claim(run, RECORD, _settings(config, dataset, init or init_of(run)), "--run", _changes, clear=folders)


def check(run: Path, config: Config, dataset: Dataset, init: Path | None = None) -> None:
    """Check that a run's folder is free or belongs to this training. Writes nothing. See `claim`."""
    resumable.check(run, RECORD, _settings(config, dataset, init or init_of(run)), "--run", _changes)


def init_of(run: Path) -> Path | None:
    """Return the path of `--init` with which a run was begun; None for a new run, or one without."""
    recorded = files.read_json(run / RECORD).get("init") if (run / RECORD).is_file() else None
    return Path(recorded) if isinstance(recorded, str) else None


def find_weights(path: Path) -> Path:
    """Return the training weights that `--init` names.

    Args:
      path: an export, one of its versions, or a run: the epoch that `--model` takes, or the newest checkpoint where the
        run has no export with weights.

    Returns:
      A file of weights, or a checkpoint without its suffix.

    Raises:
      UserError: there are none.
    """
    if not path.exists():
        raise UserError(f"--init: there is no {path}.")
    is_run = (path / RECORD).exists()
    version = None
    if not is_run:
        version = versions.find(path)
    elif versions.epochs(path):
        version, _ = versions.chosen(path)
    if version and (version / versions.WEIGHTS).exists():
        return version / versions.WEIGHTS
    checkpoints = (path / "checkpoints").glob("ckpt-*.index") if is_run else ()
    steps = {int(one.stem[5:]): one.with_suffix("") for one in checkpoints if one.stem[5:].isdecimal()}
    if steps:
        return steps[max(steps)]
    raise UserError(
        f"--init: {version or path} has no training weights ({versions.WEIGHTS}). Take an export that was written with "
        "train.export_weights=true, or a run with its checkpoints."
    )


def expect_claimed(run: Path) -> None:
    """Check that a run's folder is still there, before anything is written into it.

    Raises:
      UserError: it is not.
    """
    if not (run / RECORD).exists():
        raise UserError(
            f"{run} is gone: it was removed or moved during the training, and nothing more is written. The same "
            "command starts again; with --run, it resumes the folder in its new place."
        )


def _settings(config: Config, dataset: Dataset, init: Path | None) -> dict[str, object]:
    data = {"path": str(dataset.root), "name": dataset.name, "origin": dataset.origin}
    counts = {split: len(stems) for split, stems in dataset.stems.items()}
    begun = {} if init is None else {"init": str(init)}
    return {"config": configuration.to_dict(config), "data": data | counts, **begun}


def _changes(before: Mapping, now: Mapping) -> list[str]:
    """Return the differences that change the weights; the record before may spell options as they were named then."""
    old, new = (configuration.from_dict(settings.get("config", {})) for settings in (before, now))
    changes = [change for change in configuration.differences(old, new) if not change.startswith(MAY_CHANGE)]
    data = before["data"] if isinstance(before.get("data"), dict) else {}
    changes += [
        f"data {key}: {truncate(data.get(key))} -> {now['data'][key]}"
        for key in ("name", "train", "val")  # a data set may move to another folder
        if data.get(key) != now["data"][key]
    ]
    if before.get("init") != now.get("init"):
        changes.append(f"init: {truncate(before.get('init', 'none'))} -> {truncate(now.get('init', 'none'))}")
    return changes
