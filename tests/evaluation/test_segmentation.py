import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import evaluate
from pix2pix_tf.data import classes, tiling
from pix2pix_tf.data.dataset import MIXED, Dataset, Scene, save
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.evaluation.runs import Run
from pix2pix_tf.evaluation.segmentation import evaluation
from pix2pix_tf.export import versions
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError

SIDE = 32  # pixels of a patch
HEIGHT, WIDTH = 60, 90  # pixels of a scene: no multiple of a patch
FRONT = 40  # the column of the true front: ocean from there on, glacier before it


def scene_pixels(column=FRONT):
    """Glacier on the left, ocean on the right, and the front between: for each role uint8 [H, W]."""
    zones = np.full((HEIGHT, WIDTH), classes.GLACIER, np.uint8)
    zones[:, column:] = classes.OCEAN
    lines = np.zeros_like(zones)
    lines[:, column] = 255
    wide = np.zeros_like(zones)
    wide[:, column - 2 : column + 3] = 255
    sar = np.tile(np.arange(1, WIDTH + 1, dtype=np.uint8), (HEIGHT, 1))  # the column, from which `network` predicts
    return {"zones": zones, "lines": lines, "fronts": wide, "sar": sar}


@pytest.fixture
def data(tmp_path) -> Path:
    """Three scenes of 7 m a pixel, cut into overlapping patches, in the splits train, val and test."""
    root, scenes = tmp_path / "data", {}
    names = {"DBE_2010-01-01_ERS_7_1_1": "train", "COL_2011-06-01_TSX_7_1_2": "val", "COL_2011-12-01_TDX_7_1_3": "test"}
    for name, split in names.items():
        for role, pixels in scene_pixels().items():
            pieces = tiling.cut(pixels, SIDE, SIDE // 2)
            stems = tiling.stems(name, HEIGHT, WIDTH, SIDE, SIDE // 2)
            for stem, (_, _, patch) in zip(stems, pieces, strict=True):
                dataset_writer.write(root, split, stem, {role: patch})
        glacier, date, sensor = name.split("_")[:3]
        padding = tiling.padding(HEIGHT, WIDTH, SIDE, SIDE // 2)
        facts = {"glacier": glacier, "date": date, "sensor": sensor, "metres_per_pixel": 7.0}
        scenes[name] = Scene(split, HEIGHT, WIDTH, padding=padding, overlap=SIDE // 2, **facts)
    roles = ("zones", "lines", "fronts", "sar")
    save(Dataset(root, "made-up", "simulated", SIDE, dict.fromkeys(roles, 8), scenes))
    return root


def setting(data, unit="metres", min_length=100.0, **changes):
    dataset = load_dataset(data, ("zones", "fronts", "sar"), ("val",))
    scenes = {name: replace(scene, **changes) for name, scene in dataset.scenes.items()}
    return evaluation.Setting(replace(dataset, scenes=scenes), "val", 4, unit, min_length)


def network(data, target="zones", column=FRONT, sure=0.9):
    """A network that predicts a front at a column, whatever the image; `sure` is its probability."""

    def predict(tiles):
        """The column is one less than the SAR image's grey; beyond the scene it is 0."""
        columns = tiles[..., 0].astype(int) - 1
        if target == "zones":
            zones = np.where(columns < column, classes.GLACIER, classes.OCEAN)
            pixels, values = np.where(columns < 0, 0, zones), np.array(classes.ZONE_VALUES)
        else:
            pixels, values = np.where(np.abs(columns - column) <= 2, 255, 0), np.array([255])
        return np.where(pixels[..., None] == values, sure, (1 - sure) / 3).astype(np.float32)

    run = Run(data / "no-run", "reader", target, ("sar",), (target,), data, "simulated")
    return evaluation.Network(f"reader-{column}", run, 1, predict, f"{target} {column} {sure}", SIDE)


def scored(data, tmp_path, reader, of=None):
    of = of or setting(data)
    evaluation.predict_masks(reader, of, tmp_path / "out")
    (one,) = evaluation.score_masks(reader, of, tmp_path / "out").scenes
    return one


@pytest.mark.parametrize("target", ["zones", "fronts"])
def test_a_perfect_network_has_no_error_whatever_the_patches(data, tmp_path, target):
    one = scored(data, tmp_path, network(data, target))
    if target == "zones":
        assert one.front.mean == 0 and one.front.count == 2 * HEIGHT
        np.testing.assert_array_equal(one.agreement["iou"], [np.nan, np.nan, 1, 1])  # no shadow, no rock here
    else:  # a skeleton ends a pixel or two before the band does
        assert one.front.mean < 0.1 * 7 and one.front.count >= 2 * HEIGHT - 4
        assert one.agreement["recall"] == [1] and one.agreement["precision"] == [1 / 5]  # the line, 5 pixels wide
    mask = images.read_png(tmp_path / "out" / "masks" / "reader-40" / "COL_2011-06-01_TSX_7_1_2.png")
    assert (mask == scene_pixels()[target]).all()


@pytest.mark.parametrize("target", ["zones", "fronts"])
@pytest.mark.parametrize(("unit", "error"), [("metres", 70), ("pixels", 10)])
def test_a_front_10_pixels_off_at_7_metres_is_70_metres_off(data, tmp_path, target, unit, error):
    one = scored(data, tmp_path, network(data, target, FRONT + 10), setting(data, unit=unit, min_length=10))
    assert one.front.mean == pytest.approx(error, rel=0 if target == "zones" else 0.01)


def test_a_front_that_is_too_short_is_missed_and_adds_no_distance(data, tmp_path):
    one = scored(data, tmp_path, network(data), setting(data, min_length=7.0 * HEIGHT))
    assert one.front.missed and one.front.count == 0 and one.front.mean is None


def test_only_the_front_inside_the_box_counts(data, tmp_path):
    # The upper 20 rows of the predicted front are left; the true front's lower ones are up to 40 pixels away.
    one = scored(data, tmp_path, network(data), setting(data, bounding_box=(0, 20, 0, WIDTH)))
    assert one.front.count == 20 + HEIGHT
    assert one.front.total == pytest.approx(7 * sum(range(1, 41)))


def test_a_scene_is_read_by_a_network_once(data, tmp_path):
    reader, of = network(data), setting(data)
    calls = []
    counted = replace(reader, predict=lambda tiles: calls.append(tiles) or reader.predict(tiles))
    evaluation.predict_masks(counted, of, tmp_path / "out")
    made = len(calls)
    evaluation.predict_masks(counted, of, tmp_path / "out")
    assert len(calls) == made > 0
    (tmp_path / "out" / "masks" / "reader-40" / "COL_2011-06-01_TSX_7_1_2.png").unlink()  # as if interrupted
    evaluation.predict_masks(counted, of, tmp_path / "out")
    assert len(calls) == 2 * made
    evaluation.predict_masks(replace(counted, key="another export"), of, tmp_path / "out")
    assert len(calls) == 3 * made


def test_a_batch_is_never_larger_than_asked_for(data, tmp_path):
    reader, sizes = network(data), []
    counted = replace(reader, predict=lambda tiles: sizes.append(len(tiles)) or reader.predict(tiles))
    evaluation.predict_masks(counted, setting(data), tmp_path / "out")
    assert max(sizes) == 4 and sum(sizes) == len(setting(data).dataset.stems["val"])  # patches that overlap by half


def test_values_that_are_no_numbers_are_refused(data, tmp_path):
    reader = network(data)
    spoilt = replace(reader, predict=lambda tiles: reader.predict(tiles) * np.nan)
    with pytest.raises(UserError, match="no numbers"):
        evaluation.predict_masks(spoilt, setting(data), tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"split": MIXED}, "--split scene"), ({"metres_per_pixel": None}, "--unit pixels")],
)
def test_scenes_that_cannot_be_measured_are_named_with_the_cure(data, tmp_path, changes, message):
    with pytest.raises(UserError, match=f"COL_2011-06-01_TSX_7_1_2.*{message}"):
        evaluation.evaluate([], setting(data, **changes), tmp_path / "out", "")


def test_the_mean_training_mask_by_hand(fronts_data, zones_run):
    run = Run(zones_run, "zones", "zones", ("sar",), ("zones",), fronts_data, "simulated")
    dataset = load_dataset(fronts_data, ("sar", "zones", "fronts"), ("val",))
    baseline = evaluation.mean_training_mask(run, evaluation.Setting(dataset, "val", 2, "pixels", 5.0))
    zones = np.stack([np.asarray(Image.open(path)) for path in (fronts_data / "train" / "zones").iterdir()])
    expected = np.stack([(zones == value).mean(axis=0) for value in classes.ZONE_VALUES], axis=-1)
    np.testing.assert_allclose(baseline.predict(np.zeros((2, 32, 32, 1), np.uint8)), [expected, expected], atol=1e-6)


def test_each_training_data_set_has_a_baseline_of_its_own(fronts_data, zones_run, tmp_path):
    few = tmp_path / "few"
    shutil.copytree(fronts_data, few)
    kept = sorted((few / "train/zones").iterdir())[0].name
    for path in (few / "train").glob("*/*.png"):
        if path.name != kept:
            path.unlink()
    dataset = load_dataset(fronts_data, ("sar", "zones", "fronts"), ("val",))
    used = evaluation.Setting(dataset, "val", 2, "pixels", 3.0)
    runs = [Run(zones_run, name, "zones", ("sar",), ("zones",), data, "real")
            for name, data in (("all", fronts_data), ("one", few))]  # fmt: skip
    made = {run.name: evaluation.mean_training_mask(run, used, with_run=True) for run in runs}
    assert [one.name for one in made.values()] == ["mean-training-mask-zones-all", "mean-training-mask-zones-one"]
    tiles = np.zeros((1, 32, 32, 1), np.uint8)
    only = np.asarray(Image.open(few / "train/zones" / kept))
    np.testing.assert_array_equal(made["one"].predict(tiles)[0].argmax(-1), np.searchsorted(classes.ZONE_VALUES, only))
    assert np.abs(made["all"].predict(tiles) - made["one"].predict(tiles)).max() > 0.1


# ---- The command line, with real exports ----------------------------------------------------------------------------


def test_an_export_alone_has_no_training_masks_for_a_baseline(zones_run, fronts_data, tmp_path, capsys):
    export = str(zones_run / "export" / "zones")
    command = [export, "--data", str(fronts_data), "--unit", "pixels", "--baseline", "--output", str(tmp_path / "r")]
    assert cli.run(evaluate.main, command) == 2
    assert f"--baseline: the training masks of the export {export} are not known" in capsys.readouterr().err


def test_both_kinds_of_runs_are_measured_beside_the_baseline(zones_run, fronts_run, tmp_path, capsys):
    output = tmp_path / "report"
    command = [str(zones_run), str(fronts_run), "--unit", "pixels", "--min-length", "3", "--baseline", "--output"]
    assert cli.run(evaluate.main, [*command, str(output)]) == 0, capsys.readouterr().err
    best = {run.name: max(versions.epochs(run)) for run in (zones_run, fronts_run)}
    names = [f"{name}@{epoch}" for name, epoch in best.items()]
    names += ["mean-training-mask-zones", "mean-training-mask-fronts"]
    report = (output / "report.md").read_text()
    for name in names:
        assert len(list((output / "masks" / name).glob("*.png"))) == 3
        assert len(list((output / "overlays" / name).glob("*.png"))) == 3
        assert len(list((output / "fronts" / name).glob("*.geojson"))) == 3
        assert f"| {name} | 3 |" in report
    assert "in pixels of these patches; published figures are in metres" in report and "753" not in report
    pictures = re.findall(r"!\[[^]]*\]\(<?([^)>]+)>?\)", report)
    assert len(pictures) > 3 and all((output / picture).exists() for picture in pictures)
    rows = list(csv.DictReader((output / "metrics.csv").open()))
    assert {row["network"] for row in rows} == set(names)
    assert {row["grouped_by"] for row in rows} >= {
        "all",
        "glacier",
        "season",
        "sensor",
        "resolution",
        "glacier x sensor",
    }
    assert [row["scenes"] for row in rows if row["grouped_by"] == "all"] == ["3"] * 4
    front = json.loads(next((output / "fronts" / names[0]).glob("*.geojson")).read_text())
    assert front["type"] == "FeatureCollection"

    before = {path: path.stat().st_mtime_ns for path in output.rglob("masks/*/*.png")}
    assert cli.run(evaluate.main, [*command, str(output)]) == 0
    assert {path: path.stat().st_mtime_ns for path in output.rglob("masks/*/*.png")} == before
    assert "3 scenes are done already" in capsys.readouterr().out


def test_metres_bring_the_published_figures_and_their_limits(zones_run, tmp_path):
    output = tmp_path / "report"
    assert cli.run(evaluate.main, [str(zones_run), "--split", "test", "--output", str(output)]) == 0
    report = (output / "report.md").read_text()
    assert "753 ± 76" in report and "do not compare" in report and "(m)" in report


def test_a_generator_and_a_segmenter_are_not_measured_together(tiny_run, zones_run, tmp_path, capsys):
    assert cli.run(evaluate.main, [str(tiny_run), str(zones_run), "--output", str(tmp_path / "report")]) == 2
    assert "Evaluate them apart" in capsys.readouterr().err


def test_without_names_each_kind_of_run_gets_a_report(tiny_run, zones_run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for run in (tiny_run, zones_run):
        shutil.copytree(run, tmp_path / "runs" / run.name)
    assert cli.run(evaluate.main, ["--unit", "pixels"]) == 0, capsys.readouterr().err
    assert "| tiny" in (tmp_path / "runs" / "report-sar" / "report.md").read_text()
    assert "| zones@" in (tmp_path / "runs" / "report-fronts" / "report.md").read_text()


@pytest.mark.parametrize(("option", "value"), [("--min-length", "-1"), ("--min-length", "nan"), ("--batch-size", "0")])
def test_options_out_of_range_are_refused(zones_run, tmp_path, capsys, option, value):
    assert cli.run(evaluate.main, [str(zones_run), option, value, "--output", str(tmp_path / "r")]) == 2
    assert option in capsys.readouterr().err


def test_a_report_of_the_other_kind_is_not_mixed_with_this_one(tiny_run, zones_run, tmp_path, capsys):
    output = tmp_path / "report"
    assert cli.run(evaluate.main, [str(zones_run), "--output", str(output)]) == 0
    assert cli.run(evaluate.main, [str(tiny_run), "--output", str(output)]) == 2
    assert "no report of this kind" in capsys.readouterr().err
