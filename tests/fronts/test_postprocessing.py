import numpy as np
import pytest

from pix2pix_tf.data.classes import GLACIER, NOT_AVAILABLE, OCEAN, ROCK, ZONE_VALUES
from pix2pix_tf.fronts import postprocessing
from pix2pix_tf.fronts.postprocessing import (
    clip_to_bbox,
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


# ---- Zones --------------------------------------------------------------------------------------------------------


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
    expected = np.zeros((6, 8), bool)
    expected[kept] = True
    assert np.array_equal(clip_to_bbox(np.ones((6, 8), bool), box), expected)


def test_a_cut_front_is_a_copy():
    front = np.ones((2, 2), bool)
    clip_to_bbox(front, None)[0, 0] = False
    assert front.all()


def test_one_pixel_images():
    one = np.ones((1, 1), bool)
    assert clip_to_bbox(one, (0, 1, 0, 1)).all()
    assert not clip_to_bbox(one, (0, 2, 0, 1)).any()
    assert postprocessing.zones_of(np.ones((1, 1, 4))).tolist() == [[0]]
