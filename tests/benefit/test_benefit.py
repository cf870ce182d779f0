import csv
import dataclasses
import itertools
import json
import os
import re
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pix2pix_tf import config, prepare
from pix2pix_tf.benefit import command, data, experiment, plot, results
from pix2pix_tf.benefit import report as benefit_report
from pix2pix_tf.benefit.results import ExperimentInfo, Trial, TrialResult
from pix2pix_tf.data import merging
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.training import tasks
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError
from tests.helpers import SIZE, UNET, refused

ROLES = ("sar", "zones")


@pytest.fixture(scope="module")
def real_data(tmp_path_factory) -> Path:
    """12 simulated scenes, each of a glacier of its own; they stand for the real data."""
    root = tmp_path_factory.mktemp("data") / "real"
    prepare.simulate(root, scenes=12, size=SIZE, val=0.25, workers=1)
    return root


@pytest.fixture(scope="module")
def generated_data(tmp_path_factory) -> Path:
    """6 other simulated scenes; they stand for generated images."""
    root = tmp_path_factory.mktemp("data") / "generated"
    prepare.simulate(root, scenes=6, size=SIZE, seed=1, val=0.2, workers=1)
    for path in root.glob("*/*/SIM_*.png"):
        path.rename(path.with_name(path.name.replace("SIM_", "GEN_")))
    described = (root / "dataset.json").read_text().replace("SIM_", "GEN_")
    (root / "dataset.json").write_text(
        described.replace('"simulated",\n  "classes"', '"generated: gen5@2",\n  "classes"')
    )
    assert json.loads((root / "dataset.json").read_text())["origin"] == "generated: gen5@2"
    return root


@pytest.fixture(scope="module")
def held_out(real_data) -> list[str]:
    """Two glaciers: one has been for training, one for validation."""
    scenes = json.loads((real_data / "dataset.json").read_text())["scenes"]
    return [min(name for name, scene in scenes.items() if scene["split"] == split) for split in ("train", "val")]


def arguments(real, generated, names, output, *more):
    small = [text for override in UNET for text in ("--set", override)]
    fast = [
        "--steps",
        "2",
        "--seeds",
        "1",
        "--fractions",
        "0.5",
        "--set",
        "train.steps_per_epoch=2",
        "--unit",
        "pixels",
    ]
    return [
        *("--data", str(real), "--generated", str(generated), "--hold-out", *names, "--output", str(output)),
        *(*small, *fast, "--min-length", "3", *more),
    ]


# ---- Which scenes train ---------------------------------------------------------------------------------------------


@given(
    st.lists(st.sampled_from("ABC"), min_size=1, max_size=40), st.integers(0, 99),
    st.floats(0.01, 1), st.floats(0.01, 1),
)  # fmt: skip
def test_a_smaller_fraction_is_a_part_of_a_larger_one_and_each_glacier_has_its_share(glaciers, seed, one, other):
    scenes = {f"{glacier}{number}": glacier for number, glacier in enumerate(glaciers)}
    few, many = (data.draw_scenes(scenes, fraction, seed) for fraction in sorted((one, other)))
    assert set(few) <= set(many) <= scenes.keys()
    assert len(many) == max(1, round(max(one, other) * len(scenes)))
    for glacier in set(glaciers):
        fair = len(many) * glaciers.count(glacier) / len(scenes)
        assert abs(sum(scenes[name] == glacier for name in many) - fair) <= len(set(glaciers))


def test_a_third_of_six_and_three_scenes_is_two_and_one_and_the_seed_says_which():
    scenes = {f"A{n}": "A" for n in range(6)} | {f"B{n}": "B" for n in range(3)}
    drawn = {data.draw_scenes(scenes, 1 / 3, seed) for seed in range(20)}
    assert {tuple(name[0] for name in names) for names in drawn} == {("A", "A", "B")}
    assert len(drawn) > 5
    assert data.draw_scenes(scenes, 1, 0) == tuple(sorted(scenes))


# ---- Leaks, and other refusals --------------------------------------------------------------------------------------


def run(*given):
    return cli.run(command.main, arguments(*given))


def rewritten(root, folder, change):
    """A copy of a data set with another dataset.json."""
    copy = shutil.copytree(root, folder / root.name)
    values = json.loads((copy / "dataset.json").read_text())
    change(values)
    (copy / "dataset.json").write_text(json.dumps(values))
    return copy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.update(origin="real"), "has the origin 'real'"),
        (lambda v: v.update(origin="unknown"), "has the origin 'unknown'"),
        (lambda v: v.update(seen=["Elsewhere", "HELD"]), "was trained on HELD, which --hold-out names"),
        (lambda v: v["scenes"]["GEN_00001"].update(glacier="HELD"), "shows held-out glaciers: GEN_00001"),
        (
            lambda v: v["scenes"].update({"HELD": v["scenes"]["GEN_00001"]}),
            "scenes with the names of held-out ones: HELD",
        ),
    ],
)
def test_synthetic_images_with_data_leakage_are_refused(
    real_data, generated_data, held_out, tmp_path, capsys, change, message
):
    generated = rewritten(generated_data, tmp_path, change)
    path, name = generated / "dataset.json", held_out[0]
    path.write_text(path.read_text().replace("HELD", name))
    assert message.replace("HELD", name) in refused(capsys, run, real_data, generated, held_out, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_report_names_the_training_glaciers_of_the_generator(real_data, generated_data, held_out, tmp_path):
    generated = rewritten(generated_data, tmp_path, lambda v: v.update(seen=["Elsewhere"]))
    sources = data.open_sources(real_data, generated, held_out, ROLES)
    assert "trained on Elsewhere, and on no held-out one" in " ".join(data.describe_leakage(sources))


def test_a_glacier_that_is_none_is_refused_and_the_nearest_named(real_data, generated_data, tmp_path, capsys):
    assert "Did you mean 'SIM_00012'" in refused(capsys, run, real_data, generated_data, ["SIM_0012"], tmp_path / "out")


def test_all_glaciers_held_out_leave_nothing_to_train(real_data, generated_data, tmp_path, capsys):
    everything = [f"SIM_{number:05d}" for number in range(1, 13)]
    assert "nothing is left of train and val" in refused(
        capsys, run, real_data, generated_data, everything, tmp_path / "out"
    )


def test_real_scenes_without_a_glacier_are_refused(real_data, generated_data, held_out, tmp_path, capsys):
    real = rewritten(real_data, tmp_path, lambda v: v["scenes"]["SIM_00007"].pop("glacier"))
    assert "glacier of SIM_00007 is not known" in refused(capsys, run, real, generated_data, held_out, tmp_path / "out")


def test_scenes_without_a_scale_are_refused_before_anything_is_trained(
    real_data, generated_data, held_out, tmp_path, capsys
):
    real = rewritten(real_data, tmp_path, lambda v: [s.pop("metres_per_pixel") for s in v["scenes"].values()])
    message = refused(capsys, run, real, generated_data, held_out, tmp_path / "out", "--unit", "metres")
    assert f"{real}/dataset.json" in message and "--unit pixels" in message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--set", "train.epochs=3"], "the experiment sets this option itself"),
        (["--set", "train.best_by=none"], "--set train.best_by: the experiment sets this option itself"),
        (["--set", "train.steps_per_epoch=0"], "set a number of steps"),
        (["--set", "train.batch_size=9"], "real-0.5-seed0 would have 4 training patches"),
        (["--fractions", "0.5", "1.5"], "up to 1, not 1.5"),
        (["--seeds", "0"], "--seeds takes"),
        (["--min-length", "-1"], "--min-length takes"),
        (["--shortest", "-1"], "--min-length takes"),
    ],
)
def test_options_that_do_not_fit_are_refused(real_data, generated_data, held_out, tmp_path, capsys, more, message):
    assert message in refused(capsys, run, real_data, generated_data, held_out, tmp_path / "out", *more)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("steps", "epochs", "per_epoch"), [(10_000, 20, 500), (2, 2, 1), (50, 25, 2), (45, 23, 2)])
def test_all_trainings_have_the_steps_that_are_asked_for_or_an_epochs_rest_more(steps, epochs, per_epoch):
    train = experiment.trial_config([], steps).train
    assert (train.epochs, train.steps_per_epoch, train.patience, train.monitor) == (epochs, per_epoch, 0, "val_iou")


# ---- Data sets ------------------------------------------------------------------------------------------------------


@pytest.fixture
def opened(real_data, generated_data, held_out):
    return data.open_sources(real_data, generated_data, held_out, ROLES)


def stems(dataset):
    return {split: set(names) for split, names in dataset.stems.items()}


def test_test_data_made_before_keep_their_fronts_in_lines(opened, tmp_path):
    chosen = experiment.Experiment(
        opened, experiment.trial_config([], 2), experiment.plan([0.5], 1), tmp_path / "out", "pixels", 3
    )
    merging.write_dataset(chosen.test_data, chosen.test_parts)
    folder = tmp_path / "out" / "data" / "held-out" / "test"
    (folder / "fronts").rename(folder / "lines")
    merging.write_dataset(chosen.test_data, chosen.test_parts)
    assert all(chosen.test_data.path("test", "fronts", stem).exists() for stem in chosen.test_data.stems["test"])


def test_held_out_scenes_test_and_nothing_else(opened, held_out, tmp_path):
    chosen = experiment.Experiment(
        opened, experiment.trial_config([], 2), experiment.plan([0.5, 1], 2), tmp_path / "out", "pixels", 3
    )
    assert set(chosen.test_data.stems["test"]) == set(held_out)
    synthetic = {data.SYNTHETIC + stem for stem in opened.synthetic.stems["train"]}
    every = {stem for split in ("train", "val") for stem in opened.real.stems[split]}
    assert len(chosen.trials) == 2 * 5
    for trial in chosen.trials:
        patches = stems(chosen.data(trial))
        assert not (patches["train"] | patches["val"]) & set(held_out)
        assert patches["val"] == set(opened.real.stems["val"]) - set(held_out)
        assert (patches["train"] & synthetic == synthetic) == (trial.kind != "real")
        assert len(patches["train"] & every) == {None: 0, 0.5: 4, 1: 8}[trial.fraction]
    names = [chosen.data(trial).name for trial in chosen.trials]
    assert names[:5] == ["synthetic", "real-0.5-seed0", "both-0.5-seed0", "real-1", "both-1"]
    assert names[5:] == ["synthetic", "real-0.5-seed1", "both-0.5-seed1", "real-1", "both-1"]


def test_a_folder_made_before_is_claimed_and_another_experiment_refused(opened, tmp_path):
    config = experiment.trial_config([], 2)
    chosen = experiment.Experiment(opened, config, experiment.plan([0.5], 1), tmp_path / "out", "pixels", 3)
    experiment.claim(chosen)
    path = tmp_path / "out" / "benefit.json"
    record = json.loads(path.read_text())
    record["config"]["train"]["epoch_steps"] = record["config"]["train"].pop("steps_per_epoch")  # its name before
    path.write_text(json.dumps(record))
    experiment.claim(dataclasses.replace(chosen, trials=experiment.plan([0.5, 1], 2)))
    other = dataclasses.replace(chosen, min_length=4, config=experiment.trial_config([], 40))
    with pytest.raises(UserError, match=r"min_length: 3 -> 4\n- train.epochs: 2 -> 20"):
        experiment.claim(other)


@pytest.mark.parametrize("links", [True, False])
def test_a_merged_data_set_is_one_like_any_other(opened, tmp_path, monkeypatch, links):
    def refuse(*_):
        raise OSError("no hard links here")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    parts = data.training_parts(opened, ("SIM_00007",), synthetic=True)
    merged = merging.merged_dataset(tmp_path / "both", "simulated and generated: gen5@2", parts, ROLES)
    merging.write_dataset(dataclasses.replace(merged, bits={"zones": 8}), parts)  # as if interrupted ...
    (merged.root / "dataset.json").unlink()  # ... before the file that says that all is there
    merging.write_dataset(merged, parts)
    loaded = load_dataset(merged.root, ROLES)
    assert dataclasses.replace(loaded, bits=dict(loaded.bits)) == merged
    path, source = (
        loaded.path("train", "sar", "synthetic-GEN_00001"),
        opened.synthetic.path("train", "sar", "GEN_00001"),
    )
    assert path.samefile(source) == links and path.read_bytes() == source.read_bytes()
    assert not list(merged.root.rglob(".tmp-*"))


# ---- Figures by hand ------------------------------------------------------------------------------------------------

VALUES = {  # kind, fraction: for each seed macro IoU, distance (NaN: no front was predicted), missed
    ("real", 0.5): ((0.2, 30.0, 4), (0.4, 20.0, 2), (0.6, 40.0, 0)),
    ("both", 0.5): ((0.5, 20.0, 1), (0.7, 12.0, 1), (0.9, 28.0, 1)),
    ("synthetic", None): ((0.1, float("nan"), 5), (0.3, 50.0, 5), (0.2, 60.0, 5)),
}
NAN = float("nan")


def trial_results(seeds=3):
    listed = []
    for (kind, fraction), values in VALUES.items():
        for seed, (macro, distance, missed) in enumerate(values[:seeds]):
            scores = {"macro_iou": macro, "distance": distance, "missed": missed}
            scores |= dict(zip(results.CLASSES, (NAN, macro, macro, macro), strict=True))
            counts = (0 if kind == "synthetic" else 4, 0 if kind == "synthetic" else 40, 0 if kind == "real" else 60)
            listed.append(TrialResult(Trial(kind, fraction, seed), *counts, 2 + seed, scores))
    return listed


INFO = ExperimentInfo(
    data="mine (origin: real)", synthetic="generated (origin: generated: gen5@210)", held_out={"SI": 5},
    trained_on={"DBE": 3, "JAC": 5}, validated=7, leakage=("nothing is known",), unit="pixels", min_length=10, epochs=4,
    steps_per_epoch=25, batch_size=8, learning_rates="learning rate 0.001", command="python -m pix2pix_tf.benefit ...",
)  # fmt: skip


def test_means_and_deviations_by_hand():
    rows = {
        (r["kind"], r["measure"]): r for r in csv.DictReader(results.summary(trial_results(), "pixels").splitlines())
    }

    def values(kind, measure):
        row = rows[kind, measure]
        return float(row["mean"]), float(row["sd"]), int(row["seeds_with_a_value"])

    assert values("real", "macro_iou") == pytest.approx((0.4, 0.2, 3))  # .2 .4 .6
    assert values("both", "mean_distance_error_pixels") == pytest.approx((20, 8, 3))  # 20 12 28
    assert values("both - real", "macro_iou") == pytest.approx((0.3, 0, 3))  # each seed gains .3
    assert values("both - real", "mean_distance_error_pixels") == pytest.approx((-10, 2, 3))  # -10 -8 -12
    assert values("both - real", "missed") == pytest.approx((-1, 2, 3))  # -3 -1 +1
    assert values("synthetic", "mean_distance_error_pixels") == pytest.approx((55, 50**0.5, 2))  # none 50 60
    assert rows["real", "iou_not_available"]["mean"] == ""
    assert {r["fraction"] for (kind, _), r in rows.items() if kind != "synthetic"} == {"0.5"}


@pytest.mark.parametrize(
    ("changes", "measure", "words"),
    [
        ((-10, -8, -12), "distance", "significant improvement"),  # -10 ± 2.48 x 2
        ((10, 8, 12), "distance", "significant deterioration"),
        ((10, 8, 12), "macro_iou", "significant improvement"),
        ((-3, -1, 1), "missed", "no significant difference (3 seeds)"),
        ((0.0, 0.0), "macro_iou", "no significant difference (2 seeds)"),
        ((0.3, NAN), "macro_iou", "fewer than two seeds to compare: no error bar"),
    ],
)
def test_verdicts_by_the_95_percent_interval(changes, measure, words):
    assert results.verdict(changes, measure) == words


def test_the_page_has_figures_with_error_bars_and_the_training_data():
    text = benefit_report.page(trial_results(), INFO)
    assert (
        "mean distance error (px) -10.0 ± 2.0 (sd of 3 seeds, 95 % interval -15.0 to -5.0): **significant improvement**"
        in text
    )
    assert "missed fronts of 5: 2.0 ± 2.0 with real scenes alone, 1.0 ± 0.0 with both" in text
    assert "| 50 % real | 3 | 0.400 ± 0.200 | 30.0 ± 10.0 | 2.0 ± 2.0 |" in text
    assert "| synthetic alone | 3 | 0.200 ± 0.100 | 55.0 ± 7.1 (2 of 3 seeds) | 5.0 ± 0.0 |" in text
    # 100 steps of 8 patches: 20 passes over 40 patches, 8 over 40 + 60, 13.3 over 60
    assert "| 50 % real | 4 | 40 | 0 | 100 | 20 | 2, 3, 4 |" in text
    assert "| 50 % real + synthetic | 4 | 40 | 60 | 40 | 8 | 2, 3, 4 |" in text
    assert "**Few steps**: 50 % real + synthetic used each patch fewer than 10 times" in text
    assert "**3 of 9 trainings were best in their last epoch**" in text
    for phrase in ("DBE (3), JAC (5)", "SI (5)", "9 trainings of 100 steps each", "nothing is known", INFO.command):
        assert phrase in text


def test_one_seed_has_no_error_bar(tmp_path):
    text = benefit_report.page(trial_results(seeds=1), INFO)
    assert "| 50 % real | 1 | 0.200 | 30.0 | 4.0 |" in text
    assert "fewer than two seeds to compare: no error bar" in text
    plot.draw(tmp_path, trial_results(seeds=1), INFO)
    assert all(Image.open(tmp_path / name).width > 1000 for name in ("benefit.png", "classes.png"))


# ---- The command, with real trainings -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(real_data, generated_data, held_out, tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("benefit") / "out"
    assert cli.run(command.main, arguments(real_data, generated_data, held_out, output)) == 0
    return output


TRIALS = ("synthetic-seed0", "real-0.5-seed0", "both-0.5-seed0")


@pytest.mark.long
def test_an_experiment_from_end_to_end(finished, held_out):
    report = (finished / "report.md").read_text()
    pictures = re.findall(r"!\[[^]]*\]\(([^)]+)\)", report)
    assert pictures == ["benefit.png", "classes.png"] and all((finished / name).exists() for name in pictures)
    rows = list(csv.DictReader((finished / "results.csv").open()))
    had = [(r["kind"], r["real_scenes"], r["real_patches"], r["synthetic_patches"]) for r in rows]
    assert had == [("synthetic", "0", "0", "5"), ("real", "4", "4", "0"), ("both", "4", "4", "5")]
    for name, row in zip(TRIALS, rows, strict=True):
        run = finished / "runs" / name
        (last,) = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        assert last["step"] == 2
        own = list(csv.DictReader((run / "report" / "scenes.csv").open()))
        assert sorted(scene["scene"] for scene in own) == sorted(held_out)
        values = [float(scene["iou_ocean"]) for scene in own if scene["iou_ocean"]]
        assert float(row["iou_ocean"]) == pytest.approx(sum(values) / len(values))
        assert 0 <= float(row["macro_iou"]) <= 1
    for phrase in (
        *held_out,
        "generated: gen5@2",
        "are **not known**",
        "trained on 100 %",
        "origin: simulated",
        "--steps 2",
    ):
        assert phrase in report
    assert json.loads((finished / "data" / "both-0.5-seed0" / "dataset.json").read_text())["origin"] == (
        "simulated and generated: gen5@2"
    )


@pytest.mark.long
def test_interrupted_and_resumed_is_the_same_experiment(
    finished, real_data, generated_data, held_out, tmp_path, monkeypatch, capsys
):
    given = arguments(real_data, generated_data, held_out, shutil.copytree(finished, tmp_path / "out"))
    output, unfinished = tmp_path / "out", tmp_path / "out" / "runs" / TRIALS[1]
    expected = {name: (output / name).read_text() for name in ("results.csv", "summary.csv", "table.md")}
    shutil.rmtree(unfinished)
    shutil.rmtree(output / "data" / TRIALS[1])
    for name in expected:
        (output / name).unlink()
    others = {path: path.stat().st_mtime_ns for path in (output / "runs").rglob("*") if path.is_file()}
    step, calls = tasks.Segmenter.train_step, itertools.count()

    def stopped_step(self, batch):
        if next(calls) == 0:
            os.kill(os.getpid(), signal.SIGINT)
        return step.__get__(self, type(self))(batch)

    with monkeypatch.context() as patch:
        patch.setattr(tasks.Segmenter, "train_step", stopped_step)
        assert cli.run(command.main, given) == 130
    assert f"everything is saved in {unfinished}" in capsys.readouterr().err
    assert cli.run(command.main, given) == 0
    out = capsys.readouterr().out
    assert "2 trainings are done already" in out and "resuming from epoch 1, step 1 of 2" in out
    assert {name: (output / name).read_text() for name in expected} == expected
    assert {path: path.stat().st_mtime_ns for path in others} == others  # nothing was trained or measured twice


@pytest.mark.long
@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--steps", "4"], "train.epochs: 1 -> 2"),
        (["--set", "model.unet_width=8"], "model.unet_width: 4 -> 8"),
        (["--shortest", "4"], "min_length: 3.0 -> 4.0"),
    ],
)
def test_another_experiment_is_not_mixed_with_this_one(
    finished, real_data, generated_data, held_out, capsys, more, message
):
    before = (finished / "report.md").read_text()
    assert message in refused(capsys, run, real_data, generated_data, held_out, finished, *more)
    assert "hold_out" in refused(capsys, run, real_data, generated_data, held_out[:1], finished)
    assert (finished / "report.md").read_text() == before


def test_a_folder_of_other_things_is_left_alone(real_data, generated_data, held_out, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("mine")
    assert "nothing is overwritten" in refused(capsys, run, real_data, generated_data, held_out, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.long
def test_the_pipelines_settings_hold_for_all_trainings(finished):
    kept = [json.loads((finished / "runs" / name / "config.json").read_text())["config"] for name in TRIALS]
    assert kept[0] == kept[1] == kept[2]
    assert config.from_dict(kept[0]).train.steps_per_epoch == 2
