import errno
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import UserError

ROOT = Path(__file__).parents[2]


def test_a_file_that_could_not_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(OSError, match="No space"), files.atomic_write(path) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_two_may_write_the_same_file_at_a_time(tmp_path):
    path = tmp_path / "a.txt"
    with files.atomic_write(path) as one, files.atomic_write(path) as two:  # as two machines, should they share a pid
        one.write_text("first to begin")
        two.write_text("first to end")
    assert path.read_text() == "first to begin"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_appears_whole_and_replaces_the_old_one(tmp_path):
    path = tmp_path / "7"
    for text in ("old", "new"):
        with files.atomic_directory(path) as temporary:
            (temporary / "a.txt").write_text(text)
    assert (path / "a.txt").read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["7"]


def test_a_folder_that_could_not_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "7"
    with files.atomic_directory(path) as temporary:
        (temporary / "a.txt").write_text("old")
    with pytest.raises(OSError, match="full"), files.atomic_directory(path) as temporary:
        (temporary / "b.txt").write_text("half")
        raise OSError("full")
    assert [p.name for p in path.iterdir()] == ["a.txt"]
    assert [p.name for p in tmp_path.iterdir()] == ["7"]


def test_what_a_killed_process_left_does_not_disturb(tmp_path):
    (tmp_path / ".tmp-7").mkdir()
    (tmp_path / ".tmp-7" / "half").write_text("")
    with files.atomic_directory(tmp_path / "7") as temporary:
        (temporary / "a.txt").write_text("")
    assert [p.name for p in (tmp_path / "7").iterdir()] == ["a.txt"]


def test_a_folder_is_held_by_one_at_a_time(tmp_path):
    with files.lock(tmp_path), pytest.raises(UserError, match="Another command is at work in"), files.lock(tmp_path):
        pass
    with files.lock(tmp_path):
        (tmp_path / "a.txt").write_text("")
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_holding_a_folder_in_which_nothing_is_made_leaves_none(tmp_path):
    with pytest.raises(UserError, match="mistake"), files.lock(tmp_path / "new"):
        raise UserError("a mistake")
    with files.lock(tmp_path / "removed"):
        shutil.rmtree(tmp_path / "removed")
    assert not list(tmp_path.iterdir())


HOLD = """
import sys, time
from pathlib import Path
from pix2pix_tf.utils import files
with files.lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_lock_dies_with_its_process(tmp_path):
    with subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(UserError, match="Another command"), files.lock(tmp_path):
            pass
        process.kill()
    assert files.is_empty(tmp_path)  # only the hidden lock is left
    with files.lock(tmp_path):
        pass


@pytest.mark.parametrize("text", ["", "{", "[1]", "\udcff", '{"a": }', "[" * 100_000])
def test_broken_json_is_the_users_error_and_named(tmp_path, text):
    path = tmp_path / "broken.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match="broken.json"):
        files.read_json(path)


def test_numbers_that_json_does_not_have_are_not_written(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(tmp_path / "a.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_write_that_fails_names_the_file_that_was_meant(tmp_path):
    with pytest.raises(OSError, match="device: '.*/report.md'"), files.atomic_write(tmp_path / "report.md"):
        raise OSError(errno.ENOSPC, "No space left on device")  # as a write to an open file has it
    with pytest.raises(OSError, match=r"full: '.*/report.md'"), files.atomic_write(tmp_path / "report.md") as temporary:
        raise OSError(errno.EDQUOT, "full", str(temporary))
    with pytest.raises(FileNotFoundError, match="elsewhere"), files.atomic_write(tmp_path / "report.md"):
        Path("elsewhere").read_text()
