"""Masks as GIS programs save them: polygons and lines, palettes, few bits, numbers of any type."""

import json
from dataclasses import replace

import geopandas
import numpy as np
import pytest
import rasterio
import shapely
import tifffile
from PIL import Image
from rasterio.crs import CRS
from rasterio.transform import Affine

from pix2pix_tf.data import classes
from pix2pix_tf.data.io import images, raster
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.prepare import command
from pix2pix_tf.utils import cli

GRID = Grid(64, 32, Affine(20, 0, 500_000, 0, -20, 8_000_000), CRS.from_epsg(3413))
FRONT = 40  # the first column of ocean


def zones():
    mask = np.full((32, 64), classes.GLACIER, np.uint8)
    mask[:, FRONT:], mask[:4] = classes.OCEAN, classes.ROCK
    return mask


def column(x):
    return GRID.transform.c + 20 * x


def shapes():
    """Polygons of the same zones, and the line of the front."""
    top, middle, bottom = 8_000_000, 8_000_000 - 80, 8_000_000 - 640
    boxes = [shapely.box(column(0), middle, column(64), top), shapely.box(column(0), bottom, column(FRONT), middle),
             shapely.box(column(FRONT), bottom, column(64), middle)]  # fmt: skip
    line = shapely.LineString([(column(FRONT + 0.5), middle), (column(FRONT + 0.5), bottom)])
    return geopandas.GeoDataFrame({"class": ["rock", "glacier", "ocean"]}, geometry=boxes, crs=3413), line


@pytest.fixture
def scenes(tmp_path):
    for number in range(2):
        sar = np.random.default_rng(number).gamma(4, 1 / 4, (32, 64)).astype(np.float32)
        raster.write_geotiff(tmp_path / "in" / "sar" / f"s{number}.tif", sar, GRID, descriptions=["amplitude"])
    return tmp_path / "in"


def prepare(folder, *flags):
    output = folder.parent / "out"
    options = ["--input", str(folder), "--output", str(output), "--size", "32", "--split", "scene", "--val", "0.5"]
    return cli.run(command.main, ["folder", *options, *map(str, flags)])


def joined(folder, role, name="s0"):
    found = sorted((folder.parent / "out").glob(f"*/{role}/{name}__*.png"))
    assert len(found) == 2
    return np.concatenate([images.read_png(path) for path in found], axis=1)


def test_one_geopackage_gives_all_scenes_their_zones_and_fronts(scenes, capsys):
    polygons, line = shapes()
    polygons.to_crs(4326).to_file(scenes.parent / "zones.gpkg")
    geopandas.GeoDataFrame(geometry=[line], crs=3413).to_file(scenes.parent / "front.geojson")
    given = ["--zones", scenes.parent / "zones.gpkg", "--fronts", scenes.parent / "front.geojson"]
    assert prepare(scenes, *given) == 0, capsys.readouterr().err
    for name in ("s0", "s1"):
        assert np.array_equal(joined(scenes, "zones", name), zones())
        front = joined(scenes, "fronts", name)
        assert (front[5:, FRONT] == 255).all() and np.count_nonzero(front) in (28, 29)
    assert prepare(scenes, *given) == 0  # finished: nothing to do
    described = json.loads((scenes.parent / "out" / "dataset.json").read_text())
    assert described["scenes"]["s0"]["crs"] == "EPSG:3413"


@pytest.mark.parametrize("suffix", ["gpkg", "shp"])
def test_a_file_for_each_scene_stands_in_the_folder_of_the_role(scenes, capsys, suffix):
    polygons, _ = shapes()
    (scenes / "zones").mkdir()
    for name in ("s0", "s1"):
        polygons.rename(columns={"class": "art"}).to_file(scenes / "zones" / f"{name}.{suffix}")
    assert prepare(scenes, "--zone-field", "art", "--add-fronts") == 0, capsys.readouterr().err
    assert "left out" not in capsys.readouterr().out  # the parts of a Shapefile belong to it
    assert np.array_equal(joined(scenes, "zones"), zones())
    assert np.array_equal(joined(scenes, "fronts"), classes.front_of(zones()))


def test_vector_files_that_cannot_be_used_are_named_with_the_cure(scenes, capsys):
    polygons, _ = shapes()
    path = scenes.parent / "zones.gpkg"
    polygons.to_file(path)
    assert prepare(scenes, "--zones", path, "--zone-field", "typ") == 2
    assert "zones.gpkg: no field 'typ'" in capsys.readouterr().err
    assert prepare(scenes, "--zones", scenes.parent / "none.gpkg") == 2
    assert "none.gpkg: not readable" in capsys.readouterr().err
    assert prepare(scenes, "--zones", scenes.parent / "zones.kml") == 2
    assert "does not end in .gpkg" in capsys.readouterr().err
    (scenes / "zones").mkdir()
    for name in ("s0", "s1"):
        raster.write_geotiff(scenes / "zones" / f"{name}.tif", zones(), GRID)
    assert prepare(scenes, "--zones", path) == 2
    assert "has zones already" in capsys.readouterr().err
    assert not (scenes.parent / "out").exists()


def test_polygons_need_a_sar_image_with_a_place(scenes, capsys):
    polygons, _ = shapes()
    polygons.to_file(scenes.parent / "zones.gpkg")
    for path in (scenes / "sar").iterdir():
        path.unlink()
    for name in ("s0", "s1"):
        images.write_png(
            scenes / "sar" / f"{name}.png", np.full((32, 64), 90, np.uint8) + np.eye(32, 64, dtype=np.uint8)
        )
    assert prepare(scenes, "--zones", scenes.parent / "zones.gpkg") == 2
    assert "a place on the ground" in capsys.readouterr().err


def numbers():
    return np.select([zones() == value for value in classes.ZONE_VALUES[1:]], [1, 2, 3], 0)


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("uint8", 255), ("uint8", 15), ("uint8", 0), ("uint16", 65535), ("float32", -9999), ("float64", None)],
)
def test_numbers_of_any_type_and_their_nodata(scenes, capsys, dtype, nodata):
    expected, values = zones(), numbers().astype(dtype)
    if nodata is not None:
        expected[20:24, :6], values[20:24, :6] = classes.NOT_AVAILABLE, nodata
    for name in ("s0", "s1"):
        raster.write_geotiff(scenes / "zones" / f"{name}.tif", values, GRID, nodata=nodata)
    assert prepare(scenes, "--classes", "1=rock", "2=glacier", "3=ocean") == 0, capsys.readouterr().err
    assert np.array_equal(joined(scenes, "zones"), expected)


def test_palettes_have_the_classes_of_their_colours_or_of_their_numbers(scenes, capsys):
    shown = dict(zip((1, 2, 3), classes.ZONE_COLOURS[1:], strict=True))
    raster.write_geotiff(scenes / "zones" / "s0.tif", numbers().astype(np.uint8), GRID, palette=shown)
    caffe = dict(zip(classes.ZONE_VALUES, classes.ZONE_COLOURS, strict=True))
    raster.write_geotiff(scenes / "zones" / "s1.tif", zones(), GRID, palette=caffe)
    assert prepare(scenes) == 0, capsys.readouterr().err
    for name in ("s0", "s1"):
        assert np.array_equal(joined(scenes, "zones", name), zones())


def test_a_palette_of_other_colours_needs_classes(scenes, capsys):
    palette = {1: (255, 0, 0), 2: (0, 255, 0), 3: (0, 0, 255)}
    for name in ("s0", "s1"):
        raster.write_geotiff(scenes / "zones" / f"{name}.tif", numbers().astype(np.uint8), GRID, palette=palette)
    assert prepare(scenes) == 2
    assert "add --classes 1=CLASS 2=CLASS 3=CLASS" in capsys.readouterr().err
    assert prepare(scenes, "--classes", "1=rock", "2=glacier", "3=ocean") == 0, capsys.readouterr().err
    assert np.array_equal(joined(scenes, "zones"), zones())


def test_masks_of_one_bit(scenes, capsys):
    """Ocean or not, as a PNG of one bit, and a front of one bit."""
    ocean = zones() == classes.OCEAN
    front = classes.front_of(zones()) > 0
    for role, mask in (("zones", ocean), ("fronts", front)):
        (scenes / role).mkdir()
        for name in ("s0", "s1"):
            Image.fromarray(mask).save(scenes / role / f"{name}.png")
    assert Image.open(scenes / "zones" / "s0.png").mode == "1"
    assert prepare(scenes, "--classes", "0=glacier", "1=ocean") == 0, capsys.readouterr().err
    assert np.array_equal(joined(scenes, "zones"), np.where(ocean, classes.OCEAN, classes.GLACIER))
    assert np.array_equal(joined(scenes, "fronts"), np.where(front, 255, 0))


def test_tiles_that_a_sparse_mask_leaves_out_have_the_class_that_the_user_gives_0(scenes, capsys):
    mask = np.zeros((32, 64), np.uint8)
    mask[:, :32] = 1
    place = {"crs": GRID.crs, "transform": GRID.transform, "height": 32, "width": 64, "count": 1, "dtype": "uint8"}
    (scenes / "zones").mkdir()
    for name in ("s0", "s1"):
        tiles = {"tiled": True, "blockxsize": 16, "blockysize": 16, "sparse_ok": True}
        with rasterio.open(scenes / "zones" / f"{name}.tif", "w", driver="GTiff", **place, **tiles) as target:
            target.write(mask, 1)
    assert prepare(scenes, "--classes", "0=ocean", "1=glacier") == 0, capsys.readouterr().err
    assert np.array_equal(joined(scenes, "zones"), np.where(mask, classes.GLACIER, classes.OCEAN))


@pytest.mark.parametrize("kind", ["min is white", "palette"])
def test_fronts_whose_colours_contradict_their_numbers_are_refused(scenes, capsys, kind):
    front = classes.front_of(zones()) > 0
    for role in ("zones", "fronts"):
        (scenes / role).mkdir()
    for name in ("s0", "s1"):
        images.write_png(scenes / "zones" / f"{name}.png", zones())
        if kind == "palette":
            image = Image.fromarray((~front).astype(np.uint8), "P")
            image.putpalette([255, 255, 255, 0, 0, 0])
            image.save(scenes / "fronts" / f"{name}.png")
        else:
            pixels = np.where(front, 0, 255).astype(np.uint8)
            tifffile.imwrite(scenes / "fronts" / f"{name}.tif", pixels, photometric="miniswhite")
    assert prepare(scenes) == 2
    message = capsys.readouterr().err
    assert "colours show 0 as bright" in message and "save it as grey" in message
    assert not (scenes.parent / "out").exists()


def test_a_mask_of_elsewhere_is_not_resampled_to_nothing(scenes, capsys):
    away = replace(GRID, transform=Affine.translation(50_000, 0) @ GRID.transform)
    for name in ("s0", "s1"):
        raster.write_geotiff(scenes / "zones" / f"{name}.tif", zones(), away)
    assert prepare(scenes, "--align") == 2
    assert "nothing of it lies within the SAR image" in capsys.readouterr().err
