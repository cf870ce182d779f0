import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pix2pix_tf.data.classes import GLACIER, NOT_AVAILABLE, OCEAN, ROCK, ZONE_VALUES
from pix2pix_tf.metrics import segmentation
from pix2pix_tf.metrics.segmentation import confusion_matrix


def test_confusion_by_hand():
    true = np.array([[OCEAN, OCEAN, GLACIER], [OCEAN, ROCK, GLACIER]], np.uint8)
    predicted = np.array([[OCEAN, GLACIER, GLACIER], [OCEAN, GLACIER, NOT_AVAILABLE]], np.uint8)
    counts = confusion_matrix(true, predicted, ZONE_VALUES)
    assert counts.tolist() == [[0, 0, 0, 0], [0, 0, 1, 0], [1, 0, 1, 0], [0, 0, 1, 2]]
    assert counts.dtype == np.int64
    assert segmentation.precision(counts).tolist() == [0, 0, 1 / 3, 1]
    assert segmentation.recall(counts).tolist() == [0, 0, 1 / 2, 2 / 3]
    assert segmentation.f1(counts) == pytest.approx([0, 0, 2 / 5, 4 / 5])
    assert segmentation.iou(counts) == pytest.approx([0, 0, 1 / 4, 2 / 3])
    assert segmentation.macro(segmentation.iou(counts)) == pytest.approx((1 / 4 + 2 / 3) / 4)


def test_a_class_in_neither_mask_is_left_out_and_one_in_either_counts_as_0():
    true = np.array([[OCEAN, OCEAN, GLACIER]], np.uint8)
    predicted = np.array([[OCEAN, OCEAN, OCEAN]], np.uint8)
    counts = confusion_matrix(true, predicted, ZONE_VALUES)
    for measure, ocean in (
        (segmentation.precision, 2 / 3),
        (segmentation.recall, 1),
        (segmentation.f1, 4 / 5),
        (segmentation.iou, 2 / 3),
    ):
        for one in (counts, counts.T):  # the glacier in the truth only, and in the prediction only
            values = measure(one)
            assert np.isnan(values[:2]).all() and values[2] == 0
        assert measure(counts)[3] == pytest.approx(ocean)
        assert segmentation.macro(measure(counts)) == pytest.approx(ocean / 2)


def test_confusion_of_bool_masks_and_of_one_pixel():
    true, predicted = np.array([[True, True, False]]), np.array([[True, False, False]])
    assert confusion_matrix(true, predicted, (0, 1)).tolist() == [[1, 0], [1, 1]]
    assert confusion_matrix(true, predicted, (1, 0)).tolist() == [[1, 1], [0, 1]]
    one = np.full((1, 1), 255, np.uint8)
    assert segmentation.iou(confusion_matrix(one, one, (0, 255)))[1] == 1


def test_confusions_of_images_add_up():
    masks = np.random.default_rng(2).choice(np.array(ZONE_VALUES, np.uint8), (2, 5, 8, 8))
    each = sum(confusion_matrix(true, predicted, ZONE_VALUES) for true, predicted in zip(*masks, strict=True))
    assert np.array_equal(each, confusion_matrix(*masks.reshape(2, 40, 8), ZONE_VALUES))
    assert each.sum() == 320


def test_what_is_no_pair_of_masks_is_refused():
    good, odd = np.full((4, 4), OCEAN, np.uint8), np.full((4, 4), OCEAN, np.uint8)
    odd[1, 2], odd[2, 2] = 255, 3
    for pair in ((good, odd), (odd, good)):
        with pytest.raises(ValueError, match=r"a mask has 3, 255"):
            confusion_matrix(*pair, ZONE_VALUES)
    with pytest.raises(ValueError, match="one shape"):
        confusion_matrix(good, good[:3], ZONE_VALUES)
    with pytest.raises(ValueError, match="one shape"):
        confusion_matrix(good[:0], good[:0], ZONE_VALUES)
    with pytest.raises(ValueError, match="whole numbers, not of float64"):
        confusion_matrix(good, good / 2, ZONE_VALUES)
    for far in (256 + OCEAN, OCEAN - 256):  # OCEAN, if taken for uint8
        with pytest.raises(ValueError, match=f"a mask has {far}"):
            confusion_matrix(good, np.where(odd == 3, far, OCEAN), ZONE_VALUES)


def test_masks_of_wider_types_are_counted_alike():
    masks = np.random.default_rng(3).choice(np.array(ZONE_VALUES, np.uint8), (2, 9, 9))
    counts = confusion_matrix(*masks, ZONE_VALUES)
    assert np.array_equal(confusion_matrix(masks[0].astype(np.int64), masks[1].astype(np.uint16), ZONE_VALUES), counts)


@pytest.mark.filterwarnings("error")
def test_macro_leaves_out_what_does_not_occur_without_a_warning():
    assert segmentation.macro([0.5, np.nan, 1.0]) == 0.75
    assert math.isnan(segmentation.macro([np.nan, np.nan]))


MASKS = st.tuples(*[hnp.arrays(np.uint8, (6, 7), elements=st.sampled_from(ZONE_VALUES))] * 2)


@settings(max_examples=40, deadline=None)
@given(MASKS)
def test_measures_of_masks_hold_together(pair):
    counts = confusion_matrix(*pair, ZONE_VALUES)
    precision, recall, f1, iou = (
        f(counts) for f in (segmentation.precision, segmentation.recall, segmentation.f1, segmentation.iou)
    )
    for values in (precision, recall, f1, iou):
        occurring = values[~np.isnan(values)]
        assert (occurring >= 0).all() and (occurring <= 1).all()
        assert np.isnan(values).tolist() == [not any(value in mask for mask in pair) for value in ZONE_VALUES]
    np.testing.assert_allclose(f1, 2 * iou / (1 + iou), atol=1e-12)
    np.testing.assert_allclose(f1 * (precision + recall), 2 * precision * recall, atol=1e-12)
    np.testing.assert_array_equal(segmentation.precision(counts.T), recall)
    np.testing.assert_array_equal(segmentation.iou(counts.T), iou)
