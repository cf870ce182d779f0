import csv
import io
import re

import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.evaluation import plots
from pix2pix_tf.evaluation.scores import Scores, last_common_epoch, summary
from pix2pix_tf.evaluation.translation import report
from pix2pix_tf.evaluation.translation.report import Data
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.utils.errors import UserError


def scores(run, epoch, ssim=(0.4, 0.6), variant=None):
    ssim = np.array(ssim)
    values = {name: ssim / 2 for name in image_metrics.MEASURES} | {"ssim": ssim, "dice": 1 - ssim}
    stems = tuple(f"patch_{i}" for i in range(ssim.size))
    return Scores(run, variant or run, epoch, stems, stems, values)


def data(origin="simulated", **trained_on):
    return Data("fjords", origin, "val", 7, trained_on or {"orig": "simulated"})


def lines_of(table, run):
    """The cells of a run's lines, from the top down."""
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if f"| {run} |" in line]


def count(path, colour):
    """How many pixels have a colour, give or take one of 255 levels."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return (abs(pixels - [int(colour[i : i + 2], 16) for i in (1, 3, 5)]).max(axis=-1) <= 1).sum()


def colours_of(path):
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3).astype(int)
    return {f"#{colour:06X}" for colour in np.unique(pixels @ [1 << 16, 1 << 8, 1])}


def test_summary_has_the_means_of_each_run_by_epoch():
    text = summary([scores("b", 20, (0.25, 0.75)), scores("a,b", 10, variant="orig"), scores("b", 5)])
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[0] == ["run", "variant", "epoch", "dice", "dice_linear", "ssim", "psnr", "mae", "n"]
    assert [row[:3] for row in rows[1:]] == [["b", "b", "5"], ["b", "b", "20"], ["a,b", "orig", "10"]]
    assert rows[2][3:] == ["0.5", "0.25", "0.5", "0.25", "0.25", "2"]


def test_table_compares_at_the_last_common_epoch_and_at_each_runs_best():
    given = [scores("orig", e, (s, s)) for e, s in ((10, 0.2), (20, 0.5), (30, 0.3))]
    given += [scores("gen5", e, (s, s)) for e, s in ((10, 0.4), (20, 0.1))]
    table = report.table(given, data())
    assert "Epoch 20, the last one that all runs have" in table
    assert [line[1] for line in lines_of(table, "orig")] == ["20", "20"]
    assert [line[1] for line in lines_of(table, "gen5")] == ["20", "10"]
    assert [line[4] for line in lines_of(table, "gen5")] == ["0.1000 ± 0.0000", "0.4000 ± 0.0000"]


def test_table_has_the_interval_the_number_of_images_and_the_papers_figures():
    (line,) = lines_of(report.table([scores("orig", 210, (0.4, 0.5, 0.6))], data()), "orig")
    assert line[4] == "0.5000 ± 0.2484"  # t(0.975, 2 degrees) 4.303 * 0.1 / sqrt(3)
    assert line[7:] == ["3", "0.2638", "0.8409"]


def test_table_of_one_image_has_no_interval():
    (line,) = lines_of(report.table([scores("orig", 210, (0.4,))], data()), "orig")
    assert line[4] == "0.4000"


def test_table_without_a_common_epoch_says_so():
    table = report.table([scores("orig", 10), scores("orig", 30), scores("gen5", 20)], data())
    assert "no exported epoch in common" in table
    assert lines_of(table, "orig")[0][1] == "30"
    assert lines_of(table, "gen5")[0][1] == "20"


def test_table_of_a_single_epoch_has_no_best_epoch():
    assert "best epoch" not in report.table([scores("orig", 10), scores("gen5", 10)], data())


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ("simulated", "Simulated data: not comparable with the paper's figures"),
        ("generated: orig@210", "Generated data: not comparable with the paper's figures"),
        ("real", "as far as these patches are like the paper's own"),
        ("unknown", "is not known"),
        ("from a friend", "is not known"),
    ],
)
def test_table_says_on_what_it_was_measured_and_what_that_compares_with(origin, said):
    table = report.table([scores("orig", 10)], data(origin, orig="real"))
    assert f"2 images of the data set fjords, split val (origin: {origin}), seed 7." in table
    assert "Origin of the training data: real." in table
    assert said in table


def test_table_tells_runs_apart_that_were_trained_on_different_data():
    table = report.table([scores("a", 10), scores("b", 10)], data(a="simulated", b="real"))
    assert "simulated (a), real (b)" in table


def test_table_has_the_papers_figures_only_where_there_are_some():
    both = report.table([scores("mine", 10, variant="gen5"), scores("other", 10)], data())
    assert lines_of(both, "mine (gen5)")[0][-2:] == ["0.2266", "0.8492"]
    assert lines_of(both, "other")[0][-2:] == ["", ""]
    assert "paper: Dice" not in report.table([scores("other", 10)], data())


@pytest.mark.parametrize(("runs", "epochs"), [(1, 1), (5, 20), (9, 2)])
def test_curves_show_every_run_in_its_colour(tmp_path, runs, epochs):
    given = [scores(f"run{r}", e, (r / 20, r / 20 + 0.02)) for r in range(runs) for e in range(1, epochs + 1)]
    plots.draw(tmp_path / "curves.png", given)
    assert set(plots.COLOURS[:runs]) <= colours_of(tmp_path / "curves.png")
    others = set(plots.COLOURS[runs:]) - {"#000000"}  # black is the axes' too
    assert not others & colours_of(tmp_path / "curves.png")


def test_curves_of_a_single_epoch_stand_side_by_side_where_they_would_coincide(tmp_path):
    plots.draw(tmp_path / "curves.png", [scores(f"run{r}", 10, variant="orig") for r in range(5)])
    for colour in plots.COLOURS[:5]:
        assert count(tmp_path / "curves.png", colour) > 500  # more than the legend alone has


@pytest.mark.parametrize(("runs", "spread", "shaded"), [(1, 0.1, True), (1, 0.0, False), (9, 0.1, False)])
def test_curves_are_shaded_by_their_interval_unless_there_are_too_many(tmp_path, runs, spread, shaded):
    means = {1: 0.4, 2: 0.5}
    given = [scores(f"run{r}", e, (r + means[e] - spread, r + means[e] + spread)) for r in range(runs) for e in means]
    plots.draw(tmp_path / "curves.png", given)
    assert (count(tmp_path / "curves.png", "#E0EDF5") > 500) == shaded  # 12 % of the first colour on white


def test_curves_follow_the_epochs_not_the_order_given(tmp_path):
    given = [scores("orig", e, (e / 50, e / 40)) for e in (2, 4, 10)]
    plots.draw(tmp_path / "a.png", given)
    plots.draw(tmp_path / "b.png", given[::-1])
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_page_links_only_to_what_stands_beside_it():
    page = report.page([scores("orig", 10)], data(), "python evaluate.py runs/orig --seed 7", ["x", "y"])
    links = set(re.findall(r"\]\(([^)]*)\)", page))
    assert links == {"curves.png", "comparison.png", "metrics.csv", "scores/", "scores", "table.md"} & links
    assert {"curves.png", "comparison.png", "metrics.csv"} <= links
    assert "python evaluate.py runs/orig --seed 7\n" in page
    assert "`x`, `y`" in page


def test_last_common_epoch():
    assert last_common_epoch([{10, 20, 30}, {20, 10}]) == 20
    assert last_common_epoch([{10}, {20}]) is None


def test_a_report_takes_the_place_of_a_report_or_of_nothing(tmp_path):
    report.check_output(tmp_path / "new")
    report.check_output(tmp_path)
    (tmp_path / "scores").mkdir()
    (tmp_path / ".tmp-12-metrics.csv").touch()
    (tmp_path / ".lock").touch()
    report.check_output(tmp_path)  # an evaluation that was interrupted
    (tmp_path / "metrics.csv").write_text(summary([scores("orig", 10)]))
    (tmp_path / "report.md").touch()
    report.check_output(tmp_path)


def test_a_report_takes_the_place_of_nothing_else(tmp_path):
    (tmp_path / "file").touch()
    for name, content in (("report.md", "my own"), ("metrics.csv", "a,b\n1,2\n")):
        folder = tmp_path / name.split(".")[0]
        folder.mkdir()
        (folder / name).write_text(content)
        with pytest.raises(UserError, match=f"holds {name}"):
            report.check_output(folder)
    with pytest.raises(UserError, match="is a file"):
        report.check_output(tmp_path / "file")
