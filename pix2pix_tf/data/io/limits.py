"""What an image file may become in memory, before anything of it is decoded."""

PLAIN = 64 * 2**20  # bytes of pixels that any file may hold; half of it where a number has more than 8 bits
DENSEST = 400  # times its own length that a file may hold beyond that; deflate makes at most 1032 times as much
DRAWN = 2**24  # pixels of a drawing: 4096 x 4096, of four bytes each in two copies
WIDEST = 2**17  # pixels of a row, where an image is read row by row


class BadImage(Exception):
    """What is wrong with an image file and how to mend it, as a phrase without the file's name."""


def check(values: int, itemsize: int, length: int) -> None:
    """Refuses a file that would become far larger in memory than such files are: a bomb, or a header that is damaged.

    Args:
      values: pixels times channels, by its header.
      itemsize: bytes of a value.
      length: of the file, in bytes.

    Raises:
      BadImage: it would.
    """
    pixel_bytes, most = values * itemsize, PLAIN if itemsize == 1 else PLAIN // 2  # wide numbers become float64
    if pixel_bytes > max(most, DENSEST * length):
        raise BadImage(
            f"{length:,} bytes that would become {pixel_bytes:,} (a damaged header, or a decompression bomb; if it is "
            "right, cut it into smaller scenes, or save it as TIFF without compression)"
        )
