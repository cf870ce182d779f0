import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_tf.fronts import time_series
from pix2pix_tf.fronts.time_series import Box
from pix2pix_tf.utils.errors import UserError

EAST, NORTH = np.array([1.0, 0.0]), np.array([0.0, 1.0])
BOX = Box(np.array([100.0, 1000.0]), EAST, -NORTH, 400.0, 2000.0)  # the flow is eastward, y from 1000 down to 600


def straight(x, low=500.0, high=1100.0):
    return np.array([[x, high], [x, low]])


def test_a_straight_front_by_hand():
    one = time_series.position([straight(700)], BOX, np.array([[100.0, 800.0], [2000.0, 800.0]]))
    assert one.box == pytest.approx(600) and one.coverage == 1 and one.centre_line == pytest.approx(600)


def test_a_slope_and_a_bay_count_by_their_area_while_the_centre_line_sees_one_point():
    slope = np.array([[600.0, 1000.0], [800.0, 600.0]])
    assert time_series.box_position([slope], BOX) == (pytest.approx(600), 1.0)  # the mean of 500 and 700
    bay = np.array([[700, 1100], [700, 900], [500, 900], [500, 800], [700, 800], [700, 500]], float)  # 200 x 100 less
    one = time_series.position([bay], BOX, np.array([[100.0, 850.0], [2000.0, 850.0]]))
    assert one.box == pytest.approx(600 - 200 * 100 / 400, rel=0.01)
    assert one.centre_line == pytest.approx(400)


def test_a_strip_crossed_three_times_is_glacier_in_two_parts():
    """The front overhangs: it goes on at y = 800 from x = 700 back to 400 and forth to 900."""
    hook = np.array([[700, 1100], [700, 780], [400, 820], [900, 790], [900, 500]], float)
    whole = time_series.box_position([hook], BOX)[0]
    assert whole == pytest.approx((600 * 200 + 800 * 200) / 400, abs=25)
    assert time_series._glacier([1.0, 4.0, 6.0]) == 1 + 2  # up to 1, and from 4 to 6
    assert time_series._glacier([2.0, 4.0]) == 3


def test_ends_within_the_box_continue_to_its_sides_and_the_coverage_says_so():
    mean, coverage = time_series.box_position([straight(700, 700, 900)], BOX)
    assert mean == pytest.approx(600) and coverage == pytest.approx(0.5, abs=0.01)
    assert time_series.box_position([straight(700, 1200, 1500)], BOX) == (None, 0.0)
    assert time_series.box_position([], BOX) == (None, 0.0)
    assert time_series.centre_line_position([straight(700, 1200, 1500)], BOX.centre_line()) is None


def test_of_several_crossings_the_one_farthest_downstream_counts():
    wave = np.array([[300.0, 1000.0], [300.0, 700.0], [500.0, 700.0], [500.0, 900.0], [550.0, 900.0], [550.0, 500.0]])
    assert time_series.centre_line_position([wave], BOX.centre_line()) == pytest.approx(450)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 360), st.floats(-5e6, 5e6), st.floats(-5e6, 5e6), st.floats(-3000, 3000), st.integers(0, 2**32 - 1))
def test_a_front_moved_along_the_flow_moves_that_far_wherever_it_lies(angle, x, y, moved, seed):
    """Whatever the direction of the flow and the shape of the front: both methods recover the move."""
    flow = np.array([np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))])
    across = np.array([flow[1], -flow[0]])
    rng = np.random.default_rng(seed)
    sideways, along = np.linspace(0, 5000, 60), rng.normal(0, 100, 60)
    first = np.array([x, y]) + sideways[:, None] * across + along[:, None] * flow
    fronts = [[first], [(first + moved * flow)[::-1]]]
    box = time_series.box_of_fronts(fronts, 3 * flow)
    before, after = (time_series.position(lines, box, box.centre_line()) for lines in fronts)
    assert box.width == pytest.approx(5000) and before.coverage == after.coverage == 1
    assert after.box - before.box == pytest.approx(moved, abs=1e-3)
    assert after.centre_line - before.centre_line == pytest.approx(moved, abs=1e-3)
    assert 0 < before.box < box.length and 0 < after.box < box.length


def test_the_box_is_what_all_fronts_cover_unless_one_is_stray():
    fronts = [[straight(700, 0, 1000)], [straight(800, 100, 1100)], [straight(650, 0, 1000)]]
    box = time_series.box_of_fronts(fronts, EAST)
    assert box.width == 900
    assert np.allclose(box.corners()[:, 1].min(), 100) and np.allclose(box.corners()[:, 1].max(), 1000)
    stray = time_series.box_of_fronts([*fronts, [straight(650, 5000, 5100)]], EAST)
    assert 900 <= stray.width <= 1100
    with pytest.raises(UserError, match="no scene has a front"):
        time_series.box_of_fronts([[], []], EAST)


def test_a_polygon_is_a_box_whose_upstream_side_follows_from_the_flow():
    ring = np.array([[0, 0], [0, 300], [1000, 300], [1000, 0], [0, 0]], float)
    east = time_series.box_of_polygon(ring, np.array([1.0, 0.2]))
    assert (east.width, east.length) == (pytest.approx(300), pytest.approx(1000))
    assert time_series.box_position([straight(400, -50, 350)], east)[0] == pytest.approx(400)
    west = time_series.box_of_polygon(ring[::-1], np.array([-1.0, 0.2]))
    assert time_series.box_position([straight(400, -50, 350)], west)[0] == pytest.approx(600)
    north = time_series.box_of_polygon(ring, NORTH)
    assert north.width == pytest.approx(1000)
