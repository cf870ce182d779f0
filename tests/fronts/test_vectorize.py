import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pix2pix_tf.fronts.vectorize import polylines


def mask(*rows):
    return np.array([[letter == "#" for letter in row] for row in rows])


def test_lines_are_in_order_from_the_upper_end_and_the_longest_comes_first():
    front = mask("#.....#",
                 ".#...#.",
                 "......#",
                 "......#",
                 "..#....")  # fmt: skip
    lines = [line.tolist() for line in polylines(front)]
    assert lines == [[[0, 6], [1, 5], [2, 6], [3, 6]], [[0, 0], [1, 1]], [[4, 2]]]


def test_a_line_begins_at_its_upper_end_even_where_the_sweeps_end_below():
    (line,) = polylines(mask("..#....",
                            ".#.####",
                            "#......"))  # fmt: skip
    assert line.tolist() == [[1, 6], [1, 5], [1, 4], [1, 3], [0, 2], [1, 1], [2, 0]]


def test_a_corner_counts_sqrt_2():
    diagonal = np.eye(6, dtype=bool)  # 5 sqrt 2 = 7.07 long, and so longer than 7 pixels in a row
    front = np.zeros((8, 16), bool)
    front[:6, :6], front[7, 8:15] = diagonal, True
    assert [len(line) for line in polylines(front)] == [6, 7]


def test_a_line_takes_the_way_over_a_corner():
    assert polylines(mask("###", "..#", "..#"))[0].tolist() == [[0, 0], [0, 1], [1, 2], [2, 2]]


def test_of_a_branching_front_the_longest_line_is_taken():
    front = mask("....#....",
                 "....#....",
                 "....#....",
                 "#########",
                 "....#....")  # fmt: skip
    (line,) = polylines(front)
    assert line.tolist() == [[3, column] for column in range(9)]


def test_a_closed_loop_is_followed_all_the_way_around():
    ring = mask("..###..",
                ".#...#.",
                "#.....#",
                ".#...#.",
                "..###..")  # fmt: skip
    (line,) = polylines(ring)
    assert len(line) == len({tuple(pixel) for pixel in line.tolist()}) == ring.sum() == 12
    assert np.abs(np.diff(line, axis=0)).max() == 1
    assert np.abs(line[0] - line[-1]).max() == 1  # its ends touch


def test_a_loop_with_corners_is_not_cut_where_a_corner_leads_around_the_cut():
    ring = mask("#####", "#...#", "#...#", "#...#", "#####")
    (line,) = polylines(ring)
    assert len(line) == 12  # all but the four corners, which the way goes past


def test_two_loops_with_a_bridge_hang_together():
    front = mask("..####..",
                 ".#....#.",
                 "#.#..#.#",
                 ".#....#.")  # fmt: skip
    (line,) = polylines(front)
    assert line[0].tolist() == [3, 1] and line[-1].tolist() == [3, 6]
    assert line[2:-2].tolist() == [[1, 1], [0, 2], [0, 3], [0, 4], [0, 5], [1, 6]]


def test_a_loop_does_not_change_what_becomes_of_another_piece():
    ring, stroke = mask(".##.", "#..#", ".##."), np.zeros((3, 9), bool)
    stroke[1, 2:8] = True
    lines = polylines(np.hstack([ring, stroke]))
    assert sorted(len(line) for line in lines) == [6, 6]


def test_a_block_of_four_and_an_empty_front():
    assert len(polylines(np.ones((2, 2), bool))[0]) == 2
    assert polylines(np.zeros((3, 3), bool)) == []
    assert [line.tolist() for line in polylines(np.ones((1, 1), bool))] == [[[0, 0]]]


@settings(max_examples=60, deadline=None)
@given(hnp.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_each_line_is_a_chain_of_its_front(front):
    lines = polylines(front)
    seen = [tuple(pixel) for line in lines for pixel in line.tolist()]
    assert len(seen) == len(set(seen))
    assert all(front[pixel] for pixel in seen)
    assert all((np.abs(np.diff(line, axis=0)).max(axis=1) == 1).all() for line in lines if len(line) > 1)
    assert bool(lines) == front.any()
