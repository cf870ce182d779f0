"""Rasters: the reader against rasterio's own values, places on the ground, and what is refused."""

import itertools
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from PIL import Image
from rasterio import Affine
from rasterio.crs import CRS

from pix2pix_tf.data.io import raster
from pix2pix_tf.data.io.grid import Grid, difference, metres_per_degree
from pix2pix_tf.data.io.limits import BadImage

NORTH_UP = Affine(20, 0, -2_400_000, 0, -20, 1_200_000)
POLAR = CRS.from_epsg(3031)
SHAPE = 70, 53  # pixels, no multiple of a tile


def grid(transform=NORTH_UP, crs=POLAR, shape=SHAPE):
    return Grid(shape[1], shape[0], transform, crs)


def numbers(dtype, bands, seed=0):
    """Random numbers of the whole range of a type, 0 and 255 among them; [bands, H, W]."""
    random = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        found = random.normal(-12, 5, (bands, *SHAPE)).astype(dtype)
        found[:, 3, 4], found[:, 5, 5] = np.nan, np.inf
    else:
        info = np.iinfo(kind)
        found = random.integers(info.min, info.max, (bands, *SHAPE), kind, endpoint=True)
    found[:, :3, :3], found[:, 10:12] = 0, 255 if kind != np.int8 else 7
    return found


def write(path, pixels, mask=None, **options):
    profile = {"driver": "GTiff", "height": SHAPE[0], "width": SHAPE[1], "count": len(pixels), "crs": POLAR}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", **profile, dtype=pixels.dtype, transform=NORTH_UP, **options) as target,
    ):
        target.write(pixels)
        if mask is not None:
            target.write_mask(mask)


def compare(path):
    """Read a file whole and in strips of odd heights; both are rasterio's own values."""
    with rasterio.open(path) as source:
        expected = np.moveaxis(source.read(), 0, -1)
        valid = np.moveaxis(source.read_masks(), 0, -1) != 0
    if expected.dtype.kind == "f":
        valid &= np.isfinite(expected)
    with raster.open_raster(path) as found:
        whole = found.read()
        strips = list(found.strips(17))
    assert whole.pixels.dtype == expected.dtype
    np.testing.assert_array_equal(whole.pixels, expected)
    np.testing.assert_array_equal(whole.valid, valid)
    np.testing.assert_array_equal(np.concatenate([strip.pixels for strip in strips]), expected)
    np.testing.assert_array_equal(np.concatenate([strip.valid for strip in strips]), valid)


# ---- The reference: every kind of TIFF that GDAL writes ------------------------------------------------------------

DTYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
CODECS = ("none", "deflate", "lzw", "zstd", "packbits", "lzma", "lerc", "lerc_deflate", "lerc_zstd")
LAYOUTS = {
    "striped": {},
    "one strip": {"blockysize": SHAPE[0]},
    "tiled": {"tiled": True, "blockxsize": 16, "blockysize": 32},
    "one large tile": {"tiled": True, "blockxsize": 512, "blockysize": 512},
}
PREDICTORS = (1, 2, 3)
NODATA = (None, 0, 255)
MASKS = ("none", "internal")
ORDERS = ({}, {"ENDIANNESS": "BIG", "BIGTIFF": "YES"})
ALL = [
    one
    for one in itertools.product(DTYPES, CODECS, LAYOUTS, PREDICTORS, (1, 3), ("pixel", "band"), NODATA, MASKS, (0, 1))
    if (one[3] == 1 or one[1] in ("deflate", "lzw", "zstd"))
    and (one[3] != 3 or one[0].startswith("float"))
    and not (one[0] == "int8" and (one[6] == 255 or one[1].startswith("lerc")))
    and not (one[1].startswith("lerc") and one[4] == 3 and one[5] == "pixel" and one[8])
    and (one[4] == 3 or one[5] == "pixel")
]


def check(path, one):
    dtype, codec, layout, predictor, bands, interleave, nodata, mask, order = one
    options = {**LAYOUTS[layout], **ORDERS[order], "interleave": interleave, "nodata": nodata}
    if codec != "none":
        options["compress"] = codec
    if predictor > 1:
        options["predictor"] = predictor
    write(path, numbers(dtype, bands), np.tri(*SHAPE, 20, dtype=bool) if mask == "internal" else None, **options)
    compare(path)


@pytest.mark.parametrize("one", ALL[:: len(ALL) // 40], ids=lambda one: "-".join(map(str, one)))
def test_the_reader_has_the_values_of_rasterio(tmp_path, one):
    check(tmp_path / "a.tif", one)


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))
def test_the_reader_has_the_values_of_rasterio_in_thousands_of_files(tmp_path, part):
    for i, one in enumerate(ALL[part::16]):
        check(tmp_path / f"{i % 50}.tif", one)


@pytest.mark.parametrize(
    ("dtype", "options"),
    [
        ("uint8", {"nbits": 1}),
        ("uint8", {"nbits": 4, "compress": "lzw"}),
        ("uint16", {"nbits": 12, "compress": "deflate"}),
        ("float32", {"nbits": 16}),
        ("uint8", {"photometric": "MINISWHITE"}),
        ("uint8", {"compress": "jpeg"}),
        ("uint8", {"compress": "webp", "photometric": "RGB"}),
        ("uint8", {"photometric": "RGB", "ALPHA": "YES"}),
        ("uint8", {"photometric": "YCBCR", "compress": "jpeg"}),
    ],
)
def test_odd_depths_and_colours_have_the_values_of_rasterio(tmp_path, dtype, options):
    bands = 4 if "ALPHA" in options else 3 if options.get("photometric") in ("RGB", "YCBCR") else 1
    pixels = np.random.default_rng(1).integers(0, 2 ** min(options.get("nbits", 8), 8), (bands, *SHAPE)).astype(dtype)
    write(tmp_path / "a.tif", pixels, **options)
    with rasterio.open(tmp_path / "a.tif") as source:
        expected, valid = np.moveaxis(source.read()[:3], 0, -1), source.read_masks(1) != 0
    with raster.open_raster(tmp_path / "a.tif") as found:
        strip = found.read()
    np.testing.assert_array_equal(strip.pixels, expected)
    np.testing.assert_array_equal(strip.valid[..., 0], valid)


# ---- Missing pixels -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "value", "tag"),
    [
        ("float32", np.finfo(np.float32).min, "-3.4028234663852886e+38"),
        ("float32", np.finfo(np.float32).min, "-3.40282e+38"),
        ("float32", -9999, "-9999.0"),
        ("float32", np.nan, "nan"),
        ("int16", -32768, "-32768.0"),
        ("int32", -2147483648, "-2147483648"),
        ("uint8", 255, "255.0"),
        ("float64", 1e5, "1e5"),
    ],
)
def test_no_data_values_in_the_spellings_of_gis_programs(tmp_path, dtype, value, tag):
    pixels = np.full((40, 50), 3, dtype)
    pixels[:, :10] = value
    tifffile.imwrite(tmp_path / "a.tif", pixels, extratags=[(42113, "s", 0, tag, True)], metadata=None)
    with raster.open_raster(tmp_path / "a.tif") as found:
        valid = found.read().valid[..., 0]
    assert not valid[:, :10].any()
    assert valid[:, 10:].all()


def test_a_no_data_value_that_no_pixel_can_have_hides_nothing(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 9), np.uint8), extratags=[(42113, "s", 0, "-9999", True)])
    with raster.open_raster(tmp_path / "a.tif") as found:
        assert found.read().valid.all()


@pytest.mark.parametrize("codec", ["lzw", "zstd"])
@pytest.mark.parametrize("nodata", [None, -9999])
def test_tiles_that_a_sparse_file_leaves_out_are_not_available(tmp_path, codec, nodata):
    tiles = {"tiled": True, "blockxsize": 32, "blockysize": 32, "compress": codec, "SPARSE_OK": True}
    profile = {"driver": "GTiff", "height": 64, "width": 64, "count": 1, "dtype": "float32", "nodata": nodata}
    with rasterio.open(tmp_path / "a.tif", "w", **profile, **tiles) as target:
        target.write(np.full((32, 64), -12, np.float32), 1, window=((32, 64), (0, 64)))
    with raster.open_raster(tmp_path / "a.tif") as found:
        pixels, valid = found.read()
        np.testing.assert_array_equal(valid[..., 0], np.arange(64)[:, np.newaxis].repeat(64, 1) >= 32)
        assert (pixels[valid] == -12).all()
        assert not found.read(20, 12).valid.any()


def test_transparency_of_a_png_is_no_data(tmp_path):
    grey = Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10))
    grey.save(tmp_path / "a.png", transparency=7)
    grey.putalpha(Image.fromarray(np.tri(10, dtype=np.uint8) * 255))
    grey.save(tmp_path / "b.png")
    with raster.open_raster(tmp_path / "a.png") as found:
        assert np.flatnonzero(~found.read().valid).tolist() == [7]
    with raster.open_raster(tmp_path / "b.png") as found:
        assert found.channels == 1
        np.testing.assert_array_equal(found.read().valid[..., 0], np.tri(10, dtype=bool))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_an_alpha_band_hides_pixels_of_every_type(tmp_path, dtype):
    pixels = np.stack([np.full(SHAPE, 9), np.where(np.arange(SHAPE[0])[:, np.newaxis] < 3, 0, 255).repeat(SHAPE[1], 1)])
    options = {"height": SHAPE[0], "width": SHAPE[1], "count": 2, "dtype": dtype, "alpha": "YES"}
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", **options) as file:
        file.write(pixels.astype(dtype))
    with raster.open_raster(tmp_path / "a.tif") as found:
        assert found.channels == 1
        np.testing.assert_array_equal(found.read().valid[..., 0], pixels[1] > 0)
        np.testing.assert_array_equal(found.read(2, 2).valid[..., 0], pixels[1, 2:4] > 0)


# ---- What is refused ------------------------------------------------------------------------------------------------


def refusal(path):
    with pytest.raises(BadImage) as caught, raster.open_raster(path) as found:
        found.read()
    assert str(path.parent) not in str(caught.value)
    return str(caught.value)


def test_a_file_cannot_lead_elsewhere(tmp_path):
    write(tmp_path / "there.tif", numbers("uint8", 1))
    size = f'rasterXSize="{SHAPE[1]}" rasterYSize="{SHAPE[0]}"'
    source = f"<SimpleSource><SourceFilename>{tmp_path}/there.tif</SourceFilename></SimpleSource>"
    band = f'<VRTRasterBand dataType="Byte" band="1">{source}</VRTRasterBand>'
    (tmp_path / "a.tif").write_text(f"<VRTDataset {size}>{band}</VRTDataset>")
    with rasterio.open(tmp_path / "a.tif") as followed:
        assert followed.read().any()
    assert refusal(tmp_path / "a.tif") == "not a TIFF, whatever its name says (convert or rename it)"
    Image.new("L", (8, 8)).save(tmp_path / "p.tif", format="PNG")
    assert "not a TIFF, whatever its name says" in refusal(tmp_path / "p.tif")
    for text in ("/vsicurl/http://127.0.0.1/x.tif", '{"type": "FeatureCollection"}', "<GDAL_WMS></GDAL_WMS>"):
        (tmp_path / "a.tif").write_text(text)
        assert "not a TIFF" in refusal(tmp_path / "a.tif")


def test_a_tile_that_cannot_be_decoded_is_no_zero(tmp_path):
    for codec in ("deflate", "lzw", "zstd", "lerc"):
        path = tmp_path / f"{codec}.tif"
        write(path, numbers("float32", 1), tiled=True, blockxsize=16, blockysize=16, compress=codec)
        with rasterio.open(path) as source:
            place = int(source.get_tag_item("BLOCK_OFFSET_1_1", "TIFF", 1))
        data = bytearray(path.read_bytes())
        data[place : place + 8] = b"\xff" * 8
        path.write_bytes(data)
        assert "not a whole TIFF" in refusal(path)


@pytest.mark.parametrize("layout", [{"blockysize": 10}, {"tiled": True, "blockxsize": 16, "blockysize": 16}])
def test_tiles_that_a_header_lacks_are_no_tiles_left_out(tmp_path, layout):
    """A height beyond the listed tiles: GDAL reads the rest as 0."""
    write(tmp_path / "a.tif", numbers("uint16", 1), **layout)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    place = data.index(struct.pack("<HHI", 257, 3, 1))  # the tag of the height
    data[place + 8 : place + 10] = struct.pack("<H", 4000)
    (tmp_path / "a.tif").write_bytes(data)
    assert "strips or tiles in place of" in refusal(tmp_path / "a.tif")


def test_a_place_without_extent_is_no_place():
    assert not grid(Affine(20, 0, 5, 0, 0, 5)).is_georeferenced
    assert difference(grid(), grid(Affine(20, 0, 5, 0, 0, 5))) is None


@pytest.mark.parametrize("turn", [2, 3, 6])
def test_images_to_be_turned_for_display_are_refused(tmp_path, turn):
    exif = Image.Exif()
    exif[274] = turn
    pixels = np.arange(100, dtype=np.uint8).reshape(10, 10)
    for name in ("a.jpg", "a.png"):
        Image.fromarray(pixels).save(tmp_path / name, exif=exif)
        assert f"Orientation {turn}; save it upright" in refusal(tmp_path / name)
    for order, big in itertools.product("<>", (False, True)):
        tags = [(274, "H", 1, turn, True)]
        tifffile.imwrite(tmp_path / "a.tif", pixels, byteorder=order, bigtiff=big, extratags=tags)
        assert f"Orientation {turn}; save it upright" in refusal(tmp_path / "a.tif")


def test_names_that_are_no_text(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/J\xf6kull.tif"))
    pixels = numbers("uint8", 1)
    write(tmp_path / "a.tif", pixels)
    (tmp_path / "a.tif").rename(path)
    with raster.open_raster(path) as found:
        np.testing.assert_array_equal(found.read().pixels[..., 0], pixels[0])


# ---- Places on the ground -------------------------------------------------------------------------------------------


def test_a_grid_keeps_its_place(tmp_path):
    write(tmp_path / "a.tif", numbers("uint8", 1))
    found = raster.read_grid(tmp_path / "a.tif")
    assert found == grid()
    left, top = -2_400_000, 1_200_000
    assert found.bounds == (left, top - 20 * SHAPE[0], left + 20 * SHAPE[1], top)
    assert found.facts() == {"metres_per_pixel": 20.0, "bounds": found.bounds, "crs": "EPSG:3031"}
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "a.png")
    assert not raster.read_grid(tmp_path / "a.png").has_coordinates


def test_pixels_of_a_degree_are_metres_at_their_latitude():
    """The meridian's degree at 45 degrees is 111,132 m, and a degree of longitude at 60 is 55,800 m (WGS 84)."""
    assert metres_per_degree(45)[1] == pytest.approx(111_132, abs=1)
    assert metres_per_degree(60)[0] == pytest.approx(55_800, abs=1)
    step = 1e-4
    place = grid(Affine(step, 0, -55, 0, -step, 60 + step * SHAPE[0] / 2), CRS.from_epsg(4326))
    assert place.pixel_size_metres() == pytest.approx((5.58, 11.1412), abs=1e-3)
    assert place.facts()["crs"] == "EPSG:4326"
    assert place.facts()["metres_per_pixel"] == pytest.approx((5.58 * 11.1412) ** 0.5, abs=1e-3)
    feet = grid(Affine(100, 0, 0, 0, -100, 0), CRS.from_epsg(2263))  # a state plane in US survey feet
    assert feet.pixel_size_metres() == pytest.approx((30.48006, 30.48006))


def test_the_web_projection_has_no_metres_of_its_own():
    """At 60 degrees north, Mercator stretches by 2 (on the sphere): y is 8,399,738 m there."""
    place = grid(Affine(10, 0, 0, 0, -10, 8_399_738 + 5 * SHAPE[0]), CRS.from_epsg(3857))
    assert place.pixel_size_metres() == pytest.approx((5, 5), rel=1e-4)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (grid(), None),
        (grid(NORTH_UP @ Affine.translation(0.4, -0.4)), None),
        (grid(NORTH_UP @ Affine.translation(100, 0)), "lies 2000 m beside (origin -2398000, 1200000, not -2400000"),
        (grid(NORTH_UP @ Affine.translation(0, 1)), "lies 20 m beside"),
        (grid(NORTH_UP @ Affine.scale(1.02)), "pixels of 20.4 x 20.4, not pixels of 20 x 20"),
        (grid(NORTH_UP @ Affine.scale(1.001)), None),  # a twentieth of a pixel at the far corner
        (grid(NORTH_UP @ Affine.rotation(5)), "turned"),
        (grid(Affine(20, 0, -2_400_000, 0, 20, 1_200_000 - 20 * SHAPE[0])), "turned"),
        (grid(crs=CRS.from_epsg(3413)), "the CRS EPSG:3413, not EPSG:3031"),
        (grid(Affine.identity(), None), None),
        (grid(crs=None), None),  # a place, and no word of its system
        (grid(NORTH_UP @ Affine.translation(25, 0), None), "lies 500 m beside"),
        (grid(Affine(1, 0, 0, 0, -1, SHAPE[0]), None), None),  # rows and columns
        (grid(crs=CRS.from_proj4(POLAR.to_proj4())), None),  # the same projection, without its code
    ],
)
def test_grids_are_compared_to_half_a_pixel(other, words):
    found = difference(grid(), other)
    assert found is None if words is None else words in found


def test_the_nearest_pixel_of_another_grid(tmp_path):
    pixels = numbers("uint8", 1)
    write(tmp_path / "a.tif", pixels)
    target = grid(NORTH_UP @ Affine.translation(10, -5), shape=(30, 60))
    with raster.open_raster(tmp_path / "a.tif") as found:
        there, valid = found.read_on(target)
    assert (there[5:30, :43, 0] == pixels[0, :25, 10:53]).all()
    assert valid[5:30, :43].all()
    assert not valid[:5].any()
    assert not valid[:, 43:].any()


# ---- Writing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("channels", [1, 3])
def test_what_is_written_is_read_again(tmp_path, rng, dtype, channels):
    place = grid(shape=(600, 300))
    pixels = rng.integers(0, 100, (600, 300, channels)).astype(dtype)
    strips = (pixels[first : first + 70] for first in range(0, 600, 70))
    names = [f"band {i}" for i in range(channels)]
    raster.write_geotiff(tmp_path / "new/a.tif", strips, place, nodata=0, tags={"model": "gen5"}, descriptions=names)
    raster.write_geotiff(tmp_path / "b.tif", pixels, place, nodata=0, tags={"model": "gen5"}, descriptions=names)
    assert (tmp_path / "new/a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()
    with rasterio.open(tmp_path / "b.tif") as found:
        np.testing.assert_array_equal(np.moveaxis(found.read(), 0, -1), pixels)
        assert (found.crs, found.transform, found.nodata) == (POLAR, NORTH_UP, 0)
        assert (found.tags()["model"], list(found.descriptions)) == ("gen5", names)
        assert (found.block_shapes[0], found.compression.value) == ((256, 256), "DEFLATE")
        assert (found.tags(ns="IMAGE_STRUCTURE")["LAYOUT"], found.overviews(1)) == ("COG", [2, 4])
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a.tif", "b.tif", "new"]


def test_an_overview_of_classes_holds_classes_only(tmp_path):
    stripes = np.full((600, 300), 64, np.uint8)
    stripes[::2] = 254
    raster.write_geotiff(tmp_path / "a.tif", stripes, grid(shape=(600, 300)), palette={64: (213, 94, 0)})
    raster.write_geotiff(tmp_path / "b.tif", stripes, grid(shape=(600, 300)))
    with (
        rasterio.open(tmp_path / "a.tif", overview_level=0) as zones,
        rasterio.open(tmp_path / "b.tif", overview_level=0) as grey,
    ):
        assert set(np.unique(zones.read())) <= {64, 254}
        assert set(np.unique(grey.read())) == {159}


def test_a_palette_is_written(tmp_path):
    raster.write_geotiff(tmp_path / "a.tif", np.zeros(SHAPE, np.uint8), grid(), palette={64: (213, 94, 0)})
    with raster.open_raster(tmp_path / "a.tif") as found:
        assert found.colormap()[64] == (213, 94, 0, 255)


@pytest.mark.parametrize("rows", [10, 90])
def test_other_rows_than_the_grid_has_leave_no_file(tmp_path, rows):
    with pytest.raises(ValueError, match="should have 70 rows"):
        raster.write_geotiff(tmp_path / "a.tif", np.zeros((rows, SHAPE[1]), np.uint8), grid())
    assert not list(tmp_path.iterdir())


def test_a_raster_without_a_place_is_written_without_a_word(tmp_path, recwarn):
    raster.write_geotiff(tmp_path / "a.tif", np.zeros(SHAPE, np.uint8), grid(Affine.identity(), None))
    assert not raster.read_grid(tmp_path / "a.tif").has_coordinates
    assert not recwarn.list, json.dumps([str(one.message) for one in recwarn.list])
