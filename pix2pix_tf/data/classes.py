"""The roles of a data set's images, and the classes of zone and front masks.

A zone mask is a grey PNG with the values of the CaFFe benchmark (Gourmelon et al. 2022, ESSD 14, 4287). The ocean class
covers open water and ice melange; "not available" covers radar shadow, layover and pixels outside the swath.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from scipy import ndimage

from pix2pix_tf.utils.errors import UserError

# What arrays of this package hold, where no other shape, type or range is given.
ZoneMask: TypeAlias = np.ndarray  # uint8 [H, W], each value one of ZONE_VALUES
FrontMask: TypeAlias = np.ndarray  # uint8 [H, W], 255 on the calving front, which is one pixel wide, and 0 elsewhere
GreyImage: TypeAlias = np.ndarray  # uint8 [H, W], [0, 255]
ColourImage: TypeAlias = np.ndarray  # uint8 [H, W, 3], sRGB, [0, 255]

NOT_AVAILABLE, ROCK, GLACIER, OCEAN = 0, 64, 127, 254

# The order of the classes is the order of the one-hot channels, in the pipeline and in every export.
ZONE_VALUES = (NOT_AVAILABLE, ROCK, GLACIER, OCEAN)
ZONE_NAMES = ("not available", "rock", "glacier", "ocean")

# sRGB for display: black, vermilion, sky blue, blue. Distinct with any common colour-blindness (Okabe & Ito 2008).
ZONE_COLOURS = ((0, 0, 0), (213, 94, 0), (150, 205, 240), (0, 80, 150))

FRONT_VALUES = (0, 255)
FRONT_THRESHOLD = 0.12  # probability above which a pixel belongs to a front (Gourmelon et al. 2022, published code)

# Role -> channels of its PNGs.
CHANNELS = {"zones": 1, "sar": 1, "fronts": 1, "optical": 3, "elevation": 1, "sar_vv": 1, "sar_vh": 1}

# Role -> its grey values, for roles whose values are classes instead of brightness.
VALUES = {"zones": ZONE_VALUES, "fronts": FRONT_VALUES}


def colour_zones(zones: ZoneMask) -> ColourImage:
    """Colour a zone mask for display; values that are no class become white, so that errors are visible."""
    palette = np.full((256, 3), 255, np.uint8)
    palette[list(ZONE_VALUES)] = ZONE_COLOURS
    return palette[zones]


def parse_classes(words: Sequence[str]) -> dict[int, int]:
    """Parse the class of each value of a mask that has values of its own.

    Args:
      words: one VALUE=CLASS each, such as "1=rock". The classes are na (not available), rock, glacier and ocean;
        several values may map to the same class.

    Returns:
      The mask's values and the CaFFe grey value of each.

    Raises:
      UserError: a word has another form, or a value has two classes.
    """
    known = {"na": NOT_AVAILABLE, **dict(zip(ZONE_NAMES[1:], ZONE_VALUES[1:], strict=True))}
    codes: dict[int, int] = {}
    for word in words:
        text, _, name = word.partition("=")
        # GIS programs write 1.0 and -9999 as well.
        value = int(float(text)) if re.fullmatch(r"-?\d{1,15}(\.0*)?", text) else None
        if value is None or name not in known or value in codes:
            raise UserError(
                f"--classes {word}: give VALUE=CLASS for each value once, such as 1=rock; the classes are "
                f"{', '.join(known)}."
            )
        codes[value] = known[name]
    return codes


def recode(pixels: np.ndarray, codes: Mapping[int, int]) -> ZoneMask:
    """Convert a mask with values of its own to CaFFe's grey values.

    Args:
      pixels: any number type, [H, W].
      codes: from `parse_classes`; it contains every value of the mask.
    """
    zones = np.zeros(pixels.shape, np.uint8)
    for value, grey in codes.items():
        zones[pixels == value] = grey
    return zones


def front_of(zones: ZoneMask) -> FrontMask:
    """Return the calving front: each ocean pixel that has a glacier pixel among its 4 neighbours."""
    beside_glacier = ndimage.binary_dilation(zones == GLACIER)  # the default structure is the 4-neighbourhood
    return np.where((zones == OCEAN) & beside_glacier, 255, 0).astype(np.uint8)
