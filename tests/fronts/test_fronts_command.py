import csv
import json
import shutil

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
from PIL import Image
from scipy import ndimage

import evaluate
from pix2pix_tf.data import classes
from pix2pix_tf.data.io import images
from pix2pix_tf.fronts import command, products
from pix2pix_tf.utils import cli
from tests.fronts.constructed import CORNER, METRES, fjord, make_export, write_scene
from tests.helpers import Interrupted, refused, tree

NAME = "COL_2014-06-01_TSX_20_1_1"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Runs whose exports read zones, or the front, from brightness."""
    root = tmp_path_factory.mktemp("models")
    return {target: make_export(root / target, target) for target in ("zones", "fronts")}


def run(scenes, model, output, *flags):
    scenes = scenes if isinstance(scenes, list) else [scenes]
    models_ = model if isinstance(model, list) else [model]
    named = [text for one in models_ for text in ("--model", str(one))]
    return cli.run(command.main, [*map(str, scenes), *named, "--output", str(output), *map(str, flags)])


def front_rows(path):
    return list(csv.DictReader(path.open(encoding="utf-8")))


def distances(lines, x, y):
    """Distances of points from lines, in metres."""
    return shapely.distance(shapely.union_all(list(lines)), shapely.points(x, y))


# ---- The products of a scene ----------------------------------------------------------------------------------------


def test_a_scene_becomes_a_front_at_its_place_on_earth(models, tmp_path, capsys):
    zones = fjord(slope=0.3)
    scene = write_scene(tmp_path / f"{NAME}.tif", zones)
    output = tmp_path / "out"
    assert run(scene, models["zones"], output, "--probabilities") == 0, capsys.readouterr().err
    assert "fronts of 1 scene" in capsys.readouterr().out
    folder = output / NAME
    for read in (geopandas.read_file(folder / "front.gpkg"), geopandas.read_file(folder / "front.geojson"),
                 geopandas.read_file(output / "fronts.gpkg")):  # fmt: skip
        assert read.crs.to_epsg() == 3031 and len(read) == 1
        one = read.iloc[0]
        assert (one["scene"], one["glacier"], one["sensor"], one["run"], one["epoch"]) == (
            NAME,
            "COL",
            "TSX",
            "zones",
            7,
        )
        assert str(one["date"]).startswith("2014-06-01") and one["flags"] is None
        stairs = 120 * (1 + 0.3 * (np.sqrt(2) - 1)) * METRES  # steps from pixel to pixel, along and diagonally
        assert one["length_m"] == pytest.approx(stairs, rel=0.03) and 0.9 < one["probability"] <= 1
        rows, columns = np.nonzero(classes.front_of(zones))
        x, y = CORNER[0] + (columns + 0.5) * METRES, CORNER[1] - (rows + 0.5) * METRES
        assert distances(read.geometry, x, y).mean() < 2 * METRES
        points = shapely.get_coordinates(read.geometry[0])
        assert distances([shapely.multipoints(np.stack([x, y], axis=1))], *points.T).mean() < 2 * METRES
    with rasterio.open(folder / "zones.tif") as written, rasterio.open(scene) as source:
        assert (written.crs, written.transform, written.nodata) == (source.crs, source.transform, 0)
        assert (written.read(1) == zones).mean() > 0.97
        assert written.colormap(1)[classes.OCEAN][:3] == classes.ZONE_COLOURS[3]
        assert written.tags()["RUN"] == "zones" and written.tags()["EPOCH"] == "7"
    with rasterio.open(folder / "probabilities.tif") as written:
        assert written.descriptions[3] == "probability of ocean in percent"
        percent = written.read()
        assert np.abs(percent.sum(axis=0, dtype=int) - 100).max() <= 2
        assert (percent[3][zones == classes.OCEAN] > 50).mean() > 0.97
    assert Image.open(folder / "overlay.png").size[0] > 640
    report = (output / "report.md").read_text()
    assert f"![{NAME}](<{NAME}/overlay.png>)" in report and "no flag" not in report
    assert "data:image/" in (output / "report.html").read_text()
    (row,) = front_rows(output / "summary.csv")
    assert (row["scene"], row["network"], row["pieces"], row["flags"]) == (NAME, "zones", "1", "")


def test_pixels_without_data_have_no_zones_and_a_front_along_them_is_flagged(models, tmp_path):
    zones = fjord()
    gap = slice(None, 120), slice(113, 120)
    zones[gap] = classes.NOT_AVAILABLE  # a gap in the swath, three pixels beside the front
    output = tmp_path / "out"
    assert run(write_scene(tmp_path / "a.tif", zones, nodata=-9999.0), models["zones"], output, "--probabilities") == 0
    with rasterio.open(output / "a" / "zones.tif") as written, rasterio.open(output / "a/probabilities.tif") as percent:
        assert (written.read(1)[gap] == 0).all() and (written.read(1)[:, :100] != 0).all()
        assert (percent.read(1)[gap] == percent.nodata).all() and percent.read(1)[:, :113].max() <= 100
    (row,) = front_rows(output / "summary.csv")
    assert "nodata" in row["flags"] and "**nodata**: more than 20%" in (output / "report.md").read_text()


def test_a_scene_without_a_front_is_listed_as_such(models, tmp_path):
    zones = np.where(fjord() == classes.OCEAN, classes.GLACIER, fjord()).astype(np.uint8)
    output = tmp_path / "out"
    assert run(write_scene(tmp_path / "a.tif", zones), models["zones"], output) == 0
    (row,) = front_rows(output / "summary.csv")
    assert row["flags"] == "none" and row["length_m"] == "0.0"
    assert len(geopandas.read_file(output / "fronts.gpkg")) == 0


def test_both_networks_are_compared(models, tmp_path):
    scene = write_scene(tmp_path / f"{NAME}.tif", fjord())
    output = tmp_path / "out"
    assert run(scene, [models["fronts"], models["zones"]], output, "--uncertainty") == 0
    rows = front_rows(output / "summary.csv")
    assert [row["network"] for row in rows] == ["zones", "fronts"]
    assert all(0 < float(row["disagreement_px"]) < 3 and not row["flags"] for row in rows)
    assert all(float(row["spread_px"]) < 1 for row in rows)
    assert set(geopandas.read_file(output / "fronts.gpkg")["network"]) == {"zones", "fronts"}
    points = geopandas.read_file(output / NAME / "front.gpkg", layer="spread")
    assert len(points) > 10 and points["spread_m"].max() < 2 * METRES and points.crs.to_epsg() == 3031
    assert (output / NAME / "zones.tif").exists() and (output / NAME / "fronts.tif").exists()


def test_a_png_has_lines_in_pixels(models, tmp_path):
    zones = fjord()
    grey = np.select([zones == v for v in (classes.ROCK, classes.GLACIER)], [217, 102], 5).astype(np.uint8)
    images.write_png(tmp_path / "drawn.png", grey)
    assert run(tmp_path / "drawn.png", models["zones"], tmp_path / "out") == 0
    read = geopandas.read_file(tmp_path / "out" / "drawn" / "front.geojson")
    assert shapely.get_coordinates(read.geometry[0])[:, 0] == pytest.approx(110.5, abs=1)
    (row,) = front_rows(tmp_path / "out" / "summary.csv")
    assert row["length_m"] == "" and float(row["length_px"]) == pytest.approx(119, abs=3)


def test_fronts_of_averaged_scenes_lie_where_those_of_whole_ones_do(models, tmp_path):
    zones = fjord(height=322, width=403, front=220)  # borders of zones lie between squares
    scene = write_scene(tmp_path / f"{NAME}.tif", zones)
    assert run(scene, models["zones"], tmp_path / "out", "--multilook", 2, "--uncertainty") == 0
    lines = geopandas.read_file(tmp_path / "out" / NAME / "front.gpkg", layer="fronts")
    rows, columns = np.nonzero(classes.front_of(zones))
    x, y = CORNER[0] + (columns + 0.5) * METRES, CORNER[1] - (rows + 0.5) * METRES
    assert distances(lines.geometry, x, y).mean() < 2 * METRES
    assert lines["front_length_m"][0] == pytest.approx(242 * METRES, rel=0.05)
    with rasterio.open(tmp_path / "out" / NAME / "zones.tif") as written:
        assert written.shape == (161, 201) and written.res == (2 * METRES, 2 * METRES)
    with rasterio.open(scene) as source:
        grey = source.read(1)
    images.write_png(tmp_path / "png/a.png", np.uint8(np.clip(grey * 200, 1, 255)))
    assert run(tmp_path / "png", models["zones"], tmp_path / "pixels", "--multilook", 2) == 0
    line = geopandas.read_file(tmp_path / "pixels/a/front.geojson")
    assert shapely.get_coordinates(line.geometry[0])[:, 0] == pytest.approx(221, abs=2)  # pixels of the file


def test_a_network_of_whole_scenes_is_to_see_whole_scenes(tmp_path, capsys):
    model = make_export(tmp_path / "zones", whole_scenes=True)
    scene = write_scene(tmp_path / "a.tif", fjord())
    assert run(scene, model, tmp_path / "whole") == 0
    assert "a has 160 x 200, of which it sees a part at a time: with --multilook 4 it sees" in capsys.readouterr().out
    assert run(scene, model, tmp_path / "averaged", "--multilook", 4) == 0
    assert "note:" not in capsys.readouterr().out


@pytest.mark.long
@pytest.mark.parametrize("kind", ["whole numbers", "grey as colour"])
def test_any_kind_of_number_gives_the_same_front(models, tmp_path, kind):
    from pix2pix_tf.data.io import raster
    from tests.fronts.constructed import grid_of, sar_of

    zones = fjord()
    sar = sar_of(zones)
    grey = np.clip(255 * sar / 1.2, 0, 255)
    pixels = (40 * grey).astype(np.uint16) if kind == "whole numbers" else np.stack([grey.astype(np.uint8)] * 3, -1)
    raster.write_geotiff(tmp_path / "a.tif", pixels, grid_of(zones))
    assert run(tmp_path / "a.tif", models["zones"], tmp_path / "out") == 0
    with rasterio.open(tmp_path / "out/a/zones.tif") as written:
        assert (written.read(1) == zones).mean() > 0.97


# ---- One code with evaluate.py --------------------------------------------------------------------------------------


def test_scored_masks_are_those_that_users_get(zones_run, fronts_data, tmp_path):
    arguments = [str(zones_run), "--data", str(fronts_data), "--output", str(tmp_path / "report")]
    assert cli.run(evaluate.main, [*arguments, "--min-length", "100"]) == 0
    assert run(fronts_data, zones_run, tmp_path / "out", "--min-length", 100) == 0
    (masks,) = (tmp_path / "report" / "masks").iterdir()
    scored = sorted(masks.glob("*.png"))
    assert len(scored) == 3 and len(list((tmp_path / "out").glob("*/zones.tif"))) == 11  # val; all splits
    lines = tmp_path / "report" / "fronts" / masks.name
    for path in scored:
        with rasterio.open(tmp_path / "out" / path.stem / "zones.tif") as written:
            assert np.array_equal(written.read(1), images.read_png(path))
        ours, theirs = (json.loads(one.read_text())["features"] for one in
                        (tmp_path / "out" / path.stem / "front.geojson", lines / f"{path.stem}.geojson"))  # fmt: skip
        assert [one["geometry"] for one in ours] == [one["geometry"] for one in theirs]


# ---- Interrupted, repeated, wrong -----------------------------------------------------------------------------------


@pytest.fixture
def three(tmp_path):
    folder = tmp_path / "scenes"
    for number in range(3):
        write_scene(folder / f"s{number}.tif", fjord(front=100 + 5 * number), number)
    return folder


def content(path):
    """A GeoPackage holds the time of its writing, and fronts.json the name of the output."""
    return None if path.suffix in (".gpkg", ".html", ".md") else path.read_bytes()


def test_interrupted_and_resumed_is_uninterrupted(models, three, tmp_path, monkeypatch, capsys):
    assert run(three, models["zones"], tmp_path / "whole") == 0
    calls = Interrupted(monkeypatch, products, "extract", after=2)
    assert run(three, models["zones"], tmp_path / "out") == 130
    assert not (tmp_path / "out" / "summary.csv").exists()
    calls.resume()
    (tmp_path / "out" / "s1" / "scene.json").unlink()  # as if killed before the end of a scene
    assert run(three, models["zones"], tmp_path / "out") == 0
    assert [one.name for one in calls] == ["s0", "s1", "s1", "s2"]
    assert "1 scenes are done already" in capsys.readouterr().out
    assert tree(tmp_path / "out", content) == tree(tmp_path / "whole", content)
    assert run([three, write_scene(tmp_path / "s3.tif", fjord(), 3)], models["zones"], tmp_path / "out") == 0
    assert [one.name for one in calls][4:] == ["s3"]  # further scenes join
    assert len(front_rows(tmp_path / "out" / "summary.csv")) == 4


def test_nothing_made_with_other_settings_or_from_another_file_is_mixed(models, three, tmp_path, capsys):
    assert run(three, models["zones"], tmp_path / "out") == 0
    before = tree(tmp_path / "out")
    assert run(three, models["zones"], tmp_path / "out", "--uncertainty") == 2
    assert "uncertainty: False -> True" in capsys.readouterr().err
    write_scene(three / "s1.tif", fjord(front=60), 9)
    assert run(three, models["zones"], tmp_path / "out") == 2
    assert "s1 was made from another file" in capsys.readouterr().err
    assert tree(tmp_path / "out") == before


def test_mistakes_are_one_sentence_with_the_cure(models, three, tiny_run, tmp_path, capsys):
    output = tmp_path / "out"
    assert "use python -m pix2pix_tf.generate" in refused(capsys, run, three, tiny_run, output)
    assert "nowhere does not exist" in refused(capsys, run, tmp_path / "nowhere", models["zones"], output)
    twice = [models["zones"], models["zones"]]
    assert "one of each" in refused(capsys, run, three, twice, output)
    assert "--box is for --time-series" in refused(capsys, run, three, models["zones"], output, "--box", three)
    assert "--batch-size" in refused(capsys, run, three, models["zones"], output, "--batch-size", 0)
    (tmp_path / "empty").mkdir()
    assert "holds no .png" in refused(capsys, run, tmp_path / "empty", models["zones"], output)
    copy = shutil.copy(three / "s0.tif", tmp_path / "s0.tif")
    assert "two scenes the name s0" in refused(capsys, run, [three, tmp_path / "s0.tif"], models["zones"], output)
    assert copy.exists()
    (three / "s1.tif").write_bytes((three / "s1.tif").read_bytes()[:200])
    message = refused(capsys, run, three, models["zones"], output)
    assert "s1.tif" in message and "s0" not in message and len(message.splitlines()) <= 3


def test_a_scene_that_cannot_be_used_leaves_the_others_done(models, three, tmp_path, capsys):
    blank = tmp_path / "blank.tif"
    with rasterio.open(three / "s0.tif") as source, rasterio.open(blank, "w", **source.profile) as copy:
        copy.write(np.ones_like(source.read()))
    assert run(blank, models["zones"], tmp_path / "alone") == 2
    assert "These scenes cannot be used" in capsys.readouterr().err
    assert run([blank, three / "s1.tif"], models["zones"], tmp_path / "out") == 2
    assert "The other scenes are done, but these cannot be used" in capsys.readouterr().err
    assert (tmp_path / "out" / "s1" / "front.gpkg").exists()


# ---- Time series ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def series(models, tmp_path_factory):
    """Twelve scenes of a front that retreats by 6 pixels a year, and their products."""
    root = tmp_path_factory.mktemp("series")
    for year in range(12):
        name = f"COL_{2010 + year}-06-01_TSX_20_1_{year}"
        write_scene(root / "scenes" / f"{name}.tif", fjord(front=150 - 6 * year, slope=0.2), year)
    assert run(root / "scenes", models["zones"], root / "out", "--time-series") == 0
    return root


def test_a_known_retreat_is_recovered_by_both_methods(series):
    rows = front_rows(series / "out" / "time_series.csv")
    expected = -6 * METRES * np.arange(12) * np.cos(np.arctan(0.2))  # along the flow, which is across the front
    assert [row["date"] for row in rows] == [f"{2010 + year}-06-01" for year in range(12)]
    for column in ("box_change_m", "centre_line_change_m"):
        found = np.array([float(row[column]) for row in rows])
        assert found[-1] == pytest.approx(expected[-1], rel=0.05)
        assert np.abs(found - expected).max() < 1.0 * METRES, column
    width = geopandas.read_file(series / "out/time_series/COL-zones.gpkg", layer="box").geometry[0]
    assert float(rows[-1]["area_change_km2"]) == pytest.approx(expected[-1] * 2.17 / 1000, rel=0.05)
    assert width.area > 0 and all(float(row["box_coverage"]) == 1 for row in rows)
    for name in ("COL-zones.png", "COL-zones-map.png"):
        assert min(Image.open(series / "out" / "time_series" / name).size) > 500
    text = (series / "out" / "report.md").read_text()
    assert "Moon & Joughin 2008" in text and "Lea et al. 2014" in text and "-118 m a year" in text


def test_a_box_and_a_centre_line_drawn_in_another_projection_are_used(models, series, tmp_path):
    left, top = CORNER
    shapes = [shapely.box(left + 20, top - 2000, left + 3900, top - 1000),
              shapely.LineString([(left + 20, top - 1800), (left + 3900, top - 1800)])]  # fmt: skip
    geopandas.GeoDataFrame(geometry=shapes, crs="EPSG:3031").to_crs("EPSG:4326").to_file(tmp_path / "box.geojson")
    output = shutil.copytree(series / "out", tmp_path / "out")
    assert run(series / "scenes", models["zones"], output, "--time-series", "--box", tmp_path / "box.geojson") == 0
    rows = front_rows(output / "time_series.csv")
    assert float(rows[-1]["box_change_m"]) == pytest.approx(-66 * METRES, rel=0.02)  # the box lies along the rows
    assert float(rows[0]["centre_line_position_m"]) == pytest.approx((150 + 0.2 * 10) * METRES - 20, abs=2 * METRES)
    box = geopandas.read_file(output / "time_series/COL-zones.gpkg", layer="box").geometry[0]
    assert box.symmetric_difference(shapes[0]).area < 0.01 * box.area


def test_a_series_needs_dates_and_a_place(models, three, tmp_path, capsys):
    assert run(three, models["zones"], tmp_path / "out", "--time-series") == 2
    message = capsys.readouterr().err
    assert "two dates" in message and "scenes.csv" in message
    (three / "scenes.csv").write_text("name,date\ns0,2020-01-01\ns1,2021-01-01\ns2,2022-01-01\n")
    assert run(three, models["zones"], tmp_path / "again", "--time-series") == 0
    changes = [float(row["box_change_m"]) for row in front_rows(tmp_path / "again" / "time_series.csv")]
    assert changes == pytest.approx([0, 5 * METRES, 10 * METRES], abs=0.5 * METRES)


@pytest.mark.long
def test_two_projections_meet_in_one(models, tmp_path):
    """The same front, once in EPSG:3031 and once in degrees: no retreat."""
    folder = tmp_path / "scenes"
    write_scene(folder / "COL_2010-06-01_TSX_20_1_1.tif", fjord())
    with rasterio.open(folder / "COL_2010-06-01_TSX_20_1_1.tif") as source:
        from rasterio.vrt import WarpedVRT

        from pix2pix_tf.data.io import raster
        from pix2pix_tf.data.io.grid import Grid

        with WarpedVRT(source, crs="EPSG:32721", nodata=0.0) as turned:
            grid = Grid(turned.width, turned.height, turned.transform, turned.crs)
            filled = ndimage.median_filter(turned.read(1), 1)
            raster.write_geotiff(folder / "COL_2011-06-01_TSX_20_1_1.tif", filled, grid, nodata=0.0)
    assert run(folder, models["zones"], tmp_path / "out", "--time-series") == 0
    rows = front_rows(tmp_path / "out" / "time_series.csv")
    assert float(rows[1]["box_change_m"]) == pytest.approx(0, abs=2 * METRES)
    layers = geopandas.list_layers(tmp_path / "out" / "fronts.gpkg").name
    assert set(layers) == {"fronts EPSG:3031", "fronts EPSG:32721"}
