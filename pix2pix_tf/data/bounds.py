"""What an image file may become in memory, before anything of it is decoded."""

PLAIN = 32 * 2**20  # bytes of pixels that any file may hold
DENSEST = 400  # times its own length that a file may hold beyond that; masks of large plain zones come to some 200
DRAWN = 2**22  # pixels of a drawing, which is looked at in several copies
WIDEST = 2**17  # pixels of a row, where an image is read row by row


class BadImage(Exception):
    """What is wrong with an image file and how to mend it, as a phrase without the file's name."""


def check(pixel_bytes: int, length: int) -> None:
    """Refuses a file that would become far larger in memory than such files are: a bomb, or a header that is damaged.

    Args:
      pixel_bytes: of all its pixels, by its header.
      length: of the file, in bytes.

    Raises:
      BadImage: it would.
    """
    if pixel_bytes > max(PLAIN, DENSEST * length):
        raise BadImage(
            f"{length:,} bytes that would become {pixel_bytes:,} (a damaged header, or a decompression bomb; if it is "
            "right, cut it into smaller scenes, or save it as TIFF without compression)"
        )
