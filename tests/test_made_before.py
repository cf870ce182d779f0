"""Files of an earlier version are read still: a data set, a run with its checkpoint, and an export, of 32 pixels.

`made_before.zip` holds what these commands wrote at commit 4356a6f, with TensorFlow 2.15, before options were renamed:

    python -m pix2pix_tf.prepare simulate --output simulated --scenes 6 --size 32 --val 0.34
    python train.py --variant spade --data simulated --run spade --epochs 1 --set model.levels=5 ...

Samples, events and elevation were left out.
"""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pix2pix_tf.evaluation import command as evaluation_command
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.generate import command as generate_command
from pix2pix_tf.training import command as training_command
from pix2pix_tf.utils import cli, tf_compat

ARCHIVE = Path(__file__).parent / "made_before.zip"
SETTINGS = (  # as they were typed, by names of then
    *("model.levels=5", "model.generator_width=2", "model.discriminator_width=2", "model.spade_width=2"),
    *("model.noise_blocks=2", "train.keep_checkpoints=1", "train.samples=1", "train.precision=float32"),
    *("train.epoch_steps=2", "train.validate=2"),
)


@pytest.fixture
def before(tmp_path, monkeypatch):
    """The files, in the folder in which the commands are typed."""
    with zipfile.ZipFile(ARCHIVE) as archive:
        archive.extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.skipif(tf_compat.tfa is None, reason="a run goes on with the TensorFlow generation that began it")
def test_a_run_resumes_with_its_checkpoint_and_the_option_names_of_then(before, capsys):
    settings = [word for setting in SETTINGS for word in ("--set", setting)]
    arguments = ["--variant", "spade", "--data", "simulated", "--run", "spade", "--epochs", "2", *settings]
    assert cli.run(training_command.main, arguments) == 0
    log = [json.loads(line) for line in (before / "spade" / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in log] == [1, 2]
    assert log[1]["step"] == 4  # two of them done before
    assert sorted(versions.epochs(before / "spade")) == [1, 2]
    assert "model.depth" in capsys.readouterr().err  # the name of now


def test_a_run_of_other_settings_is_refused_by_the_names_of_now(before, capsys):
    arguments = ["--variant", "spade", "--data", "simulated", "--run", "spade", "--set", "model.depth=5"]
    assert cli.run(training_command.main, arguments) == 2
    assert "generator_width: 2 -> 64" in capsys.readouterr().err


def test_an_export_generates(before):
    model = saved_model.load(versions.find(Path("spade")))
    mask = np.full((1, 32, 32, 1), 127, np.uint8)
    image = model.generate(mask, np.array([1]))
    assert image.shape == (1, 32, 32, 1) and np.isfinite(image).all()
    arguments = ["--model", "spade", "--masks", "simulated", "--output", "generated"]
    assert cli.run(generate_command.main, arguments) == 0
    assert len(list((before / "generated" / "train" / "sar").glob("*.png"))) == 4


def test_a_run_is_evaluated_on_its_data_set(before):
    assert cli.run(evaluation_command.main, ["spade"]) == 0
    assert (before / "spade" / "report" / "metrics.csv").read_text().count("\n") == 2  # a line of names, one of figures
