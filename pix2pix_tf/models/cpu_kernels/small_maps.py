"""Convolutions of stride 2 as products of matrices, for the innermost levels of pix2pix.

There maps have a few pixels and kernels millions of weights; oneDNN's convolutions are made for the contrary. 512
channels of 8 x 8 into 512 of 4 x 4, with gradients and in bfloat16, take 33 ms on 2 cores, as products of matrices 11
ms (`benchmarks/speed`). A convolution unfolds an image into the patches that its kernel sees, and multiplies them;
a transposed one multiplies, and folds.
"""

import functools
from collections.abc import Callable

import tensorflow as tf

from pix2pix_tf.models.cpu_kernels import kernel_gradients

# Places of a kernel on the maps, up to which products are faster: on all maps of a known batch, as in training; and on
# each map of a free one, as in an export, whose kernels must be worth the question.
FEW_PLACES = 256
FEW_IN_EACH = 64
MANY_WEIGHTS = 2**22

# Rows that a free batch is multiplied by at a time: a product's last digits may hang on their number, and an image must
# not hang on how many others are painted with it. More at a time are faster for a batch, fewer for one image.
ROWS = 16

Product = Callable[..., tf.Tensor]  # `tf.matmul`, or what does the same


def halved(x: tf.Tensor, kernel: tf.Tensor, in_turns: bool = False) -> tf.Tensor:
    """`tf.nn.conv2d` at strides 2 and padding "SAME", the faster way.

    Args:
      x: float [N, H, W, C].
      kernel: of the same type, [k, k, C, D].
      in_turns: whether a batch that is not known is looked at when it comes; it makes the graph larger.

    Returns:
      Float [N, H', W', D].
    """
    if _known_few(x, 2):
        return _halve(x, kernel)
    plain = functools.partial(kernel_gradients.convolve, x, kernel, 2, "SAME")
    if not (in_turns and _is_static(x, kernel)):
        return plain()
    _, height, width = _sides(x)
    even = (height % 2 == 0) & (width % 2 == 0)
    places = height // 2 * (width // 2)
    return tf.cond(
        even & (places <= FEW_IN_EACH),
        lambda: _unfold_and_multiply(x, kernel, functools.partial(_in_fixed_size_blocks, of=places)),
        plain,
    )


def doubled(x: tf.Tensor, kernel: tf.Tensor, in_turns: bool = False) -> tf.Tensor:
    """`tf.nn.conv2d_transpose` at strides 2 and padding "SAME", the faster way.

    Args:
      x: float [N, H, W, D].
      kernel: of the same type, [k, k, C, D].
      in_turns: as of `halved`.

    Returns:
      Float [N, 2 H, 2 W, C].
    """
    if _known_few(x, 1):
        return _double(x, kernel)
    count, height, width = _sides(x)
    large = [count, 2 * height, 2 * width, kernel.shape[2]]
    plain = functools.partial(kernel_gradients.convolve_transposed, x, kernel, large)
    if not (in_turns and _is_static(x, kernel)):
        return plain()
    return tf.cond(
        height * width <= FEW_IN_EACH,
        lambda: _multiply_and_fold(x, kernel, functools.partial(_in_fixed_size_blocks, of=height * width)),
        plain,
    )


def _known_few(maps: tf.Tensor, strides: int) -> bool:
    """Whether a kernel is laid on these maps, even in height and width, in few places."""
    places = maps.shape[:3].num_elements()
    even = places is not None and maps.shape[1] % strides == maps.shape[2] % strides == 0
    return even and places // strides**2 <= FEW_PLACES


def _is_static(maps: tf.Tensor, kernel: tf.Tensor) -> bool:
    """Whether the maps, of a batch that is not known, are to be looked at when they come."""
    return maps.shape[0] is None and kernel.shape.num_elements() >= MANY_WEIGHTS


@tf.custom_gradient
def _halve(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """`tf.nn.conv2d` at strides 2 and padding "SAME", and its gradient, as products of matrices.

    Args:
      x: float [N, 2 H, 2 W, C], of known shape.
      kernel: of the same type, [k, k, C, D].

    Returns:
      Float [N, H, W, D], and its gradient.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return _multiply_and_fold(upstream, kernel), _kernel_gradient(x, upstream, kernel)

    return _unfold_and_multiply(x, kernel), gradient


@tf.custom_gradient
def _double(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """`tf.nn.conv2d_transpose` at strides 2 and padding "SAME", and its gradient, as products of matrices.

    Args:
      x: float [N, H, W, D], of known shape.
      kernel: of the same type, [k, k, C, D].

    Returns:
      Float [N, 2 H, 2 W, C], and its gradient.
    """

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return _unfold_and_multiply(upstream, kernel), _kernel_gradient(upstream, x, kernel)

    return _multiply_and_fold(x, kernel), gradient


def _unfold(large: tf.Tensor, side: int) -> tf.Tensor:
    """[N, 2 H, 2 W, C] -> [N H W, k k C]: what a kernel sees at each place."""
    patches = tf.image.extract_patches(large, [1, side, side, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME")
    return tf.reshape(patches, [-1, patches.shape[-1]])


def _unfold_and_multiply(large: tf.Tensor, kernel: tf.Tensor, product: Product = tf.matmul) -> tf.Tensor:
    """[N, 2 H, 2 W, C] -> [N, H, W, D]."""
    count, height, width = _sides(large)
    small = product(_unfold(large, kernel.shape[0]), tf.reshape(kernel, [-1, kernel.shape[-1]]))
    return tf.reshape(small, [count, height // 2, width // 2, kernel.shape[-1]])


def _multiply_and_fold(small: tf.Tensor, kernel: tf.Tensor, product: Product = tf.matmul) -> tf.Tensor:
    """[N, H, W, D] -> [N, 2 H, 2 W, C]: the patches of all places, added where they overlap."""
    (side, _, channels, depth), (count, height, width) = kernel.shape, _sides(small)
    half, first = (side + 1) // 2, (side - 2) // 2  # steps of 2 a patch is long; its pixels before the first of the map
    patches = product(tf.reshape(small, [-1, depth]), tf.reshape(kernel, [-1, depth]), transpose_b=True)
    patches = tf.reshape(patches, [count, height, width, side, side, channels])
    odd = side % 2
    patches = tf.pad(patches, [[0, 0], [0, 0], [0, 0], [0, odd], [0, odd], [0, 0]])
    patches = tf.reshape(patches, [count, height, width, half, 2, half, 2, channels])
    rows = tf.add_n([_shifted(patches[:, :, :, i], 1, i, half) for i in range(half)])
    both = tf.add_n([_shifted(rows[:, :, :, :, i], 2, i, half) for i in range(half)])  # [N, H+, W+, 2, 2, C]
    sides = [2 * (height + half - 1), 2 * (width + half - 1)]
    large = tf.reshape(tf.transpose(both, [0, 1, 3, 2, 4, 5]), [count, *sides, channels])
    return large[:, first : first + 2 * height, first : first + 2 * width]


def _shifted(maps: tf.Tensor, axis: int, steps: int, of: int) -> tf.Tensor:
    """Maps with `steps` zeros before them along an axis, and as many after as make `of - 1` together."""
    return tf.pad(maps, [[steps, of - 1 - steps] if i == axis else [0, 0] for i in range(maps.shape.rank)])


def _kernel_gradient(large: tf.Tensor, small: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """[N, 2 H, 2 W, C], [N, H, W, D] -> [k, k, C, D]: the one as the gradient's patches, the other as their factors."""
    seen, told = _unfold(large, kernel.shape[0]), tf.reshape(small, [-1, kernel.shape[-1]])
    return tf.reshape(tf.matmul(seen, told, transpose_a=True), kernel.shape)


def _in_fixed_size_blocks(rows: tf.Tensor, kernel: tf.Tensor, of: tf.Tensor, transpose_b: bool = False) -> tf.Tensor:
    """`tf.matmul`, as many rows at a time in any batch.

    Args:
      rows: float [M, K], those of all images.
      kernel: of the same type, [K, D]; [D, K] with `transpose_b`.
      of: int32, how many of the rows are one image's; so many go at a time, but at least ROWS.
      transpose_b: as of `tf.matmul`.

    Returns:
      Float [M, D].
    """
    count, at_a_time = tf.shape(rows)[0], tf.maximum(of, ROWS)
    turns = (count + at_a_time - 1) // at_a_time
    full = tf.pad(rows, [[0, turns * at_a_time - count], [0, 0]])
    dealt = tf.reshape(full, [turns, at_a_time, rows.shape[-1]])
    multiplied = tf.map_fn(lambda some: tf.matmul(some, kernel, transpose_b=transpose_b), dealt)
    return tf.reshape(multiplied, [-1, kernel.shape[0 if transpose_b else 1]])[:count]


def _sides(maps: tf.Tensor) -> list[int | tf.Tensor]:
    """Count, height and width of maps: numbers where they are known."""
    free = tf.shape(maps)
    return [free[place] if side is None else side for place, side in enumerate(maps.shape[:3])]
