"""Masks with a place on the ground become GeoTIFFs; class numbers of GIS programs are read."""

import json

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.crs import CRS
from rasterio.transform import Affine

from pix2pix_tf.data import classes
from pix2pix_tf.data.io import raster
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.generate import command, output
from pix2pix_tf.prepare import command as prepare
from pix2pix_tf.prepare.simulation.sar import simulate_scene
from pix2pix_tf.utils import cli
from tests.evaluation import brightness_exports as exports
from tests.helpers import Interrupted, tree

GRID = Grid(48, 40, Affine(20, 0, -1_500_000, 0, -20, 600_000), CRS.from_epsg(3031))
CODES = {classes.NOT_AVAILABLE: 9, classes.ROCK: 1, classes.GLACIER: 2, classes.OCEAN: 3}
WORDS = [f"{code}={name}" for name, code in zip(("na", "rock", "glacier", "ocean"), CODES.values(), strict=True)]


def zones(seed=0):
    return np.ascontiguousarray(simulate_scene(seed, 48).zones[:40])


def numbered(mask, dtype):
    return np.select([mask == value for value in CODES], list(CODES.values())).astype(dtype)


def run(model, masks, folder, *flags):
    return cli.run(command.main, ["--model", str(model), "--masks", str(masks), "--output", str(folder), *flags])


def test_a_georeferenced_mask_becomes_geotiffs_at_the_same_place(tiny_run, tmp_path, capsys):
    raster.write_geotiff(tmp_path / "m" / "fjord.tif", zones(), GRID)
    assert run(tiny_run, tmp_path / "m", tmp_path / "out", "--samples", "2", "--seed", "5") == 0
    with rasterio.open(tmp_path / "m" / "fjord.tif") as source:
        expected = source.crs, source.transform, source.shape, source.xy(7, 11)
    for path in [tmp_path / "out" / role / f"fjord_s{n}.tif" for role in ("zones", "fronts", "sar") for n in (0, 1)]:
        with rasterio.open(path) as written:
            assert (written.crs, written.transform, written.shape, written.xy(7, 11)) == expected
            tags = written.tags()
            assert (tags["ORIGIN"], tags["MODEL"], tags["RUN"], tags["EPOCH"]) == ("synthetic", "orig", "tiny", "2")
            assert int(tags["SEED"]) == command.seed_of(5, "fjord", int(path.stem[-1]))
            pixels = written.read(1)
            if path.parent.name == "zones":
                assert (pixels == zones()).all() and written.nodata == classes.NOT_AVAILABLE
                assert written.colormap(1)[classes.GLACIER][:3] == classes.ZONE_COLOURS[2]
            elif path.parent.name == "fronts":
                assert (pixels == classes.front_of(zones())).all()
            else:
                assert pixels.std() > 0
    assert json.loads((tmp_path / "out" / "scenes.json").read_text())["scenes"]["fjord_s0"]["crs"] == "EPSG:3031"
    assert not list((tmp_path / "out").rglob("*/*.png")) and (tmp_path / "out" / output.OVERVIEW).exists()
    # what is written can be cut into a data set
    cut = ["folder", "--input", str(tmp_path / "out"), "--output", str(tmp_path / "cut"), "--size", "16"]
    assert cli.run(prepare.main, [*cut, "--val", "0.3"]) == 0, capsys.readouterr().err
    scene = json.loads((tmp_path / "cut" / "dataset.json").read_text())["scenes"]["fjord_s0"]
    assert scene["bounds"] == list(GRID.bounds) and scene["metres_per_pixel"] == 20


def test_a_geotiff_holds_the_pixels_that_a_png_holds(tiny_run, tmp_path):
    raster.write_geotiff(tmp_path / "a" / "fjord.tif", zones(), GRID)
    (tmp_path / "b").mkdir()
    Image.fromarray(zones()).save(tmp_path / "b" / "fjord.png")
    for name in ("a", "b"):
        assert run(tiny_run, tmp_path / name, tmp_path / f"out-{name}") == 0
    with rasterio.open(tmp_path / "out-a" / "sar" / "fjord.tif") as written:
        assert (written.read(1) == np.asarray(Image.open(tmp_path / "out-b" / "sar" / "fjord.png"))).all()


def test_a_small_georeferenced_mask_keeps_its_place_too(tiny_run, tmp_path):
    grid = Grid(32, 32, GRID.transform, GRID.crs)
    raster.write_geotiff(tmp_path / "m.tif", zones()[:32, :32], grid)
    assert run(tiny_run, tmp_path / "m.tif", tmp_path / "out") == 0
    assert raster.read_grid(tmp_path / "out" / "sar" / "m.tif") == grid


def test_a_folder_that_was_begun_with_pngs_is_completed_with_pngs(tiny_run, tmp_path, monkeypatch):
    for number in range(3):
        raster.write_geotiff(tmp_path / "m" / f"f{number}.tif", zones(number), GRID)
    with monkeypatch.context() as before:  # as the folders of earlier versions
        before.setattr(command.mask_files, "grids", lambda masks: {})
        Interrupted(before, output, "generate_image", after=1)
        assert run(tiny_run, tmp_path / "m", tmp_path / "out") == 130
    assert run(tiny_run, tmp_path / "m", tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out" / "sar").iterdir()) == ["f0.png", "f1.png", "f2.png"]


def test_interrupted_geotiffs_are_completed(tiny_run, tmp_path, monkeypatch):
    for number in range(2):
        raster.write_geotiff(tmp_path / "m" / f"f{number}.tif", zones(number), GRID)
    assert run(tiny_run, tmp_path / "m", tmp_path / "whole") == 0
    with monkeypatch.context() as before:
        Interrupted(before, output, "generate_image", after=1)
        assert run(tiny_run, tmp_path / "m", tmp_path / "out") == 130
    assert run(tiny_run, tmp_path / "m", tmp_path / "out") == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_class_numbers_of_any_type_are_read_with_classes(tiny_run, tmp_path, dtype):
    raster.write_geotiff(tmp_path / "m.tif", numbered(zones(), dtype), GRID, nodata=255)
    assert run(tiny_run, tmp_path / "m.tif", tmp_path / "out", "--classes", *WORDS) == 0
    with rasterio.open(tmp_path / "out" / "zones" / "m.tif") as written:
        assert (written.read(1) == zones()).all()


def test_a_palette_gives_numbers_their_classes(tiny_run, tmp_path):
    """In display colours, without --classes; a file without a colour for a number is refused."""
    numbers = numbered(zones(), "uint8")
    numbers[numbers == 9] = 4
    colours = {
        4: (0, 0, 0),
        **{CODES[v]: c for v, c in zip(classes.ZONE_VALUES[1:], classes.ZONE_COLOURS[1:], strict=True)},
    }
    raster.write_geotiff(tmp_path / "m.tif", numbers, GRID, palette={**colours, 5: (255, 255, 0)})
    assert run(tiny_run, tmp_path / "m.tif", tmp_path / "out") == 0
    with rasterio.open(tmp_path / "out" / "zones" / "m.tif") as written:
        assert (written.read(1) == zones()).all()
    (tmp_path / "p").mkdir()
    drawn = Image.fromarray(classes.colour_zones(zones())).quantize(8)
    drawn.save(tmp_path / "p" / "drawn.png")
    assert run(tiny_run, tmp_path / "p", tmp_path / "out-p") == 0
    assert (np.asarray(Image.open(tmp_path / "out-p" / "zones" / "drawn.png")) == zones()).all()


def test_unknown_numbers_are_named(tiny_run, tmp_path, capsys):
    numbers = numbered(zones(), "float32")
    numbers[3, 5] = 2.5
    raster.write_geotiff(tmp_path / "m.tif", numbers, GRID)
    assert run(tiny_run, tmp_path / "m.tif", tmp_path / "out", "--classes", *WORDS) == 2
    message = capsys.readouterr().err
    assert "row 3, column 5: the value 2.5 is none of --classes" in message and not (tmp_path / "out").exists()
    raster.write_geotiff(tmp_path / "n.tif", numbered(zones(), "uint8"), GRID)
    assert run(tiny_run, tmp_path / "n.tif", tmp_path / "out") == 2
    assert "no class of zones" in capsys.readouterr().err


# ---- SAR scenes -----------------------------------------------------------------------------------------------------


def sar(seed):
    return np.random.default_rng(seed).gamma(4, 1 / 4, (40, 48)).astype(np.float32)


def test_sar_scenes_of_two_bands_become_optical_geotiffs(tmp_path):
    """The export paints its last channel: VH, stretched as prepare folder does it."""
    exports.make_export(tmp_path / "run", 1, 1.0, ("sar_vv", "sar_vh"), ("optical",))
    bands = np.stack([sar(0), sar(1)], axis=-1)
    raster.write_geotiff(tmp_path / "S1A_20240105.tif", bands, GRID, descriptions=["VV amplitude", "VH amplitude"])
    assert run(tmp_path / "run", tmp_path / "S1A_20240105.tif", tmp_path / "out") == 0
    with rasterio.open(tmp_path / "out" / "optical" / "S1A_20240105.tif") as written:
        assert (written.crs, written.transform, written.count) == (GRID.crs, GRID.transform, 3)
        low, high = np.percentile(bands[..., 1], (2, 98))
        grey = np.rint(255 * np.clip((bands[..., 1] - low) / (high - low), 0, 1))
        assert np.abs(written.read() - grey).max() <= 1 and written.tags()["ORIGIN"] == "synthetic"
    with rasterio.open(tmp_path / "out" / "sar_vv" / "S1A_20240105.tif") as written:
        assert written.read(1).std() > 20


def test_sar_scenes_take_the_reading_options_and_are_refused_in_words(tmp_path, capsys):
    exports.make_export(tmp_path / "run", 1, 1.0, ("sar",), ("optical",))
    raster.write_geotiff(tmp_path / "s.tif", 10 * np.log10(sar(0)), GRID)
    assert run(tmp_path / "run", tmp_path / "s.tif", tmp_path / "out", "--limits", "-20", "5") == 0
    with rasterio.open(tmp_path / "out" / "sar" / "s.tif") as written:
        low, high = 10 ** (-20 / 20), 10 ** (5 / 20)
        grey = np.rint(255 * np.clip((np.sqrt(sar(0)) - low) / (high - low), 0, 1))  # grey is amplitude
        assert np.abs(written.read(1).astype(int) - grey).max() <= 1
    raster.write_geotiff(tmp_path / "flat.tif", np.full((40, 48), 3.0, np.float32), GRID)
    assert run(tmp_path / "run", tmp_path / "flat.tif", tmp_path / "none") == 2
    assert "flat.tif: every pixel is 3" in capsys.readouterr().err


def test_a_segmenter_belongs_to_fronts(zones_run, tmp_path, capsys):
    raster.write_geotiff(tmp_path / "s.tif", sar(0), GRID)
    assert run(zones_run, tmp_path / "s.tif", tmp_path / "out") == 2
    assert "use python -m pix2pix_tf.fronts" in capsys.readouterr().err
