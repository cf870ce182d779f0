"""What is trained, and how: networks, optimizers, one step, and the signatures of the export.

The trainer knows a task by four methods, `modules`, `train_step`, `validate` and `signatures`, and by the names of its
losses.
"""

from collections.abc import Callable, Mapping

import tensorflow as tf

from pix2pix_tf import addons, precision
from pix2pix_tf.config import Config
from pix2pix_tf.data import encoding
from pix2pix_tf.data.roles import CHANNELS
from pix2pix_tf.losses import discriminator_loss, generator_loss
from pix2pix_tf.models.pix2pix import make_discriminator, make_generator
from pix2pix_tf.optimizers import Adam

Signature = tuple[Callable[..., dict[str, tf.Tensor]], list[tf.TensorSpec]]


class Pix2Pix:
    """Image-to-image translation by a conditional GAN (Isola et al. 2017)."""

    loss_names = ("generator", "generator_gan", "generator_l1", "discriminator")

    def __init__(self, config: Config, size: int, bits: Mapping[str, int], computed_in: str):
        """Builds the networks with fresh weights.

        Args:
          config: gives roles, networks, loss weights and optimisation.
          size: side of the training patches in pixels.
          bits: depth of each role's PNGs, 8 or 16.
          computed_in: a precision, such as "mixed_bfloat16"; weights and losses are float32 in any case.

        Raises:
          UserError: the patch size does not fit the generator.
        """
        self.config, self.bits = config, bits
        inputs = encoding.channels(config.data.inputs, config.data.mask)
        targets = encoding.channels(config.data.targets, config.data.mask)
        with precision.using(computed_in):
            self.generator = make_generator(config.model, inputs, targets, size)
            self.discriminator = make_discriminator(config.model, inputs, targets)
        train, scale_loss = config.train, computed_in == "mixed_float16"
        self.generator_variables = addons.trainable_variables(self.generator)
        self.discriminator_variables = addons.trainable_variables(self.discriminator)
        self.generator_optimizer = Adam(
            self.generator_variables, train.learning_rate, train.beta_1, scale_loss=scale_loss
        )
        self.discriminator_optimizer = Adam(
            self.discriminator_variables, train.learning_rate, train.beta_1, scale_loss=scale_loss
        )

    def modules(self) -> dict[str, tf.Module | tf.keras.Model]:
        """All that a checkpoint has to hold, by name."""
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    @tf.function
    def train_step(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One step of both networks, on a batch of the pipeline.

        Returns:
          The losses before the step, float32 scalars, one for each of `loss_names`.
        """
        condition, target, seed = batch["input"], batch["target"], batch["seed"]
        weights = self.config.loss
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            generated = self.generator([condition, seed], training=True)
            real_logits = self.discriminator([condition, target], training=True)
            fake_logits = self.discriminator([condition, generated], training=True)
            total, gan, l1 = generator_loss(fake_logits, generated, target, weights.gan, weights.l1)
            telling = discriminator_loss(real_logits, fake_logits)
            scaled_total = self.generator_optimizer.scaled(total)
            scaled_telling = self.discriminator_optimizer.scaled(telling)

        self.generator_optimizer.apply(generator_tape.gradient(scaled_total, self.generator_variables))
        self.discriminator_optimizer.apply(discriminator_tape.gradient(scaled_telling, self.discriminator_variables))
        return dict(zip(self.loss_names, (total, gan, l1, telling), strict=True))

    @tf.function
    def generate(self, batch: dict[str, tf.Tensor]) -> tf.Tensor:
        """The images for a batch's inputs and seeds, float32 [N, H, W, C], [-1, 1]."""
        return self.generator([batch["input"], batch["seed"]], training=False)

    def validate(self, batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """The mean absolute error on a batch, on [-1, 1] as in training: a float32 scalar by its name."""
        return {"val_l1": tf.reduce_mean(tf.abs(self.generate(batch) - batch["target"]))}

    def signatures(self) -> dict[str, Signature]:
        """The export's functions, each with the names and types of its inputs; the batch is free in all of them.

        `serving_default` takes one PNG for each input role and paints with seed 0; `sample` takes a seed for each image
        as well; `tensor` takes the roles' pixels stacked along the channels and gives float32 in [-1, 1].
        """
        inputs, targets, mask = self.config.data.inputs, self.config.data.targets, self.config.data.mask
        divisor = 2**self.config.model.levels

        def paint(images: list[tf.Tensor], seed: tf.Tensor) -> tf.Tensor:
            encoded = [encoding.encode(image, role, mask) for role, image in zip(inputs, images, strict=True)]
            return self.generator([tf.concat(encoded, axis=-1), seed], training=False)

        def sample(*arguments: tf.Tensor) -> dict[str, tf.Tensor]:
            *data, seed = arguments
            images = [
                encoding.decode_png_batch(png, role, self.bits[role], divisor)
                for role, png in zip(inputs, data, strict=True)
            ]
            parts = tf.split(paint(images, seed), [encoding.channels((role,), mask) for role in targets], axis=-1)
            names = _names(targets, "output")
            return {name: encoding.encode_png(part) for name, part in zip(names, parts, strict=True)}

        def serving_default(*data: tf.Tensor) -> dict[str, tf.Tensor]:
            return sample(*data, tf.zeros(tf.shape(data[0]), tf.int32))

        def tensor(image: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
            with tf.control_dependencies([encoding.check_sides(tf.shape(image)[1], tf.shape(image)[2], divisor)]):
                parts = tf.split(image, [CHANNELS[role] for role in inputs], axis=-1)
            images = [tf.cast(p, encoding.dtype_of(self.bits[r])) for r, p in zip(inputs, parts, strict=True)]
            return {"output": paint(images, seed)}

        pngs = [tf.TensorSpec([None], tf.string, name) for name in _names(inputs, "image")]
        seed = tf.TensorSpec([None], tf.int32, "seed")
        depth = encoding.dtype_of(max(self.bits[role] for role in inputs))
        pixels = tf.TensorSpec([None, None, None, sum(CHANNELS[role] for role in inputs)], depth, "image")
        return {
            "serving_default": (serving_default, pngs),
            "sample": (sample, [*pngs, seed]),
            "tensor": (tensor, [pixels, seed]),
        }


def _names(roles: tuple[str, ...], single: str) -> list[str]:
    """Names of PNGs in a signature; those that end in _bytes travel as base64 in TF Serving's REST interface."""
    return [f"{single}_bytes"] if len(roles) == 1 else [f"{role}_bytes" for role in roles]
