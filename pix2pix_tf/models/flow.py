"""Which way the ice flows, as far as a mask tells, and noise drawn out along it: the grain of flow lines.

A glacier's image is streaked along its flow, but nothing in a stack of convolutions knows where the ice goes. Here ice
walks to the ocean: from each pixel of a glacier at random over ice and water, but not over rock. The mean number of
steps until it calves is a potential (its Poisson equation with a source in all ice), and the ice flows down its slope.
White noise averaged along these lines is a line integral convolution (Cabral & Leedom 1993,
doi 10.1145/166117.166151).
"""

import numpy as np
import tensorflow as tf

STREAKS = 2  # maps: fine and coarse
HALVINGS = 2  # from the image to the grid on which the potential is solved
COARSEST = 5  # halvings to the grid on which the solution begins
SWEEPS = 16  # of relaxation, on each grid
DOUBLINGS = 6  # of the lengths of streaks: 2**6 pixels of the halved image
NEAR = 8  # pixels of the halved image: step between the squares, twice as wide, whose deviations are made alike
GLACIER, OCEAN = 2, 3  # channels of the mask
LEAST = 1e-3  # passability of rock: it carries the potential of the ice beside it on, and has no flow of its own
# Weights of a pixel's neighbours. A constant from the start, as each sweep would add its making to the graph.
AROUND = np.array([[1, 2, 1], [2, 0, 2], [1, 2, 1]], np.float32)[..., np.newaxis, np.newaxis]


@tf.keras.utils.register_keras_serializable("pix2pix_tf")
class Streaks(tf.keras.layers.Layer):
    """White noise drawn out along the flow of ice, and 0 where there is none.

    Call: [mask float [N, H, W, 4], noise float32 [N, H, W, 1]] -> float32 [N, H / 2, W / 2, STREAKS], with a deviation
    of about 1 on a flowing glacier.
    """

    def __init__(self, **kwargs):
        """Create the layer, which computes in float32.

        Args:
          **kwargs: as for every Keras layer.
        """
        super().__init__(**{**kwargs, "dtype": "float32"})

    def call(self, inputs: list[tf.Tensor]) -> tf.Tensor:
        """Return the streaks; see the class."""
        mask, noise = inputs
        fine = 2.0 * tf.nn.avg_pool2d(noise, 2, 2, "VALID")
        coarse = 2.0 * tf.nn.avg_pool2d(fine, 2, 2, "VALID")
        size = tf.shape(fine)[1:3]
        flow = tf.image.resize(flow_of_ice(mask), size)
        drawn = drawn_out(tf.concat([fine, tf.image.resize(coarse, size)], axis=-1), flow)
        # Lines that end early average fewer pixels; those that meet the border, the same pixel again and again.
        energy = tf.image.resize(tf.nn.avg_pool2d(tf.square(drawn), 2 * NEAR, NEAR, "SAME"), size)
        speed = tf.norm(flow, axis=-1, keepdims=True)
        ice = tf.nn.avg_pool2d(mask[..., GLACIER : GLACIER + 1], 2, 2, "VALID")
        return ice * speed * drawn * tf.math.rsqrt(energy + 1e-6)

    def compute_output_shape(self, input_shape):
        """Return half the sides."""
        batch, *sides, _ = input_shape[0]
        return (batch, *(side and side // 2 for side in sides), STREAKS)


def flow_of_ice(mask: tf.Tensor) -> tf.Tensor:
    """Return the direction in which ice flows: down the potential, from coarse grids to finer ones.

    Args:
      mask: float32 [N, H, W, 4], one-hot; the sides are multiples of 2**HALVINGS.

    Returns:
      float32 [N, H / 4, W / 4, 2], rows and columns; its length is nearly 1 where ice flows, and 0 in a mask without
      ocean, which gives it nowhere to go.
    """
    potential = tf.zeros([tf.shape(mask)[0], 1, 1, 1])
    for halvings in range(COARSEST, HALVINGS - 1, -1):
        shares = tf.nn.avg_pool2d(mask, 2**halvings, 2**halvings, "SAME")
        ocean = shares[..., OCEAN : OCEAN + 1]
        passable = shares[..., GLACIER : GLACIER + 1] + ocean + LEAST
        around = tf.math.reciprocal_no_nan(_sum_around(passable))
        on_land = tf.cast(ocean < 0.5, tf.float32)
        # A step is half as long as on the grid before, so that ice takes four times as many.
        potential = 4.0 * tf.image.resize(potential, tf.shape(ocean)[1:3])
        for _ in range(SWEEPS):
            potential = on_land * (_sum_around(passable * potential) * around + 1.0)
    padded = tf.pad(potential, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    down = padded[:, :-2, 1:-1] - padded[:, 2:, 1:-1]
    right = padded[:, 1:-1, :-2] - padded[:, 1:-1, 2:]
    slope = tf.concat([down, right], axis=-1)
    return slope * tf.math.rsqrt(tf.reduce_sum(tf.square(slope), -1, True) + 1.0)


def drawn_out(noise: tf.Tensor, flow: tf.Tensor) -> tf.Tensor:
    """Average noise up the flow, over 2**DOUBLINGS pixels of each flow line.

    Each pass doubles the way: a pixel's line is that of its own first half and of the half that begins where it ends.

    Args:
      noise: float32 [N, H, W, M].
      flow: float32 [N, H, W, 2], rows and columns; a length of 1 is full speed.

    Returns:
      float32 [N, H, W, M].
    """
    shape = tf.shape(noise)
    height, width = shape[1], shape[2]
    grid = tf.cast(tf.stack(tf.meshgrid(tf.range(height), tf.range(width), indexing="ij"), axis=-1), tf.float32)
    way = -flow
    for _ in range(DOUBLINGS):
        further = _sampled(tf.concat([noise, way], axis=-1), grid + way, height, width)
        noise, way = 0.5 * (noise + further[..., :-2]), way + further[..., -2:]
    return noise


def _sampled(image: tf.Tensor, place: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Interpolate an image, float32 [N, H, W, M], at places, float32 [N, H, W, 2]; its border goes on outside."""
    limits = tf.stack([height - 1, width - 1])
    place = tf.clip_by_value(place, 0.0, tf.cast(limits, tf.float32))
    first = tf.cast(place, tf.int32)
    part = place - tf.cast(first, tf.float32)
    second = tf.minimum(first + 1, limits)
    flat = tf.reshape(image, [tf.shape(image)[0], height * width, image.shape[-1]])

    def at(rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        return tf.gather(flat, rows * width + columns, batch_dims=1)

    down, right = part[..., :1], part[..., 1:]
    top = (1.0 - right) * at(first[..., 0], first[..., 1]) + right * at(first[..., 0], second[..., 1])
    bottom = (1.0 - right) * at(second[..., 0], first[..., 1]) + right * at(second[..., 0], second[..., 1])
    return (1.0 - down) * top + down * bottom


def _sum_around(values: tf.Tensor) -> tf.Tensor:
    """Return the sum of the eight neighbours of each pixel, those on its sides twice; outside there is nothing.

    float32 [N, h, w, 1].
    """
    return tf.nn.conv2d(values, tf.constant(AROUND), 1, "SAME")
