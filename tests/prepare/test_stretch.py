"""The stretch to 8 and 16 bits, fixed limits, and the way back to raw values."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pix2pix_tf.prepare.stretch import raw_values, stretch


@given(seed=st.integers(0, 2**31), bits=st.sampled_from([8, 16]), channels=st.sampled_from([(), (3,)]))
@settings(derandomize=True, deadline=None, max_examples=40)
def test_raw_values_come_back_to_half_a_step(seed, bits, channels):
    rng = np.random.default_rng(seed)
    decibels = rng.uniform(-40, 10, (16, 20, *channels)).astype(np.float32)
    grey, limits = stretch(decibels, (2.0, 98.0), bits=bits)
    assert grey.dtype == (np.uint16 if bits == 16 else np.uint8) and grey.shape == decibels.shape
    low, high = np.array(limits[::2]), np.array(limits[1::2])
    step = (high - low) / (2**bits - 1)
    inside = np.clip(decibels.astype(np.float64), low, high)
    difference = np.abs(raw_values(grey, limits) - inside).reshape(16 * 20, -1)
    assert (difference <= 0.5 * step * (1 + 1e-9)).all()


def test_raw_values_of_a_models_output():
    painted = np.array([[-1.0, 0.0, 1.0]])
    np.testing.assert_allclose(raw_values((painted + 1) / 2, (-25.0, 5.0), white=1), [[-25, -10, 5]])


def test_fixed_limits_take_the_place_of_the_cut():
    grey, limits = stretch(np.array([[-30.0, -25.0, -12.5, 0.0, 7.0]]), limits=(-25.0, 0.0))
    assert grey.tolist() == [[0, 0, 128, 255, 255]] and limits == (-25.0, 0.0)
    colour, limits = stretch(np.full((2, 2, 3), 1500.0), limits=(0.0, 3000.0), bits=16)
    assert (colour == 32768).all() and limits == (0.0, 3000.0) * 3


@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
def test_pixels_that_are_not_valid_do_not_count(dtype):
    pixels = np.array([[0, 9999, 10, 20, 30]], dtype)
    grey, limits = stretch(pixels, (0, 100), valid=(pixels > 0) & (pixels < 9999))
    assert (grey.tolist(), limits) == ([[0, 0, 0, 128, 255]], (10.0, 30.0))
