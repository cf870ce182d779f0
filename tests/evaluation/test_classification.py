import numpy as np
import pytest

from pix2pix_tf.evaluation.classification import score


def test_the_scores_by_hand():
    predicted = np.array([0.9, 0.6, 0.4, 0.8, 0.1])
    cloudy = np.array([True, True, True, False, False])
    accuracy, precision, recall, f1, auc, commoner = score(predicted, cloudy)
    assert accuracy == pytest.approx(3 / 5)  # 0.4 is missed, 0.8 is a false alarm
    assert precision == pytest.approx(2 / 3) and recall == pytest.approx(2 / 3) and f1 == pytest.approx(2 / 3)
    assert auc == pytest.approx(4 / 6)  # of six pairs, 0.6 and 0.4 stand below 0.8
    assert commoner == pytest.approx(3 / 5)


def test_chance_and_a_tie_have_an_auc_of_a_half():
    assert score(np.full(6, 0.5), np.array([True, False] * 3))[4] == 0.5


def test_one_class_alone_has_no_auc():
    assert np.isnan(score(np.array([0.2, 0.7]), np.array([True, True]))[4])
