import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from pix2pix_tf.config import DataConfig, make_config
from pix2pix_tf.data import augmentation
from pix2pix_tf.data.augmentation import random_jitter
from pix2pix_tf.utils.errors import UserError


def sample(size=32):
    row = np.repeat(np.arange(size, dtype=np.float32)[:, None], size, axis=1) / size * 2 - 1
    return {"sar": tf.constant(row[..., None]), "zones": tf.constant((row[..., None] > 0).astype(np.float32))}


def jitter(seed, scale=1.25, flip=0.5, images=None):
    return random_jitter(images or sample(), tf.constant(seed), scale, flip)


def test_the_same_seed_gives_the_same_sample_eagerly_and_in_tf_data():
    eager = jitter([1, 2])
    (mapped,) = tf.data.Dataset.from_tensors(sample()).map(lambda images: jitter([1, 2], images=images))
    for role in eager:
        np.testing.assert_array_equal(eager[role], mapped[role])


def test_seeds_move_the_crop_and_flip_half_of_the_samples():
    ramp = {"sar": tf.transpose(sample()["sar"], [1, 0, 2])}
    found = [jitter([0, i], images=ramp)["sar"].numpy()[..., 0] for i in range(60)]
    assert len({image.tobytes() for image in found}) > 10
    flipped = sum(image[0, 0] > image[0, -1] for image in found)
    assert 18 <= flipped <= 42


def test_roles_are_changed_alike():
    for seed in range(10):
        images = jitter([seed, 0])
        edge = images["sar"].numpy()[..., 0] > 0
        assert np.mean(edge != images["zones"].numpy()[..., 0]) <= 1 / 32 + 1e-6


def test_classes_are_never_interpolated_and_brightness_stays_in_range(rng):
    noise = {
        "zones": tf.one_hot(rng.integers(0, 4, (32, 32)), 4),
        "sar": tf.constant(rng.uniform(-1, 1, (32, 32, 1)), tf.float32),
    }
    images = jitter([3, 4], images=noise)
    assert set(np.unique(images["zones"])) == {0.0, 1.0}
    assert np.abs(images["sar"]).max() <= 1.0


@pytest.mark.parametrize("flip", [0.5, 0.0])
def test_without_enlarging_only_the_flip_is_left(flip, rng):
    image = tf.constant(rng.uniform(-1, 1, (8, 8, 1)), tf.float32)
    found = {jitter([i, 0], 1.0, flip, {"sar": image})["sar"].numpy().tobytes() for i in range(20)}
    expected = {image.numpy().tobytes()} | ({image.numpy()[:, ::-1].tobytes()} if flip else set())
    assert found == expected


def test_shapes_are_kept_and_known():
    images = jitter([0, 0])
    assert images["sar"].shape == (32, 32, 1)


CHANGES = [
    augmentation.rotate,
    augmentation.brighten,
    augmentation.noise,
    augmentation.elastic_deformation,
    augmentation.zone_tones,
    augmentation.contrast,
    augmentation.affine,
    augmentation.blur,
]


def scene(rng, size=32):
    """Smooth SAR with a dark corner that is not available, zones that follow its brightness, and a front."""
    zones = np.repeat(np.arange(size)[:, None] * 4 // size, size, axis=1)
    sar = np.where(zones == 0, -1.0, zones / 4 + rng.uniform(-0.1, 0.1, (size, size)))
    front = np.where(np.arange(size)[:, None] == size // 2, 1.0, -1.0) * np.ones(size)
    return {
        "sar": tf.constant(sar[..., None], tf.float32),
        "zones": tf.one_hot(zones, 4),
        "fronts": tf.constant(front[..., None], tf.float32),
        "elevation": tf.constant(sar[..., None], tf.float32),
    }


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_the_same_eagerly_and_in_tf_data_and_keeps_ranges_and_classes(change, rng):
    images = scene(rng)
    eager = change(images, tf.constant([3, 4]))
    (mapped,) = tf.data.Dataset.from_tensors(images).map(lambda images: change(images, tf.constant([3, 4])))
    other = change(images, tf.constant([5, 6]))
    assert any((eager[role].numpy() != other[role].numpy()).any() for role in images)
    for role, image in eager.items():
        np.testing.assert_allclose(image, mapped[role], atol=1e-6)
        assert image.shape == mapped[role].shape == images[role].shape
        assert np.abs(image).max() <= 1.0
    assert (eager["zones"].numpy().sum(axis=-1) == 1).all()
    assert set(np.unique(eager["zones"])) <= {0.0, 1.0} and set(np.unique(eager["fronts"])) <= {-1.0, 1.0}


def test_turns_are_the_three_that_leave_a_square_in_place(rng):
    image = rng.uniform(-1, 1, (4, 4)).astype(np.float32)
    images = {"sar": tf.constant(image[..., None])}
    found = {augmentation.rotate(images, tf.constant([i, 0]))["sar"].numpy()[..., 0].tobytes() for i in range(30)}
    assert found == {np.rot90(image, k).tobytes() for k in (1, 2, 3)}


def test_brightness_moves_the_sar_by_up_to_a_fifth_and_leaves_unavailable_pixels(rng):
    images = scene(rng)
    moved = []
    for i in range(40):
        changed = augmentation.brighten(images, tf.constant([i, 0]))
        assert (changed["elevation"].numpy() == images["elevation"].numpy()).all()
        difference = (changed["sar"] - images["sar"]).numpy()
        assert (difference[images["sar"].numpy() == -1] == 0).all()
        moved.append(difference[20, 5, 0] / 2)  # the range is 2
    assert -0.2 <= min(moved) < -0.1 and 0.1 < max(moved) <= 0.2


def test_noise_is_multiplicative_with_a_deviation_of_three_tenths():
    images = {"sar": tf.concat([tf.fill([200, 200, 1], -0.5), tf.fill([1, 200, 1], -1.0)], axis=0)}
    factor = (augmentation.noise(images, tf.constant([1, 2]))["sar"].numpy() + 1) / 0.5
    assert factor[:-1].mean() == pytest.approx(1, abs=0.01) and factor[:-1].std() == pytest.approx(0.3, abs=0.01)
    assert (factor[-1] == 0).all()  # black stays black


def test_a_displacement_moves_neighbours_by_one_pixel_at_most_so_that_nothing_folds():
    for i in range(5):
        flow = augmentation.displacement(40, 56, tf.constant([i, 0]), tf.constant(0.7)).numpy()
        steps = [np.abs(np.diff(flow, axis=axis)).max() for axis in (0, 1)]
        assert max(steps) == pytest.approx(1, abs=1e-4)


def test_warping_is_scipys(rng):
    image = rng.uniform(-1, 1, (20, 30, 2)).astype(np.float32)
    flow = rng.uniform(-9, 9, (20, 30, 2)).astype(np.float32)
    rows, columns = np.mgrid[:20, :30]
    source = [rows - flow[..., 0], columns - flow[..., 1]]
    expected = [ndimage.map_coordinates(image[..., c], source, order=1, mode="nearest") for c in range(2)]
    got = augmentation.warped(tf.constant(image), tf.constant(flow), nearest=False)
    np.testing.assert_allclose(got, np.stack(expected, axis=-1), atol=1e-4)
    classes = (image > 0).astype(np.float32)
    expected = [ndimage.map_coordinates(classes[..., c], np.round(source), order=0, mode="nearest") for c in range(2)]
    got = augmentation.warped(tf.constant(classes), tf.constant(np.round(flow)), nearest=True)
    np.testing.assert_array_equal(got, np.stack(expected, axis=-1))


def test_a_deformed_sar_and_its_zones_stay_together(rng):
    for i in range(5):
        images = augmentation.elastic_deformation(scene(rng), tf.constant([i, 1]))
        dark = images["sar"].numpy()[..., 0] < -0.5
        assert np.mean(dark != (images["zones"].numpy()[..., 0] == 1)) < 0.04


def test_each_zone_gets_a_brightness_of_its_own_by_up_to_8_db_and_black_stays_black(rng):
    images = scene(rng, 64) | {"sar": tf.tensor_scatter_nd_update(tf.fill([64, 64, 1], -0.9), [[40, 9, 0]], [-1.0])}
    decibels = []
    for i in range(40):
        sar = augmentation.zone_tones(images, tf.constant([i, 3]))["sar"].numpy()[..., 0]
        assert sar[40, 9] == -1
        bands = [sar[16 * zone + 2 : 16 * zone + 14, 20:] + 1 for zone in range(4)]  # two pixels from the borders
        assert all(np.ptp(band) < 1e-6 for band in bands)
        decibels.append([20 * np.log10(band.mean() / 0.1) for band in bands])
    decibels = np.array(decibels)
    assert -8.001 < decibels.min() < -6 and 6 < decibels.max() < 8.001
    assert np.abs(np.corrcoef(decibels.T) - np.eye(4)).max() < 0.5


def test_contrast_is_a_power_between_a_half_and_two_and_keeps_black_and_white():
    images = {"sar": tf.constant([-1.0000001, -0.5, 1.0])[:, None, None]}  # as interpolation in float32 may leave it
    powers = []
    for i in range(40):
        black, grey, white = augmentation.contrast(images, tf.constant([i, 3]))["sar"].numpy()[:, 0, 0]
        assert (black, white) == (-1, 1)
        powers.append(np.log((grey + 1) / 2) / np.log(0.25))
    assert 0.5 <= min(powers) < 0.6 and 1.8 < max(powers) <= 2.0001


def test_blur_is_scipys_and_black_stays_black(rng, monkeypatch):
    monkeypatch.setattr(augmentation, "BLUR", (1.2, 1.2))
    image = rng.uniform(-0.9, 1, (24, 30, 2)).astype(np.float32)
    image[5, 6] = -1
    expected = ndimage.gaussian_filter(image, (1.2, 1.2, 0), radius=4)
    expected[5, 6] = -1
    blurred = augmentation.blur({"sar": tf.constant(image)}, tf.constant([1, 2]))["sar"]
    np.testing.assert_allclose(blurred, expected, atol=1e-5)


@pytest.mark.parametrize(("zoom", "turn"), [(1.4, 0.0), (1.0, 20.0), (1.4, 20.0)])
def test_affine_moves_each_role_as_scipy_does(zoom, turn, rng, monkeypatch):
    """A blob, a few pixels wide, ends where its middle, turned and zoomed around the image's, lies."""
    monkeypatch.setattr(augmentation, "ZOOM", zoom)
    monkeypatch.setattr(augmentation, "TURN", turn)
    rows, columns = np.mgrid[:41, :41]
    blob = (np.hypot(rows - 12, columns - 26) < 3.5).astype(np.float32)
    images = {"sar": tf.constant(blob[..., None] * 2 - 1), "zones": tf.one_hot(blob.astype(int), 4)}
    for i in range(5):
        moved = augmentation.affine(images, tf.constant([i, 3]))
        exponent, share = tf.random.stateless_uniform([2], [i, 3], -1.0, 1.0).numpy()
        angle, factor = np.deg2rad(turn * share), zoom**exponent
        back = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / factor  # rows, columns
        expected = np.array([20, 20]) + np.linalg.inv(back) @ [12 - 20, 26 - 20]
        for found in (moved["sar"].numpy()[..., 0] + 1, moved["zones"].numpy()[..., 1]):
            np.testing.assert_allclose(ndimage.center_of_mass(found), expected, atol=0.35)
            assert found.sum() / found.max() == pytest.approx(blob.sum() * factor**2, rel=0.25)


def test_zone_tones_need_zones():
    with pytest.raises(UserError, match=r"data\.zone_tones .* needs the role zones"):
        make_config("fronts", ["data.zone_tones=0.5"])


def test_each_change_comes_as_often_as_it_should(rng):
    images = scene(rng)
    for option in ("rotate", "brighten", "elastic", "noise", "zone_tones", "contrast", "affine", "blur"):
        data = DataConfig(jitter=1.0, flip=0.0, **{option: 0.3})
        changed = [augmentation.augment(images, tf.constant([i, 7]), data)["sar"].numpy() for i in range(60)]
        share = np.mean([(image != images["sar"].numpy()).any() for image in changed])
        assert 0.12 <= share <= 0.5, option


def test_without_any_probability_nothing_changes(rng):
    images = scene(rng)
    same = augmentation.augment(images, tf.constant([1, 2]), DataConfig(jitter=1.0, flip=0.0))
    assert all((same[role].numpy() == images[role].numpy()).all() for role in images)


def test_the_turn_names_what_augmentation_has_done():
    data = DataConfig(jitter=1.0, flip=0.5, rotate=0.75)
    image = np.arange(16, dtype=np.float32).reshape(4, 4, 1) / 16
    turns = set()
    for number in range(40):
        seed = tf.constant([3, number])
        turn = int(augmentation.turn(seed, data))
        expected = np.rot90(image[:, ::-1] if turn >= 4 else image, turn % 4)
        np.testing.assert_array_equal(augmentation.augment({"sar": tf.constant(image)}, seed, data)["sar"], expected)
        turns.add(turn)
    assert turns == set(range(8))
