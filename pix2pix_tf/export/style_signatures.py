"""The further signatures of an export that generates in a style: `styled`, `choose_style` and `measure_style`.

A whole scene is generated in tiles of one style: `choose_style` chooses it once, `styled` generates each tile with it,
and with the speckle of the tile's place in the scene. `measure_style` measures the style of an image of the user's.
"""

from collections.abc import Callable

import tensorflow as tf

from pix2pix_tf.data import encoding, styles
from pix2pix_tf.data.conditions import Conditions
from pix2pix_tf.export.signatures import Signature

# (mask one-hot float32 [N, H, W, C], style float32 [N, S], seed int32 [N], origin int32 [N, 2]: row and column of the
# upper left pixel in the scene) -> float32 [N, H, W, 1], [-1, 1].
StyledNetwork = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def make_style_signatures(
    divisor: int, generate: StyledNetwork, conditions: Conditions, bank: styles.Bank, depth: tf.DType
) -> dict[str, Signature]:
    """Build the functions, each with the names and types of its inputs.

    styled: image uint8 [N, H, W, 1], the zones' PNG values; style_vector float32 [N, S]; seed; origin int32 [N, 2] ->
      output float32 [N, H, W, 1], [-1, 1].
    choose_style: present float32 [N, 3], 1 for each zone of the scene (rock, glacier, ocean); seed; style string [N];
      condition string [N], with conditions -> style_vector.
    measure_style: sar uint8 or uint16 [N, H, W, 1]; zones uint8 [N, H, W, 1] -> values and flags, float32 [N, K].

    Args:
      divisor: pixels; the sides of an image must be multiples of it.
      generate: calls the network.
      conditions: the keys and values of the metadata that the network takes.
      bank: the styles to choose from.
      depth: of the SAR images, uint8 or uint16.
    """

    def styled(image: tf.Tensor, vector: tf.Tensor, seed: tf.Tensor, origin: tf.Tensor) -> dict[str, tf.Tensor]:
        with tf.control_dependencies([encoding.check_sides(tf.shape(image)[1], tf.shape(image)[2], divisor)]):
            mask = encoding.encode(image, "zones", "zones")
        return {"output": generate(mask, vector, seed, origin)}

    def choose_style(
        present: tf.Tensor, seed: tf.Tensor, style: tf.Tensor, *condition: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        known = encoding.encode_condition(condition[0], conditions) if condition else tf.zeros([tf.shape(seed)[0], 0])
        return {"style_vector": styles.choose(bank, conditions, present, known, style, seed)}

    def measure_style(sar: tf.Tensor, zones: tf.Tensor) -> dict[str, tf.Tensor]:
        tone = encoding.log_tone(encoding.encode(sar, "sar", "zones"))
        values, flags = styles.measure(tone, encoding.encode(zones, "zones", "zones"))
        return {"values": values, "flags": flags}

    zones = tf.TensorSpec([None, None, None, 1], tf.uint8, "image")
    vector = tf.TensorSpec([None, styles.layout(conditions).size], tf.float32, "style_vector")
    seed, origin = tf.TensorSpec([None], tf.int32, "seed"), tf.TensorSpec([None, 2], tf.int32, "origin")
    texts = [tf.TensorSpec([None], tf.string, name) for name in ("style", *["condition"] * bool(conditions))]
    images = [tf.TensorSpec([None, None, None, 1], *kind) for kind in ((depth, "sar"), (tf.uint8, "zones"))]
    return {
        "styled": (styled, [zones, vector, seed, origin]),
        "choose_style": (choose_style, [tf.TensorSpec([None, styles.ZONES], tf.float32, "present"), seed, *texts]),
        "measure_style": (measure_style, images),
    }
