"""The command line of train.py, from end to end."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
SMALL = [text for override in TINY for text in ("--set", override)]


def train(*arguments, folder=ROOT, largest_file=None):
    return subprocess.run(
        [sys.executable, str(ROOT / "train.py"), *map(str, arguments)],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        preexec_fn=largest_file and (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, largest_file))),
    )


def test_help_ends_with_examples_and_is_there_at_once():
    answer = train("--help")
    assert answer.returncode == 0
    assert "python train.py --variant gen5" in answer.stdout.split("examples:")[1]


def test_a_dry_run_prints_json_and_trains_nothing(tiny_data, tmp_path):
    answer = train("--variant", "gen5", "--data", tiny_data, "--run", tmp_path / "run", "--dry-run", *SMALL)
    assert answer.returncode == 0, answer.stderr
    described = json.loads(answer.stdout)
    assert set(described) == {"variant", "config", "parameters", "patches"}
    assert described["variant"] == "gen5"
    assert described["config"]["model"]["generator_kernel"] == 5
    assert described["patches"] == {"train": 6, "val": 3}
    assert described["parameters"]["generator"] > described["parameters"]["discriminator"] > 0
    assert not (tmp_path / "run").exists()


def test_a_dry_run_without_a_data_set_simulates_it_and_says_so(tmp_path):
    answer = train("--variant", "orig", "--dry-run", *SMALL, "--set", "model.depth=8", folder=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["patches"] == {"train": 270, "val": 30}
    assert "no datasets/simulated yet: simulating it" in answer.stderr
    assert (tmp_path / "datasets" / "simulated" / "dataset.json").exists()


def test_a_training_and_its_report(tiny_data, tmp_path):
    command = ["--variant", "orig", "--data", tiny_data, "--run", tmp_path / "run", "--epochs", "1", *SMALL]
    answer = train(*command)
    assert answer.returncode == 0, answer.stderr
    assert "epoch 1/1" in answer.stdout
    assert (tmp_path / "run" / "export" / "orig" / "1" / "saved_model.pb").exists()
    assert "already trained" in train(*command).stdout


def test_a_disk_that_takes_no_more_costs_one_sentence_and_nothing_half_written(tiny_data, tmp_path):
    command = ["--variant", "orig", "--data", tiny_data, "--run", tmp_path / "run", "--epochs", "1", *SMALL]
    command += ["--set", "model.generator_width=16"]
    answer = train(*command, largest_file=1_000_000)  # bytes: the pictures fit, the weights do not
    assert answer.returncode == 1
    assert "checkpoints/ckpt-3 could not be written" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not list((tmp_path / "run").glob("export/orig/*"))
    assert train(*command).returncode == 0
    assert (tmp_path / "run" / "export" / "orig" / "1" / "saved_model.pb").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--variant", "gen6"], "Did you mean 'gen5'"),
        (["--variant", "orig", "--set", "loss.ll=3"], "Did you mean 'loss.l1'"),
        (["--variant", "orig", "--data", "nowhere"], "There is no data set nowhere"),
    ],
)
def test_the_users_mistakes_cost_one_sentence(arguments, message):
    answer = train(*arguments)
    assert answer.returncode == 2
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_patch_size_that_does_not_divide(tiny_data, tmp_path):
    answer = train("--variant", "orig", "--data", tiny_data, "--run", tmp_path / "run")
    assert answer.returncode == 2
    assert "do not divide" in answer.stderr
    assert not (tmp_path / "run").exists()  # so that the cured command can have it
    assert "--set model.depth=5" in answer.stderr
