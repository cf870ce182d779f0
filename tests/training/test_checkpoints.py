import shlex
import shutil
import time
from pathlib import Path

import pytest
import tensorflow as tf

from pix2pix_tf.training.checkpoints import Checkpoints
from pix2pix_tf.utils.errors import UserError


class Trained:
    """A stand-in for a training: eight weights whose value is the step."""

    def __init__(self, folder, keep=2):
        self.weights = tf.Variable(tf.zeros(8))
        self.checkpoints = Checkpoints(folder, {"weights": self.weights}, keep)

    def save(self, *steps):
        for step in steps:
            self.weights.assign(tf.fill([8], float(step)))
            self.checkpoints.save(step)
        return self

    def restored(self):
        restored = self.checkpoints.restore()
        self.checkpoints.clear()
        return float(self.weights[0]) if restored else None


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def flip(path, bit):
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)


def test_the_newest_is_taken_up_and_the_oldest_go(tmp_path):
    assert Trained(tmp_path / "none").restored() is None
    Trained(tmp_path).save(3, 6, 10)
    assert Trained(tmp_path).restored() == 10
    kept = [f"ckpt-{step}.{kind}" for step in (10, 6) for kind in ("data-00000-of-00001", "index")]
    assert names(tmp_path) == ["checkpoint", *kept]
    assert Path(tf.train.latest_checkpoint(str(tmp_path))) == tmp_path / "ckpt-10"  # TensorFlow's own tools find it


def test_a_step_that_is_saved_is_not_written_again(tmp_path):
    trained = Trained(tmp_path).save(3)
    before = (tmp_path / "ckpt-3.index").stat().st_mtime_ns
    trained.save(3)
    assert (tmp_path / "ckpt-3.index").stat().st_mtime_ns == before


def test_what_a_killed_process_left_half_written_is_neither_taken_nor_kept(tmp_path):
    Trained(tmp_path).save(3)
    Trained(tmp_path / "other").save(6)
    shutil.copy(tmp_path / "other" / "ckpt-6.index", tmp_path)  # without its data
    (tmp_path / "ckpt-9_temp").mkdir()
    (tmp_path / "ckpt-9_temp" / "part-00000-of-00001.data-00000-of-00001").write_bytes(b"half")
    assert Trained(tmp_path).restored() == 3
    assert names(tmp_path) == ["checkpoint", "ckpt-3.data-00000-of-00001", "ckpt-3.index", "other"]


def test_each_flipped_bit_is_found_or_changes_nothing(tmp_path, rng):
    folder = tmp_path / "with a space"
    Trained(folder).save(3, 6)
    for path in (folder / "ckpt-6.data-00000-of-00001", folder / "ckpt-6.index"):
        whole, errors = path.read_bytes(), 0
        bits = rng.choice(8 * len(whole), 100, replace=False)
        for bit in bits:
            flip(path, bit)
            try:
                restored = Trained(folder).restored()
            except UserError as error:
                restored, errors = 6 if f"{folder / 'ckpt-6'} cannot be read" in str(error) else None, errors + 1
            assert restored == 6, bit
            path.write_bytes(whole)
        assert errors == len(bits) if ".data" in path.name else errors > 50  # an index has some bytes that mean nothing


def test_the_one_before_a_damaged_one_is_offered_and_can_be_had(tmp_path):
    folder = tmp_path / "with a space"
    Trained(folder).save(3, 6)
    flip(folder / "ckpt-6.data-00000-of-00001", 99)
    with pytest.raises(UserError, match=r"It is damaged; the one before it, ckpt-3, is undamaged") as refused:
        Trained(folder).restored()
    assert len(names(folder)) == 5  # nothing is removed unasked
    (pattern,) = shlex.split(str(refused.value).partition(": rm ")[2].partition(", then")[0])
    for path in Path("/").glob(pattern.removeprefix("/")):  # as the shell does
        path.unlink()
    assert Trained(folder).restored() == 3
    Trained(folder).save(6)
    assert Trained(folder).restored() == 6


def test_where_none_is_whole_it_says_so(tmp_path):
    Trained(tmp_path).save(3)
    flip(tmp_path / "ckpt-3.data-00000-of-00001", 99)
    with pytest.raises(UserError, match="there is no older one"):
        Trained(tmp_path).restored()


def test_a_checkpoint_of_other_parts_is_not_called_damaged(tmp_path):
    Trained(tmp_path).save(3)
    other = Checkpoints(tmp_path, {"bias": tf.Variable(tf.zeros(8))}, 2)
    with pytest.raises(UserError, match="another version of the program"):
        other.restore()


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"model_checkpoint_path", b'model_checkpoint_path: "ckpt-7"\n'])
def test_without_the_list_of_checkpoints_the_newest_whole_one_is_found(tmp_path, content):
    Trained(tmp_path).save(3, 10)
    (tmp_path / "checkpoint").unlink()
    if content is not None:
        (tmp_path / "checkpoint").write_bytes(content)
    assert Trained(tmp_path).restored() == 10
    (tmp_path / "ckpt-10.index").write_bytes(b"half")  # as it is when its process dies at the first checkpoint
    assert Trained(tmp_path).restored() == 3


def test_a_clock_that_is_set_back_changes_nothing(tmp_path, monkeypatch):
    Trained(tmp_path).save(3, 6)
    yesterday = time.time() - 86400
    monkeypatch.setattr(time, "time", lambda: yesterday)
    trained = Trained(tmp_path)
    assert trained.restored() == 6
    trained.save(9)
    assert Trained(tmp_path).restored() == 9
    assert [name for name in names(tmp_path) if name.endswith(".index")] == ["ckpt-6.index", "ckpt-9.index"]


def test_runs_of_before_whose_checkpoints_tensorflow_managed_go_on(tmp_path):
    weights = tf.Variable(tf.fill([8], 4.0))
    managed = tf.train.CheckpointManager(tf.train.Checkpoint(weights=weights), str(tmp_path), max_to_keep=2)
    managed.save(checkpoint_number=4)
    assert Trained(tmp_path).restored() == 4
    Trained(tmp_path).save(5)
    assert Trained(tmp_path).restored() == 5
