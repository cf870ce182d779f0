import numpy as np
import pytest

from pix2pix_tf.evaluation.verdict import verdict


def test_the_best_and_the_second_are_compared_image_by_image():
    hard = np.array([0.1, 0.4, 0.7, 0.3])  # images differ far more than runs
    said = verdict({"a": hard, "b": hard + np.array([0.01, 0.02, 0.01, 0.02]), "c": hard - 0.3}, "SSIM", 3)
    assert said.startswith("**`b` is best by SSIM: 0.390 ± ")
    assert "mean of 4 images" in said
    assert "`a` follows 0.015 ± 0.009 behind" in said  # t(3) = 3.18 times 0.00577 / 2
    assert "more than chance explains" in said


def test_runs_within_chance_cannot_be_told_apart():
    said = verdict({"a": [0.5, 0.4, 0.6], "b": [0.4, 0.6, 0.48]}, "SSIM", 2)
    assert "`a` is best" in said
    assert "cannot be told apart" in said


def test_the_least_distance_is_best_on_the_scenes_that_all_have():
    said = verdict({"a": [100, np.nan, 300], "b": [110, 5, 330]}, "distance in metres", 0, "scenes", True)
    assert "`a` is best by distance in metres: 200 ± " in said
    assert "mean of 2 scenes" in said


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"a": [0.5]}, "**`a`: SSIM 0.50**, the mean of 1 image."),
        ({"a": [np.nan], "b": [0.1]}, ""),
        ({"a": [0.5], "b": [0.4]}, "one image cannot decide between them"),
    ],
)
def test_little_says_little(values, expected):
    said = verdict(values, "SSIM", 2)
    assert expected in said and (expected or not said)
