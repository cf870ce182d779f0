"""Averages of squares of pixels, for images, masks, places and whole data sets."""

import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from pix2pix_tf.data import classes
from pix2pix_tf.data.io import images, raster
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.prepare import command
from pix2pix_tf.prepare.own_scenes import multilook, source
from pix2pix_tf.utils import cli
from tests.fronts.constructed import CORNER, METRES, fjord, grid_of, write_scene
from tests.helpers import refused


def prepare(*arguments):
    return cli.run(command.main, list(map(str, arguments)))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_means_are_of_available_pixels(dtype):
    pixels = np.array([[200, 202, 0, 9, 7], [201, 203, 0, 0, 7], [0, 0, 1, 2, 7], [0, 3, 3, 4, 7]], dtype)
    means, there = multilook.average(pixels, pixels > 0, 2)
    assert means.dtype == dtype
    np.testing.assert_array_equal(means, [[202, 0], [0, 2]])  # of 201.5 and 2.5 the even neighbour; the rest left out
    np.testing.assert_array_equal(there, [[True, False], [False, True]])
    colour, _ = multilook.average(np.stack([pixels] * 3, axis=-1), pixels > 0, 2)
    np.testing.assert_array_equal(colour, np.stack([means] * 3, axis=-1))


def test_sums_of_large_squares_do_not_overflow():
    pixels = np.full((300, 300), 65_000, np.uint16)
    means, _ = multilook.average(pixels, np.ones(pixels.shape, bool), 300)
    assert means.tolist() == [[65_000]]


def test_masks_take_the_most_frequent_zone_and_keep_fronts():
    zones = np.array([[64, 64, 127, 254, 0, 0], [64, 254, 254, 254, 254, 64]], np.uint8)
    np.testing.assert_array_equal(multilook.majority(zones, "zones", 2), [[64, 254, 64]])  # half of the last is known
    zones[1, 5] = 0
    np.testing.assert_array_equal(multilook.majority(zones, "zones", 2), [[64, 254, 0]])
    front = np.zeros((12, 12), np.uint8)
    front[np.arange(12), np.clip(np.arange(12) + 1, 0, 11)] = 255  # crosses two squares in every other row of squares
    coarse = multilook.majority(front, "fronts", 2)
    assert set(np.unique(coarse)) == {0, 255} and (coarse > 0).sum(axis=1).max() == 1 and (coarse > 0).any(axis=1).all()


def test_facts_follow_the_pixels():
    known = {"metres_per_pixel": 10.0, "bounding_box": (3, 9, 4, 7), "bounds": (0.0, 0.0, 110.0, 90.0), "date": None}
    expected = {"metres_per_pixel": 40.0, "bounding_box": (0, 2, 1, 2), "bounds": (0.0, 10.0, 80.0, 90.0), "date": None}
    assert multilook.coarser_facts(known, 9, 11, 4) == expected


@pytest.mark.parametrize("gaps", [(6, 6), (4, 6)])
def test_zones_are_there_where_an_average_is(tmp_path, gaps):
    rng = np.random.default_rng(0)
    bands = rng.integers(1, 200, (40, 40, 2)).astype(np.float32)
    for band, gap in enumerate(gaps):
        bands[:, gap : gap + 8, band] = np.nan  # halves of squares
    (tmp_path / "sar").mkdir()
    raster.write_geotiff(tmp_path / "sar/a.tif", bands, grid_of(bands))
    (tmp_path / "zones").mkdir()
    images.write_png(tmp_path / "zones/a.png", np.full((40, 40), classes.GLACIER, np.uint8))
    (one,) = source.find(tmp_path)
    for looks in (3, 4, 5):
        reading = source.Reading(multilook=looks)
        picture = source.read(one, reading)
        pixels = source.load(one, reading, picture.images)
        there = (pixels["sar_vv"] > 0) | (pixels["sar_vh"] > 0)
        np.testing.assert_array_equal(pixels["zones"] > 0, there)
        np.testing.assert_array_equal(picture.masks["zones"], pixels["zones"])
        assert picture.size == there.shape


def test_an_image_without_a_place_gets_none():
    for crs in (None, CRS.from_epsg(3031)):
        coarser = Grid(9, 8, Affine.identity(), crs).coarser(4)
        assert (coarser.width, coarser.height, coarser.transform) == (2, 2, Affine.identity())


def test_a_data_set_of_averaged_scenes(tmp_path, capsys):
    zones, name = fjord(163, 202), "COL_2014-06-01_TSX_20_1_1"
    for each in (name, "COL_2015-06-01_TSX_20_1_1"):
        write_scene(tmp_path / f"in/sar/{each}.tif", zones)
        images.write_png(tmp_path / f"in/zones/{each}.png", zones)
    arguments = ["folder", "--input", tmp_path / "in", "--output", tmp_path / "out", "--size", 64, "--multilook", 4]
    assert prepare(*arguments, "--add-fronts") == 0, capsys.readouterr().err
    scene = json.loads((tmp_path / "out/dataset.json").read_text())["scenes"][name]
    assert (scene["height"], scene["width"], scene["metres_per_pixel"]) == (40, 50, 4 * METRES)
    left, bottom, right, top = scene["bounds"]
    assert (left, top) == CORNER and (right - left, top - bottom) == (50 * 4 * METRES, 40 * 4 * METRES)
    (path,) = (tmp_path / "out").glob(f"*/zones/{name}*.png")
    written = images.read_png(path)[:40, :50]
    np.testing.assert_array_equal(written, multilook.majority(zones, "zones", 4))
    np.testing.assert_array_equal(images.read_png(path.parents[1] / "fronts" / path.name)[:40, :50],
                                  classes.front_of(written))  # fmt: skip
    assert prepare(*arguments, "--add-fronts") == 0  # finished: nothing is done again
    assert "other settings" in refused(capsys, prepare, *arguments[:-1], 2, "--add-fronts")
    assert "a whole number from 1" in refused(capsys, prepare, *arguments[:-1], 0)
    arguments[4], arguments[-1] = tmp_path / "new", 500
    assert "163 x 202 pixels, less than the 500 x 500" in refused(capsys, prepare, *arguments)
    with rasterio.open(tmp_path / f"in/sar/{name}.tif") as untouched:
        assert untouched.shape == (163, 202)
