"""Reads and writes PNG files, whatever their role.

Pillow reads 16-bit colour as 8-bit and accepts truncated PNGs, so this module checks the chunks of PNGs first.
"""

import io
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from pix2pix_tf.data.io import limits, png
from pix2pix_tf.data.io.limits import BadImage
from pix2pix_tf.utils import files
from pix2pix_tf.utils.errors import truncate

PNG, TIFF, JPEG = (".png",), (".tif", ".tiff"), (".jpg", ".jpeg")

Image.MAX_IMAGE_PIXELS = None  # satellite scenes exceed Pillow's limit; `limits` has ours

_BROKEN = (
    OSError,
    ValueError,
    SyntaxError,
    LookupError,
    TypeError,
    OverflowError,
    MemoryError,
    struct.error,
    zlib.error,
)

# ---- Reading --------------------------------------------------------------------------------------------------------


def read_png(path: Path) -> np.ndarray:
    """Read a PNG of 8 or 16 bits, grey or RGB, and verify the checksums of its chunks.

    Returns:
      uint8 or uint16, [H, W] or [H, W, 3].

    Raises:
      BadImage: the file is truncated or damaged, has a palette, an alpha channel or another depth, or exceeds the
        memory limits.
    """
    data = _bytes(path)
    depth, colour = png.check(io.BytesIO(data))
    _check_kind(depth, colour)
    if (depth, colour) != (16, png.RGB):
        return _decode(data, "PNG")
    # Pillow has no 16-bit colour: decoding as big-endian keeps the high byte of each number, as little-endian the low.
    high, low = _decode(data, "PNG", "RGB;16B"), _decode(data, "PNG", "RGB;16L")
    return high.astype(np.uint16) << 8 | low


def read_drawing(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read a PNG of at most 8 bits, as drawing programs save it, and verify the checksums of its chunks.

    Returns:
      uint8 [H, W, 3], sRGB, also from grey values or a palette; bool [H, W], True where the opacity is above 127.

    Raises:
      BadImage: the file is truncated or damaged, has 16 bits, or more than limits.DRAWN pixels.
    """
    data = _bytes(path)
    if png.check(io.BytesIO(data))[0] > 8:
        raise BadImage("an image of 16 bit (save with 8)")
    width, height = struct.unpack(">II", data[16:24])
    if width * height > limits.DRAWN:
        raise BadImage(f"{width} x {height} pixels, too many for a drawing (at most {limits.DRAWN:,}: cut it)")
    pixels = _decode(data, "PNG", mode="RGBA")
    return pixels[..., :3], pixels[..., 3] > 127


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadImage(f"not readable ({error.strerror})") from None


def _decode(data: bytes, kind: str, raw: str | None = None, mode: str | None = None) -> np.ndarray:
    """Decode with Pillow; `raw` is its raw mode for the numbers in the file, `mode` the mode to convert to."""
    try:
        with Image.open(io.BytesIO(data), formats=[kind]) as image:
            depth = 2 if image.mode.startswith("I") else 1
            limits.check(image.width * image.height * len(image.getbands()), depth, len(data))
            if raw:
                image.tile = [tile._replace(args=raw) for tile in image.tile]
            return np.array(image.convert(mode) if mode else image)
    except (*_BROKEN, UnidentifiedImageError) as error:
        hint = "" if "BytesIO" in str(error) else f"{truncate(error) or type(error).__name__}; "
        raise BadImage(f"not a whole {kind} ({hint}copy or make the file again)") from None


def check_png_header(path: Path, is_mask: bool = False) -> None:
    """Check that a file has the header of a PNG that `read_png` supports.

    Args:
      path: the file.
      is_mask: a PNG of class numbers, which may also have a palette or fewer bits.

    Raises:
      BadImage: the header is missing, or of another kind.
    """
    try:
        with path.open("rb") as file:
            data = file.read(png.HEADER)
    except OSError as error:
        raise BadImage(f"not readable ({error.strerror})") from None
    depth, colour = png.header(data)
    if not (is_mask and (colour == png.PALETTE or (colour == png.GREY and depth < 8))):
        _check_kind(depth, colour)


def _check_kind(depth: int, colour: int) -> None:
    """Reject PNGs of kinds that no role has."""
    if colour == png.PALETTE:
        raise BadImage("a palette image (save as grey or RGB)")
    if colour not in (png.GREY, png.RGB):
        raise BadImage("an image with an alpha channel, such as RGBA (save without transparency)")
    if depth not in (8, 16):
        raise BadImage(f"an image of {depth} bit (save with 8)")


# ---- Converting -----------------------------------------------------------------------------------------------------


def to_pixels(images: np.ndarray, bits: int = 8) -> np.ndarray:
    """Convert a network's output to pixels, as `encoding.encode_png` does in an export.

    Args:
      images: float [...], [-1, 1]; values outside are clipped.
      bits: 8 or 16.

    Returns:
      uint8 or uint16 [...], the whole range of the type.
    """
    white = 2**bits - 1
    return np.rint((np.clip(images, -1, 1) + 1) * (white / 2)).astype(np.uint16 if bits == 16 else np.uint8)


# ---- Writing --------------------------------------------------------------------------------------------------------


def write_png(path: Path, pixels: np.ndarray, texts: Mapping[str, str] | None = None, effort: int = 6) -> None:
    """Write a PNG atomically; the same pixels give the same bytes.

    Args:
      path: the file to create or replace; a missing folder is created.
      pixels: uint8 or uint16, [H, W] or [H, W, 3].
      texts: metadata by key, Latin-1, written as text chunks.
      effort: compression level of zlib, from 1 (fast) to 9 (small).

    Raises:
      OSError: writing failed; `path` is unchanged.
    """
    if pixels.dtype == np.uint16 and pixels.ndim == 3:  # Pillow cannot write it
        height, width, channels = pixels.shape
        with png.written(path, height, width, channels, bits=16, effort=effort) as write:
            write(pixels)
        return
    with files.atomic_write(path) as temporary:
        info = PngImagePlugin.PngInfo()
        for key, value in (texts or {}).items():
            info.add_text(key, value)
        Image.fromarray(pixels).save(temporary, format="PNG", pnginfo=info, compress_level=effort)


def read_text(path: Path, key: str) -> str | None:
    """Return the metadata of a key that `write_png` wrote into a PNG; None when it is missing.

    Args:
      path: a valid PNG.
      key: as given to `write_png`.
    """
    with Image.open(path, formats=["PNG"]) as image:
        assert isinstance(image, PngImagePlugin.PngImageFile)  # the one format that is asked for
        image.load()
        return image.text.get(key)
