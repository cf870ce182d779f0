import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.evaluation import plots
from pix2pix_tf.evaluation.realism import plot, report, statistics
from pix2pix_tf.evaluation.realism.report import RealismResults
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
    """The lines below a heading of the first table whose head has this text, cell by cell."""
    lines = text[text.index(heading) :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.replace(r"\|", "/").split("|")[1:-1]] for line in lines]


def test_the_tables_set_the_real_images_first(rng):
    scores, results = made(rng)
    text = report.sections(scores, results)
    control, run = cells(text, "| images | epoch | histogram, rock")
    assert control[:4] == ["real, other half", "", "–", "–"] and run[:2] == ["a/b (orig)", "2"]
    assert float(control[4].split()[0]) < 1 < float(run[4].split()[0])
    assert f"{results.generated['a|b', 2].kernel.mean():.4f} ± " in run[6] and float(run[7]) > 0
    assert [line[2:4] for line in cells(text, "| images | epoch | rock")] == [["–", "–"]] * 2
    real, read = cells(text, "| images | epoch | not available | rock")
    assert real[2:] == ["–", "–", "–", "1.000", "1.000 ± 0.000", "", "8"]
    assert read[2:] == ["–", "–", "0.000", "0.000", "0.000 ± 0.000", "-1.000 ± 0.000", "8"]
    assert "Zones segmented by zones@7, trained on data of origin: real." in text
    assert "the 8 images of\n  8 scenes are split into two halves, scene by scene, in 20 ways" in text


def test_without_features_there_is_a_sentence_and_no_column(rng):
    text = report.sections(*made(rng, features=0))
    assert "No kernel distance: the export of zones@7" in text
    assert len(cells(text, "| images | epoch | histogram, rock")[0]) == 6


def test_scores_get_what_metrics_csv_needs(rng):
    scores, results = made(rng)
    one, two = report.with_realism(scores, results)
    assert two.interval("faithfulness") == (0.0, 0.0) and (one.values["dice"] == 1).all()
    assert list(two.of_all) == [
        *("looks_rock", "looks_glacier", "looks_ocean", "histogram_rock", "histogram_glacier", "histogram_ocean"),
        *("spectrum", "kernel_distance", "kernel_error"),
    ]
    one_of = results.generated["a|b", 2]
    assert np.isnan(two.of_all["histogram_rock"]) and two.of_all["looks_ocean"] == one_of.looks[1, 2]
    assert two.of_all["kernel_distance"] == pytest.approx(one_of.kernel.mean())


def test_the_picture_shows_the_real_images_and_every_run(tmp_path, rng):
    scores, results = made(rng)
    plot.draw(tmp_path / "realism.png", scores, results)
    pixels = np.asarray(Image.open(tmp_path / "realism.png").convert("RGB")).reshape(-1, 3)
    for colour in (plots.REAL, plots.COLOURS[0]):
        wanted = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert (abs(pixels.astype(int) - wanted).max(axis=1) <= 1).sum() > 300


def test_the_bars_of_the_histogram_hold_all_greys_once_and_are_a_decibel_wide():
    first, edges = plot._bars()
    assert first[0] == 0 and (np.diff(first) > 0).all() and len(edges) == len(first) + 1
    assert (np.diff(edges)[:-1] >= 1).all() and edges[-1] == pytest.approx(0, abs=0.05)
    assert edges[1] == pytest.approx(20 * np.log10(0.5 / 255))  # black ends where 8 bit rounds to the next step
