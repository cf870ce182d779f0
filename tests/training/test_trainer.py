import contextlib
import dataclasses
import gc
import itertools
import json
import math
import os
import shutil
import signal
import threading
import weakref

import numpy as np
import pytest
import tensorflow as tf

import evaluate
from pix2pix_tf import config
from pix2pix_tf.data import pipeline
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.export import saved_model, versions
from pix2pix_tf.training import precision, tasks, trainer
from pix2pix_tf.utils import cli, cpu, files
from pix2pix_tf.utils.errors import Diverged, Interrupted, UserError
from tests.helpers import TINY, UNET


def chosen(*overrides, epochs=2):
    return config.make_config("orig", [*TINY, f"train.epochs={epochs}", *overrides])


def lines(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def state(run):
    """All that the newest checkpoint holds, but the time it took."""
    reader = tf.train.load_checkpoint(str(run / "checkpoints"))
    names = [
        name for name in reader.get_variable_to_shape_map() if "seconds" not in name and "save_counter" not in name
    ]
    return {name: reader.get_tensor(name) for name in names if name != "_CHECKPOINTABLE_OBJECT_GRAPH"}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


def test_what_a_run_leaves(tiny_run):
    assert [line["epoch"] for line in lines(tiny_run)] == [1, 2]
    assert {"step", "generator", "generator_gan", "generator_l1", "discriminator", "val_l1", "seconds"} <= lines(
        tiny_run
    )[0].keys()
    assert list(versions.epochs(tiny_run)) == [1, 2]
    assert sorted(path.name for path in (tiny_run / "samples").iterdir()) == ["epoch_0001.png", "epoch_0002.png"]
    assert list((tiny_run / "tensorboard").glob("events*"))
    assert json.loads((tiny_run / "config.json").read_text())["data"]["train"] == 6


@pytest.mark.parametrize(("together", "batches"), [(1, [2, 1]), (3, [3]), (8, [3])])
def test_validation_is_the_mean_over_all_patches_however_many_go_together(
    together, batches, tiny_dataset, tmp_path, monkeypatch
):
    monkeypatch.setattr(pipeline, "TOGETHER", together)
    task = trainer.build_task(chosen(), tiny_dataset, "float32")
    run = trainer.Training(chosen(), tiny_dataset, tmp_path / "run", task)
    validation = list(run.validation)
    assert [len(batch["index"]) for batch in validation] == batches
    errors = [np.abs(task.generate(batch) - batch["target"]) for batch in validation]
    assert run._validate() == {"val_l1": pytest.approx(np.concatenate(errors).mean(), rel=1e-5)}


def test_tensorboard_has_the_losses_and_the_sheets(tiny_run):
    tags = set()
    for path in (tiny_run / "tensorboard").glob("events*"):
        for event in tf.compat.v1.train.summary_iterator(str(path)):
            tags |= {value.tag for value in event.summary.value}
    assert {"generator_gan", "generator_l1", "discriminator", "val_l1", "samples"} <= tags


@pytest.mark.long
def test_interrupted_and_resumed_is_uninterrupted_to_the_bit(tiny_dataset, tiny_run, tmp_path, monkeypatch):
    run, step = tmp_path / "run", tasks.Pix2Pix.train_step
    for steps_before_the_signal in (1, 2, 1):  # an epoch has three: within the first, at its end, within the second
        countdown = itertools.count(steps_before_the_signal, -1)

        def stopped_step(self, batch, countdown=countdown):
            if next(countdown) == 1:
                os.kill(os.getpid(), signal.SIGTERM)
            return step.__get__(self, type(self))(batch)

        with monkeypatch.context() as patch:
            patch.setattr(tasks.Pix2Pix, "train_step", stopped_step)
            with pytest.raises(Interrupted, match="same command resumes") as stopped:
                trainer.train(chosen(), tiny_dataset, run)
        assert stopped.value.signal_number == signal.SIGTERM
    trainer.train(chosen(), tiny_dataset, run)
    assert_same(state(run), state(tiny_run))
    timeless = [{k: v for k, v in line.items() if k not in ("seconds", "images_per_second")} for line in lines(run)]
    assert timeless == [{k: line[k] for k in timeless[0]} for line in lines(tiny_run)]
    assert (run / "samples" / "epoch_0002.png").read_bytes() == (tiny_run / "samples" / "epoch_0002.png").read_bytes()


class Tracked(float):
    """A float that a weak reference can point to."""


@pytest.mark.long
def test_no_float_of_a_step_is_kept_for_ever(tiny_dataset, tmp_path, monkeypatch):
    # TensorFlow's table of tensors by Python number would hold on to each, and grow with each step.
    references, check = [], trainer.Training._check_finite

    def track(self, losses, batch):
        losses.update({name: Tracked(loss) for name, loss in losses.items()})
        references.extend(weakref.ref(loss) for loss in losses.values())
        return check(self, losses, batch)

    monkeypatch.setattr(trainer.Training, "_check_finite", track)
    trainer.train(chosen("train.log_steps=1", epochs=1), tiny_dataset, tmp_path / "run")
    gc.collect()
    del references[-len(tasks.Pix2Pix.loss_names) :]  # those of the last step may still be in use
    assert references and not any(reference() for reference in references)


@pytest.mark.long
def test_a_log_line_after_the_checkpoint_is_not_doubled(tiny_dataset, tmp_path):
    run = tmp_path / "run"
    trainer.train(chosen(epochs=1), tiny_dataset, run)
    with (run / "log.jsonl").open("a") as log:
        log.write(json.dumps({"epoch": 2, "step": 6}) + "\n" + '{"epoch": 3, "st')  # as a kill may leave it
    trainer.train(chosen(epochs=2), tiny_dataset, run)
    assert [line["epoch"] for line in lines(run)] == [1, 2]


def test_more_epochs_go_on_and_the_same_command_again_has_nothing_to_do(tiny_dataset, tiny_run, tmp_path, capsys):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    trainer.train(chosen(epochs=3), tiny_dataset, run)
    assert "resuming from the end of epoch 2" in capsys.readouterr().out
    trainer.train(chosen(epochs=3), tiny_dataset, run)
    assert "already trained to epoch 3" in capsys.readouterr().out
    assert list(versions.epochs(run)) == [1, 2, 3]


def test_another_configuration_or_data_set_is_refused_and_named(tiny_data, tiny_dataset, tiny_run):
    with pytest.raises(UserError, match="loss.l1: 100.0 -> 50.0"):
        trainer.train(chosen("loss.l1=50"), tiny_dataset, tiny_run)
    fewer = load_dataset(tiny_data, ("zones", "sar"), ("train",))
    object.__setattr__(fewer, "stems", {"train": fewer.stems["train"][:4], "val": ("S6",)})
    with pytest.raises(UserError, match="data train: 6 -> 4"):
        trainer.train(chosen(), fewer, tiny_run)


def test_a_folder_that_is_no_run_is_left_alone(tiny_dataset, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match=r"it has no config\.json(.|\n)*Choose another --run"):
        trainer.train(chosen(), tiny_dataset, tmp_path)
    with pytest.raises(UserError, match=r"is a file\. Choose another --run"):
        trainer.train(chosen(), tiny_dataset, tmp_path / "thesis.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(tiny_dataset, tmp_path):
    run = tmp_path / "run"
    trainer.train(chosen(epochs=1), tiny_dataset, run)
    good = state(run)
    spoilt = trainer.Training(
        chosen(epochs=3), tiny_dataset, run, trainer.build_task(chosen(), tiny_dataset, "float32")
    )
    spoilt.task.generator_variables[0].assign_add(np.full(spoilt.task.generator_variables[0].shape, np.nan))
    with pytest.raises(Diverged, match=r"epoch 2, step 4 .*nan.* on S\d.png, S\d.png.*ckpt-3"):
        spoilt.fit()
    assert_same(state(run), good)


def test_a_damaged_checkpoint_is_named(tiny_dataset, tiny_run, tmp_path):
    run = shutil.copytree(tiny_run, tmp_path / "run")
    for path in (run / "checkpoints").glob("ckpt-3.*"):
        path.unlink()
    (index,) = (run / "checkpoints").glob("*.index")
    index.write_bytes(index.read_bytes()[:100])
    with pytest.raises(UserError, match="ckpt-6 cannot be read .*choose another --run"):
        trainer.train(chosen(epochs=3), tiny_dataset, run)


def test_a_second_training_in_the_same_folder_is_refused(tiny_dataset, tiny_run):
    before = {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*") if path.is_file()}
    with files.lock(tiny_run), pytest.raises(UserError, match="Another command is at work in"):
        trainer.train(chosen(epochs=3), tiny_dataset, tiny_run)
    assert {path: path.stat().st_mtime_ns for path in tiny_run.rglob("*") if path.is_file()} == before


def test_a_folder_removed_under_a_training_does_not_come_back_in_part(tiny_dataset, tmp_path, monkeypatch):
    run, step = tmp_path / "run", tasks.Pix2Pix.train_step

    def removing_step(self, batch):
        shutil.rmtree(run, ignore_errors=True)
        return step.__get__(self, type(self))(batch)

    monkeypatch.setattr(tasks.Pix2Pix, "train_step", removing_step)
    with pytest.raises(UserError, match="run is gone"):
        trainer.train(chosen("train.checkpoint_minutes=0"), tiny_dataset, run)
    assert not run.exists()


def test_a_gradient_that_is_no_number_stops_the_run_at_its_step(optical_data, tmp_path, monkeypatch):
    dataset, run = load_dataset(optical_data, ("optical",)), tmp_path / "run"
    settings = ["model.vgg_width=2", "train.batch_size=5", "train.checkpoint_minutes=0"]
    trainer.train(config.make_config("clouds", [*settings, "train.epochs=1"]), dataset, run)
    good, loss = state(run), tasks.losses.clouds_loss

    @tf.custom_gradient
    def steep(logits):
        return logits, lambda upstream: upstream * math.inf

    monkeypatch.setattr(tasks.losses, "clouds_loss", lambda logits, cloudy: loss(steep(logits), cloudy))
    with pytest.raises(Diverged, match=r"gradient .* epoch 2, step 4 \(loss nan\), on SIM.*ckpt-3\."):
        trainer.train(config.make_config("clouds", [*settings, "train.epochs=2"]), dataset, run)
    assert_same(state(run), good)


def test_a_validation_that_is_no_number_stops_the_run_before_it_is_saved(fronts_data, tmp_path):
    dataset, run = load_dataset(fronts_data, ("sar", "zones")), tmp_path / "run"
    with monkeypatched_validation(iter([0.5, math.inf])), pytest.raises(Diverged, match="epoch 2, validation .*ckpt-3"):
        trainer.train(of_zones(), dataset, run)
    assert [line["epoch"] for line in lines(run)] == [1]
    assert list(versions.epochs(run)) == [1]


@pytest.mark.long
def test_a_full_disk_while_exporting_leaves_nothing_half_written(tiny_dataset, tmp_path, monkeypatch):
    run = tmp_path / "run"
    trainer.train(chosen(epochs=1), tiny_dataset, run)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(saved_model.cpp_runtime, "load", full)  # the weights are written by then
        with pytest.raises(OSError, match="No space"):
            trainer.train(chosen(epochs=2), tiny_dataset, run)
    assert [path.name for path in (run / "export" / "orig").iterdir()] == ["1"]
    logged = (run / "log.jsonl").read_text()
    trainer.train(chosen(epochs=2), tiny_dataset, run)  # the checkpoint was written: only the export is missing
    assert list(versions.epochs(run)) == [1, 2]
    assert (run / "log.jsonl").read_text() == logged


@pytest.mark.long
def test_a_watcher_sees_whole_versions_only(tiny_dataset, tmp_path):
    run, complete, done = tmp_path / "run", [], threading.Event()

    def watch():
        while not done.is_set():
            for folder in (run / "export" / "orig").glob("[0-9]*"):
                complete.append((folder / "saved_model.pb").exists() and (folder / versions.DESCRIPTION).exists())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        trainer.train(chosen(epochs=2), tiny_dataset, run)
    finally:
        done.set()
        watcher.join()
    assert complete and all(complete)


def test_a_checkpoint_is_due_by_the_clock_as_well(tiny_dataset, tmp_path):
    run = tmp_path / "run"
    trainer.train(chosen("train.checkpoint_minutes=0", "train.max_to_keep=9", epochs=1), tiny_dataset, run)
    saved = sorted(path.stem for path in (run / "checkpoints").glob("*.index"))
    assert saved == ["ckpt-1", "ckpt-2", "ckpt-3"]


def test_the_precision_and_its_reason():
    assert precision.choose("float32", 64) == ("float32", "as set")
    name, reason = precision.choose("auto", 64)
    assert name in ("float32", "mixed_bfloat16")
    assert "processor" in reason


def test_narrow_networks_compute_in_float32_on_a_processor(monkeypatch):
    monkeypatch.setattr(cpu, "features", lambda: frozenset(["avx512f", "avx512_bf16"]))
    assert precision.choose("auto", 16)[0] == "mixed_bfloat16"
    assert precision.choose("auto", 15) == (
        "float32",
        "with fewer than 16 filters in the first layer bfloat16 is no faster",
    )
    assert precision.choose("mixed_bfloat16", 8) == ("mixed_bfloat16", "as set")


# ---- Segmentation and classification -------------------------------------------------------------------------------


def of_zones(*overrides, epochs=3):
    return config.make_config("zones", [*UNET, f"train.epochs={epochs}", "train.samples=2", *overrides])


def test_only_the_best_epoch_is_exported(zones_run):
    run = zones_run  # by val_iou; the test below is by val_loss
    values = {line["epoch"]: line["val_iou"] for line in lines(run)}
    best = max(values, key=values.get)
    assert list(values) == [1, 2, 3]
    assert list(versions.epochs(run)) == [best]
    assert (run / "samples" / f"epoch_{best:04d}.png").exists()


@pytest.mark.long
def test_a_training_stops_when_nothing_has_become_better_for_long(fronts_data, tmp_path, capsys):
    dataset, run = load_dataset(fronts_data, ("sar", "zones")), tmp_path / "run"
    never = ("train.learning_rate=1e-12", "train.max_learning_rate=0", "train.patience=2", "train.monitor=val_loss")
    with monkeypatched_validation(itertools.chain([1.0, 0.5], itertools.repeat(0.7))):
        trainer.train(of_zones(*never, epochs=9), dataset, run)
        assert "stopped early: val_loss has not improved in 2 epochs" in capsys.readouterr().out
        trainer.train(of_zones(*never, epochs=9), dataset, run)  # the same command again has nothing to do
    assert [line["epoch"] for line in lines(run)] == [1, 2, 3, 4]
    assert list(versions.epochs(run)) == [2]


@contextlib.contextmanager
def monkeypatched_validation(values):
    """Validation gives these values, one an epoch: what is tested is what follows from them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer.Training, "_validate", lambda _: {"val_loss": next(values), "val_iou": 0.0})
        yield


@contextlib.contextmanager
def interrupted_in_step(number):
    """Ctrl-C comes in that step of a segmenter's training, counted from 1."""
    step, left = tasks.Segmenter.train_step, itertools.count(number, -1)

    def stopped_step(self, batch):
        if next(left) == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return step.__get__(self, type(self))(batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks.Segmenter, "train_step", stopped_step)
        yield


@pytest.mark.long
def test_a_segmenter_interrupted_and_resumed_is_one_that_was_not(fronts_data, zones_run, tmp_path):
    dataset, run = load_dataset(fronts_data, ("sar", "zones")), tmp_path / "run"
    with interrupted_in_step(5), pytest.raises(Interrupted):  # an epoch has three: within the second epoch
        trainer.train(of_zones(), dataset, run)
    trainer.train(of_zones(), dataset, run)
    assert_same(state(run), state(zones_run))
    assert list(versions.epochs(run)) == list(versions.epochs(zones_run))


@pytest.mark.long
def test_epochs_of_a_number_of_steps_change_the_log_and_not_the_weights(fronts_data, zones_run, tmp_path):
    # Three passes of three steps, which are three epochs there, in one epoch of nine steps here; interrupted in it.
    dataset, run = load_dataset(fronts_data, ("sar", "zones")), tmp_path / "run"
    with interrupted_in_step(5), pytest.raises(Interrupted, match="epoch 1, step 5 of 9"):
        trainer.train(of_zones("train.steps_per_epoch=9", epochs=1), dataset, run)
    trainer.train(of_zones("train.steps_per_epoch=9", epochs=1), dataset, run)
    assert [(line["epoch"], line["step"]) for line in lines(run)] == [(1, 9)]
    assert list(versions.epochs(run)) == [1]
    reached, before = ({k: v for k, v in state(r).items() if "best_" not in k} for r in (run, zones_run))
    assert_same(reached, before)
    with pytest.raises(UserError, match="train.steps_per_epoch: 9 -> 3"):
        trainer.train(of_zones("train.steps_per_epoch=3"), dataset, run)


def test_patches_that_do_not_fit_the_u_net_are_refused(fronts_data, tmp_path):
    dataset = dataclasses.replace(load_dataset(fronts_data, ("sar", "zones")), size=40)
    with pytest.raises(UserError, match="do not divide by 16"):
        trainer.train(of_zones(), dataset, tmp_path / "run")


# ---- SAR to optical, and clouds -------------------------------------------------------------------------------------


def of_optical(epochs=2):
    overrides = [*TINY, f"train.epochs={epochs}", "train.export_every=2", "train.batch_size=4"]
    return config.make_config("sar2optical", overrides)


@pytest.mark.long
def test_a_discriminator_that_rests_every_other_epoch_does_so_after_a_resumption_as_well(optical_data, tmp_path):
    dataset = load_dataset(optical_data, ("sar_vv", "sar_vh", "optical"))
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    trainer.train(of_optical(), dataset, whole)
    for epochs in (1, 2):  # it is trained in the first and rests in the second
        trainer.train(of_optical(epochs), dataset, parts)
    assert_same(state(parts), state(whole))
    steps = {name: value for name, value in state(whole).items() if "optimizer/steps/" in name}
    (discriminator,) = (value for name, value in steps.items() if name.startswith("discriminator"))
    (generator,) = (value for name, value in steps.items() if name.startswith("generator"))
    assert 2 * discriminator == generator


def test_a_cloud_classifier_is_trained_exported_and_measured(optical_data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    chosen = config.make_config("clouds", ["model.vgg_width=2", "train.epochs=2", "train.batch_size=4"])
    trainer.train(chosen, load_dataset(optical_data, ("optical",)), tmp_path / "runs" / "clouds")
    (best,) = versions.epochs(tmp_path / "runs" / "clouds")
    assert (tmp_path / "runs" / "clouds" / "samples" / f"epoch_{best:04d}.png").exists()
    png = min((optical_data / "val" / "optical").iterdir()).read_bytes()
    model = saved_model.load(tmp_path / "runs" / "clouds" / "export" / "clouds")
    probabilities = model.signatures["serving_default"](image_bytes=tf.constant([png, png]))["probabilities"]
    assert probabilities.shape == (2, 1) and 0 <= float(probabilities[0, 0]) == float(probabilities[1, 0]) <= 1
    assert cli.run(evaluate.main, ["runs/clouds"]) == 0, capsys.readouterr().err
    report = (tmp_path / "runs" / "clouds" / "report" / "report.md").read_text()
    assert "commoner class" in report and "origin:\nsimulated" in report
    assert (tmp_path / "runs" / "clouds" / "report" / "examples.png").exists()


def test_patches_without_a_cloud_share_cannot_teach_clouds(tiny_dataset, tmp_path):
    chosen = config.make_config("clouds", ["data.inputs=sar", "train.batch_size=2"])
    with pytest.raises(UserError, match="has no cloud cover of S0"):
        trainer.train(chosen, tiny_dataset, tmp_path / "run")
