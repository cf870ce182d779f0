import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.evaluation import plots
from pix2pix_tf.evaluation.realism import plot, report, statistics
from pix2pix_tf.evaluation.realism.report import MaskResults, RealismResults
from pix2pix_tf.evaluation.runs import Run, training_hours
from pix2pix_tf.evaluation.scores import Scores
from pix2pix_tf.metrics import sar_realism

COUNT = 8  # images


def statistics_of(rng, brightness=100, right=True, features=5, size=32):
    """Statistics of images of ocean alone, of a mean brightness of so much of 255."""
    zones = np.full((COUNT, size, size), 254, np.uint8)
    images = rng.integers(brightness - 50, brightness + 50, zones.shape) / 255
    read = zones if right else np.full_like(zones, 127)
    of_images = rng.normal(brightness / 100, 1, (COUNT, features)) if features else [None] * COUNT
    return statistics.stack(
        [statistics.image_statistics(*one) for one in zip(images, zones, read, of_images, strict=True)]
    )


def made(rng, **options):
    """The real images, and a run of two epochs that is dim and read wrongly."""
    halves = sar_realism.halvings([str(i) for i in range(COUNT)], 0)
    real, dim = statistics_of(rng, **options), statistics_of(rng, brightness=60, right=False, **options)
    generated = {("a|b", epoch): statistics.compare(dim, real, halves) for epoch in (1, 2)}
    control = statistics.compare(real, real, halves)
    stems = tuple(f"s{i}" for i in range(COUNT))
    scores = [Scores("a|b", "orig", epoch, stems, stems, {"dice": np.ones(COUNT)}) for epoch in (1, 2)]
    return scores, RealismResults("zones@7", "real", COUNT, real.features.shape[1] > 0, control, generated)


def cells(text, heading):
    """The lines of the first table from this text on, which may be in its head, cell by cell."""
    start = text.index("| images", text.index(heading))
    lines = text[start:].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.replace(r"\|", "/").split("|")[1:-1]] for line in lines]


def test_the_tables_set_the_real_images_first(rng):
    scores, results = made(rng)
    text = report.sections(scores, results)
    control, run = cells(text, "| images | epoch | histogram, rock")
    assert control[:4] == ["real, other half", "", "–", "–"] and run[:2] == ["a/b (orig)", "2"]
    assert float(control[4].split()[0]) < 1 < float(run[4].split()[0])
    found = results.generated["a|b", 2]
    assert [cell.split()[0] for cell in run[6:9]] == [f"{mean:+.2f}" for mean in found.bands.mean(axis=0)]
    assert f"{found.kernel.mean():.4f} ± " in run[9] and float(run[10]) > 0
    assert [line[2:4] for line in cells(text, "| images | epoch | rock")] == [["–", "–"]] * 2
    real, read = cells(text, "| images | epoch | not available | rock")
    assert real[2:] == ["–", "–", "–", "1.000", "1.000 ± 0.000", "", "8"]
    assert read[2:] == ["–", "–", "0.000", "0.000", "0.000 ± 0.000", "-1.000 ± 0.000", "8"]
    real, read = cells(text, "IoU with the mask, pooled over all images")
    assert real[2:] == ["–", "–", "–", "1.000", "1.000"] and read[2:] == ["–", "–", "0.000", "0.000", "0.000"]
    assert "Zones segmented by zones@7, which was trained on real images." in text
    assert "the 8 images of\n  8 scenes are split into two halves, scene by scene, in 20 ways" in text


def test_without_features_there_is_a_sentence_and_no_column(rng):
    text = report.sections(*made(rng, features=0))
    assert "No kernel distance: the export of zones@7" in text
    assert len(cells(text, "| images | epoch | histogram, rock")[0]) == 9


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("simulated", "which was trained on simulated images."),
        ("unknown", "which was trained on images of unknown origin."),
        ("generated: gen5@210", "which was trained on images that gen5@210 generated."),
        ("moved: caffe (real)", "which was trained on a data set of this origin: moved: caffe (real)."),
    ],
)
def test_the_origin_of_the_segmenters_training_data_is_said_in_words(rng, origin, said):
    scores, results = made(rng, features=0)
    assert said in report.sections(scores, replace(results, trained_on=origin))


def test_pooled_overlap_by_hand():
    # The first image has 256 pixels of ocean and 768 of glacier, all found; of the second, all ocean, half is found.
    zones = np.full((2, 32, 32), 254, np.uint8)
    zones[0, 8:] = 127
    predicted = zones.copy()
    predicted[1, 16:] = 127
    grey = np.full((32, 32), 0.5)
    both = statistics.stack(
        [statistics.image_statistics(grey, z, p, None) for z, p in zip(zones, predicted, strict=True)]
    )
    places = np.arange(2)
    one = statistics.compare(both, both, [(places, places)])
    # Ocean: 256 + 512 hits of 256 + 1024; glacier: 768 hits of 768 + 512.
    np.testing.assert_equal(one.pooled, [np.nan, np.nan, 0.6, 0.6])
    assert one.faithfulness_pooled == 0.6 and one.faithfulness.tolist() == [1.0, 0.25]
    found = one.summary()
    assert (found["faithfulness_pooled"], found["iou_ocean"], found["iou_glacier"]) == (0.6, 0.6, 0.6)
    assert np.isnan([found["iou_rock"], found["iou_not_available"]]).all()
    assert [found[f"spectrum_{name}"] for name in ("low", "middle", "high")] == [0, 0, 0]


def test_further_masks_have_their_own_section_and_file(rng):
    scores, results = made(rng)
    assert "synthetic" not in report.sections(scores, results)
    assert "progress.png" not in report.sections(scores, results)
    assert "](progress.png)" in report.sections(scores, results, with_progress=True)
    few = {at: replace(one, overlap=one.overlap[:3]) for at, one in results.generated.items()}
    masks = MaskResults("fjords", "simulated", 4, few)
    text = report.sections(scores, replace(results, masks=masks))
    section = text[text.index("## Faithfulness on synthetic masks") :]
    assert "the data set fjords (origin: simulated)" in section and "have **no real images**" in section
    real, read = cells(section, "## Faith")
    assert real[2:] == ["–", "–", "–", "1.000", "1.000", "1.000 ± 0.000", "8"]
    assert read[2:] == ["–", "–", "0.000", "0.000", "0.000", "0.000 ± 0.000", "3"]
    assert cells(section, "Distance from the real images")[0][0] == "real, other half"
    rows = list(csv.DictReader(io.StringIO(report.masks_csv(scores, masks))))
    assert [(row["run"], row["epoch"], row["n"], row["faithfulness"]) for row in rows] == [
        ("a|b", "1", "3", "0.0"),
        ("a|b", "2", "3", "0.0"),
    ]
    assert float(rows[1]["spectrum_high"]) == pytest.approx(few["a|b", 2].bands[:, 2].mean())


def test_scores_get_what_metrics_csv_needs(rng):
    scores, results = made(rng)
    one, two = report.with_realism(scores, results)
    assert two.interval("faithfulness") == (0.0, 0.0) and (one.values["dice"] == 1).all()
    assert list(two.of_all) == [
        *("looks_rock", "looks_glacier", "looks_ocean", "histogram_rock", "histogram_glacier", "histogram_ocean"),
        *("spectrum", "kernel_distance", "kernel_error", "spectrum_low", "spectrum_middle", "spectrum_high"),
        *("faithfulness_pooled", "iou_not_available", "iou_rock", "iou_glacier", "iou_ocean"),
    ]
    one_of = results.generated["a|b", 2]
    assert np.isnan(two.of_all["histogram_rock"]) and two.of_all["looks_ocean"] == one_of.looks[1, 2]
    assert two.of_all["kernel_distance"] == pytest.approx(one_of.kernel.mean())


def test_the_picture_shows_the_real_images_and_every_run(tmp_path, rng):
    scores, results = made(rng)
    plot.draw(tmp_path / "realism.png", scores, results)
    pixels = np.asarray(Image.open(tmp_path / "realism.png").convert("RGB")).reshape(-1, 3)
    for colour, least in ((plots.REAL, 300), (plots.COLOURS[0], 300), (plot.BAND, 20_000)):
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert (abs(pixels.astype(int) - wanted).max(axis=1) <= 1).sum() > least


@pytest.mark.parametrize(("hours", "said"), [({1: 0.5, 2: 1.25}, "hours of training"), ({1: 0.5}, "epoch")])
def test_the_progress_shows_each_measure_by_the_time_of_training(tmp_path, rng, hours, said, monkeypatch):
    scores, results = made(rng)
    few = {at: replace(one, overlap=one.overlap[:3]) for at, one in results.generated.items()}
    kept = []
    monkeypatch.setattr(plot, "save", lambda figure, path: kept.append(figure))
    results = replace(results, masks=MaskResults("fjords", "simulated", 4, few))
    plot.draw_progress(tmp_path / "progress.png", scores, results, {("a|b", at): end for at, end in hours.items()})
    panels = kept[0].axes
    assert len(panels) == 6 and {axes.get_xlabel() for axes in panels} == {said}
    line, real = panels[0].lines
    assert line.get_xdata().tolist() == (list(hours.values()) if len(hours) == 2 else [1, 2])
    assert line.get_ydata().tolist() == [0, 0] and real.get_ydata()[0] == 1  # read wrongly, and rightly
    assert len(panels[1].lines) == 1 and "fjords" in panels[1].get_title()


def test_the_hours_of_a_training_are_those_of_its_log(tmp_path):
    run = Run(tmp_path, "a", "speckle", ("zones",), ("sar",), tmp_path, "real")
    assert training_hours(run) == {}
    lines = '{"epoch": 1, "seconds": 1800}\n{"epoch": 2, "seconds": 3600}\n{"epoch": 3, "sec'
    (tmp_path / "log.jsonl").write_text(lines)
    assert training_hours(run) == {1: 0.5, 2: 1.5}


def test_looks_are_as_far_off_as_those_of_the_worst_zone(rng):
    _, results = made(rng)
    looks = results.real.looks * [[2.0, 1.0, 0.25]]
    assert plot._looks_off(replace(results.real, looks=looks), results.real) == pytest.approx(4)
    looks[1] = [3.0, np.inf, looks[1, 2]]  # a zone that the real images lack, and an even one
    assert plot._looks_off(replace(results.real, looks=looks), results.real) == pytest.approx(4)


def test_the_bars_of_the_histogram_hold_all_greys_once_and_are_a_decibel_wide():
    first, edges = plot._bars()
    assert first[0] == 0 and (np.diff(first) > 0).all() and len(edges) == len(first) + 1
    assert (np.diff(edges)[:-1] >= 1).all() and edges[-1] == pytest.approx(0, abs=0.05)
    assert edges[1] == pytest.approx(20 * np.log10(0.5 / 255))  # black ends where 8 bit rounds to the next step
