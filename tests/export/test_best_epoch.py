"""Which epoch is the best: evaluate.py --select names it, and --model RUN takes it."""

import json
import shutil
from pathlib import Path

import pytest

from pix2pix_tf import serving
from pix2pix_tf.evaluation.translation import scoring
from pix2pix_tf.export import best_epoch, versions
from pix2pix_tf.serving import tf_serving_config
from pix2pix_tf.serving.model_names import name_models
from pix2pix_tf.serving.server import main
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError
from tests.evaluation.brightness_exports import COUNT, make_data, make_export, make_run, run_command

RUN = Path("runs/orig")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A run whose epoch 10 generates the target exactly, and 2 and 20 do not; measured, and chosen by SSIM."""
    root = tmp_path_factory.mktemp("template")
    make_data(root / "data")
    make_run(root / RUN, {2: 0.5, 10: 1.0, 20: 0.8})
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(root)
        assert run_command(RUN, "--select", "ssim") == 0
    return root


@pytest.fixture
def house(template, tmp_path, monkeypatch):
    shutil.copytree(template, tmp_path / "house")
    monkeypatch.chdir(tmp_path / "house")


def test_the_best_epoch_is_named_with_all_that_it_follows_from(house):
    best = best_epoch.read(RUN)
    assert (best.metric, best.epoch, best.compared, best.images) == ("ssim", 10, [2, 10, 20], COUNT)
    assert (best.value, best.interval) == pytest.approx((1, 0), abs=1e-6)
    assert (best.split, best.data, best.origin, best.seed) == ("val", "data", "simulated", 0)
    assert best.segmenter is None and best.chosen.endswith("+00:00")
    assert best.fingerprint == versions.fingerprint(RUN / "export/orig/10")
    report = (RUN / "report/report.md").read_text()
    assert "### The best epoch, by SSIM" in report and "--select ssim" in report


def test_what_was_measured_is_not_measured_again_to_choose(house, monkeypatch, capsys):
    (RUN / "best.json").unlink()
    monkeypatch.setattr(scoring, "_measure", None)
    assert run_command(RUN, "--select", "dice") == 0
    assert "runs/orig/best.json: epoch 10, the best of 3 by dice on val (1.0000 ± 0.0000)" in capsys.readouterr().out
    assert "### The best epoch, by Dice" in (RUN / "report/report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--select", "faithfulness"], "add --segmenter runs/zones"),
        (["--select", "ssim", "--split", "test"], "--select chooses on val, not on test"),
    ],
)
def test_what_cannot_choose_is_refused(house, capsys, arguments, message):
    (RUN / "best.json").unlink()
    assert run_command(RUN, *arguments) == 2
    assert message in capsys.readouterr().err
    assert not (RUN / "best.json").exists()


def test_runs_that_kept_their_best_epoch_have_nothing_to_choose(house, capsys):
    make_run(Path("runs/zones"), {1: 1.0}, ("sar",), ("zones",))
    assert run_command("runs/zones", "--select", "ssim") == 2
    assert "has already chosen its best epoch" in capsys.readouterr().err


def test_a_run_is_opened_at_its_best_epoch_or_its_newest_and_says_so(house, capsys):
    assert versions.find(RUN) == RUN / "export/orig/10"
    assert capsys.readouterr().out == "runs/orig: epoch 10, the best of 3 by ssim on val (1.0000 ± 0.0000)\n"
    assert versions.find(RUN / "export/orig") == RUN / "export/orig/20"
    make_export(RUN, 30, 0.1)
    assert versions.find(RUN) == RUN / "export/orig/10"
    assert capsys.readouterr().out.endswith("; not compared: 30\n")
    (RUN / "best.json").unlink()
    assert versions.find(RUN) == RUN / "export/orig/30"
    assert "runs/orig: epoch 30, the newest" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["gone", "another", "damaged", "other"])
def test_a_best_that_no_longer_holds_is_an_error_that_tells_the_cure(house, change):
    message = "Choose anew: python evaluate.py runs/orig --select ssim"
    if change == "gone":
        shutil.rmtree(RUN / "export/orig/10")
        message = r"whose export is no longer there \(there are 2, 20\). " + message
    elif change == "another":
        make_export(RUN, 10, 1.0, origin="real")
        message = "is another one now than that measured on 20..-..-..\\. " + message
    else:
        text = json.dumps({"epoch": 10}) if change == "other" else "{"
        (RUN / "best.json").write_text(text)
        message = "best.json is not "
    with pytest.raises(UserError, match=message):
        versions.find(RUN)


def test_the_local_server_serves_the_best_epoch_of_a_run_and_follows_the_newest_where_there_is_none(house):
    assert name_models(["runs/orig", "old=runs/orig/export/orig"]) == {"orig": RUN, "old": RUN / "export/orig"}
    assert main.path_to_serve(RUN) == RUN / "export/orig/10"
    assert main.path_to_serve(RUN / "export/orig") == RUN / "export/orig"
    assert main.path_to_serve(RUN / "export/orig/2") == RUN / "export/orig/2"
    (RUN / "best.json").unlink()
    assert main.path_to_serve(RUN) == RUN / "export/orig"


def test_tf_serving_gets_a_label_for_the_best_epoch(house, capsys):
    assert cli.run(serving.main, ["config", "runs/orig", "--output", "models.config", "--stable", "orig=best"]) == 0
    (model,) = tf_serving_config.read(Path("models.config")).model_config_list.config
    assert dict(model.version_labels) == {"best": 10, "canary": 20, "stable": 10}
    assert list(model.model_version_policy.specific.versions) == [10, 20]
    (RUN / "best.json").unlink()
    assert cli.run(serving.main, ["config", "runs/orig", "--output", "models.config", "--stable", "orig=best"]) == 2
    assert "no best epoch is chosen" in capsys.readouterr().err
