import numpy as np
import pytest
import tensorflow as tf

from pix2pix_tf import config
from pix2pix_tf.models.blocks import aspp
from pix2pix_tf.models.layers import SeededDropout
from pix2pix_tf.models.unet import make_segmenter, with_features
from pix2pix_tf.utils.errors import UserError


def tiny(*overrides, classes=4, size=32):
    chosen = config.make_config("zones", ["model.unet_width=2", *overrides])
    tf.keras.utils.set_random_seed(0)
    return make_segmenter(chosen.model, 1, classes, size)


def images(rng, *shape):
    return tf.constant(rng.uniform(-1, 1, shape), tf.float32)


def test_the_u_net_has_the_papers_size():
    widths = (32, 64, 128, 256, 512)
    inputs = (1, *widths[:-1])
    norm = 4  # numbers a channel: scale, offset, running mean and variance
    down = sum(9 * i * w + 9 * w * w + 2 * norm * w for i, w in zip(inputs, widths, strict=True))
    bottom = (1 + 4 * 9 + 1 + 6) * 512**2 + 7 * norm * 512  # 1 x 1, four rates, mean, six maps into one
    up = sum(4 * 2 * w * w + w + 9 * 2 * w * w + 9 * w * w + 2 * norm * w for w in widths[:-1])
    head = 32 * 4 + 4
    assert make_segmenter(config.make_config("zones").model, 1, 4, 256).count_params() == down + bottom + up + head


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_it_takes_any_sides_that_are_multiples_of_16(norm, rng):
    segmenter = tiny(f"model.norm={norm}")
    for height, width in ((32, 32), (48, 80)):
        logits = segmenter([images(rng, 2, height, width, 1), tf.constant([0, 1])])
        assert logits.shape == (2, height, width, 4) and logits.dtype == tf.float32
        assert np.isfinite(logits).all()


def test_patches_that_do_not_divide_are_refused():
    with pytest.raises(UserError, match="40 x 40 do not divide by 16"):
        tiny(size=40)


def test_the_seed_matters_in_training_only(rng):
    segmenter, image = tiny("model.norm=instance"), images(rng, 1, 32, 32, 1)
    trained = [segmenter([image, tf.constant([seed])], training=True).numpy() for seed in (1, 1, 2)]
    served = [segmenter([image, tf.constant([seed])], training=False).numpy() for seed in (1, 2)]
    assert (trained[0] == trained[1]).all() and (trained[0] != trained[2]).any()
    assert (served[0] == served[1]).all()


def test_after_training_an_image_does_not_depend_on_its_batch(rng):
    segmenter, batch = tiny(), images(rng, 3, 32, 32, 1)
    for _ in range(3):
        segmenter([batch, tf.range(3)], training=True)
    together = segmenter([batch, tf.range(3)], training=False)
    alone = segmenter([batch[1:2], tf.constant([0])], training=False)
    np.testing.assert_allclose(together[1:2], alone, atol=1e-5)


def test_the_pyramid_is_the_stacked_one_of_the_paper(rng):
    # Its last 1 x 1 convolution works on the stacked branches and on the mean apart; the sum is that of all stacked.
    image = tf.keras.Input([None, None, 3])
    seed = tf.keras.Input([], dtype="int32")
    block = aspp(5, (1, 2), "none", SeededDropout(0.5, 0, always=False))
    model = tf.keras.Model([image, seed], block(image, seed))
    x = images(rng, 2, 8, 8, 3)
    got = model([x, tf.zeros([2], tf.int32)])

    kernels = [v for v in model.get_weights() if v.ndim == 4]
    stacked = next(k for k in kernels if k.shape[2] == 15)
    spread = [k for k in kernels if k.shape == (1, 1, 5, 5)][-1]
    one, mean = [k for k in kernels if k.shape == (1, 1, 3, 5)]
    wide = [k for k in kernels if k.shape[0] == 3]
    branches = [tf.nn.relu(tf.nn.conv2d(x, one, 1, "SAME"))]
    branches += [
        tf.nn.relu(tf.nn.conv2d(x, k, 1, "SAME", dilations=rate)) for k, rate in zip(wide, (1, 2), strict=True)
    ]
    of_mean = tf.nn.relu(tf.nn.conv2d(tf.reduce_mean(x, [1, 2], keepdims=True), mean, 1, "SAME"))
    branches.append(tf.broadcast_to(of_mean, [2, 8, 8, 5]))
    whole = tf.concat([stacked, spread], axis=2)
    expected = tf.nn.relu(tf.nn.conv2d(tf.concat(branches, axis=-1), whole, 1, "SAME"))
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_the_features_are_the_mean_of_what_reaches_the_first_step_up(rng):
    segmenter, image = tiny(), images(rng, 2, 48, 80, 1)
    extended = with_features(segmenter)
    logits, features = extended([image, tf.constant([0, 1])], training=False)
    np.testing.assert_array_equal(logits, segmenter([image, tf.constant([0, 1])], training=False))
    up = next(layer for layer in segmenter.layers if isinstance(layer, tf.keras.layers.Conv2DTranspose))
    bottom = tf.keras.Model(segmenter.inputs, up.input)([image, tf.constant([0, 1])], training=False)
    assert bottom.shape == (2, 3, 5, 32)
    np.testing.assert_allclose(features, np.mean(bottom, axis=(1, 2)), rtol=1e-5)
    assert sum(v.shape.num_elements() for v in extended.weights) == segmenter.count_params()  # nothing of its own
