"""Zone masks: the four classes of a glacier scene, and what follows from them.

A zone mask is a grey PNG with the values of the CaFFe benchmark (Gourmelon et al. 2022, ESSD 14, 4287). The ocean
class holds open water and ice melange alike; "not available" is radar shadow, layover and what the swath missed.
"""

import numpy as np
from scipy import ndimage

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


def front_of(zones: np.ndarray) -> np.ndarray:
    """Marks the calving front: each ocean pixel that has a glacier pixel among its 4 neighbours.

    Args:
      zones: uint8 [H, W], CaFFe grey values.

    Returns:
      uint8 [H, W], 255 on the front, 0 elsewhere.
    """
    beside_glacier = ndimage.binary_dilation(zones == GLACIER)  # the default structure is the 4-neighbourhood
    return np.where((zones == OCEAN) & beside_glacier, 255, 0).astype(np.uint8)
