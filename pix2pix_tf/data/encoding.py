"""Conversions between PNG bytes and the tensors of a network, shared by the input pipeline and every export."""

import math
from types import MappingProxyType

import tensorflow as tf

from pix2pix_tf.data import classes as zone_classes
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.conditions import Conditions
from pix2pix_tf.data.io import png

KNEE = 8.0  # grey: below it log tone is nearly linear in grey, above it logarithmic
_INFLATION = 1032.0  # deflate, the compression of PNGs, expands one byte to at most this many
_COLOUR_TYPE = {1: png.GREY, 3: png.RGB}  # by channels


def channels(roles: tuple[str, ...], mask: str, conditions: Conditions = MappingProxyType({})) -> int:
    """Return the number of channels of encoded roles and conditions together.

    Args:
      roles: such as ("zones", "elevation").
      mask: "zones" or "binary", as `data.mask`.
      conditions: keys and values, as for `encode_condition`.
    """
    zones = len(zone_classes.ZONE_VALUES) if mask == "zones" else 1
    return sum(zones if role == "zones" else CHANNELS[role] for role in roles) + sum(map(len, conditions.values()))


def dtype_of(bits: int) -> tf.DType:
    """Return the dtype of a PNG of 8 or 16 bits."""
    return tf.uint16 if bits == 16 else tf.uint8


def decode_png(data: tf.Tensor, role: str, bits: int) -> tf.Tensor:
    """Decode one PNG of a data set that was checked.

    Args:
      data: string scalar.
      role: gives the number of channels.
      bits: 8 or 16.

    Returns:
      uint8 or uint16 [H, W, C].
    """
    return tf.io.decode_png(data, channels=CHANNELS[role], dtype=dtype_of(bits))


def decode_png_batch(data: tf.Tensor, role: str, bits: int, divisor: int) -> tf.Tensor:
    """Decode PNGs from an untrusted request, and validate them.

    Args:
      data: string [N].
      role: gives the number of channels; error messages name it.
      bits: 8 or 16.
      divisor: the sides must be multiples of it.

    Returns:
      uint8 or uint16 [N, H, W, C].

    Raises:
      InvalidArgumentError: no image, not a PNG, truncated or too short for its header, another bit depth or colour
        type, sides that are no multiples of the divisor, or images of different sizes.
    """
    head = tf.strings.substr(data, 0, png.HEADER)
    header = tf.cast(tf.io.decode_raw(head, tf.uint8, fixed_length=png.HEADER), tf.int32)
    width, height = (tf.reduce_sum(header[:, i : i + 4] * [1 << 24, 1 << 16, 1 << 8, 1], axis=1) for i in (16, 20))
    largest = tf.cast(tf.strings.length(data), tf.float32) * _INFLATION  # float32, as int32 would overflow
    claimed = tf.cast(width, tf.float32) * tf.cast(height, tf.float32) * (CHANNELS[role] * bits // 8)
    expected = [bits, _COLOUR_TYPE[CHANNELS[role]]]
    kind = f"one grey channel of {bits} bit" if CHANNELS[role] == 1 else f"RGB of {bits} bit"
    checks = [
        _check(tf.size(data) > 0, f"{role}: no image was sent"),
        _check(header[:, :8] == tuple(png.SIGNATURE), f"{role}: not a PNG file"),
        _check(header[:, 24:26] == expected, f"{role}: the PNG should have {kind}, without palette or alpha channel"),
        _check((width > 0) & (height > 0), f"{role}: the PNG's header is damaged"),
        _check(claimed <= largest, f"{role}: the PNG is too short for its height and width", [height, width]),
        check_sides(height, width, divisor),
        _check(
            (width == width[:1]) & (height == height[:1]),
            f"{role}: images of one request must be of one size; heights and widths are",
            [height, width],
        ),
    ]
    with tf.control_dependencies(checks):
        data = tf.identity(data)
    pixels = tf.TensorSpec([None, None, CHANNELS[role]], dtype_of(bits))
    return tf.map_fn(lambda one: decode_png(one, role, bits), data, fn_output_signature=pixels)


def check_sides(height: tf.Tensor, width: tf.Tensor, divisor: int) -> tf.Operation:
    """Fail with INVALID_ARGUMENT unless all sides, int32 in pixels, are multiples of `divisor`."""
    message = f"the sides of an image must be multiples of {divisor} pixels; height and width are"
    return _check((height % divisor == 0) & (width % divisor == 0), message, [height, width])


def encode(pixels: tf.Tensor, role: str, mask: str) -> tf.Tensor:
    """Convert pixels to a network's input or target.

    Args:
      pixels: uint8 or uint16 [..., C], as the PNG has them.
      role: "zones" are classes; other roles are brightness, scaled to [-1, 1].
      mask: "zones": zones become one-hot in the order of ZONE_VALUES; "binary": -1 for ocean, 1 for the other classes.

    Returns:
      float32 [..., C'], [-1, 1].

    Raises:
      InvalidArgumentError: an invalid class value in the zones.
    """
    if role != "zones":
        return tf.cast(pixels, tf.float32) * (2.0 / pixels.dtype.max) - 1.0
    index = [-1] * 256
    for place, value in enumerate(zone_classes.ZONE_VALUES):
        index[value] = place
    zones = tf.gather(index, tf.cast(pixels[..., 0], tf.int32))
    classes = ", ".join(map(str, zone_classes.ZONE_VALUES))
    with tf.control_dependencies([_check(zones >= 0, f"zones: a grey value is no class; the classes are {classes}")]):
        zones = tf.identity(zones)
    if mask == "zones":
        return tf.one_hot(zones, len(zone_classes.ZONE_VALUES))
    ocean = zone_classes.ZONE_VALUES.index(zone_classes.OCEAN)
    return tf.where(zones == ocean, -1.0, 1.0)[..., tf.newaxis]


def encode_condition(text: tf.Tensor, conditions: Conditions) -> tf.Tensor:
    """Convert condition texts to one-hot vectors.

    Args:
      text: string [N], such as "TSX,winter": the values in the order of the keys; an empty value is unknown.
      conditions: the known keys and values.

    Returns:
      float32 [N, K], one-hot for each key, K values in all; all 0 for a key of unknown value.

    Raises:
      InvalidArgumentError: a value outside the conditions, or more values than keys.
    """
    values = tf.strings.split(text, ",")
    known = "; ".join(f"{key}: {', '.join(values)}" for key, values in conditions.items())
    too_many = f"condition: at most one value for each of {known}; got"
    with tf.control_dependencies([_check(values.row_lengths() <= len(conditions), too_many, [text])]):
        given = values.to_tensor("", shape=[None, len(conditions)])
    one_hot = [given[:, i, tf.newaxis] == tf.constant(list(known)) for i, known in enumerate(conditions.values())]
    valid = [tf.reduce_any(one, axis=1) | (given[:, i] == "") for i, one in enumerate(one_hot)]
    invalid = f"condition: not a known value; there are {known}; got"
    with tf.control_dependencies([_check(tf.stack(valid), invalid, [text])]):
        return tf.cast(tf.concat(one_hot, axis=1), tf.float32)


def join_condition(encoded: tf.Tensor, condition: tf.Tensor) -> tf.Tensor:
    """Append a condition, float32 [..., K], to an image, float32 [..., H, W, C], as K constant channels.

    Returns:
      float32 [..., H, W, C + K].
    """
    shape = tf.concat([tf.shape(encoded)[:-1], tf.shape(condition)[-1:]], axis=0)
    return tf.concat([encoded, tf.broadcast_to(condition[..., tf.newaxis, tf.newaxis, :], shape)], axis=-1)


def log_tone(image: tf.Tensor) -> tf.Tensor:
    """Convert brightness to log tone, in which speckle has the same strength in the dark and in the light.

    The tone is 2 ln(1 + g / KNEE) / ln(1 + 255 / KNEE) - 1 for a grey g from 0 to 255.

    Args:
      image: float32, any shape, [-1, 1].

    Returns:
      The same shape and range.
    """
    grey = (tf.clip_by_value(image, -1.0, 1.0) + 1.0) * 127.5
    return 2.0 * tf.math.log1p(grey / KNEE) / math.log1p(255.0 / KNEE) - 1.0


def from_log_tone(tone: tf.Tensor) -> tf.Tensor:
    """Convert log tone back to brightness, float32 [-1, 1]; values outside [-1, 1] are clipped."""
    share = (tf.clip_by_value(tone, -1.0, 1.0) + 1.0) / 2.0
    return KNEE * tf.math.expm1(share * math.log1p(255.0 / KNEE)) / 127.5 - 1.0


def encode_png(images: tf.Tensor) -> tf.Tensor:
    """Encode a network's output as 8-bit PNGs; `images.to_pixels` is the same conversion in NumPy.

    Args:
      images: float32 [N, H, W, 1 or 3], [-1, 1]; values outside are clipped.

    Returns:
      string [N].
    """
    pixels = tf.cast(tf.round((tf.clip_by_value(images, -1.0, 1.0) + 1.0) * 127.5), tf.uint8)
    return tf.map_fn(tf.io.encode_png, pixels, fn_output_signature=tf.string)


def _check(good: tf.Tensor, message: str, values: tuple[tf.Tensor, ...] | list[tf.Tensor] = ()) -> tf.Operation:
    """Fail with INVALID_ARGUMENT unless all elements are True."""
    return tf.debugging.Assert(tf.reduce_all(good), [message, *values])
