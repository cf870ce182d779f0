"""Read the roles of a scene that hold classes: zones and fronts.

Masks are grey PNGs as CaFFe has them, drawings from a paint program (see `mask_drawings`), or rasters from a GIS with
class values of their own (see `classes.parse_classes` and `class_numbers`). Where a file has no data, a mask is "not
available".
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2pix_tf.data import classes as zone_classes
from pix2pix_tf.data import validation
from pix2pix_tf.data.classes import VALUES
from pix2pix_tf.data.io import class_numbers, images, mask_drawings, raster


def read_mask(
    path: Path,
    role: str,
    halves: Sequence[str] = (),
    tolerance: int | None = None,
    classes: Sequence[str] | None = None,
    grid: raster.Grid | None = None,
) -> np.ndarray:
    """Read and check the pixels of one mask of one scene.

    Args:
      path: PNG or TIFF.
      role: one of VALUES.
      halves: the roles of the left and the right half of a side-by-side file; else empty.
      tolerance: reads PNGs of zones as drawings, see `mask_drawings.read_mask`; None takes their values as they are.
      classes: meaning of the zone values, see `classes.parse_classes`; None: CaFFe's.
      grid: resample to this grid, by the nearest pixel; None: as the file is.

    Returns:
      uint8 [H, W]; zones have CaFFe's grey values, and "not available" where the file has no data.

    Raises:
      BadImage: the file is damaged or does not fit the role; the text has the cure.
    """
    may_be_drawing = role == "zones" and path.suffix.lower() in images.PNG and not halves
    if may_be_drawing and tolerance is not None:
        return mask_drawings.read_mask(path, tolerance)
    try:
        return _checked(path, role, halves, classes, grid)
    except images.BadImage as error:
        if may_be_drawing and mask_drawings.is_drawing(path):
            raise images.BadImage(f"{error}; or add --as-drawn, which reads it as a drawing") from None
        raise error


def _checked(
    path: Path, role: str, halves: Sequence[str], classes: Sequence[str] | None, grid: raster.Grid | None
) -> np.ndarray:
    if path.suffix.lower() in images.JPEG:
        raise images.BadImage("a JPEG, which blurs the classes of masks (export it as PNG)")
    if path.suffix.lower() in images.PNG:
        images.check_png_header(path, is_mask=True)
    codes = zone_classes.parse_classes(classes) if role == "zones" and classes else {}
    with raster.open_raster(path, whole=True) as source:
        source.unwritten_is_missing = 0 not in codes
        if source.is_jpeg:
            raise images.BadImage("compressed as JPEG, which blurs the classes of masks (export it with deflate)")
        pixels, valid = source.read_on(grid) if grid else source.read()
        if grid and not valid.any():
            raise images.BadImage("nothing of it lies within the SAR image (check the CRS of both)")
        no_data, palette = source.nodata[0], source.colormap()
    if halves:
        pixels, valid = (_half(part, list(halves).index(role)) for part in (pixels, valid))
    if pixels.shape[-1] == 3 and (pixels == pixels[..., :1]).all():
        pixels = pixels[..., :1]  # grey that was saved as three equal channels
    if problem := validation.channel_problem(role, pixels):
        raise images.BadImage(problem)
    pixels, valid = pixels[..., 0], valid.all(axis=-1)
    if no_data in codes:
        valid |= pixels == no_data  # the user's word counts more than the file's
    values, unknown = class_numbers.decode(pixels, valid, class_numbers.meaning(role, codes, palette))
    if not unknown.any():
        return values
    strange = pixels[unknown]
    if codes:
        known = " ".join(f"{value}=..." for value in codes)
        raise images.BadImage(f"the value {strange.min():.10g} is none of --classes {known} (add what it is)")
    problem = validation.class_problem(role, strange)
    raise images.BadImage(f"{problem}{_own_classes(pixels[valid]) if role == 'zones' else ''}")


def _half(pixels: np.ndarray, index: int) -> np.ndarray:
    """Return the left (0) or right (1) half."""
    if pixels.shape[1] % 2:
        raise images.BadImage(f"{pixels.shape[1]} pixels wide, which does not halve (not a side-by-side image?)")
    return np.split(pixels, 2, axis=1)[index]


def _own_classes(pixels: np.ndarray) -> str:
    """Return the cure for a mask of few values that are mostly not CaFFe's; empty for others."""
    values = np.unique(pixels)
    if len(values) > mask_drawings.FEW or 2 * np.isin(values, VALUES["zones"]).sum() > len(values):
        return ""
    codes = " ".join(f"{value:g}=CLASS" for value in values)
    return f"; if these are classes of your own, add --classes {codes}, each CLASS one of na, rock, glacier, ocean"
