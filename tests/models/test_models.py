import math

import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf import config
from pix2pix_tf.models.blocks import EPSILON, normalization, spade
from pix2pix_tf.models.cpu_kernels import small_maps
from pix2pix_tf.models.layers import (
    UNROLLED,
    Conv2D,
    Conv2DTranspose,
    FusedInstanceNormalization,
    LeakyReLU,
    SeededDropout,
    SubpixelConv2DTranspose,
)
from pix2pix_tf.models.pix2pix import make_discriminator, make_generator
from pix2pix_tf.utils import tf_compat
from pix2pix_tf.utils.errors import UserError
from tests.helpers import TINY, long


def tiny(*overrides):
    return config.make_config("orig", [*TINY, *overrides]).model


def images(rng, *shape):
    return tf.constant(rng.uniform(-1, 1, shape), tf.float32)


@pytest.mark.parametrize(("variant", "parameters"), [("orig", 54_408_385), ("gen5", 85_007_233)])
def test_the_generator_has_the_papers_size(variant, parameters):
    # By hand for kernel k, one channel in and out, convolutions without bias where a norm follows:
    # k*k * (1*64 + 64*128 + 128*256 + 256*512 + 4*512*512                      encoder
    #        + 512*512 + 3*1024*512 + 1024*256 + 512*128 + 256*64 + 128*1)      decoder
    # + biases 64 + 512 + 1, + two numbers for each normalised channel.
    k = 5 if variant == "gen5" else 4
    weights = 64 + 64 * 128 + 128 * 256 + 256 * 512 + 4 * 512**2 + 512**2 + 3 * 1024 * 512
    weights += 1024 * 256 + 512 * 128 + 256 * 64 + 128
    normalised = 128 + 256 + 4 * 512 + 4 * 512 + 256 + 128 + 64
    assert k * k * weights + (64 + 512 + 1) + 2 * normalised == parameters
    model = config.make_config(variant).model
    assert make_generator(model, 1, 1, 256).count_params() == parameters


@pytest.mark.parametrize(
    ("override", "scores"),
    [("", 30), ("model.discriminator_strides=2,2,2,2,1", 16), ("model.discriminator_kernel=3", 32)],
)
def test_the_discriminators_scores(override, scores):
    model = config.make_config("orig", ["model.discriminator_width=2", *([override] if override else [])]).model
    logits = make_discriminator(model, 4, 1)([tf.zeros([1, 256, 256, 4]), tf.zeros([1, 256, 256, 1])])
    assert logits.shape == (1, scores, scores, 1)


def test_the_receptive_field_is_70_pixels(rng):
    model = config.make_config("orig", ["model.discriminator_width=2", "model.norm=none"]).model
    discriminator = make_discriminator(model, 1, 1)
    image = tf.Variable(images(rng, 1, 256, 256, 1))
    with tf.GradientTape() as tape:
        score = discriminator([tf.zeros([1, 256, 256, 1]), image])[0, 15, 15, 0]
    field = np.argwhere(tape.gradient(score, image).numpy()[0, ..., 0])
    assert (np.ptp(field, axis=0) + 1).tolist() == [70, 70]


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_the_generators_output_is_in_range_at_any_size_that_divides(norm, rng):
    generator = make_generator(tiny(f"model.norm={norm}"), 4, 1, 32)
    for height, width in ((32, 32), (64, 96)):
        generated = generator([images(rng, 2, height, width, 4), tf.constant([0, 1])]).numpy()
        assert generated.shape == (2, height, width, 1)
        assert generated.dtype == np.float32
        assert np.abs(generated).max() <= 1


@pytest.mark.parametrize("levels", [5, 6, 7, 8])
def test_fewer_levels_for_smaller_patches_keep_the_noise(levels, rng):
    generator = make_generator(tiny(f"model.depth={levels}"), 1, 1, 2**levels)
    image = images(rng, 1, 2**levels, 2**levels, 1)
    one, other = (generator([image, tf.constant([seed])]).numpy() for seed in (1, 2))
    assert np.abs(one - other).max() > 1e-4


def test_noise_in_all_blocks_reaches_the_finest_scale(rng):
    image = images(rng, 1, 64, 64, 1)

    def fine_noise(blocks):  # what two seeds make differ within squares of 4 pixels
        tf.keras.utils.set_random_seed(0)
        generator = make_generator(tiny("model.depth=6", f"model.dropout_blocks={blocks}"), 1, 1, 64)
        one, other = (generator([image, tf.constant([seed])]).numpy()[0, ..., 0] for seed in (1, 2))
        squares = (one - other).reshape(16, 4, 16, 4)
        return np.std(squares - squares.mean(axis=(1, 3), keepdims=True)) / one.std()

    assert fine_noise(0) == 0
    assert fine_noise(7) > 1.5 * fine_noise(3) > 0


@pytest.mark.parametrize(("upsampling", "kernel", "plain"), [("resized", 3, True), ("transposed", 4, False)])
def test_interpolated_maps_leave_no_grid_on_a_plain_mask(upsampling, kernel, plain):
    # Far from the borders of a mask of one class all places are alike.
    tf.keras.utils.set_random_seed(0)
    settings = (f"model.upsampling={upsampling}", f"model.generator_kernel={kernel}", "model.dropout_blocks=0")
    generator = make_generator(tiny(*settings), 1, 1, 64)
    generated = generator([tf.ones([1, 512, 512, 1]), tf.constant([0])]).numpy()[0, 240:272, 240:272, 0]
    assert (np.ptp(generated) < 1e-4) == plain


def test_a_size_that_does_not_divide_is_refused_with_the_cure():
    with pytest.raises(UserError, match="96 x 96 do not divide by 2\\*\\*8 = 256.*model.depth=5"):
        make_generator(config.make_config("orig").model, 4, 1, 96)


@pytest.mark.parametrize(("size", "kernel", "fits"), [(32, 3, False), (64, 3, True), (64, 5, False), (128, 5, True)])
def test_the_innermost_map_must_be_larger_than_half_a_kernel_where_maps_are_interpolated(size, kernel, fits):
    model = tiny("model.upsampling=resized", f"model.generator_kernel={kernel}")
    if fits:
        make_generator(model, 1, 1, size)
    else:
        with pytest.raises(UserError, match="innermost map .* prepare patches of 128 or 256 pixels"):
            make_generator(model, 1, 1, size)


def test_the_cure_for_an_innermost_map_that_is_too_small_is_one_that_fits():
    settings = ["model.upsampling=resized", "model.generator_kernel=5", "model.generator_width=4"]
    with pytest.raises(UserError, match="map of 1 x 1 pixels .* model.depth=6"):
        make_generator(config.make_config("gen5", settings).model, 1, 1, 256)
    make_generator(config.make_config("gen5", [*settings, "model.depth=6"]).model, 1, 1, 256)


def test_instance_norm_is_batch_norm_in_training_mode_at_batch_size_one(rng):
    image = images(rng, 1, 16, 16, 8) * 3 + 1
    batch_norm = tf.keras.layers.BatchNormalization(epsilon=EPSILON)
    np.testing.assert_allclose(FusedInstanceNormalization(EPSILON)(image), batch_norm(image, training=True), atol=1e-5)


def test_instance_norm_by_hand():
    image = tf.constant([1.0, 3.0], shape=(1, 1, 2, 1))  # mean 2, variance 1
    np.testing.assert_allclose(
        FusedInstanceNormalization(1e-5)(image)[0, 0, :, 0], np.array([-1, 1]) / np.sqrt(1 + 1e-5), rtol=1e-6
    )


@pytest.fixture
def trained_norm(rng):
    """A layer with a scale and an offset that training might have given it."""
    layer = FusedInstanceNormalization(EPSILON)
    layer.build((None, None, None, 4))
    layer.set_weights([rng.uniform(0.5, 2, 4), rng.uniform(-1, 1, 4)])
    return layer


def library_norm(layer):
    """What tensorflow-addons and Keras make of the same scale and offset."""
    libraries = [tf.keras.layers.GroupNormalization(groups=-1, epsilon=EPSILON)]
    libraries += [tf_compat.tfa.layers.InstanceNormalization(epsilon=EPSILON)] if tf_compat.tfa else []
    for library in libraries:
        library.build((None, None, None, 4))
        library.set_weights(layer.get_weights())
    return libraries


@pytest.mark.parametrize("size", [1, 3, UNROLLED + 1])
def test_instance_norm_is_the_libraries_number_by_number(rng, trained_norm, size):
    batch = images(rng, size, 8, 12, 4) * 5 - 2
    free = tf.function(trained_norm.call, input_signature=[tf.TensorSpec([None, None, None, 4])])
    for library in library_norm(trained_norm):
        np.testing.assert_allclose(trained_norm(batch), library(batch), atol=1e-5)
        np.testing.assert_allclose(free(batch), library(batch), atol=1e-5)


@pytest.mark.parametrize("size", [1, 3, UNROLLED + 1])
def test_instance_norm_has_the_libraries_gradient(rng, trained_norm, size):
    batch, weights = images(rng, size, 8, 8, 4), images(rng, size, 8, 8, 4)
    gradients = []
    for layer in (trained_norm, *library_norm(trained_norm)):
        with tf.GradientTape() as tape:
            tape.watch(batch)
            loss = tf.reduce_sum(layer(batch) * weights)
        gradients.append(tape.gradient(loss, [batch, *tf_compat.trainable_variables(layer)]))
    for other in gradients[1:]:
        for ours, theirs in zip(gradients[0], other, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-3, rtol=1e-4)


def test_instance_norm_of_an_image_does_not_know_the_others(rng, trained_norm):
    batch = images(rng, 3, 8, 8, 4)
    np.testing.assert_array_equal(trained_norm(batch)[1:2], trained_norm(batch[1:2]))


def test_instance_norm_keeps_its_digits_in_bfloat16(rng):
    image = tf.cast(images(rng, 1, 64, 64, 2) + 50, tf.bfloat16)
    normalised = FusedInstanceNormalization(EPSILON)(image)
    assert normalised.dtype == tf.bfloat16
    assert np.std(tf.cast(normalised, tf.float32)) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("kernel", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("filters", [1, 3])
def test_the_subpixel_layer_is_the_transposed_convolution_and_has_its_gradient(kernel, filters, rng):
    x, weights = images(rng, 2, 6, 4, 5), images(rng, 2, 12, 8, filters)
    fast, plain = (
        kind(filters, kernel, strides=2, padding="same")
        for kind in (SubpixelConv2DTranspose, tf.keras.layers.Conv2DTranspose)
    )
    weights_and_bias, results = [rng.uniform(-1, 1, (kernel, kernel, filters, 5)), np.arange(filters)], []
    for layer in (fast, plain):
        layer.build(x.shape)
        layer.set_weights(weights_and_bias)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(y * weights)
        results.append([y, *tape.gradient(loss, [x, *tf_compat.trainable_variables(layer)])])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


CONVOLUTIONS = [  # kernel, strides, padding
    (4, 2, "same"),
    (5, 2, "same"),
    (3, 2, "same"),
    (4, 1, "valid"),
    (3, 1, "same"),
]


def with_gradients(layer, x, weights, signature=None):
    """Return a layer's output, and the gradients of its weighted sum by x, kernel and bias."""

    def both(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
            loss = tf.reduce_sum(y * weights)
        return [y, *tape.gradient(loss, [x, *tf_compat.trainable_variables(layer)])]

    return (tf.function(both, input_signature=signature) if signature else both)(x)


def matches(ours, plain, initial, x, rng, **tolerance):
    """Compare a layer with the library's own of the same weights: eagerly, in a graph, and with unknown shape."""
    for layer in (ours, plain):
        layer.build(x.shape)
        layer.set_weights(initial)
    weights = tf.cast(rng.uniform(-1, 1, plain(x).shape), x.dtype)
    library_results = with_gradients(plain, x, weights)
    for signature in (
        None,
        [tf.TensorSpec(x.shape, x.dtype)],
        [tf.TensorSpec([None, None, None, x.shape[3]], x.dtype)],
    ):
        for actual, expected in zip(with_gradients(ours, x, weights, signature), library_results, strict=True):
            assert actual.dtype == expected.dtype
            np.testing.assert_allclose(tf.cast(actual, tf.float32), tf.cast(expected, tf.float32), **tolerance)


@pytest.mark.parametrize("side", [1, 4, 12])  # 2 maps of 12 x 12 are more than MAX_POSITIONS
@pytest.mark.parametrize(("kernel", "strides", "padding"), CONVOLUTIONS)
def test_a_convolution_has_the_libraries_results_and_gradients_on_maps_of_any_size(kernel, strides, padding, side, rng):
    x = images(rng, 2, side * strides + (kernel - 1 if padding == "valid" else 0), side * strides + 3, 3)
    layers = [kind(5, kernel, strides, padding) for kind in (Conv2D, tf.keras.layers.Conv2D)]
    matches(*layers, [rng.uniform(-1, 1, (kernel, kernel, 3, 5)), np.arange(5)], x, rng, atol=2e-4)


@pytest.mark.parametrize("side", [1, 4, 12])
@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_a_transposed_convolution_has_them_too(kernel, side, rng):
    x = images(rng, 2, side, side + 1, 3)
    layers = [kind(5, kernel, 2, "same") for kind in (Conv2DTranspose, tf.keras.layers.Conv2DTranspose)]
    matches(*layers, [rng.uniform(-1, 1, (kernel, kernel, 5, 3)), np.arange(5)], x, rng, atol=2e-4)


def test_convolutions_match_in_bfloat16_to_its_rounding(rng):
    x, initial = tf.cast(images(rng, 1, 4, 4, 8), tf.bfloat16), [rng.uniform(-1, 1, (4, 4, 8, 8))]
    for ours, plain in ((Conv2D, tf.keras.layers.Conv2D), (Conv2DTranspose, tf.keras.layers.Conv2DTranspose)):
        layers = [kind(8, 4, 2, "same", use_bias=False, dtype="bfloat16") for kind in (ours, plain)]
        matches(*layers, initial, x, rng, atol=0.1, rtol=0.02)


def test_a_dilated_convolution_is_the_librarys(rng):
    layers = [kind(5, 3, padding="same", dilation_rate=2) for kind in (Conv2D, tf.keras.layers.Conv2D)]
    matches(*layers, [rng.uniform(-1, 1, (3, 3, 3, 5)), np.arange(5)], images(rng, 2, 9, 9, 3), rng, atol=2e-4)


def operations_of_gradient(layer, shape):
    """The kinds of operations by which a layer's kernel gets its gradient from maps of a known shape."""
    layer.build(shape)

    def kernel_gradient(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x))
        return tape.gradient(loss, tf_compat.trainable_variables(layer))

    graph = tf.function(kernel_gradient).get_concrete_function(tf.TensorSpec(shape, layer.compute_dtype)).graph
    return {operation.type for operation in graph.get_operations()}


def test_small_maps_alone_take_the_matrix_product():
    def operations(side):
        return operations_of_gradient(Conv2D(2, 4, 2, "same", use_bias=False), [1, side, side, 2])

    fewest = 2 * math.isqrt(small_maps.MAX_POSITIONS)
    assert "MatMul" in operations(fewest)
    assert "Conv2DBackpropFilter" not in operations(fewest)
    assert "Conv2DBackpropFilter" in operations(fewest + 2)


@pytest.fixture
def all_kernels_are_large(monkeypatch):
    monkeypatch.setattr(small_maps, "MIN_WEIGHTS", 1)


def free(layer, channels, dtype="float32"):
    """A layer as an export has it, which does not know counts and sizes of images."""
    return tf.function(layer, input_signature=[tf.TensorSpec([None, None, None, channels], dtype)])


@pytest.mark.parametrize("shape", [long((1, 2, 2)), (3, 2, 6), long((2, 16, 16)), (1, 18, 18), long((2, 5, 4))])
@pytest.mark.parametrize("kernel", [3, 4, 5])
def test_products_in_a_free_batch_match_the_convolutions(shape, kernel, rng, all_kernels_are_large):
    x = images(rng, *shape, 3)
    for ours, plain, initial in (
        (Conv2D, tf.keras.layers.Conv2D, rng.uniform(-1, 1, (kernel, kernel, 3, 5))),
        (Conv2DTranspose, tf.keras.layers.Conv2DTranspose, rng.uniform(-1, 1, (kernel, kernel, 5, 3))),
    ):
        layers = [kind(5, kernel, 2, "same") for kind in (ours, plain)]
        layers[0].fixed_size_blocks = True
        matches(*layers, [initial, np.arange(5)], x, rng, atol=2e-4)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("side", [1, 2, 4, 8])
@pytest.mark.parametrize("kind", [Conv2D, Conv2DTranspose])
def test_an_image_of_a_free_batch_is_the_same_to_the_bit_in_any_company(kind, side, dtype, rng, all_kernels_are_large):
    layer = kind(24, 4, 2, "same", use_bias=False, dtype=dtype)
    layer.fixed_size_blocks = True
    side *= 2 if kind is Conv2D else 1
    layer.build([None, None, None, 40])
    layer.set_weights([rng.normal(size=(4, 4, 40, 24) if kind is Conv2D else (4, 4, 24, 40))])
    batch, apply = tf.cast(images(rng, 21, side, side, 40), dtype), free(layer, 40, dtype)
    together = tf.cast(apply(batch), tf.float32).numpy()
    for first, last in ((0, 1), (20, 21), (3, 5), (7, 20)):
        np.testing.assert_array_equal(tf.cast(apply(batch[first:last]), tf.float32), together[first:last])


def test_small_maps_of_a_free_batch_take_products_where_the_kernel_is_large():
    def operations(kernel):
        layer = Conv2DTranspose(512, kernel, 2, "same", use_bias=False)
        layer.fixed_size_blocks = True
        layer.build([None, None, None, 512])
        graph = free(layer, 512).get_concrete_function().graph.as_graph_def()
        return {node.op for function in graph.library.function for node in function.node_def}

    assert operations(4) >= {"MatMul", "Conv2DBackpropInput"}  # either, by the maps' size
    assert "MatMul" not in operations(3)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_leaky_relu_has_the_libraries_results_and_gradient(dtype, rng):
    x = tf.cast(tf.concat([rng.uniform(-3, 3, 500), [0.0, -0.0, 1e-38, -1e-38]], 0), dtype)
    upstream, results = tf.cast(rng.uniform(-3, 3, 504), dtype), []
    for activate in (LeakyReLU(0.2, dtype=dtype), lambda x: tf.nn.leaky_relu(x, 0.2)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = activate(x)
        results.append([y, tape.gradient(y, x, upstream)])
    for ours, theirs in zip(*results, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(tf.cast(ours, tf.float32), tf.cast(theirs, tf.float32), rtol=0.01)


def test_seeded_dropout_is_a_function_of_the_seed_row_by_row():
    layer, ones = SeededDropout(0.5, salt=0), tf.ones([3, 8, 8, 16])
    many = tf.ones([UNROLLED + 1, 8, 8, 16])
    noise = layer([ones, tf.constant([7, 8, 7])]).numpy()
    assert (noise[0] == noise[2]).all()
    assert (noise[0] != noise[1]).any()
    np.testing.assert_array_equal(layer([ones[:1], tf.constant([8])])[0], noise[1])
    np.testing.assert_array_equal(layer([many, tf.range(UNROLLED + 1)])[8], noise[1])
    assert (SeededDropout(0.5, salt=1)([ones, tf.constant([7, 8, 7])]).numpy() != noise).any()


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.5])
def test_seeded_dropout_drops_its_share_and_keeps_the_mean(rate):
    noise = SeededDropout(rate, salt=0)([tf.ones([4, 32, 32, 8]), tf.range(4)]).numpy()
    assert np.mean(noise == 0) == pytest.approx(rate, abs=0.02)
    assert noise.mean() == pytest.approx(1, abs=0.03)


def inner(images):
    """Without the rim, where a convolution sees the zeros around an image."""
    return images[..., 1:-1, 1:-1, :]


def built(layers, *inputs):
    """A block as a model, so that its weights can be set."""
    arguments = [tf.keras.Input(array.shape[1:]) for array in inputs]
    return tf.keras.Model(arguments, layers(*arguments))


def test_spade_by_hand():
    # Kernels that only look at the pixel itself: hidden = relu(2 first + 0 second), y = x^ (1 + 3 hidden) + 5 hidden.
    x, mask = np.array([1.0, 3.0]).reshape(1, 1, 2, 1), np.array([[0.5, 9.0], [-1.0, 9.0]]).reshape(1, 1, 2, 2)
    block = built(spade(1, 1, "instance"), x, mask)
    for layer in (layer for layer in block.layers if isinstance(layer, tf.keras.layers.Conv2D)):
        kernel, bias = layer.get_weights()
        kernel[:] = 0
        is_hidden = kernel.shape[2] == 2
        kernel[1, 1, 0, 0] = 2 if is_hidden else 3 if bias[0] == 1 else 5
        layer.set_weights([kernel, bias])
    normalised, hidden = np.array([-1, 1]) / np.sqrt(1 + EPSILON), np.array([1.0, 0.0])
    expected = normalised * (1 + 3 * hidden) + 5 * hidden
    np.testing.assert_allclose(block([tf.constant(x), tf.constant(mask)])[0, 0, :, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_an_untrained_spade_of_an_empty_mask_is_the_plain_norm(norm, rng):
    x, mask = images(rng, 2, 16, 16, 8), images(rng, 2, 16, 16, 4)
    block = built(spade(8, 16, norm), x, mask)
    np.testing.assert_allclose(block([x, 0 * mask]), normalization(norm)(x), atol=1e-5)
    assert np.abs(block([x, mask]) - block([x, 0 * mask])).max() > 1e-2


def test_spade_separates_uniform_masks_that_a_plain_norm_washes_out(rng):
    glacier, ocean = (tf.one_hot(tf.fill([1, 64, 64], place), 4) for place in (2, 3))
    x = images(rng, 1, 64, 64, 8)
    steered = built(spade(8, 16, "instance"), x, glacier)
    plain = FusedInstanceNormalization(EPSILON)
    convolve = tf.keras.layers.Conv2D(8, 1, use_bias=False)
    assert np.abs(inner(steered([x, glacier]) - steered([x, ocean]))).max() > 0.1
    # the same masks after a convolution alone: two even maps, of which the norm leaves nothing
    np.testing.assert_allclose(plain(convolve(glacier)), plain(convolve(ocean)), atol=0.02)


def test_the_spade_generator_has_the_plain_ones_weights_and_those_that_look_at_the_mask():
    # Each normalised map of the decoder loses 2 numbers a channel, and gains: a 3 x 3 convolution of the mask into 64
    # channels, and two of these into its own; all with biases.
    channels = (512, 512, 512, 512, 256, 128, 64)
    more = sum((9 * 4 * 64 + 64) + 2 * (9 * 64 * c + c) - 2 * c for c in channels)
    plain, steered = (config.make_config(variant).model for variant in ("orig", "spade"))
    counted = [make_generator(model, 4, 1, 256).count_params() for model in (plain, steered)]
    assert counted[1] - counted[0] == more


@pytest.mark.parametrize("override", ["model.norm=batch", "model.norm=none", "model.generator_kernel=5"])
def test_spade_goes_with_every_other_option(override, rng):
    generator = make_generator(tiny("model.spade_width=4", override), 4, 1, 32)
    assert generator([images(rng, 2, 64, 96, 4), tf.constant([0, 1])]).shape == (2, 64, 96, 1)
