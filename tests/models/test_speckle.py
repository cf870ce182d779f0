import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf import config
from pix2pix_tf.models.speckle import (
    NOISE_MAPS,
    make_pixel_discriminator,
    make_speckle_generator,
    make_texture_discriminator,
)
from pix2pix_tf.models.speckle_layers import AddNoise, NoiseAt, Speckle, SpectralConv2D
from pix2pix_tf.utils.errors import UserError

STYLE = 10


def generator(depth=3, size=32, width=2):
    tf.keras.utils.set_random_seed(0)
    chosen = config.make_config("speckle", [f"model.depth={depth}", f"model.generator_width={width}"])
    return make_speckle_generator(chosen.model, 4, STYLE, size)


def inputs(rng, height=32, width=32):
    classes = np.repeat(np.arange(4), height // 4)
    mask = tf.one_hot(np.tile(classes[np.newaxis, :, np.newaxis], [1, 1, width]), 4)
    return (
        mask,
        tf.constant(rng.normal(size=(1, STYLE)), tf.float32),
        tf.constant(rng.normal(size=(1, height, width, NOISE_MAPS)), tf.float32),
    )


def test_the_variants_networks_have_the_sizes_of_the_documentation():
    chosen = config.make_config("speckle")
    assert make_speckle_generator(chosen.model, 4, 63, 256).count_params() == pytest.approx(2.04e6, rel=0.01)
    assert make_pixel_discriminator(16, 4).count_params() == pytest.approx(0.99e6, rel=0.02)
    assert make_texture_discriminator(16, 4, norm=True).count_params() == pytest.approx(0.32e6, rel=0.02)


def test_an_image_of_any_sides_comes_from_mask_style_and_noise(rng):
    network = generator()
    for height, width in ((32, 32), (48, 40)):
        mask, style, noise = inputs(rng, height, width)
        image = network([mask, style, noise]).numpy()
        assert image.shape == (1, height, width, 1)
        assert np.abs(image).max() <= 1
        for changed in ([mask[:, ::-1], style, noise], [mask, style + 1, noise], [mask, style, -noise]):
            assert np.abs(network(changed).numpy() - image).mean() > 1e-3


def test_flow_lines_are_drawn_in_the_ice_alone(rng):
    tf.keras.utils.set_random_seed(0)
    chosen = config.make_config("speckle", ["model.depth=5", "model.generator_width=2"])
    network = make_speckle_generator(chosen.model, 4, STYLE, 64)
    classes = np.full((1, 64, 64), 2)
    classes[:, :, 44:] = 3
    mask, style = tf.one_hot(classes, 4), tf.constant(rng.normal(size=(1, STYLE)), tf.float32)
    noise = np.zeros((1, 64, 64, NOISE_MAPS), np.float32)
    plain = network([mask, style, tf.constant(noise)]).numpy()[0]
    noise[..., 3] = rng.normal(size=(1, 64, 64))
    change = np.abs(network([mask, style, tf.constant(noise)]).numpy()[0] - plain)
    assert change[:, :36].mean() > 1e-3
    assert change[:, 60:].mean() < 0.5 * change[:, :36].mean()  # but for the norms, which see the whole map


def test_the_mask_reaches_every_level(rng):
    network = generator()
    mask, style, noise = inputs(rng)
    with tf.GradientTape() as tape:
        tape.watch(mask)
        total = tf.reduce_sum(tf.square(network([mask, style, noise])))
    assert np.isfinite(tape.gradient(total, mask).numpy()).all()
    tables = [layer for layer in network.layers if type(layer).__name__ == "ModulateByClass"]
    norms = [layer for layer in network.layers if type(layer).__name__ == "FusedInstanceNormalization"]
    assert len(tables) == len(norms) == 4  # two modulations a level: two levels below, two above


@pytest.mark.parametrize(("depth", "size", "cure"), [(5, 32, "depth=4"), (3, 48, "128 or 256")])
def test_a_size_that_does_not_halve_is_refused_with_the_cure(depth, size, cure):
    with pytest.raises(UserError, match=cure):
        generator(depth, size)


def test_a_plain_mask_without_noise_gives_a_plain_image(rng):
    """No border is visible from within: zeros around the maps would draw frames."""
    network = generator()
    mask = tf.one_hot(np.full((1, 64, 64), 2), 4)
    image = network([mask, tf.constant(rng.normal(size=(1, STYLE)), tf.float32), tf.zeros([1, 64, 64, NOISE_MAPS])])
    # Some processors round pixels of a plain map differently, which its norm enlarges; a frame makes 0.4.
    assert float(tf.reduce_max(image) - tf.reduce_min(image)) < 0.01


def test_speckle_by_hand():
    mask = tf.one_hot([[[0, 2]]], 4)
    tone, noise = tf.constant([[[[0.5], [0.5]]]]), tf.constant([[[[1.0], [-2.0]]]])
    speckled = Speckle()([tone, mask, tf.constant([[0.1, 9.0, 0.2, 9.0]]), noise]).numpy().ravel()
    np.testing.assert_allclose(speckled, [0.6, 0.1], atol=1e-6)


def test_noise_keeps_its_deviation_at_every_level(rng):
    noise = tf.constant(rng.normal(size=(1, 256, 256, 2)), tf.float32)
    for times in (0, 2, 4):
        level = NoiseAt(1, times)(noise).numpy()
        assert level.shape == (1, 256 >> times, 256 >> times, 1)
        assert level.std() == pytest.approx(1, abs=0.15)
    np.testing.assert_array_equal(NoiseAt(1, 0)(noise), noise[..., 1:])


@pytest.mark.parametrize("maps", [1, 3])
def test_the_gradients_of_added_noise_are_those_of_the_plain_sum(rng, maps):
    layer = AddNoise()
    x, noise = (tf.constant(rng.normal(size=(2, 4, 4, c)), tf.float32) for c in (3, maps))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        ours = tf.reduce_sum(tf.square(layer([x, noise])))
        plain = tf.reduce_sum(tf.square(x + noise @ tf.convert_to_tensor(layer.strength)))
    for of in (x, layer.trainable_variables[0]):
        np.testing.assert_allclose(tape.gradient(ours, of), tape.gradient(plain, of), rtol=1e-4, atol=1e-4)


def test_patterns_begin_stronger_than_white_noise():
    tf.keras.utils.set_random_seed(0)
    layer = AddNoise()
    layer([tf.zeros([1, 2, 2, 400]), tf.zeros([1, 2, 2, 3])])
    assert np.asarray(layer.strength).std(axis=1) == pytest.approx([0.1, 0.4, 0.4], rel=0.15)


def test_a_spectral_convolution_has_the_gain_as_its_largest_singular_value(rng):
    layer = SpectralConv2D(6, 3, padding="same", use_bias=True, gain=1.4)
    x = tf.constant(rng.normal(size=(1, 8, 8, 4)), tf.float32)
    for _ in range(60):
        layer(x, training=True)
    kernel = np.asarray(layer.kernel)
    largest = np.linalg.svd(kernel.reshape(-1, 6), compute_uv=False)[0]
    expected = 1.4 * tf.nn.conv2d(x, kernel / largest, 1, "SAME")
    np.testing.assert_allclose(layer(x), expected, rtol=1e-3, atol=1e-4)
    before = np.asarray(layer.vector)
    layer(x, training=False)
    np.testing.assert_array_equal(before, layer.vector)


def test_discriminators_return_a_class_for_each_pixel_and_scores_at_two_depths(rng):
    mask, _, _ = inputs(rng, 64, 64)
    image = tf.constant(rng.normal(size=(1, 64, 64, 1)), tf.float32)
    logits, *features = make_pixel_discriminator(2, 4)(image)
    assert logits.shape == (1, 64, 64, 5)
    assert [one.shape[1] for one in features] == [8, 4, 2]
    scores = make_texture_discriminator(2, 4, norm=False)([image, mask])
    assert [one.shape for one in scores] == [(1, 16, 16, 1), (1, 4, 4, 1)]


@pytest.mark.parametrize("norm", [False, True])
def test_the_norm_makes_scores_heed_structure_and_not_contrast(rng, norm):
    image = tf.constant(rng.normal(size=(1, 64, 64, 1)), tf.float32)
    mask = tf.zeros([1, 64, 64, 4])
    discriminator = make_texture_discriminator(4, 4, norm)
    for plain, strong in zip(discriminator([image, mask]), discriminator([3 * image, mask]), strict=True):
        assert np.allclose(plain, strong, atol=1e-3) == norm
