"""What is measured and generated from an export, piece by piece."""

from types import SimpleNamespace

import numpy as np
import pytest

from pix2pix_tf.export import inference


@pytest.mark.parametrize(("height", "width"), [(4, 4), (7, 9), (8, 5), (3, 12)])
def test_a_style_is_measured_on_pieces_that_cover_the_image(height, width):
    seen = np.zeros((height, width), bool)

    def measure_style(sar, zones):
        seen.flat[sar[sar > 0] - 1] = True
        assert sar.shape == zones.shape == (1, min(4, height), min(4, width), 1)
        return np.full([1, 2], float(sar.max())), np.ones([1, 2])

    sar = np.arange(1, height * width + 1, dtype=np.uint16).reshape(height, width, 1)
    model = SimpleNamespace(size=4, measure_style=measure_style)
    values, flags = inference.measure_style(model, sar, np.zeros_like(sar))
    assert seen.all() and flags == (1.0, 1.0)
    assert 0 < values[0] <= height * width
