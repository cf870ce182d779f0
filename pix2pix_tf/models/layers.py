"""Layers that Keras does not have: dropout by seed, and faster forms of its own with the same weights and results.

The times given here are printed by `benchmarks/speed/layers.py`.
"""

from collections.abc import Callable

import tensorflow as tf

from pix2pix_tf.models import cpu_kernels, replicas
from pix2pix_tf.utils import tf_compat

UNROLLED = 8  # images up to which `per_example` unrolls a batch of known size


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class Conv2D(tf.keras.layers.Conv2D):
    """Keras' layer; at strides 2 and padding "same" it is faster on small maps (`cpu_kernels`)."""

    fixed_size_blocks = False  # True in an export, whose batch is unknown (`precision.cast_for_inference`)

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Float [N, H, W, C] -> [N, H', W', filters], without the bias."""
        if self.strides == (2, 2) and self.padding == "same":
            return cpu_kernels.conv2d_stride_2(inputs, tf.convert_to_tensor(kernel), self.fixed_size_blocks)
        return super().convolution_op(inputs, kernel)


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class Conv2DTranspose(tf.keras.layers.Conv2DTranspose):
    """Keras' layer at strides 2 and padding "same"; it is faster on small maps (`cpu_kernels`)."""

    fixed_size_blocks = False  # True in an export, whose batch is unknown (`precision.cast_for_inference`)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Float [N, H, W, C] -> [N, 2 H, 2 W, filters]."""
        kernel = tf.convert_to_tensor(self.kernel)
        y = cpu_kernels.conv2d_transpose_stride_2(x, kernel, self.fixed_size_blocks)
        return tf.nn.bias_add(y, tf.convert_to_tensor(self.bias)) if self.use_bias else y


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class MirrorPadding2D(tf.keras.layers.Layer):
    """Adds a rim of one pixel that mirrors the map. A rim of zeros tells a network how far the border is.

    On a plain mask a generator then draws frames around the image. Call: [N, H, W, C] -> [N, H + 2, W + 2, C].
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Add the rim; see the class."""
        return tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")

    def compute_output_shape(self, input_shape):
        """Return the shape with the rim."""
        batch, *sides, channels = input_shape
        return (batch, *(side and side + 2 for side in sides), channels)


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class LeakyReLU(tf.keras.layers.Layer):
    """Returns x where it is positive, slope times x elsewhere."""

    def __init__(self, slope: float, **kwargs):
        """Create the layer.

        Args:
          slope: of the part below zero; greater than 0.
          **kwargs: as for every Keras layer.
        """
        super().__init__(**kwargs)
        self.slope = slope

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Float, any shape -> the same."""
        return cpu_kernels.leaky_relu(x, self.slope)

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "slope": self.slope}


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class SubpixelConv2DTranspose(tf.keras.layers.Conv2DTranspose):
    """Keras' layer at strides 2 and padding "same", computed as a convolution at half the size (Shi et al. 2016).

    It is faster for a few output channels. Weights are the same, and results are to rounding.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Float [N, H, W, C] -> [N, 2 H, 2 W, filters]."""
        y = cpu_kernels.subpixel_conv2d_transpose(x, self.effective_kernel())
        return tf.nn.bias_add(y, tf.convert_to_tensor(self.bias)) if self.use_bias else y

    def effective_kernel(self) -> tf.Tensor:
        """Return the weights that the convolution uses, float [k, k, filters, C]."""
        return tf.convert_to_tensor(self.kernel)


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class EvenConv2DTranspose(SubpixelConv2DTranspose):
    """The same, without a grid of two pixels: a constant map stays constant, away from the borders.

    At stride 2 an output pixel depends on the weights of its own row's and column's parity only, so that the four
    kinds of pixels answer a constant map with four different sums of weights (Odena et al. 2016). Here the four sums
    are equal.
    """

    def effective_kernel(self) -> tf.Tensor:
        """Return the trained weights with equal sums, float [k, k, filters, C], k even."""
        return even_kernel(super().effective_kernel())


def even_kernel(kernel: tf.Tensor) -> tf.Tensor:
    """Give the four kinds of output pixels the same sum of weights, by adding one number to all weights of a kind.

    Args:
      kernel: float [k, k, D, C], k even, of a transposed convolution of stride 2.

    Returns:
      The same shape.
    """
    side, _, depth, channels = kernel.shape
    half = side // 2
    by_kind = tf.reshape(kernel, [half, 2, half, 2, depth, channels])
    means = tf.reduce_mean(by_kind, axis=[0, 2], keepdims=True)
    return tf.reshape(by_kind - means + tf.reduce_mean(means, axis=[1, 3], keepdims=True), kernel.shape)


def per_example(function: Callable[[tf.Tensor], tf.Tensor], examples: tf.Tensor) -> tf.Tensor:
    """Apply a function to each example of a batch, unrolled if the batch is small and of known size, else in a loop.

    Args:
      function: maps one example to a float tensor.
      examples: [N, ...]; N is free in an export.

    Returns:
      The results, stacked [N, ...].
    """
    count = examples.shape[0]
    if count is not None and count <= UNROLLED:
        rows = [function(example) for example in tf.unstack(examples)]
        return tf.stack(rows) if count > 1 else tf.expand_dims(rows[0], 0)  # stacking one would copy it
    dtype = examples.dtype if examples.dtype.is_floating else tf.float32
    return tf.map_fn(function, examples, fn_output_signature=dtype)


class FusedInstanceNormalization(tf_compat.InstanceNormalization):
    """Instance normalisation that runs each image through TensorFlow's fused kernel of batch normalisation.

    For one image the two are the same function. The kernel computes in float32 and takes and returns bfloat16, where
    the arithmetic of tensorflow-addons loses all digits of the variance: 4 maps of 64 x 64 x 128 take 1.9 ms on 2
    cores, against 5.5 ms of that arithmetic in float32. Batches of known size above UNROLLED, which suit a GPU, use
    the library's layer.
    """

    def __init__(self, epsilon: float, trained: bool = True, name: str | None = None):
        """Create the layer.

        Args:
          epsilon: added to the variance.
          trained: True for a scale and an offset for each channel.
          name: as for every Keras layer.
        """
        # The kernel takes its parameters in float32 and the image in any type, so Keras must not cast.
        super().__init__(epsilon=epsilon, scale=trained, center=trained, dtype="float32", autocast=False, name=name)
        self.trained = trained

    def get_config(self):
        """Return the arguments of the constructor."""
        return {"epsilon": self.epsilon, "trained": self.trained, "name": self.name}

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Float [N, H, W, C] -> the same shape and type."""
        if (x.shape[0] or 0) > UNROLLED:
            return tf.cast(super().call(tf.cast(x, tf.float32)), x.dtype)
        if self.trained:
            scale, offset = tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta)
        else:
            scale, offset = tf.ones(x.shape[-1]), tf.zeros(x.shape[-1])

        def normalise(image: tf.Tensor) -> tf.Tensor:
            image = tf.expand_dims(image, 0)  # by a slice, as image[tf.newaxis], the gradient would be a copy
            batch, *_ = tf.compat.v1.nn.fused_batch_norm(image, scale, offset, epsilon=self.epsilon, is_training=True)
            return tf.squeeze(batch, 0)

        return per_example(normalise, x)


class SharedBatchNormalization(tf.keras.layers.BatchNormalization):
    """Keras' layer over the batch of all replicas: the same weights and, but for rounding, the same results.

    Keras' own `synchronized=True` keeps a moving mean for each replica. On several machines it can be read (for a
    checkpoint, an export, samples) only when all of them read it at once, and its moving variance differs from that of
    one device.
    """

    def add_weight(self, *args, synchronization=None, aggregation=None, **kwargs):
        """Drop Keras' options of synchronisation, as all replicas compute the same moving means."""
        return super().add_weight(*args, **kwargs)

    def call(self, x, training=None):
        """Float [N, H, W, C] -> the same shape and type."""
        if not training:
            return super().call(x, training=False)
        wide, axes = tf.cast(x, tf.float32), list(range(x.shape.rank - 1))
        mean = replicas.mean(tf.reduce_mean(wide, axes))
        variance = replicas.mean(tf.reduce_mean(tf.math.squared_difference(wide, mean), axes))
        count = tf.size(wide) // tf.size(mean) * replicas.device_count()
        factor = tf.cast(count / tf.maximum(count - 1, 1), tf.float32) if tf_compat.UNBIASED_MOVING_VARIANCE else 1.0
        self._update_moving(self.moving_mean, mean)
        self._update_moving(self.moving_variance, variance * factor)
        scale, offset = (None if w is None else tf.convert_to_tensor(w) for w in (self.gamma, self.beta))
        return tf.cast(tf.nn.batch_normalization(wide, mean, variance, offset, scale, self.epsilon), x.dtype)

    def _update_moving(self, moving, value: tf.Tensor) -> None:
        moving = tf_compat.unwrapped(moving)
        updated = moving * self.momentum + tf.stop_gradient(value) * (1.0 - self.momentum)
        tf.raw_ops.AssignVariableOp(resource=moving.handle, value=updated)  # this replica's: all compute the same


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class SeededDropout(tf.keras.layers.Layer):
    """Dropout whose mask is a function of each example's seed: the noise z of pix2pix.

    Keras' own layer draws from a hidden state, so that an export returns another image at each call. This one draws
    from a stateless generator (Philox): the same seed gives the same image in any batch, at any time, after any
    reload. As the noise z it is always active; as a regulariser in training only.

    Call: [x float [N, H, W, C], seed int32 [N]] -> float [N, H, W, C]; values that stay are divided by 1 - rate.
    """

    def __init__(self, rate: float, salt: int, always: bool = True, **kwargs):
        """Create the layer.

        Args:
          rate: share of values that become 0, from 0 up to below 1.
          salt: another number for each layer of a network, as all of them get the same seed.
          always: True for dropout at inference as well.
          **kwargs: as for every Keras layer.
        """
        super().__init__(**kwargs)
        self.rate = rate
        self.salt = salt
        self.always = always

    def call(self, inputs: list[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        """Apply dropout; see the class."""
        x, seed = inputs
        if not self.always and not training:
            return x
        shape = tf.shape(x)[1:]

        def noise(one_seed: tf.Tensor) -> tf.Tensor:
            return tf.random.stateless_uniform(shape, tf.stack([one_seed, self.salt]), alg="philox")

        kept = per_example(noise, seed) >= self.rate
        return tf.where(kept, x / (1.0 - self.rate), tf.zeros_like(x))

    def compute_output_shape(self, input_shape):
        """Return the shape of x."""
        return input_shape[0]

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "rate": self.rate, "salt": self.salt, "always": self.always}
