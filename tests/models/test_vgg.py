import numpy as np
import tensorflow as tf

from pix2pix_tf import config
from pix2pix_tf.models.vgg import make_classifier


def tiny():
    tf.keras.utils.set_random_seed(0)
    return make_classifier(config.make_config("clouds", ["model.vgg_width=2"]).model, 3)


def test_one_number_for_an_image_of_any_sides_that_divide(rng):
    classifier = tiny()
    for height, width in ((32, 32), (40, 64)):
        image = tf.constant(rng.uniform(-1, 1, (2, height, width, 3)), tf.float32)
        logits = classifier([image, tf.constant([0, 1])])
        assert logits.shape == (2, 1) and np.isfinite(logits).all()


def test_its_parameters_by_hand():
    # Two 3 x 3 convolutions without bias a level, four numbers a channel for each of their norms, and one dense layer.
    widths = (2, 4, 8, 16)
    inputs = (3, *widths[:-1])
    expected = sum(9 * i * w + 9 * w * w + 2 * 4 * w for i, w in zip(inputs, widths, strict=True)) + 16 + 1
    assert tiny().count_params() == expected


def test_the_seed_matters_in_training_only(rng):
    classifier, image = tiny(), tf.constant(rng.uniform(-1, 1, (1, 32, 32, 3)), tf.float32)
    logits = [float(classifier([image, tf.constant([seed])], training=False)[0, 0]) for seed in (1, 2, 3)]
    assert len(set(logits)) == 1
