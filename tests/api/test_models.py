"""Generators and segmenters in Python: the same images as the commands write, and errors that name the cure."""

import numpy as np
import pytest
from PIL import Image

import pix2pix_tf
from pix2pix_tf.api import arrays
from pix2pix_tf.data.io import raster
from pix2pix_tf.fronts import command as fronts
from pix2pix_tf.generate import command as generate
from pix2pix_tf.utils import cli
from pix2pix_tf.utils.errors import UserError
from tests.helpers import SIZE


@pytest.fixture(scope="module")
def model(speckle_run):
    return pix2pix_tf.load(str(speckle_run))  # a text, as people type it


@pytest.fixture(scope="module")
def plain(tiny_run):
    return pix2pix_tf.load(tiny_run)


@pytest.fixture(scope="module")
def segmenter(zones_run):
    return pix2pix_tf.load(zones_run)


@pytest.fixture
def mask(rng) -> np.ndarray:
    """Larger than a tile, and no multiple of the divisor: uint8 [90, 75]."""
    zones = np.full((90, 75), pix2pix_tf.zones.GLACIER, np.uint8)
    zones[:, :30], zones[70:] = pix2pix_tf.zones.OCEAN, pix2pix_tf.zones.ROCK
    return zones


@pytest.fixture
def sar(rng) -> np.ndarray:
    return rng.integers(0, 256, (50, 70), dtype=np.uint8)


@pytest.mark.parametrize("style", ["", "random"])
def test_it_generates_what_the_command_writes(model, speckle_run, mask, style, tmp_path):
    Image.fromarray(mask).save(tmp_path / "mask.png")
    arguments = ["--model", speckle_run, "--masks", tmp_path / "mask.png", "--output", tmp_path / "out"]
    arguments += ["--condition", "sensor=TSX", "--style", style]
    assert cli.run(generate.main, list(map(str, arguments))) == 0
    written = np.asarray(Image.open(tmp_path / "out" / "sar" / "mask.png"))
    seed = generate.seed_of(0, "mask", 0)
    assert np.array_equal(model.generate(mask, seed, {"sensor": "TSX"}, style or None), written)


def test_one_mask_several_and_pictures(model, mask):
    one = model.generate(mask, seed=5)
    assert one.shape == mask.shape and one.dtype == np.uint8
    assert np.array_equal(model.generate(Image.fromarray(mask), seed=5), one)
    several = model.generate(np.stack([mask, mask]), seed=4)
    assert several.shape == (2, *mask.shape)
    assert np.array_equal(several[1], one) and not np.array_equal(several[0], one)  # mask i has seed + i
    listed = model.generate([mask, mask[:40, :20]], seed=[5, 5])
    assert np.array_equal(listed[0], one) and listed[1].shape == (40, 20)


def test_numbers_of_the_network(model, mask):
    numbers, pixels = model.generate(mask, dtype="float32"), model.generate(mask)
    assert numbers.dtype == np.float32 and -1 <= numbers.min() < numbers.max() <= 1
    assert np.abs((numbers + 1) * 127.5 - pixels).max() <= 0.501


def test_a_style_of_ones_own_image(model, mask, rng):
    dark, bright = (np.full(mask.shape, grey, np.uint8) for grey in (20, 230))
    images = [model.generate(mask, style=(example, mask)) for example in (dark, bright)]
    assert not np.array_equal(*images)
    assert np.array_equal(model.generate(mask, style=(dark, mask)), images[0])


def test_it_tells_what_it_takes(model, plain):
    assert model.conditions == {"sensor": ("ERS", "TSX")}
    assert model.size == SIZE and len(model.styles) == 6
    assert plain.conditions == {} and plain.styles == ()
    assert repr(plain) == "<Generator orig, epoch 2: zones -> sar>"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mask": np.zeros((32, 32))}, "float64.*uint8.*64"),
        ({"mask": np.zeros((32, 32), bool)}, "bool"),
        ({"mask": np.ones((32, 32), np.uint8)}, "grey value 1 is no class"),
        ({"mask": "mask.png"}, "a str"),
        ({"mask": []}, "no image"),
        ({"mask": np.zeros((2, 2, 2, 2, 2), np.uint8)}, "shape"),
        ({"mask": Image.new("RGB", (32, 32))}, "shape"),
        ({"condition": {"sensor": "TXS"}}, "Did you mean 'TSX'"),
        ({"condition": {"season": "winter"}}, "Did you mean .sensor"),
        ({"style": "scene:nowhere"}, "nowhere"),
        ({"style": (np.zeros((32, 32), np.uint8),)}, "an image and its mask"),
        ({"style": (np.zeros((32, 32), np.uint8), np.zeros((16, 16), np.uint8))}, "one size"),
        ({"seed": "x"}, "whole number"),
        ({"seed": [1, 2]}, "one for each"),
        ({"seed": 2**31}, "32 bit"),
        ({"dtype": "float64"}, "uint8.*float32"),
        ({"tile": 33}, "multiple"),
    ],
)
def test_what_it_does_not_take_is_named(model, arguments, message):
    mask = np.full((32, 32), 127, np.uint8)
    with pytest.raises(UserError, match=message):
        model.generate(**{"mask": mask} | arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"condition": {"sensor": "TSX"}}, "without conditions"), ({"style": "random"}, "without styles")],
)
def test_a_model_without_conditions_and_styles(plain, mask, arguments, message):
    with pytest.raises(UserError, match=message):
        plain.generate(mask, **arguments)


def test_several_roles_are_stacked_along_the_channels(rng):
    bits, both = {"sar_vv": 8, "sar_vh": 8}, rng.integers(0, 256, (20, 30, 2), dtype=np.uint8)
    assert np.array_equal(arrays.batch_of(both, list(bits), bits, "sar").pixels[0], both)
    batch = arrays.batch_of(np.stack([both, both]), list(bits), bits, "sar")
    assert len(batch.pixels) == 2 and batch.collect([1, 2]).shape == (2,)
    with pytest.raises(UserError, match=r"sar_vv, sar_vh as \[H, W, 2\]"):
        arrays.batch_of(both[..., 0], list(bits), bits, "sar")


def test_it_finds_what_the_command_finds(segmenter, zones_run, sar, tmp_path):
    Image.fromarray(sar).save(tmp_path / "scene.png")
    arguments = [tmp_path / "scene.png", "--model", zones_run, "--output", tmp_path / "out"]
    assert cli.run(fronts.main, list(map(str, arguments))) == 0
    with raster.open_raster(tmp_path / "out" / "scene" / "zones.tif") as written:
        expected = written.read().pixels[..., 0]
    zones, probabilities = segmenter.predict(sar)
    assert np.array_equal(zones, expected)
    assert probabilities.shape == (*sar.shape, 4) and np.allclose(probabilities.sum(-1), 1, atol=1e-5)
    likeliest = np.array(pix2pix_tf.zones.VALUES)[probabilities.argmax(-1)]
    assert (likeliest == zones).mean() > 0.999
    both = segmenter.predict(np.stack([sar, sar]), flips=True)
    assert both.zones.shape == (2, *sar.shape) and both.probabilities.shape == (2, *sar.shape, 4)


def test_a_network_for_fronts_gives_a_line(fronts_run, sar):
    front, probabilities = pix2pix_tf.load(fronts_run).predict(sar)
    assert front.dtype == bool and front.shape == sar.shape
    assert probabilities.shape == (*sar.shape, 1)


def test_numbers_that_are_not_grey_are_refused(segmenter):
    with pytest.raises(UserError, match="read_scene"):
        segmenter.predict(np.zeros((32, 32), np.float32))


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(UserError, match="There is no folder"):
        pix2pix_tf.load(tmp_path / "missing")
    with pytest.raises(UserError, match="There is no export"):
        pix2pix_tf.load(tmp_path)
