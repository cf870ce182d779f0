"""The classes of a zone mask: their grey values, names and colours.

>>> import numpy as np
>>> from pix2pix_tf import zones
>>> list(zip(zones.VALUES, zones.NAMES))
[(0, 'not available'), (64, 'rock'), (127, 'glacier'), (254, 'ocean')]
>>> zones.colour(np.array([[zones.ROCK, zones.OCEAN]], np.uint8)).tolist()
[[[213, 94, 0], [0, 80, 150]]]
>>> zones.recode(np.array([[1, 2, 2]]), {1: "rock", 2: "glacier"}).tolist()
[[64, 127, 127]]
"""

from collections.abc import Mapping

import numpy as np

from pix2pix_tf.data import classes
from pix2pix_tf.data.classes import GLACIER, NOT_AVAILABLE, OCEAN, ROCK, ColourImage, ZoneMask
from pix2pix_tf.utils.errors import UserError

__all__ = ["COLOURS", "GLACIER", "NAMES", "NOT_AVAILABLE", "OCEAN", "ROCK", "VALUES", "colour", "recode"]

VALUES = classes.ZONE_VALUES  # grey values, in the order of a segmenter's probabilities
NAMES = classes.ZONE_NAMES  # of the values, in the same order
COLOURS = classes.ZONE_COLOURS  # sRGB, likewise


def colour(mask: ZoneMask) -> ColourImage:
    """Colour a zone mask for display; values that are no class become white.

    Args:
      mask: uint8 [H, W], values of VALUES.

    Returns:
      uint8 [H, W, 3], sRGB.
    """
    return classes.colour_zones(np.asarray(mask))


def recode(mask: np.ndarray, meaning: Mapping[int, str]) -> ZoneMask:
    """Convert a mask with class numbers of its own.

    Args:
      mask: any number type, [H, W].
      meaning: class of each number: "na" (not available), "rock", "glacier" or "ocean".

    Returns:
      uint8 [H, W], values of VALUES.

    Raises:
      UserError: an unknown class, or a number of the mask without a meaning.
    """
    codes = classes.parse_classes([f"{number}={name}" for number, name in meaning.items()])
    mask = np.asarray(mask)
    unknown = np.setdiff1d(mask, list(codes))
    if unknown.size:
        number = f"{unknown[0]:g}"
        raise UserError(f'The mask has the number {number}, which has no meaning here: add {number}: "rock" or such.')
    return classes.recode(mask, codes)
