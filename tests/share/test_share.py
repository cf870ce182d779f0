"""A model as a folder: the export, and a card with the metadata that model hubs read."""

import re
import shlex
import shutil

import numpy as np
import pytest
import yaml

import pix2pix_tf
from pix2pix_tf import config
from pix2pix_tf.export import versions
from pix2pix_tf.share import card, command
from pix2pix_tf.training import run_folder
from pix2pix_tf.utils import cli, files
from tests.helpers import SIZE, tree


def share(*arguments) -> int:
    return cli.run(command.main, [str(one) for one in arguments])


def card_of(folder) -> tuple[dict, str]:
    text = (folder / "README.md").read_text(encoding="utf-8")
    _, metadata, body = text.split("---\n", 2)
    return yaml.safe_load(metadata), body


@pytest.fixture
def shared(speckle_run, tmp_path):
    assert share(speckle_run, "--output", tmp_path / "my-glacier", "--license", "cc-by-4.0") == 0
    return tmp_path / "my-glacier"


def test_the_folder_is_a_model(shared, speckle_run):
    assert {path.name for path in shared.iterdir()} == {"README.md", "overview.png", "2"}
    mask = np.full((SIZE, SIZE), 127, np.uint8)
    here, there = (pix2pix_tf.load(folder).generate(mask, seed=3) for folder in (shared, speckle_run))
    assert np.array_equal(here, there)
    assert run_folder.find_weights(shared) == shared / "2" / versions.WEIGHTS  # for --init


def test_the_card_has_what_hubs_read(shared):
    metadata, body = card_of(shared)
    assert metadata["license"] == "cc-by-4.0" and metadata["pipeline_tag"] == "image-to-image"
    assert metadata["datasets"] == ["fronts"] and "speckle" in metadata["tags"]
    (results,) = metadata["model-index"][0]["results"]
    assert {one["type"] for one in results["metrics"]} == {"val_style", "val_style_average"}
    assert metadata["model-index"][0]["name"] == "my-glacier" and 'load("my-glacier")' in body
    for told in ("sensor: ERS, TSX", "overview.png", "COL, DBE", "simulated", "not true"):
        assert told in body


def test_the_command_of_the_card_trains_the_same(shared, speckle_run):
    _, body = card_of(shared)
    line = re.search(r"python train\.py.*?(?=\n```)", body, re.DOTALL)[0]
    words = shlex.split(line.replace("\\\n", " "))
    overrides = [words[place + 1] for place, word in enumerate(words) if word == "--set"]
    recorded = config.from_dict(files.read_json(speckle_run / "config.json")["config"])
    assert config.make_config(words[words.index("--variant") + 1], overrides) == recorded
    assert "/" not in words[words.index("--data") + 1]  # no folder of this machine


def test_a_log_that_a_killed_training_cut_off_is_read_to_its_last_whole_line(speckle_run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(speckle_run, copy)
    with (copy / "log.jsonl").open("a") as log:
        log.write('{"epoch": 9, "ste')
    whole, cut_off = (card.describe(run, versions.find(run)).values for run in (speckle_run, copy))
    assert cut_off == whole and "val_style" in whole


def test_a_segmenter_without_weights(zones_run, tmp_path):
    assert share(zones_run, "--output", tmp_path / "zones", "--without-weights") == 0
    metadata, body = card_of(tmp_path / "zones")
    assert metadata["pipeline_tag"] == "image-segmentation" and metadata["license"] == "unknown"
    assert "predict" in body and "val_iou" in metadata["metrics"]
    assert not list((tmp_path / "zones").rglob("weights.npz"))
    assert pix2pix_tf.load(tmp_path / "zones").targets == ("zones",)


def test_nothing_is_overwritten_and_only_runs_are_shared(shared, speckle_run, tmp_path, capsys):
    before = tree(shared)
    assert share(speckle_run, "--output", shared) == 2
    assert "nothing is overwritten" in capsys.readouterr().err and tree(shared) == before
    assert share(shared, "--output", tmp_path / "new") == 2
    assert "is no run" in capsys.readouterr().err and not (tmp_path / "new").exists()
