import pytest

from pix2pix_tf.utils import resumable
from pix2pix_tf.utils.errors import UserError

RECORD = "made.json"


def test_a_folder_is_claimed_once_and_resumed_with_the_same_settings(tmp_path):
    folder = tmp_path / "new"
    assert not resumable.claim(folder, RECORD, {"size": 32, "cut": (2, 98)})
    assert resumable.claim(folder, RECORD, {"size": 32, "cut": (2, 98)})
    assert resumable.check(folder, RECORD, {"cut": [2, 98], "size": 32})


def test_other_settings_are_named_with_the_cure_and_nothing_is_written(tmp_path):
    resumable.claim(tmp_path / "new", RECORD, {"size": 32, "seed": 0})
    before = (tmp_path / "new" / RECORD).read_bytes()
    with pytest.raises(
        UserError, match=r"other settings(.|\n)*- size: 32 -> 64\n- val: None -> 0.1\n- seed: 0 -> None"
    ):
        resumable.claim(tmp_path / "new", RECORD, {"size": 64, "val": 0.1}, option="--run")
    assert (tmp_path / "new" / RECORD).read_bytes() == before


def test_files_of_others_are_not_touched(tmp_path):
    (tmp_path / "theirs.txt").write_text("precious")
    for folder, match in ((tmp_path, "did not make"), (tmp_path / "theirs.txt", "is a file")):
        with pytest.raises(UserError, match=match):
            resumable.claim(folder, RECORD, {})
    assert [path.name for path in tmp_path.iterdir()] == ["theirs.txt"]


def test_checking_a_missing_folder_makes_none(tmp_path):
    assert not resumable.check(tmp_path / "new", RECORD, {"size": 1})
    assert not (tmp_path / "new").exists()


def test_incomplete_files_are_cleared_below_too(tmp_path):
    resumable.claim(tmp_path, RECORD, {})
    for place in (tmp_path / ".tmp-a", tmp_path / "below" / ".tmp-b"):
        place.parent.mkdir(exist_ok=True)
        place.write_text("half")
    resumable.claim(tmp_path, RECORD, {}, clear=[tmp_path / "below"])
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["below", RECORD]


def test_results_of_another_key_are_removed_and_those_of_the_same_stay(tmp_path):
    folder = tmp_path / "masks"
    resumable.keep_only(folder, "one")
    (folder / "a.png").write_text("result")
    resumable.keep_only(folder, "one")
    assert (folder / "a.png").exists()
    resumable.keep_only(folder, "two")
    assert [path.name for path in folder.iterdir()] == [resumable.KEY]


def test_results_that_a_killed_process_was_removing_do_not_disturb(tmp_path):
    folder = tmp_path / "masks"
    resumable.keep_only(folder, "one")
    (tmp_path / ".tmp-old-masks").mkdir()
    (tmp_path / ".tmp-old-masks" / "a.png").write_text("half removed")
    resumable.keep_only(folder, "two")
    assert [path.name for path in tmp_path.iterdir()] == ["masks"]
