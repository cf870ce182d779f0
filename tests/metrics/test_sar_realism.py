import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pix2pix_tf.data import classes
from pix2pix_tf.metrics import sar_realism
from pix2pix_tf.prepare.simulation.sar import speckle

ROCK, GLACIER, OCEAN = range(3)  # places in the results


def everywhere(zone, size=64):
    return np.full((size, size), zone, np.uint8)


# ---- Speckle --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [1, 4, 16])
def test_speckle_of_so_many_looks_is_found_to_have_them(rng, wanted):
    amplitude = 0.2 * np.sqrt(speckle(rng, 256, wanted, 0.0))
    grey = np.rint(255 * np.minimum(amplitude, 1)) / 255
    found = sar_realism.looks(grey, everywhere(classes.OCEAN, 256))
    assert found[OCEAN] == pytest.approx(wanted, rel=0.08)
    assert np.isnan(found[[ROCK, GLACIER]]).all()


def test_a_few_edges_do_not_change_the_looks_and_zones_are_told_apart(rng):
    intensity = np.concatenate([speckle(rng, 128, 2, 0.0), speckle(rng, 128, 9, 0.0)], axis=1)
    intensity[:, 130:134] *= 30  # a crevasse, through one column of windows
    zones = np.concatenate([everywhere(classes.ROCK, 128), everywhere(classes.GLACIER, 128)], axis=1)
    found = sar_realism.looks(np.sqrt(intensity) / 40, zones)
    assert found[:2] == pytest.approx([2, 9], rel=0.12)


def test_what_is_flat_has_looks_without_end_and_what_is_clipped_has_none():
    for grey, wanted in ((0.5, np.inf), (0.0, np.nan), (1.0, np.nan)):
        np.testing.assert_equal(
            sar_realism.looks(np.full((64, 64), grey), everywhere(classes.GLACIER))[GLACIER], wanted
        )


def test_windows_across_a_border_of_zones_do_not_count(rng):
    zones = everywhere(classes.GLACIER)
    zones[::8, ::8] = classes.ROCK  # a pixel of every window
    assert np.isnan(sar_realism.looks(rng.uniform(0.1, 0.9, (64, 64)), zones)).all()


# ---- Brightness -----------------------------------------------------------------------------------------------------


def test_decibels_by_hand():
    np.testing.assert_allclose(sar_realism.decibels(np.array([1.0, 0.1, 0.0])), [0, -20, 20 * np.log10(0.5 / 255)])


def test_pixels_are_counted_by_zone_and_grey():
    zones = np.array([[classes.ROCK, classes.ROCK, classes.OCEAN, classes.NOT_AVAILABLE]], np.uint8)
    counts = sar_realism.count_greys(np.array([[3, 3, 255, 9]]) / 255, zones)
    assert counts[ROCK, 3] == 2 and counts[OCEAN, 255] == 1 and counts.sum() == 3


def test_a_factor_on_the_amplitude_is_its_decibels_between_the_histograms(rng):
    grey, zones = rng.integers(10, 60, (64, 64)), everywhere(classes.GLACIER)
    dim, bright = (sar_realism.count_greys(factor * grey / 255, zones)[GLACIER] for factor in (1, 4))
    assert sar_realism.histogram_distance(dim, bright) == pytest.approx(20 * np.log10(4))
    assert sar_realism.histogram_distance(dim, 7 * dim) == 0  # the size of the set does not matter


def test_a_histogram_of_nothing_is_no_distance():
    assert np.isnan(sar_realism.histogram_distance(np.zeros(256, int), np.ones(256, int)))


counted = arrays.arrays(np.int64, 256, elements=st.integers(0, 9)).filter(np.any)


@settings(max_examples=15, deadline=None)
@given(counted, counted, counted)
def test_the_histogram_distance_is_one(a, b, c):
    far = sar_realism.histogram_distance
    assert far(a, a) == 0 and far(a, b) == pytest.approx(far(b, a))
    assert far(a, c) <= far(a, b) + far(b, c) + 1e-9


# ---- Texture --------------------------------------------------------------------------------------------------------


def test_one_wave_in_the_spectrum_by_hand():
    # d = A cos(2 pi k x / N) under a Hann window: at +-k |F|^2 / sum(w^2) is A^2 N^2 / 9, and a quarter and a sixteenth
    # of it beside and across. Ring k holds both peaks and, of their neighbours, those above and below.
    size, cycles, amplitude = 64, 10, 3.0
    wave = amplitude * np.cos(2 * np.pi * cycles * np.arange(size) / size)
    found = sar_realism.radial_spectrum(np.tile(10 ** ((wave - 20) / 20), (size, 1)), everywhere(classes.OCEAN))
    rows, columns = (size * np.fft.fftfreq(size) for _ in range(2))
    ring = np.rint(np.hypot(rows[:, None], columns)) == cycles
    assert found[cycles - 1] * ring.sum() == pytest.approx((amplitude * size) ** 2 / 9 * 2 * (1 + 2 / 4), rel=1e-6)
    assert max(found[: cycles - 3].max(), found[cycles + 2 :].max()) < 1e-9 * found[cycles - 1]


def test_speckle_that_pixels_do_not_share_has_a_flat_spectrum_at_its_variance(rng):
    spectra = [
        sar_realism.radial_spectrum(10 ** ((rng.normal(-20, 2, (64, 64))) / 20), everywhere(classes.OCEAN))
        for _ in range(30)
    ]
    means = np.mean(spectra, axis=0)
    assert means[4:].mean() == pytest.approx(4, rel=0.02)  # dB^2
    np.testing.assert_allclose(means[4:], 4, rtol=0.25)


def test_what_is_not_available_does_not_enter_the_spectrum(rng):
    image, zones = rng.uniform(0.1, 0.9, (64, 64)), everywhere(classes.ROCK)
    zones[10:30, 20:50] = classes.NOT_AVAILABLE
    other = np.where(zones == classes.NOT_AVAILABLE, 1.0, image)
    np.testing.assert_array_equal(sar_realism.radial_spectrum(image, zones), sar_realism.radial_spectrum(other, zones))
    assert np.isnan(sar_realism.radial_spectrum(image, np.zeros_like(zones))).all()


def test_spectra_that_are_equal_doubled_or_smoothed(rng):
    images = rng.uniform(0.2, 0.9, (3, 64, 64))
    smooth = (images + np.roll(images, 1, 1) + np.roll(images, 1, 2)) / 3

    def spectra(some):
        return np.stack([sar_realism.radial_spectrum(image, everywhere(classes.ROCK)) for image in some])

    assert sar_realism.spectrum_distance(spectra(images), spectra(images)) == 0
    squared = sar_realism.spectrum_distance(spectra(images), spectra(images**2))  # all decibels doubled
    assert squared == pytest.approx(10 * np.log10(4))
    assert sar_realism.spectrum_distance(spectra(images), spectra(smooth)) > 3


def raised(spectra, decibels, low, high):
    """The same spectra with more power from `low` to `high`, cycles per pixel."""
    cycles = np.arange(1, 129) / 256
    return spectra * np.where((cycles >= low) & (cycles <= high), 10 ** (decibels / 10), 1)


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (0, 0.049, [6, 0, 0]),
        (0.0499, 0.2801, [0, 6, 0]),
        (0.2801, 0.5, [0, 0, 6]),
        (0.4, 0.5, [0, 0, 6 * 26 / 57]),  # 103 / 256 to 128 / 256, of 72 / 256 to 128 / 256
    ],
)
def test_power_in_one_band_is_found_in_it_with_its_sign(rng, low, high, wanted):
    plain = rng.uniform(1, 100, (1, 128))
    several = np.concatenate([plain, plain])
    bands = sar_realism.spectrum_bands(raised(plain, 6, low, high), several)
    assert bands == pytest.approx(wanted) and len(bands) == len(sar_realism.BAND_NAMES)
    assert sar_realism.spectrum_bands(several, raised(plain, 6, low, high)) == pytest.approx(-np.array(wanted))


def test_too_smooth_and_too_rough_cancel_in_a_band_and_not_in_the_distance(rng):
    plain = rng.uniform(1, 100, (1, 128))
    one = raised(raised(plain, 3, 73 / 256, 100 / 256), -3, 101 / 256, 0.5)  # 28 frequencies each
    assert sar_realism.spectrum_bands(one, plain) == pytest.approx([0, 0, 0], abs=1e-9)
    assert sar_realism.spectrum_distance(one, plain) == pytest.approx(3 * 56 / 128)


def test_a_small_image_has_no_low_band():
    assert np.isnan(sar_realism.spectrum_bands(np.ones((1, 10)), np.ones((1, 10)))).tolist() == [True, False, False]
    assert sar_realism.spectrum_bands(np.ones((1, 11)), np.ones((1, 11))).tolist() == [0, 0, 0]


# ---- Kernel ---------------------------------------------------------------------------------------------------------


def plain_distance(x, y):
    """As it is written, pair by pair."""

    def k(a, b):
        return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3

    def within(z):
        return sum(k(z[i], z[j]) for i in range(len(z)) for j in range(len(z)) if i != j) / (len(z) * (len(z) - 1))

    return within(x) + within(y) - 2 * sum(k(a, b) for a in x for b in y) / (len(x) * len(y))


def test_the_kernel_distance_and_its_jackknife_pair_by_pair(rng):
    x, y = rng.normal(size=(5, 3)), rng.normal(0.5, 1, size=(4, 3))
    value, error = sar_realism.kernel_distance(x, y)
    assert value == pytest.approx(plain_distance(x, y))
    without_x = np.array([plain_distance(np.delete(x, i, 0), y) for i in range(5)])
    without_y = np.array([plain_distance(x, np.delete(y, i, 0)) for i in range(4)])
    variance = sum((len(left) - 1) * np.mean((left - left.mean()) ** 2) for left in (without_x, without_y))
    assert error == pytest.approx(np.sqrt(variance))


def test_like_sets_are_within_the_error_of_0_and_others_far_above_it(rng):
    alike = np.array([sar_realism.kernel_distance(*rng.gamma(1, size=(2, 60, 16))) for _ in range(40)])
    assert (abs(alike[:, 0]) < 3 * alike[:, 1]).all()
    assert abs(alike[:, 0].mean()) < 3 * alike[:, 0].std() / np.sqrt(40)  # unbiased
    assert 1 < alike[:, 1].mean() / alike[:, 0].std() < 1.6  # the error is no smaller than the scatter, nor absurd
    value, error = sar_realism.kernel_distance(rng.gamma(1, size=(60, 16)), rng.gamma(1, size=(60, 16)) + 1)
    assert value > 5 * error


def test_two_images_on_a_side_tell_no_kernel_distance(rng):
    assert np.isnan(sar_realism.kernel_distance(rng.normal(size=(2, 4)), rng.normal(size=(9, 4)))).all()


# ---- Halves ---------------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from("abcdefg"), min_size=2, max_size=40).filter(lambda names: len(set(names)) > 1))
def test_halves_are_whole_scenes_and_together_everything(scenes):
    pairs = sar_realism.halvings(scenes, 3)
    largest = max(scenes.count(name) for name in scenes)
    for one, other in pairs:
        assert sorted([*one, *other]) == list(range(len(scenes)))
        assert not {scenes[i] for i in one} & {scenes[i] for i in other}
        assert len(one) and len(other)
        assert abs(len(one) - len(other)) <= largest
    again = sar_realism.halvings(scenes, 3)
    assert all((a == b).all() for old, new in zip(pairs, again, strict=True) for a, b in zip(old, new, strict=True))


def test_the_halvings_differ():
    names = [str(i) for i in range(12)]
    assert len({tuple(one) for one, _ in sar_realism.halvings(names, 0)}) > 15


def test_the_measure_finds_a_grid_where_there_is_one(rng):
    noise, dots = rng.normal(size=(8, 128, 128)), np.zeros((128, 128))
    dots[::8, ::8] = 4
    assert abs(sar_realism.grid_strength(noise, 8)) < 1.5
    assert sar_realism.grid_strength(noise + dots, 8) > 10
    assert abs(sar_realism.grid_strength(noise + dots, 16)) < 1.5  # a grid of 8 pixels is none of 16
