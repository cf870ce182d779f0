"""The command line of train.py, from end to end."""

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pix2pix_tf import prepare
from pix2pix_tf.data.dataset import read
from pix2pix_tf.prepare.simulation import command as simulation
from pix2pix_tf.training import command
from pix2pix_tf.utils import cli
from tests.helpers import TINY, long

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


def test_a_dry_run_prints_json_and_writes_nothing(tiny_data, tmp_path):
    data = shutil.copytree(tiny_data, tmp_path / "data", ignore=shutil.ignore_patterns(".*"))
    answer = train("--variant", "gen5", "--data", data, "--run", tmp_path / "run", "--dry-run", *SMALL)
    assert answer.returncode == 0, answer.stderr
    described = json.loads(answer.stdout)
    assert set(described) == {"variant", "config", "parameters", "patches"}
    assert described["variant"] == "gen5"
    assert described["config"]["model"]["generator_kernel"] == 5
    assert described["patches"] == {"train": 6, "val": 3}
    assert described["parameters"]["generator"] > described["parameters"]["discriminator"] > 0
    assert not list(tmp_path.rglob("*/run")) and not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize(
    ("variant", "depth", "data", "patches"),
    [
        ("orig", 8, "simulated", 270),
        long("speckle", 5, "simulated", 270),
        ("sar2optical", 8, "simulated-optical", 810),
    ],
)
def test_a_dry_run_without_a_data_set_describes_the_default_one_and_writes_nothing(
    variant, depth, data, patches, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert cli.run(command.main, ["--variant", variant, "--dry-run", *SMALL, "--set", f"model.depth={depth}"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["patches"] == {"train": patches, "val": patches // 9}
    assert f"There is no datasets/{data} yet: a training simulates it first" in printed.err
    assert not list(tmp_path.iterdir())


def not_drawn(_, tasks, *rest):
    """Take the place of parallel_map: scales and clouds of scenes that are not drawn."""
    return [(1.0, [0.0] * len(task.pictures)) for task in tasks]


def test_the_described_default_data_set_is_the_one_that_is_simulated(tmp_path, monkeypatch):
    for optical in (False, True):
        described = prepare.preview(tmp_path / str(optical), optical)
        assert not (tmp_path / str(optical)).exists()
        monkeypatch.setattr(simulation, "parallel_map", not_drawn)
        prepare.simulate(tmp_path / str(optical), optical=optical)
        made = read(tmp_path / str(optical))
        assert (made.name, made.size, made.bits) == (described.name, described.size, described.bits)
        assert {n: s.split for n, s in made.scenes.items()} == {n: s.split for n, s in described.scenes.items()}
        assert set(described.stems["train"]) | set(described.stems["val"]) == (set(made.pairs) or set(made.scenes))


def test_a_training_and_its_report(tiny_data, tmp_path):
    command = ["--variant", "orig", "--data", tiny_data, "--run", tmp_path / "run", "--epochs", "1", *SMALL]
    answer = train(*command)
    assert answer.returncode == 0, answer.stderr
    assert "epoch 1/1" in answer.stdout
    assert (tmp_path / "run" / "export" / "orig" / "1" / "saved_model.pb").exists()
    assert "already trained" in train(*command).stdout


@pytest.mark.long
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
        ([], "--variant is missing"),
        (["--config", "nowhere.yaml"], "There is no file nowhere.yaml"),
    ],
)
def test_the_users_mistakes_cost_one_sentence(arguments, message):
    answer = train(*arguments)
    assert answer.returncode == 2
    assert message in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_folder_of_raw_scenes_is_answered_with_the_command_that_prepares_it(tmp_path):
    for role in ("sar", "zones"):
        (tmp_path / "raw" / role).mkdir(parents=True)
        (tmp_path / "raw" / role / "a.tif").touch()
    answer = train("--variant", "orig", "--data", tmp_path / "raw")
    assert answer.returncode == 2
    assert f"prepare folder --input {tmp_path}/raw" in answer.stderr


def test_a_training_by_the_configuration_of_a_run(tiny_run, tiny_data, capsys):
    config = str(tiny_run / "config.json")
    arguments = ["--config", config, "--data", str(tiny_data), "--set", "train.seed=5", "--dry-run"]
    assert cli.run(command.main, arguments) == 0
    now, before = (
        json.loads(capsys.readouterr().out)["config"],
        json.loads((tiny_run / "config.json").read_text())["config"],
    )
    assert before["train"].pop("seed") == 0
    assert now["train"].pop("seed") == 5
    assert now == before


def test_a_patch_size_that_does_not_divide(tiny_data, tmp_path):
    answer = train("--variant", "orig", "--data", tiny_data, "--run", tmp_path / "run")
    assert answer.returncode == 2
    assert "do not divide" in answer.stderr
    assert not (tmp_path / "run").exists()  # so that the cured command can have it
    assert "--set model.depth=5" in answer.stderr
