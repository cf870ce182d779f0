import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.metrics.image import MEASURES, dice, dice_linear, mae, psnr, rmse, ssim

X = np.array([[1.0, 0.5], [0.0, 0.0]])
Y = np.array([[0.5, 0.5], [1.0, 0.0]])  # sum xy 0.75, sum x 1.5, sum y 2, sum x^2 1.25, sum y^2 1.5

SHAPES = st.sampled_from([(11, 11), (16, 12), (13, 13, 1), (12, 15, 3)])
UNIT = st.floats(0, 1, width=32)
PAIRS = SHAPES.flatmap(lambda shape: st.tuples(*[hnp.arrays(np.float32, shape, elements=UNIT)] * 2))


def random_pair(shape, seed=0):
    return np.random.default_rng(seed).random((2, *shape))


def test_dice_by_hand():
    assert dice(X, Y) == pytest.approx(2 * 0.75 / (1.25 + 1.5))
    assert dice_linear(X, Y) == pytest.approx(2 * 0.75 / (1.5 + 2))


def test_dice_of_masks_is_twice_the_overlap_over_the_two_areas():
    x, y = np.zeros((4, 4)), np.zeros((4, 4))
    x[:, :2], y[:, 1:3] = 1, 1
    assert dice(x, y) == dice_linear(x, y) == 0.5


@pytest.mark.parametrize("measure", [dice, dice_linear])
def test_dice_of_black_images(measure):
    black, white = np.zeros((4, 4)), np.ones((4, 4))
    assert measure(black, black) == 1
    assert measure(black, white) == 0


def test_dice_linear_of_a_grey_image_with_itself_is_no_1():
    grey = np.full((4, 4), 0.25)
    assert dice(grey, grey) == 1
    assert dice_linear(grey, grey) == 0.25


def test_ssim_of_flat_images_compares_their_brightness():
    c1 = 0.01**2
    expected = (2 * 0.25 * 0.75 + c1) / (0.25**2 + 0.75**2 + c1)
    assert ssim(np.full((16, 16), 0.25), np.full((16, 16), 0.75)) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_one_window_by_the_papers_formula():
    x, y = random_pair((11, 11))
    impulse = np.zeros((11, 11))
    impulse[5, 5] = 1
    window = ndimage.gaussian_filter(impulse, 1.5, truncate=3.5)

    def mean(image):
        return np.sum(window * image)

    c1, c2 = 0.01**2, 0.03**2
    mx, my = mean(x), mean(y)
    vx, vy, cov = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    expected = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim(x, y) == pytest.approx(expected, abs=1e-12)


def test_ssim_of_colour_is_the_mean_over_channels():
    x, y = random_pair((20, 20, 3))
    assert ssim(x, y) == pytest.approx(np.mean([ssim(x[..., c], y[..., c]) for c in range(3)]))


def test_ssim_of_an_image_smaller_than_its_window_is_refused():
    with pytest.raises(ValueError, match="11 x 11 pixels; an image of 32 x 10"):
        ssim(*random_pair((32, 10)))


def test_errors_by_hand():
    x = np.array([[0.5, 0.5], [0.5, 0.5]])
    y = np.array([[0.8, 0.4], [0.5, 0.5]])
    assert mae(x, y) == pytest.approx(0.1)
    assert rmse(x, y) == pytest.approx(math.sqrt(0.1 / 4))
    assert psnr(x, x - 0.1) == pytest.approx(20)
    assert psnr(np.zeros((4, 4)), np.ones((4, 4))) == 0


def test_psnr_of_equal_images_is_the_cap_and_one_grey_level_in_one_pixel_lies_below():
    x = np.full((256, 256), 0.5)
    y = x.copy()
    y[3, 4] += 1 / 255
    assert psnr(x, x) == image_metrics.HIGHEST_PSNR == 100
    assert psnr(x, y) == pytest.approx(20 * math.log10(255 * 256))
    assert psnr(x, y) < 100


@pytest.mark.parametrize("measure", MEASURES.values())
def test_what_is_no_pair_of_images_is_refused(measure):
    good = np.full((16, 16), 0.5)
    for bad in (good[:15], good[..., None, None], np.full((16, 16), 1.01), np.full((16, 16), -0.01), good * np.nan):
        with pytest.raises(ValueError, match="A measure takes"):
            measure(good, bad)
    with pytest.raises(ValueError, match="A measure takes"):
        measure(good[:0], good[:0])


@settings(max_examples=40, deadline=None)
@given(PAIRS)
def test_measures_are_symmetric_and_bounded(pair):
    x, y = pair
    highest = {"psnr": image_metrics.HIGHEST_PSNR}
    for name, measure in MEASURES.items():
        value = measure(x, y)
        assert value == pytest.approx(measure(y, x), abs=1e-12)
        assert (-1 if name == "ssim" else 0) - 1e-9 <= value <= highest.get(name, 1) + 1e-9
    assert dice_linear(x, y) <= dice(x, y) + 1e-12
    assert mae(x, y) <= rmse(x, y) + 1e-12


@settings(max_examples=40, deadline=None)
@given(PAIRS)
def test_an_image_is_most_like_itself(pair):
    x, _ = pair
    assert dice(x, x) == pytest.approx(1)
    assert ssim(x, x) == pytest.approx(1)
    assert psnr(x, x) == 100
    assert mae(x, x) == rmse(x, x) == 0
