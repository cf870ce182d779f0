"""Zone masks: the four classes of a glacier scene, and what follows from them.

A zone mask is a grey PNG with the values of the CaFFe benchmark (Gourmelon et al. 2022, ESSD 14, 4287). The ocean
class holds open water and ice melange alike; "not available" is radar shadow, layover and what the swath missed.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from pix2pix_tf.utils.errors import UserError

NOT_AVAILABLE, ROCK, GLACIER, OCEAN = 0, 64, 127, 254

# The order of the classes is the order of the one-hot channels, in the pipeline and in every export.
ZONE_VALUES = (NOT_AVAILABLE, ROCK, GLACIER, OCEAN)
ZONE_NAMES = ("not available", "rock", "glacier", "ocean")

# sRGB for display, told apart with any common colour-blindness (Okabe & Ito 2008): black, vermilion, sky blue, blue.
ZONE_COLOURS = ((0, 0, 0), (213, 94, 0), (150, 205, 240), (0, 80, 150))

FRONT_VALUES = (0, 255)
FRONT_THRESHOLD = 0.12  # probability above which a pixel belongs to a front (Gourmelon et al. 2022, published code)


def colour_zones(zones: np.ndarray) -> np.ndarray:
    """Paints a zone mask for the eye.

    Args:
      zones: uint8 [H, W], CaFFe grey values; any other value comes out white, so that an error is seen.

    Returns:
      uint8 [H, W, 3], sRGB.
    """
    palette = np.full((256, 3), 255, np.uint8)
    palette[list(ZONE_VALUES)] = ZONE_COLOURS
    return palette[zones]


def codes_of(words: Sequence[str]) -> dict[int, int]:
    """What the values of a mask with classes of its own mean.

    Args:
      words: VALUE=CLASS each, such as "1=rock"; the classes are na (not available), rock, glacier and ocean, and
        several values may be of one class.

    Returns:
      CaFFe's grey value for each value.

    Raises:
      UserError: a word says something else, or a value has two classes.
    """
    known = {"na": NOT_AVAILABLE, **dict(zip(ZONE_NAMES[1:], ZONE_VALUES[1:], strict=True))}
    codes: dict[int, int] = {}
    for word in words:
        value, _, name = word.partition("=")
        if not value.isdecimal() or name not in known or int(value) in codes:
            raise UserError(
                f"--classes {word}: give VALUE=CLASS for each value once, such as 1=rock; the classes are "
                f"{', '.join(known)}."
            )
        codes[int(value)] = known[name]
    return codes


def recoded(pixels: np.ndarray, codes: Mapping[int, int]) -> np.ndarray:
    """Gives a mask CaFFe's grey values.

    Args:
      pixels: numbers, [H, W].
      codes: from `codes_of`; each value of the mask is in it.

    Returns:
      uint8 [H, W].
    """
    zones = np.zeros(pixels.shape, np.uint8)
    for value, grey in codes.items():
        zones[pixels == value] = grey
    return zones


def front_of(zones: np.ndarray) -> np.ndarray:
    """Marks the calving front: each ocean pixel that has a glacier pixel among its 4 neighbours.

    Args:
      zones: uint8 [H, W], CaFFe grey values.

    Returns:
      uint8 [H, W], 255 on the front, 0 elsewhere.
    """
    beside_glacier = ndimage.binary_dilation(zones == GLACIER)  # the default structure is the 4-neighbourhood
    return np.where((zones == OCEAN) & beside_glacier, 255, 0).astype(np.uint8)
