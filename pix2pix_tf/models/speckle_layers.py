"""Layers of the speckle networks: noise, modulation by class, speckle, and convolutions with a spectral norm."""

from collections.abc import Callable

import tensorflow as tf

from pix2pix_tf.utils import tf_compat


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class SpectralConv2D(tf.keras.layers.Conv2D):
    """A convolution whose kernel is divided by its largest singular value (Miyato et al. 2018, arXiv 1802.05957).

    The value is estimated by one step of power iteration for each call in training, from a vector kept between calls.
    """

    def __init__(self, *args, gain: float = 1.0, **kwargs):
        """Create the layer.

        Args:
          *args: as for every convolution.
          gain: the largest singular value of the kernel that it convolves with.
          **kwargs: as for every convolution.
        """
        super().__init__(*args, **kwargs)
        self.gain = gain

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "gain": self.gain}

    def build(self, input_shape):
        """Create the kernel and the vector of the power iteration."""
        super().build(input_shape)
        self.vector = self.add_weight(
            name="vector", shape=[1, self.filters], initializer="random_normal", trainable=False, dtype="float32"
        )
        variable = tf_compat.unwrapped(self.vector)
        self._kept = lambda: variable  # in `call`, Keras 3 gives a cast copy in place of the variable

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Float [N, H, W, C] -> [N, H', W', filters]."""
        kernel = tf.cast(tf_compat.unwrapped(self.kernel), tf.float32)
        matrix, vector = tf.reshape(kernel, [-1, self.filters]), self._kept()
        kept = tf.cast(vector, tf.float32)  # Keras 2 reads it in the precision of the layer
        left = tf.math.l2_normalize(tf.stop_gradient(tf.matmul(kept, matrix, transpose_b=True)), axis=1)
        right = tf.math.l2_normalize(tf.stop_gradient(tf.matmul(left, matrix)), axis=1)
        if training:
            tf.raw_ops.AssignVariableOp(resource=vector.handle, value=right)  # this replica's: all compute the same
        norm = tf.reduce_sum(tf.matmul(left, matrix) * right)
        y = tf.nn.conv2d(x, tf.cast(kernel * (self.gain / norm), x.dtype), self.strides, self.padding.upper())
        return tf.nn.bias_add(y, tf.cast(tf.convert_to_tensor(self.bias), x.dtype))


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class NoiseAt(tf.keras.layers.Layer):
    """One map of an image's noise, at the size of a level: the mean of each square, scaled so that its deviation stays.

    Call: float32 [N, H, W, M] -> float32 [N, H / 2**times, W / 2**times, 1].
    """

    def __init__(self, number: int, times: int, **kwargs):
        """Create the layer.

        Args:
          number: of the map, from 0 up to M - 1.
          times: halvings of its sides.
          **kwargs: as for every Keras layer.
        """
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.number, self.times = number, times

    def call(self, noise: tf.Tensor) -> tf.Tensor:
        """Return the map; see the class."""
        one, side = noise[..., self.number : self.number + 1], 2**self.times
        return tf.nn.avg_pool2d(one, side, side, "VALID") * side if self.times else one

    def get_config(self):
        """Return the arguments of the constructor."""
        return {**super().get_config(), "number": self.number, "times": self.times}


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class AddNoise(tf.keras.layers.Layer):
    """Adds white noise to each channel, of a strength that the channel learns (Karras et al. 2019, arXiv 1812.04948).

    Call: [x float [N, H, W, C], noise float32 [N, H, W, M]] -> float [N, H, W, C]; of M maps each has its strengths.
    The first map is white; further ones are patterns, and begin stronger, as else the network learns to do without.
    """

    def build(self, input_shape):
        """Create the strengths."""
        shape = [input_shape[1][-1], input_shape[0][-1]]
        self.strength = self.add_weight(name="strength", shape=shape, initializer=_strengths)

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Add the noise; see the class."""
        x, noise = inputs
        return _add_noise(x, tf.cast(noise, x.dtype), tf.cast(tf.convert_to_tensor(self.strength), x.dtype))

    def compute_output_shape(self, input_shape):
        """Return the shape of x."""
        return input_shape[0]


def _strengths(shape, dtype=None, **options) -> tf.Tensor:
    """Draw initial strengths, float [M, C], with a deviation of 0.1 for the first map and of 0.4 for further ones."""
    first = tf.keras.initializers.RandomNormal(stddev=0.1)(shape, dtype=dtype, **options)
    return first * tf.constant([[1.0], *[[4.0]] * (shape[0] - 1)], first.dtype)


@tf.custom_gradient
def _add_noise(x: tf.Tensor, noise: tf.Tensor, strength: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Return x + noise x strength; its gradient needs no map of the size of x, but one product of matrices."""

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None, tf.Tensor]:
        flat = tf.reshape(upstream, [-1, upstream.shape[-1]])
        return upstream, None, tf.matmul(tf.reshape(noise, [-1, noise.shape[-1]]), flat, transpose_a=True)

    return x + (noise * strength if noise.shape[-1] == 1 else tf.tensordot(noise, strength, 1)), gradient


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class ModulateByClass(tf.keras.layers.Layer):
    """Scales and shifts each pixel by its class (Tan et al. 2020, arXiv 2004.02867): a table, not a convolution.

    Call: [x float [N, H, W, C], mask float [N, H, W, K], scale [N, K, C], shift [N, K, C]] -> float [N, H, W, C]. At
    the borders of zones a smaller mask has shares of several classes; their scales and shifts mix by these.
    """

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Scale and shift; see the class."""
        x, mask, *tables = inputs
        shape = tf.shape(x)
        flat = tf.reshape(tf.cast(mask, x.dtype), [shape[0], shape[1] * shape[2], mask.shape[-1]])
        scale, shift = (tf.reshape(tf.matmul(flat, tf.cast(table, x.dtype)), shape) for table in tables)
        return x * scale + shift

    def compute_output_shape(self, input_shape):
        """Return the shape of x."""
        return input_shape[0]


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class DoubleSize(tf.keras.layers.Layer):
    """Doubles a map by bilinear interpolation; Keras 3's own layer needs sides that are known when an export is traced.

    Call: float [N, H, W, C] -> [N, 2 H, 2 W, C].
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Interpolate; see the class."""
        return tf.cast(tf.image.resize(x, 2 * tf.shape(x)[1:3], "bilinear"), x.dtype)

    def compute_output_shape(self, input_shape):
        """Return twice the sides."""
        batch, *sides, channels = input_shape
        return (batch, *(side and 2 * side for side in sides), channels)


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class Speckle(tf.keras.layers.Layer):
    """Multiplicative speckle: white noise added to the logarithm of the amplitude, of a strength for each class.

    Call: [tone float [N, H, W, 1], mask float [N, H, W, K], strength float [N, K], noise float32 [N, H, W, 1]] ->
    float32 [N, H, W, 1].
    """

    def __init__(self, **kwargs):
        """Create the layer, which computes in float32.

        Args:
          **kwargs: as for every Keras layer.
        """
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Add the speckle; see the class."""
        tone, mask, strength, noise = (tf.cast(part, tf.float32) for part in inputs)
        of_pixel = tf.reduce_sum(mask * strength[:, tf.newaxis, tf.newaxis, :], axis=-1, keepdims=True)
        return tone + of_pixel * noise

    def compute_output_shape(self, input_shape):
        """Return the shape of the tone."""
        return input_shape[0]


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class DepthToSpace(tf.keras.layers.Layer):
    """Deals four channels out to the four pixels of a square (Shi et al. 2016, arXiv 1609.05158); returns float32.

    Call: float [N, H, W, 4 C] -> float32 [N, 2 H, 2 W, C].
    """

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """Rearrange the pixels; see the class."""
        return tf.cast(tf.nn.depth_to_space(x, 2), tf.float32)

    def compute_output_shape(self, input_shape):
        """Return twice the sides and a quarter of the channels."""
        batch, *sides, channels = input_shape
        return (batch, *(side and 2 * side for side in sides), channels // 4)
