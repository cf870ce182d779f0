"""What is trained, and how: networks, optimizers, one step, and what goes into an export.

The trainer knows a task by its methods `modules`, `train_step`, `validate`, `generate` and `signatures`, and by the
names of its losses.
"""

from collections.abc import Mapping
from types import MappingProxyType

import tensorflow as tf

from pix2pix_tf.config import Config
from pix2pix_tf.data import classes, encoding
from pix2pix_tf.data.conditions import Conditions
from pix2pix_tf.export.signatures import Signature, make_signatures
from pix2pix_tf.models import unet, vgg
from pix2pix_tf.models.pix2pix import make_discriminator, make_generator
from pix2pix_tf.models.unet import make_segmenter
from pix2pix_tf.models.vgg import make_classifier
from pix2pix_tf.training import distribution, precision
from pix2pix_tf.training.losses import clouds_loss, dice_loss, discriminator_loss, generator_loss, zones_loss
from pix2pix_tf.training.optimizers import Adam
from pix2pix_tf.utils import tf_compat
from pix2pix_tf.utils.errors import UserError

Batch = dict[str, tf.Tensor]  # see data/pipeline.py


def make_task(
    config: Config,
    size: int,
    bits: Mapping[str, int],
    computed_in: str,
    conditions: Conditions = MappingProxyType({}),
) -> "Task":
    """The task that a configuration asks for, with fresh weights.

    Args:
      config: gives roles, networks, loss weights and optimisation.
      size: side of the training patches in pixels.
      bits: depth of each role's PNGs, 8 or 16.
      computed_in: a precision, such as "mixed_bfloat16"; weights and losses are float32 in any case.
      conditions: the keys of `data.condition` and the values of each.

    Raises:
      UserError: the patch size does not fit the networks.
    """
    if config.model.network == "pix2pix":
        return Pix2Pix(config, size, bits, computed_in, conditions)
    if config.model.network == "unet":
        return Segmenter(config, size, bits, computed_in)
    return Classifier(config, size, bits, computed_in)


class Pix2Pix:
    """Image-to-image translation by a conditional GAN (Isola et al. 2017)."""

    loss_names = ("generator", "generator_gan", "generator_l1", "generator_mse", "discriminator")
    made = "generated"  # what its column on a sample sheet is called

    def __init__(self, config: Config, size: int, bits: Mapping[str, int], computed_in: str, conditions: Conditions):
        """Builds the networks with fresh weights; see `make_task`."""
        self.config, self.bits, self.divisor, self.conditions = config, bits, 2**config.model.depth, conditions
        inputs = encoding.channels(config.data.inputs, config.data.mask, conditions)
        targets = encoding.channels(config.data.targets, config.data.mask)
        with precision.using(computed_in):
            self.generator = make_generator(config.model, inputs, targets, size)
            self.discriminator = make_discriminator(config.model, inputs, targets)
        self.generator_variables = tf_compat.trainable_variables(self.generator)
        self.discriminator_variables = tf_compat.trainable_variables(self.discriminator)
        self.generator_optimizer = _optimizer(self.generator_variables, config, computed_in)
        self.discriminator_optimizer = _optimizer(self.discriminator_variables, config, computed_in)

    def modules(self) -> dict[str, tf.Module | tf.keras.Model]:
        """All that a checkpoint has to hold, by name."""
        return {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    @tf.function
    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step of both networks, on a batch of the pipeline; of the discriminator in its epochs only.

        Returns:
          The losses before the step, float32 scalars, one for each of `loss_names`; NaN where a gradient is not finite.
        """
        condition, target, seed = batch["input"], batch["target"], batch["seed"]
        weights = self.config.loss
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            generated = self.generator([condition, seed], training=True)
            real_logits = self.discriminator([condition, target], training=True)
            fake_logits = self.discriminator([condition, generated], training=True)
            total, *parts = generator_loss(fake_logits, generated, target, weights.gan, weights.l1, weights.mse)
            telling = discriminator_loss(real_logits, fake_logits)
            scaled_total = self.generator_optimizer.scaled(total)
            scaled_telling = self.discriminator_optimizer.scaled(telling)

        gradients = generator_tape.gradient(scaled_total, self.generator_variables)
        total += self.generator_optimizer.apply(distribution.mean(gradients))
        gradients = distribution.mean(discriminator_tape.gradient(scaled_telling, self.discriminator_variables))
        every = self.config.train.discriminator_every
        if every == 1 or batch["epoch"][0] % every == 0:  # by the epoch, so that a training that goes on keeps the beat
            telling += self.discriminator_optimizer.apply(gradients)
        return dict(zip(self.loss_names, (total, *parts, telling), strict=True))

    @tf.function
    def generate(self, batch: Batch) -> tf.Tensor:
        """The images for a batch's inputs and seeds, float32 [N, H, W, C], [-1, 1]."""
        return self.generator([batch["input"], batch["seed"]], training=False)

    def validate(self, batch: Batch) -> dict[str, tf.Tensor]:
        """The mean absolute error on a batch, on [-1, 1] as in training: a float32 scalar by its name."""
        return {"val_l1": tf.reduce_mean(tf.abs(self.generate(batch) - batch["target"]))}

    def signatures(self) -> dict[str, Signature]:
        """The export's functions, of today's weights: `tensor` gives `output`, the images in [-1, 1]."""
        generator = precision.cast_for_inference(self.generator)

        def paint(encoded: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"output": generator([encoded, seed], training=False)}

        return make_signatures(self.config, self.bits, self.divisor, paint, self.conditions)


class Segmenter:
    """A class for each pixel of a SAR image: its zone, or whether the front runs there (Gourmelon et al. 2022)."""

    divisor = unet.DIVISOR
    made = "predicted"

    def __init__(self, config: Config, size: int, bits: Mapping[str, int], computed_in: str):
        """Builds the network with fresh weights; see `make_task`."""
        self.config, self.bits = config, bits
        self.zones = config.data.targets == ("zones",)
        self.loss_names = ("loss", "cross_entropy", "dice") if self.zones else ("loss",)
        inputs = encoding.channels(config.data.inputs, config.data.mask)
        with precision.using(computed_in):
            self.segmenter = make_segmenter(config.model, inputs, len(classes.ZONE_VALUES) if self.zones else 1, size)
        self.variables = tf_compat.trainable_variables(self.segmenter)
        self.optimizer = _optimizer(self.variables, config, computed_in)

    def modules(self) -> dict[str, tf.Module | tf.keras.Model]:
        """All that a checkpoint has to hold, by name."""
        return {"segmenter": self.segmenter, "optimizer": self.optimizer}

    @tf.function
    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step, on a batch of the pipeline.

        Returns:
          The losses before the step, float32 scalars, one for each of `loss_names`; NaN where a gradient is not finite.
        """
        with tf.GradientTape() as tape:
            loss, *parts = self._losses(self.segmenter([batch["input"], batch["seed"]], training=True), batch)
            scaled = self.optimizer.scaled(loss)
        loss += self.optimizer.apply(distribution.mean(tape.gradient(scaled, self.variables)))
        return dict(zip(self.loss_names, (loss, *parts), strict=True))

    @tf.function
    def generate(self, batch: Batch) -> tf.Tensor:
        """The masks for a batch's inputs as images, float32 [N, H, W, 1], [-1, 1]."""
        return self._told(self.segmenter([batch["input"], batch["seed"]], training=False))["output"]

    @tf.function
    def validate(self, batch: Batch) -> dict[str, tf.Tensor]:
        """The loss on a batch, and the mean over its images of the mean IoU of the classes: float32 scalars by name."""
        logits = self.segmenter([batch["input"], batch["seed"]], training=False)
        target = self._target(batch)
        if self.zones:
            predicted = tf.one_hot(tf.argmax(logits, axis=-1), target.shape[-1])
        else:  # two classes: no front, front
            target = tf.concat([1.0 - target, target], axis=-1)
            front = tf.cast(tf.sigmoid(logits) > classes.FRONT_THRESHOLD, tf.float32)
            predicted = tf.concat([1.0 - front, front], axis=-1)
        both = tf.reduce_sum(predicted * target, axis=[1, 2])
        either = tf.reduce_sum(tf.maximum(predicted, target), axis=[1, 2])  # 0: neither has the class
        iou = tf.reduce_sum(tf.math.divide_no_nan(both, either), axis=-1)
        iou /= tf.reduce_sum(tf.cast(either > 0, tf.float32), axis=-1)
        return {"val_loss": self._losses(logits, batch)[0], "val_iou": tf.reduce_mean(iou)}

    def signatures(self) -> dict[str, Signature]:
        """The export's functions, of today's weights: `tensor` gives `output`, grey values in [-1, 1], and more.

        `probabilities` are float32 [N, H, W, K], [0, 1]: of the zones in the order of ZONE_VALUES, or of the front.
        `features` are float32 [N, C]: what the network has of an image at its bottom, averaged over the map.
        """
        with_features = unet.with_features(precision.cast_for_inference(self.segmenter))

        def tell(encoded: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
            logits, features = with_features([encoded, seed], training=False)
            return self._told(logits) | {"features": features}

        return make_signatures(self.config, self.bits, self.divisor, tell)

    def _told(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        if self.zones:
            probabilities = tf.nn.softmax(logits)
            grey = tf.gather(tf.constant(classes.ZONE_VALUES, tf.float32), tf.argmax(logits, axis=-1))[..., tf.newaxis]
        else:
            probabilities = tf.sigmoid(logits)
            grey = tf.where(probabilities > classes.FRONT_THRESHOLD, 255.0, 0.0)
        return {"output": grey / 127.5 - 1.0, "probabilities": probabilities}

    def _losses(self, logits: tf.Tensor, batch: Batch) -> tuple[tf.Tensor, ...]:
        target, weights = self._target(batch), self.config.loss
        if self.zones:
            return zones_loss(logits, target, weights.cross_entropy, weights.dice)
        return (dice_loss(tf.sigmoid(logits) * batch["weight"], target),)

    def _target(self, batch: Batch) -> tf.Tensor:
        """The true classes, float32 [N, H, W, K], 0 or 1."""
        return batch["target"] if self.zones else (batch["target"] + 1.0) / 2.0


class Classifier:
    """Whether an optical image shows clouds, for leaving out what does."""

    loss_names = ("loss",)
    made = "predicted"
    divisor = vgg.DIVISOR

    def __init__(self, config: Config, size: int, bits: Mapping[str, int], computed_in: str):
        """Builds the network with fresh weights; see `make_task`."""
        if size % self.divisor:
            raise UserError(f"Patches of {size} x {size} do not divide by {self.divisor}, as three halvings need.")
        self.config, self.bits = config, bits
        with precision.using(computed_in):
            self.classifier = make_classifier(config.model, encoding.channels(config.data.inputs, config.data.mask))
        self.variables = tf_compat.trainable_variables(self.classifier)
        self.optimizer = _optimizer(self.variables, config, computed_in)

    def modules(self) -> dict[str, tf.Module | tf.keras.Model]:
        """All that a checkpoint has to hold, by name."""
        return {"classifier": self.classifier, "optimizer": self.optimizer}

    @tf.function
    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """One step, on a batch of the pipeline.

        Returns:
          The loss before the step, a float32 scalar by its name; NaN where a gradient is not finite.
        """
        with tf.GradientTape() as tape:
            loss = clouds_loss(self.classifier([batch["input"], batch["seed"]], training=True), batch["cloudy"])
            scaled = self.optimizer.scaled(loss)
        loss += self.optimizer.apply(distribution.mean(tape.gradient(scaled, self.variables)))
        return {"loss": loss}

    @tf.function
    def generate(self, batch: Batch) -> tf.Tensor:
        """How likely each image of a batch is cloudy, float32 [N, 1], [0, 1]."""
        return tf.sigmoid(self.classifier([batch["input"], batch["seed"]], training=False))

    @tf.function
    def validate(self, batch: Batch) -> dict[str, tf.Tensor]:
        """The loss on a batch, and the share of images that are called rightly: float32 scalars by name."""
        logits = self.classifier([batch["input"], batch["seed"]], training=False)
        right = tf.cast((logits > 0) == (batch["cloudy"] > 0.5), tf.float32)
        return {"val_loss": clouds_loss(logits, batch["cloudy"]), "val_accuracy": tf.reduce_mean(right)}

    def signatures(self) -> dict[str, Signature]:
        """The export's functions, of today's weights: each gives `probabilities`, float32 [N, 1], of being cloudy."""
        classifier = precision.cast_for_inference(self.classifier)

        def tell(encoded: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probabilities": tf.sigmoid(classifier([encoded, seed], training=False))}

        return make_signatures(self.config, self.bits, self.divisor, tell)


Task = Pix2Pix | Segmenter | Classifier


def _optimizer(variables: list[tf.Variable], config: Config, computed_in: str) -> Adam:
    train = config.train
    return Adam(
        variables,
        train.learning_rate,
        train.beta_1,
        scale_loss=computed_in == "mixed_float16",
        global_clipnorm=train.global_clipnorm,
        max_learning_rate=train.max_learning_rate,
        step_size_up=train.step_size_up,
    )
