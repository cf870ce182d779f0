"""Masks as people draw them: pictures from a paint program, read as zones.

A picture is read by grey value (0, 64, 127, 254), or by the colours in which this program shows zones. Brushes smooth
their rims: such pixels lie between two classes in colour and in place, and become the nearer of the two. What else
is no class is an error, for nobody can tell what was meant.
"""

from itertools import combinations
from pathlib import Path

import numpy as np
from scipy import ndimage

from pix2pix_tf.data.classes import NOT_AVAILABLE, ZONE_COLOURS, ZONE_NAMES, ZONE_VALUES
from pix2pix_tf.data.io import images

TOLERANCE = 16  # in each channel, of 255: what a paint program's colour management may change
RIM = 2  # pixels: how far a smoothed rim may lie from what it belongs to
REACH = 8  # rows: a pixel's class hangs on none farther away, by twice RIM and what finds the solid ones
STRIP = 128  # rows that are looked at together, in some 100 bytes a pixel
FAINT = 1 / 3  # share of a colour in a mixture, up to which it is a stain on the other one
FEW = 8  # values that a mask with classes of its own may have; one with soft rims has more
GREYISH = 8  # channels that differ by no more are a grey picture that was saved in colour

_VALUES = np.array(ZONE_VALUES, np.uint8)


def read_mask(path: Path, tolerance: int = TOLERANCE) -> np.ndarray:
    """Reads a zone mask from a PNG, whatever a paint program made of it.

    Args:
      path: grey, RGB or palette, with or without transparency. What is transparent was not drawn: "not available".
      tolerance: how far a pixel may be from a class in each channel, of 255.

    Returns:
      uint8 [H, W], CaFFe grey values.

    Raises:
      BadImage: the file is no whole PNG, or pixels are no class: how many, where the first is, and the cure.
    """
    pixels, opaque = images.read_painted(path)
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
    zones, strange = np.empty(pixels.shape[:2], np.uint8), np.zeros(pixels.shape[:2], bool)
    for row in range(0, len(pixels), STRIP):
        above = min(row, REACH)
        inside = slice(above, above + STRIP)
        strip = pixels[row - above : row + STRIP + REACH].astype(np.int16)
        classes, odd = nearest_classes(strip, palette, tolerance)
        zones[row : row + STRIP], strange[row : row + STRIP] = _VALUES[classes[inside]], odd[inside]
    if strange.any():
        raise images.BadImage(_complaint(pixels, strange, len(palette[0]) == 1, tolerance))
    return zones


def is_drawing(path: Path) -> bool:
    """Whether `read_mask` can read a file, and it is not just a grey mask with other values, such as 1, 2, 3."""
    try:
        read_mask(path)
    except images.BadImage:
        return False
    pixels, _ = images.read_painted(path)
    values = np.unique(pixels[..., 0])
    return not _is_grey(pixels) or len(values) > FEW or bool(np.isin(values, ZONE_VALUES).all())


def _is_grey(pixels: np.ndarray) -> bool:
    """Of uint8 [H, W, 3]: whether it is a grey picture, whatever it was saved as."""
    red, green, blue = np.moveaxis(pixels, 2, 0)  # numpy takes ten times as long along an axis of three
    most, least = (choose(choose(red, green), blue) for choose in (np.maximum, np.minimum))
    return bool((most - least <= GREYISH).all())


def nearest_classes(pixels: np.ndarray, palette: np.ndarray, tolerance: int) -> tuple[np.ndarray, np.ndarray]:
    """Finds the class of each pixel, also on the smoothed rims between two classes.

    Args:
      pixels: int [H, W, C], [0, 255].
      palette: int [K, C], the classes' values.
      tolerance: how far a pixel may be from its class in each channel.

    Returns:
      int [H, W], the place of each pixel's class in the palette; bool [H, W], true where that is only a guess, as the
      pixel is neither a class nor between two that are near.
    """
    apart = [np.abs(pixels - colour).max(axis=2) for colour in palette.astype(pixels.dtype)]
    least = np.minimum.reduce(apart)
    classes, clear = np.zeros(least.shape, int), least <= tolerance
    for k in reversed(range(len(palette))):  # of classes as near as each other the first
        classes[apart[k] == least] = k
    if clear.all():
        return classes, ~clear
    # A rim from one class to another may pass the colour of a third. Such pixels are thin and lie on the rim.
    solid = np.any(
        [ndimage.binary_opening((classes == k) & clear, np.ones((2, 2))) for k in range(len(palette))], axis=0
    )
    firm = clear & (solid | ~ndimage.binary_dilation(~clear, np.ones((3, 3))))
    strange = ~clear
    for sure, asked in ((firm, ~firm), (clear, strange)):  # what nothing firm explains, a thin stroke may
        rows, columns = np.nonzero(asked)
        near = np.stack([_grown(sure & (classes == k)) for k in range(len(palette))])[:, rows, columns]
        found, between = _between(pixels[rows, columns], palette, near, tolerance)
        classes[rows, columns] = np.where(between, found, classes[rows, columns])
        strange[rows, columns] &= ~between
    return classes, strange


def _grown(mask: np.ndarray) -> np.ndarray:
    """bool [H, W]: a mask and all within RIM of it."""
    return ndimage.binary_dilation(mask, np.ones((2 * RIM + 1, 2 * RIM + 1)))


def _between(
    pixels: np.ndarray, palette: np.ndarray, near: np.ndarray, tolerance: int
) -> tuple[np.ndarray, np.ndarray]:
    """For pixels int [P, C]: the nearer of the two classes that each is a mixture of, and whether there are two.

    Both must be `near`, bool [K, P]; of a FAINT mixture the stronger alone, for the other may be a hair thinner than a
    pixel. Where several pairs fit, the two that are most alike are taken.
    """
    best, found = np.full(len(pixels), np.inf), np.zeros(len(pixels), int)
    for one, other in combinations(range(len(palette)), 2):
        way = palette[other] - palette[one]
        share = np.clip((pixels - palette[one]) @ way / (way @ way), 0, 1)
        off = np.abs(pixels - palette[one] - share[:, None] * way).max(axis=1)
        beside = (near[one] & near[other]) | (near[one] & (share <= FAINT)) | (near[other] & (share >= 1 - FAINT))
        fits = beside & (off <= tolerance) & (np.linalg.norm(way) < best)
        best[fits] = np.linalg.norm(way)
        found[fits] = np.where(share < 0.5, one, other)[fits]
    return found, np.isfinite(best)


def _complaint(pixels: np.ndarray, strange: np.ndarray, grey: bool, tolerance: int) -> str:
    row, column = np.argwhere(strange)[0]
    values = pixels[row, column]
    shown = f"grey {values[0]}" if grey else "colour #" + "".join(f"{value:02x}" for value in values)
    wanted = ", ".join(
        f"{name} {value}" if grey else f"{name} #" + "".join(f"{part:02x}" for part in colour)
        for name, value, colour in zip(ZONE_NAMES, ZONE_VALUES, ZONE_COLOURS, strict=True)
    )
    return (
        f"{np.count_nonzero(strange)} pixels are no class, the first at row {row}, column {column} ({shown}). Paint "
        f"with {wanted}, or allow more than --tolerance {tolerance}"
    )
