"""A run's checkpoints: written atomically, restored, and diagnosed when one is damaged.

checkpoints/checkpoint           the names of the complete ones, the newest first; TensorFlow's own format
            ckpt-<step>.index    names, shapes and a checksum of each tensor
            ckpt-<step>.data-*   the tensors

A checkpoint counts once the file `checkpoint` names it, so that a half-written one is never restored. TensorFlow
compares each tensor with its checksum (CRC-32C) whenever it reads one.
"""

import shlex
import shutil
from pathlib import Path

import tensorflow as tf

from pix2pix_tf.export import saved_model
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

STATE = "checkpoint"


class Checkpoints:
    """The checkpoints of one run during training."""

    def __init__(self, folder: Path, parts: dict[str, tf.Module | tf.keras.Model | tf.Variable], max_to_keep: int):
        """List the existing checkpoints.

        Args:
          folder: the run's `checkpoints`; it may be missing.
          parts: the objects to save, by name.
          max_to_keep: number of checkpoints to keep, at least 1.
        """
        self._folder, self._max_to_keep = folder, max_to_keep
        self._content = tf.train.Checkpoint(**parts)
        self._complete = _named(folder) or _sound(folder)  # from the oldest to the newest, without their suffixes

    @property
    def newest(self) -> Path | None:
        """The newest checkpoint, without its suffix; None if there is none yet."""
        return self._complete[-1] if self._complete else None

    def restore(self) -> bool:
        """Restore the newest checkpoint; return False if there is none.

        Raises:
          UserError: it is damaged, or of another version of the program. No file has been removed then.
        """
        newest = self.newest
        if newest:
            try:
                self._content.read(str(newest)).assert_existing_objects_matched()
            except Exception as error:  # a damaged index makes TensorFlow raise all kinds, IndexError among them
                raise UserError(self._cannot_be_read(newest, _reason(error))) from None
        return newest is not None

    def clear(self) -> None:
        """Remove the files that a killed process left half written or half removed; call it after `restore`."""
        kept = {path.name for path in self._complete}
        for path in self._folder.glob("ckpt-*"):
            if path.name.partition(".")[0] not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def save(self, step: int) -> None:
        """Write a checkpoint of this step, unless it exists; then remove the oldest ones.

        Raises:
          OSError: it could not be written; the older ones are untouched then.
        """
        path = self._folder / f"ckpt-{step}"
        if path == self.newest:
            return
        with saved_model.os_errors(path):
            self._content.write(str(path))
        expired = [*self._complete, path][: -self._max_to_keep]
        self._complete = [*self._complete, path][-self._max_to_keep :]
        names = "".join(f'all_model_checkpoint_paths: "{one.name}"\n' for one in self._complete)
        files.write_text(self._folder / STATE, f'model_checkpoint_path: "{path.name}"\n{names}')
        for old in expired:
            for part in self._folder.glob(f"{old.name}.*"):
                part.unlink()

    def _cannot_be_read(self, newest: Path, reason: str) -> str:
        message = f"The checkpoint {newest} cannot be read ({reason})."
        if _is_sound(newest):
            return f"{message} Its bytes are undamaged: another version of the program wrote it."
        older = next((path for path in reversed(self._complete[:-1]) if _is_sound(path)), None)
        if older is None:
            return f"{message} It is damaged, and there is no older one: choose another --run to start again."
        return (
            f"{message} It is damaged; the one before it, {older.name}, is undamaged. To resume from that one: "
            f"rm {shlex.quote(str(newest))}.*, then the same command again."
        )


def _named(folder: Path) -> list[Path]:
    """Return the checkpoints that the file `checkpoint` names and that exist; none if it cannot be read."""
    try:
        state = tf.train.get_checkpoint_state(str(folder))
    except (UnicodeDecodeError, tf.errors.OpError):
        return []
    paths = [folder / Path(path).name for path in state.all_model_checkpoint_paths] if state else []
    return [path for path in paths if path.with_name(f"{path.name}.index").exists()]


def _sound(folder: Path) -> list[Path]:
    """Return the undamaged checkpoints of a folder whose file `checkpoint` is missing or damaged."""
    paths = [path.with_suffix("") for path in folder.glob("ckpt-*.index") if path.stem[5:].isdecimal()]
    return [path for path in sorted(paths, key=lambda path: int(path.name[5:])) if _is_sound(path)]


def _reason(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].partition(" [Op:")[0].split("}} ")[-1]


def _is_sound(checkpoint: Path) -> bool:
    """Return True if each tensor of a checkpoint matches its checksum."""
    try:
        reader = tf.train.load_checkpoint(str(checkpoint))
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except Exception:  # as above
        return False
    return True
