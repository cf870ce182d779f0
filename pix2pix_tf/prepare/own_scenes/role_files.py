"""One role of one scene: the pixels of the user's file, once they are found to be what the role takes.

Zones are masks that people made: grey PNGs as CaFFe has them, drawings from a paint program (see `drawn`), or rasters
from a GIS with class numbers of their own (see `masks.parse_classes`).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.data import classes as zone_classes
from pix2pix_tf.data import validation
from pix2pix_tf.data.classes import CHANNELS, VALUES
from pix2pix_tf.data.io import images, mask_drawings


def read_role(
    path: Path,
    role: str,
    halves: Sequence[str] = (),
    tolerance: int | None = None,
    classes: Sequence[str] | None = None,
) -> np.ndarray:
    """Reads the pixels of a role.

    Args:
      path: PNG, TIFF or JPEG.
      role: one of CHANNELS.
      halves: the roles of the left and the right half, where the file has two; else empty.
      tolerance: reads PNGs of zones as drawings, see `drawn.read_mask`; None takes their values as they are.
      classes: what the values of zones mean, see `masks.parse_classes`; None: they are CaFFe's.

    Returns:
      [H, W] or [H, W, 3], dtype as in the file; zones have CaFFe's grey values.

    Raises:
      BadImage: the file is damaged or does not fit the role; the text has the cure.
    """
    may_be_drawn = role == "zones" and path.suffix.lower() in images.PNG and not halves
    if may_be_drawn and tolerance is not None:
        return mask_drawings.read_mask(path, tolerance)
    try:
        return _checked(path, role, halves, classes)
    except images.BadImage as error:
        if may_be_drawn and mask_drawings.is_drawing(path):
            raise images.BadImage(f"{error}; or add --as-drawn, which reads it as a drawing") from None
        raise error


def _checked(path: Path, role: str, halves: Sequence[str], classes: Sequence[str] | None) -> np.ndarray:
    if path.suffix.lower() in images.JPEG and VALUES.keys() & (halves or {role}):
        raise images.BadImage("a JPEG, which blurs the classes of masks (export it as PNG)")
    pixels = images.read(path)
    if halves:
        pixels = _half(pixels, role, list(halves).index(role))
    problem = validation.channel_problem(role, pixels)
    if not problem and role == "zones" and classes:
        pixels = _recoded(pixels, classes)
    problem = problem or validation.class_problem(role, pixels)
    if problem:
        raise images.BadImage(problem + (_own_classes(pixels) if role == "zones" and pixels.ndim == 2 else ""))
    return pixels


def _half(pixels: np.ndarray, role: str, index: int) -> np.ndarray:
    """The left (0) or right (1) half; a grey role may be stored as colour, because its other half needs it."""
    if pixels.shape[1] % 2:
        raise images.BadImage(f"{pixels.shape[1]} pixels wide, which does not halve (not a side-by-side image?)")
    half = np.split(pixels, 2, axis=1)[index]
    if half.ndim == 2 and CHANNELS[role] == 3:
        return np.repeat(half[..., None], 3, axis=2)
    if half.ndim == 3 and CHANNELS[role] == 1 and (half == half[..., :1]).all():
        return half[..., 0]
    return half


def _recoded(pixels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    codes = zone_classes.parse_classes(classes)
    strange = np.unique(pixels[~np.isin(pixels, list(codes))])
    if strange.size:
        raise images.BadImage(f"the value {strange[0]:g} is none of --classes {' '.join(classes)} (add what it is)")
    return zone_classes.recode(pixels, codes)


def _own_classes(pixels: np.ndarray) -> str:
    """The cure for a mask whose few values are not CaFFe's in the main; empty for others."""
    values = np.unique(pixels)
    if len(values) > mask_drawings.FEW or 2 * np.isin(values, VALUES["zones"]).sum() > len(values):
        return ""
    codes = " ".join(f"{value:g}=CLASS" for value in values)
    return f"; if these are classes of your own, add --classes {codes}, each CLASS one of na, rock, glacier, ocean"
