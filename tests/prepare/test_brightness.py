"""How brightness becomes grey: missing pixels, radiometry, limits, bands, and what is refused in doubt."""

import numpy as np
import pytest
import rasterio
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from rasterio import Affine
from scipy import ndimage

from pix2pix_tf import prepare
from pix2pix_tf.data.io.limits import BadImage
from pix2pix_tf.prepare import gaps, radiometry
from pix2pix_tf.prepare.own_scenes import brightness
from pix2pix_tf.prepare.own_scenes import source as scene_source
from pix2pix_tf.prepare.own_scenes.brightness import Options
from pix2pix_tf.utils import cli

SIDE = 128
ZONES = np.full((SIDE, SIDE), 127, np.uint8)
ZONES[:, 64:], ZONES[:40] = 254, 64
POLAR = {"crs": "EPSG:3031", "transform": Affine(20, 0, -2.4e6, 0, -20, 1.2e6)}


def decibels(seed=0):
    """Ocean -20, glacier -12, rock -6 dB, with speckle of 1.5 dB."""
    mean = np.select([ZONES == 254, ZONES == 127], [-20, -12], -6)
    return (mean + np.random.default_rng(seed).normal(0, 1.5, ZONES.shape)).astype(np.float32)


def speckle(looks, seed=0):
    """Power of an even surface, float32, mean 0.1."""
    return (np.random.default_rng(seed).gamma(looks, 0.1 / looks, (SIDE, SIDE))).astype(np.float32)


def write(path, pixels, **profile):
    bands = pixels[np.newaxis] if pixels.ndim == 2 else pixels
    path.parent.mkdir(parents=True, exist_ok=True)
    size = {"height": bands.shape[1], "width": bands.shape[2], "count": len(bands), "dtype": bands.dtype}
    with rasterio.open(path, "w", driver="GTiff", **size, **profile) as target:
        target.write(bands)
    return path


def read(path, options=None, role="sar"):
    """The examined image, its grey values, and which pixels are missing."""
    image, missing = brightness.examine(path, role, options or Options())
    grey, again = brightness.convert(image)
    np.testing.assert_array_equal(missing, again)
    assert not grey[missing].any()
    assert image.missing == missing.sum()
    return image, grey, missing


def refusal(path, options=None, role="sar"):
    with pytest.raises(BadImage) as caught:
        brightness.examine(path, role, options or Options())
    return str(caught.value)


# ---- Missing pixels -------------------------------------------------------------------------------------------------


def test_gaps_do_not_change_the_stretch_of_the_rest(tmp_path):
    """One scene without and with gaps of several kinds: the same grey where both have pixels."""
    whole = decibels()
    _, expected, _ = read(write(tmp_path / "a.tif", whole[:, 32:], **POLAR))
    for i, (value, nodata) in enumerate([(-3.4028234663852886e38, -3.4028234663852886e38), (np.nan, None), (0, None)]):
        spoilt = whole.copy()
        spoilt[:, :32] = value
        image, grey, missing = read(write(tmp_path / f"{i}.tif", spoilt, nodata=nodata, **POLAR))
        np.testing.assert_array_equal(grey[:, 32:], expected)
        assert missing[:, :32].all()
        assert image.missing == 32 * SIDE


def test_the_border_that_snap_leaves_is_not_available_and_said(tmp_path):
    border = np.add.outer(np.arange(SIDE), np.arange(SIDE)) < 70
    pixels = np.where(border, 0, decibels()).astype(np.float32)
    pixels[100, 100] = 0  # a zero inside is a number
    image, grey, missing = read(write(tmp_path / "a.tif", pixels, **POLAR))
    np.testing.assert_array_equal(missing, border)
    assert grey[100, 100] == 255  # 0 dB, brighter than all
    assert any("zeros connected to the border" in note for note in image.notes)
    taken, _, missing = read(tmp_path / "a.tif", Options(no_data="none"))
    assert not missing.any()
    assert taken.stretch[1] == pytest.approx(1.0)  # 0 dB: what the border does to the stretch


def test_sea_level_is_no_border(tmp_path):
    heights = np.maximum(0, np.arange(SIDE * SIDE).reshape(SIDE, SIDE) - 8000).astype(np.int16)
    image, _, missing = read(write(tmp_path / "a.tif", heights), role="elevation")
    assert not missing.any()
    assert image.radiometry is None


def test_an_8_bit_no_data_value_is_black_and_counted(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 200, (SIDE, SIDE), np.uint8)
    pixels[:, :50] = 255
    _, grey, missing = read(write(tmp_path / "a.tif", pixels, nodata=255))
    assert missing.sum() == 50 * SIDE
    np.testing.assert_array_equal(grey[:, 50:], pixels[:, 50:])


def test_no_data_that_the_file_does_not_name_is_asked_about(tmp_path):
    pixels = decibels()
    pixels[:20] = -9999
    path = write(tmp_path / "a.tif", pixels)
    message = refusal(path)
    assert message.startswith("-9999 fills 16% and lies far outside the rest (-26.")
    assert "add --nodata -9999, else --nodata none" in message
    image, _, missing = read(path, Options(no_data=-9999.0))
    assert missing[:20].all()
    assert image.missing == 20 * SIDE
    assert image.stretch[0] > 10 ** (-26 / 20)


def test_a_scene_that_is_nearly_empty_is_named(tmp_path):
    pixels = np.full((SIDE, SIDE), np.nan, np.float32)
    pixels[:6] = decibels()[:6]
    image, _, _ = read(write(tmp_path / "a.tif", pixels))
    assert "warning: sar: less than 5% of the pixels are available" in image.notes


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_a_constant_band_is_refused(tmp_path, dtype):
    assert refusal(write(tmp_path / "a.tif", np.full((9, 9), 3, dtype))).startswith("every pixel is 3 (a damaged or")


def test_a_constant_8_bit_image_is_named(tmp_path):
    image, grey, _ = read(write(tmp_path / "a.tif", np.full((9, 9), 3, np.uint8)))
    assert image.notes == ("warning: sar: every pixel has the same grey value",)
    assert (grey == 3).all()


@given(hnp.arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14))))
@settings(derandomize=True, max_examples=80, deadline=None)
def test_the_border_of_zeros_is_what_labels_find(zero):
    labels, _ = ndimage.label(zero)
    edge = {*labels[0], *labels[-1], *labels[:, 0], *labels[:, -1]} - {0}
    expected = np.isin(labels, list(edge))
    found = gaps.zero_border(zero)
    if expected.sum() >= 64:
        np.testing.assert_array_equal(found, expected)
    else:
        assert found is None


# ---- Radiometry -----------------------------------------------------------------------------------------------------


def test_one_surface_as_power_amplitude_and_decibels_is_one_image(tmp_path):
    power = speckle(2)
    greys = {}
    for kind, pixels in {"power": power, "amplitude": np.sqrt(power), "db": 10 * np.log10(power)}.items():
        image, greys[kind], _ = read(write(tmp_path / f"{kind}.tif", pixels))
        assert image.radiometry.kind == kind
        assert image.stretch == pytest.approx(np.percentile(np.sqrt(power.astype(float)), (2, 98)), rel=1e-5)
    for grey in greys.values():
        assert np.abs(grey.astype(int) - greys["amplitude"]).max() <= 1


@pytest.mark.parametrize(("looks", "scale"), [(1, 1), (2, 1), (1, 1e6)])
def test_speckle_tells_power_of_few_looks_from_amplitude(looks, scale):
    power = speckle(looks).ravel().astype(float) * scale
    assert radiometry.classify(power, False, ()).kind == "power"
    found = radiometry.classify(np.sqrt(power), False, ())
    assert (found.kind, found.certain) == ("amplitude", False)
    assert found.reason.startswith("skewness 0.")


def test_amplitude_of_dark_and_bright_zones_is_called_a_guess():
    tones = np.repeat([0.08, 0.3, 0.6], [20_000, 60_000, 20_000])
    amplitude = tones * np.sqrt(np.random.default_rng(0).exponential(1, len(tones)))
    assert "a guess: name it with --radiometry" in radiometry.classify(amplitude, False, ()).reason
    assert "guess" not in radiometry.classify(amplitude**2, False, ()).reason


@pytest.mark.parametrize(
    ("text", "kind"),
    [("dB", "db"), ("Sigma0_VV_db", "db"), ("Intensity_VH", "power"), ("Amplitude_VV", "amplitude"), ("debit", None)],
)
def test_the_word_of_the_file_counts_more_than_its_numbers(text, kind):
    sample = 20 * (speckle(1).ravel().astype(float) + 1)
    found = radiometry.classify(sample, False, [text])
    assert found.kind == (kind or "power")
    assert found.certain == (kind is not None)


def test_whole_numbers_are_amplitudes_unless_they_are_scaled_decibels(tmp_path):
    numbers = (decibels() * 100).astype(np.int16)
    with rasterio.open(write(tmp_path / "a.tif", numbers), "r+") as target:
        target.scales = (0.01,)
    image, _, _ = read(tmp_path / "a.tif")
    assert image.radiometry.kind == "db"
    assert image.stretch[1] == pytest.approx(10 ** (np.percentile(numbers / 100, 98) / 20), rel=1e-3)
    image, _, _ = read(write(tmp_path / "b.tif", np.arange(1, SIDE * SIDE + 1).reshape(SIDE, SIDE).astype(np.uint16)))
    assert (image.radiometry.kind, image.radiometry.reason) == ("amplitude", "whole numbers")
    assert "neither power nor amplitude nor decibels" in refusal(write(tmp_path / "c.tif", numbers))


def test_scenes_of_two_kinds_are_asked_about(tmp_path, capsys):
    for name, looks in (("a", 1), ("b", 30)):
        write(tmp_path / f"in/sar/{name}.tif", speckle(looks))
    call = ["folder", "--input", str(tmp_path / "in"), "--output", str(tmp_path / "out"), "--size", "64"]
    assert cli.run(prepare.main, call) == 2
    message = capsys.readouterr().err
    assert "scenes are of two kinds (amplitude: b; power: a): name it with --radiometry" in message
    assert cli.run(prepare.main, [*call, "--radiometry", "power"]) == 0
    assert "sar: taken as linear power (--radiometry); grey is amplitude: all scenes" in capsys.readouterr().out


def test_complex_images_are_refused_with_the_cure(tmp_path):
    for dtype in ("complex64", "complex_int16"):
        pixels = np.ones((9, 9), np.complex64)
        size = {"height": 9, "width": 9, "count": 1, "dtype": dtype}
        with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", **size) as target:
            target.write(pixels, 1)
        assert "Multilook and Terrain-Correction of SNAP" in refusal(tmp_path / "a.tif")


# ---- Limits and bands -----------------------------------------------------------------------------------------------


def test_limits_are_in_the_numbers_of_the_file(tmp_path):
    """0 dB is white, -25 dB black, and amplitude is linear between: -6.02 dB is half of it, less the black."""
    pixels = np.array([[-30, -25, 20 * np.log10(0.5), 0, 3]], np.float32)
    image, grey, _ = read(write(tmp_path / "a.tif", pixels), Options(limits={"": (-25, 0)}))
    black = 10 ** (-25 / 20)
    assert image.stretch == pytest.approx((black, 1))
    assert grey.tolist() == [[0, 0, round(255 * (0.5 - black) / (1 - black)), 255, 255]]


def test_a_stack_names_its_bands(tmp_path):
    bands = np.stack([decibels(i) + i for i in range(4)])
    with rasterio.open(write(tmp_path / "a.tif", bands), "r+") as target:
        target.descriptions = ("VV", "VH", "angle", "mask")
    assert "its bands (1 VV, 2 VH, 3 angle, 4 mask): --band sar=1" in refusal(tmp_path / "a.tif").replace(
        "choose from its bands", "its bands"
    )
    _, expected, _ = read(write(tmp_path / "b.tif", bands[1]))
    for band in (2, "vh"):
        np.testing.assert_array_equal(read(tmp_path / "a.tif", Options(bands={"sar": (band,)}))[1], expected)
    assert "no band 5 (its bands are VV, VH" in refusal(tmp_path / "a.tif", Options(bands={"sar": (5,)}))
    _, colour, _ = read(tmp_path / "a.tif", Options(bands={"optical": (3, 2, 1)}), "optical")
    assert colour.shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize("names", [("VV", "VH"), ("Sigma0_VH_db", "Sigma0_VV_db"), (None, None)])
def test_a_file_of_two_polarisations_fills_two_roles(tmp_path, names):
    bands = np.stack([decibels(), decibels(1) - 7])
    with rasterio.open(write(tmp_path / "in/sar/a.tif", bands), "r+") as target:
        target.descriptions = names
    (source,) = scene_source.find(tmp_path / "in")
    pixels = scene_source.load(source, scene_source.Reading(), scene_source.read(source).images)
    assert pixels.keys() == {"sar_vv", "sar_vh"}
    first = "sar_vh" if names[0] == "Sigma0_VH_db" else "sar_vv"
    np.testing.assert_array_equal(pixels[first], read(write(tmp_path / "b.tif", bands[0]))[1])


def test_grey_saved_as_three_equal_channels_is_grey(tmp_path):
    grey = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE), np.uint8)
    for name in ("a.png", "a.tif"):
        Image.fromarray(np.stack([grey] * 3, axis=-1)).save(tmp_path / name)
        np.testing.assert_array_equal(read(tmp_path / name)[1], grey)
    Image.fromarray(np.stack([grey] * 3, axis=-1)).save(tmp_path / "a.jpg", quality=95)
    found = read(tmp_path / "a.jpg")[1]
    assert found.ndim == 2
    assert np.abs(found.astype(int) - grey).mean() < 12
    Image.fromarray(np.stack([grey, grey, 255 - grey], axis=-1)).save(tmp_path / "b.png")
    assert "3 channel(s), but sar takes one grey channel" in refusal(tmp_path / "b.png")


# ---- Places and masks -----------------------------------------------------------------------------------------------


def scene(folder, shift=0.0, crs="EPSG:3031", **mask):
    write(folder / "sar/a.tif", decibels(), **POLAR)
    moved = POLAR["transform"] @ Affine.translation(shift / 20, 0)
    write(folder / "zones/a.tif", ZONES, **({"crs": crs, "transform": moved} | mask))
    (source,) = scene_source.find(folder)
    return source


def test_a_mask_beside_its_image_is_refused_and_can_be_aligned(tmp_path):
    source = scene(tmp_path, shift=500)
    with pytest.raises(scene_source.BadScene) as caught:
        scene_source.read(source)
    ((text, name),) = caught.value.problems
    assert text == (
        "zones is not on the grid of sar: it lies 500 m beside (origin -2399500, 1200000, not -2400000, 1200000); add "
        "--align, which resamples masks to it"
    )
    assert name == "a"
    picture = scene_source.read(source, scene_source.Reading(align=True))
    np.testing.assert_array_equal(picture.masks["zones"][:, 25:], ZONES[:, :-25])
    assert not picture.masks["zones"][:, :25].any()
    assert picture.facts["bounds"] == (-2.4e6, 1.2e6 - 20 * SIDE, -2.4e6 + 20 * SIDE, 1.2e6)


@pytest.mark.parametrize(("sar_crs", "far"), [("EPSG:3031", "500 m"), (None, "25 pixels")])
def test_a_mask_with_coordinates_and_no_crs_is_compared_as_well(tmp_path, sar_crs, far):
    source = scene(tmp_path, shift=500, crs=None)
    write(tmp_path / "sar/a.tif", decibels(), **POLAR | {"crs": sar_crs})
    with pytest.raises(scene_source.BadScene, match=f"it lies {far} beside .*; give it its CRS, or save it without"):
        scene_source.read(source)
    scene(tmp_path, crs=None)  # in its place
    np.testing.assert_array_equal(scene_source.read(source).masks["zones"], ZONES)
    scene(tmp_path, crs=None, transform=Affine(1, 0, 0, 0, -1, SIDE))  # rows and columns, as a program without maps has
    np.testing.assert_array_equal(scene_source.read(source).masks["zones"], ZONES)


def test_a_mask_with_coordinates_and_no_crs_cannot_be_aligned(tmp_path):
    with pytest.raises(scene_source.BadScene, match="no CRS, without which it cannot be aligned"):
        scene_source.read(scene(tmp_path, shift=500, crs=None), scene_source.Reading(align=True))


def test_a_mask_in_another_projection_or_less_than_half_a_pixel_away(tmp_path):
    with pytest.raises(scene_source.BadScene, match="it has the CRS EPSG:3413, not EPSG:3031"):
        scene_source.read(scene(tmp_path / "a", crs="EPSG:3413"))
    np.testing.assert_array_equal(scene_source.read(scene(tmp_path / "b", shift=9)).masks["zones"], ZONES)


def test_zones_are_not_available_where_the_image_is_not(tmp_path):
    source = scene(tmp_path)
    pixels = decibels()
    pixels[:10] = np.nan
    write(tmp_path / "sar/a.tif", pixels, **POLAR)
    picture = scene_source.read(source)
    assert picture.hidden == 10 * SIDE
    assert not picture.masks["zones"][:10].any()
    np.testing.assert_array_equal(picture.masks["zones"][10:], ZONES[10:])
    np.testing.assert_array_equal(scene_source.load(source, scene_source.Reading(), picture.images)["zones"],
                                  picture.masks["zones"])  # fmt: skip


@pytest.mark.parametrize(
    ("dtype", "gap"),
    [
        *(("int16", -9999), ("int32", -2147483648), ("uint8", 255), ("uint8", 15)),
        *(("float32", np.nan), ("float32", float(np.finfo(np.float32).min))),
    ],
)
def test_no_data_of_masks_that_a_gis_made(tmp_path, dtype, gap):
    numbers = np.select([ZONES == 64, ZONES == 127], [1, 2], 3).astype(dtype)
    numbers[:, :20] = gap
    source = scene(tmp_path)
    write(tmp_path / "zones/a.tif", numbers, nodata=gap, **POLAR)
    classes = ("1=rock", "2=glacier", "3=ocean")
    zones = scene_source.read(source, scene_source.Reading(classes=classes)).masks["zones"]
    assert not zones[:, :20].any()
    np.testing.assert_array_equal(zones[:, 20:], ZONES[:, 20:])


def test_the_users_classes_count_more_than_the_files_no_data(tmp_path):
    numbers = np.where(ZONES == 254, 0, 1).astype(np.uint8)
    source = scene(tmp_path)
    write(tmp_path / "zones/a.tif", numbers, nodata=0, **POLAR)
    zones = scene_source.read(source, scene_source.Reading(classes=("0=ocean", "1=glacier"))).masks["zones"]
    np.testing.assert_array_equal(zones == 254, numbers == 0)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ({"transform": POLAR["transform"] @ Affine.rotation(30)}, "the grid is turned, so its bounds are not kept"),
        ({"gcps": True}, "the place is known by control points (GCPs) alone"),
        ({"crs": "EPSG:4326", "transform": Affine(1e-4, 0, -60, 0, -1e-4, -65)}, "pixels are not square"),
    ],
)
def test_places_that_are_lost_are_said_with_the_line_that_cures_it(tmp_path, what, words):
    if "gcps" in what:
        points = [rasterio.control.GroundControlPoint(row, column, -60 + column / 1e3, -65 - row / 1e3)
                  for row in (0, 99) for column in (0, 99)]  # fmt: skip
        write(tmp_path / "sar/a.tif", decibels(), gcps=points, crs="EPSG:4326")
    else:
        write(tmp_path / "sar/a.tif", decibels(), **{**POLAR, **what})
    picture = scene_source.read(scene_source.find(tmp_path)[0])
    (note,) = [note for note in picture.notes if words in note]
    assert "gdalwarp" in note
    assert ("bounds" in picture.facts) == ("square" in words)


def test_large_scenes_are_sampled_evenly(tmp_path, monkeypatch):
    pixels = np.sqrt(speckle(1))
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels)
    whole, grey, _ = read(path)
    monkeypatch.setattr(brightness, "SAMPLE", 1000)
    sampled, again, _ = read(path)
    flat = pixels.ravel()[:: -(-SIDE * SIDE // 1000)].astype(float)
    assert sampled.stretch == pytest.approx(np.percentile(flat, (2, 98)))
    assert sampled.stretch == pytest.approx(whole.stretch, rel=0.2)
    assert np.abs(again.astype(int) - grey).mean() < 12


@pytest.mark.parametrize(
    ("to", "text", "options", "problem"),
    [
        (lambda db: db, "Intensity_VV", {}, "the file says Intensity, but 100% of its numbers are negative"),
        (lambda db: db, "Amplitude_VV", {}, "the file says Amplitude, but 100% of its numbers are negative"),
        (lambda db: db, "", {"radiometry": "power"}, "--radiometry power, but 100% of its numbers are negative"),
        (lambda db: 10 ** (db / 10), "Sigma0_VV_db", {}, "the file says db, but its numbers are 0.00"),
    ],
)
def test_words_that_the_numbers_contradict_are_refused(tmp_path, to, text, options, problem):
    path = write(tmp_path / "a.tif", to(decibels()))
    with rasterio.open(path, "r+") as target:
        target.set_band_description(1, text)
    message = refusal(path, Options(**options))
    assert problem in message
    assert "say what they are with --radiometry" in message


def test_whole_numbers_with_a_scale_are_judged_by_what_they_mean(tmp_path):
    power = speckle(1)
    path = write(tmp_path / "a.tif", np.rint(power * 1e4).astype(np.uint16))
    with rasterio.open(path, "r+") as target:
        target.scales = [1e-4]
    assert read(path)[0].radiometry.kind == "power"


def test_nan_as_no_data_does_not_make_a_border_of_zeros_measured(tmp_path):
    pixels = decibels()
    pixels[:20] = 0
    image, _, missing = read(write(tmp_path / "a.tif", pixels, nodata=np.nan))
    assert missing[:20].all()
    assert image.missing == 20 * SIDE
