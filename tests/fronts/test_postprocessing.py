import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist

from pix2pix_tf.data import tiling
from pix2pix_tf.data.classes import GLACIER, NOT_AVAILABLE, OCEAN, ROCK, ZONE_VALUES
from pix2pix_tf.fronts import postprocessing
from pix2pix_tf.fronts.postprocessing import (
    FrontScore,
    clip_to_bbox,
    distances,
    front_from_probabilities,
    front_from_zones,
)

LETTERS = {".": OCEAN, "g": GLACIER, "r": ROCK, "n": NOT_AVAILABLE}


def zones(*rows):
    return np.array([[LETTERS[letter] for letter in row] for row in rows], np.uint8)


def mask(*rows):
    return np.array([[letter == "#" for letter in row] for row in rows])


def horizontal(row, columns=range(20), shape=(30, 20)):
    front = np.zeros(shape, bool)
    front[row, list(columns)] = True
    return front


# ---- Stitching ------------------------------------------------------------------------------------------------------


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
    stitched = tiling.stitch([(0, 0, left), (0, 2, right)], 4, 6)
    # of one row, about the pixel 2, with sigma 1/2: exp(-8), exp(-2), 1, exp(-2); column 2 is the left patch's
    # third pixel and the right one's first, column 3 the left one's fourth and the right one's second
    third = math.exp(-8) / (1 + math.exp(-8))
    assert stitched.shape == (4, 6, 1)
    np.testing.assert_allclose(stitched[1, :, 0], [0, 0, third, 0.5, 1, 1], rtol=1e-3)


def test_one_patch_is_its_scene_with_and_without_padding():
    patch = np.random.default_rng(0).random((8, 8, 3)).astype(np.float32)
    np.testing.assert_allclose(tiling.stitch([(0, 0, patch)], 8, 8), patch, rtol=1e-6)
    np.testing.assert_allclose(tiling.stitch([(0, 0, patch)], 5, 8), patch[:5], rtol=1e-6)
    np.testing.assert_allclose(tiling.stitch([(0, 0, patch)], 8, 1), patch[:, :1], rtol=1e-6)


def test_stitch_is_the_inverse_of_cut_and_takes_a_generator():
    scene = np.random.default_rng(1).random((21, 34, 4)).astype(np.float32)
    for size, overlap in ((8, 0), (8, 4), (7, 0), (16, 11), (40, 0)):
        pieces = tiling.cut(scene, size, overlap)
        np.testing.assert_allclose(tiling.stitch((piece for piece in pieces), 21, 34), scene, rtol=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 16), st.data())
def test_what_is_constant_stays_constant(height, width, size, data):
    overlap = data.draw(st.integers(0, size - 1))
    value = np.float32(data.draw(st.floats(0.125, 1, width=32)))
    pieces = tiling.cut(np.full((height, width, 2), value), size, overlap)
    pieces = [(row, column, np.full_like(patch, value)) for row, column, patch in pieces]  # no zeros for padding
    np.testing.assert_allclose(tiling.stitch(pieces, height, width), value, rtol=1e-6)


def test_a_pixel_that_no_patch_covers_is_named():
    patch = np.ones((4, 4, 1), np.float32)
    with pytest.raises(ValueError, match="row 0, column 4 of a scene of 4 x 9"):
        tiling.stitch([(0, 0, patch), (0, 5, patch)], 4, 9)
    with pytest.raises(ValueError, match="row 0, column 0 of a scene of 2 x 2"):
        tiling.stitch([], 2, 2)


def test_a_patch_that_is_not_finite_is_named():
    patch = np.full((4, 4, 1), np.nan, np.float32)
    with pytest.raises(ValueError, match="row 0, column 4 holds values that are not finite"):
        tiling.stitch([(0, 0, np.ones_like(patch)), (0, 4, patch)], 4, 8)


def test_the_likeliest_class_wins_and_the_first_of_equals():
    probabilities = np.array([[[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1], [0.1, 0.4, 0.4, 0.1]]])
    assert postprocessing.zones_of(probabilities).tolist() == [[OCEAN, NOT_AVAILABLE, ROCK]]
    assert postprocessing.zones_of(probabilities).dtype == np.uint8
    assert set(postprocessing.zones_of(np.eye(4)[None]).ravel().tolist()) == set(ZONE_VALUES)
    with pytest.raises(ValueError, match="Zones have 4 classes"):
        postprocessing.zones_of(probabilities[..., :3])


# ---- Zones to front -------------------------------------------------------------------------------------------------


def test_the_front_is_ocean_beside_glacier_and_not_beside_rock_or_over_a_corner():
    scene = zones("ggrr",
                  "g...",
                  "....")  # fmt: skip
    assert front_from_zones(scene, 0).tolist() == mask("....",
                                                       ".#..",
                                                       "#...").tolist()  # fmt: skip


def test_icebergs_in_the_ocean_are_ocean():
    scene = zones("gggggg",
                  "......",
                  "..g...",
                  "..rn..",
                  "......")  # fmt: skip
    before = scene.copy()
    assert front_from_zones(scene, 0).tolist() == mask("......", "######", "......", "......", "......").tolist()
    assert np.array_equal(scene, before)


def test_of_two_oceans_the_larger_stays_and_the_other_becomes_glacier():
    scene = zones("..rggg",
                  "..gggg",
                  "rrrggg",
                  "......")  # fmt: skip
    assert front_from_zones(scene, 0).tolist() == mask("......", "......", "......", "...###").tolist()


def test_of_two_equal_oceans_the_upper_stays():
    assert (
        front_from_zones(zones("....", "gggg", "rrrr", "...."), 0).tolist() == horizontal(0, range(4), (4, 4)).tolist()
    )
    assert not front_from_zones(zones("....", "rrrr", "gggg", "...."), 0).any()


def test_pieces_that_touch_at_a_corner_are_one():
    scene = zones("ggg.",
                  "ggg.",
                  "...g",
                  "....")  # fmt: skip
    assert front_from_zones(scene, 0).tolist() == mask("...#",
                                                       "...#",
                                                       "###.",
                                                       "...#").tolist()  # fmt: skip


@pytest.mark.parametrize("value", [OCEAN, GLACIER, ROCK, NOT_AVAILABLE])
def test_one_zone_all_over_has_no_front(value):
    for shape in ((1, 1), (1, 7), (6, 5)):
        assert not front_from_zones(np.full(shape, value, np.uint8), 0).any()


def test_ocean_without_glacier_has_no_front():
    assert not front_from_zones(zones("rrrr", "....", "nnnn"), 0).any()


def test_a_front_of_the_very_length_is_dropped_and_one_longer_stays():
    scene = zones("ggggrggg",
                  "........")  # fmt: skip
    assert front_from_zones(scene, 2.9).tolist() == mask("........", "####.###").tolist()
    assert front_from_zones(scene, 3).tolist() == mask("........", "####....").tolist()
    assert not front_from_zones(scene, 4).any()


# ---- Probabilities to front -----------------------------------------------------------------------------------------


def test_a_band_becomes_its_middle_line():
    probability = np.zeros((21, 60))
    probability[8:13] = 0.9
    front = front_from_probabilities(probability, 10)
    assert np.array_equal(front[:, 5:55], horizontal(10, range(50), (21, 50)))  # its ends may bend


def test_the_threshold_itself_is_no_front():
    probability = np.zeros((5, 40))
    probability[2] = 0.12
    assert not front_from_probabilities(probability, 10).any()
    assert front_from_probabilities(probability + 1e-9, 10).any()
    assert front_from_probabilities(probability, 10, threshold=0.11).any()


def test_branches_are_cut_off_and_the_longest_line_stays():
    probability = np.zeros((40, 60))
    probability[20, 5:55] = 1  # 50 pixels
    probability[8:20, 30] = 1  # a branch of 12
    front = front_from_probabilities(probability, 10)
    assert np.array_equal(front, horizontal(20, range(5, 55), (40, 60)))


def test_the_length_rule_is_applied_to_lines():
    probability = np.zeros((9, 50))
    probability[2, 5:25], probability[6, 5:26] = 1, 1  # 20 and 21 pixels
    assert np.array_equal(front_from_probabilities(probability, 20), horizontal(6, range(5, 26), (9, 50)))
    assert front_from_probabilities(probability, 19).sum() == 41
    assert not front_from_probabilities(probability, 21).any()


def test_specks_are_no_front_however_short_one_may_be():
    probability = np.zeros((9, 20))
    probability[2, :5], probability[6, :6] = 1, 1
    assert np.array_equal(front_from_probabilities(probability, 0), horizontal(6, range(6), (9, 20)))


def test_no_probability_and_one_pixel_have_no_front():
    assert not front_from_probabilities(np.zeros((30, 30)), 0).any()
    assert not front_from_probabilities(np.ones((1, 1)), 0).any()


# ---- The box --------------------------------------------------------------------------------------------------------


def test_a_box_keeps_from_its_lower_to_below_its_upper_limits():
    front = np.ones((6, 8), bool)
    kept = clip_to_bbox(front, (1, 4, 2, 7))
    assert front.all()
    assert kept.sum() == 3 * 5 and kept[1:4, 2:7].all()


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        (None, np.s_[:, :]),
        ((0, 6, 0, 8), np.s_[:, :]),  # limits equal to the sides
        ((-3, 6, -1, 8), np.s_[:, :]),
        ((0, 7, 0, 8), np.s_[:5, :]),  # one beyond the side: side - 1, as published
        ((0, 6, 0, 100), np.s_[:, :7]),
        ((0, 3.5, 0, 2.5), np.s_[:4, :2]),  # rounded half to even
        ((6, 9, 0, 8), np.s_[:0, :]),  # below the image
        ((-9, -2, 0, 8), np.s_[:0, :]),  # above it
        ((0, 6, -9, 0), np.s_[:0, :]),  # left of it
        ((4, 2, 0, 8), np.s_[:0, :]),
    ],
)
def test_how_a_box_is_clipped(box, kept):
    wanted = np.zeros((6, 8), bool)
    wanted[kept] = True
    assert np.array_equal(clip_to_bbox(np.ones((6, 8), bool), box), wanted)


def test_a_cut_front_is_a_copy():
    front = np.ones((2, 2), bool)
    clip_to_bbox(front, None)[0, 0] = False
    assert front.all()


# ---- Scores ---------------------------------------------------------------------------------------------------------


def test_parallel_fronts_ten_pixels_apart_are_70_metres_off():
    score = postprocessing.score(horizontal(5), horizontal(15), 7)
    assert score == FrontScore(40 * 70.0, 40, False, False)
    assert score.mean == 70


def test_both_ways_are_counted():
    short, long = horizontal(3, [0]), horizontal(3, [0, 3])
    assert distances(short, long).tolist() == [0, 0, 3]  # from the one predicted pixel, then from the two true ones
    assert distances(long, short).tolist() == [0, 3, 0]
    assert postprocessing.score(short, long, 10).mean == 10


def test_a_front_cut_by_its_box_is_measured_without_what_was_cut():
    predicted, true = horizontal(10), horizontal(10)
    predicted[12:, 19] = True
    cut = clip_to_bbox(predicted, (0, 12, 0, 10))
    # the true front is not cut: its columns 10 to 19 are 1 to 10 pixels from the last predicted one
    assert postprocessing.score(cut, true, 1) == FrontScore(55.0, 30, False, False)


def test_missed_and_absent_fronts_are_told_apart():
    nothing, something = np.zeros((4, 4), bool), np.eye(4, dtype=bool)
    assert postprocessing.score(nothing, something, 7) == FrontScore(0.0, 0, True, False)
    assert postprocessing.score(something, nothing, 7) == FrontScore(0.0, 0, False, True)
    assert postprocessing.score(nothing, nothing, 7) == FrontScore(0.0, 0, False, True)
    assert postprocessing.score(nothing, something, 7).mean is None


def test_one_pixel_images():
    one, none = np.ones((1, 1), bool), np.zeros((1, 1), bool)
    assert postprocessing.score(one, one, 5) == FrontScore(0.0, 2, False, False)
    assert distances(one, none).size == 0
    assert clip_to_bbox(one, (0, 1, 0, 1)).all()
    assert not clip_to_bbox(one, (0, 2, 0, 1)).any()
    assert postprocessing.zones_of(np.ones((1, 1, 4))).tolist() == [[0]]
    assert tiling.stitch([(0, 0, np.full((1, 1, 1), 0.5, np.float32))], 1, 1).tolist() == [[[0.5]]]


def test_fronts_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        distances(np.ones((4, 4), bool), np.ones((4, 5), bool))


def test_pooled_is_the_mean_over_all_distances_and_not_over_images():
    scores = [
        FrontScore(100.0, 10, False, False),
        FrontScore(300.0, 2, False, False),
        FrontScore(0.0, 0, True, False),
        FrontScore(0.0, 0, False, True),
        FrontScore(0.0, 0, False, True),
    ]
    assert postprocessing.mean_distance_error(iter(scores)) == (400 / 12, 1, 2)
    assert postprocessing.mean_distance_error(scores[2:]) == (None, 1, 2)
    assert postprocessing.mean_distance_error([]) == (None, 0, 0)


MASKS = hnp.array_shapes(min_dims=2, max_dims=2, max_side=12).flatmap(
    lambda shape: st.tuples(*[hnp.arrays(bool, shape)] * 2)
)


@settings(max_examples=60, deadline=None)
@given(MASKS)
def test_distances_are_those_of_all_pairs(pair):
    predicted, true = pair
    measured = distances(predicted, true)
    if not (predicted.any() and true.any()):
        assert measured.shape == (0,)
        return
    all_pairs = cdist(np.argwhere(predicted), np.argwhere(true))
    assert np.array_equal(measured, np.concatenate([all_pairs.min(axis=1), all_pairs.min(axis=0)]))
    assert sorted(measured) == sorted(distances(true, predicted))


@settings(max_examples=40, deadline=None)
@given(MASKS, st.integers(0, 5), st.integers(0, 5), st.floats(0.5, 40))
def test_moving_both_fronts_alike_changes_nothing(pair, down, right, scale):
    moved = [np.pad(front, ((down, 3), (right, 1))) for front in pair]
    before, after = postprocessing.score(*pair, scale), postprocessing.score(*moved, scale)
    assert before == after
    assert postprocessing.score(*moved[::-1], scale).total == pytest.approx(before.total)
