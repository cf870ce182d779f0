"""The tasks: each holds its networks and optimizers, one training step, and the signatures of its export.

The trainer uses of a task its methods `modules`, `train_step`, `validate`, `generate` and `signatures`, the names of
its losses, and `sample_title`, the title of the output's column in an image grid of samples.
"""

from collections.abc import Mapping
from types import MappingProxyType

import tensorflow as tf

from pix2pix_tf.config import Config
from pix2pix_tf.data import classes, encoding, styles
from pix2pix_tf.data.conditions import Conditions
from pix2pix_tf.export.signatures import Signature, make_signatures
from pix2pix_tf.models import replicas, unet, vgg
from pix2pix_tf.models.pix2pix import make_discriminator, make_generator
from pix2pix_tf.training import losses, precision
from pix2pix_tf.training.averages import WeightAverage
from pix2pix_tf.training.optimizers import make_adam, rate_share
from pix2pix_tf.training.speckle import SpeckleGan
from pix2pix_tf.utils import tf_compat
from pix2pix_tf.utils.errors import UserError

Batch = dict[str, tf.Tensor]  # see data/pipeline.py
Bits = Mapping[str, int]  # depth of each role's PNGs, 8 or 16
Modules = dict[str, tf.Module | tf.keras.Model]  # by their names in a checkpoint


def make_task(
    config: Config,
    size: int,
    bits: Bits,
    dtype_policy: str,
    conditions: Conditions = MappingProxyType({}),
    bank: styles.Bank | None = None,
) -> "Task":
    """Build the task of a configuration, with new weights.

    Args:
      config: gives roles, networks, loss weights and optimisation.
      size: side of the training patches in pixels.
      bits: of all roles of the configuration.
      dtype_policy: Keras' name, such as "mixed_bfloat16"; weights and losses are float32 in any case.
      conditions: the keys of `data.condition` and the values of each.
      bank: styles of the training patches, for the network speckle.

    Raises:
      UserError: the patch size does not fit the networks.
    """
    if config.model.network == "pix2pix":
        return Pix2Pix(config, size, bits, dtype_policy, conditions)
    if config.model.network == "speckle":
        assert bank, "the network speckle needs the styles of the training patches"
        return SpeckleGan(config, size, bits, dtype_policy, conditions, bank)
    if config.model.network == "unet":
        return Segmenter(config, size, bits, dtype_policy)
    return Classifier(config, size, bits, dtype_policy)


class Pix2Pix:
    """Image-to-image translation by a conditional GAN (Isola et al. 2017)."""

    loss_names = ("generator", "generator_gan", "generator_l1", "generator_mse", "discriminator")
    sample_title = "generated"

    def __init__(self, config: Config, size: int, bits: Bits, dtype_policy: str, conditions: Conditions):
        """Build the networks with new weights; see `make_task`."""
        self.config, self.bits, self.divisor, self.conditions = config, bits, 2**config.model.depth, conditions
        inputs = encoding.channels(config.data.inputs, config.data.mask, conditions)
        targets = encoding.channels(config.data.targets, config.data.mask)
        with precision.using(dtype_policy):
            self.generator = make_generator(config.model, inputs, targets, size)
            self.discriminator = make_discriminator(config.model, inputs, targets)
            horizon = config.train.average_images / config.train.batch_size
            self.average = WeightAverage(self.generator, horizon) if horizon else None
        self.generator_variables = tf_compat.trainable_variables(self.generator)
        self.discriminator_variables = tf_compat.trainable_variables(self.discriminator)
        self.generator_optimizer = make_adam(self.generator_variables, config.train, dtype_policy)
        self.discriminator_optimizer = make_adam(
            self.discriminator_variables, config.train, dtype_policy, config.train.discriminator_learning_rate
        )

    def modules(self) -> Modules:
        """Return everything that a checkpoint contains."""
        modules: Modules = {
            "generator": self.generator,
            "discriminator": self.discriminator,
            "generator_optimizer": self.generator_optimizer,
            "discriminator_optimizer": self.discriminator_optimizer,
        }
        return modules | ({"average": self.average} if self.average else {})

    @tf.function
    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Update the generator and, in its epochs, the discriminator on a batch of the pipeline.

        Returns:
          The losses before the step, float32 scalars, one for each of `loss_names`; NaN where a gradient is not finite.
        """
        inputs, target, weights = batch["input"], batch["target"], self.config.loss
        with tf.GradientTape() as generator_tape, tf.GradientTape() as discriminator_tape:
            generated = self.generator([inputs, batch["seed"]], training=True)
            real_logits = self.discriminator([inputs, target], training=True)
            fake_logits = self.discriminator([inputs, generated], training=True)
            generator_loss, gan_loss, l1_loss, mse_loss = losses.generator_loss(
                fake_logits, generated, target, weights.gan, weights.l1, weights.mse
            )
            discriminator_loss = losses.discriminator_loss(real_logits, fake_logits)
            scaled_generator_loss = self.generator_optimizer.scaled(generator_loss)
            scaled_discriminator_loss = self.discriminator_optimizer.scaled(discriminator_loss)

        share = rate_share(batch["epoch"][0], self.config.train)
        gradients = generator_tape.gradient(scaled_generator_loss, self.generator_variables)
        generator_loss += self.generator_optimizer.apply(replicas.mean(gradients), share)
        gradients = discriminator_tape.gradient(scaled_discriminator_loss, self.discriminator_variables)
        gradients = replicas.mean(gradients)
        every = self.config.train.discriminator_every
        if every == 1 or batch["epoch"][0] % every == 0:  # by the epoch, so that a resumed training keeps the rhythm
            discriminator_loss += self.discriminator_optimizer.apply(gradients, share)
        if self.average:
            self.average.update(self.generator_optimizer.steps)
        values = generator_loss, gan_loss, l1_loss, mse_loss, discriminator_loss
        return dict(zip(self.loss_names, values, strict=True))

    def generate(self, batch: Batch) -> tf.Tensor:
        """Generate the images of a batch's inputs and seeds, float32 [N, H, W, C], [-1, 1]."""
        return self._generate(batch, averaged=bool(self.average and self.average.is_better))

    def validate(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Return the mean absolute error on a batch, on [-1, 1] as in training, also with the average of the weights.

        Float32 scalars by name.
        """
        names = {"val_l1": False} | ({"val_l1_average": True} if self.average else {})
        return {
            name: tf.reduce_mean(tf.abs(self._generate(batch, averaged) - batch["target"]))
            for name, averaged in names.items()
        }

    def choose_weights(self, values: dict[str, float]) -> None:
        """Export the average from now on if it validates better than the weights, by the means of `validate`."""
        if self.average:
            self.average.is_better.assign(values["val_l1_average"] < values["val_l1"])

    def signatures(self) -> dict[str, Signature]:
        """Return the export's functions with a copy of the weights: `tensor` returns `output`, images in [-1, 1]."""
        averaged = bool(self.average and self.average.is_better)
        generator = precision.cast_for_inference(self._network(averaged), self.config.train.export_precision)

        def generate(encoded: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"output": generator([encoded, seed], training=False)}

        return make_signatures(self.config, self.bits, self.divisor, generate, self.conditions)

    @tf.function
    def _generate(self, batch: Batch, averaged: bool) -> tf.Tensor:
        return self._network(averaged)([batch["input"], batch["seed"]], training=False)

    def _network(self, averaged: bool) -> tf.keras.Model:
        return self.average.network if averaged and self.average else self.generator


class Segmenter:
    """Segmentation of SAR images: the zone of each pixel, or the calving front (Gourmelon et al. 2022)."""

    divisor = unet.DIVISOR
    sample_title = "predicted"

    def __init__(self, config: Config, size: int, bits: Bits, dtype_policy: str):
        """Build the network with new weights; see `make_task`."""
        self.config, self.bits = config, bits
        self.zones = config.data.targets == ("zones",)
        self.loss_names = ("loss", "cross_entropy", "dice") if self.zones else ("loss",)
        inputs = encoding.channels(config.data.inputs, config.data.mask)
        with precision.using(dtype_policy):
            self.segmenter = unet.make_segmenter(
                config.model, inputs, len(classes.ZONE_VALUES) if self.zones else 1, size
            )
        self.variables = tf_compat.trainable_variables(self.segmenter)
        self.optimizer = make_adam(self.variables, config.train, dtype_policy)

    def modules(self) -> Modules:
        """Return everything that a checkpoint contains."""
        return {"segmenter": self.segmenter, "optimizer": self.optimizer}

    @tf.function
    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Update the network on a batch of the pipeline.

        Returns:
          The losses before the step, float32 scalars, one for each of `loss_names`; NaN where a gradient is not finite.
        """
        with tf.GradientTape() as tape:
            loss, *parts = self._losses(self.segmenter([batch["input"], batch["seed"]], training=True), batch)
            scaled = self.optimizer.scaled(loss)
        loss += self.optimizer.apply(replicas.mean(tape.gradient(scaled, self.variables)))
        return dict(zip(self.loss_names, (loss, *parts), strict=True))

    @tf.function
    def generate(self, batch: Batch) -> tf.Tensor:
        """Predict the masks of a batch's inputs as images, float32 [N, H, W, 1], [-1, 1]."""
        return self._predictions(self.segmenter([batch["input"], batch["seed"]], training=False))["output"]

    @tf.function
    def validate(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Return the loss on a batch, and the mean over its images of the mean IoU: float32 scalars by name."""
        logits = self.segmenter([batch["input"], batch["seed"]], training=False)
        target = self._target(batch)
        if self.zones:
            predicted = tf.one_hot(tf.argmax(logits, axis=-1), target.shape[-1])
        else:  # two classes: no front, front
            target = tf.concat([1.0 - target, target], axis=-1)
            front = tf.cast(tf.sigmoid(logits) > classes.FRONT_THRESHOLD, tf.float32)
            predicted = tf.concat([1.0 - front, front], axis=-1)
        intersection = tf.reduce_sum(predicted * target, axis=[1, 2])
        union = tf.reduce_sum(tf.maximum(predicted, target), axis=[1, 2])  # 0: neither has the class
        iou = tf.reduce_sum(tf.math.divide_no_nan(intersection, union), axis=-1)
        iou /= tf.reduce_sum(tf.cast(union > 0, tf.float32), axis=-1)
        return {"val_loss": self._losses(logits, batch)[0], "val_iou": tf.reduce_mean(iou)}

    def signatures(self) -> dict[str, Signature]:
        """Return the export's functions with a copy of the weights. `tensor` returns three arrays.

        `output`: the mask as grey values, float32 [N, H, W, 1], [-1, 1].
        `probabilities`: float32 [N, H, W, K], [0, 1], of the zones in the order of ZONE_VALUES, or of the front.
        `features`: float32 [N, C], at least 0, of the network's bottom, averaged over the map.
        """
        copy = precision.cast_for_inference(self.segmenter, self.config.train.export_precision)
        with_features = unet.with_features(copy)

        def predict(encoded: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
            logits, features = with_features([encoded, seed], training=False)
            return self._predictions(logits) | {"features": features}

        return make_signatures(self.config, self.bits, self.divisor, predict)

    def _predictions(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
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
            return losses.zones_loss(logits, target, weights.cross_entropy, weights.dice)
        return (losses.dice_loss(tf.sigmoid(logits) * batch["weight"], target),)

    def _target(self, batch: Batch) -> tf.Tensor:
        """Return the target classes, float32 [N, H, W, K], 0 or 1."""
        return batch["target"] if self.zones else (batch["target"] + 1.0) / 2.0


class Classifier:
    """Cloud classification of optical images, to leave out cloudy patches."""

    loss_names = ("loss",)
    sample_title = "predicted"
    divisor = vgg.DIVISOR

    def __init__(self, config: Config, size: int, bits: Bits, dtype_policy: str):
        """Build the network with new weights; see `make_task`."""
        if size % self.divisor:
            raise UserError(f"Patches of {size} x {size} do not divide by {self.divisor}, as three halvings need.")
        self.config, self.bits = config, bits
        with precision.using(dtype_policy):
            self.classifier = vgg.make_classifier(config.model, encoding.channels(config.data.inputs, config.data.mask))
        self.variables = tf_compat.trainable_variables(self.classifier)
        self.optimizer = make_adam(self.variables, config.train, dtype_policy)

    def modules(self) -> Modules:
        """Return everything that a checkpoint contains."""
        return {"classifier": self.classifier, "optimizer": self.optimizer}

    @tf.function
    def train_step(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Update the network on a batch of the pipeline.

        Returns:
          The loss before the step, a float32 scalar by its name; NaN where a gradient is not finite.
        """
        with tf.GradientTape() as tape:
            loss = losses.clouds_loss(self.classifier([batch["input"], batch["seed"]], training=True), batch["cloudy"])
            scaled = self.optimizer.scaled(loss)
        loss += self.optimizer.apply(replicas.mean(tape.gradient(scaled, self.variables)))
        return {"loss": loss}

    @tf.function
    def generate(self, batch: Batch) -> tf.Tensor:
        """Predict the probability of clouds in each image of a batch, float32 [N, 1], [0, 1]."""
        return tf.sigmoid(self.classifier([batch["input"], batch["seed"]], training=False))

    @tf.function
    def validate(self, batch: Batch) -> dict[str, tf.Tensor]:
        """Return the loss and the accuracy on a batch: float32 scalars by name."""
        logits = self.classifier([batch["input"], batch["seed"]], training=False)
        correct = tf.cast((logits > 0) == (batch["cloudy"] > 0.5), tf.float32)
        return {"val_loss": losses.clouds_loss(logits, batch["cloudy"]), "val_accuracy": tf.reduce_mean(correct)}

    def signatures(self) -> dict[str, Signature]:
        """Return the export's functions with a copy of the weights: each returns `probabilities`, float32 [N, 1]."""
        classifier = precision.cast_for_inference(self.classifier, self.config.train.export_precision)

        def predict(encoded: tf.Tensor, seed: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"probabilities": tf.sigmoid(classifier([encoded, seed], training=False))}

        return make_signatures(self.config, self.bits, self.divisor, predict)


Task = Pix2Pix | SpeckleGan | Segmenter | Classifier
