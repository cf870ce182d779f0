import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_tf.data import tiling


def stitch(pieces, height, width):
    """A whole scene from patches, by the weights of `fronts`."""
    stitcher = tiling.Stitcher(height, width)
    for row, column, patch in pieces:
        stitcher.add(row, column, patch, tiling.gaussian_weights(len(patch)))
    return stitcher.take(height)


def test_weights_are_a_gaussian_of_an_eighth_around_the_middle():
    weights = tiling.gaussian_weights(16)
    assert weights.dtype == np.float32 and weights.shape == (16, 16)
    assert weights[8, 8] == 1
    assert weights[8, 10] == pytest.approx(math.exp(-1 / 2), rel=1e-3)  # one sigma, 16 / 8 pixels, aside
    assert weights[4, 4] == pytest.approx(math.exp(-4), rel=1e-3)  # two sigma in both directions
    assert np.array_equal(weights, weights.T)


def test_no_weight_is_zero_and_one_pixel_has_weight_one():
    assert tiling.gaussian_weights(1).tolist() == [[1]]
    assert all(tiling.gaussian_weights(size).min() > 0 for size in (2, 3, 5, 8, 31, 64, 255, 256, 512))


def test_stitch_weighs_what_overlaps_by_hand():
    left, right = np.zeros((4, 4, 1), np.float32), np.ones((4, 4, 1), np.float32)
    stitched = stitch([(0, 0, left), (0, 2, right)], 4, 6)
    # of one row, about the pixel 2, with sigma 1/2: exp(-8), exp(-2), 1, exp(-2); column 2 is the left patch's
    # third pixel and the right one's first, column 3 the left one's fourth and the right one's second
    third = math.exp(-8) / (1 + math.exp(-8))
    assert stitched.shape == (4, 6, 1)
    np.testing.assert_allclose(stitched[1, :, 0], [0, 0, third, 0.5, 1, 1], rtol=1e-3)


def test_one_patch_is_its_scene_with_and_without_padding():
    patch = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(stitch([(0, 0, patch)], 8, 8), patch, rtol=1e-6)
    np.testing.assert_allclose(stitch([(0, 0, patch)], 5, 8), patch[:5], rtol=1e-6)
    np.testing.assert_allclose(stitch([(0, 0, patch)], 8, 1), patch[:, :1], rtol=1e-6)


def test_stitch_is_the_inverse_of_cut_and_takes_a_generator():
    scene = np.random.default_rng(1).random((21, 34, 4)).astype(np.float32)
    for size, overlap in ((8, 0), (8, 4), (7, 0), (16, 11), (40, 0)):
        pieces = tiling.cut(scene, size, overlap)
        np.testing.assert_allclose(stitch((piece for piece in pieces), 21, 34), scene, rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 16), st.data())
def test_what_is_constant_stays_constant(height, width, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    value = np.float32(data.draw(st.floats(0.125, 1, width=32)))
    pieces = tiling.cut(np.full((height, width, 2), value), size, overlap)
    pieces = [(row, column, np.full_like(patch, value)) for row, column, patch in pieces]  # no zeros for padding
    np.testing.assert_allclose(stitch(pieces, height, width), value, rtol=1e-6)


def test_a_pixel_that_no_patch_covers_is_named():
    patch = np.ones((4, 4, 1), np.float32)
    with pytest.raises(ValueError, match="row 0, column 4 of a scene of 4 x 9"):
        stitch([(0, 0, patch), (0, 5, patch)], 4, 9)
    with pytest.raises(ValueError, match="row 0, column 0 of a scene of 2 x 2"):
        stitch([], 2, 2)


def test_a_patch_that_is_not_finite_is_named():
    patch = np.full((4, 4, 1), np.nan, np.float32)
    with pytest.raises(ValueError, match="row 0, column 4 holds values that are not finite"):
        stitch([(0, 0, np.ones_like(patch)), (0, 4, patch)], 4, 8)


def test_one_pixel_is_stitched():
    assert stitch([(0, 0, np.full((1, 1, 1), 0.5, np.float32))], 1, 1).tolist() == [[[0.5]]]
