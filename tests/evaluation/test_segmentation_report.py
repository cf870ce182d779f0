import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from pix2pix_tf.data.dataset import Scene
from pix2pix_tf.evaluation.runs import Run
from pix2pix_tf.evaluation.segmentation import report
from pix2pix_tf.evaluation.segmentation.report import Measured, Result, SceneScore
from pix2pix_tf.metrics.front_distance import FrontScore

NAN = np.nan


def one(name, total, count, iou=(NAN, 0.5, 0.8, 1.0), missed=False):
    glacier, date, sensor, resolution = name.split("_")[:4]
    scene = Scene("test", 10, 10, glacier=glacier, date=date, sensor=sensor, metres_per_pixel=float(resolution))
    agreement = {measure: np.array(iou) for measure in report.AGREEMENT}
    return SceneScore(name, scene, agreement, FrontScore(total, count, missed, False))


@pytest.fixture
def result(tmp_path):
    run = Run(tmp_path, "zones", "zones", ("sar",), ("zones",), tmp_path, "real")
    scenes = (
        one("COL_2011-01-01_TSX_7_1_1", 1000.0, 10),  # northern winter
        one("COL_2011-06-01_TDX_7_1_1", 100.0, 30, iou=(NAN, 0.7, 0.6, 0.8)),
        one("Mapple_2011-06-01_ERS_20_1_1", 0.0, 0, missed=True),  # southern winter
    )
    return Result("zones@7", run, 7, "zones", scenes)


def measured(unit="metres", origin="real"):
    return Measured("caffe", origin, "test", unit, 750.0)


def test_distances_are_pooled_and_missed_fronts_counted(result):
    rows = list(csv.DictReader(io.StringIO(report.summary([result], "metres"))))
    found = {(row["grouped_by"], row["group"]): row for row in rows}
    everything = found["all", ""]
    assert float(everything["mean_distance_error_metres"]) == pytest.approx(1100 / 40)  # not (100 + 3.3) / 2
    assert (everything["scenes"], everything["missed"], everything["no_true_front"]) == ("3", "1", "0")
    assert float(found["glacier", "COL"]["mean_distance_error_metres"]) == pytest.approx(27.5)
    assert found["glacier", "Mapple"]["mean_distance_error_metres"] == ""
    assert found["glacier", "Mapple"]["missed"] == "1"
    assert float(found["season", "winter"]["mean_distance_error_metres"]) == 100
    assert found["sensor", "TSX/TDX"]["scenes"] == "2"
    assert found["resolution", "20 m"]["scenes"] == "1"
    assert float(found["glacier x season", "COL, summer"]["mean_distance_error_metres"]) == pytest.approx(100 / 30)


def test_classes_are_averaged_over_the_scenes_that_have_them(result):
    table = report.table([result], measured())
    (row,) = [line for line in table.splitlines() if line.startswith("| zones@7 | IoU")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    rock, glacier, ocean = (0.5 + 0.7 + 0.5) / 3, (0.8 + 0.6 + 0.8) / 3, (1 + 0.8 + 1) / 3
    macro = ((0.5 + 0.8 + 1) / 3 * 2 + (0.7 + 0.6 + 0.8) / 3) / 3
    assert cells[2:] == ["none", f"{rock:.3f}", f"{glacier:.3f}", f"{ocean:.3f}", f"{macro:.3f}"]


def test_every_scene_has_its_line(result):
    rows = list(csv.DictReader(io.StringIO(report.scenes([result], "metres"))))
    assert [row["scene"] for row in rows] == [scene.name for scene in result.scenes]
    assert rows[0]["mean_distance_metres"] == "100.0" and rows[2]["mean_distance_metres"] == ""
    assert rows[0]["iou_not_available"] == "" and rows[0]["iou_ocean"] == "1.0"
    assert [row["season"] for row in rows] == ["winter", "summer", "winter"]
    assert [row["missed"] for row in rows] == ["0", "0", "1"]


@pytest.mark.parametrize(
    ("unit", "origin", "note", "published"),
    [
        ("metres", "real", "only if this is the test split of CaFFe", True),
        ("metres", "simulated", "do not compare with these", True),
        ("pixels", "real", "published figures are in metres", False),
    ],
)
def test_published_figures_stand_beside_ours_with_what_ours_are_from(result, unit, origin, note, published):
    table = report.table([result], measured(unit, origin))
    assert note in table and f"origin: {origin}" in table
    assert ("753 ± 76" in table) == published


def test_the_verdict_counts_only_scenes_that_have_a_front(result):
    bare = replace(result.scenes[0], front=FrontScore(0.0, 0, False, True))
    found, missed, absent = (replace(result, scenes=some) for some in (result.scenes[:2], result.scenes[1:], (bare,)))
    assert "A front was found in all 2 scenes that have one." in report._verdict([found], "metres")
    assert "No front was found in 1 (`zones@7`) of the 2 scenes that have one." in report._verdict([missed], "metres")
    assert report._verdict([absent], "metres").endswith("No scene has a front.")


def test_without_any_front_there_is_no_distance(result):
    nothing = Result("blind@1", result.run, 1, "zones", result.scenes[2:])
    table = report.table([nothing], measured())
    assert "| blind@1 | 1 | none | 1 | none | 0 |" in table
