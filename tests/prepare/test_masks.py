"""`python -m pix2pix_tf.prepare masks`: from nothing, from other masks, from drawings; interrupted, refused."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pix2pix_tf import prepare
from pix2pix_tf.data.classes import GLACIER, NOT_AVAILABLE, OCEAN, ROCK, ZONE_VALUES, colour_zones
from pix2pix_tf.data.dataset import Dataset, Scene, save
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.generate import masks
from pix2pix_tf.prepare import dataset_writer
from pix2pix_tf.prepare.masks import build, sources
from pix2pix_tf.prepare.masks.build import MaskTask, Settings
from pix2pix_tf.prepare.masks.front_motion import MoveSettings
from pix2pix_tf.utils import cli
from tests.helpers import Interrupted, refused, tree

NAMES = {"train": "AA_2001-02-03_ERS_20_2_7", "val": "BB_2001-02-03_ERS_20_2_7", "test": "CC_2001-02-03_TSX_7_1_9"}


def straight(front: int = 20, size: int = 40) -> np.ndarray:
    """uint8 [N, N]: rock above and below, glacier from the left to below column `front`, then ocean."""
    zones = np.full((size, size), ROCK, np.uint8)
    zones[5:-5, :front], zones[5:-5, front:] = GLACIER, OCEAN
    zones[0] = NOT_AVAILABLE
    return zones


@pytest.fixture
def mapped(tmp_path):
    """A data set with one mapped glacier in each split, and one without a front."""
    root = tmp_path / "mapped"
    scenes = {}
    for split, name in NAMES.items():
        images.write_png(root / split / "zones" / f"{name}.png", straight())
        scenes[name] = Scene(
            split, 40, 40, glacier=name[:2], date="2001-02-03", sensor="ERS", metres_per_pixel=20.0, quality=2,
            orbit="7", bounds=(0, 0, 800, 800), crs="EPSG:3031", bounding_box=(1, 30, 1, 30),
        )  # fmt: skip
    images.write_png(root / "train/zones/AA_inland.png", np.full((40, 40), GLACIER, np.uint8))
    scenes["AA_inland"] = Scene("train", 40, 40, glacier="AA", metres_per_pixel=20.0)
    save(Dataset(root, "mapped", "real", 40, {"zones": 8}, scenes))
    return root


def run(output, *options):
    """The command, inside this process; its exit code."""
    return cli.run(prepare.main, ["masks", "--output", str(output), *map(str, options)])


def zones_of(root, split="train"):
    return {path.stem: images.read_png(path) for path in sorted((root / split / "zones").iterdir())}


def touching(zones):
    """uint8 [N, N]: 255 on ocean with glacier above, below, left or right of it, worked out by shifting."""
    padded = np.pad(zones, 1)
    sides = (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:])
    return np.where((zones == OCEAN) & np.any([side == GLACIER for side in sides], axis=0), 255, 0)


# ---- Labels ---------------------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    way=st.sampled_from(["fjord", "moved", "drawn"]),
    seed=st.integers(0, 2**32 - 1),
    advance=st.floats(-20, 20),
    rough=st.floats(0, 6),
)
def test_labels_agree_whatever_way_a_mask_was_made(tmp_path_factory, way, seed, advance, rough):
    root = tmp_path_factory.mktemp("made")
    dataset_writer.begin(root, {})
    fjord = build.make(MaskTask(root, "train", "fjord", (seed,), 40))
    job = MaskTask(root, "train", way, (seed,), 40)
    if way != "fjord":
        move = MoveSettings((advance, advance), rough=(rough, rough)) if way == "moved" else None
        job = MaskTask(root, "train", way, (seed,), 40, root / "train/zones/fjord.png", move)
    made = build.make(job)
    assert fjord.good and fjord.metres_per_pixel > 0
    if not made.good:
        assert way == "moved" and not job.path.exists()
        return
    zones, fronts = images.read_png(job.path), images.read_png(root / f"train/fronts/{way}.png")
    assert {GLACIER, OCEAN} <= set(np.unique(zones)) <= set(ZONE_VALUES)
    np.testing.assert_array_equal(fronts, touching(zones))
    assert fronts.any()


# ---- New fjords -----------------------------------------------------------------------------------------------------


def test_new_fjords_are_a_data_set_that_generate_takes(tmp_path, capsys):
    root = tmp_path / "fjords"
    assert run(root, "--count", "7", "--size", "32", "--val", "0.3") == 0
    found = load_dataset(root, ("zones", "fronts"))
    assert (found.origin, found.size, len(found.stems["train"]), len(found.stems["val"])) == ("simulated", 32, 5, 2)
    for name, scene in found.scenes.items():
        assert scene.glacier == name and 9000 / 32 <= scene.metres_per_pixel <= 24000 / 32
    assert len(masks.find(root, ("zones",), "train").paths) == 5
    assert Image.open(root / "overview.png").size[0] > 600
    assert "7 masks of 32 x 32 pixels" in capsys.readouterr().out


def test_the_seed_decides_the_bytes_whatever_the_workers(tmp_path):
    options = ("--count", "4", "--size", "32")
    for folder, more in (("a", ()), ("b", ("--workers", "2")), ("c", ("--seed", "1"))):
        assert run(tmp_path / folder / "x", *options, *more) == 0
    a, b, c = (tree(tmp_path / folder / "x") for folder in "abc")
    assert a == b
    assert not {key: a[key] for key in a if "zones" in key}.items() & c.items()


def test_interrupted_the_same_command_makes_what_is_missing(tmp_path, monkeypatch):
    options = ("--count", "5", "--size", "32")
    assert run(tmp_path / "whole/x", *options) == 0
    made = Interrupted(monkeypatch, build, "draw_fjord", after=2)
    assert run(tmp_path / "cut/x", *options) == 130
    assert not (tmp_path / "cut/x/dataset.json").exists()
    made.resume()
    assert run(tmp_path / "cut/x", *options) == 0
    assert made == [(0, number) for number in range(1, 6)]  # nothing twice
    assert tree(tmp_path / "cut/x") == tree(tmp_path / "whole/x")


# ---- Moved fronts ---------------------------------------------------------------------------------------------------


def test_fronts_move_by_metres_and_only_training_masks_are_taken(mapped, tmp_path, capsys):
    root = tmp_path / "retreat"
    plain = ("--bend", 0, "--rough", 0, "--bays", 0)
    assert run(root, "--from", mapped, "--count", 2, "--move", -160, "--unit", "metres", *plain) == 0
    for zones in zones_of(root).values():
        np.testing.assert_array_equal(zones, straight(20 - 8))  # 160 m at 20 m a pixel
    found = load_dataset(root, ("zones", "fronts"), ("train",))
    assert found.origin == "moved: mapped (real)" and set(path.name for path in root.iterdir() if path.is_dir()) == {
        "train"
    }
    assert sorted(found.scenes) == [f"{NAMES['train']}_m0000{number}" for number in (1, 2)]
    scene = found.scenes[f"{NAMES['train']}_m00001"]
    assert (scene.glacier, scene.sensor, scene.orbit, scene.metres_per_pixel) == ("AA", "ERS", "7", 20)
    assert (scene.crs, scene.bounds) == ("EPSG:3031", (0, 0, 800, 800))
    assert scene.date is scene.quality is scene.bounding_box is None  # no longer true of it
    assert "left out 1 of 2 masks, which have no front: AA_inland" in capsys.readouterr().out


def test_by_default_every_move_is_another_and_rock_stays(mapped, tmp_path):
    root = tmp_path / "moved"
    assert run(root, "--from", mapped, "--count", 6) == 0
    made = list(zones_of(root).values())
    assert len({zones.tobytes() for zones in made}) == 6
    for zones in made:
        np.testing.assert_array_equal(zones == ROCK, straight() == ROCK)
        np.testing.assert_array_equal(zones == NOT_AVAILABLE, straight() == NOT_AVAILABLE)
    steps = [float(images.read_text(path, build.ADVANCE)) for path in (root / "train/zones").iterdir()]
    assert -25 * 40 / 256 <= min(steps) < 0 < max(steps) <= 25 * 40 / 256  # in proportion to the masks


@pytest.mark.parametrize("inside", ["test/zones", "test", "val/zones", f"test/zones/{NAMES['test']}.png"])
def test_masks_of_val_and_test_are_refused(mapped, tmp_path, capsys, inside):
    output = tmp_path / "leak"
    said = refused(capsys, run, output, "--from", mapped / inside)
    assert "data leakage" in said and "--any-split" in said
    assert run(output, "--from", mapped / inside, "--any-split", "--count", 1) == 0
    assert [path.name for path in output.iterdir() if path.is_dir()] == [inside.split("/")[0]]


def test_any_split_keeps_each_mask_in_its_split(mapped, tmp_path):
    assert run(tmp_path / "all", "--from", mapped, "--any-split", "--count", 3) == 0
    assert {split: len(zones_of(tmp_path / "all", split)) for split in NAMES} == {"train": 1, "val": 1, "test": 1}


def test_a_folder_of_masks_and_a_patch_of_a_scene(tmp_path):
    folder = tmp_path / "masks"
    for name in ("AA_2001-02-03_ERS_20_2_7_zones", "AA_2001-02-03_ERS_20_2_8__y00256_x00000"):
        images.write_png(folder / f"{name}.png", straight())
    found = sources.find(folder)
    assert [one.name for one in found.masks] == ["AA_2001-02-03_ERS_20_2_7", "AA_2001-02-03_ERS_20_2_8__y00256_x00000"]
    assert [one.scene.metres_per_pixel for one in found.masks] == [20, None]
    images.write_png(folder / "AA_2001-02-03_ERS_20_2_7.png", straight())
    with pytest.raises(sources.UserError, match="would have one name"):
        sources.find(folder)


def test_a_move_beyond_the_picture_is_tried_and_said(mapped, tmp_path, capsys):
    assert run(tmp_path / "far", "--from", mapped, "--move", 500, "--count", 2) == 2
    assert "keeps a front: give a smaller --move (the masks have 40 pixels a side)" in capsys.readouterr().err
    assert not (tmp_path / "far/dataset.json").exists()


def test_moves_are_told_in_the_unit_of_the_masks():
    usual = MoveSettings()
    assert build.move_settings(Settings(), 256, None) == usual
    half = build.move_settings(Settings(move=(-4, 2)), 128, None)
    assert (half.advance, half.rough, half.bays) == ((-4, 2), (0, usual.rough[1] / 2), usual.bays)
    metres = build.move_settings(Settings(move=(-400, 0), bend=100, unit="metres"), 256, 20.0)
    assert (metres.advance, metres.bend, metres.rough) == ((-20, 0), (-5, 5), usual.rough)


# ---- Drawings -------------------------------------------------------------------------------------------------------


def test_drawings_become_masks(tmp_path, capsys):
    drawings = tmp_path / "drawings"
    drawings.mkdir()
    Image.fromarray(colour_zones(straight())).quantize(4).save(drawings / "bay.png")
    Image.fromarray(straight(30)).save(drawings / "cape.png")
    Image.fromarray(np.full((40, 40), OCEAN, np.uint8)).save(drawings / "sea.png")
    assert run(tmp_path / "mine", "--from", drawings, "--as-drawn") == 0
    made = zones_of(tmp_path / "mine")
    assert sorted(made) == ["bay", "cape"]
    np.testing.assert_array_equal(made["bay"], straight())
    np.testing.assert_array_equal(made["cape"], straight(30))
    assert json.loads((tmp_path / "mine/dataset.json").read_text())["origin"] == "drawn: drawings (unknown)"
    assert "left out 1 of 3 masks, which have no front: sea" in capsys.readouterr().out


def test_drawings_that_cannot_be_read_are_all_named(tmp_path, capsys):
    strange = np.where(straight() == ROCK, 200, straight()).astype(np.uint8)
    for name, zones in {"a": straight(), "b": straight(9, 64), "c": strange, "d": straight()[:30]}.items():
        images.write_png(tmp_path / f"in/{name}.png", zones)
    said = refused(capsys, run, tmp_path / "out", "--from", tmp_path / "in", "--as-drawn")
    together = "b.png with 64 x 64 pixels, d.png with 40 x 30 pixels: masks must be square and of one size"
    assert together in said and "prepare folder --as-drawn cuts masks of any size" in said
    assert "c.png: " in said and "pixels are no class, the first at row 1, column 0 (grey 200). Paint with" in said
    assert "a.png" not in said


# ---- What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--count", "0"), "--count 0 must be from 1"),
        (("--size", "16"), "--size 16 must be 32"),
        (("--seed", "-1"), "--seed -1"),
        (("--val", "1"), "--val 1.0 must be a share"),
        (("--move", "5"), "--move needs existing masks"),
        (("--as-drawn",), "--as-drawn needs existing masks"),
        (("--from", "nowhere"), "There is no nowhere"),
        (("--from", "{in}", "--val", "0.1"), "--val is for new fjords"),
        (("--from", "{in}", "--as-drawn", "--move", "3"), "leave out --move"),
        (("--from", "{in}", "--as-drawn", "--count", "3"), "leave out --count"),
        (("--from", "{in}", "--move", "5", "-5"), "the lower length comes first"),
        (("--from", "{in}", "--move", "1", "2", "3"), "--move takes one length"),
        (("--from", "{in}", "--move", "nan"), "--move takes finite lengths"),
        (("--from", "{in}", "--bend", "inf"), "--bend takes finite lengths"),
        (("--from", "{in}", "--rough", "-1"), "--rough -1 must be 0 or more"),
        (("--from", "{in}", "--tolerance", "200"), "--tolerance 200"),
        (("--from", "{in}", "--size", "64"), "have 40 pixels a side"),
        (("--from", "{in}", "--move", "9", "--unit", "metres"), "the scale of mask is not known"),
        (("--from", "{empty}"), "There is no .png file"),
    ],
)
def test_mistakes_are_told_in_one_sentence(tmp_path, capsys, options, words):
    images.write_png(tmp_path / "in/mask.png", straight())
    (tmp_path / "empty").mkdir()
    places = {"{in}": tmp_path / "in", "{empty}": tmp_path / "empty"}
    assert words in refused(capsys, run, tmp_path / "out", *(places.get(option, option) for option in options))


def test_other_settings_or_sources_are_not_mixed(mapped, tmp_path, capsys):
    options = ("--from", mapped, "--count", "2")
    assert run(tmp_path / "x", *options) == 0
    before = tree(tmp_path / "x")
    assert run(tmp_path / "x", *options) == 0
    assert "is finished already" in capsys.readouterr().out
    assert run(tmp_path / "x", *options, "--rough", "1") == 2
    assert "rough: None -> 1.0" in capsys.readouterr().err
    images.write_png(mapped / f"train/zones/{NAMES['train']}.png", straight(22))
    assert run(tmp_path / "x", *options) == 2
    assert "sources: " in capsys.readouterr().err
    assert tree(tmp_path / "x") == before
