import json

import pytest

from pix2pix_tf import config
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.training import run_folder
from pix2pix_tf.utils.errors import UserError


@pytest.fixture
def dataset(tmp_path):
    return Dataset(tmp_path, "fjords", "simulated", 32, {}, {}, {"train": ("a", "b"), "val": ("c",)})


def test_a_run_is_resumed_with_the_same_settings_and_those_that_may_change(tmp_path, dataset):
    run = tmp_path / "run"
    run_folder.claim(run, config.make_config("orig"), dataset)
    record = json.loads((run / "config.json").read_text())
    assert record["data"] == {"path": str(tmp_path), "name": "fjords", "origin": "simulated", "train": 2, "val": 1}
    run_folder.claim(run, config.make_config("orig", ["train.epochs=300", "train.export_every=5"]), dataset)
    assert json.loads((run / "config.json").read_text())["config"]["train"]["epochs"] == 300
    run_folder.expect_claimed(run)


def test_a_run_made_before_its_options_were_renamed_is_resumed(tmp_path, dataset):
    run, chosen = tmp_path / "run", config.make_config("orig", ["model.depth=7", "train.global_clipnorm=1"])
    run_folder.claim(run, chosen, dataset)
    text = (run / "config.json").read_text()
    text = text.replace('"depth"', '"levels"').replace('"global_clipnorm"', '"clip_norm"')
    (run / "config.json").write_text(text)
    run_folder.check(run, chosen, dataset)
    with pytest.raises(UserError, match=r"model\.depth: 7 -> 8"):
        run_folder.check(run, config.make_config("orig", ["train.global_clipnorm=1"]), dataset)


def test_what_a_killed_process_left_half_written_is_removed(tmp_path, dataset):
    run = tmp_path / "run"
    run_folder.claim(run, config.make_config("orig"), dataset)
    for folder in (run, run / "samples", run / "export" / "orig"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".tmp-half").write_text("half")
    run_folder.claim(run, config.make_config("orig"), dataset)
    assert not list(run.rglob(".tmp-*"))


def test_a_run_that_was_removed_is_named(tmp_path):
    with pytest.raises(UserError, match="run is gone"):
        run_folder.expect_claimed(tmp_path / "run")
