"""Faster ways to compute on a processor what TensorFlow computes as well, with the same results and gradients.

`models/layers.py` uses these functions; nobody else has to know of them. `benchmarks/speed/layers.py` prints the times.
"""

from pix2pix_tf.models.cpu_kernels.activation import leaky_relu
from pix2pix_tf.models.cpu_kernels.small_maps import conv2d_stride_2, conv2d_transpose_stride_2
from pix2pix_tf.models.cpu_kernels.subpixel import subpixel_conv2d_transpose

__all__ = ["conv2d_stride_2", "conv2d_transpose_stride_2", "leaky_relu", "subpixel_conv2d_transpose"]
