"""Limits on the memory of an image, checked before it is decoded."""

PLAIN = 64 * 2**20  # bytes of pixels that any file may hold; half of it for numbers of more than 8 bits
DENSEST = 400  # compression factor up to which larger images are accepted; that of deflate is at most 1032
DRAWN = 2**24  # pixels of a drawing: 4096 x 4096, of four bytes each in two copies
BANDS = 256  # of a raster
WIDEST = 2**17  # pixels of a row of an image that is read in strips


class BadImage(Exception):
    """An invalid image file; the text states the error and the cure, without the file's name."""


def check(values: int, itemsize: int, length: int) -> None:
    """Reject a file that would need implausibly much memory: a decompression bomb, or a damaged header.

    Args:
      values: pixels times channels, from the header.
      itemsize: bytes of a value.
      length: of the file, in bytes.

    Raises:
      BadImage: the pixels exceed both limits.
    """
    pixel_bytes, most = values * itemsize, PLAIN if itemsize == 1 else PLAIN // 2  # larger numbers become float64
    if pixel_bytes > max(most, DENSEST * length):
        raise BadImage(
            f"{length:,} bytes that would become {pixel_bytes:,} (a damaged header, or a decompression bomb; if it is "
            "right, cut it into smaller scenes, or save it as TIFF without compression)"
        )
