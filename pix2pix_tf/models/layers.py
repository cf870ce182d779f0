"""Layers that Keras does not have: noise by seed, and some of its own done faster, with the same weights and results.

The times given here are printed by `benchmarks/speed/layers.py`.
"""

from collections.abc import Callable

import tensorflow as tf

from pix2pix_tf.models.cpu_kernels import kernel_gradients, small_maps
from pix2pix_tf.training import distribution
from pix2pix_tf.utils import tf_compat

UNROLLED = 8  # images a known batch may have to be gone through one by one


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class Conv2D(tf.keras.layers.Conv2D):
    """Keras' layer; small maps it halves by products of matrices (`products.halved`), wide ones train by them."""

    in_turns = False  # whether it looks at batches that are not known: in an export (`precision.kept_as_computed`)

    def convolution_op(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        """Float [N, H, W, C] -> [N, H', W', filters], without the bias."""
        if self.strides == (2, 2) and self.padding == "same":
            return small_maps.halved(inputs, tf.convert_to_tensor(kernel), self.in_turns)
        if self.strides == self.dilation_rate == (1, 1):
            return kernel_gradients.convolve(inputs, tf.convert_to_tensor(kernel), 1, self.padding.upper())
        return super().convolution_op(inputs, kernel)


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class Conv2DTranspose(tf.keras.layers.Conv2DTranspose):
    """Keras' layer at strides 2 and padding "same"; where it doubles small maps, by products (`products.doubled`)."""

    in_turns = False  # whether it looks at batches that are not known: in an export (`precision.kept_as_computed`)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Float [N, H, W, C] -> [N, 2 H, 2 W, filters]."""
        painted = small_maps.doubled(x, tf.convert_to_tensor(self.kernel), self.in_turns)
        return tf.nn.bias_add(painted, tf.convert_to_tensor(self.bias)) if self.use_bias else painted


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class LeakyReLU(tf.keras.layers.Layer):
    """x where it is positive, slope times x elsewhere (`leaky_relu`)."""

    def __init__(self, slope: float, **kwargs):
        """Keeps the slope below zero; other arguments are as for every Keras layer."""
        super().__init__(**kwargs)
        self.slope = slope

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Float, any shape -> the same."""
        return leaky_relu(x, self.slope)

    def get_config(self):
        """The settings, for a copy of it."""
        return {**super().get_config(), "slope": self.slope}


def leaky_relu(x: tf.Tensor, slope: float) -> tf.Tensor:
    """`tf.nn.leaky_relu`, whose gradient is computed in float32; TensorFlow's kernel for bfloat16 takes longer.

    It looks at the result, which has the signs of x. So x need not be kept, and fuses with what comes before.

    Args:
      x: float, any shape.
      slope: of the part below zero; greater than 0.

    Returns:
      The same shape and type.
    """

    @tf.custom_gradient
    def activated(x: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        y = tf.nn.leaky_relu(x, slope)

        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            wide_upstream, wide = (tf.cast(of, tf.float32) for of in (upstream, y))  # y has the signs of x
            return tf.cast(tf.raw_ops.LeakyReluGrad(gradients=wide_upstream, features=wide, alpha=slope), x.dtype)

        return y, gradient

    return activated(x)


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class SubpixelConv2DTranspose(tf.keras.layers.Conv2DTranspose):
    """Keras' layer at strides 2 and padding "same", painted as a convolution at half the size (Shi et al. 2016).

    With one or three channels to paint, the transposed kernel leaves most of the processor idle: 128 channels of
    128 x 128 into one of 256 x 256 take 6.1 ms on 2 cores, this way 2.4 ms. Weights are the same, and results are to
    rounding.
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Float [N, H, W, C] -> [N, 2 H, 2 W, filters]."""
        painted = subpixel_transpose(x, self.painting_kernel())
        return tf.nn.bias_add(painted, tf.convert_to_tensor(self.bias)) if self.use_bias else painted

    def painting_kernel(self) -> tf.Tensor:
        """The trained weights in the form in which they paint, float [k, k, D, C]."""
        return tf.convert_to_tensor(self.kernel)


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class EvenConv2DTranspose(SubpixelConv2DTranspose):
    """The same, with weights that leave no grid of two pixels: a plain map comes out plain, away from the borders.

    A pixel of the output sees the weights of its own row's and column's parity, so that the four kinds of pixels answer
    a plain map with four different sums of weights (Odena et al. 2016). Here the sums are made alike.
    """

    def painting_kernel(self) -> tf.Tensor:
        """The trained weights with the sums made alike, float [k, k, D, C], k even."""
        return even_kernel(super().painting_kernel())


def even_kernel(kernel: tf.Tensor) -> tf.Tensor:
    """Gives the four kinds of pixels the same sum of weights, by as much on each weight as need be.

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


@tf.custom_gradient
def subpixel_transpose(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """`tf.nn.conv2d_transpose` at strides 2 and padding "SAME" (Shi et al. 2016, arXiv 1609.07009).

    The pixels of the output at even and at odd places see the even and the odd weights of the kernel. So four small
    kernels paint four images at half the size, and these are dealt out. The gradient is the transposed convolution's.

    Args:
      x: float [N, H, W, C].
      kernel: of the same type, [k, k, D, C].

    Returns:
      Float [N, 2 H, 2 W, D], and its gradient.
    """
    side, _, depth, channels = kernel.shape
    half, first = (side + 1) // 2, (side - 2) // 2  # weights a small kernel has; pixels that "SAME" cuts off in front
    odd = side % 2
    small = tf.pad(kernel, [[0, odd], [0, odd], [0, 0], [0, 0]])
    small = tf.reverse(tf.reshape(small, [half, 2, half, 2, depth, channels]), [0, 2])
    small = tf.reshape(tf.transpose(small, [0, 2, 5, 1, 3, 4]), [half, half, channels, 4 * depth])
    rim = [half - 1, half - 1]
    dealt = tf.nn.depth_to_space(tf.nn.conv2d(x, small, 1, [[0, 0], rim, rim, [0, 0]]), 2)
    height, width = 2 * tf.shape(x)[1], 2 * tf.shape(x)[2]

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        strides = [1, 2, 2, 1]
        by_kernel = tf.raw_ops.Conv2DBackpropFilter(
            input=upstream, filter_sizes=tf.shape(kernel), out_backprop=x, strides=strides, padding="SAME"
        )
        return tf.nn.conv2d(upstream, kernel, strides, "SAME"), by_kernel

    return dealt[:, first : first + height, first : first + width], gradient


def per_example(function: Callable[[tf.Tensor], tf.Tensor], images: tf.Tensor) -> tf.Tensor:
    """Applies a function to each image of a batch: written out where the batch is known and small, else in a loop.

    Args:
      function: of one row, to a tensor of float type.
      images: [N, ...]; N is free in an export.

    Returns:
      The results, stacked [N, ...].
    """
    count = images.shape[0]
    if count is not None and count <= UNROLLED:
        rows = [function(image) for image in tf.unstack(images)]
        return tf.stack(rows) if count > 1 else tf.expand_dims(rows[0], 0)  # stacking one would copy it
    return tf.map_fn(function, images, fn_output_signature=images.dtype if images.dtype.is_floating else tf.float32)


class FusedInstanceNormalization(tf_compat.InstanceNormalization):
    """Instance normalisation, each image through TensorFlow's fused kernel of batch normalisation.

    For one image the two are the same thing. The kernel computes in float32 inside and keeps bfloat16 outside, where
    tensorflow-addons' own arithmetic loses all digits of the variance: 4 maps of 64 x 64 x 128 take 1.9 ms on 2 cores,
    against 5.5 ms of that arithmetic in float32. Large known batches, as a GPU likes them, go the library's way.
    """

    def __init__(self, epsilon: float, trained: bool = True, name: str | None = None):
        """Makes the layer; epsilon is added to the variance; `trained` says whether there are a scale and an offset."""
        # The kernel wants its parameters in float32 and the image as it comes, so Keras must not cast.
        super().__init__(epsilon=epsilon, scale=trained, center=trained, dtype="float32", autocast=False, name=name)
        self.trained = trained

    def get_config(self):
        """What the layer is made from, for a copy of it."""
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
    """Keras' layer over the batch of all devices, with the same weights and, but for rounding, the same results.

    Keras' own `synchronized=True` has a moving mean for each device, which on several machines can only be read (for a
    checkpoint, an export, a sheet) when all of them do so at once, and another moving variance than without.
    """

    def add_weight(self, *args, synchronization=None, aggregation=None, **kwargs):
        """Without what Keras says of synchronisation: all devices compute the same moving means."""
        return super().add_weight(*args, **kwargs)

    def call(self, x, training=None):
        """Float [N, H, W, C] -> the same shape and type."""
        if not training:
            return super().call(x, training=False)
        wide, axes = tf.cast(x, tf.float32), list(range(x.shape.rank - 1))
        mean = distribution.mean(tf.reduce_mean(wide, axes))
        variance = distribution.mean(tf.reduce_mean(tf.math.squared_difference(wide, mean), axes))
        count = tf.size(wide) // tf.size(mean) * distribution.device_count()
        factor = tf.cast(count / tf.maximum(count - 1, 1), tf.float32) if tf_compat.UNBIASED_MOVING_VARIANCE else 1.0
        self._move(self.moving_mean, mean)
        self._move(self.moving_variance, variance * factor)
        scale, offset = (None if w is None else tf.convert_to_tensor(w) for w in (self.gamma, self.beta))
        return tf.cast(tf.nn.batch_normalization(wide, mean, variance, offset, scale, self.epsilon), x.dtype)

    def _move(self, moving, now: tf.Tensor) -> None:
        moving = tf_compat.unwrapped(moving)
        moved = moving * self.momentum + tf.stop_gradient(now) * (1.0 - self.momentum)
        tf.raw_ops.AssignVariableOp(resource=moving.handle, value=moved)  # this device's: all compute the same


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class SeededDropout(tf.keras.layers.Layer):
    """Dropout whose mask is a function of each image's seed: the noise z of pix2pix, row by row.

    Keras' own layer draws from a hidden state, so that an export gives another image at each call. This one draws
    through a stateless generator (Philox): the same seed gives the same image in any batch, at any time, after any
    reload. As the noise z it draws always, in training and after; as a regulariser in training only.

    Call: [x float [N, H, W, C], seed int32 [N]] -> float [N, H, W, C]; what is kept is divided by 1 - rate.
    """

    def __init__(self, rate: float, salt: int, always: bool = True, **kwargs):
        """Keeps its settings.

        Args:
          rate: share of values that become 0, from 0 up to below 1.
          salt: tells the layers of one network apart, which share an image's seed.
          always: whether it draws after training as well.
          **kwargs: as for every Keras layer.
        """
        super().__init__(**kwargs)
        self.rate = rate
        self.salt = salt
        self.always = always

    def call(self, inputs: list[tf.Tensor], training: bool | None = None) -> tf.Tensor:
        """See the class."""
        x, seed = inputs
        if not self.always and not training:
            return x
        shape = tf.shape(x)[1:]

        def noise(one_seed: tf.Tensor) -> tf.Tensor:
            return tf.random.stateless_uniform(shape, tf.stack([one_seed, self.salt]), alg="philox")

        kept = per_example(noise, seed) >= self.rate
        return tf.where(kept, x / (1.0 - self.rate), tf.zeros_like(x))

    def compute_output_shape(self, input_shape):
        """The shape of x."""
        return input_shape[0]

    def get_config(self):
        """The settings, for Keras' own formats."""
        return {**super().get_config(), "rate": self.rate, "salt": self.salt, "always": self.always}
