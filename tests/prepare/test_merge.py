"""Training patches of other data sets, added to a data set."""

import numpy as np
import pytest

from pix2pix_tf.data import dataset
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.prepare import command, simulate
from pix2pix_tf.utils import cli
from tests.helpers import SIZE, refused

ROLES = ("zones", "sar", "fronts")


def prepare(*arguments):
    return cli.run(command.main, list(map(str, arguments)))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    root = tmp_path_factory.mktemp("merge") / "simulated"
    simulate(root, scenes=5, size=SIZE, val=0.4)
    return root


def test_the_first_keeps_its_splits_and_the_others_give_training_patches(fronts_data, simulated, tmp_path, capsys):
    arguments = ("merge", "--input", fronts_data, simulated, "--repeat", 2, "--output", tmp_path / "mixed")
    assert prepare(*arguments) == 0, capsys.readouterr().err
    assert "12 of fronts, 3 of simulated; roles fronts, sar, zones" in capsys.readouterr().out
    mixed = load_dataset(tmp_path / "mixed", ROLES, ("train", "val", "test"))
    first, other = load_dataset(fronts_data, ROLES, ("train", "val", "test")), load_dataset(simulated, ROLES)
    assert (mixed.stems["val"], mixed.stems["test"]) == (first.stems["val"], first.stems["test"])
    assert {split: len(stems) for split, stems in mixed.stems.items()} == {"train": 15, "val": 3, "test": 2}
    assert {"COL", "DBE"} <= set(mixed.glaciers("train")) and mixed.origin == "simulated"
    for stem in mixed.stems["train"]:
        source, name = (first, stem) if stem in first.stems["train"] else (first, stem.removeprefix("copy002-"))
        if name not in first.stems["train"]:
            source, name = other, stem.removeprefix("2-simulated-")
        for role in ROLES:
            np.testing.assert_array_equal(images.read_png(mixed.path("train", role, stem)),
                                          images.read_png(source.path("train", role, name)))  # fmt: skip
        assert mixed.scenes[stem].sensor == source.scenes[name].sensor
    assert prepare(*arguments) == 0 and "is finished already" in capsys.readouterr().out
    assert "repeat: 2 -> 3" in refused(capsys, prepare, *arguments[:4], "--repeat", 3, *arguments[-2:])


def test_an_interrupted_merge_goes_on(fronts_data, simulated, tmp_path, capsys):
    arguments = ("merge", "--input", fronts_data, simulated, "--output", tmp_path / "mixed")
    assert prepare(*arguments) == 0
    expected = (tmp_path / "mixed" / dataset.FILE).read_text()
    (tmp_path / "mixed" / dataset.FILE).unlink()
    next((tmp_path / "mixed/train/sar").glob("2-*.png")).unlink()
    assert prepare(*arguments) == 0
    assert (tmp_path / "mixed" / dataset.FILE).read_text() == expected
    load_dataset(tmp_path / "mixed", ROLES, ("train", "val", "test"))


def test_what_does_not_fit_is_said(fronts_data, optical_data, tiny_data, tmp_path, capsys):
    def message(*arguments):
        return refused(capsys, prepare, "merge", "--input", *arguments, "--output", tmp_path / "out")

    assert "two data sets or more" in message(fronts_data)
    assert "--repeat takes a whole number from 1, not 0" in message(fronts_data, tiny_data, "--repeat", 0)
    assert "There is no data set" in message(fronts_data, tmp_path / "nothing")
    simulate(tmp_path / "larger", scenes=2, size=2 * SIZE, val=0.5)
    assert f"larger has patches of {2 * SIZE} pixels, and" in message(fronts_data, tmp_path / "larger")
    assert "several targets for one input" in message(optical_data, optical_data)
