"""Convolutions of stride 2 as products of matrices, for the innermost levels of pix2pix.

There maps have a few pixels and kernels millions of weights; oneDNN's convolutions are made for the opposite case. 512
channels of 8 x 8 into 512 of 4 x 4, with gradients and in bfloat16, take 33 ms on 2 cores, as products of matrices 11
ms (`benchmarks/speed`). A convolution unfolds an image into the patches under its kernel and multiplies them; a
transposed convolution multiplies and folds.
"""

import functools
from collections.abc import Callable

import tensorflow as tf

# Kernel positions on the maps up to which products are faster. MAX_POSITIONS counts those of a whole batch whose shape
# is known, as in training; MAX_POSITIONS_PER_EXAMPLE those of one map where the batch is free, as in an export. There
# the graph gets a branch, which only a kernel of MIN_WEIGHTS or more repays.
MAX_POSITIONS = 256
MAX_POSITIONS_PER_EXAMPLE = 64
MIN_WEIGHTS = 2**22

# Rows of a free batch that are multiplied at a time. The last digits of a product may depend on the number of rows, and
# an image must not depend on its batch. More rows at a time are faster for a batch, fewer for one image.
MIN_BLOCK_ROWS = 16

MatMul = Callable[..., tf.Tensor]  # `tf.matmul`, or a function with the same arguments and result


def conv2d_stride_2(x: tf.Tensor, kernel: tf.Tensor, fixed_size_blocks: bool = False) -> tf.Tensor:
    """Compute `tf.nn.conv2d` at strides 2 and padding "SAME".

    Args:
      x: float [N, H, W, C].
      kernel: of the same type, [k, k, C, D].
      fixed_size_blocks: also use products for a batch of unknown shape, in blocks of a fixed number of rows. This
        makes the graph larger.

    Returns:
      Float [N, H', W', D].
    """
    if _is_static_and_small(x, 2):
        return _conv2d_by_products(x, kernel)
    library = functools.partial(tf.nn.conv2d, x, kernel, 2, "SAME")
    if not (fixed_size_blocks and _is_worth_a_branch(x, kernel)):
        return library()
    _, height, width = _sides(x)
    even = (height % 2 == 0) & (width % 2 == 0)
    positions = height // 2 * (width // 2)
    return tf.cond(
        even & (positions <= MAX_POSITIONS_PER_EXAMPLE),
        lambda: _unfold_and_multiply(x, kernel, functools.partial(_matmul_in_blocks, rows_per_example=positions)),
        library,
    )


def conv2d_transpose_stride_2(x: tf.Tensor, kernel: tf.Tensor, fixed_size_blocks: bool = False) -> tf.Tensor:
    """Compute `tf.nn.conv2d_transpose` at strides 2 and padding "SAME".

    Args:
      x: float [N, H, W, D].
      kernel: of the same type, [k, k, C, D].
      fixed_size_blocks: see `conv2d_stride_2`.

    Returns:
      Float [N, 2 H, 2 W, C].
    """
    if _is_static_and_small(x, 1):
        return _conv2d_transpose_by_products(x, kernel)
    count, height, width = _sides(x)
    output_shape = [count, 2 * height, 2 * width, kernel.shape[2]]
    library = functools.partial(tf.nn.conv2d_transpose, x, kernel, output_shape, 2, "SAME")
    if not (fixed_size_blocks and _is_worth_a_branch(x, kernel)):
        return library()
    positions = height * width
    return tf.cond(
        positions <= MAX_POSITIONS_PER_EXAMPLE,
        lambda: _multiply_and_fold(x, kernel, functools.partial(_matmul_in_blocks, rows_per_example=positions)),
        library,
    )


def _is_static_and_small(maps: tf.Tensor, strides: int) -> bool:
    """Return True for maps of known shape, even in height and width, on which a kernel has few positions."""
    pixels = maps.shape[:3].num_elements()
    even = pixels is not None and maps.shape[1] % strides == maps.shape[2] % strides == 0
    return even and pixels // strides**2 <= MAX_POSITIONS


def _is_worth_a_branch(maps: tf.Tensor, kernel: tf.Tensor) -> bool:
    """Return True where the batch is unknown and the kernel so large that the graph should test the maps' size."""
    return maps.shape[0] is None and kernel.shape.num_elements() >= MIN_WEIGHTS


@tf.custom_gradient
def _conv2d_by_products(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Compute `tf.nn.conv2d` at strides 2 and padding "SAME", and its gradient, as products of matrices.

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
def _conv2d_transpose_by_products(x: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    """Compute `tf.nn.conv2d_transpose` at strides 2 and padding "SAME", and its gradient, as products of matrices.

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
    """Extract the patch under the kernel at each position: [N, 2 H, 2 W, C] -> [N H W, k k C]."""
    patches = tf.image.extract_patches(large, [1, side, side, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME")
    return tf.reshape(patches, [-1, patches.shape[-1]])


def _unfold_and_multiply(large: tf.Tensor, kernel: tf.Tensor, matmul: MatMul = tf.matmul) -> tf.Tensor:
    """[N, 2 H, 2 W, C] -> [N, H, W, D]."""
    count, height, width = _sides(large)
    small = matmul(_unfold(large, kernel.shape[0]), tf.reshape(kernel, [-1, kernel.shape[-1]]))
    return tf.reshape(small, [count, height // 2, width // 2, kernel.shape[-1]])


def _multiply_and_fold(small: tf.Tensor, kernel: tf.Tensor, matmul: MatMul = tf.matmul) -> tf.Tensor:
    """Compute the patch of each position and add them where they overlap: [N, H, W, D] -> [N, 2 H, 2 W, C]."""
    (side, _, channels, depth), (count, height, width) = kernel.shape, _sides(small)
    half, first = (side + 1) // 2, (side - 2) // 2  # steps of 2 a patch is long; its pixels before the first of the map
    patches = matmul(tf.reshape(small, [-1, depth]), tf.reshape(kernel, [-1, depth]), transpose_b=True)
    patches = tf.reshape(patches, [count, height, width, side, side, channels])
    odd = side % 2
    patches = tf.pad(patches, [[0, 0], [0, 0], [0, 0], [0, odd], [0, odd], [0, 0]])
    patches = tf.reshape(patches, [count, height, width, half, 2, half, 2, channels])
    rows = tf.add_n([_shift(patches[:, :, :, i], 1, i, half) for i in range(half)])
    both = tf.add_n([_shift(rows[:, :, :, :, i], 2, i, half) for i in range(half)])  # [N, H+, W+, 2, 2, C]
    sides = [2 * (height + half - 1), 2 * (width + half - 1)]
    large = tf.reshape(tf.transpose(both, [0, 1, 3, 2, 4, 5]), [count, *sides, channels])
    return large[:, first : first + 2 * height, first : first + 2 * width]


def _shift(maps: tf.Tensor, axis: int, steps: int, of: int) -> tf.Tensor:
    """Pad an axis with `steps` zeros in front and as many behind as make `of - 1` together."""
    return tf.pad(maps, [[steps, of - 1 - steps] if i == axis else [0, 0] for i in range(maps.shape.rank)])


def _kernel_gradient(large: tf.Tensor, small: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Multiply patches of the large map by pixels of the small: [N, 2 H, 2 W, C], [N, H, W, D] -> [k, k, C, D]."""
    patches, pixels = _unfold(large, kernel.shape[0]), tf.reshape(small, [-1, kernel.shape[-1]])
    return tf.reshape(tf.matmul(patches, pixels, transpose_a=True), kernel.shape)


def _matmul_in_blocks(
    rows: tf.Tensor, kernel: tf.Tensor, rows_per_example: tf.Tensor, transpose_b: bool = False
) -> tf.Tensor:
    """Compute `tf.matmul` in blocks with the same number of rows whatever the batch.

    Args:
      rows: float [M, K], those of all images.
      kernel: of the same type, [K, D]; [D, K] with `transpose_b`.
      rows_per_example: int32; a block has this many rows, but at least MIN_BLOCK_ROWS.
      transpose_b: as of `tf.matmul`.

    Returns:
      Float [M, D].
    """
    count, block_rows = tf.shape(rows)[0], tf.maximum(rows_per_example, MIN_BLOCK_ROWS)
    block_count = (count + block_rows - 1) // block_rows
    padded = tf.pad(rows, [[0, block_count * block_rows - count], [0, 0]])
    blocks = tf.reshape(padded, [block_count, block_rows, rows.shape[-1]])
    products = tf.map_fn(lambda block: tf.matmul(block, kernel, transpose_b=transpose_b), blocks)
    return tf.reshape(products, [-1, kernel.shape[0 if transpose_b else 1]])[:count]


def _sides(maps: tf.Tensor) -> list[int | tf.Tensor]:
    """Return count, height and width of maps: numbers where they are known, else int32 scalars."""
    dynamic = tf.shape(maps)
    return [dynamic[axis] if side is None else side for axis, side in enumerate(maps.shape[:3])]
