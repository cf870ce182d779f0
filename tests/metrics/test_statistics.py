import math

import numpy as np
import pytest

from pix2pix_tf.metrics.statistics import confidence_interval, mean_and_sd


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


def test_mean_and_deviation_leave_out_what_is_no_number():
    nan = math.nan
    assert mean_and_sd([1.0, nan, 3.0]) == (2, pytest.approx(math.sqrt(2)), 2)
    mean, deviation, count = mean_and_sd([0.5, nan])
    assert (mean, count) == (0.5, 1) and math.isnan(deviation)
    mean, deviation, count = mean_and_sd([nan])
    assert count == 0 and math.isnan(mean) and math.isnan(deviation)
