"""TensorBoard's files, after a process that was killed: what it wrote after its last checkpoint comes once more."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from pix2pix_tf.utils import files

# TensorBoard reads in the order of names: this sorts before all others, which go on with the time.
KEPT = "events.out.tfevents.0.kept"


def purge_after(folder: Path, step: int) -> None:
    """Drops the events of steps that will be trained again.

    Nothing is touched where there are none. Else what remains comes into one file; should the process die before the
    others are removed, the next call finds the same events twice and drops those as well.

    Args:
      folder: of the run's TensorBoard; it may be missing.
      step: the last one that counts.
    """
    paths = sorted(folder.glob("events.out.tfevents.*"))
    seen, kept, dropped = set(), [], False
    for path in paths:
        for record in _records(path):
            event, digest = tf.compat.v1.Event.FromString(record), hashlib.sha256(record).digest()
            if not event.HasField("summary"):  # it tells the file's version, which each writer writes anew
                continue
            if event.step > step or digest in seen:
                dropped = True
            else:
                kept.append(record)
            seen.add(digest)
    if not dropped:
        return
    with files.atomic_write(folder / KEPT) as temporary, tf.io.TFRecordWriter(str(temporary)) as writer:
        writer.write(tf.compat.v1.Event(file_version="brain.Event:2").SerializeToString())
        for record in kept:
            writer.write(record)
    for path in paths:
        if path.name != KEPT:
            path.unlink()


def _records(path: Path) -> Iterator[bytes]:
    """The whole records of a file: a killed process may have left half of one at its end."""
    try:
        yield from tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    except tf.errors.DataLossError:
        return
