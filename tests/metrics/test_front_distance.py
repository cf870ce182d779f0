import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.spatial.distance import cdist

from pix2pix_tf.metrics import front_distance
from pix2pix_tf.metrics.front_distance import FrontScore


def horizontal(row, columns=range(20), shape=(30, 20)):
    front = np.zeros(shape, bool)
    front[row, list(columns)] = True
    return front


def test_parallel_fronts_ten_pixels_apart_are_70_metres_off():
    score = front_distance.score(horizontal(5), horizontal(15), 7)
    assert score == FrontScore(40 * 70.0, 40, False, False)
    assert score.mean == 70


def test_both_ways_are_counted():
    short, long = horizontal(3, [0]), horizontal(3, [0, 3])
    assert front_distance.distances(short, long).tolist() == [0, 0, 3]  # from predicted, then from true pixels
    assert front_distance.distances(long, short).tolist() == [0, 3, 0]
    assert front_distance.score(short, long, 10).mean == 10


def test_a_front_cut_by_its_box_is_measured_without_what_was_cut():
    predicted, true = horizontal(10), horizontal(10)
    predicted[12:, 19] = True
    cut = predicted.copy()
    cut[12:], cut[:, 10:] = False, False
    # the true front is not cut: its columns 10 to 19 are 1 to 10 pixels from the last predicted one
    assert front_distance.score(cut, true, 1) == FrontScore(55.0, 30, False, False)


def test_missed_and_absent_fronts_are_told_apart():
    nothing, something = np.zeros((4, 4), bool), np.eye(4, dtype=bool)
    assert front_distance.score(nothing, something, 7) == FrontScore(0.0, 0, True, False)
    assert front_distance.score(something, nothing, 7) == FrontScore(0.0, 0, False, True)
    assert front_distance.score(nothing, nothing, 7) == FrontScore(0.0, 0, False, True)
    assert front_distance.score(nothing, something, 7).mean is None


def test_fronts_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        front_distance.distances(np.ones((4, 4), bool), np.ones((4, 5), bool))


def test_pooled_is_the_mean_over_all_distances_and_not_over_images():
    scores = [
        FrontScore(100.0, 10, False, False),
        FrontScore(300.0, 2, False, False),
        FrontScore(0.0, 0, True, False),
        FrontScore(0.0, 0, False, True),
        FrontScore(0.0, 0, False, True),
    ]
    assert front_distance.mean_distance_error(iter(scores)) == (400 / 12, 1, 2)
    assert front_distance.mean_distance_error(scores[2:]) == (None, 1, 2)
    assert front_distance.mean_distance_error([]) == (None, 0, 0)


MASKS = hnp.array_shapes(min_dims=2, max_dims=2, max_side=12).flatmap(
    lambda shape: st.tuples(*[hnp.arrays(bool, shape)] * 2)
)


@settings(max_examples=60, deadline=None)
@given(MASKS)
def test_distances_are_those_of_all_pairs(pair):
    predicted, true = pair
    measured = front_distance.distances(predicted, true)
    if not (predicted.any() and true.any()):
        assert measured.shape == (0,)
        return
    all_pairs = cdist(np.argwhere(predicted), np.argwhere(true))
    assert np.array_equal(measured, np.concatenate([all_pairs.min(axis=1), all_pairs.min(axis=0)]))
    assert sorted(measured) == sorted(front_distance.distances(true, predicted))


@settings(max_examples=40, deadline=None)
@given(MASKS, st.integers(0, 5), st.integers(0, 5), st.floats(0.5, 40))
def test_moving_both_fronts_alike_changes_nothing(pair, down, right, scale):
    moved = [np.pad(front, ((down, 3), (right, 1))) for front in pair]
    before, after = front_distance.score(*pair, scale), front_distance.score(*moved, scale)
    assert before == after
    assert front_distance.score(*moved[::-1], scale).total == pytest.approx(before.total)


def test_fronts_of_one_pixel():
    one, none = np.ones((1, 1), bool), np.zeros((1, 1), bool)
    assert front_distance.score(one, one, 5) == FrontScore(0.0, 2, False, False)
    assert front_distance.distances(one, none).size == 0
