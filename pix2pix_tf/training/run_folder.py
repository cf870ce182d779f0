"""The folder of a run: whose it is, and which settings may change between two starts of one training."""

from collections.abc import Mapping
from pathlib import Path

from pix2pix_tf import config as configuration
from pix2pix_tf.config import Config
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.utils import resumable
from pix2pix_tf.utils.errors import UserError, truncate

RECORD = "config.json"  # {"config": the configuration, "data": the data set}

# The weights do not depend on these options, so they may change between two starts of a run.
MAY_CHANGE = tuple(
    f"train.{option}:"
    for option in (
        *("epochs", "export_every", "checkpoint_minutes", "max_to_keep", "log_steps", "samples"),
        "devices",  # any number of them takes the same steps, but for rounding
    )
)


def claim(run: Path, config: Config, dataset: Dataset) -> None:
    """Make a run's folder and write its config.json, or check that the folder there belongs to this training.

    Removes what a killed process left half written in it.

    Args:
      run: the folder; locked by this process (`files.lock`).
      config: what is to be trained.
      dataset: on what, opened.

    Raises:
      UserError: the folder holds a run of another configuration or data set, or something else.
    """
    folders = (run / "samples", run / "tensorboard", run / "checkpoints", *(run / "export").glob("*"))
    resumable.claim(run, RECORD, _settings(config, dataset), "--run", _changes, clear=folders)


def check(run: Path, config: Config, dataset: Dataset) -> None:
    """Check that a run's folder is free or belongs to this training. Writes nothing. See `claim`."""
    resumable.check(run, RECORD, _settings(config, dataset), "--run", _changes)


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


def _settings(config: Config, dataset: Dataset) -> dict[str, dict]:
    data = {"path": str(dataset.root), "name": dataset.name, "origin": dataset.origin}
    counts = {split: len(stems) for split, stems in dataset.stems.items()}
    return {"config": configuration.to_dict(config), "data": data | counts}


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
    return changes
