"""The networks of `orig` and `gen5` as plain Keras code, as TensorFlow's tutorial has them, for `benchmarks.speed`.

Batch normalisation, Keras' own dropout, Keras' own Adam, one call of the discriminator for each pair; nothing is tuned.
"""

import sys

import tensorflow as tf

from benchmarks.speed.turns import answer, levels

PRECISIONS = {"float32": "float32", "bfloat16": "mixed_bfloat16"}
keras = tf.keras


def downsample(filters, size, norm=True):
    block = keras.Sequential([keras.layers.Conv2D(filters, size, strides=2, padding="same", use_bias=not norm)])
    if norm:
        block.add(keras.layers.BatchNormalization())
    block.add(keras.layers.LeakyReLU(0.2))
    return block


def upsample(filters, size, dropout=False):
    block = keras.Sequential([keras.layers.Conv2DTranspose(filters, size, strides=2, padding="same", use_bias=False)])
    block.add(keras.layers.BatchNormalization())
    if dropout:
        block.add(keras.layers.Dropout(0.5))
    block.add(keras.layers.ReLU() if dropout else keras.layers.LeakyReLU(0.2))
    return block


def generator(size, channels, levels):
    inputs = keras.layers.Input([None, None, channels])
    down_stack = [downsample(64, size, norm=False)]
    down_stack += [downsample(filters, size) for filters in (128, 256, *[512] * (levels - 4))]
    down_stack += [downsample(512, size, norm=False)]
    up_stack = [upsample(512, size, dropout=True) for _ in range(3)]
    up_stack += [upsample(filters, size) for filters in (*[512] * (levels - 7), 256, 128, 64)]
    x, skips = inputs, []
    for down in down_stack:
        x = down(x)
        skips.append(x)
    for up, skip in zip(up_stack, reversed(skips[:-1]), strict=True):
        x = keras.layers.Concatenate()([up(x), skip])
    last = keras.layers.Conv2DTranspose(1, size, strides=2, padding="same")
    return keras.Model(inputs, keras.layers.Activation("tanh", dtype="float32")(last(x)))


def discriminator(size, channels):
    inputs, target = keras.layers.Input([None, None, channels]), keras.layers.Input([None, None, 1])
    x = keras.layers.concatenate([inputs, target])
    for block in (downsample(64, size, norm=False), downsample(128, size), downsample(256, size)):
        x = block(x)
    x = keras.layers.Conv2D(512, size, use_bias=False)(keras.layers.ZeroPadding2D()(x))
    x = keras.layers.LeakyReLU(0.2)(keras.layers.BatchNormalization()(x))
    x = keras.layers.Conv2D(1, size)(keras.layers.ZeroPadding2D()(x))
    return keras.Model([inputs, target], keras.layers.Activation("linear", dtype="float32")(x))


class Plain:
    """A training step and a generation, as the tutorial has them."""

    def __init__(self, kernel, channels, levels, precision):
        keras.mixed_precision.set_global_policy(precision)
        self.generator = generator(kernel, channels, levels)
        self.discriminator = discriminator(4, channels)
        self.generator_optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
        self.discriminator_optimizer = keras.optimizers.Adam(2e-4, beta_1=0.5)
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    @tf.function
    def train_step(self, image, target):
        with tf.GradientTape() as gen_tape, tf.GradientTape() as disc_tape:
            painted = self.generator(image, training=True)
            real = self.discriminator([image, target], training=True)
            fake = self.discriminator([image, painted], training=True)
            gan = self.cross_entropy(tf.ones_like(fake), fake)
            total = gan + 100 * tf.reduce_mean(tf.abs(target - painted))
            told = self.cross_entropy(tf.ones_like(real), real) + self.cross_entropy(tf.zeros_like(fake), fake)
        gradients = gen_tape.gradient(total, self.generator.trainable_variables)
        self.generator_optimizer.apply_gradients(zip(gradients, self.generator.trainable_variables, strict=True))
        gradients = disc_tape.gradient(told, self.discriminator.trainable_variables)
        self.discriminator_optimizer.apply_gradients(
            zip(gradients, self.discriminator.trainable_variables, strict=True)
        )
        return total

    @tf.function
    def generate(self, image):
        return self.generator(image, training=True)


def main(variant: str, work: str, batch: str, size: str, precision: str) -> None:
    image, target = (tf.random.normal([int(batch), int(size), int(size), channels]) for channels in (4, 1))
    plain = Plain({"orig": 4, "gen5": 5}[variant], 4, levels(int(size)), PRECISIONS[precision])
    answer(
        {
            "training": lambda: float(plain.train_step(image, target)),
            "generation": lambda: plain.generate(image).numpy(),
        },
        calls=5 if work == "generation" else 1,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
