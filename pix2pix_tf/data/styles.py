"""The style of a SAR image, zone by zone: its brightness, and the strength of its texture in each octave.

A generator that gets the style beside the mask need not average over its training scenes. In training the style is
measured in the real image. An export contains a bank of the styles of training scenes and chooses from it by the zones
of the mask, by a condition, by the name of a scene, or at random; or the style is measured in an image of the user's.

A style vector has, in this order: the statistics (0 where a zone is absent), one flag for each statistic that is
present, the turn one-hot, the condition, and a random code.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import tensorflow as tf

from pix2pix_tf.data import encoding, noise
from pix2pix_tf.data.classes import ZONE_VALUES
from pix2pix_tf.data.conditions import Conditions, condition_text
from pix2pix_tf.data.dataset import Dataset
from pix2pix_tf.data.loading import evenly_spaced

# Statistics of images, float32 [N, K], and a flag for each, 1 where it is present, else 0. K = ZONES * (1 + OCTAVES):
# the mean log tone of rock, glacier and ocean, then their texture in the finest octave, in the next, and so on.
Statistics = tuple[tf.Tensor, tf.Tensor]
StyleVector: TypeAlias = tf.Tensor  # float32 [N, Layout.size]

ZONES = len(ZONE_VALUES) - 1  # pixels that are not available have no style
OCTAVES = 6  # from 2 pixels up to 64
FEW = 64.0  # pixels: a zone of as many gets two thirds of the change of `with_tones`, a smaller one less
LARGEST_TONE = 1 - 1e-6  # whose atanh, 7.3, is still exact enough in float32
NEWTON_STEPS = 3
SMALLEST = 0.005  # share of an image from which a zone is present
TURNS = 8  # four rotations, each with and without a flip: they fix from where the radar looks
CODE = 8  # length of the random code
GAIN = 2.0  # of textures, so that they spread as widely as tones do
FLOOR = 1e-5  # added to a variance before its root, whose slope at 0 is infinite
ROWS = 512  # of a bank, at most
RANDOM = "random"  # the style in which each zone is as in another scene
SCENE = "scene:"  # before the name of a scene of the bank
_CODE_SALT, _TURN_SALT, _ROW_SALT, _ZONE_SALT = 1, 11, 12, 13  # `normal` takes two salts, 2 and 3 here


class Layout(NamedTuple):
    """Lengths of the parts of a style vector."""

    statistics: int
    condition: int

    @property
    def size(self) -> int:
        """Return the length of the whole vector."""
        return 2 * self.statistics + TURNS + self.condition + CODE


def layout(conditions: Conditions) -> Layout:
    """Return the lengths for the keys and values of the conditions."""
    return Layout(ZONES * (1 + OCTAVES), sum(map(len, conditions.values())))


def measure(tone: tf.Tensor, mask: tf.Tensor) -> Statistics:
    """Measure the style of images.

    The texture of an octave is the deviation of the image from its means over squares of 2 x 2 pixels, on maps that are
    1, 2, 4 ... times smaller: a Laplacian pyramid (Burt & Adelson 1983). Squares on the border of two zones do not
    count.

    Args:
      tone: float32 [N, H, W, 1], log tone in [-1, 1].
      mask: float32 [N, H, W, 1 + ZONES], one-hot in the order of ZONE_VALUES.
    """
    zones = mask[..., 1:]
    pixels = tf.cast(tf.shape(mask)[1] * tf.shape(mask)[2], tf.float32)
    counts = tf.reduce_sum(zones, axis=[1, 2])
    values, present = [tf.reduce_sum(zones * tone, axis=[1, 2]) / (counts + 1.0)], [counts > SMALLEST * pixels]
    for octave in range(OCTAVES):
        coarse = tf.nn.avg_pool2d(tone, 2, 2, "SAME")
        back = tf.repeat(tf.repeat(coarse, 2, axis=1), 2, axis=2)[:, : tf.shape(tone)[1], : tf.shape(tone)[2]]
        pure = tf.cast(zones > 0.99, tf.float32)
        counts = tf.reduce_sum(pure, axis=[1, 2])
        variance = tf.reduce_sum(pure * tf.square(tone - back), axis=[1, 2]) / (counts + 0.5)
        values.append(GAIN * tf.sqrt(variance + FLOOR))
        present.append(counts > SMALLEST * pixels / 4.0**octave)
        tone, zones = coarse, tf.nn.avg_pool2d(zones, 2, 2, "SAME")
    flags = tf.cast(tf.concat(present, axis=1), tf.float32)
    return tf.concat(values, axis=1) * flags, flags


def with_tones(tone: tf.Tensor, mask: tf.Tensor, style: StyleVector) -> tf.Tensor:
    """Change the tones of each zone, so that their mean is the one that a style asks for.

    The change is a shift before the tanh that bounds tones, so that what is nearly white keeps its texture when it
    becomes dark. The shift is found by Newton's method.

    Args:
      tone: float32 [N, H, W, 1], log tone in [-1, 1].
      mask: float32 [N, H, W, 1 + ZONES], one-hot in the order of ZONE_VALUES.
      style: float32 [N, Layout.size]; a zone without a flag keeps its tones.

    Returns:
      As `tone`.
    """
    zones, flags = mask[..., 1:], ZONES * (1 + OCTAVES)
    counts = tf.reduce_sum(zones, axis=[1, 2])
    raw = _atanh(tf.clip_by_value(tone, -LARGEST_TONE, LARGEST_TONE))

    def means(values: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(zones * values, axis=[1, 2]) / (counts + 1.0)

    def shifted(shift: tf.Tensor) -> tf.Tensor:
        return tf.tanh(raw + tf.reduce_sum(zones * shift[:, tf.newaxis, tf.newaxis, :], axis=-1, keepdims=True))

    wanted = style[:, :ZONES]
    shift = _atanh(tf.clip_by_value(wanted, -0.99, 0.99)) - means(raw)
    for _ in range(NEWTON_STEPS):
        now = shifted(shift)
        shift += (wanted - means(now)) / tf.maximum(means(1.0 - now**2), 0.1)
    return shifted(shift * style[:, flags : flags + ZONES] * (1.0 - tf.exp(-counts / FEW)))


def _atanh(values: tf.Tensor) -> tf.Tensor:
    return tf.math.log((1.0 + values) / (1.0 - values)) / 2.0  # TensorFlow Lite does not have tf.atanh


def vector(statistics: Statistics, turn: tf.Tensor, condition: tf.Tensor, seed: tf.Tensor) -> StyleVector:
    """Put a style vector together.

    Args:
      statistics: from `measure`, or of a bank.
      turn: int32 [N], 0 to TURNS - 1.
      condition: float32 [N, C], as `encoding.encode_condition` returns it; C may be 0.
      seed: int32 [N], of the random code.
    """
    return tf.concat([*statistics, tf.one_hot(turn, TURNS), condition, noise.normal(seed, CODE, _CODE_SALT)], axis=1)


def present_zones(mask: tf.Tensor) -> tf.Tensor:
    """Return 1 for each zone that a mask has, float32 [N, ZONES], from the mask one-hot, float32 [N, H, W, 1 + ZONES].

    A zone counts from one pixel on: even a small one is better drawn in the style of some scene than in none.
    """
    return tf.cast(tf.reduce_any(mask[..., 1:] > 0.5, axis=[1, 2]), tf.float32)


# ---- Banks ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bank:
    """Styles of training patches, one a row."""

    names: tuple[str, ...]  # stems of R patches
    values: np.ndarray  # float32 [R, K]
    flags: np.ndarray  # float32 [R, K], 0 or 1
    conditions: np.ndarray  # float32 [R, C]


def make_bank(dataset: Dataset, conditions: Conditions) -> Bank:
    """Measure the styles of up to ROWS training patches, evenly spaced.

    Args:
      dataset: loaded, with the roles zones and sar in its split "train".
      conditions: keys and values of the generator's conditions.
    """
    stems = evenly_spaced(dataset.stems["train"], ROWS)
    measured = [_measure_patch(dataset, stem) for stem in stems]
    values, flags = (np.concatenate(part) for part in zip(*measured, strict=True))
    vectors = np.zeros([len(stems), 0], np.float32)
    if conditions:
        texts = [condition_text(dataset, conditions, stem) for stem in stems]
        vectors = encoding.encode_condition(tf.constant(texts), conditions).numpy()
    return Bank(tuple(stems), values, flags, vectors)


def blank_bank(conditions: Conditions) -> Bank:
    """Return a bank of one empty style, for networks that are described and not trained."""
    shape = layout(conditions)
    statistics = np.zeros([1, shape.statistics], np.float32)
    return Bank(("",), statistics, statistics, np.zeros([1, shape.condition], np.float32))


def choose(
    bank: Bank, conditions: Conditions, present: tf.Tensor, condition: tf.Tensor, style: tf.Tensor, seed: tf.Tensor
) -> StyleVector:
    """Choose a style from a bank.

    An empty `style` takes a scene at random, of those that agree with the condition and have the zones of the mask. A
    zone that the scene lacks is as in another scene. Keys of the condition that are not given are those of the scene.

    Args:
      bank: the styles.
      conditions: keys and values of the generator's conditions.
      present: float32 [N, ZONES], 1 for each zone of the mask.
      condition: float32 [N, C], 0 where unknown.
      style: string [N]: "", "random" (each zone as in another scene), or "scene:" and the name of a row.
      seed: int32 [N]; decides what is random.

    Raises:
      InvalidArgumentError: a style that is neither, or a scene that the bank lacks.
    """
    rows, known = len(bank.names), tf.constant([SCENE + name for name in bank.names])
    named = style[:, tf.newaxis] == known
    valid = (style == "") | (style == RANDOM) | tf.reduce_any(named, axis=1)
    message = f"style: neither empty, nor {RANDOM}, nor {SCENE} and a scene of the model's bank; got"
    with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(valid), [message, style])]):
        agreement = 10.0 * tf.matmul(condition, tf.constant(bank.conditions), transpose_b=True)  # [N, R]
    has = tf.constant(bank.flags[:, :ZONES])  # [R, ZONES]
    covered = tf.matmul(present, has, transpose_b=True)  # [N, R]: zones of the mask that the row has
    row = tf.argmax(
        1000.0 * tf.cast(named, tf.float32) + agreement + covered + noise.uniform(seed, rows, _ROW_SALT), axis=1
    )
    others = tf.reshape(noise.uniform(seed, ZONES * rows, _ZONE_SALT), [-1, ZONES, rows])
    others = tf.argmax(others + agreement[:, tf.newaxis] + 1000.0 * tf.transpose(has), axis=2)  # [N, ZONES]
    from_row = (tf.gather(has, row) > 0) & (style != RANDOM)[:, tf.newaxis]
    of_zone = tf.where(from_row, row[:, tf.newaxis], others)
    chosen = [_of_zones(values, of_zone) * tf.tile(present, [1, 1 + OCTAVES]) for values in (bank.values, bank.flags)]
    turn = tf.cast(noise.uniform(seed, 1, _TURN_SALT)[:, 0] * (TURNS - 0.001), tf.int32)
    turn = tf.where(tf.reduce_any(named, axis=1), 0, turn)  # a named scene looks as it does
    return vector((chosen[0], chosen[1]), turn, _completed(condition, bank, conditions, row), seed)


def _of_zones(table: np.ndarray, of_zone: tf.Tensor) -> tf.Tensor:
    """Gather statistics, each zone's from its own row: [R, K] and int64 [N, ZONES] -> float32 [N, K]."""
    by_zone = tf.constant(table.reshape(len(table), 1 + OCTAVES, ZONES))
    picked = tf.gather(by_zone, of_zone)  # [N, ZONES, 1 + OCTAVES, ZONES]
    own = tf.reduce_sum(picked * tf.eye(ZONES)[:, tf.newaxis, :], axis=1)  # of each zone's row the zone's own column
    return tf.reshape(own, [-1, table.shape[1]])


def _completed(condition: tf.Tensor, bank: Bank, conditions: Conditions, row: tf.Tensor) -> tf.Tensor:
    """Fill the keys of a condition that are not given from rows of the bank."""
    if not conditions:
        return condition
    sizes = [len(values) for values in conditions.values()]
    of_row = tf.split(tf.gather(tf.constant(bank.conditions), row), sizes, axis=1)
    given = tf.split(condition, sizes, axis=1)
    both = zip(given, of_row, strict=True)
    return tf.concat([tf.where(tf.reduce_any(one > 0, axis=1, keepdims=True), one, own) for one, own in both], axis=1)


def _measure_patch(dataset: Dataset, stem: str) -> tuple[np.ndarray, np.ndarray]:
    zones, sar = (
        encoding.decode_png(dataset.path("train", role, stem).read_bytes(), role, dataset.bits[role])
        for role in ("zones", "sar")
    )
    tone = encoding.log_tone(encoding.encode(sar, "sar", "zones"))
    values, flags = measure(tone[tf.newaxis], encoding.encode(zones, "zones", "zones")[tf.newaxis])
    return values.numpy(), flags.numpy()
