import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.data import styles
from pix2pix_tf.data.loading import load_dataset

K = styles.ZONES * (1 + styles.OCTAVES)
ROCK, GLACIER, OCEAN = range(styles.ZONES)


def mask(*columns, size=64):
    """A mask whose columns have these classes, float32 [1, size, size, 4]."""
    classes = np.repeat(np.array(columns), size // len(columns))
    return tf.one_hot(np.tile(classes, [1, size, 1]), 4)


def parts(vector, conditions=0):
    return np.split(np.asarray(vector)[0], np.cumsum([K, K, styles.TURNS, conditions]))


# ---- Measuring -----------------------------------------------------------------------------------------------------


def test_a_tone_and_a_checkerboard_by_hand():
    size = 64
    board = 0.3 * (-1.0) ** np.add.outer(np.arange(size), np.arange(size))
    tone = np.where(np.arange(size) < size // 2, 0.2 + board, -0.5)[np.newaxis, :, :, np.newaxis]
    values, flags = (one.numpy()[0] for one in styles.measure(tf.constant(tone, tf.float32), mask(1, 2)))
    assert values[ROCK] == pytest.approx(0.2, abs=1e-3)
    assert values[GLACIER] == pytest.approx(-0.5, abs=1e-3)
    finest, next_octave = values[3:6], values[6:9]
    assert finest[ROCK] == pytest.approx(styles.GAIN * 0.3, abs=0.01)  # all of it within squares of 2 x 2
    assert next_octave[ROCK] < 0.02  # their means are equal
    assert finest[GLACIER] < 0.02
    assert (values[[OCEAN, 3 + OCEAN]] == 0).all()
    assert list(flags[:3]) == [1, 1, 0]


def test_an_edge_between_zones_is_no_texture():
    tone = tf.where(mask(1, 2, 3, 2)[..., 1:2] > 0, 0.9, -0.9)
    values, _ = styles.measure(tone, mask(1, 2, 3, 2))
    assert values.numpy()[0, 3:6].max() < 0.01


def test_a_gradient_is_finite_where_an_image_is_constant():
    tone = tf.zeros([1, 32, 32, 1])
    with tf.GradientTape() as tape:
        tape.watch(tone)
        total = tf.reduce_sum(styles.measure(tone, mask(1, 2, size=32))[0])
    assert np.isfinite(tape.gradient(total, tone).numpy()).all()


def asked(tones, known=(1, 1, 1)):
    """A style that asks for mean tones of rock, glacier and ocean."""
    values, flags = np.zeros((1, K), np.float32), np.zeros((1, K), np.float32)
    values[0, :3], flags[0, :3] = tones, known
    return styles.vector((values, flags), tf.constant([0]), tf.zeros([1, 0]), tf.constant([0]))


def test_tones_are_shifted_to_the_means_asked_for_zone_by_zone(rng):
    zones, tone = mask(0, 1, 2, 3), tf.constant(0.1 * rng.normal(size=(1, 64, 64, 1)), tf.float32)
    shifted = styles.with_tones(tone, zones, asked((0.3, -0.4, 0.2), known=(1, 1, 0)))
    values = styles.measure(shifted, zones)[0].numpy()[0]
    assert values[[ROCK, GLACIER]] == pytest.approx([0.3, -0.4], abs=0.03)
    for columns in (np.s_[:16], np.s_[48:]):  # not available; and ocean, whose tone is not known
        np.testing.assert_allclose(shifted[:, :, columns], tone[:, :, columns], atol=1e-5)


@pytest.mark.parametrize("mean", [-0.9, -0.5, 0.0, 0.6, 0.95])
@pytest.mark.parametrize("wanted", [-0.9, 0.0, 0.9])
def test_a_mean_far_away_is_met_and_the_texture_stays(rng, mean, wanted):
    zones = mask(2)
    tone = tf.constant(np.tanh(np.arctanh(mean) + 0.3 * rng.normal(size=(1, 64, 64, 1))), tf.float32)
    shifted = styles.with_tones(tone, zones, asked((0, wanted, 0))).numpy()
    assert shifted.mean() == pytest.approx(wanted, abs=0.02)
    assert np.std(np.arctanh(shifted)) == pytest.approx(0.3, rel=0.05)
    assert np.abs(shifted).max() <= 1


def test_a_few_pixels_of_a_zone_are_shifted_little():
    zones = np.zeros((1, 32, 32, 4), np.float32)
    zones[..., 2], zones[:, 4, 4] = 1, (0, 1, 0, 0)
    tone = tf.zeros([1, 32, 32, 1])
    shifted = styles.with_tones(tone, tf.constant(zones), asked((0.5, 0.5, 0.5))).numpy()
    assert abs(shifted[0, 4, 4, 0]) < 0.05
    assert shifted[0, 10, 10, 0] == pytest.approx(0.5, abs=0.01)


def test_a_bank_has_the_styles_of_the_training_patches(fronts_data):
    dataset = load_dataset(fronts_data, ("zones", "sar"))
    conditions = {"sensor": ("ERS", "TSX")}
    bank = styles.make_bank(dataset, conditions)
    assert bank.names == dataset.stems["train"]
    assert bank.values.shape == bank.flags.shape == (6, K)
    assert (bank.conditions == [[name.split("_")[2] == s for s in ("ERS", "TSX")] for name in bank.names]).all()
    assert bank.flags[:, :3].any(axis=0).all()
    assert len(set(bank.values[:, GLACIER])) > 1


# ---- Choosing ------------------------------------------------------------------------------------------------------


@pytest.fixture
def bank():
    """Three scenes: without ocean, without rock, and with all zones; statistic k of row r is r + 1 + k / 100."""
    has = np.array([[1, 1, 0], [0, 1, 1], [1, 1, 1]], np.float32)
    flags = np.tile(has, [1, 1 + styles.OCTAVES])
    values = (np.arange(1, 4)[:, np.newaxis] + np.arange(K) / 100).astype(np.float32) * flags
    return styles.Bank(("A", "B", "C"), values, flags, np.eye(2, dtype=np.float32)[[0, 1, 1]])


CONDITIONS = {"sensor": ("ERS", "TSX")}


def choose(bank, style="", present=(1, 1, 1), seed=0, condition=(0, 0)):
    vector = styles.choose(
        bank,
        CONDITIONS,
        tf.constant([present], tf.float32),
        tf.constant([condition], tf.float32),
        tf.constant([style]),
        tf.constant([seed]),
    )
    assert vector.shape == (1, styles.layout(CONDITIONS).size)
    return parts(vector, 2)


def rows(values):
    """The row that each zone's mean comes from; 0: none."""
    return list(np.floor(values[:3] + 0.001).astype(int))


def test_a_named_scene_gives_its_own_statistics_condition_and_direction(bank):
    values, flags, turn, condition, code = choose(bank, "scene:C")
    np.testing.assert_allclose(values, bank.values[2], atol=1e-6)
    np.testing.assert_allclose(flags, bank.flags[2])
    assert list(turn) == [1, *[0] * 7]
    assert list(condition) == [0, 1]
    assert len(code) == styles.CODE


def test_a_zone_that_the_scene_lacks_is_as_in_another_and_one_that_the_mask_lacks_is_absent(bank):
    values, flags, *_ = choose(bank, "scene:A", present=(0, 1, 1))
    assert rows(values)[:2] == [0, 1]
    assert rows(values)[2] in (2, 3)
    assert list(flags[:3]) == [0, 1, 1]


def test_without_a_name_a_scene_with_the_masks_zones_is_drawn_by_the_seed(bank):
    assert {tuple(rows(choose(bank, seed=seed)[0])) for seed in range(20)} == {(3, 3, 3)}
    drawn = {tuple(rows(choose(bank, seed=seed, present=(0, 1, 1))[0])) for seed in range(20)}
    assert drawn == {(0, 2, 2), (0, 3, 3)}
    assert len({choose(bank, seed=seed)[2].tobytes() for seed in range(80)}) == styles.TURNS
    np.testing.assert_array_equal(np.concatenate(choose(bank, seed=9)), np.concatenate(choose(bank, seed=9)))


def test_a_condition_chooses_among_its_scenes_and_stays(bank):
    for seed in range(10):
        values, _, _, condition, _ = choose(bank, seed=seed, present=(1, 1, 0), condition=(1, 0))
        assert rows(values) == [1, 1, 0]
        assert list(condition) == [1, 0]


def test_random_mixes_scenes(bank):
    drawn = {tuple(rows(choose(bank, "random", seed=seed)[0])) for seed in range(60)}
    assert {row[0] for row in drawn} == {1, 3}  # that have rock
    assert {row[1] for row in drawn} == {1, 2, 3}
    assert len(drawn) > 6


@pytest.mark.parametrize("style", ["scene:D", "A", "nonsense"])
def test_an_unknown_style_fails_with_its_name(bank, style):
    with pytest.raises(tf.errors.InvalidArgumentError, match=style):
        choose(bank, style)


def test_rows_of_a_batch_do_not_depend_on_each_other(bank):
    present, condition = tf.ones([3, 3]), tf.zeros([3, 2])
    texts, seeds = tf.constant(["", "random", "scene:A"]), tf.constant([4, 5, 6])
    together = styles.choose(bank, CONDITIONS, present, condition, texts, seeds).numpy()
    for i, (text, seed) in enumerate(zip(("", "random", "scene:A"), (4, 5, 6), strict=True)):
        np.testing.assert_array_equal(together[i], np.concatenate(choose(bank, text, seed=seed)))


def test_a_single_pixel_of_a_zone_is_present():
    one = np.zeros((1, 8, 8), int)
    one[0, 3, 3] = 3
    assert list(styles.present_zones(tf.one_hot(one, 4)).numpy()[0]) == [0, 0, 1]
