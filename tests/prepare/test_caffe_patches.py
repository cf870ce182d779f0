"""CaFFe patches as torchgeo and the benchmark's own script write them become a data set."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from pix2pix_tf import prepare
from pix2pix_tf.data import scene_names, tiling
from pix2pix_tf.data.classes import front_of
from pix2pix_tf.data.io import images
from pix2pix_tf.data.loading import load_dataset
from pix2pix_tf.utils import cli
from tests.helpers import refused

CRANE, COL = "Crane_2002-11-09_ERS_20_3_424", "COL_2011-06-01_TSX_7_1_2"
SHAPE, SIDE = (300, 400), 256
ENDS = {"sar_images": "", "zones": "_zones", "fronts": "_front"}


def scene(seed):
    random = np.random.default_rng(seed)
    zones = np.full(SHAPE, 127, np.uint8)
    zones[:, 180 + 10 * seed :], zones[:40] = 254, 64
    return {"sar_images": random.integers(1, 255, SHAPE, np.uint8), "zones": zones, "fronts": front_of(zones)}


def put(root, name, split, step, seed, dilated=True):
    """Cut a scene as the benchmark's script does; return its images."""
    whole = scene(seed)
    rows, columns = (-(-(length - SIDE) // step) * step + SIDE for length in SHAPE)
    for folder, pixels in whole.items():
        if folder == "fronts" and dilated:
            pixels = ndimage.grey_dilation(pixels, (5, 5))
        pixels = np.pad(pixels, ((0, rows - SHAPE[0]), (0, columns - SHAPE[1])))
        (root / folder / split).mkdir(parents=True, exist_ok=True)
        places = [(row, column) for row in range(0, rows - SIDE + 1, step) for column in range(0, columns - 255, step)]
        for number, (row, column) in enumerate(places):
            tail = f"{rows - SHAPE[0]}_{columns - SHAPE[1]}_{number}_{row}_{column}"
            patch = Image.fromarray(pixels[row : row + SIDE, column : column + SIDE])
            patch.save(root / folder / split / f"{name}{ENDS[folder]}__{tail}.png")
    return whole


def make(root, output, *options):
    return cli.run(prepare.main, ["caffe", "--patches", str(root), "--output", str(output), *options])


@pytest.mark.parametrize("dilated", [True, False])
def test_patches_become_a_data_set(tmp_path, capsys, dilated):
    train = put(tmp_path / "in", CRANE, "train", 256, 0, dilated)
    put(tmp_path / "in", CRANE.replace("2002", "2003"), "val", 128, 1, dilated)
    put(tmp_path / "in", COL, "test", 128, 2, dilated)
    assert make(tmp_path / "in", tmp_path / "out") == 0
    said = capsys.readouterr().out
    assert "3 scenes, 16 patches of 256 x 256 pixels: fronts, sar, zones" in said
    assert "train: 1 scenes; val: 1 scenes; test: 1 scenes" in said
    assert ("fronts of 3 scenes were dilated" in said) == dilated
    found = load_dataset(tmp_path / "out", ("zones", "sar", "fronts"))
    assert {name: (one.split, one.height, one.width, one.overlap) for name, one in found.scenes.items()} == {
        CRANE: ("train", *SHAPE, 0), CRANE.replace("2002", "2003"): ("val", *SHAPE, 128), COL: ("test", *SHAPE, 128)
    }  # fmt: skip
    assert found.scenes[COL].metres_per_pixel == 7
    for role, folder in (("sar", "sar_images"), ("zones", "zones")):
        pieces = [
            (*scene_names.place_of(stem), images.read_png(found.path("train", role, stem)))
            for stem in found.stems["train"]
        ]
        np.testing.assert_array_equal(tiling.join(pieces, *SHAPE), train[folder])
    for stem in found.stems["train"]:
        row, column = scene_names.place_of(stem)
        there = images.read_png(found.path("train", "fronts", stem)) > 0
        assert not ndimage.binary_erosion(there, np.ones((2, 2))).any()  # thin again
        expected = np.pad(train["fronts"], ((0, 212), (0, 112)))[row : row + SIDE, column : column + SIDE] > 0
        near = ndimage.binary_dilation(expected, np.ones((5, 5)))
        assert not (there & ~near).any()
    assert make(tmp_path / "in", tmp_path / "out") == 0
    assert "finished already" in capsys.readouterr().out


def test_what_is_wrong_with_patches_is_one_message(tmp_path, capsys):
    put(tmp_path / "in", CRANE, "train", 256, 0)
    put(tmp_path / "in", CRANE, "val", 256, 0)
    next((tmp_path / "in/zones/train").iterdir()).unlink()
    (tmp_path / "in/fronts/train/x.png").touch()
    message = refused(capsys, make, tmp_path / "in", tmp_path / "out")
    assert "no partner in zones/" in message
    assert (
        "fronts/train/x.png: its name should be <scene>_front__<bottom>_<right>_<number>_<row>_<column>.png" in message
    )
    assert f"{CRANE}: has patches in several splits" in message
    assert not (tmp_path / "out").exists()


def test_a_damaged_patch_is_named_and_can_be_mended(tmp_path, capsys):
    put(tmp_path / "in", CRANE, "train", 256, 0)
    put(tmp_path / "in", COL, "val", 256, 1)
    path = next((tmp_path / "in/sar_images/train").iterdir())
    good = path.read_bytes()
    path.write_bytes(good[:500])
    message = refused(capsys, make, tmp_path / "in", tmp_path / "out")
    assert f"sar_images/train/{path.name}: not a whole PNG" in message
    path.write_bytes(good)
    assert make(tmp_path / "in", tmp_path / "out") == 0


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("__212_112_", "__9999_112_", "a padding of 9999 and 112 pixels"),
        ("__212_112_0_", "__0_112_0_", "a padding of 212 and 112 pixels, unlike that of its scene"),
        ("_1_0_256", "_1_0_0", "the same place as"),
    ],
)
def test_names_that_contradict_each_other_are_refused(tmp_path, capsys, old, new, text):
    put(tmp_path / "in", CRANE, "train", 256, 0)
    for path in sorted((tmp_path / "in").rglob(f"*{old}*")):
        path.rename(path.with_name(path.name.replace(old, new)))
    assert text in refused(capsys, make, tmp_path / "in", tmp_path / "out")


@pytest.mark.parametrize("place", ["_0_0", "_128_128"])
def test_a_place_without_any_patch_is_refused(tmp_path, capsys, place):
    put(tmp_path / "in", COL, "test", 128, 2)
    for path in sorted((tmp_path / "in").rglob(f"*{place}.png")):
        path.unlink()
    assert f"{COL}: no patch at {place[1:]}" in refused(capsys, make, tmp_path / "in", tmp_path / "out")
