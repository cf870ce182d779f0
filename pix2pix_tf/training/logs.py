"""The logs of a run that resumes: entries after the last checkpoint, which would appear twice, are purged."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from pix2pix_tf.utils import files

# TensorBoard reads files in the order of their names: this one sorts before all others, which continue with the time.
KEPT = "events.out.tfevents.0.kept"


def purge_lines_after(log: Path, step: int) -> None:
    """Remove the lines of a log.jsonl of epochs that will be trained again, and a line that a killed process cut off.

    Args:
      log: the file; it may be missing.
      step: the last one to keep.
    """
    if log.exists():
        kept = [line for line in files.read_json_lines(log) if line["step"] <= step]
        files.write_text(log, "".join(json.dumps(line) + "\n" for line in kept))


def purge_after(folder: Path, step: int) -> None:
    """Remove the TensorBoard events of steps that will be trained again.

    Without such events no file is touched. Otherwise the remaining events are written to one file. If the process dies
    before it removes the other files, the next call removes the events that then exist twice.

    Args:
      folder: of TensorBoard's files in the run; it may be missing.
      step: the last one to keep.
    """
    paths = sorted(folder.glob("events.out.tfevents.*"))
    digests, kept, dropped = set(), [], False
    for path in paths:
        for record in _records(path):
            event, digest = tf.compat.v1.Event.FromString(record), hashlib.sha256(record).digest()
            if not event.HasField("summary"):  # the file's version, which each writer writes itself
                continue
            if event.step > step or digest in digests:
                dropped = True
            else:
                kept.append(record)
            digests.add(digest)
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
    """Yield the complete records of a file; a killed process may have left half of one at its end."""
    try:
        yield from tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    except tf.errors.DataLossError:
        return
