"""A run's checkpoints: written whole, found again, and looked after when one is damaged.

checkpoints/checkpoint           the names of those that are whole, the newest one first; TensorFlow's own format
            ckpt-<step>.index    names, shapes and a checksum of each tensor
            ckpt-<step>.data-*   the tensors

A checkpoint counts from the moment at which the file `checkpoint` names it, so that a half-written one is never taken.
TensorFlow compares each tensor with its checksum (CRC-32C) whenever it reads one, so that no bit changes unseen.
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
    """The checkpoints of one run while it is trained."""

    def __init__(self, folder: Path, parts: dict[str, tf.Module | tf.keras.Model | tf.Variable], keep: int):
        """Finds the checkpoints that are there.

        Args:
          folder: the run's `checkpoints`; it may be missing.
          parts: all that is to be saved, by name.
          keep: how many are kept, at least 1.
        """
        self._folder, self._keep = folder, keep
        self._content = tf.train.Checkpoint(**parts)
        self._whole = _named(folder) or _readable(folder)  # from the oldest to the newest, without their suffixes

    @property
    def newest(self) -> Path | None:
        """The newest checkpoint, without its suffix; None: there is none yet."""
        return self._whole[-1] if self._whole else None

    def restore(self) -> bool:
        """Takes up the newest checkpoint; False when there is none.

        Raises:
          UserError: it is damaged, or of another program. Nothing has been removed then.
        """
        newest = self.newest
        if newest:
            try:
                self._content.read(str(newest)).assert_existing_objects_matched()
            except Exception as error:  # a damaged index makes TensorFlow raise all kinds, IndexError among them
                raise UserError(self._cannot_be_read(newest, _told(error))) from None
        return newest is not None

    def clear(self) -> None:
        """Removes what a killed process left half written, or half removed; after `restore`."""
        kept = {path.name for path in self._whole}
        for path in self._folder.glob("ckpt-*"):
            if path.name.partition(".")[0] not in kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def save(self, step: int) -> None:
        """Writes a checkpoint of this step, unless it is there; then removes the oldest ones.

        Raises:
          OSError: as the writing does; the older ones are untouched then.
        """
        path = self._folder / f"ckpt-{step}"
        if path == self.newest:
            return
        with saved_model.writing(path):
            self._content.write(str(path))
        leaving = [*self._whole, path][: -self._keep]
        self._whole = [*self._whole, path][-self._keep :]
        names = "".join(f'all_model_checkpoint_paths: "{one.name}"\n' for one in self._whole)
        files.write_text(self._folder / STATE, f'model_checkpoint_path: "{path.name}"\n{names}')
        for old in leaving:
            for part in self._folder.glob(f"{old.name}.*"):
                part.unlink()

    def _cannot_be_read(self, newest: Path, reason: str) -> str:
        message = f"The checkpoint {newest} cannot be read ({reason})."
        if _is_sound(newest):
            return f"{message} Its bytes are as they were written: another version of the program wrote it."
        older = next((path for path in reversed(self._whole[:-1]) if _is_sound(path)), None)
        if older is None:
            return f"{message} It is damaged, and there is none before it: choose another --run to begin anew."
        return (
            f"{message} It is damaged; the one before it, {older.name}, is whole. To go on from that one: "
            f"rm {shlex.quote(str(newest))}.*, then the same command again."
        )


def _named(folder: Path) -> list[Path]:
    """What the file `checkpoint` names and is there; nothing if it cannot be read."""
    try:
        state = tf.train.get_checkpoint_state(str(folder))
    except (UnicodeDecodeError, tf.errors.OpError):
        return []
    paths = [folder / Path(path).name for path in state.all_model_checkpoint_paths] if state else []
    return [path for path in paths if path.with_name(f"{path.name}.index").exists()]


def _readable(folder: Path) -> list[Path]:
    """The whole ones among the files: for a folder whose file `checkpoint` is missing, or is itself damaged."""
    found = [path.with_suffix("") for path in folder.glob("ckpt-*.index") if path.stem[5:].isdecimal()]
    return [path for path in sorted(found, key=lambda path: int(path.name[5:])) if _is_sound(path)]


def _told(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].partition(" [Op:")[0].split("}} ")[-1]


def _is_sound(checkpoint: Path) -> bool:
    """Whether each tensor in a checkpoint is as its checksum says."""
    try:
        reader = tf.train.load_checkpoint(str(checkpoint))
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except Exception:  # as above
        return False
    return True
