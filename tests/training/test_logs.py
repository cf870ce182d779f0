import shutil

import pytest
import tensorflow as tf

from pix2pix_tf.training import logs


def write(folder, *steps, tag="loss"):
    """One file, as a start of a training writes it."""
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step in steps:
            tf.summary.scalar(tag, float(step), step=step)
    writer.close()


def read(folder):
    """(step, tag) of all events, in the order in which TensorBoard reads them."""
    events = []
    for path in sorted(folder.iterdir()):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            events += [(event.step, value.tag) for value in event.summary.value]
    return events


def test_events_of_steps_that_come_again_are_dropped(tmp_path):
    write(tmp_path, 1, 2, 3)
    write(tmp_path, 4, 5)
    logs.purge_after(tmp_path, 3)
    write(tmp_path, 4, 5, 6)
    assert read(tmp_path) == [(step, "loss") for step in (1, 2, 3, 4, 5, 6)]


def test_where_nothing_is_to_be_dropped_no_file_is_touched(tmp_path):
    write(tmp_path, 1, 2)
    write(tmp_path, 3)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    logs.purge_after(tmp_path, 3)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    logs.purge_after(tmp_path / "missing", 3)


def test_a_process_that_dies_before_the_old_files_are_gone_doubles_nothing(tmp_path):
    write(tmp_path / "old", 1, 2, 3)
    shutil.copytree(tmp_path / "old", tmp_path / "run")
    logs.purge_after(tmp_path / "run", 2)
    for path in (tmp_path / "old").iterdir():
        shutil.copy(path, tmp_path / "run")  # both are there, as after a kill
    logs.purge_after(tmp_path / "run", 2)
    assert read(tmp_path / "run") == [(1, "loss"), (2, "loss")]


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_half_an_event_at_the_end_of_a_file_is_no_harm(tmp_path, cut):
    write(tmp_path, 1, 2, 3)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-cut])
    logs.purge_after(tmp_path, 1)
    assert read(tmp_path) == [(1, "loss")]
