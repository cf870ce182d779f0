"""The signatures of an export: the same three for every task, around one function that calls the network."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import tensorflow as tf

from pix2pix_tf.config import Config
from pix2pix_tf.data import encoding
from pix2pix_tf.data.classes import CHANNELS
from pix2pix_tf.data.conditions import Conditions

Signature = tuple[Callable[..., dict[str, tf.Tensor]], list[tf.TensorSpec]]
# A call of the network: (encoded input roles float32 [N, H, W, C], seed int32 [N]) -> tensors by name. "output" are the
# target roles' images, float32 [N, H, W, C'] in [-1, 1]; all tensors are outputs of the signature `tensor`. A network
# with styles takes a third argument, string [N].
Network = Callable[..., dict[str, tf.Tensor]]


def make_signatures(
    config: Config,
    bits: Mapping[str, int],
    divisor: int,
    generate: Network,
    conditions: Conditions = MappingProxyType({}),
    has_styles: bool = False,
) -> dict[str, Signature]:
    """Build the export's functions, each with the names and types of its inputs; all have a free batch dimension.

    serving_default: one PNG string [N] for each input role -> one PNG string [N] for each target role, with seed 0.
    sample: the same with a seed, int32 [N].
    tensor: image, uint8 or uint16 [N, H, W, C], the input roles' PNG values stacked along the channels, and seed -> the
      tensors of `generate`.
    Without target roles, all return the tensors of `generate`. With conditions, each takes a string [N] as well. With
    styles, `sample` and `tensor` take one more; `serving_default` leaves it empty.

    Args:
      config: gives the roles.
      bits: depth of each input role's PNGs, 8 or 16.
      divisor: pixels; the sides of an image must be multiples of it.
      generate: calls the network.
      conditions: the keys and values of the metadata that the network takes beside its input.
      has_styles: True for a network that takes a style as text (`styles.choose`).
    """
    inputs, targets = config.data.inputs, config.data.targets
    generate_from = _encode_and_generate(config, generate, conditions, has_styles)

    def sample(*arguments: tf.Tensor) -> dict[str, tf.Tensor]:
        data, (seed, *texts) = arguments[: len(inputs)], arguments[len(inputs) :]
        images = [
            encoding.decode_png_batch(png, role, bits[role], divisor) for role, png in zip(inputs, data, strict=True)
        ]
        outputs = generate_from(images, seed, texts)
        if not targets:  # a classifier returns no image
            return outputs
        parts = tf.split(outputs["output"], [CHANNELS[role] for role in targets], axis=-1)
        return {name: encoding.encode_png(part) for name, part in zip(png_names(targets, "output"), parts, strict=True)}

    def serving_default(*arguments: tf.Tensor) -> dict[str, tf.Tensor]:
        data, condition = arguments[: len(inputs)], arguments[len(inputs) :]
        style = [tf.fill(tf.shape(data[0]), "")] * has_styles
        return sample(*data, tf.zeros(tf.shape(data[0]), tf.int32), *condition, *style)

    def tensor(image: tf.Tensor, seed: tf.Tensor, *texts: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([encoding.check_sides(tf.shape(image)[1], tf.shape(image)[2], divisor)]):
            parts = tf.split(image, [CHANNELS[role] for role in inputs], axis=-1)
        images = [tf.cast(p, encoding.dtype_of(bits[r])) for r, p in zip(inputs, parts, strict=True)]
        return generate_from(images, seed, texts)

    pngs = [tf.TensorSpec([None], tf.string, name) for name in png_names(inputs, "image")]
    seed = tf.TensorSpec([None], tf.int32, "seed")
    depth = encoding.dtype_of(max(bits[role] for role in inputs))
    pixels = tf.TensorSpec([None, None, None, sum(CHANNELS[role] for role in inputs)], depth, "image")
    condition = [tf.TensorSpec([None], tf.string, "condition")] if conditions else []
    style = [tf.TensorSpec([None], tf.string, "style")] if has_styles else []
    return {
        "serving_default": (serving_default, [*pngs, *condition]),
        "sample": (sample, [*pngs, seed, *condition, *style]),
        "tensor": (tensor, [pixels, seed, *condition, *style]),
    }


def _encode_and_generate(
    config: Config, generate: Network, conditions: Conditions, has_styles: bool
) -> Callable[[list[tf.Tensor], tf.Tensor, Sequence[tf.Tensor]], dict[str, tf.Tensor]]:
    """Return the function (pixels of each input role, seed, texts of condition and style) -> tensors of `generate`."""
    inputs, mask = config.data.inputs, config.data.mask
    channels = encoding.channels(inputs, mask, conditions)
    specs = [tf.TensorSpec([None, None, None, channels]), tf.TensorSpec([None], tf.int32)]
    specs += [tf.TensorSpec([None], tf.string)] * has_styles
    network = tf.function(generate, specs, autograph=False).get_concrete_function()  # once: its trace takes seconds
    network.weights_owner = generate  # a trace does not keep the weights that it reads

    def generate_from(images: list[tf.Tensor], seed: tf.Tensor, texts: Sequence[tf.Tensor]) -> dict[str, tf.Tensor]:
        parts = [encoding.encode(image, role, mask) for role, image in zip(inputs, images, strict=True)]
        encoded = tf.concat(parts, axis=-1)
        split = 1 if conditions else 0
        for text in texts[:split]:
            encoded = encoding.join_condition(encoded, encoding.encode_condition(text, conditions))
        return network(encoded, seed, *texts[split:])

    return generate_from


def png_names(roles: tuple[str, ...], single: str) -> list[str]:
    """Return the names of PNGs in a signature; a name in _bytes is sent as base64 by TF Serving's REST interface.

    Args:
      roles: one PNG each.
      single: the name of the only PNG where there is one role: "image" or "output".
    """
    return [f"{single}_bytes"] if len(roles) == 1 else [f"{role}_bytes" for role in roles]
