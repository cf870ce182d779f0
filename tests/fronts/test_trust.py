from dataclasses import replace

import numpy as np
import pytest

from pix2pix_tf.data import classes
from pix2pix_tf.fronts import trust

HEIGHT, WIDTH, TILE = 120, 100, 64  # pixels


def fjord(column=50, rows=slice(20, 100)):
    """Glacier flows to the right between rock above and below; the front is straight."""
    zones = np.full((HEIGHT, WIDTH), classes.ROCK, np.uint8)
    zones[rows, :column] = classes.GLACIER
    zones[rows, column:] = classes.OCEAN
    return zones


def assess(front=None, zones=None, percent=95, valid=None, **options):
    zones = fjord() if zones is None else zones
    front = classes.front_of(zones) > 0 if front is None else front
    confidence = np.full(zones.shape, percent, np.uint8)
    valid = np.ones(zones.shape, bool) if valid is None else valid
    return trust.assess(front, zones, confidence, valid, options.pop("target", "zones"), TILE, **options)


def test_a_good_front_has_no_flags_and_its_figures_by_hand():
    one = assess()
    assert (one.length, one.pieces, one.longest) == (79, 1, 1)
    assert (one.probability, one.near_nodata, one.on_seams, one.fjord) == (0.95, 0, 0, 1)
    assert one.spread is None and one.flags("zones") == ()


def test_no_front_has_one_flag():
    one = assess(np.zeros((HEIGHT, WIDTH), bool))
    assert one.pieces == 0 and one.flags("zones") == ("none",)


def test_a_front_that_crosses_a_third_of_the_fjord_is_short():
    front = classes.front_of(fjord()) > 0
    front[47:] = False
    one = assess(front)
    assert one.fjord == pytest.approx(27 / 80, abs=0.01) and one.flags("zones") == ("short",)


@pytest.mark.parametrize("turned", [False, True])
def test_the_fjord_is_measured_across_its_flow_in_any_direction(turned):
    rows, columns = np.indices((200, 200))
    along, across = rows + columns - 200, rows - columns  # the flow is diagonal
    zones = np.where(np.abs(across) > 80, classes.ROCK, np.where(along < 0, classes.GLACIER, classes.OCEAN))
    zones = zones.astype(np.uint8)[::-1] if turned else zones.astype(np.uint8)
    front = classes.front_of(zones) > 0
    flow = trust.downstream(zones, front)
    assert flow == pytest.approx(np.array([-1 if turned else 1, 1]) / np.sqrt(2), abs=0.02)
    one = trust.assess(front, zones, np.full(zones.shape, 99, np.uint8), zones > 0, "zones", 512)
    assert one.fjord > 0.9


def test_ice_beside_the_fjord_and_open_sea_before_it_do_not_count_as_its_width():
    ice = fjord()
    ice[:, :45] = classes.GLACIER  # an ice field behind the rock on both sides
    assert assess(zones=ice).fjord == 1
    sea = fjord()
    sea[:, 56:] = classes.OCEAN  # the fjord ends in the open sea
    assert assess(zones=sea).fjord == 1


def test_pieces_are_told_from_a_line_with_a_crumb():
    front = classes.front_of(fjord()) > 0
    front[58:62] = False
    assert assess(front).pieces == 2 and "pieces" in assess(front).flags("zones")
    front[58:62], front[22:25] = True, False
    assert assess(front).pieces == 2 and "pieces" not in assess(front).flags("zones")


def test_nodata_in_the_image_or_the_mask_beside_the_front_is_counted():
    valid = np.ones((HEIGHT, WIDTH), bool)
    valid[60:, 53:] = False  # 3 pixels beside the front's column
    one = assess(valid=valid)
    assert one.near_nodata == pytest.approx(43 / 80) and one.flags("zones") == ("nodata",)  # 40 rows, and 3 above
    valid[60:, 53] = True
    assert assess(valid=valid).near_nodata == 0
    shadow = fjord()
    shadow[60:100, 53:] = classes.NOT_AVAILABLE
    assert assess(zones=shadow, front=classes.front_of(fjord()) > 0).near_nodata == pytest.approx(43 / 80)
    assert "nodata" in assess(zones=fjord(column=98)).flags("zones")  # along the image's border


def test_a_front_along_a_seam_is_flagged_and_one_across_seams_is_not():
    for column in (TILE // 2 - 1, TILE // 2, TILE - 1, TILE):
        assert assess(zones=fjord(column)).flags("zones") == ("seam",), column
    assert assess(zones=fjord(TILE // 2 + 1)).flags("zones") == ()
    across = np.eye(HEIGHT, WIDTH, dtype=bool)
    assert assess(across).on_seams == 0


def test_an_improbable_front_is_flagged_by_the_rule_of_its_network():
    assert assess(percent=55).flags("zones") == ("improbable",)
    one = assess(percent=30, target="fronts")
    assert one.probability == 0.3 and one.flags("fronts") == () and one.fjord is None
    assert replace(one, probability=0.2).flags("fronts") == ("improbable",)


def test_the_spread_is_the_distance_to_the_mirrored_images_fronts():
    near, far = (classes.front_of(fjord(column)) > 0 for column in (53, 49))
    assert assess(of_flips=[near, far]).spread == pytest.approx(2)  # 3 and 1 pixels
    gone = np.zeros((HEIGHT, WIDTH), bool)
    assert assess(of_flips=[near, gone]).spread == np.inf
    assert assess(of_flips=[near, gone]).flags("zones") == ("uncertain",)
    assert assess(of_flips=[classes.front_of(fjord(80)) > 0]).flags("zones") == ("uncertain",)


def test_every_flag_has_a_meaning():
    everything = trust.Trust(10, 3, 0.3, 0.1, 0.9, 0.9, 0.1, 99.0)
    assert set(everything.flags("zones")) == set(trust.FLAGS) - {"none", "disagreement"}
