"""Scenes, fronts, data sets and sheets in Python."""

import numpy as np
import pytest
from affine import Affine
from PIL import Image
from rasterio.crs import CRS

import pix2pix_tf
from pix2pix_tf.data import pipeline
from pix2pix_tf.data.io import raster
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.utils.errors import UserError

HEIGHT, WIDTH = 60, 80
GRID = Grid(WIDTH, HEIGHT, Affine(20.0, 0, 500_000, 0, -20.0, 8_000_000), CRS.from_epsg(32633))


@pytest.fixture
def geotiff(tmp_path, rng):
    """A scene of decibels with missing columns at its left."""
    decibels = rng.normal(-12, 3, (HEIGHT, WIDTH, 1)).astype(np.float32)
    decibels[:, :5] = -9999
    path = tmp_path / "S1A_20200131.tif"
    raster.write_geotiff(path, decibels, GRID, nodata=-9999.0)
    return path


def test_a_scene_with_its_place(geotiff):
    scene = pix2pix_tf.read_scene(str(geotiff))
    assert scene.pixels.shape == (HEIGHT, WIDTH) and scene.pixels.dtype == np.uint8
    assert not scene.valid[:, :5].any() and scene.valid[:, 5:].all()
    assert scene.crs == GRID.crs and scene.transform == GRID.transform
    assert scene.metres_per_pixel == pytest.approx(20, abs=0.1) and scene.facts["date"] == "2020-01-31"
    assert np.array_equal(np.asarray(scene), scene.pixels)


def test_one_of_several_bands(tmp_path, rng):
    both = rng.normal([-10, -20], 2, (HEIGHT, WIDTH, 2)).astype(np.float32)
    raster.write_geotiff(tmp_path / "both.tif", both, GRID, descriptions=("VV", "VH"))
    vertical, crossed = (pix2pix_tf.read_scene(tmp_path / "both.tif", role).pixels for role in ("sar_vv", "sar_vh"))
    assert not np.array_equal(vertical, crossed)
    assert np.array_equal(pix2pix_tf.read_scene(tmp_path / "both.tif", band="VH").pixels, crossed)
    with pytest.raises(UserError, match="1 VV, 2 VH"):
        pix2pix_tf.read_scene(tmp_path / "both.tif")


def test_missing_pixels_have_no_zone(geotiff, zones_run):
    scene, segmenter = pix2pix_tf.read_scene(geotiff), pix2pix_tf.load(zones_run)
    found = segmenter.predict(scene)
    assert not found.zones[:, :5].any()
    assert np.array_equal(segmenter.predict([scene])[0].zones, found.zones)


def test_a_mask_with_numbers_of_its_own(tmp_path):
    numbers = np.tile(np.array([1, 2, 3, 0], np.uint8), (4, 1))
    raster.write_geotiff(tmp_path / "mask.tif", numbers[..., np.newaxis], Grid(4, 4, GRID.transform, GRID.crs))
    meaning = {0: "na", 1: "rock", 2: "glacier", 3: "ocean"}
    mask = pix2pix_tf.read_scene(tmp_path / "mask.tif", role="zones", meaning=meaning)
    assert mask.pixels[0].tolist() == [64, 127, 254, 0] and mask.crs == GRID.crs
    assert np.array_equal(pix2pix_tf.zones.recode(numbers, meaning), mask.pixels)
    with pytest.raises(UserError, match="number 3"):
        pix2pix_tf.zones.recode(numbers, {0: "na", 1: "rock", 2: "glacier"})
    with pytest.raises(UserError, match=r"mask\.tif"):
        pix2pix_tf.read_scene(tmp_path / "mask.tif", role="zones")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("missing.tif",), "no file"), (("broken.png",), "broken.png"), (("broken.png", "optics"), "role")],
)
def test_a_scene_that_cannot_be_read(tmp_path, arguments, message):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(UserError, match=message):
        pix2pix_tf.read_scene(tmp_path / arguments[0], *arguments[1:])


def test_labelled_arrays_keep_the_place(geotiff, tmp_path):
    pytest.importorskip("rioxarray", reason="pip install -r requirements-geo.txt")
    scene = pix2pix_tf.read_scene(geotiff)
    array = scene.to_xarray(np.where(scene.valid, np.uint8(254), np.uint8(0)))
    assert float(array.x[0]) == 500_010 and float(array.y[0]) == 7_999_990
    array.rio.to_raster(tmp_path / "zones.tif")
    assert raster.read_grid(tmp_path / "zones.tif") == GRID
    with pytest.raises(UserError, match="shape"):
        scene.to_xarray(np.zeros((2, 2)))


def test_a_front_and_its_line():
    zones = np.full((50, 40), pix2pix_tf.zones.GLACIER, np.uint8)
    zones[:, 30:] = pix2pix_tf.zones.OCEAN
    zones[0:2, 0:2] = pix2pix_tf.zones.OCEAN  # a lake, which is no front
    front = pix2pix_tf.front_of(zones)
    assert front.dtype == bool and np.array_equal(np.unique(np.argwhere(front)[:, 1]), [30])
    (line,) = pix2pix_tf.front_of(zones, lines=True)
    assert line.shape == (50, 2)
    assert not pix2pix_tf.front_of(zones, metres_per_pixel=10).any()  # 500 m are too short a front
    assert pix2pix_tf.front_of(zones, metres_per_pixel=10, min_length=100).sum() == 50
    with pytest.raises(UserError, match="no class"):
        pix2pix_tf.front_of(zones + 1)


def test_batches_as_a_training_sees_them(fronts_data):
    from pix2pix_tf import config

    options = {"train.batch_size": 3, "data.condition": "sensor"}
    (batch,) = pix2pix_tf.load_dataset(fronts_data, variant="gen5", options=options).take(1)
    chosen = config.make_config("gen5", ["train.batch_size=3", "data.condition=sensor"])
    (expected,) = pipeline.training_batches(load_dataset(fronts_data, ("zones", "sar")), chosen).take(1)
    assert batch.keys() == expected.keys()
    for name, values in expected.items():
        assert np.array_equal(batch[name], values)
    validation = pix2pix_tf.load_dataset(str(fronts_data), "val", "gen5", options)
    assert sum(len(one["input"]) for one in validation) == 3
    for wrong in ({"split": "training"}, {"variant": "gen6"}, {"options": {"train.batch": 3}}):
        with pytest.raises(UserError, match="Did you mean"):
            pix2pix_tf.load_dataset(fronts_data, **wrong)


def test_a_sheet(tmp_path):
    mask, image = np.full((64, 64), 254, np.uint8), np.linspace(-1, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    figure = pix2pix_tf.plot({"mask": mask, "image": image, "front": mask == 254}, title="one row")
    figure.savefig(tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png").convert("RGB")).reshape(-1, 3)
    colours = {tuple(colour) for colour in np.unique(sheet, axis=0).tolist()}
    assert pix2pix_tf.zones.COLOURS[3] in colours and (255, 255, 255) in colours and (128, 128, 128) in colours
    rows = pix2pix_tf.plot({"mask": np.stack([mask, mask]), "image": [image, image]}, captions=["a", "b"])
    assert rows.get_size_inches()[1] > figure.get_size_inches()[1]
    for wrong, message in (
        ({}, "columns"),
        ({"mask": mask, "image": image[:8]}, "one size"),
        ({"mask": [mask], "image": [image, image]}, "one length"),
        ({"number": np.zeros((4, 4), np.int64)}, "int64"),
    ):
        with pytest.raises(UserError, match=message):
            pix2pix_tf.plot(wrong)
