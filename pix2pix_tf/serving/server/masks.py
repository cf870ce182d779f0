"""Masks that a user gives to the page as TIFF, which no browser reads."""

import io
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from pix2pix_tf.data.io import images
from pix2pix_tf.data.io.strips import StripReader
from pix2pix_tf.serving.server.limits import Limits
from pix2pix_tf.serving.server.rest_api import RestError


def png_of_tiff(content: bytes, limits: Limits) -> bytes:
    """Convert a mask.

    Args:
      content: a TIFF or GeoTIFF with CaFFe's zone values, or a palette in the zones' colours.
      limits: pixels.

    Returns:
      A PNG with the values 0, 64, 127 and 254.

    Raises:
      RestError: 413, it has too many pixels; 400, it is damaged or no mask, with the cure.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mask.tif"
        path.write_bytes(content)
        try:
            reader = StripReader(path, "zones")
            if reader.height * reader.width > limits.pixels:
                raise RestError(
                    413,
                    f"{reader.width} x {reader.height} pixels; this page takes {limits.pixels} (cut the file, or "
                    "generate from it with: python -m pix2pix_tf.generate)",
                )
            zones = np.concatenate([block[..., 0] for block in reader.blocks()])
        except images.BadImage as error:
            raise RestError(400, str(error)) from None
    file = io.BytesIO()
    Image.fromarray(zones).save(file, "PNG")
    return file.getvalue()
