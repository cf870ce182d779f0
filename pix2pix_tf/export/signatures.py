"""What an export answers to: the same three signatures for every task, around the one function that paints."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import tensorflow as tf

from pix2pix_tf.config import Config
from pix2pix_tf.data import encoding
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.conditions import Conditions

Signature = tuple[Callable[..., dict[str, tf.Tensor]], list[tf.TensorSpec]]
# (encoded input roles float32 [N, H, W, C], seed int32 [N]) -> by name "output", the target roles' images float32
# [N, H, W, C'] in [-1, 1], and whatever else `tensor` is to give.
Paint = Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]


def make_signatures(
    config: Config, bits: Mapping[str, int], divisor: int, paint: Paint, conditions: Conditions = MappingProxyType({})
) -> dict[str, Signature]:
    """The export's functions, each with the names and types of its inputs; the batch is free in all of them.

    `serving_default` takes one PNG for each input role and uses seed 0; `sample` takes a seed for each image as well;
    both give a PNG for each target role, or numbers where there is no target. `tensor` takes the input roles' pixels
    stacked along the channels and gives what `paint` does. With conditions each takes a text for each image as well.

    Args:
      config: gives the roles.
      bits: depth of each input role's PNGs, 8 or 16.
      divisor: pixels; what the sides of an image must be multiples of.
      paint: the network.
      conditions: the keys and values of what it is told beside its input.
    """
    inputs, targets, mask = config.data.inputs, config.data.targets, config.data.mask
    channels = encoding.channels(inputs, mask, conditions)
    specs = [tf.TensorSpec([None, None, None, channels]), tf.TensorSpec([None], tf.int32)]
    network = tf.function(paint, specs, autograph=False).get_concrete_function()  # once: its trace takes seconds
    network.painted_by = paint  # a trace does not keep the weights that it reads

    def painted(images: list[tf.Tensor], seed: tf.Tensor, condition: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        parts = [encoding.encode(image, role, mask) for role, image in zip(inputs, images, strict=True)]
        encoded = tf.concat(parts, axis=-1)
        for text in condition:
            encoded = encoding.join_condition(encoded, encoding.encode_condition(text, conditions))
        return network(encoded, seed)

    def sample(*arguments: tf.Tensor) -> dict[str, tf.Tensor]:
        data, (seed, *condition) = arguments[: len(inputs)], arguments[len(inputs) :]
        images = [
            encoding.decode_png_batch(png, role, bits[role], divisor) for role, png in zip(inputs, data, strict=True)
        ]
        made = painted(images, seed, condition)
        if not targets:  # nothing to look at: the answer is a number
            return made
        parts = tf.split(made["output"], [CHANNELS[role] for role in targets], axis=-1)
        return {name: encoding.encode_png(part) for name, part in zip(png_names(targets, "output"), parts, strict=True)}

    def serving_default(*arguments: tf.Tensor) -> dict[str, tf.Tensor]:
        data, condition = arguments[: len(inputs)], arguments[len(inputs) :]
        return sample(*data, tf.zeros(tf.shape(data[0]), tf.int32), *condition)

    def tensor(image: tf.Tensor, seed: tf.Tensor, *condition: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([encoding.check_sides(tf.shape(image)[1], tf.shape(image)[2], divisor)]):
            parts = tf.split(image, [CHANNELS[role] for role in inputs], axis=-1)
        images = [tf.cast(p, encoding.dtype_of(bits[r])) for r, p in zip(inputs, parts, strict=True)]
        return painted(images, seed, condition)

    pngs = [tf.TensorSpec([None], tf.string, name) for name in png_names(inputs, "image")]
    seed = tf.TensorSpec([None], tf.int32, "seed")
    depth = encoding.dtype_of(max(bits[role] for role in inputs))
    pixels = tf.TensorSpec([None, None, None, sum(CHANNELS[role] for role in inputs)], depth, "image")
    condition = [tf.TensorSpec([None], tf.string, "condition")] if conditions else []
    return {
        "serving_default": (serving_default, [*pngs, *condition]),
        "sample": (sample, [*pngs, seed, *condition]),
        "tensor": (tensor, [pixels, seed, *condition]),
    }


def png_names(roles: tuple[str, ...], single: str) -> list[str]:
    """Names of PNGs in a signature; those that end in _bytes travel as base64 in TF Serving's REST interface.

    Args:
      roles: one PNG each.
      single: what the PNG is called where there is but one: "image" or "output".
    """
    return [f"{single}_bytes"] if len(roles) == 1 else [f"{role}_bytes" for role in roles]
