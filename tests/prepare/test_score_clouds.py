"""`prepare score-clouds`: which targets are scored, what is written, and which models are refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf import prepare
from pix2pix_tf.data import dataset
from pix2pix_tf.data.cloud_filter import without_clouds
from pix2pix_tf.data.dataset import Dataset, Pairing
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.export import saved_model
from pix2pix_tf.prepare import score_clouds
from pix2pix_tf.utils import cli

ROOT = Path(__file__).parents[2]
SIZE = 32


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """An export that takes a picture's mean brightness for the chance of cloud."""
    return write_export(tmp_path_factory.mktemp("runs") / "clouds" / "1")


def write_export(version, inputs=("optical",), divisor=16, bits=8, per_pixel=False, name="probabilities"):
    picture = tf.keras.Input([None, None, 3])
    brightness = tf.keras.layers.Dense(1, use_bias=False, kernel_initializer=tf.keras.initializers.Constant(1 / 3))
    model = tf.keras.Model(picture, brightness(picture))
    white = 2**bits - 1

    def tensor(image, seed):
        likely = model(tf.cast(image, tf.float32) / white) + 0.0 * tf.cast(seed, tf.float32)[:, None, None, None]
        likely = tf.clip_by_value(likely, 0.0, 1.0)
        return {name: likely if per_pixel else tf.reduce_mean(likely, axis=[1, 2]), "output": likely * 2 - 1}

    dtype = tf.uint8 if bits == 8 else tf.uint16
    specs = [tf.TensorSpec([None, None, None, 3], dtype, name="image"), tf.TensorSpec([None], tf.int32, name="seed")]
    description = {
        "variant": "clouds", "run": "clouds", "epoch": 1, "inputs": inputs, "targets": ("cloud",), "size": SIZE,
        "divisor": divisor, "bits": dict.fromkeys(inputs, bits), "origin": "simulated",
    }  # fmt: skip
    example = {"image": np.zeros((1, SIZE, SIZE, 3), dtype.as_numpy_dtype), "seed": np.zeros(1, np.int32)}
    saved_model.write(version, {"tensor": (tensor, specs)}, description, example)
    return version


@pytest.fixture
def data(tmp_path):
    """Two samples of one input in train, one in val; their pictures are of one grey each. One has a score."""
    root = tmp_path / "data"
    for split, stem, grey in (("train", "a_1", 51), ("train", "a_2", 204), ("val", "b_1", 255)):
        images.write_png(root / split / "optical" / f"{stem}.png", np.full((SIZE, SIZE, 3), grey, np.uint8))
        images.write_png(root / split / "sar" / f"{stem[0]}.png", np.zeros((SIZE, SIZE), np.uint8))
    rows = {"a_1": Pairing("a"), "a_2": Pairing("a", 0.125), "b_1": Pairing("b")}
    dataset.save(Dataset(root, "mine", "real", SIZE, {"sar": 8, "optical": 8}, {}, pairs=rows))
    return root


def make(model, data, *options):
    call = ["score-clouds", "--model", str(model), "--data", str(data), *map(str, options)]
    return cli.run(prepare.main, call)


def clouds_of(data):
    return {stem: row.cloud for stem, row in dataset.read(data).pairs.items()}


def test_targets_without_a_score_get_one(classifier, data, capsys):
    assert make(classifier, data) == 0
    assert clouds_of(data) == {"a_1": pytest.approx(0.2), "a_2": 0.125, "b_1": pytest.approx(1)}
    assert {row.input for row in dataset.read(data).pairs.values()} == {"a", "b"}
    assert "2 of 2 targets scored, 1 of them above 0.5; 1 kept theirs" in capsys.readouterr().out
    found = without_clouds(load_dataset(data, ("sar", "optical"), ("train",)), 0.15)
    assert found.stems == {"train": ("a_2",)}


def test_overwriting_scores_all(classifier, data, capsys):
    assert make(classifier, data, "--overwrite", "--batch-size", 1) == 0
    assert clouds_of(data) == {"a_1": pytest.approx(0.2), "a_2": pytest.approx(0.8), "b_1": pytest.approx(1)}
    before = (data / "dataset.json").read_bytes()
    assert make(classifier, data) == 0
    assert "have a score already" in capsys.readouterr().out
    assert (data / "dataset.json").read_bytes() == before


def test_a_data_set_without_rows_gets_some(classifier, data):
    values = json.loads((data / "dataset.json").read_text())
    del values["rows"], values["row_role"]
    (data / "dataset.json").write_text(json.dumps(values))
    assert make(classifier.parent, data) == 0  # the base path, too
    assert dataset.read(data).pairs["a_2"] == Pairing(None, pytest.approx(0.8))


def test_an_interruption_keeps_what_is_scored(data, monkeypatch):
    class Slow:
        folder, inputs, divisor, bits = Path("runs/slow"), ("optical",), 1, {"optical": 8}
        asked = 0

        def probabilities(self, pixels):
            self.asked += 1
            if self.asked == 2:
                raise KeyboardInterrupt
            return np.full((len(pixels), 1), 0.5, np.float32)

    found = score_clouds.open_targets(data)
    with pytest.raises(KeyboardInterrupt):
        score_clouds.score(Slow(), found, score_clouds.unscored_targets(found, overwrite=True), 2)
    assert clouds_of(data) == {"a_1": 0.5, "a_2": 0.5, "b_1": None}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"inputs": ("sar_vv", "sar_vh")}, "takes sar_vv, sar_vh; scoring needs a classifier of optical alone"),
        ({"divisor": 64}, "multiples of 64 pixels; those of"),
        ({"bits": 16}, "takes optical of 16 bit; "),
        ({"per_pixel": True}, "returns probabilities of shape (2, 32, 32, 1)"),
        ({"name": "chances"}, "returns no probabilities: it is no classifier"),
    ],
)
def test_models_that_are_no_classifiers_of_these_targets(data, tmp_path, capsys, how, words):
    before = (data / "dataset.json").read_bytes()
    assert make(write_export(tmp_path / "other" / "1", **how), data) == 2
    assert words in capsys.readouterr().err
    assert (data / "dataset.json").read_bytes() == before


def test_what_is_not_there(classifier, data, tmp_path, capsys):
    assert make(tmp_path / "nothing", data) == 2
    assert "There is no export" in capsys.readouterr().err
    assert make(classifier, tmp_path / "nowhere") == 2
    assert "There is no data set" in capsys.readouterr().err
    (data / "dataset.json").unlink()
    assert make(classifier, data) == 2
    assert "has no dataset.json, which holds the scores" in capsys.readouterr().err
    assert make(classifier, data, "--batch-size", 0) == 2


def test_mistakes_are_told_without_tensorflow(tmp_path):
    code = (
        "import sys\nfrom pix2pix_tf import prepare\nfrom pix2pix_tf.utils import cli\n"
        "code = cli.run(prepare.main, ['score-clouds', '--model', 'x', '--data', 'nowhere'])\n"
        "sys.exit(code if 'tensorflow' not in sys.modules else 9)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 2
