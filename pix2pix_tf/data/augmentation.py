"""Random augmentation of training samples, a function of a seed, so that every epoch is reproducible.

Each function takes a sample (for each role float32 [H, W, C], [-1, 1], zones one-hot) and a seed, int32 or int64 [2],
and returns a sample of the same roles, shapes and ranges. Geometric changes apply to all roles of a sample, changes of
brightness to SAR alone.
"""

import math
from collections.abc import Callable

import tensorflow as tf

from pix2pix_tf.config import DataConfig
from pix2pix_tf.utils import tf_compat

Sample = dict[str, tf.Tensor]

CATEGORICAL = ("zones", "fronts")  # roles whose values are classes: never interpolated
BRIGHTER = 0.2  # of the whole range: the largest change by `brighten` [C]
DEVIATION = 0.3  # standard deviation of `noise` [C]
GAMMA = 2.0  # largest exponent of `contrast`; the smallest is its inverse
BLUR = (0.5, 1.5)  # pixels: standard deviation of `blur`
ZONE_TONES = 8.0  # dB: largest change by `zone_tones`, as open water and ice melange, or wet and dry snow, differ
ZOOM = 1.4  # largest zoom of `affine`; the smallest is its inverse
TURN = 20.0  # degrees: largest turn of `affine`
ROUGHNESS = (0.1, 0.7)  # of `elastic_deformation`: amplitude of an octave relative to the next coarser one [C]
ROTATION = 0  # number of `rotate` among the changes
COARSEST = 4  # waves of the coarsest octave of `elastic_deformation`, along each side


def augment(images: Sample, seed: tf.Tensor, data: DataConfig) -> Sample:
    """Apply all augmentations of a configuration.

    Pix2pix enlarges, crops and flips (Isola et al. 2017, 6.2); the CaFFe baselines flip, rotate, brighten, deform and
    add noise, in this order (Gourmelon et al. 2022, 4.1, and their published code). The others are for glaciers and
    sensors that the training data lack.

    Args:
      images: a sample.
      seed: int32 or int64 [2].
      data: probabilities and strengths.
    """
    images = random_jitter(images, seed, data.jitter, data.flip)
    changes = (
        (rotate, data.rotate),  # ROTATION
        (brighten, data.brighten),
        (elastic_deformation, data.elastic),
        (noise, data.noise),
        (zone_tones, data.zone_tones),
        (contrast, data.contrast),
        (affine, data.affine),
        (blur, data.blur),
    )
    for number, (change, probability) in enumerate(changes):
        if probability > 0:
            images = _sometimes(change, images, _seed_of_change(seed, number), probability)
    return images


def random_jitter(images: Sample, seed: tf.Tensor, scale: float, flip: float) -> Sample:
    """Enlarge a sample, crop it at random to its size, and flip it at random (Isola et al. 2017, 6.2).

    Args:
      images: a sample.
      seed: int32 or int64 [2].
      scale: factor of the enlargement; 286 / 256 in the paper, 1: none.
      flip: probability of a horizontal flip.
    """
    place, _ = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    size = tf.shape(next(iter(images.values())))[:2]
    large = tf.cast(tf.round(tf.cast(size, tf.float32) * scale), tf.int32)
    offset = tf.cast(tf.random.stateless_uniform([2], place) * tf.cast(large - size + 1, tf.float32), tf.int32)
    flipped = _is_flipped(seed, flip)

    def change(role: str, image: tf.Tensor) -> tf.Tensor:
        if scale != 1.0:
            # Cubic keeps more of the speckle's contrast than linear interpolation does.
            method = "nearest" if role in CATEGORICAL else "bicubic"
            image = tf.clip_by_value(tf.image.resize(image, large, method), -1.0, 1.0)
            image = tf.slice(image, [offset[0], offset[1], 0], [size[0], size[1], -1])
        return tf.cond(flipped, lambda: image[:, ::-1], lambda: image)

    return {role: tf.ensure_shape(change(role, image), image.shape) for role, image in images.items()}


def rotate(images: Sample, seed: tf.Tensor) -> Sample:
    """Rotate a sample by 90, 180 or 270 degrees. It must be square, as its shape stays."""
    turns = _quarter_turns(seed)
    return {role: tf.ensure_shape(tf.image.rot90(image, turns), image.shape) for role, image in images.items()}


def brighten(images: Sample, seed: tf.Tensor) -> Sample:
    """Make all SAR brighter or darker by up to a fifth of the range; 0, not available, stays 0."""
    change = tf.random.stateless_uniform([], seed, -2 * BRIGHTER, 2 * BRIGHTER)  # twice, as the range is 2 here
    return _of_sar(images, lambda image: tf.where(image == -1.0, -1.0, tf.clip_by_value(image + change, -1.0, 1.0)))


def noise(images: Sample, seed: tf.Tensor) -> Sample:
    """Multiply each pixel of SAR, on [0, 1], by 1 + N(0, 0.3)."""

    def change(image: tf.Tensor) -> tf.Tensor:
        factor = 1.0 + tf.random.stateless_normal(tf.shape(image), seed, stddev=DEVIATION)
        return tf.clip_by_value((image + 1.0) * factor - 1.0, -1.0, 1.0)

    return _of_sar(images, change)


def zone_tones(images: Sample, seed: tf.Tensor) -> Sample:
    """Make the SAR of each zone brighter or darker by up to `ZONE_TONES`, each zone by another amount.

    The sample must have the role zones, one-hot. The change is soft over three pixels, as a hard one would draw the
    zones' outlines.
    """
    decibels = tf.random.stateless_uniform([images["zones"].shape[-1]], seed, -ZONE_TONES, ZONE_TONES)
    factor = tf.reduce_sum(images["zones"] * 10.0 ** (decibels / 20.0), axis=-1, keepdims=True)
    factor = tf.nn.avg_pool2d(factor[tf.newaxis], 3, 1, "SAME")[0]
    return _of_sar(images, lambda image: tf.clip_by_value((image + 1.0) * factor - 1.0, -1.0, 1.0))


def contrast(images: Sample, seed: tf.Tensor) -> Sample:
    """Raise all SAR, on [0, 1], to a power between 1 / `GAMMA` and `GAMMA`."""
    gamma = GAMMA ** tf.random.stateless_uniform([], seed, -1.0, 1.0)
    # Interpolation may have left a pixel a little below -1, which has no power.
    return _of_sar(images, lambda image: (tf.maximum(image + 1.0, 0.0) / 2.0) ** gamma * 2.0 - 1.0)


def blur(images: Sample, seed: tf.Tensor) -> Sample:
    """Blur all SAR by a Gaussian, with mirrored borders; 0, not available, stays 0."""
    deviation = tf.random.stateless_uniform([], seed, *BLUR)
    reach = round(3 * BLUR[1])
    weights = tf.exp(-0.5 * (tf.range(-reach, reach + 1, dtype=tf.float32) / deviation) ** 2)
    weights = weights / tf.reduce_sum(weights)

    def change(image: tf.Tensor) -> tf.Tensor:
        padded = tf.pad(image, [[reach, reach], [reach, reach], [0, 0]], "SYMMETRIC")
        channels = tf.transpose(padded, [2, 0, 1])[..., tf.newaxis]
        for kernel in (weights[:, tf.newaxis], weights[tf.newaxis, :]):
            channels = tf.nn.conv2d(channels, kernel[..., tf.newaxis, tf.newaxis], 1, "VALID")
        return tf.where(image == -1.0, -1.0, tf.transpose(channels[..., 0], [1, 2, 0]))

    return _of_sar(images, change)


def affine(images: Sample, seed: tf.Tensor) -> Sample:
    """Zoom a sample by 1 / `ZOOM` to `ZOOM` and turn it around its middle by up to `TURN`, with mirrored borders."""
    zoom, turned = tf.unstack(tf.random.stateless_uniform([2], seed, -1.0, 1.0))
    angle = turned * TURN * (math.pi / 180.0)
    cosine, sine = tf.cos(angle) / ZOOM**zoom, tf.sin(angle) / ZOOM**zoom

    def change(role: str, image: tf.Tensor) -> tf.Tensor:
        height, width, _ = image.shape
        y, x = (height - 1) / 2, (width - 1) / 2
        to_source = [cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y, 0.0, 0.0]
        moved = tf.raw_ops.ImageProjectiveTransformV3(
            images=image[tf.newaxis],
            transforms=tf.stack(to_source)[tf.newaxis],
            output_shape=[height, width],
            fill_value=0.0,
            interpolation="NEAREST" if role in CATEGORICAL else "BILINEAR",
            fill_mode="REFLECT",
        )
        return tf.ensure_shape(moved[0], image.shape)

    return {role: change(role, image) for role, image in images.items()}


def elastic_deformation(images: Sample, seed: tf.Tensor) -> Sample:
    """Deform a sample elastically, by smooth random displacements.

    As in the augmentation of the CaFFe baselines, the displacement is fractal noise of random roughness and strength.
    Displacements of neighbouring pixels differ by one pixel at most, so that the image does not fold.
    """
    field, *drawn = tf.unstack(tf.random.experimental.stateless_split(seed, 3))
    roughness = tf.random.stateless_uniform([], drawn[0], *ROUGHNESS)
    strength = tf.random.stateless_uniform([], drawn[1])
    height, width, _ = next(iter(images.values())).shape
    flow = strength * displacement(height, width, field, roughness)
    return {role: warped(image, flow, role in CATEGORICAL) for role, image in images.items()}


def displacement(height: int, width: int, seed: tf.Tensor, roughness: tf.Tensor) -> tf.Tensor:
    """Return fractal noise: octaves of smooth noise, each of half the wavelength and `roughness` times the amplitude.

    Args:
      height: pixels.
      width: pixels.
      seed: int32 or int64 [2].
      roughness: float32 scalar, above 0.

    Returns:
      float32 [H, W, 2], rows and columns in pixels; the largest difference between neighbours is 1.
    """
    total, waves, weight = tf.zeros([height, width, 2]), COARSEST, tf.constant(1.0)
    while waves == COARSEST or 2 * waves <= min(height, width):
        octave = tf.random.stateless_normal([waves, waves, 2], tf.random.experimental.stateless_fold_in(seed, waves))
        total += weight * tf.image.resize(octave, [height, width], "bicubic")
        waves, weight = 2 * waves, weight * roughness
    steps = [tf.reduce_max(tf.abs(total[1:] - total[:-1])), tf.reduce_max(tf.abs(total[:, 1:] - total[:, :-1]))]
    return total / tf.maximum(tf.reduce_max(steps), 1e-6)


def warped(image: tf.Tensor, flow: tf.Tensor, nearest: bool) -> tf.Tensor:
    """Move pixels down and to the right by `flow`; beyond the border, the image repeats its outermost pixels.

    Args:
      image: float32 [H, W, C].
      flow: float32 [H, W, 2], rows and columns in pixels.
      nearest: True: nearest neighbour, for classes; False: bilinear.
    """
    if not nearest:
        return tf.ensure_shape(tf_compat.warp(image, flow), image.shape)
    height, width, _ = image.shape
    grid = tf.stack(tf.meshgrid(tf.range(height), tf.range(width), indexing="ij"), axis=-1)
    source = tf.clip_by_value(grid - tf.cast(tf.round(flow), tf.int32), 0, [height - 1, width - 1])
    return tf.gather_nd(image, source)


def turn(seed: tf.Tensor, data: DataConfig) -> tf.Tensor:
    """Return how `augment` turns a sample with this seed: quarter turns, and 4 more if it flips first; int32 scalar."""
    turns = tf.constant(0)
    if data.rotate > 0:
        coin, rest = tf.unstack(tf.random.experimental.stateless_split(_seed_of_change(seed, ROTATION), 2))
        turns = tf.where(tf.random.stateless_uniform([], coin) < data.rotate, _quarter_turns(rest), 0)
    return turns + 4 * tf.cast(_is_flipped(seed, data.flip), tf.int32)


def _is_flipped(seed: tf.Tensor, flip: float) -> tf.Tensor:
    _, coin = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    return tf.random.stateless_uniform([], coin) < flip


def _quarter_turns(seed: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_uniform([], seed, 1, 4, tf.int32)


def _seed_of_change(seed: tf.Tensor, number: int) -> tf.Tensor:
    return tf.random.experimental.stateless_fold_in(seed, number)


def _sometimes(change: Callable[[Sample, tf.Tensor], Sample], images: Sample, seed: tf.Tensor, probability) -> Sample:
    coin, rest = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
    return tf.cond(tf.random.stateless_uniform([], coin) < probability, lambda: change(images, rest), lambda: images)


def _of_sar(images: Sample, change: Callable[[tf.Tensor], tf.Tensor]) -> Sample:
    return {role: change(image) if role.startswith("sar") else image for role, image in images.items()}
