"""Commands on a file system that is full, or that may only be read: each on a small one of its own."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import TINY

ROOT = Path(__file__).parents[2]
OWN_MOUNTS = ["unshare", "--map-root-user", "--mount"]  # as any user; what is mounted is gone with the last process


def may_mount():
    command = [*OWN_MOUNTS, "mount", "-t", "tmpfs", "none", "/mnt"]
    return shutil.which("unshare") and not subprocess.run(command, check=False, capture_output=True).returncode


pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not may_mount(), reason="this machine lets users mount nothing of their own"),
]


@pytest.fixture
def commands(tiny_data, tiny_run):
    """By name a command, what it makes in the working folder, and how many kB of disk are too few for it."""
    small = [text for override in TINY for text in ("--set", override)]
    data = ["--data", tiny_data]
    masks = ["--model", tiny_run / "export" / "orig", "--masks", tiny_data]
    lines = {
        "train": ([ROOT / "train.py", "--variant", "orig", *data, "--run", "made", "--epochs", "1", *small], 500),
        "simulate": (["-m", "pix2pix_tf.prepare", "simulate", "--output", "made", "--size", "128"], 500),
        "generate": (["-m", "pix2pix_tf.generate", *masks, "--output", "made", "--samples", "9"], 80),
        "evaluate": ([ROOT / "evaluate.py", tiny_run, "--output", "made"], 80),
    }
    return {name: (shlex.join(map(str, [sys.executable, *line])), too_few) for name, (line, too_few) in lines.items()}


def script(folder, size, *lines):
    """Run lines of the shell in a file system of `size` kB."""
    mounted = f"mount -t tmpfs -o size={size}k none {folder} && cd {folder}"
    return subprocess.run(
        [*OWN_MOUNTS, "sh", "-c", "\n".join([mounted, *lines])],
        env={"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("name", ["train", "simulate", "generate", "evaluate"])
def test_a_full_disk_costs_one_sentence_and_with_more_room_the_same_command_goes_on(commands, name, tmp_path):
    command, too_few = commands[name]
    done = script(
        tmp_path,
        too_few,
        f"{command}; echo ended $?",
        "find . -name '.tmp*'",
        f"mount -o remount,size=300m {tmp_path}",
        f"{command} && echo went on",
    )
    assert "ended 1" in done.stdout
    assert ".tmp" not in done.stdout  # nothing half-written takes the room of what is whole
    # One line; TensorFlow 2.21 writes lines of its own before it on some machines, whatever its log level.
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "No space left on device" in error
    assert "made/" in error
    assert "Traceback" not in done.stderr
    assert "went on" in done.stdout


@pytest.mark.parametrize("name", ["train", "simulate", "generate", "evaluate"])
def test_a_folder_that_may_only_be_read_costs_one_sentence(commands, name, tmp_path):
    command, _ = commands[name]
    done = script(tmp_path, 100, f"mount -o remount,ro {tmp_path}", f"{command}; echo ended $?")
    assert "ended 1" in done.stdout
    assert "Read-only file system: 'made'" in done.stderr
    assert "Traceback" not in done.stderr
