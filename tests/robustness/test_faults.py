"""Commands killed at random moments: the small form of robustness/faults.py, whose exit code tells what is left."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
@pytest.mark.parametrize("what", ["simulate", "folder", "orig", "zones"])
def test_killed_at_random_moments_and_started_again_is_undisturbed(what):
    arguments = ["--moments", "3", "--stops", "2", "--only", what]
    done = subprocess.run(
        [sys.executable, "-m", "tests.robustness.faults", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = [line for line in done.stdout.splitlines() if f" {what} |" in line]
    assert row.split("|")[2].strip() == "3"
    assert "differs" not in done.stdout
