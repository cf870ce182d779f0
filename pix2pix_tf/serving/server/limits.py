"""Limits on the cost of a request, checked before any image is decoded."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pix2pix_tf.serving.server.rest_api import Array, RestError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SLACK = 64 * 2**10  # bytes of a PNG besides its pixels: colour profiles, text


@dataclass(frozen=True)
class Limits:
    """Limits of the local server."""

    body: int = 32 * 2**20  # bytes of a request
    pixels: int = 2**22  # of all images of a request, and of a batch: 64 patches of 256 x 256
    waiting: int = 64  # requests that are read, queued or computed; further ones get 503 with Retry-After
    body_seconds: float = 60.0  # for a body to arrive
    linger: float = 0.002  # seconds to wait for as many requests as the last batch had


def size_of(png: bytes) -> tuple[int, int]:
    """Return height and width of a PNG in pixels, from its header alone.

    Raises:
      ValueError: it is not a PNG, or its header is cut off.
    """
    if png[:8] != _SIGNATURE or png[12:16] != b"IHDR" or len(png) < 26:
        raise ValueError("not a PNG file")
    return int.from_bytes(png[20:24], "big"), int.from_bytes(png[16:20], "big")


def check_images(inputs: Mapping[str, Array], allowed: int) -> tuple[int, frozenset]:
    """Check that the images of a request are within the limit.

    Args:
      inputs: by name; names that end in _bytes are PNGs, arrays of four dimensions are pixels.
      allowed: pixels in all rows together.

    Returns:
      The number of pixels in all rows of the largest input, and the set of sizes (height, width).

    Raises:
      RestError: 413, too many pixels; 400, not a PNG, or a PNG with far more bytes than its pixels need.
    """
    sizes, largest = set(), 0
    for name, values in inputs.items():
        if name.endswith("_bytes"):
            input_sizes = [_checked_size(name, png) for png in values]
        elif isinstance(values, np.ndarray) and values.ndim == 4:
            input_sizes = [(values.shape[1], values.shape[2])] * len(values)
        else:
            continue
        sizes |= set(input_sizes)
        largest = max(largest, sum(height * width for height, width in input_sizes))
    if largest > allowed:
        raise RestError(413, f"The images have {largest} pixels together; this server takes {allowed} a request")
    return largest, frozenset(sizes)


def _checked_size(name: str, png: bytes) -> tuple[int, int]:
    try:
        height, width = size_of(png)
    except ValueError as error:
        raise RestError(400, f"{name}: {error}") from None
    if len(png) > 8 * height * width + _SLACK:  # 8: four channels of 16 bit; more may be a decompression bomb
        raise RestError(400, f"{name}: the PNG is longer than its {height} x {width} pixels can need")
    return height, width
