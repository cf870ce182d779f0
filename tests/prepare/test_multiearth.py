"""`prepare multiearth`: names, pairs, stretches, clouds, splits, interruptions, and what is refused in which words."""

import json
import warnings
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from rasterio import Affine
from rasterio.crs import CRS

from pix2pix_tf import prepare
from pix2pix_tf.data import tiling
from pix2pix_tf.data.cloud_filter import unscored, without_clouds
from pix2pix_tf.data.dataset import Pairing
from pix2pix_tf.data.io import images, raster
from pix2pix_tf.data.io.grid import Grid
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.prepare.multiearth import build, files, pictures
from pix2pix_tf.prepare.multiearth.pictures import CLOUD_BITS, Stretching
from pix2pix_tf.prepare.stretch import raw_values
from pix2pix_tf.utils import cli
from tests.helpers import Interrupted, refused, tree

REAL = Path(__file__).parents[2].parent / "shared/data/multiearth"
SIZE = 32
ROLES = ("sar_vv", "sar_vh", "optical")
HERE, THERE = "-55.20_-4.39", "-54.00_3.50"


def put(root, sensor, place, date, shape=(SIZE, SIZE), seed=0, **bands):
    """Write a picture's bands, made up or given; None leaves a band out."""
    rng = np.random.default_rng([seed, *f"{sensor}{place}{date}".encode()])
    root.mkdir(parents=True, exist_ok=True)
    for band in ("VV", "VH") if sensor == "Sentinel1" else ("B4", "B3", "B2"):
        if sensor == "Sentinel1":
            pixels = rng.uniform(-30, 0, shape).astype(np.float32)
        else:
            pixels = rng.integers(1, 4000, shape, dtype=np.uint16)
        bands.setdefault(band, pixels)
    for band, pixels in bands.items():
        if pixels is not None:
            tifffile.imwrite(root / f"{sensor}_{band}_{place}_{date}.tiff", pixels)
    return bands


def qa60(share, bit=10, shape=(SIZE, SIZE)):
    """A mask of which that share is cloud; the other bits mean something else."""
    mask = np.full(shape, 3, np.uint16)
    mask.ravel()[: round(share * mask.size)] |= 1 << bit
    return mask


@pytest.fixture
def raw(tmp_path):
    """Two places: here two SAR images, with two and one targets; there one with one. One target has no mask."""
    root = tmp_path / "raw"
    put(root / "a", "Sentinel1", HERE, "2019_06_08")
    put(root / "a", "Sentinel1", HERE, "2019_06_20")
    put(root / "b", "Sentinel2", HERE, "2019_06_06", QA60=qa60(0.25))
    put(root / "b", "Sentinel2", HERE, "2019_06_11", QA60=qa60(0.5, bit=11))
    put(root / "b", "Sentinel2", HERE, "2019_06_21")
    put(root, "Sentinel1", THERE, "2021_01_01")
    put(root, "Sentinel2", THERE, "2021_01_08", QA60=qa60(0))
    return root


def make(source, output, *options):
    """The command, inside this process; its exit code."""
    call = ["multiearth", "--input", str(source), "--output", str(output), "--size", str(SIZE), *options]
    return cli.run(prepare.main, call)


def band_of(root, name):
    return tifffile.imread(next(root.rglob(name)))


# ---- Names and pairs ------------------------------------------------------------------------------------------------


def test_names_tell_sensor_place_and_day(raw):
    sar, optical = files.find(raw)
    assert [picture.name for picture in sar] == [f"{THERE}_2021-01-01_S1"] + [
        f"{HERE}_2019-06-{day}_S1" for day in ("08", "20")
    ]
    assert optical[1].paths.keys() == {"B4", "B3", "B2", "QA60"}
    assert optical[1].place == HERE and str(optical[1].date) == "2019-06-06"


def test_a_target_goes_to_the_nearest_sar_image_and_the_earlier_of_two(tmp_path):
    for day in ("01", "11"):
        put(tmp_path, "Sentinel1", HERE, f"2020_03_{day}")
    for day in ("02", "06", "07", "19"):
        put(tmp_path, "Sentinel2", HERE, f"2020_03_{day}")
    put(tmp_path, "Sentinel2", THERE, "2020_03_01")
    pairs = files.pair(*files.find(tmp_path), 7)
    assert [(pair.optical.date.day, pair.sar.date.day, pair.days) for pair in pairs] == [
        (2, 1, 1), (6, 1, 5), (7, 11, 4),
    ]  # fmt: skip
    assert len(files.pair(*files.find(tmp_path), 8)) == 4


def test_days_count_over_the_end_of_a_year(tmp_path):
    put(tmp_path, "Sentinel1", HERE, "2019_12_29")
    put(tmp_path, "Sentinel2", HERE, "2020_01_04")
    (pair,) = files.pair(*files.find(tmp_path), 7)
    assert pair.days == 6


# ---- What is made ---------------------------------------------------------------------------------------------------


def test_samples_are_targets_and_inputs_are_stored_once(raw, tmp_path, capsys):
    assert make(raw, tmp_path / "out", "--seed", "1") == 0
    found = load_dataset(tmp_path / "out", ROLES)
    assert found.stems == {
        "train": tuple(f"{HERE}_2019-06-{day}_S2" for day in ("06", "11", "21")),
        "val": (f"{THERE}_2021-01-08_S2",),
    }
    assert sorted(path.stem for path in (tmp_path / "out/train/sar_vh").iterdir()) == [
        f"{HERE}_2019-06-08_S1", f"{HERE}_2019-06-20_S1",
    ]  # fmt: skip
    assert found.pairs[f"{HERE}_2019-06-06_S2"] == Pairing(f"{HERE}_2019-06-08_S1", 0.25)
    assert found.pairs[f"{HERE}_2019-06-21_S2"] == Pairing(f"{HERE}_2019-06-20_S1", None)
    scene = found.scenes[f"{HERE}_2019-06-11_S2"]
    assert (scene.glacier, scene.date, scene.sensor, scene.cloud) == (HERE, "2019-06-11", "Sentinel2", 0.5)
    assert (found.origin, found.bits) == ("real", dict.fromkeys(ROLES, 8))
    out = capsys.readouterr().out
    assert "3 SAR images and 4 optical targets, places: 2; patches of 32 x 32 pixels: sar_vv, sar_vh, optical" in out
    lines = [line.split() for line in out.splitlines() if line.startswith(("train", "val"))]
    assert lines == [["train", "1", "2", "3"], ["val", "1", "1", "1"]]
    assert "days between target and input: 1 (1 x), 2 (1 x), 3 (1 x), 7 (1 x)" in out
    assert "QA60 gives the share of cloud of 3 targets; 2 have more than 10%" in out
    assert "the share of cloud of 1 targets is not known" in out and "score-clouds" in out
    assert f"next: python train.py --variant sar2optical --data {tmp_path / 'out'}" in out


@pytest.mark.parametrize("depth", [8, 16])
def test_grey_reads_as_raw_values_again(raw, tmp_path, depth):
    assert make(raw, tmp_path / "out", "--depth", str(depth)) == 0
    found = load_dataset(tmp_path / "out", ROLES)
    assert found.bits == dict.fromkeys(ROLES, depth)
    for sensor, bands, role, date in (
        ("Sentinel1", ["VV"], "sar_vv", "2019-06-08"),
        ("Sentinel2", ["B4", "B3", "B2"], "optical", "2019-06-06"),
    ):
        stem = f"{HERE}_{date}_S{sensor[-1]}"
        split = found.scenes[stem].split
        grey = images.read_png(tmp_path / "out" / split / role / f"{stem}.png")
        limits = found.scenes[stem].stretch[role]
        raws = [band_of(raw, f"{sensor}_{band}_{HERE}_{date.replace('-', '_')}.tiff") for band in bands]
        for place, band in enumerate(raws):
            low, high = limits[2 * place : 2 * place + 2]
            assert (low, high) == pytest.approx(np.percentile(band.astype(float), (2, 98)))
            back = raw_values(grey, limits) if len(raws) == 1 else raw_values(grey, limits)[..., place]
            step = (high - low) / (2**depth - 1)
            assert np.abs(back - np.clip(band.astype(float), low, high)).max() <= step / 2 + 1e-9


def test_limits_are_the_same_for_all_and_none_keeps_the_integers(raw, tmp_path, capsys):
    options = ["--cut", "none", "--limits", "sar_vv", "-25", "0", "sar_vh", "-32", "-5", "--depth", "16"]
    assert make(raw, tmp_path / "out", *options) == 0
    found = load_dataset(tmp_path / "out", ROLES)
    assert found.scenes[f"{HERE}_2019-06-08_S1"].stretch == {"sar_vv": (-25.0, 0.0), "sar_vh": (-32.0, -5.0)}
    assert found.scenes[f"{HERE}_2019-06-06_S2"].stretch is None
    optical = images.read_png(next((tmp_path / "out").glob(f"*/optical/{HERE}_2019-06-06_S2.png")))
    np.testing.assert_array_equal(optical[..., 2], band_of(raw, f"Sentinel2_B2_{HERE}_2019_06_06.tiff"))
    out = capsys.readouterr().out
    assert "sar_vh: stretched to 16 bit, -32 became black and -5 white" in out
    assert "optical: kept as it is, 16 bit" in out


def test_larger_pictures_are_cut_and_each_patch_has_its_own_cloud(tmp_path):
    mask = np.zeros((40, 64), np.uint16)
    mask[:, 32:48] = 1 << 10
    mask[32:, 32:] |= 1 << 11
    for place in (HERE, THERE):
        put(tmp_path / "in", "Sentinel1", place, "2020_01_01", (40, 64))
        bands = put(tmp_path / "in", "Sentinel2", place, "2020_01_02", (40, 64), QA60=mask)
    assert make(tmp_path / "in", tmp_path / "out", "--cut", "0", "100", "--val", "0.5") == 0
    found = load_dataset(tmp_path / "out", ROLES)
    split = found.scenes[f"{THERE}_2020-01-02_S2"].split
    stems = found.stems[split]
    assert [stem.split("__")[1] for stem in stems] == [
        "y00000_x00000",
        "y00000_x00032",
        "y00032_x00000",
        "y00032_x00032",
    ]
    assert [found.pairs[stem].cloud for stem in stems] == [0, 0.5, 0, 1]
    assert [found.pairs[stem].input for stem in stems] == [stem.replace("01-02_S2", "01-01_S1") for stem in stems]
    pieces = [
        (row, column, images.read_png(found.path(split, "optical", stem)))
        for stem, (row, column) in zip(stems, ((0, 0), (0, 32), (32, 0), (32, 32)), strict=True)
    ]
    whole = tiling.join(pieces, 40, 64)
    scene = found.scenes[f"{THERE}_2020-01-02_S2"]
    step = (scene.stretch["optical"][1] - scene.stretch["optical"][0]) / 255
    assert np.abs(raw_values(whole, scene.stretch["optical"])[..., 0] - bands["B4"]).max() <= step / 2 + 1e-9
    assert (scene.padding, scene.cloud) == ((24, 0), pytest.approx((40 * 16 + 8 * 16) / (40 * 64)))


def test_what_was_not_measured_is_black_and_counted(tmp_path, capsys):
    dark = np.full((SIZE, SIZE), 50, np.uint16)
    dark[3:] = np.arange(29)[:, None] + 51
    dark[0, :5] = 0
    holes = np.random.default_rng(0).uniform(-20, -10, (SIZE, SIZE)).astype(np.float32)
    holes[1, :3] = np.nan, np.inf, 0
    for place in (HERE, THERE):
        put(tmp_path / "in", "Sentinel1", place, "2020_01_01", VV=holes)
        put(tmp_path / "in", "Sentinel2", place, "2020_01_02", B4=dark)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert make(tmp_path / "in", tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "16 pixels were NaN, infinite, zero-filled or no data and became 0" in out
    optical = images.read_png(next((tmp_path / "out").glob("*/optical/*.png")))
    assert not optical[0, :5, 0].any()
    sar = images.read_png(next((tmp_path / "out").glob("*/sar_vv/*.png")))
    assert not sar[1, :3].any()


def test_masks_that_are_blank_throughout_are_not_believed(tmp_path, capsys):
    for place in (HERE, THERE):
        put(tmp_path / "in", "Sentinel1", place, "2020_01_01")
        put(tmp_path / "in", "Sentinel2", place, "2020_01_02", QA60=qa60(0))
    assert make(tmp_path / "in", tmp_path / "out") == 0
    assert "QA60 marks no cloud in any of 2 pictures. That counts as a mask that was never filled" in (
        capsys.readouterr().out
    )
    found = load_dataset(tmp_path / "out", ROLES)
    assert len(unscored(found, found.pairs)) == 2
    assert all(scene.cloud is None for scene in found.scenes.values())


def test_the_filter_takes_what_the_masks_say(raw, tmp_path):
    (raw / f"b/Sentinel2_B4_{HERE}_2019_06_21.tiff").unlink()  # it has no mask
    assert make(raw, tmp_path / "out", "--seed", "1") == 0
    found = without_clouds(load_dataset(tmp_path / "out", ROLES), 0.25)
    assert found.stems["train"] == (f"{HERE}_2019-06-06_S2",)


# ---- Splits, interruptions ------------------------------------------------------------------------------------------


def places(tmp_path, count=6):
    """Place with two SAR images of two patches each; the first of them with two targets, the other with one."""
    for number in range(count):
        place = f"{number}.00_0.00"
        for day in ("01", "20"):
            put(tmp_path / "in", "Sentinel1", place, f"2020_01_{day}", (SIZE, 2 * SIZE))
        for day in ("02", "03", "21"):
            put(tmp_path / "in", "Sentinel2", place, f"2020_01_{day}", (SIZE, 2 * SIZE))
    return tmp_path / "in"


def test_places_are_never_on_both_sides(tmp_path):
    assert make(places(tmp_path), tmp_path / "out", "--val", "0.3") == 0
    found = load_dataset(tmp_path / "out", ROLES)
    train, val = ({found.scenes[stem.split("__")[0]].glacier for stem in stems} for stems in found.stems.values())
    assert len(train) == 4 and len(val) == 2 and not train & val
    assert {scene.split for scene in found.scenes.values()} == {"train", "val"}


def test_random_deals_patches_of_sar_images_with_their_targets(tmp_path):
    source = places(tmp_path)
    for seed in ("0", "1"):
        assert make(source, tmp_path / seed, "--val", "0.3", "--split", "random", "--seed", seed) == 0
    found, other = (load_dataset(tmp_path / seed, ROLES) for seed in "01")
    assert found.stems != other.stems
    train, val = ({found.pairs[stem].input for stem in stems} for stems in found.stems.values())
    assert not train & val and len(train | val) == 24
    assert any(scene.split == "mixed" for scene in found.scenes.values())


def test_an_interrupted_command_goes_on_and_makes_the_same(raw, tmp_path, monkeypatch, capsys):
    assert make(raw, tmp_path / "whole/set") == 0
    written = Interrupted(monkeypatch, dataset_writer, "write", after=5)
    assert make(raw, tmp_path / "cut/set") == 130
    assert not (tmp_path / "cut/set/dataset.json").exists()
    written.resume()
    assert make(raw, tmp_path / "cut/set") == 0
    assert len(written) == 10  # nothing twice: three SAR images of two roles, four targets
    assert tree(tmp_path / "cut/set") == tree(tmp_path / "whole/set")
    assert make(raw, tmp_path / "cut/set") == 0
    assert "is finished already" in capsys.readouterr().out
    assert make(raw, tmp_path / "cut/set", "--depth", "16") == 2
    assert "depth: 8 -> 16" in capsys.readouterr().err


def test_one_picture_is_in_memory_at_a_time(raw, tmp_path, monkeypatch):
    class Watched(np.ndarray):
        __hash__ = object.__hash__

    alive, most, real = weakref.WeakSet(), [], pictures.stretch

    def watching(*arguments):
        most.append(len(alive))
        grey, *rest = real(*arguments)
        grey = grey.view(Watched)
        alive.add(grey)
        return grey, *rest

    monkeypatch.setattr(pictures, "stretch", watching)
    assert make(raw, tmp_path / "out") == 0
    assert len(most) == 20  # each of ten files once for the survey, once for the writing
    assert max(most) <= 3  # the roles of one picture, and one that is about to go


# ---- What is refused ------------------------------------------------------------------------------------------------


def spoil(root, band, date, change, sensor="Sentinel2", place=HERE):
    path = next(root.rglob(f"{sensor}_{band}_{place}_{date}.tiff"))
    change(path)


def rewrite(**how):
    return lambda path: tifffile.imwrite(path, **how)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda root: spoil(root, "B3", "2019_06_06", rewrite(data=np.ones((16, 32), np.uint16))),
            [f"{HERE}_2019-06-06_S2: its bands differ in size: B2 32 x 32, B3 32 x 16, B4 32 x 32, QA60"],
        ),
        (
            lambda root: put(root / "a", "Sentinel1", HERE, "2019_06_20", (40, 40)),
            [f"{HERE}_2019-06-21_S2: 32 x 32 pixels, but its SAR image {HERE}_2019-06-20_S1 has 40 x 40"],
        ),
        (
            lambda root: spoil(root, "B2", "2019_06_11", rewrite(data=np.full((SIZE, SIZE), 7, np.uint16))),
            ["B2 is 7 everywhere, which leaves the stretch no range", f"Sentinel2_B2_{HERE}_2019_06_11.tiff"],
        ),
        (
            lambda root: spoil(root, "B2", "2019_06_11", rewrite(data=np.zeros((SIZE, SIZE), np.uint16))),
            ["no finite pixel"],
        ),
        (
            lambda root: spoil(root, "B4", "2019_06_06", lambda path: path.write_bytes(path.read_bytes()[:900])),
            [f"Sentinel2_B4_{HERE}_2019_06_06.tiff: not a whole TIFF"],
        ),
        (
            lambda root: spoil(root, "B4", "2019_06_06", rewrite(data=np.ones((SIZE, SIZE, 3), np.uint16))),
            [f"Sentinel2_B4_{HERE}_2019_06_06.tiff: 3 bands (save one band a file)"],
        ),
        (
            lambda root: spoil(root, "QA60", "2019_06_06", rewrite(data=np.ones((SIZE, SIZE), np.float32))),
            ["float32 numbers, but a cloud mask holds bits"],
        ),
    ],
)  # fmt: skip
def test_bad_files(raw, tmp_path, capsys, change, words):
    change(raw)
    message = refused(capsys, make, raw, tmp_path / "out")
    assert message.startswith("error: The pictures in ")
    assert all(word in message for word in words), message


def test_all_that_is_wrong_is_said_in_one_message(raw, tmp_path, capsys):
    spoil(raw, "B3", "2019_06_06", lambda path: path.write_bytes(b""))
    spoil(raw, "VV", "2019_06_08", lambda path: path.write_bytes(b"II*\0"), sensor="Sentinel1")
    spoil(raw, "B2", "2021_01_08", rewrite(data=np.full((SIZE, SIZE), 7, np.uint16)), place=THERE)
    message = refused(capsys, make, raw, tmp_path / "out")
    assert message.count("not a whole TIFF") == 2
    assert "B2 is 7 everywhere" in message


def test_names_that_do_not_parse_and_files_that_are_there_twice(raw, tmp_path, capsys):
    (raw / "Sentinel2_B4_somewhere.tiff").write_bytes(b"")
    (raw / f"Sentinel2_B4_{HERE}_2019_02_30.tiff").write_bytes(b"")
    (raw / f"b/Sentinel1_VV_{HERE}_2019_06_08.tiff").write_bytes(b"")
    message = refused(capsys, make, raw, tmp_path / "out")
    assert f"Sentinel2_B4_{HERE}_2019_02_30.tiff, Sentinel2_B4_somewhere.tiff: the name does not follow" in message
    assert f"there is {raw}/a/Sentinel1_VV_{HERE}_2019_06_08.tiff too (keep one of them)" in message


def test_other_sensors_bands_and_files_are_counted(raw, tmp_path, capsys):
    put(raw, "Landsat8", HERE, "2019_06_06", B4=None, B3=None, B2=None, SR1=np.zeros((2, 2)), SR2=np.zeros((2, 2)))
    put(raw, "Sentinel2", HERE, "2019_06_06", B4=None, B3=None, B2=None, B1=np.zeros((2, 2)))
    (raw / f"Landsat5_SR_B1_{HERE}_1988_08_14.tiff").write_bytes(b"")  # other sensors have names of their own
    (raw / "LICENSE").write_text("MIT")
    (raw / ".hidden.tiff").write_bytes(b"")
    assert make(raw, tmp_path / "out") == 0
    assert f"{raw}: not needed: 1 x Landsat5, 2 x Landsat8, 1 x Sentinel2 B1, 1 x no suffix" in capsys.readouterr().out


def test_a_date_that_lacks_a_band_is_left_out_and_said(raw, tmp_path, capsys):
    (raw / f"a/Sentinel1_VH_{HERE}_2019_06_20.tiff").unlink()
    (raw / f"b/Sentinel2_B4_{HERE}_2019_06_11.tiff").unlink()
    assert make(raw, tmp_path / "out", "--days", "20") == 0
    out = capsys.readouterr().out
    assert f"a band is missing: {HERE}_2019-06-20_S1 lacks VH, {HERE}_2019-06-11_S2 lacks B4" in out
    assert load_dataset(tmp_path / "out", ROLES).pairs[f"{HERE}_2019-06-21_S2"].input == f"{HERE}_2019-06-08_S1"


def test_pictures_without_a_partner_are_left_out_and_said(raw, tmp_path, capsys):
    put(raw, "Sentinel2", HERE, "2020_06_06")
    put(raw, "Sentinel2", "1.0_1.0", "2020_06_06")
    put(raw, "Sentinel1", HERE, "2020_01_01")
    assert make(raw, tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "1 of 4 SAR images are not the nearest of any optical picture within 7 days" in out
    assert "2 of 6 optical pictures have no SAR image of their place within 7 days" in out


def test_nothing_left(raw, tmp_path, capsys):
    message = refused(capsys, make, raw, tmp_path / "out", "--days", "0")
    assert "No optical picture was taken within 0 days" in message and "Give --days 1 or more" in message
    for path in raw.rglob("Sentinel1_VH_*"):
        path.unlink()
    message = refused(capsys, make, raw, tmp_path / "out")
    assert "has no Sentinel1 picture with all of VV, VH" in message and "lacks VH" in message
    put(tmp_path / "apart", "Sentinel1", HERE, "2020_01_01")
    put(tmp_path / "apart", "Sentinel2", THERE, "2020_01_01")
    assert "No place has both" in refused(capsys, make, tmp_path / "apart", tmp_path / "out")
    assert "There is no folder" in refused(capsys, make, tmp_path / "gone", tmp_path / "out")


def test_one_place_cannot_be_divided_but_at_random(tmp_path, capsys):
    for day in ("01", "20"):
        put(tmp_path / "in", "Sentinel1", HERE, f"2020_01_{day}")
        put(tmp_path / "in", "Sentinel2", HERE, f"2020_01_{day}")
    message = refused(capsys, make, tmp_path / "in", tmp_path / "out")
    assert "--split place needs two places" in message and "choose --split random" in message
    assert make(tmp_path / "in", tmp_path / "out", "--split", "random") == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--cut", "none"], "float32 numbers, which no PNG holds as they are (leave out --cut none, or give --limits"),
        (["--cut", "98", "2"], "--cut 98.0 2.0"),
        (["--cut", "x"], "--cut x: give two percentiles"),
        (["--limits", "sar_vv", "-25"], "--limits sar_vv -25: give a role and two numbers"),
        (["--limits", "sar_vx", "-25", "0"], "Did you mean 'sar_vv'?"),
        (["--limits", "sar_vv", "0", "-25"], "--limits sar_vv 0 -25 must be two rising numbers"),
        (["--limits", "sar_vv", "nan", "0"], "must be two rising numbers"),
        (["--days", "-1"], "--days -1"),
        (["--val", "1"], "--val 1.0"),
        (["--seed", "-1"], "--seed -1"),
    ],
)  # fmt: skip
def test_bad_options(raw, tmp_path, capsys, options, words):
    assert words in refused(capsys, make, raw, tmp_path / "out", *options)


def test_mixed_depths_are_refused_where_they_are_kept(raw, tmp_path, capsys):
    eight = {band: np.full((SIZE, SIZE), 9, np.uint8) for band in ("B4", "B3", "B2")}
    put(raw / "b", "Sentinel2", HERE, "2019_06_11", **eight)
    options = ["--cut", "none", "--limits", "sar_vv", "-25", "0", "sar_vh", "-32", "-5"]
    message = refused(capsys, make, raw, tmp_path / "out", *options)
    assert f"{HERE}_2019-06-11_S2: 8 bit, but" in message and "has 16 (leave out --cut none)" in message


def test_the_output_must_not_lie_in_the_input(raw, capsys):
    assert "lies inside --input" in refused(capsys, make, raw, raw / "out")


# ---- Real files -----------------------------------------------------------------------------------------------------

real = pytest.mark.skipif(not REAL.is_dir(), reason="the real pictures are not here")


@real
def test_real_pictures(tmp_path, capsys):
    assert make(REAL, tmp_path / "out", "--size", "256") == 2
    assert "--split place needs two places at least that have pairs, and there is 1" in capsys.readouterr().err
    assert make(REAL, tmp_path / "out", "--size", "256", "--split", "random", "--depth", "16") == 0
    found = load_dataset(tmp_path / "out", ROLES)
    assert {stem: row.input for stem, row in found.pairs.items()} == {
        f"{HERE}_2019-06-06_S2": f"{HERE}_2019-06-08_S1",
        f"{HERE}_2019-06-11_S2": f"{HERE}_2019-06-08_S1",
        f"{HERE}_2019-07-01_S2": f"{HERE}_2019-07-02_S1",
    }
    out = capsys.readouterr().out
    assert "10 of 13 optical pictures have no SAR image" in out
    assert "QA60 marks no cloud in any of 3 pictures" in out  # though the first of them is half cloud
    assert json.loads((tmp_path / "out/prepare.json").read_text())["input"].startswith("16 files")


@real
def test_real_decibels_come_back_to_half_a_step():
    sar, _ = files.find(REAL)
    for picture in sar:
        contents = pictures.read(picture, Stretching(depth=16))
        assert contents.not_measured == 0 and contents.cloud is None
        for role, band in (("sar_vv", "VV"), ("sar_vh", "VH")):
            raw = tifffile.imread(picture.paths[band]).astype(float)
            low, high = contents.stretch[role]
            assert -30 < low < high < 0
            back = raw_values(contents.pixels[role], contents.stretch[role])
            assert np.abs(back - np.clip(raw, low, high)).max() <= (high - low) / 65535 / 2 + 1e-9


def test_cloud_bits_are_those_of_sentinel_2():
    assert CLOUD_BITS == 0b1100_0000_0000
    assert build.ROLES == ["sar_vv", "sar_vh", "optical"]


# ---- Places, scales and doubt ---------------------------------------------------------------------------------------


@pytest.fixture
def placed(tmp_path):
    """One place with georeferenced bands; a function that writes one of them again."""
    grid = Grid(SIZE, SIZE, Affine(1e-4, 0, -55.2, 0, -1e-4, -4.39), CRS.from_epsg(4326))
    names = {}
    for sensor in ("Sentinel1", "Sentinel2"):
        for band, pixels in put(tmp_path / "raw", sensor, HERE, "2020_01_01").items():
            names[band] = tmp_path / "raw" / f"{sensor}_{band}_{HERE}_2020_01_01.tiff", pixels

    def again(*bands, columns=0, change=lambda pixels: pixels, scaling=(1, 0)):
        for band in bands:
            path, pixels = names[band]
            moved = replace(grid, transform=grid.transform @ Affine.translation(columns, 0))
            raster.write_geotiff(path, change(pixels), moved)
            with rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as target:
                target.scales, target.offsets = scaling[:1], scaling[1:]

    again(*names)
    return tmp_path / "raw", again


@pytest.mark.parametrize(("bands", "text"), [(["VH"], "the picture's other bands"), (["B4", "B3", "B2"], "SAR image")])
def test_bands_and_pairs_of_another_place_are_refused(placed, capsys, bands, text):
    root, again = placed
    again(*bands, columns=20)
    assert make(root, root.parent / "out") == 2
    message = capsys.readouterr().err
    assert text in message and "not on the grid" in message and "m beside" in message
    assert not (root.parent / "out").exists()


def test_scale_and_offset_of_a_band_count(placed):
    root, again = placed
    (sar,), _ = files.find(root)
    expected = pictures.read(sar, Stretching(limits={"sar_vv": (-25, 0)}))
    again("VV", change=lambda db: np.rint((db + 50) * 1000).astype(np.uint16), scaling=(1e-3, -50))
    found = pictures.read(sar, Stretching(limits={"sar_vv": (-25, 0)}))
    apart = found.pixels["sar_vv"].astype(int) - expected.pixels["sar_vv"]
    assert np.abs(apart).max() <= 1


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda db: np.where(np.eye(*db.shape, k=1) + np.eye(*db.shape) > 0, -9999, db), "-9999 fills 6% of VV"),
        (lambda db: 10 ** (db / 10), "VV has no negative number, so it is not in decibels"),
    ],
)
def test_numbers_in_doubt_are_refused(placed, capsys, change, text):
    root, again = placed
    again("VV", change=lambda db: change(db).astype(np.float32))
    assert make(root, root.parent / "out") == 2
    assert text in capsys.readouterr().err
