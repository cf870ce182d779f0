"""Scenes at several scales: their levels, and how these are put together."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from pix2pix_tf.data import classes
from pix2pix_tf.data.encoding import log_tone
from pix2pix_tf.data.tiling import Tiling
from pix2pix_tf.export import inference, saved_model, scales
from pix2pix_tf.utils.errors import UserError


def blocks(image, sizes):
    ends = np.cumsum(sizes)
    return iter(np.split(image, ends[ends < len(image)]))


def model(size=32, styles=("a",)):
    """A stand-in for a generator: each pixel's brightness is the share of ocean within its tile."""

    def generate(tile, *_):
        return np.full(tile.shape, np.mean(tile == classes.OCEAN) * 2 - 1, np.float32)

    return SimpleNamespace(
        size=size, styles=styles, inputs=("zones",), choose_style=lambda *_: None, generate_styled=generate,
        generate=lambda tiles, *_: generate(tiles),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("height", "width", "levels"), [(32, 32, 1), (48, 20, 1), (49, 20, 2), (20, 96, 2), (97, 97, 3), (1536, 20, 6)]
)
def test_a_scene_is_halved_until_it_is_seen_whole(height, width, levels):
    assert scales.levels_of(model(), height, width) == levels
    assert scales.levels_of(model(), height, width, 1) == 1
    assert scales.levels_of(model(styles=()), height, width) == 1


@pytest.mark.parametrize(("levels", "styles", "named"), [(0, ("a",), "from 1"), (2, (), "without styles")])
def test_levels_that_cannot_be_are_refused(levels, styles, named):
    with pytest.raises(UserError, match=named):
        scales.levels_of(model(styles=styles), 64, 64, levels)


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 3), st.integers(1, 9))
def test_a_halved_image_has_the_middle_of_each_square(height, width, times, rows):
    image = np.arange(height * width, dtype=np.uint16).reshape(height, width, 1)
    reader, found, step = scales.Halved(inference.ArrayReader(image), times), [], 2**times
    while (block := reader.read(rows)).size:
        found.append(block)
    found = np.concatenate(found)
    assert found.shape == (reader.height, reader.width, 1) == (-(-height // step), -(-width // step), 1)
    for row, column in np.ndindex(found.shape[:2]):
        place = min(row * step + step // 2, height - 1), min(column * step + step // 2, width - 1)
        assert found[row, column] == image[place]


@given(st.integers(13, 40), st.lists(st.integers(1, 20), max_size=6), st.integers(0, 9))
def test_an_image_is_smoothed_alike_in_blocks_of_any_size(height, sizes, seed):
    image = np.random.default_rng(seed).normal(size=(height, 11, 1)).astype(np.float32)
    whole = image
    for axis in (0, 1):
        whole = ndimage.gaussian_filter1d(whole, scales.DEVIATION, axis, mode="reflect", radius=scales.REACH)
    found = list(scales.smoothed(blocks(image, sizes)))
    np.testing.assert_allclose(np.concatenate(found), whole, atol=1e-5)


@given(st.integers(1, 30), st.integers(1, 17), st.lists(st.integers(1, 20), max_size=4))
def test_large_forms_come_from_below_and_fine_ones_stay(height, width, sizes):
    fine = 0.3 * (-1.0) ** np.add.outer(np.arange(height), np.arange(width))[..., np.newaxis].astype(np.float32)
    coarse = np.full((-(-height // 2), -(-width // 2), 1), 0.5, np.float32)
    mask = np.full((height, width, 1), classes.GLACIER, np.uint8)
    rows = scales.blended(iter([coarse]), blocks(fine, sizes), inference.ArrayReader(mask))
    found = np.concatenate(list(rows))
    assert found.shape == fine.shape
    if min(height, width) > 2:  # a board of single lines has stripes, which are coarse along the line
        np.testing.assert_allclose(found, 0.5 + fine, atol=0.1)
    mask[:] = classes.NOT_AVAILABLE
    rows = scales.blended(iter([coarse]), blocks(fine, sizes), inference.ArrayReader(mask))
    np.testing.assert_array_equal(np.concatenate(list(rows)), fine)


def test_the_brightness_of_large_areas_is_that_of_the_whole_scene():
    zones = np.full((128, 128, 1), classes.GLACIER, np.uint8)
    zones[:, 64:] = classes.OCEAN
    readers, tiling = (lambda: [inference.ArrayReader(zones)]), Tiling(32, 16, 32)
    alone, whole = (
        np.concatenate(list(scales.generate_scene(model(), readers, tiling, 0, levels=levels))) for levels in (1, 3)
    )
    assert alone[64, 8] == pytest.approx(-1) and alone[64, 120] == pytest.approx(1)  # tiles of one zone
    np.testing.assert_allclose(log_tone(whole).numpy()[20:-20, [8, 120]], float(log_tone(0.0)), atol=0.05)


def test_a_trained_model_generates_the_same_again_and_no_level_has_the_noise_of_another(speckle_run):
    trained = saved_model.load(speckle_run / "export" / "speckle")
    zones = np.full((100, 130, 1), classes.GLACIER, np.uint8)
    zones[:, 90:], zones[:30] = classes.OCEAN, classes.NOT_AVAILABLE
    readers, tiling = (lambda: [inference.ArrayReader(zones)]), inference.tiling_of(trained)
    first, again, alone = (
        np.concatenate(list(scales.generate_scene(trained, readers, tiling, 7, levels=levels)))
        for levels in (None, None, 1)
    )
    assert first.shape == zones.shape
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - alone)[40:].mean() > 0.01
    np.testing.assert_allclose(first[:20], alone[:20], atol=1e-5)  # not available
