import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf.data.augment import random_jitter


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
    wanted = {image.numpy().tobytes()} | ({image.numpy()[:, ::-1].tobytes()} if flip else set())
    assert found == wanted


def test_shapes_are_kept_and_known():
    images = jitter([0, 0])
    assert images["sar"].shape == (32, 32, 1)
