"""Sheets of masks and images as figures."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pix2pix_tf.data import visualization
from pix2pix_tf.data.classes import ZONE_VALUES
from pix2pix_tf.data.io.images import to_pixels
from pix2pix_tf.utils.errors import UserError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 100  # of the figure: a pixel of the sheet is a pixel of the figure
FLOATS = "float32 from -1 to 1"


def plot(columns: Mapping[str, Any], title: str = "", captions: Sequence[str] = ()) -> "Figure":
    """Draw masks and images side by side, without interpolation.

    Args:
      columns: images by their heading, such as {"mask": mask, "image": image}: uint8 or uint16 [H, W] or [H, W, 3],
        float32 from -1 to 1, or bool, such as a front; zone masks take the colours of their classes. A list or an array
        [N, H, W] is a column of several. All columns have as many images, all of one size.
      title: above the sheet.
      captions: names of the rows.

    Returns:
      A figure that a notebook shows; `.savefig("sheet.png")` writes it.

    Raises:
      UserError: columns of different length, images of different sizes, or no image.

    >>> import numpy as np
    >>> mask = np.full((64, 64), 254, np.uint8)
    >>> figure = plot({"mask": [mask, mask], "front": [mask == 0, mask == 0]}, title="an open sea")
    >>> figure.savefig("sheet.png")
    """
    if not columns:
        raise UserError("plot takes columns, such as {'mask': mask, 'image': image}.")
    drawn, has_zones = [], False
    for heading, images in columns.items():
        listed = _listed(images)
        zones = [_is_zone_mask(image) for image in listed]
        has_zones |= any(zones)
        shown = [_for_display(image, one, heading) for image, one in zip(listed, zones, strict=True)]
        drawn.append((str(heading), shown))
    try:
        sheet = visualization.draw_grid(drawn, title, has_zones, captions)
    except ValueError as error:
        raise UserError(f"plot: {error}") from None
    return _figure(np.asarray(sheet))


def _listed(images: Any) -> list[np.ndarray]:
    if isinstance(images, list | tuple):
        return [np.asarray(image) for image in images]
    array = np.asarray(images)
    several = array.ndim == 4 or (array.ndim == 3 and array.shape[2] not in (1, 3))
    return list(array) if several else [array]


def _is_zone_mask(image: np.ndarray) -> bool:
    return image.dtype == np.uint8 and image.ndim == 2 and bool(np.isin(image, ZONE_VALUES).all())


def _for_display(image: np.ndarray, is_zones: bool, heading: str) -> np.ndarray:
    """Return uint8 [H, W] or [H, W, 3]."""
    if image.dtype == bool:
        image = np.where(image, np.uint8(255), np.uint8(0))
    elif image.dtype.kind == "f":
        image = to_pixels(image)
    if image.dtype not in (np.uint8, np.uint16) or image.ndim not in (2, 3):
        raise UserError(
            f"plot: {heading} is an array of {image.dtype} and {image.ndim} axes; it takes uint8, uint16, {FLOATS}, or "
            "bool, [H, W] or [H, W, 3]."
        )
    image = image[..., np.newaxis] if image.ndim == 2 else image
    return visualization.for_display("zones" if is_zones else "", image[np.newaxis])[0]


def _figure(pixels: np.ndarray) -> "Figure":
    """Return a figure of the size of its pixels."""
    from matplotlib import pyplot  # half a second

    height, width = pixels.shape[:2]
    figure = pyplot.figure(figsize=(width / DPI, height / DPI), dpi=DPI)
    axes = figure.add_axes((0, 0, 1, 1))  # all of it, at every resolution that savefig is given
    axes.imshow(pixels, aspect="auto")
    axes.set_axis_off()
    pyplot.close(figure)  # a notebook shows what a cell returns, and would show an open figure once more
    return figure
