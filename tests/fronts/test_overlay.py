import numpy as np
import pytest
from PIL import Image

from pix2pix_tf.data import visualization
from pix2pix_tf.fronts import overlay
from pix2pix_tf.fronts.overlay import BOTH, PREDICTED, TRUE


def drawn(path, sar, predicted=None, true=None, box=None, metres=None, title="t"):
    """The page, and how often a colour is on it."""
    overlay.draw(path / "o.png", sar, predicted, true, box, metres, title)
    page = np.asarray(Image.open(path / "o.png"))
    return page, lambda colour: int((page == colour).all(axis=-1).sum())


def grey(height, width, value=128):
    return np.full((height, width), value, np.uint8)


def column(height, width, place):
    front = np.zeros((height, width), bool)
    front[:, place] = True
    return front


def on_scene(page, scene):
    """The part of the page that shows the scene, without legend and title."""
    height, width = overlay.scale_for_display(scene).shape[:2]
    top = visualization.MARGIN + round(1.35 * visualization.TITLE) + visualization.GAP
    left = (page.shape[1] - width) // 2
    return page[top : top + height, left : left + width]


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((64, 64), (1280, 1280)),
        ((256, 200), (1280, 1000)),
        ((500, 700), (500, 700)),
        ((640, 300), (1280, 600)),
        ((1280, 1280), (1280, 1280)),
        ((1281, 1281), (1280, 1280)),
        ((2000, 3000), (853, 1280)),
        ((1, 1), (1280, 1280)),
        ((2, 5000), (1, 1280)),
    ],
)
def test_sizes_of_pictures(shape, wanted):
    assert overlay.scale_for_display(grey(*shape)).shape == (*wanted, 3)


def test_small_scenes_are_shown_pixel_by_pixel(tmp_path):
    sar = np.random.default_rng(0).integers(0, 256, (80, 128), np.uint8)
    page, _ = drawn(tmp_path, sar)
    enlarged = sar.repeat(10, 0).repeat(10, 1)
    assert np.array_equal(on_scene(page, sar), np.stack([enlarged] * 3, axis=-1))


def test_large_scenes_are_averaged_so_that_speckle_becomes_smooth():
    sar = np.zeros((3840, 3840), np.uint8)
    sar[::2, ::2] = 240  # a pattern that picking every third pixel would turn into another
    inner = overlay.scale_for_display(sar)[5:-5, 5:-5].astype(float)
    assert inner.mean() == pytest.approx(60, abs=2)
    assert inner.std() < 12


def test_both_fronts_have_their_colours_and_a_third_where_they_agree(tmp_path):
    true, predicted = column(128, 128, 40), column(128, 128, 90)
    predicted[:64] = true[:64]
    page, _ = drawn(tmp_path, grey(128, 128), predicted, true)
    scene = on_scene(page, grey(128, 128))
    left, right = 10 * 40 + 5, 10 * 90 + 5  # middles of the pixels
    assert (scene[10:600, left] == BOTH).all()
    assert (scene[700:-10, left] == TRUE).all()
    assert (scene[700:-10, right] == PREDICTED).all()
    assert (scene[700:, left + 3 : right - 3] == 128).all()


def test_lines_are_three_pixels_wide_with_a_dark_edge(tmp_path):
    page, _ = drawn(tmp_path, grey(128, 128, 255), None, column(128, 128, 40))
    row = on_scene(page, grey(128, 128))[640]
    assert [tuple(pixel) for pixel in row[402:409]] == [(255,) * 3, (0,) * 3, TRUE, TRUE, TRUE, (0,) * 3, (255,) * 3]


def test_one_pixel_lines_survive_the_reduction_of_a_large_scene(tmp_path):
    diagonal = np.eye(3000, dtype=bool)
    page, _ = drawn(tmp_path, grey(3000, 3000), column(3000, 3000, 1700), diagonal)
    scene = on_scene(page, grey(3000, 3000))
    for colour in (TRUE, PREDICTED):
        rows = ((scene == colour) | (scene == BOTH)).all(axis=-1).sum(axis=1)
        assert (rows >= 2).all() and np.median(rows) <= 5


def test_slanted_lines_of_enlarged_scenes_have_no_gaps(tmp_path):
    page, _ = drawn(tmp_path, grey(64, 64), np.fliplr(np.eye(64, dtype=bool)), None)
    on = (on_scene(page, grey(64, 64)) == PREDICTED).all(axis=-1)
    assert on[10:-10].any(axis=1).all()
    assert (on[10:-10].sum(axis=1) <= 6).all()


def test_a_single_pixel_is_a_dot(tmp_path):
    front = np.zeros((64, 64), bool)
    front[0, 0] = front[30, 20] = front[63, 63] = True
    page, _ = drawn(tmp_path, grey(64, 64), front)
    assert ((on_scene(page, grey(64, 64)) == PREDICTED).all(axis=-1)).sum() == 27


def test_the_legend_shows_what_there_is(tmp_path):
    scene, front = grey(640, 640, 0), column(640, 640, 5)
    _, with_one = drawn(tmp_path, scene, None, front)
    assert with_one(TRUE) and not with_one(PREDICTED) and not with_one(BOTH)
    _, with_none = drawn(tmp_path, scene, np.zeros_like(front), front)
    swatch = overlay.LINE * overlay.SWATCH[1]
    assert with_none(PREDICTED) == swatch and not with_none(BOTH)  # "predicted front: none"
    _, with_two = drawn(tmp_path, scene, front, front)
    assert with_two(TRUE) == with_two(PREDICTED) == swatch and with_two(BOTH) > swatch


def test_the_box_is_dashed_and_lies_where_it_says(tmp_path):
    scene = grey(128, 128)
    page, _ = drawn(tmp_path, scene, box=(20, 100, 30, 90))
    changed = (on_scene(page, scene) != 128).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert (rows.min(), rows.max() + 1, columns.min(), columns.max() + 1) == (200, 1000, 300, 900)
    assert changed.sum() == 800 * 600 - 796 * 596
    edge = on_scene(page, scene)[200, 300:900, 0]
    assert set(edge) == {0, 255} and 0.4 < (edge == 255).mean() < 0.6


@pytest.mark.parametrize(
    ("box", "seen"), [((-10, 900, -5, 700), True), ((-9, 0, 0, 5), False), ((128, 140, 0, 9), False)]
)
def test_a_box_beyond_the_scene_is_drawn_as_far_as_it_is_seen(tmp_path, box, seen):
    scene = grey(128, 128)
    page, _ = drawn(tmp_path, scene, box=box)
    changed = (on_scene(page, scene) != 128).any(axis=-1)
    assert changed.any() == seen
    assert not changed[2:-2, 2:-2].any()


@pytest.mark.parametrize(
    ("longest", "scale", "metres", "length", "words"),
    [
        (256, 1.0, 7.0, 1000 / 7, "1 km"),
        (256, 5.0, 20.0, 250, "1 km"),
        (256, 5.0, 10.0, 250, "500 m"),
        (256, 0.25, 20.0, 250, "20 km"),
        (256, 20.0, None, 200, "10 pixels"),
        (256, 0.256, None, 256, "1000 pixels"),
        (1280, 1280.0, None, 1280, "1 pixel"),
        (256, 20.0, 0.5, 200, "5 m"),
    ],
)
def test_scale_bars_by_hand(longest, scale, metres, length, words):
    assert overlay.scale_bar(longest, scale, metres) == (pytest.approx(length), words)


def test_a_scale_bar_fits_whatever_the_scale():
    for unit in 10 ** np.random.default_rng(1).uniform(-3, 3, 500):
        length, _ = overlay.scale_bar(256, float(unit), 10.0)
        assert 256 / 2.5 - 1e-6 <= length <= 256
    assert overlay.scale_bar(256, 0.256 * (1 + 1e-16), None)[0] <= 256


def test_the_scale_bar_is_on_the_page(tmp_path):
    page, _ = drawn(tmp_path, grey(128, 128), metres=40.0)  # 10 pixels of the page are 40 m: 256 would be 1024 m
    below = page[visualization.MARGIN + round(1.35 * visualization.TITLE) + visualization.GAP + 1280 :]
    ink = (below == visualization.INK).all(axis=-1)
    assert ink.sum(axis=1).max() >= 250
    line = ink[ink.sum(axis=1).argmax()]
    assert np.nonzero(line)[0].max() == page.shape[1] - visualization.MARGIN - 1
    assert line[page.shape[1] - visualization.MARGIN - 250 :][:250].all()


@pytest.mark.parametrize("shape", [(128, 128), (1280, 40), (40, 1280), (3, 3), (1, 1)])
def test_a_long_title_and_a_full_legend_stay_on_the_page(tmp_path, shape):
    front = np.ones(shape, bool)
    full, _ = drawn(tmp_path, grey(*shape), front, front, (0, 1, 0, 1), 10.0, "a title that nobody should give " * 20)
    short, _ = drawn(tmp_path, grey(*shape), front, front, (0, 1, 0, 1), 10.0, "t")
    assert full.shape == short.shape
    margins = [
        full[:, : visualization.MARGIN],
        full[:, -visualization.MARGIN :],
        full[: visualization.MARGIN],
        full[-visualization.MARGIN :],
    ]
    assert all((margin == 255).all() for margin in margins)
    assert (full[: visualization.MARGIN + visualization.TITLE] < 128).sum() > (
        short[: visualization.MARGIN + visualization.TITLE] < 128
    ).sum()


def test_a_front_that_does_not_fit_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not lie on a scene"):
        drawn(tmp_path, grey(64, 64), column(64, 63, 3))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("north", [0, 90, 180, 270, 30])
def test_the_arrow_points_north_from_the_upper_right_corner(tmp_path, north):
    scene, length = grey(600, 800), overlay.ARROW
    overlay.draw(tmp_path / "o.png", scene, None, None, None, 10.0, "t", north=north)
    seen = on_scene(np.asarray(Image.open(tmp_path / "o.png")), scene)
    white = np.argwhere((seen == 255).all(axis=-1)) - [length, 800 - length]  # from the arrow's middle
    assert len(white) > 100 and np.abs(white).max() < 1.3 * length
    shaft = white[np.hypot(*white.T) < length / 2]
    angle = np.deg2rad(north)
    ahead, aside = shaft @ [-np.cos(angle), np.sin(angle)], shaft @ [np.sin(angle), np.cos(angle)]
    half = np.ptp(aside[ahead < 0]), np.ptp(aside[ahead > 0])
    assert half[0] > half[1] and abs(aside.mean()) < 1  # it narrows northwards, about its axis
    assert (seen[:, : 800 - 3 * length] == 128).all()


def test_fronts_of_two_networks_have_their_names(tmp_path):
    scene = grey(64, 64)
    pages = []
    for names in (overlay.NAMES, ("zones", "fronts")):
        path = tmp_path / "o.png"
        overlay.draw(path, scene, column(64, 64, 9), column(64, 64, 20), None, None, "t", names)
        pages.append(np.asarray(Image.open(path)))
    assert pages[0].shape == pages[1].shape and (on_scene(pages[0], scene) == on_scene(pages[1], scene)).all()
    assert (pages[0] != pages[1]).any()
