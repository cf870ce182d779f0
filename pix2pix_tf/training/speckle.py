"""Synthesis of SAR from zones and a style: a generator with speckle, and two discriminators."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from pix2pix_tf.config import Config, ModelConfig
from pix2pix_tf.data import encoding, noise, styles
from pix2pix_tf.data.classes import ZONE_VALUES
from pix2pix_tf.data.conditions import Conditions
from pix2pix_tf.data.pipeline import Batch
from pix2pix_tf.export.signatures import Signature, make_signatures
from pix2pix_tf.export.style_signatures import make_style_signatures
from pix2pix_tf.models import replicas
from pix2pix_tf.models.speckle import (
    NOISE_MAPS,
    make_pixel_discriminator,
    make_speckle_generator,
    make_texture_discriminator,
)
from pix2pix_tf.prepare.masks.fjords import FjordSettings, draw_fjord
from pix2pix_tf.training import losses, precision
from pix2pix_tf.training.averages import WeightAverage
from pix2pix_tf.training.optimizers import make_adam, rate_share
from pix2pix_tf.utils import tf_compat

CLASSES = len(ZONE_VALUES)
LOSSES = ("generator", "pixel", "zones", "texture", "features", "mean_tone", "style", "grid", "discriminator")
DRAWINGS = 48  # fjords drawn for a training, each in the eight turns
CLOSE_UP = 2  # how many times as large as its piece every other one is
BARE = (0.4, 0.9)  # share of rock of every other one
_DRAWING_SALT = 21
_SHIFT_SALT = 22


class SpeckleGan:
    """Zones and style to SAR: a pixel discriminator makes the mask hold (OASIS), a PatchGAN the texture."""

    sample_title = "generated, in its style"

    def __init__(
        self,
        config: Config,
        size: int,
        bits: Mapping[str, int],
        dtype_policy: str,
        conditions: Conditions,
        bank: styles.Bank,
    ):
        """Build the networks with new weights; see `tasks.make_task`."""
        self.config, self.bits, self.divisor = config, bits, 2**config.model.depth
        absent = {name for name in ("zones", "grid") if not getattr(config.loss, name)}  # as in older checkpoints
        self.loss_names = tuple(name for name in LOSSES if name not in absent)
        self.conditions, self.bank = conditions, bank
        model, train = config.model, config.train
        self.drawings = _draw_fjords(size) if train.drawn_masks else None
        with precision.using(dtype_policy):
            self.generator = make_speckle_generator(model, CLASSES, styles.layout(conditions).size, size)
            self.pixel_discriminator = make_pixel_discriminator(model.discriminator_width, CLASSES)
            self.texture_discriminator = make_texture_discriminator(
                model.discriminator_width, CLASSES, model.discriminator_norm
            )
            self.average = WeightAverage(self.generator, train.average_images / train.batch_size)
        self.generator_variables = tf_compat.trainable_variables(self.generator)
        self.discriminator_variables = [
            *tf_compat.trainable_variables(self.pixel_discriminator),
            *tf_compat.trainable_variables(self.texture_discriminator),
        ]
        self.generator_optimizer = make_adam(self.generator_variables, train, dtype_policy)
        self.discriminator_optimizer = make_adam(
            self.discriminator_variables, train, dtype_policy, train.discriminator_learning_rate
        )

    def modules(self) -> dict[str, tf.Module | tf.keras.Model]:
        """Return everything that a checkpoint contains."""
        return {
            "generator": self.generator,
            "average": self.average,
            "pixel_discriminator": self.pixel_discriminator,
            "texture_discriminator": self.texture_discriminator,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    @tf.function
    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Update all three networks on a batch of the pipeline.

        Returns:
          The losses before the step, float32 scalars, one for each of `loss_names`; NaN where a gradient is not finite.
        """
        mask, real, statistics, style = self._inputs(batch)
        fake_mask, statistics, style, paired = self._with_drawings(batch, mask, statistics, style)
        weights, model = self.config.loss, self.config.model
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            fake = _drawn(self.generator, model, fake_mask, style, _noise(batch["seed"], mask), training=True)
            grid = losses.grid_loss(encoding.from_log_tone(fake), fake_mask)
            fake, real, fake_mask, mask = self._shifted(batch["seed"], fake, real, fake_mask, mask)
            images = tf.concat([real, fake], axis=0)
            (real_logits, fake_logits), *features = _halves(self.pixel_discriminator(images, training=True))
            scores = _halves(self.texture_discriminator([images, tf.concat([mask, fake_mask], axis=0)], training=True))
            real_scores, fake_scores = zip(*scores, strict=True)
            # An image of a drawn mask has no real counterpart.
            tones, *maps = [[tf.cast(paired, one.dtype) * one for one in pair] for pair in ((real, fake), *features)]
            balance = losses.class_weights(fake_mask)
            parts = {
                "pixel": losses.pixel_loss(fake_logits, fake_mask, balance),
                "zones": losses.zones_of_real_loss(fake_logits, fake_mask, balance),
                "texture": losses.hinge_generator_loss(fake_scores),
                "features": losses.feature_loss(*zip(*maps, strict=True)),
                "mean_tone": losses.mean_tone_loss(*tones),
                "style": losses.style_loss(statistics, styles.measure(fake, fake_mask)),
                "grid": grid,
            }
            generator_loss = tf.add_n([getattr(weights, name) * part for name, part in parts.items()])
            pixel_loss = losses.pixel_loss(real_logits, mask, losses.class_weights(mask))
            # Drawn fjords would tell the discriminators by their shapes that their images are generated.
            pixel_loss += losses.pixel_loss(fake_logits, None, paired[..., 0])
            shallow, deep = fake_scores  # of pieces too small to show the shapes of a fjord; and of larger ones
            texture_loss = losses.hinge_loss(real_scores, [shallow, paired * deep])
            discriminator_loss = weights.pixel * pixel_loss + weights.texture * texture_loss
            scaled_generator_loss = self.generator_optimizer.scaled(generator_loss)
            scaled_discriminator_loss = self.discriminator_optimizer.scaled(discriminator_loss)

        share = rate_share(batch["epoch"][0], self.config.train)
        gradients = generator_tape.gradient(scaled_generator_loss, self.generator_variables)
        generator_loss += self.generator_optimizer.apply(replicas.mean(gradients), share)
        gradients = discriminator_tape.gradient(scaled_discriminator_loss, self.discriminator_variables)
        discriminator_loss += self.discriminator_optimizer.apply(replicas.mean(gradients), share)
        self.average.update(self.generator_optimizer.steps)
        values = {"generator": generator_loss, **parts, "discriminator": discriminator_loss}
        return {name: values[name] for name in self.loss_names}

    def generate(self, batch: Batch) -> tf.Tensor:
        """Generate the images of a batch in the styles of its targets, float32 [N, H, W, 1], [-1, 1]."""
        return self._generate(batch, averaged=bool(self.average.is_better))

    @tf.function
    def validate(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Return how far generated images are from the style asked for, by the weights and by their average.

        Both are the style loss on the validation patches and in their styles, float32 scalars by name.
        """
        mask, _, statistics, style = self._inputs(batch)
        values, white = {}, _noise(batch["seed"], mask)
        for name, network in (("val_style", self.generator), ("val_style_average", self.average.network)):
            generated = styles.measure(_drawn(network, self.config.model, mask, style, white), mask)
            values[name] = losses.style_loss(statistics, generated)
        return values

    def choose_weights(self, values: dict[str, float]) -> None:
        """Export the average from now on if it validates better than the weights, by the means of `validate`."""
        self.average.is_better.assign(values["val_style_average"] < values["val_style"])

    def fit_style(self, found: np.ndarray, own: np.ndarray) -> np.ndarray | None:
        """Fit the weights of the layer that reads style vectors to other conditions.

        Without this, a model of other sensors would read styles with new weights, as none of that layer would fit.

        Args:
          found: float32 [S', F], of a model with other conditions.
          own: float32 [S, F], new.

        Returns:
          `found` in the rows of statistics, turn and random code, `own` in those of the condition; None for the weights
          of another layer.
        """
        parts = styles.layout(self.conditions)
        before = 2 * parts.statistics + styles.TURNS
        if len(own) != parts.size or own.shape[1:] != found.shape[1:] or len(found) < before + styles.CODE:
            return None
        return np.concatenate([found[:before], own[before : -styles.CODE], found[-styles.CODE :]])

    def signatures(self) -> dict[str, Signature]:
        """Return the export's functions with a copy of the weights and the bank of styles.

        `tensor` returns `output`, images in [-1, 1]; for `styled` and others see `make_style_signatures`.
        """
        best = self.average.network if self.average.is_better else self.generator
        generator = precision.cast_for_inference(best, self.config.train.export_precision)
        # The functions below must not keep the other networks.
        conditions, bank, model = self.conditions, self.bank, self.config.model

        def styled(mask: tf.Tensor, style: tf.Tensor, seed: tf.Tensor, origin: tf.Tensor) -> tf.Tensor:
            shape = tf.shape(mask)
            white = noise.white_noise(seed, origin, shape[1], shape[2], NOISE_MAPS)
            return encoding.from_log_tone(_drawn(generator, model, mask, style, white))

        def generate(encoded: tf.Tensor, seed: tf.Tensor, style: tf.Tensor) -> dict[str, tf.Tensor]:
            mask, condition = _split(encoded)
            chosen = styles.choose(bank, conditions, styles.present_zones(mask), condition, style, seed)
            return {"output": styled(mask, chosen, seed, tf.zeros([tf.shape(seed)[0], 2], tf.int32))}

        return {
            **make_signatures(self.config, self.bits, self.divisor, generate, conditions, has_styles=True),
            **make_style_signatures(self.divisor, styled, conditions, bank, encoding.dtype_of(self.bits["sar"])),
        }

    @tf.function
    def _generate(self, batch: Batch, averaged: bool) -> tf.Tensor:
        mask, _, _, style = self._inputs(batch)
        network = self.average.network if averaged else self.generator
        return encoding.from_log_tone(_drawn(network, self.config.model, mask, style, _noise(batch["seed"], mask)))

    def _with_drawings(
        self, batch: Batch, mask: tf.Tensor, statistics: styles.Statistics, style: styles.StyleVector
    ) -> tuple[tf.Tensor, styles.Statistics, styles.StyleVector, tf.Tensor]:
        """Put drawn fjords, in styles of the bank, in the place of some masks: `train.drawn_masks`.

        Returns:
          Masks, statistics and style vectors to generate from; and 1 where they are those of the real image, else 0,
          float32 [N, 1, 1, 1].
        """
        drawings, seed = self.drawings, batch["seed"]
        if drawings is None:
            return mask, statistics, style, tf.ones([tf.shape(mask)[0], 1, 1, 1])
        is_drawn, which = tf.unstack(noise.uniform(seed, 2, _DRAWING_SALT), axis=1)
        which = tf.cast(which * (len(drawings) - 0.001), tf.int32)
        drawn = tf.one_hot(tf.gather(drawings, which), CLASSES)
        _, condition = _split(batch["input"])
        present = styles.present_zones(drawn)
        chosen = styles.choose(self.bank, self.conditions, present, condition, tf.fill([tf.size(seed)], ""), seed)
        is_drawn = is_drawn < self.config.train.drawn_masks
        length = statistics[0].shape[1]
        wanted = zip((chosen[:, :length], chosen[:, length : 2 * length]), statistics, strict=True)
        return (
            tf.where(is_drawn[:, tf.newaxis, tf.newaxis, tf.newaxis], drawn, mask),
            tuple(tf.where(is_drawn[:, tf.newaxis], own, real) for own, real in wanted),
            tf.where(is_drawn[:, tf.newaxis], chosen, style),
            tf.cast(~is_drawn, tf.float32)[:, tf.newaxis, tf.newaxis, tf.newaxis],
        )

    def _shifted(self, seed: tf.Tensor, *images: tf.Tensor) -> list[tf.Tensor]:
        """Shift images and masks, float32 [N, H, W, C], alike at random, with mirrored borders.

        Discriminators and losses see some pixels of a square better than others, by their strides. Without a shift, the
        generator learns to answer with a weave on that grid. `train.discriminator_shift`.
        """
        shift = self.config.train.discriminator_shift
        if not shift:
            return list(images)
        _, height, width, _ = images[0].shape
        before, after = shift // 2, shift - shift // 2
        padding = [[0, 0], [before, after], [before, after], [0, 0]]
        row, column = tf.unstack(tf.cast(noise.uniform(seed[:1], 2, _SHIFT_SALT)[0] * (shift + 0.999), tf.int32))
        return [tf.pad(one, padding, "REFLECT")[:, row : row + height, column : column + width] for one in images]

    def _inputs(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor, styles.Statistics, styles.StyleVector]:
        """Return mask, target as log tone, its statistics, and the style vector."""
        mask, condition = _split(batch["input"])
        real = encoding.log_tone(batch["target"])
        statistics = styles.measure(real, mask)
        return mask, real, statistics, styles.vector(statistics, batch["turn"], condition, batch["seed"])


def _drawn(
    generator: tf.keras.Model,
    model: ModelConfig,
    mask: tf.Tensor,
    style: styles.StyleVector,
    white: tf.Tensor,
    training: bool = False,
) -> tf.Tensor:
    """Return the log tone of the images of masks, float32 [N, H, W, 1]; see `model.exact_tones`."""
    tone = generator([mask, style, white], training=training)
    return styles.with_tones(tone, mask, style) if model.exact_tones else tone


def _draw_fjords(size: int) -> tf.Tensor:
    """Draw masks as `prepare masks` does, others than any of its seeds draws: classes, uint8 [8 * DRAWINGS, H, W].

    Every other one is a piece of a larger fjord with bare walls: plain areas, as a user draws them.
    """
    bare = FjordSettings()
    bare = replace(bare, scene=replace(bare.scene, rock_share=BARE))
    values = []
    for number in range(DRAWINGS):
        seed = (0, _DRAWING_SALT, number)
        side, settings = (CLOSE_UP * size, bare) if number % 2 else (size, None)
        row, column = np.random.default_rng(seed).integers(side - size + 1, size=2)
        values.append(draw_fjord(seed, side, settings).zones[row : row + size, column : column + size])
    drawn = np.searchsorted(ZONE_VALUES, np.stack(values)).astype(np.uint8)
    turned = [np.rot90(sides, quarters, (1, 2)) for sides in (drawn, drawn[:, :, ::-1]) for quarters in range(4)]
    return tf.constant(np.concatenate(turned))


def _split(encoded: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Split an encoded input into the mask, float32 [N, H, W, CLASSES], and the condition, float32 [N, C]."""
    return encoded[..., :CLASSES], encoded[:, 0, 0, CLASSES:]


def _noise(seed: tf.Tensor, mask: tf.Tensor) -> tf.Tensor:
    """Return white noise for images whose upper left pixel is that of their scene."""
    shape = tf.shape(mask)
    return noise.white_noise(seed, tf.zeros([shape[0], 2], tf.int32), shape[1], shape[2], NOISE_MAPS)


def _halves(maps: Sequence[tf.Tensor]) -> list[tuple[tf.Tensor, tf.Tensor]]:
    """Split each output of a discriminator into that of the real and that of the generated images."""
    return [tuple(tf.split(one, 2, axis=0)) for one in maps]
