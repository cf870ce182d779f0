import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from pix2pix_tf.data.classes import GLACIER, NOT_AVAILABLE, OCEAN, ROCK, ZONE_VALUES
from pix2pix_tf.metrics import image as image_metrics
from pix2pix_tf.metrics.image import MEASURES, confidence_interval, dice, dice_linear, mae, psnr, rmse, ssim

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
    wanted = (2 * 0.25 * 0.75 + c1) / (0.25**2 + 0.75**2 + c1)
    assert ssim(np.full((16, 16), 0.25), np.full((16, 16), 0.75)) == pytest.approx(wanted, abs=1e-9)


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
    wanted = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert ssim(x, y) == pytest.approx(wanted, abs=1e-12)


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


def test_confidence_interval_by_the_table_of_student():
    mean, half = confidence_interval([1, 2, 3, 4, 5])
    assert mean == 3
    assert half == pytest.approx(2.776 * math.sqrt(2.5) / math.sqrt(5), abs=1e-3)  # t(0.975, 4 degrees) is 2.776


def test_confidence_interval_holds_the_true_mean_in_95_of_100_cases():
    samples = np.random.default_rng(0).normal(0.3, 0.1, (2000, 8))
    held = [abs(mean - 0.3) <= half for mean, half in map(confidence_interval, samples)]
    assert 0.935 < np.mean(held) < 0.965


def test_confidence_interval_of_one_value_and_of_none():
    assert confidence_interval([0.25]) == (0.25, None)
    assert confidence_interval([0.25, 0.25]) == (0.25, 0)
    with pytest.raises(ValueError, match="No values"):
        confidence_interval([])


def test_confusion_by_hand():
    true = np.array([[OCEAN, OCEAN, GLACIER], [OCEAN, ROCK, GLACIER]], np.uint8)
    predicted = np.array([[OCEAN, GLACIER, GLACIER], [OCEAN, GLACIER, NOT_AVAILABLE]], np.uint8)
    counts = image_metrics.confusion(true, predicted, ZONE_VALUES)
    assert counts.tolist() == [[0, 0, 0, 0], [0, 0, 1, 0], [1, 0, 1, 0], [0, 0, 1, 2]]
    assert counts.dtype == np.int64
    assert image_metrics.precision(counts).tolist() == [0, 0, 1 / 3, 1]
    assert image_metrics.recall(counts).tolist() == [0, 0, 1 / 2, 2 / 3]
    assert image_metrics.f1(counts) == pytest.approx([0, 0, 2 / 5, 4 / 5])
    assert image_metrics.iou(counts) == pytest.approx([0, 0, 1 / 4, 2 / 3])
    assert image_metrics.macro(image_metrics.iou(counts)) == pytest.approx((1 / 4 + 2 / 3) / 4)


def test_a_class_in_neither_mask_is_left_out_and_one_in_either_counts_as_0():
    true = np.array([[OCEAN, OCEAN, GLACIER]], np.uint8)
    predicted = np.array([[OCEAN, OCEAN, OCEAN]], np.uint8)
    counts = image_metrics.confusion(true, predicted, ZONE_VALUES)
    for measure, ocean in (
        (image_metrics.precision, 2 / 3),
        (image_metrics.recall, 1),
        (image_metrics.f1, 4 / 5),
        (image_metrics.iou, 2 / 3),
    ):
        for one in (counts, counts.T):  # the glacier in the truth only, and in the prediction only
            values = measure(one)
            assert np.isnan(values[:2]).all() and values[2] == 0
        assert measure(counts)[3] == pytest.approx(ocean)
        assert image_metrics.macro(measure(counts)) == pytest.approx(ocean / 2)


def test_confusion_of_bool_masks_and_of_one_pixel():
    true, predicted = np.array([[True, True, False]]), np.array([[True, False, False]])
    assert image_metrics.confusion(true, predicted, (0, 1)).tolist() == [[1, 0], [1, 1]]
    assert image_metrics.confusion(true, predicted, (1, 0)).tolist() == [[1, 1], [0, 1]]  # in the order of the classes
    one = np.full((1, 1), 255, np.uint8)
    assert image_metrics.iou(image_metrics.confusion(one, one, (0, 255)))[1] == 1


def test_confusions_of_images_add_up():
    masks = np.random.default_rng(2).choice(np.array(ZONE_VALUES, np.uint8), (2, 5, 8, 8))
    each = sum(image_metrics.confusion(true, predicted, ZONE_VALUES) for true, predicted in zip(*masks, strict=True))
    assert np.array_equal(each, image_metrics.confusion(*masks.reshape(2, 40, 8), ZONE_VALUES))
    assert each.sum() == 320


def test_what_is_no_pair_of_masks_is_refused():
    good, odd = np.full((4, 4), OCEAN, np.uint8), np.full((4, 4), OCEAN, np.uint8)
    odd[1, 2], odd[2, 2] = 255, 3
    for pair in ((good, odd), (odd, good)):
        with pytest.raises(ValueError, match=r"a mask has 3, 255"):
            image_metrics.confusion(*pair, ZONE_VALUES)
    with pytest.raises(ValueError, match="one shape"):
        image_metrics.confusion(good, good[:3], ZONE_VALUES)
    with pytest.raises(ValueError, match="one shape"):
        image_metrics.confusion(good[:0], good[:0], ZONE_VALUES)
    with pytest.raises(ValueError, match="whole numbers, not of float64"):
        image_metrics.confusion(good, good / 2, ZONE_VALUES)
    for far in (256 + OCEAN, OCEAN - 256):  # OCEAN, if taken for uint8
        with pytest.raises(ValueError, match=f"a mask has {far}"):
            image_metrics.confusion(good, np.where(odd == 3, far, OCEAN), ZONE_VALUES)


def test_masks_of_wider_types_are_counted_alike():
    masks = np.random.default_rng(3).choice(np.array(ZONE_VALUES, np.uint8), (2, 9, 9))
    counts = image_metrics.confusion(*masks, ZONE_VALUES)
    assert np.array_equal(
        image_metrics.confusion(masks[0].astype(np.int64), masks[1].astype(np.uint16), ZONE_VALUES), counts
    )


@pytest.mark.filterwarnings("error")
def test_macro_leaves_out_what_does_not_occur_without_a_warning():
    assert image_metrics.macro([0.5, np.nan, 1.0]) == 0.75
    assert math.isnan(image_metrics.macro([np.nan, np.nan]))


MASKS = st.tuples(*[hnp.arrays(np.uint8, (6, 7), elements=st.sampled_from(ZONE_VALUES))] * 2)


@settings(max_examples=40, deadline=None)
@given(MASKS)
def test_measures_of_masks_hold_together(pair):
    counts = image_metrics.confusion(*pair, ZONE_VALUES)
    precision, recall, f1, iou = (
        f(counts) for f in (image_metrics.precision, image_metrics.recall, image_metrics.f1, image_metrics.iou)
    )
    for values in (precision, recall, f1, iou):
        occurring = values[~np.isnan(values)]
        assert (occurring >= 0).all() and (occurring <= 1).all()
        assert np.isnan(values).tolist() == [not any(value in mask for mask in pair) for value in ZONE_VALUES]
    np.testing.assert_allclose(f1, 2 * iou / (1 + iou), atol=1e-12)
    np.testing.assert_allclose(f1 * (precision + recall), 2 * precision * recall, atol=1e-12)
    np.testing.assert_array_equal(image_metrics.precision(counts.T), recall)
    np.testing.assert_array_equal(image_metrics.iou(counts.T), iou)
