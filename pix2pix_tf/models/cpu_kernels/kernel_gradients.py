"""Convolutions whose kernels get their gradient by products of matrices, for wide maps in bfloat16.

These gradients are a third of a training step, and on a processor with AVX-512 oneDNN computes them slower than it
multiplies matrices (`benchmarks/speed`); the convolutions themselves, and their gradients by the map, it does not.

A product takes a matrix with what the kernel sees at each place in one row. Where the rows go by the map's lines, and
within a line by image, the next line of the kernel sees the same some rows further down: a slice, not a copy. So a map
is laid out for one line of the kernel alone, a k-th of what it takes to unfold it.
"""

from collections.abc import Callable

import tensorflow as tf

from pix2pix_tf.utils import cpu

WIDE = {1: 256, 2: 128}  # by strides, channels of both maps from which the products are worth the laying out


def convolve(x: tf.Tensor, kernel: tf.Tensor, strides: int, padding: str) -> tf.Tensor:
    """`tf.nn.conv2d` with the faster gradient.

    Args:
      x: float [N, H, W, C].
      kernel: of the same type, [k, k, C, D].
      strides: 1 or 2.
      padding: "SAME"; "VALID" at strides 1 alone.

    Returns:
      Float [N, H', W', D].
    """

    if not _faster_by_products(x, kernel, strides):
        return tf.nn.conv2d(x, kernel, strides, padding)

    @tf.custom_gradient
    def convolved(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            by_x = tf.nn.conv2d_transpose(upstream, kernel, x.shape, strides, padding)
            return by_x, kernel_gradient(x, upstream, kernel.shape[0], strides, padding)

        return tf.nn.conv2d(x, kernel, strides, padding), gradient

    return convolved(x, kernel)


def convolve_transposed(x: tf.Tensor, kernel: tf.Tensor, shape: list[int | tf.Tensor]) -> tf.Tensor:
    """`tf.nn.conv2d_transpose` at strides 2 and padding "SAME" with the faster gradient.

    Args:
      x: float [N, H, W, D].
      kernel: of the same type, [k, k, C, D].
      shape: of the result.

    Returns:
      Float [N, 2 H, 2 W, C].
    """

    if not _faster_by_products(x, kernel, 2):
        return tf.nn.conv2d_transpose(x, kernel, shape, 2, "SAME")

    @tf.custom_gradient
    def convolved(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            by_x = tf.nn.conv2d(upstream, kernel, 2, "SAME")
            return by_x, kernel_gradient(upstream, x, kernel.shape[0], 2, "SAME")

        return tf.nn.conv2d_transpose(x, kernel, shape, 2, "SAME"), gradient

    return convolved(x, kernel)


def kernel_gradient(large: tf.Tensor, small: tf.Tensor, side: int, strides: int, padding: str) -> tf.Tensor:
    """The gradient of the kernel between two maps, such as a convolution's input and the gradient of its output.

    Args:
      large: float [N, H, W, C], of known shape: the map that is seen through the kernel.
      small: of the same type, [N, H', W', D], of known shape: one pixel for each place of the kernel.
      side: k, pixels of the kernel's side.
      strides: 1 or 2.
      padding: "SAME"; "VALID" at strides 1 alone.

    Returns:
      Float [k, k, C, D].
    """
    count, height, width, depth = small.shape
    channels, line = large.shape[3], count * width  # rows that one line of all images takes
    rims = [_rim(large.shape[axis], small.shape[axis], side, strides, padding) for axis in (1, 2)]
    padded = tf.pad(large, [[0, 0], *rims, [0, 0]])
    high, wide = padded.shape[1] // strides, padded.shape[2] // strides
    lines = tf.reshape(padded, [count, high, strides, wide, strides * channels])
    lines = tf.transpose(lines, [2, 1, 0, 3, 4])  # even and odd lines apart, then by line, then by image
    # what a line of the kernel sees at each place, as many pixels at a time as lie in one row
    steps = [lines[..., i // strides :, :][..., :width, : (side - i) * channels] for i in range(0, side, strides)]
    seen = tf.reshape(tf.concat(steps, -1), [-1, side * channels])
    told = tf.reshape(tf.transpose(small, [1, 0, 2, 3]), [-1, depth])
    first = [(i % strides * high + i // strides) * line for i in range(side)]
    products = [tf.matmul(seen[row : row + height * line], told, transpose_a=True) for row in first]
    return tf.reshape(tf.stack(products), [side, side, channels, depth])


def _rim(large: int, small: int, side: int, strides: int, padding: str) -> tuple[int, int]:
    """Zeros before and after a side of the large map: the padding, and what makes whole strides of it."""
    seen = (small - 1) * strides + side
    before = max(seen - large, 0) // 2 if padding == "SAME" else 0
    return before, -(-seen // strides) * strides - before - large


def _faster_by_products(maps: tf.Tensor, kernel: tf.Tensor, strides: int) -> bool:
    """Whether the products were found to be faster: not in float32, not where there are few channels.

    AMX and GPUs were not measured.
    """
    features = cpu.features()
    return (
        maps.dtype == tf.bfloat16
        and maps.shape.is_fully_defined()
        and min(kernel.shape[2:]) >= WIDE[strides]
        and "avx512_bf16" in features
        and "amx_bf16" not in features
        and not tf.config.get_visible_devices("GPU")
    )
