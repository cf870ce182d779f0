"""Class numbers of masks as GIS programs save them, and the classes that they mean.

Numbers are of any type. A palette image holds the numbers of its colours: they mean what --classes says, else what the
display colours or CaFFe's grey values among the colours say.
"""

from collections.abc import Mapping

import numpy as np

from pix2pix_tf.data.classes import FRONT_VALUES, NOT_AVAILABLE, ZONE_COLOURS, ZONE_VALUES
from pix2pix_tf.data.io.limits import BadImage
from pix2pix_tf.data.io.mask_drawings import TOLERANCE

BRIGHT = 127  # of 255: a brighter number of a palette is a front
FILLED = 256  # colours of a palette in a TIFF, of which any number may be in use
Palette = Mapping[int, tuple[int, ...]]  # RGB or RGBA, 0 to 255, of each number


def meaning(role: str, codes: Mapping[int, int] | None = None, palette: Palette | None = None) -> dict[int, int]:
    """Return the value of the role that each number stands for.

    Args:
      role: one of `classes.VALUES`.
      codes: for zones, as from `classes.parse_classes`; they count alone. None: the role's own values.
      palette: of a palette image.

    Raises:
      BadImage: the colours of fronts contradict their numbers.
    """
    colours = {number: colour[:3] for number, colour in (palette or {}).items()}
    if role == "fronts":  # 1: of a mask of one bit
        bright = [number for number, colour in colours.items() if number and min(colour) > BRIGHT]
        is_filled = colours.get(254) == (0, 0, 0)
        dark = [n for n in (1, 255) if n in colours and max(colours[n]) <= BRIGHT and not (n == 255 and is_filled)]
        if dark and min(colours.get(0, (0,))) > BRIGHT:
            raise BadImage(
                f"its colours show 0 as bright and {dark[0]} as dark, so that the front is in doubt (save it as grey, "
                "255 on the front, else 0)"
            )
        return {FRONT_VALUES[0]: 0, 1: 255, 255: 255} | dict.fromkeys(bright, 255)
    if codes:
        return dict(codes)
    own = dict(zip(ZONE_VALUES, ZONE_VALUES, strict=True))
    shown = {number: value for number, colour in colours.items() if (value := _class_of(colour)) is not None}
    last = max((number for number, colour in colours.items() if max(colour) > TOLERANCE), default=-1)
    # Black is "not available", or a number without a colour of its own: GDAL fills palettes of TIFFs with black.
    is_filled = len(colours) == FILLED
    black = {
        number
        for number, value in shown.items()
        if value == NOT_AVAILABLE and (number in own or (is_filled and number > last))
    }
    return own | {number: value for number, value in shown.items() if number not in black}


def _class_of(colour: tuple[int, ...]) -> int | None:
    """Return the class whose display colour or grey value is nearest to a colour; None where none is near."""
    samples = np.array([*ZONE_COLOURS, *([value] * 3 for value in ZONE_VALUES)])
    apart = np.abs(samples - colour).max(axis=1)
    return ZONE_VALUES[int(apart.argmin()) % len(ZONE_VALUES)] if apart.min() <= TOLERANCE else None


def decode(pixels: np.ndarray, valid: np.ndarray, means: Mapping[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Convert numbers to values of a role.

    Args:
      pixels: any real number type, any shape.
      valid: bool, the same shape; other pixels become 0, in zones "not available".
      means: from `meaning`.

    Returns:
      uint8, the same shape; bool, True where a number means nothing.
    """
    values, known = np.zeros(pixels.shape, np.uint8), ~valid
    for number, value in means.items():
        same = (pixels == number) & valid
        values[same] = value
        known |= same
    return values, ~known
