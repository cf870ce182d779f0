"""Fine-tuning: what a new run takes over from a run or an export, and what it does not."""

import json
import shutil

import numpy as np
import pytest

from pix2pix_tf import config
from pix2pix_tf.data import styles
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.export import versions
from pix2pix_tf.share import command as command_of_share
from pix2pix_tf.training import command, run_folder, trainer, weights
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError
from tests.helpers import SPECKLE, TINY, UNET, refused


@pytest.fixture
def dataset(fronts_data):
    return load_dataset(fronts_data, ("zones", "sar"))


def speckle(dataset, *changes):
    return trainer.build_task(config.make_config("speckle", [*SPECKLE, *changes]), dataset, "float32")


def test_a_checkpoint_and_an_export_hold_the_same_weights(speckle_run, dataset, tmp_path):
    task = speckle(dataset, "data.condition=sensor", "train.seed=7")
    before = weights.of_modules(task.modules())
    assert {name.split("/")[0] for name in before} == {
        *("generator", "average", "pixel_discriminator", "texture_discriminator")
    }
    bare = shutil.copytree(speckle_run, tmp_path / "bare", ignore=shutil.ignore_patterns("export"))
    checkpoint = run_folder.find_weights(bare)
    assert checkpoint.parent.name == "checkpoints"
    lines = weights.initialize(task.modules(), checkpoint)
    assert lines == [f"{len(before)} of {len(before)} weights from {checkpoint}"]
    taken = weights.of_modules(task.modules())
    assert all(array.dtype == np.float32 for array in taken.values())
    assert not np.array_equal(taken["generator/conv2d_0/kernel"], before["generator/conv2d_0/kernel"])
    export = run_folder.find_weights(speckle_run / "export" / "speckle")
    assert export == run_folder.find_weights(speckle_run)  # as --model takes it
    with np.load(export) as arrays:
        assert arrays.files == list(taken)
        assert all(np.array_equal(arrays[name], taken[name]) for name in taken)
    other = speckle(dataset, "data.condition=sensor", "train.seed=8")
    weights.initialize(other.modules(), export)
    assert all(np.array_equal(one, taken[name]) for name, one in weights.of_modules(other.modules()).items())


def test_a_small_folder_has_the_better_weights_alone_in_half_precision(speckle_run, dataset, tmp_path):
    with np.load(run_folder.find_weights(speckle_run)) as arrays:
        whole = dict(arrays)
    small = command_of_share.smaller(whole)
    assert sum(one.nbytes for one in small.values()) < 0.4 * sum(one.nbytes for one in whole.values())
    np.savez(tmp_path / "weights.npz", **small)
    task = speckle(dataset, "data.condition=sensor")
    lines = weights.initialize(task.modules(), tmp_path / "weights.npz")
    taken = weights.of_modules(task.modules())
    assert lines == [f"{len(taken)} of {len(taken)} weights from {tmp_path / 'weights.npz'}"]
    for name in taken:
        better = name.replace("generator/", "average/")
        np.testing.assert_allclose(taken[name], whole[better], rtol=1e-3, atol=1e-6, err_msg=name)


def test_the_optimizer_and_the_average_begin_anew(speckle_run, dataset):
    task = speckle(dataset, "data.condition=sensor")
    weights.initialize(task.modules(), run_folder.find_weights(speckle_run))
    assert int(task.generator_optimizer.steps) == 0 and not bool(task.average.is_better)


def test_what_does_not_fit_is_listed(speckle_run, dataset):
    task = speckle(dataset)  # without a condition: shorter styles
    before, source = weights.of_modules(task.modules()), run_folder.find_weights(speckle_run)
    first, *rest = weights.initialize(task.modules(), source)
    size = task.generator.inputs[1].shape[1]
    assert first.startswith(f"{len(before) - 2} of {len(before)} weights from ")
    shapes = f"[{size}, 64] ([{size + 2}, 64] there)"
    assert rest == [f"  new: {module}/dense_0/kernel {shapes}" for module in ("generator", "average")]
    after = weights.of_modules(task.modules())
    assert np.array_equal(after["generator/dense_0/kernel"], before["generator/dense_0/kernel"])
    assert not np.array_equal(after["generator/dense_1/kernel"], before["generator/dense_1/kernel"])

    _, *rest = weights.initialize(task.modules(), source, task.fit_style)
    assert rest == [f"  in part: {module}/dense_0/kernel {shapes}" for module in ("generator", "average")]
    with np.load(source) as found:
        kernel = found["generator/dense_0/kernel"]
    without_condition = np.delete(kernel, slice(-styles.CODE - 2, -styles.CODE), axis=0)
    assert np.array_equal(weights.of_modules(task.modules())["generator/dense_0/kernel"], without_condition)
    assert task.fit_style(kernel[:, :5], without_condition) is None
    assert task.fit_style(kernel, kernel) is None  # another layer


def test_weights_of_other_networks_are_refused(zones_run, tiny_data, tmp_path, capsys):
    task = trainer.build_task(config.make_config("orig", TINY), load_dataset(tiny_data, ("zones", "sar")), "float32")
    with pytest.raises(UserError, match="No weight of .* fits"):
        weights.initialize(task.modules(), run_folder.find_weights(zones_run))
    run = tmp_path / "run"
    with pytest.raises(UserError, match="No weight"):
        trainer.train(task.config, load_dataset(tiny_data, ("zones", "sar")), run, zones_run)
    assert not run.exists()  # so that the cured command can have it


def test_fine_tuning_begins_where_the_other_ended_and_never_again(tiny_run, tiny_data, tmp_path, capsys):
    dataset, run, source = load_dataset(tiny_data, ("zones", "sar")), tmp_path / "tuned", tmp_path / "source"
    shutil.copytree(tiny_run / "export" / "orig", source)
    still = ["train.epochs=1", "train.steps_per_epoch=1", "train.learning_rate=1e-12", "train.export_weights=false"]
    chosen = config.make_config("orig", [*TINY, *still])
    trainer.train(chosen, dataset, run, source)
    printed = capsys.readouterr().out
    assert "weights from" in printed and "resuming" not in printed
    assert json.loads((run / "config.json").read_text())["init"] == str(source)
    assert json.loads((run / "log.jsonl").read_text())["epoch"] == 1
    with pytest.raises(UserError, match=r"train\.export_weights=true"):
        run_folder.find_weights(run / "export" / "orig")
    tuned = trainer.build_task(chosen, dataset, "float32").modules()
    weights.initialize(tuned, run_folder.find_weights(run))  # its checkpoint, as its export has none
    with np.load(versions.find(source) / versions.WEIGHTS) as before:
        assert all(np.allclose(one, before[name], atol=1e-6) for name, one in weights.of_modules(tuned).items())

    shutil.rmtree(source)  # a run that resumes needs it no more, nor the option
    trainer.train(chosen, dataset, run)
    printed = capsys.readouterr().out
    assert "resuming from the end of epoch 1" in printed and "weights from" not in printed
    assert json.loads((run / "config.json").read_text())["init"] == str(source)
    with pytest.raises(UserError, match="init: .* -> "):
        trainer.train(chosen, dataset, run, tmp_path / "another")


def test_a_source_that_is_not_there_is_refused_at_once(tiny_data, tmp_path, capsys):
    arguments = ["--variant", "orig", "--data", str(tiny_data), "--init", str(tmp_path / "no")]
    run = [*arguments, "--run", tmp_path / "run"]
    assert "there is no" in refused(capsys, lambda *more: cli.run(command.main, list(map(str, more))), *run)


def test_training_weights_are_no_part_of_an_exports_fingerprint(tiny_run, tmp_path):
    version = shutil.copytree(versions.find(tiny_run), tmp_path / "1")
    before = versions.fingerprint(version)
    (version / versions.WEIGHTS).unlink()
    assert versions.fingerprint(version) == before


def test_layers_are_numbered_in_the_order_in_which_they_were_built(tiny_data):
    dataset = load_dataset(tiny_data, ("zones", "sar"))
    first, second = (
        weights.of_modules(trainer.build_task(config.make_config("orig", TINY), dataset, "float32").modules())
        for _ in range(2)  # the second one's layers have higher numbers
    )
    assert list(first) == list(second)
    segmenter = trainer.build_task(config.make_config("zones", UNET), dataset, "float32")
    named = weights.of_modules(segmenter.modules())
    assert len(named) == len(segmenter.segmenter.weights)
    assert any(name.endswith("moving_mean") for name in named)  # of batch normalisation, which training moves
