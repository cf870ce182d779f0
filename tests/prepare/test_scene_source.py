"""A user's scenes: their names, their pixels in every file format, and the stretch."""

import os

import numpy as np
import pytest
import rasterio
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from rasterio import Affine
from rasterio.control import GroundControlPoint

from pix2pix_tf.data import scene_names
from pix2pix_tf.data.io import images
from pix2pix_tf.prepare.own_scenes import brightness
from pix2pix_tf.prepare.own_scenes import source as scene_source
from pix2pix_tf.prepare.stretch import stretch
from pix2pix_tf.utils.errors import UserError
from tests.helpers import read_raster

ZONES = np.tile(np.array([0, 64, 127, 254], np.uint8), (24, 5))  # 24 x 20 pixels
SAR = np.random.default_rng(0).integers(0, 256, (24, 20), dtype=np.uint8)
CAFFE = "DBE_2004-10-07_RSAT_12_4_282"


def put(folder, **files):
    """Write `role/name` for each role=(name, pixels)."""
    for role, (name, pixels) in files.items():
        (folder / role).mkdir(parents=True, exist_ok=True)
        if name.endswith(".png"):
            images.write_png(folder / role / name, pixels)
        elif name.endswith((".tif", ".tiff")):
            tifffile.imwrite(folder / role / name, pixels)
        else:
            Image.fromarray(pixels).save(folder / role / name)


def refusal(folder, side_by_side=None):
    with pytest.raises(UserError) as caught:
        scene_source.find(folder, side_by_side)
    return str(caught.value)


def pixels_of(source, reading=None):
    reading = reading or scene_source.Reading()
    return scene_source.load(source, reading, scene_source.read(source, reading).images)


def with_cut(cut):
    return scene_source.Reading(brightness.Options(cut))


def problems(source, cut=(2.0, 98.0)):
    with pytest.raises(scene_source.BadScene) as caught:
        scene_source.read(source, with_cut(cut))
    return [f"{name}: {problem}" for problem, name in caught.value.problems]


# ---- Names ----------------------------------------------------------------------------------------------------------


def test_a_caffe_name_tells_its_facts():
    assert scene_names.facts_of(CAFFE) == {
        "glacier": "DBE", "date": "2004-10-07", "sensor": "RSAT", "metres_per_pixel": 12.0,
        "quality": 4, "orbit": "282",
    }  # fmt: skip
    assert scene_names.facts_of("Crane Glacier_2002-11-09_ERS_20_3_424")["glacier"] == "Crane Glacier"
    other_marks = scene_names.facts_of("DBE_2004-10-07_RSAT_12_9_007")
    assert "quality" not in other_marks
    assert other_marks["orbit"] == "007"


@pytest.mark.parametrize(
    "name",
    ["", "DBE", "my_scene_1_2_3_4", "DBE_2004-13-07_RSAT_12_4_282", f"{CAFFE}_zones", "DBE_20041007_RSAT_12_4_282"],
)
def test_other_names_tell_nothing(name):
    assert scene_names.facts_of(name) == {}


@given(st.integers(0, 99999), st.integers(0, 99999))
@settings(derandomize=True, max_examples=50)
def test_a_patch_name_tells_scene_and_place(row, column):
    stem = scene_names.patch_stem("Sjögren 1", row, column)
    assert scene_names.scene_of(stem) == "Sjögren 1"
    assert scene_names.place_of(stem) == (row, column)


# ---- Finding --------------------------------------------------------------------------------------------------------


def test_roles_are_paired_by_name(tmp_path):
    for name in ("b", "Sjögren Inlet 2"):
        put(tmp_path, zones=(f"{name}.png", ZONES), sar=(f"{name}.tif", SAR))
        (tmp_path / f"sar/{name}.tif").rename(tmp_path / f"sar/{name}.TIF")
    found = scene_source.find(tmp_path)
    assert [source.name for source in found] == ["Sjögren Inlet 2", "b"]
    assert found[1].paths == {"sar": tmp_path / "sar/b.TIF", "zones": tmp_path / "zones/b.png"}


def test_names_from_a_mac_are_the_same_names(tmp_path):
    put(tmp_path, zones=("Sjo\u0308gren.png", ZONES), sar=("Sj\u00f6gren.png", SAR))
    assert [source.name for source in scene_source.find(tmp_path)] == ["Sj\u00f6gren"]


def test_doubled_underscores_stay_in_scene_names(tmp_path):
    put(tmp_path, zones=("S1A_IW_SLC__1SDV.png", ZONES), sar=("S1A_IW_SLC__1SDV.png", SAR))
    assert [source.name for source in scene_source.find(tmp_path)] == ["S1A_IW_SLC__1SDV"]
    for stem in ("S1A_IW_SLC__1SDV", "S1A_IW_SLC__1SDV__y00000_x00256", "S1A_IW_SLC__1SDV__y1_x2__y00256_x00000"):
        scene = scene_names.scene_of(stem)
        assert scene in ("S1A_IW_SLC__1SDV", "S1A_IW_SLC__1SDV__y1_x2")
        assert stem == scene or stem == scene_names.patch_stem(scene, *scene_names.place_of(stem))


def test_names_that_are_no_utf8_are_taken_as_those_of_windows(tmp_path):
    name = os.fsdecode(b"J\xf6kull.png")
    put(tmp_path, zones=(name, ZONES), sar=(name, SAR))
    (source,) = scene_source.find(tmp_path)
    assert source.name == "J\u00f6kull"
    np.testing.assert_array_equal(pixels_of(source)["sar"], SAR)


def test_what_systems_leave_in_folders_is_no_role(tmp_path):
    put(tmp_path, zones=("a.png", ZONES), sar=("a.png", SAR))
    for name in ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found", ".git"):
        (tmp_path / name).mkdir()
        (tmp_path / "sar" / name).mkdir()
    (tmp_path / "sar/Thumbs.db").write_text("x")
    (tmp_path / "~$scenes.xlsx").write_text("x")
    assert [source.name for source in scene_source.find(tmp_path)] == ["a"]


def test_the_role_at_the_end_of_a_caffe_mask_is_no_part_of_the_name(tmp_path):
    put(tmp_path, sar=(f"{CAFFE}.png", SAR), zones=(f"{CAFFE}_zones.png", ZONES), fronts=(f"{CAFFE}_front.png", ZONES))
    assert [source.name for source in scene_source.find(tmp_path)] == [CAFFE]


def test_a_name_that_ends_so_in_every_role_is_kept(tmp_path):
    put(tmp_path, sar=("my_zones.png", SAR), zones=("my_zones.png", ZONES))
    assert [source.name for source in scene_source.find(tmp_path)] == ["my_zones"]


def test_what_is_no_image_is_left_out_and_said(tmp_path, capsys):
    put(tmp_path, sar=("a.png", SAR))
    (tmp_path / "sar/a.png.aux.xml").write_text("")
    (tmp_path / "sar/.DS_Store").write_text("")
    assert len(scene_source.find(tmp_path)) == 1
    assert "1 x .xml" in capsys.readouterr().out


def test_everything_wrong_with_the_names_in_one_message(tmp_path):
    put(tmp_path, zones=("a.png", ZONES), sar=("b.png", SAR), optcal=("a.png", SAR))
    put(tmp_path, sar=("c.png", SAR), zones=("c.png", ZONES))
    put(tmp_path, sar=("c.tif", SAR))
    message = refusal(tmp_path)
    assert "Unknown role folder 'optcal'. Did you mean 'optical'?" in message
    assert "sar/c.tif: the same scene as sar/c.png" in message
    (tmp_path / "optcal").rename(tmp_path / ".optcal")
    (tmp_path / "sar/c.tif").unlink()
    message = refusal(tmp_path)
    assert "a: no partner in sar/" in message
    assert "b: no partner in zones/" in message


def test_a_mask_twice_by_its_end(tmp_path):
    put(tmp_path, sar=("a.png", SAR), zones=("a.png", ZONES))
    put(tmp_path, zones=("a_zones.png", ZONES))
    assert "zones/a_zones.png: the same scene as zones/a.png" in refusal(tmp_path)


def test_nothing_there(tmp_path):
    assert "There is no folder" in refusal(tmp_path / "gone")
    assert "no folder per role" in refusal(tmp_path)
    images.write_png(tmp_path / "a.png", SAR)
    assert "--side-by-side" in refusal(tmp_path)
    (tmp_path / "zones").mkdir()
    assert "zones/: no images" in refusal(tmp_path)


def test_a_finished_data_set_is_recognised(tmp_path):
    put(tmp_path, train=("a.png", SAR))
    assert "train.py --data" in refusal(tmp_path)


# ---- Side by side ---------------------------------------------------------------------------------------------------


def test_halves_keep_their_splits_and_tell_equal_names_apart(tmp_path):
    both = np.concatenate([ZONES, SAR], axis=1)
    put(tmp_path, train=("1.png", both), val=("1.png", both))
    put(tmp_path, train=("2.png", both))
    found = scene_source.find(tmp_path, ("zones", "sar"))
    assert [(source.name, source.split) for source in found] == [("2", "train"), ("train_1", "train"), ("val_1", "val")]
    pixels = pixels_of(found[0])
    np.testing.assert_array_equal(pixels["zones"], ZONES)
    np.testing.assert_array_equal(pixels["sar"], SAR)


def test_a_grey_half_may_be_stored_as_colour(tmp_path):
    optical = np.random.default_rng(1).integers(0, 256, (24, 20, 3), dtype=np.uint8)
    images.write_png(tmp_path / "a.png", np.concatenate([np.repeat(ZONES[..., None], 3, 2), optical], axis=1))
    pixels = pixels_of(scene_source.find(tmp_path, ("zones", "optical"))[0])
    np.testing.assert_array_equal(pixels["zones"], ZONES)
    np.testing.assert_array_equal(pixels["optical"], optical)
    (source,) = scene_source.find(tmp_path, ("optical", "sar"))
    assert problems(source) == [f"{tmp_path.name}/a.png: 3 channel(s), but sar takes one grey channel: save it so"]


def test_no_two_scenes_get_one_name(tmp_path):
    put(tmp_path, train=("1.png", SAR), val=("1.png", SAR))
    put(tmp_path, train=("val_1.png", SAR))
    assert "val/1.png: gets the name of another scene" in refusal(tmp_path, ("zones", "sar"))


def test_halves_that_cannot_be_used(tmp_path):
    images.write_png(tmp_path / "a.png", SAR[:, :19])
    (source,) = scene_source.find(tmp_path, ("sar", "elevation"))
    assert "19 pixels wide" in problems(source)[0]
    put(tmp_path, trian=("b.png", SAR))
    message = refusal(tmp_path, ("zones", "sar"))
    assert "Did you mean 'train'?" in message
    assert "a.png: is beside the folders trian" in message
    assert "'zones'" in refusal(tmp_path, ("zone", "sar"))
    assert "two different roles" in refusal(tmp_path, ("sar", "sar"))


# ---- Reading --------------------------------------------------------------------------------------------------------


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([0, 3])).map(
            lambda s: s[:2] if not s[2] else s
        ),
    )
)
@settings(derandomize=True, deadline=None, max_examples=40)
def test_png_round_trip(tmp_path_factory, pixels):
    path = tmp_path_factory.mktemp("png") / "a.png"
    images.write_png(path, pixels)
    np.testing.assert_array_equal(read_raster(path), pixels)  # another decoder
    found = images.read_png(path)
    assert found.dtype == pixels.dtype
    np.testing.assert_array_equal(found, pixels)


def test_notes_travel_in_a_png(tmp_path):
    images.write_png(tmp_path / "a.png", SAR, {"metres_per_pixel": "12.5"})
    assert images.read_text(tmp_path / "a.png", "metres_per_pixel") == "12.5"
    assert images.read_text(tmp_path / "a.png", "other") is None


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib", "tile": (16, 16)},
        {"photometric": "minisblack", "planarconfig": "contig"},
        {"photometric": "rgb", "planarconfig": "separate"},
        {"bigtiff": True, "byteorder": ">"},
    ],
)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_tiff_of_three_bands(tmp_path, options, dtype):
    pixels = np.arange(24 * 20 * 3).reshape(24, 20, 3).astype(dtype)
    planar = options.get("planarconfig") == "separate"
    tifffile.imwrite(
        tmp_path / "a.tif", np.moveaxis(pixels, 2, 0) if planar else pixels, **{"photometric": "rgb", **options}
    )
    found = read_raster(tmp_path / "a.tif")
    assert found.dtype == pixels.dtype
    np.testing.assert_array_equal(found, pixels)


def test_tiff_with_lzw(tmp_path):
    pixels = SAR.astype(np.uint16) * 200
    Image.fromarray(pixels).save(tmp_path / "a.tif", compression="tiff_lzw")
    np.testing.assert_array_equal(read_raster(tmp_path / "a.tif"), pixels)


def test_a_geotiff_says_where_it_lies(tmp_path):
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 3031)
    tags = [
        (33550, "d", 3, (20.0, 20.0, 0.0), False),
        (33922, "d", 6, (0.0, 0.0, 0.0, 1000.0, 5000.0, 0.0), False),
        (34735, "H", len(keys), keys, False),
        (42113, "s", 0, "-9999", False),
    ]
    pixels = np.linspace(0, 100, 480, dtype=np.float32).reshape(24, 20)
    pixels[0, :3] = -9999
    put(tmp_path, zones=(f"{CAFFE}.png", ZONES), sar=(f"{CAFFE}.png", SAR))
    (tmp_path / f"sar/{CAFFE}.png").unlink()
    tifffile.imwrite(tmp_path / f"sar/{CAFFE}.tif", pixels, extratags=tags)
    picture = scene_source.read(scene_source.find(tmp_path)[0], with_cut((0.0, 100.0)))
    assert picture.facts["bounds"] == (1000.0, 5000.0 - 24 * 20, 1000.0 + 20 * 20, 5000.0)
    assert picture.facts["crs"] == "EPSG:3031"
    assert picture.facts["metres_per_pixel"] == 20.0  # the file's word counts more than the name's 12
    assert picture.missing == 3
    assert picture.stretch["sar"] == pytest.approx((pixels[0, 3], 100.0))


def test_masks_are_never_stretched(tmp_path):
    put(
        tmp_path,
        zones=("a.tif", ZONES.astype(np.float32)),
        fronts=("a.png", np.where(ZONES == 64, 255, 0).astype(np.uint16)),
    )
    (source,) = scene_source.find(tmp_path)
    pixels = pixels_of(source)
    np.testing.assert_array_equal(pixels["zones"], ZONES)
    assert {image.dtype for image in pixels.values()} == {np.dtype(np.uint8)}
    assert scene_source.read(source).stretch == {}


def test_what_is_cut_and_what_is_kept(tmp_path):
    deep = np.arange(480, dtype=np.uint16).reshape(24, 20) * 100
    put(tmp_path, sar=("a.png", SAR), sar_vv=("a.png", deep), sar_vh=("a.tif", deep))
    (source,) = scene_source.find(tmp_path)
    cut = pixels_of(source)
    assert {role: image.dtype for role, image in cut.items()} == dict.fromkeys(source.paths, np.uint8)
    np.testing.assert_array_equal(cut["sar"], SAR)
    assert scene_source.read(source).stretch.keys() == {"sar_vv", "sar_vh"}
    kept = pixels_of(source, with_cut(None))
    np.testing.assert_array_equal(kept["sar_vv"], deep)
    np.testing.assert_array_equal(kept["sar_vh"], deep)
    assert scene_source.read(source, with_cut(None)).stretch == {}
    put(tmp_path, sar_vh=("a.tif", deep.astype(np.float32)))
    assert "sar_vh/a.tif: float32 numbers" in problems(source, None)[0]


def test_equal_targets_have_equal_digests(tmp_path):
    put(tmp_path, sar=("a.png", SAR), zones=("a.png", ZONES))
    put(tmp_path, sar=("b.tif", SAR), zones=("b.png", ZONES))
    put(tmp_path, sar=("c.png", SAR[::-1]), zones=("c.png", ZONES))
    a, b, c = (scene_source.read(source).digests for source in scene_source.find(tmp_path))
    assert a.keys() == {"sar"}
    assert a == b != c


def test_all_bad_files_of_a_scene_at_once(tmp_path):
    put(tmp_path, zones=("a.png", ZONES + 1), sar=("a.png", SAR), elevation=("a.png", SAR[:20]))
    (tmp_path / "sar/a.png").write_bytes((tmp_path / "sar/a.png").read_bytes()[:100])
    found = problems(scene_source.find(tmp_path)[0])
    assert "zones/a.png: grey value 1 is no class of zones" in "\n".join(found)
    assert "sar/a.png: not a whole PNG" in "\n".join(found)
    put(tmp_path, zones=("a.png", ZONES), sar=("a.png", SAR))
    (found,) = problems(scene_source.find(tmp_path)[0])
    assert found.startswith("a: its roles differ in size: elevation 20 x 20, sar 20 x 24, zones 20 x 24 pixels")


@pytest.mark.parametrize(
    ("name", "pixels", "words"),
    [
        ("a.png", Image.new("RGBA", (20, 24)), "no finite pixel"),
        ("a.png", Image.new("P", (20, 24)), "palette"),
        ("a.tif", Image.new("P", (20, 24)), "palette"),
        ("a.tif", Image.new("RGBA", (20, 24), "#345678ff"), "3 channel(s), but sar takes one grey channel"),
        ("a.png", Image.new("RGB", (20, 24), "#345678"), "3 channel(s), but sar takes one grey channel"),
        ("a.tif", SAR.astype(np.complex64), "complex64"),
        ("a.tif", np.stack([SAR] * 4), "several images"),
        ("a.tif", np.full((24, 20), np.nan, np.float32), "no finite pixel"),
    ],
)
def test_other_kinds_of_image(tmp_path, name, pixels, words):
    (tmp_path / "sar").mkdir()
    if isinstance(pixels, np.ndarray):
        tifffile.imwrite(tmp_path / "sar" / name, pixels, photometric="minisblack")
    else:
        pixels.save(tmp_path / "sar" / name)
    (found,) = problems(scene_source.find(tmp_path)[0])
    assert found.startswith(f"sar/{name}: ")
    assert words in found


@pytest.mark.parametrize(("name", "kind"), [("a.png", "PNG"), ("a.tif", "TIFF"), ("a.jpg", "JPEG")])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5])
def test_files_that_end_early(tmp_path, name, kind, share):
    put(tmp_path, sar=(name, SAR))
    path = tmp_path / "sar" / name
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    (found,) = problems(scene_source.find(tmp_path)[0])
    assert found.startswith(f"sar/{name}: not a")
    assert kind in found


def test_a_mask_as_jpeg_is_refused(tmp_path):
    put(tmp_path, zones=("a.jpg", ZONES), sar=("a.jpg", SAR))
    (found,) = problems(scene_source.find(tmp_path)[0])
    assert found.startswith("zones/a.jpg: a JPEG, which blurs the classes")


# ---- Stretch --------------------------------------------------------------------------------------------------------


def test_stretch_of_a_ramp_by_hand():
    ramp = np.arange(101, dtype=np.float32)[None] - 50  # percentile p of it is p - 50
    grey, limits = stretch(ramp, (2.0, 98.0))
    assert limits == (-48.0, 48.0)
    assert grey[0, :3].tolist() == [0, 0, 0]
    assert grey[0, -3:].tolist() == [255, 255, 255]
    assert grey[0, 50] == 128  # rint(127.5)
    assert grey[0, 26] == round(255 * 24 / 96)


def test_what_was_not_measured_is_black_and_does_not_count():
    ramp = np.concatenate([np.arange(101.0), [np.nan, np.inf, -np.inf, -9999.0]])[None]
    grey, limits = stretch(ramp, (2.0, 98.0), valid=ramp != -9999)
    assert limits == (2.0, 98.0)
    assert grey[0, -4:].tolist() == [0, 0, 0, 0]


def test_bands_are_stretched_apart():
    band = np.arange(101, dtype=np.uint16)[None]
    grey, limits = stretch(np.stack([band, 2 * band, band + 1000], axis=-1), (0.0, 100.0))
    assert limits == (0.0, 100.0, 0.0, 200.0, 1000.0, 1100.0)
    np.testing.assert_array_equal(grey[..., 0], grey[..., 1])
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])


def test_an_empty_and_a_nearly_empty_scene():
    grey, limits = stretch(np.full((8, 8), 7.0))
    assert (grey.max(), limits) == (0, (7.0, 7.0))
    nearly = np.zeros((20, 20))
    nearly[3, 4] = 5.0
    grey, limits = stretch(nearly)
    assert (grey[3, 4], limits) == (255, (0.0, 5.0))


@given(hnp.arrays(np.float32, (5, 6), elements=st.floats(-(2.0**99), 2.0**99, width=32) | st.just(np.nan)))
@settings(derandomize=True, deadline=None, max_examples=60)
def test_stretch_keeps_the_order(pixels):
    if np.isnan(pixels).all():
        pixels[0, 0] = 0
    grey, (low, high) = stretch(pixels)
    measured = np.isfinite(pixels)
    order = np.argsort(pixels[measured])
    assert (np.diff(grey[measured][order].astype(int)) >= 0).all()
    assert low <= high
    assert not grey[~measured].any()


def test_names_that_leave_no_room_for_patches_are_refused_before_anything_is_written(tmp_path):
    put(tmp_path, sar=("\u00f6" * 101 + ".png", SAR))
    assert "more than 200 bytes" in refusal(tmp_path)


def test_a_sar_image_of_control_points_does_not_take_the_place_of_a_mask_on_a_map(tmp_path):
    points = [GroundControlPoint(y, x, -60 + x / 1e3, -65 - y / 1e3) for x in (0, 20) for y in (0, 24)]
    size = {"driver": "GTiff", "width": 20, "height": 24, "count": 1, "dtype": "uint8"}
    for role, place in (("sar", {"gcps": points}), ("zones", {"transform": Affine(1e-3, 0, -60, 0, -1e-3, -65)})):
        (tmp_path / role).mkdir()
        with rasterio.open(tmp_path / role / "a.tif", "w", crs="EPSG:4326", **size, **place) as target:
            target.write(SAR if role == "sar" else np.full_like(SAR, 127), 1)
    (source,) = scene_source.find(tmp_path)
    (problem,) = problems(source)
    assert "the place of sar is known by control points or RPCs, and zones is on a map: project it" in problem
