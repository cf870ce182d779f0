import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_tf.data.tiling import Tiling, pad_by_reflection, ramp_weights
from pix2pix_tf.export.inference import run_tiled, tile_seed
from pix2pix_tf.utils.errors import UserError

TILINGS = st.builds(
    lambda divisor, times, share: Tiling(divisor * times, int(divisor * times * share / 2), divisor),
    st.sampled_from([1, 2, 8]), st.integers(1, 6), st.floats(0, 1),
)  # fmt: skip


def reader(image):
    """Return a function that reads an image's next rows."""
    rows = iter(image)
    return lambda count: np.array([row for _, row in zip(range(count), rows, strict=False)]).reshape(
        -1, *image.shape[1:]
    )


def scene_of(image, tiling, run_tile, seed=0):
    return np.concatenate(list(run_tiled(reader(image), *image.shape[:2], tiling, run_tile, seed)))


@given(TILINGS, st.integers(1, 300))
def test_weights_sum_to_one_and_at_most_two_tiles_meet(tiling, length):
    side, places = tiling.side(length), tiling.places(length)
    total, count = np.zeros((2, places[-1].start + side))
    for place in places:
        total[place.start : place.start + side] += ramp_weights(side, place.before, place.after)
        count[place.start : place.start + side] += 1
    assert len(total) >= length
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert count.max() <= 2


@settings(max_examples=30, deadline=None)
@given(TILINGS, st.integers(1, 60), st.integers(1, 60))
def test_a_pixelwise_function_gives_the_same_in_tiles(tiling, height, width):
    image = np.random.default_rng(height).integers(0, 256, (height, width, 2), np.uint8)
    blended = scene_of(image, tiling, lambda tile, seed, place: tile[..., :1] / np.float32(127.5) - 1)
    np.testing.assert_allclose(blended, image[..., :1] / 127.5 - 1, atol=1e-6)


def test_tiles_have_sides_that_the_network_takes_and_seeds_of_their_own():
    calls = []

    def run_tile(tile, seed, place):
        calls.append((tile.shape, seed))
        return tile.astype(np.float32)

    scene_of(np.zeros((70, 20, 1), np.uint8), Tiling(32, 16, 8), run_tile, seed=7)
    assert {shape for shape, _ in calls} == {(32, 24, 1)}  # 20 columns are filled up to the divisor
    assert len({seed for _, seed in calls}) == len(calls) > 3
    assert calls[0][1] == 7  # so a scene of one tile equals one call
    assert tile_seed(7, 0, 16) != tile_seed(7, 16, 0)


def test_a_tile_is_told_its_place():
    """A function of the place alone comes out whole: tiles agree where they overlap."""

    def run_tile(tile, seed, place):
        rows, columns = (np.arange(side) + start for side, start in zip(tile.shape, place, strict=False))
        return np.add.outer(100.0 * rows, columns)[..., np.newaxis].astype(np.float32)

    blended = scene_of(np.zeros((70, 45, 1), np.uint8), Tiling(32, 16, 8), run_tile)
    np.testing.assert_allclose(blended[..., 0], np.add.outer(100.0 * np.arange(70), np.arange(45)), rtol=1e-5)


def test_a_step_in_brightness_becomes_a_slope():
    """Two tiles, black and white, share 16 pixels, over which grey rises as sin^2."""

    def run_tile(tile, seed, place):
        return np.full(tile.shape, seed != 0, np.float32)

    blended = scene_of(np.zeros((32, 48, 1), np.uint8), Tiling(32, 16, 32), run_tile)
    row = blended[0, :, 0]
    assert (row[:16] == 0).all()
    assert (row[32:] == 1).all()
    np.testing.assert_allclose(row[16:32], np.sin(np.pi / 2 * (np.arange(16) + 0.5) / 16) ** 2, atol=1e-6)


def test_tiles_cover_a_side_and_share_the_overlap():
    assert Tiling(256, 128, 256).places(600) == [(0, 0, 128), (128, 128, 128), (256, 128, 128), (384, 128, 0)]
    assert Tiling(256, 128, 256).places(256) == [(0, 0, 0)]


def test_a_mask_is_continued_by_its_mirror_image():
    image = np.array([[1, 2, 3], [4, 5, 6]])[..., np.newaxis]
    assert pad_by_reflection(image, 3, 5)[..., 0].tolist() == [[1, 2, 3, 2, 1], [4, 5, 6, 5, 4], [1, 2, 3, 2, 1]]


@pytest.mark.parametrize("tiling", [Tiling(0, 0, 8), Tiling(12, 0, 8), Tiling(16, 9, 8), Tiling(16, -1, 8)])
def test_numbers_that_do_not_fit_are_refused(tiling):
    with pytest.raises(UserError, match="--tile|--overlap"):
        tiling.check()
