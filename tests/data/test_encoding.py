import io

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pix2pix_tf.data import classes, encoding
from pix2pix_tf.data.io import images

InvalidArgument = tf.errors.InvalidArgumentError


def png(pixels, kind="PNG", **options) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.asarray(pixels)).save(stream, kind, **options)
    return stream.getvalue()


def zones(height=32, width=32, value=classes.GLACIER):
    return np.full((height, width), value, np.uint8)


def decode(*data):
    return encoding.decode_png_batch(tf.constant(list(data)), "zones", 8, 32)


def test_zones_become_one_hot_in_the_order_of_the_classes():
    pixels = tf.constant([[[0], [64], [127], [254]]], tf.uint8)
    assert encoding.encode(pixels, "zones", "zones").numpy().tolist() == [np.eye(4).tolist()]


def test_the_papers_two_classes():
    pixels = tf.constant([[0], [64], [127], [254]], tf.uint8)
    assert encoding.encode(pixels, "zones", "binary").numpy().tolist() == [[1], [1], [1], [-1]]


@pytest.mark.parametrize("dtype", [tf.uint8, tf.uint16])
def test_brightness_fills_the_range(dtype):
    pixels = tf.constant([0, dtype.max], dtype)
    assert encoding.encode(pixels, "sar", "zones").numpy().tolist() == [-1.0, 1.0]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 255), min_size=4, max_size=4))
def test_pixels_survive_the_way_there_and_back(values):
    pixels = np.asarray(values, np.uint8).reshape(1, 2, 2, 1)
    (data,) = encoding.encode_png(encoding.encode(tf.constant(pixels), "sar", "zones")).numpy()
    assert (tf.io.decode_png(data).numpy() == pixels[0]).all()


def test_outputs_become_the_same_pixels_inside_and_outside_of_an_export():
    values = np.array([-3, -1, -0.9999, 0.5, 1, 2, *np.linspace(-1, 1, 511)], np.float32)
    (data,) = encoding.encode_png(tf.reshape(values, (1, 1, -1, 1))).numpy()
    exported = tf.io.decode_png(data).numpy().ravel()
    assert exported[:6].tolist() == [0, 0, 0, 191, 255, 255]
    converted = images.to_pixels(values)
    assert converted.dtype == np.uint8
    np.testing.assert_array_equal(converted, exported)  # half of these values lie between two greys
    assert images.to_pixels(values, 16)[:6].tolist() == [0, 0, 3, 49151, 65535, 65535]


@pytest.mark.parametrize("in_dataset", [False, True])
def test_a_value_that_is_no_class_is_refused_eagerly_and_in_tf_data(in_dataset):
    pixels = tf.constant([[[128]]], tf.uint8)

    def encode(image):
        return encoding.encode(image, "zones", "zones")

    with pytest.raises(InvalidArgument, match="no class; the classes are 0, 64, 127, 254"):
        list(tf.data.Dataset.from_tensors(pixels).map(encode)) if in_dataset else encode(pixels)


def test_a_batch_of_pngs_is_read():
    first, second = zones(), zones(value=classes.OCEAN)
    assert (decode(png(first), png(second)).numpy()[..., 0] == [first, second]).all()


def test_a_request_without_images_is_refused():
    with pytest.raises(InvalidArgument, match="no image"):
        encoding.decode_png_batch(tf.constant([], tf.string), "zones", 8, 32)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a PNG"),
        (b"GIF89a" + bytes(40), "not a PNG"),
        (png(np.zeros((32, 32, 3), np.uint8), "JPEG"), "not a PNG"),
        (png(np.zeros((32, 32, 3), np.uint8)), "one grey channel of 8 bit"),
        (png(np.zeros((32, 32, 4), np.uint8)), "one grey channel of 8 bit"),
        (png(np.zeros((32, 32), np.uint16)), "one grey channel of 8 bit"),
        (png(zones(33, 32)), "multiples of 32"),
        (png(zones())[:26], None),
        (png(zones())[:-20], None),
    ],
)
def test_other_data_than_such_a_png_are_refused(data, message):
    with pytest.raises(InvalidArgument, match=message):
        decode(png(zones()), data)


def test_images_of_one_request_are_of_one_size():
    with pytest.raises(InvalidArgument, match="one size"):
        decode(png(zones()), png(zones(64, 32)))


def test_channels_of_stacked_roles():
    assert encoding.channels(("zones", "elevation"), "zones") == 5
    assert encoding.channels(("zones", "elevation"), "binary") == 2
    assert encoding.channels(("optical",), "zones") == 3
