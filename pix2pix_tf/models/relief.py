"""Slopes of a landscape that a mask does not tell: the grain of mountains.

Radar lights mountains from one side: slopes that face it are bright and short, those behind lie in shadow. Noise that
is alike in all directions gives a network nothing to make ridges of. So a landscape is drawn at random: noise of
several octaves, added from coarse to fine (Fournier, Fussell & Carpenter 1982, doi 10.1145/358523.358553), and its
slopes join the noise on land. Which of them the radar sees, the network learns with the turn of the scene.
"""

import numpy as np
import tensorflow as tf

COARSEST = 5  # halvings from the image to the first octave
ROUGHNESS = 1.5  # power of the wavelength in the height of an octave; at 1 all octaves have the same slopes
DEVIATION = 120.0  # of the slopes before they are scaled, measured
ROCK, GLACIER = 1, 2  # channels of the mask
DOWN = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]], np.float32)  # Sobel's kernel
SLOPES = np.stack([DOWN, DOWN.T], axis=-1)[:, :, np.newaxis]


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class Relief(tf.keras.layers.Layer):
    """Slopes of a random landscape on rock and ice, and 0 elsewhere.

    Call: [mask float [N, H, W, 4], noise float32 [N, H, W, 1]] -> float32 [N, H / 2, W / 2, 2], down and to the right,
    with a deviation of about 1 on land. H and W are multiples of 2**COARSEST.
    """

    def __init__(self, **kwargs):
        """Create the layer, which computes in float32.

        Args:
          **kwargs: as for every Keras layer.
        """
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Return the slopes; see the class."""
        mask, noise = inputs
        height = 0.0
        for n in range(COARSEST, 0, -1):
            octave = tf.nn.avg_pool2d(noise, 2**n, 2**n, "VALID") * 2.0 ** (n + n * ROUGHNESS)
            height = octave + (tf.image.resize(height, tf.shape(octave)[1:3]) if n < COARSEST else 0.0)
        padded = tf.pad(height, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
        slopes = tf.nn.conv2d(padded, tf.constant(SLOPES), 1, "VALID")
        land = tf.nn.avg_pool2d(mask[..., ROCK : ROCK + 1] + mask[..., GLACIER : GLACIER + 1], 2, 2, "VALID")
        return land * slopes / DEVIATION

    def compute_output_shape(self, input_shape):
        """Return half the sides."""
        batch, *sides, _ = input_shape[0]
        return (batch, *(side and side // 2 for side in sides), 2)
