"""Reads hand-drawn zone masks from the images of drawing programs.

An image has the grey values (0, 64, 127, 254) or the display colours of the zones. Brushes smooth their edges: such
pixels lie between two classes in colour and in position, and become the nearer of the two. Any other pixel is an error,
as its class is ambiguous.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
from scipy import ndimage

from pix2pix_tf.data.classes import NOT_AVAILABLE, ZONE_COLOURS, ZONE_NAMES, ZONE_VALUES, ZoneMask
from pix2pix_tf.data.io import images

TOLERANCE = 16  # in each channel, of 255: change of a colour by the colour management of a drawing program
RIM = 2  # pixels: largest distance of a smoothed pixel from its class
REACH = 8  # rows: a pixel's class depends on no pixel farther away, by twice RIM and the test for solid areas
STRIP = 128  # rows that are processed together, in some 100 bytes a pixel
FAINT = 1 / 3  # proportion of a colour in a mixture up to which the other colour alone may be near
FEW = 8  # values that a mask with classes of its own may have; one with smoothed edges has more
GREYISH = 8  # channels that differ by no more make a grey image that was saved in colour

_VALUES = np.array(ZONE_VALUES, np.uint8)


def read_mask(path: Path, tolerance: int = TOLERANCE) -> ZoneMask:
    """Read a zone mask from a PNG of a drawing program.

    Args:
      path: grey, RGB or palette, with or without transparency. Transparent pixels become "not available".
      tolerance: largest distance of a pixel from its class in each channel, of 255.

    Raises:
      BadImage: the PNG is truncated or damaged, or pixels have no class: their number, the first position, the cure.
    """
    pixels, opaque = images.read_drawing(path)
    if _is_grey(pixels):
        if opaque.any() and 0 < pixels[opaque].max() <= tolerance:
            raise images.BadImage(
                f"no grey value above {pixels[opaque].max()}, so that all would be {ZONE_NAMES[0]} (if these are "
                "classes of your own, see prepare folder --classes)"
            )
        palette, pixels = _VALUES[:, None].astype(int), pixels[..., :1]
    else:
        palette = np.array(ZONE_COLOURS)
    if not opaque.all():
        pixels[~opaque] = palette[ZONE_VALUES.index(NOT_AVAILABLE)]
    zones, invalid = np.empty(pixels.shape[:2], np.uint8), np.zeros(pixels.shape[:2], bool)
    for row in range(0, len(pixels), STRIP):
        above = min(row, REACH)
        inside = slice(above, above + STRIP)
        strip = pixels[row - above : row + STRIP + REACH].astype(np.int16)
        classes, unclear = nearest_classes(strip, palette, tolerance)
        zones[row : row + STRIP], invalid[row : row + STRIP] = _VALUES[classes[inside]], unclear[inside]
    if invalid.any():
        raise images.BadImage(_describe(pixels, invalid, len(palette[0]) == 1, tolerance))
    return zones


def is_drawing(path: Path) -> bool:
    """Return True if `read_mask` can read a file, and it is not a grey mask with other values, such as 1, 2, 3."""
    try:
        read_mask(path)
    except images.BadImage:
        return False
    pixels, _ = images.read_drawing(path)
    values = np.unique(pixels[..., 0])
    return not _is_grey(pixels) or len(values) > FEW or bool(np.isin(values, ZONE_VALUES).all())


def _is_grey(pixels: np.ndarray) -> bool:
    """Return True if an image, uint8 [H, W, 3], has only greys."""
    red, green, blue = np.moveaxis(pixels, 2, 0)  # numpy takes ten times as long along an axis of three
    most, least = (choose(choose(red, green), blue) for choose in (np.maximum, np.minimum))
    return bool((most - least <= GREYISH).all())


def nearest_classes(pixels: np.ndarray, palette: np.ndarray, tolerance: int) -> tuple[np.ndarray, np.ndarray]:
    """Classify each pixel, also on smoothed edges between two classes.

    Args:
      pixels: int [H, W, C], [0, 255].
      palette: int [K, C], the classes' values.
      tolerance: largest distance of a pixel from its class in each channel.

    Returns:
      int [H, W], the index of each pixel's class in the palette; bool [H, W], True where the class is uncertain: the
      pixel is neither a class nor between two nearby classes.
    """
    apart = [np.abs(pixels - colour).max(axis=2) for colour in palette.astype(pixels.dtype)]
    least = np.minimum.reduce(apart)
    classes, clear = np.zeros(least.shape, int), least <= tolerance
    for k in reversed(range(len(palette))):  # of equally near classes the first wins
        classes[apart[k] == least] = k
    if clear.all():
        return classes, ~clear
    # An edge from one class to another may pass the colour of a third. Such pixels are thin, and on the edge.
    solid = np.any(
        [ndimage.binary_opening((classes == k) & clear, np.ones((2, 2))) for k in range(len(palette))], axis=0
    )
    firm = clear & (solid | ~ndimage.binary_dilation(~clear, np.ones((3, 3))))
    uncertain = ~clear
    for certain, rest in ((firm, ~firm), (clear, uncertain)):  # thin strokes explain pixels that firm areas do not
        rows, columns = np.nonzero(rest)
        near = np.stack([_dilate(certain & (classes == k)) for k in range(len(palette))])[:, rows, columns]
        mixed, between = _between(pixels[rows, columns], palette, near, tolerance)
        classes[rows, columns] = np.where(between, mixed, classes[rows, columns])
        uncertain[rows, columns] &= ~between
    return classes, uncertain


def _dilate(mask: np.ndarray) -> np.ndarray:
    """Dilate a mask, bool [H, W], by RIM pixels."""
    return ndimage.binary_dilation(mask, np.ones((2 * RIM + 1, 2 * RIM + 1)))


def _between(
    pixels: np.ndarray, palette: np.ndarray, near: np.ndarray, tolerance: int
) -> tuple[np.ndarray, np.ndarray]:
    """Find the pair of classes that each pixel, int [P, C], is a mixture of.

    Both classes must be `near`, bool [K, P]; of a FAINT mixture only the stronger one, as the area of the other may be
    thinner than a pixel. If several pairs fit, the pair with the most similar colours wins.

    Returns:
      int [P], the nearer class of the pair; bool [P], True where a pair fits.
    """
    best, nearer = np.full(len(pixels), np.inf), np.zeros(len(pixels), int)
    for one, other in combinations(range(len(palette)), 2):
        line = palette[other] - palette[one]
        share = np.clip((pixels - palette[one]) @ line / (line @ line), 0, 1)
        off = np.abs(pixels - palette[one] - share[:, None] * line).max(axis=1)
        beside = (near[one] & near[other]) | (near[one] & (share <= FAINT)) | (near[other] & (share >= 1 - FAINT))
        fits = beside & (off <= tolerance) & (np.linalg.norm(line) < best)
        best[fits] = np.linalg.norm(line)
        nearer[fits] = np.where(share < 0.5, one, other)[fits]
    return nearer, np.isfinite(best)


def _describe(pixels: np.ndarray, invalid: np.ndarray, grey: bool, tolerance: int) -> str:
    row, column = np.argwhere(invalid)[0]
    values = pixels[row, column]
    first = f"grey {values[0]}" if grey else "colour #" + "".join(f"{value:02x}" for value in values)
    valid = ", ".join(
        f"{name} {value}" if grey else f"{name} #" + "".join(f"{part:02x}" for part in colour)
        for name, value, colour in zip(ZONE_NAMES, ZONE_VALUES, ZONE_COLOURS, strict=True)
    )
    return (
        f"{np.count_nonzero(invalid)} pixels are no class, the first at row {row}, column {column} ({first}). Paint "
        f"with {valid}, or allow more than --tolerance {tolerance}"
    )
