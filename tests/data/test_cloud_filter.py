"""The cloud filter: what it leaves out, what it says, and what it refuses."""

import dataclasses

import pytest

from pix2pix_tf import config
from pix2pix_tf.data.cloud_filter import without_clouds
from pix2pix_tf.data.dataset import Pairing
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.evaluation import runs
from pix2pix_tf.training import run_folder
from pix2pix_tf.utils.errors import UserError

ROLES = ("sar_vv", "sar_vh", "optical")


@pytest.fixture
def dataset(optical_data):
    """Opened, with scores that are easy to count: 0, 0.1, 0.2 and so on."""
    found = load_dataset(optical_data, ROLES)
    stems = [stem for stems in found.stems.values() for stem in stems]
    rows = {stem: Pairing(found.pairs[stem].input, place / 20) for place, stem in enumerate(stems)}
    return dataclasses.replace(found, pairs=rows)


def test_targets_of_more_cloud_are_left_out_and_counted(dataset, capsys):
    found = without_clouds(dataset, 0.85)
    assert found.stems == {"train": dataset.stems["train"], "val": dataset.stems["val"][:3]}
    assert capsys.readouterr().out.splitlines() == [
        "train: 0 of 15 targets left out, which have more than 85 % cloud",
        "val: 3 of 6 targets left out, which have more than 85 % cloud",
    ]


def test_one_takes_everything_and_needs_no_scores(dataset, tiny_dataset):
    assert without_clouds(dataset, 1.0) is dataset
    assert without_clouds(tiny_dataset, 1.0) is tiny_dataset


def test_scores_are_needed_and_named(dataset, tiny_dataset):
    with pytest.raises(UserError, match="has none for 9: S0, S1, S2, S3 and 5 more.*prepare score-clouds") as caught:
        without_clouds(tiny_dataset, 0.1)
    assert str(tiny_dataset.root) in str(caught.value)
    rows = {stem: row for stem, row in dataset.pairs.items() if stem != dataset.stems["val"][0]}
    with pytest.raises(UserError, match="has none for 1: SIM_"):
        without_clouds(dataclasses.replace(dataset, pairs=rows), 0.5)


def test_nothing_left_in_a_split(dataset):
    with pytest.raises(UserError, match="leaves nothing of val .* the clearest of its 6 targets has 0.750"):
        without_clouds(dataset, 0.7)


# ---- Where it is used -----------------------------------------------------------------------------------------------


def test_a_run_records_the_remaining_samples(optical_data, tmp_path):
    from pix2pix_tf.training import command

    options = ["data.inputs=sar_vv,sar_vh", "data.targets=optical", "data.max_cloud=0.5"]
    chosen = config.make_config("orig", options)
    left = command.open_data(optical_data, chosen)
    assert 0 < len(left.stems["train"]) < 15
    run_folder.claim(tmp_path / "run", chosen, left)
    with pytest.raises(UserError, match="data.max_cloud: 0.5 -> 1.0"):
        everything = config.make_config("orig", options[:2])
        run_folder.claim(tmp_path / "run", everything, command.open_data(optical_data, everything))


def test_runs_are_compared_on_the_samples_of_the_strictest(optical_data, tmp_path):
    loose = runs.Run(tmp_path, "a", "orig", ROLES[:2], ROLES[2:], optical_data, "simulated")
    strict = dataclasses.replace(loose, name="b", max_cloud=0.5)
    everything = runs.open_data([loose], None, "train")
    clear = runs.open_data([loose, strict], None, "train")
    assert len(everything.stems["train"]) == 15
    assert clear.stems["train"] == tuple(s for s in everything.stems["train"] if everything.pairs[s].cloud <= 0.5)
    assert runs.open_data([loose, strict], None, "train", 1.0).stems == everything.stems


def test_without_data_the_variants_that_need_them_get_optical_pictures(tmp_path, monkeypatch):
    from pix2pix_tf import prepare
    from pix2pix_tf.training import command

    monkeypatch.chdir(tmp_path)
    made, real = [], prepare.simulate
    monkeypatch.setattr(
        prepare,
        "simulate",
        lambda path, optical, workers: made.append(str(path)) or real(path, 3, 32, val=0.3, optical=optical),
    )
    for options in (["data.inputs=sar_vv,sar_vh", "data.targets=optical"], []):
        assert command.open_data(None, config.make_config("orig", options)).origin == "simulated"
    assert made == ["datasets/simulated-optical", "datasets/simulated"]
