"""Draws one or two fronts and the bounding box of the evaluation over a SAR image."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from pix2pix_tf.data.classes import ColourImage, GreyImage
from pix2pix_tf.data.visualization import GAP, HEADING, INK, MARGIN, PAPER, TITLE, fitting, font
from pix2pix_tf.fronts.postprocessing import Front
from pix2pix_tf.utils import files

LONGEST = 1280  # pixels: the longer side of a drawn scene, at most
NARROWEST = 640  # pixels: the width of a picture without its margins, at least, for title and legend
LINE = 3  # pixels: width of a drawn front
FRAME, DASH = 2, 8  # pixels: width and dashes of the box
ARROW = 56  # pixels: length of the north arrow
SWATCH = (16, 28)  # pixels: height and width of a colour sample in the legend

# sRGB, after the blue, vermilion and yellow of Okabe & Ito (2008): distinct with any common colour-blindness.
TRUE, PREDICTED, BOTH = (0, 140, 255), (213, 94, 0), (255, 245, 0)
NAMES = ("predicted front", "true front")
LIGHT, DARK = (255, 255, 255), (0, 0, 0)  # alternating dashes of the box, visible on any background
GROUND = (90, 90, 90)  # the grey of a SAR image, for the legend


def draw(
    path: Path,
    sar: GreyImage,
    predicted: Front | None,
    true: Front | None,
    box: Sequence[float] | None,
    metres_per_pixel: float | None,
    title: str,
    names: tuple[str, str] = NAMES,
    north: float | None = None,
) -> None:
    """Draw a scene with its fronts, a legend, a scale bar and a north arrow.

    Small scenes are enlarged by a whole number, so that speckle stays speckle; large ones are reduced by averaging.
    Fronts have the same width in all. Where the two fronts coincide, they have a third colour.

    Args:
      path: the PNG to write.
      sar: the scene.
      predicted: of the scene's shape; None draws none.
      true: likewise; it may be the front of a second network, by `names`.
      box: row_from, row_to, column_from, column_to, the ends excluded; drawn as far as it lies in the scene.
      metres_per_pixel: for the scale bar, which counts pixels where it is None.
      title: one line; a long one is shrunk, then cut.
      names: of the two fronts, in the legend.
      north: direction of north, degrees clockwise from the top of the picture; None draws no arrow.

    Raises:
      ValueError: a front does not have the shape of the scene.
    """
    for front in (predicted, true):
        if front is not None and front.shape != sar.shape:
            raise ValueError(f"A front of {front.shape} does not lie on a scene of {sar.shape}.")
    picture = scale_for_display(sar)
    scale = picture.shape[0] / sar.shape[0], picture.shape[1] / sar.shape[1]
    if box is not None:
        _draw_box(picture, box, scale)
    lines = [None if front is None else _thick(front, picture.shape[:2], scale) for front in (true, predicted)]
    both = _draw_lines(picture, lines)
    legend = [
        (_swatch(TRUE), _entry(names[1], true)),
        (_swatch(PREDICTED), _entry(names[0], predicted)),
        (_swatch(BOTH), "both on the same spot" if both else None),
        (_swatch(None), None if box is None else "box of the evaluation"),
    ]
    bar = scale_bar(max(picture.shape[1], NARROWEST) / 5, scale[1], metres_per_pixel)
    if north is not None:
        picture = _with_arrow(picture, north)
    with files.atomic_write(path) as temporary:
        _page(picture, title, [(swatch, name) for swatch, name in legend if name], bar).save(temporary, format="PNG")


def _draw_lines(picture: ColourImage, lines: Sequence[np.ndarray | None]) -> bool:
    """Draw the true and the predicted front, bool [H, W] or None, into a picture; True where there are both."""
    for line in lines:
        if line is not None:
            picture[ndimage.binary_dilation(line, np.ones((3, 3)))] = DARK  # a dark edge, visible on bright background
    for line, colour in zip(lines, (TRUE, PREDICTED), strict=True):
        if line is not None:
            picture[line] = colour
    present = [line for line in lines if line is not None and line.any()]
    if len(present) == 2:
        picture[present[0] & present[1]] = BOTH
    return len(present) == 2


def scale_for_display(sar: GreyImage) -> ColourImage:
    """Return a scene at the size at which it is drawn, its longer side `LONGEST` at most."""
    image, longer = Image.fromarray(sar), max(sar.shape)
    if longer <= LONGEST:
        zoom = LONGEST // longer
        image = image.resize((zoom * image.width, zoom * image.height), Image.Resampling.NEAREST)
    else:
        size = [max(1, round(side * LONGEST / longer)) for side in image.size]
        image = image.resize(size, Image.Resampling.BILINEAR)  # antialiased: averages all pixels
    return np.array(image.convert("RGB"))


def scale_bar(longest: float, scale: float, metres_per_pixel: float | None) -> tuple[float, str]:
    """Choose the length of the scale bar: 1, 2 or 5 times a power of ten.

    Args:
      longest: pixels of the page, at most.
      scale: pixels of the page per pixel of the scene.
      metres_per_pixel: of the scene; None counts its pixels.

    Returns:
      The length in pixels of the page, and the label.
    """
    unit = scale / (metres_per_pixel or 1)  # pixels of the page per metre, or per pixel of the scene
    power = 10.0 ** math.floor(math.log10(longest / unit))
    value = max(step * power for step in (0.5, 1, 2, 5) if step * power <= longest / unit)  # 0.5: log10 rounds
    if metres_per_pixel is None:
        return value * unit, f"{value:g} pixel{'s' * (value != 1)}"
    return value * unit, f"{value / 1000:g} km" if value >= 1000 else f"{value:g} m"


def _with_arrow(picture: ColourImage, north: float) -> ColourImage:
    """Return the picture with an arrow to the north in its upper right corner, white with a dark edge, and an N."""
    page = Image.fromarray(picture)
    pen, angle, half = ImageDraw.Draw(page), math.radians(north), ARROW / 2
    middle = np.array([picture.shape[1] - ARROW, ARROW])
    forth, aside = np.array([math.sin(angle), -math.cos(angle)]), np.array([math.cos(angle), math.sin(angle)])
    corners = [forth, -forth + 0.6 * aside, -0.5 * forth, -forth - 0.6 * aside]
    pen.polygon([tuple(middle + half * corner) for corner in corners], LIGHT, DARK, 2)
    x, y = middle + 0.8 * ARROW * forth
    pen.text((x, y), "N", LIGHT, font(HEADING), anchor="mm", stroke_width=2, stroke_fill=DARK)
    return np.array(page)


def _entry(name: str, front: Front | None) -> str | None:
    """Return the legend's text for a front; None where there is none to draw."""
    return None if front is None else name if front.any() else f"{name}: none"


def _swatch(colour: tuple[int, int, int] | None) -> ColourImage:
    """Return the sample of a front in a colour, or of the box, on the grey of a SAR image."""
    swatch, middle = np.full((*SWATCH, 3), GROUND, np.uint8), SWATCH[0] // 2
    if colour is None:
        swatch[middle - 1 : middle - 1 + FRAME] = _dashes(np.arange(SWATCH[1]))
    else:
        swatch[middle - LINE // 2 - 1 : middle + LINE // 2 + 2] = DARK
        swatch[middle - LINE // 2 : middle + LINE // 2 + 1] = colour
    return swatch


def _thick(front: Front, shape: tuple[int, ...], scale: tuple[float, float]) -> np.ndarray:
    """Return bool [h, w]: the front in the picture, `LINE` pixels wide, connecting the centres of neighbours."""
    thick = np.zeros(shape, bool)
    padded = np.pad(front, 1)
    rows, columns = np.nonzero(padded)
    steps = math.ceil(max(scale))
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        on = padded[rows + down, columns + right]
        for step in range(steps):
            along = np.where(on, step / steps, 0)  # a single pixel stays a dot
            place = (rows - 0.5 + down * along) * scale[0], (columns - 0.5 + right * along) * scale[1]
            thick[tuple(axis.astype(int) for axis in place)] = True
    return ndimage.binary_dilation(thick, np.ones((LINE, LINE)))


def _draw_box(picture: ColourImage, box: Sequence[float], scale: tuple[float, float]) -> None:
    """Draw the box as far as it lies in the picture, in dashes of two colours."""
    ends = [limit * along for limit, along in zip(box, np.repeat(scale, 2), strict=True)]
    sides = np.repeat(picture.shape[:2], 2)
    top, bottom, left, right = (round(min(max(end, 0), side)) for end, side in zip(ends, sides, strict=True))
    if top >= bottom or left >= right:
        return
    rows, columns = np.indices((bottom - top, right - left), sparse=True)
    edge = (
        np.minimum(np.minimum(rows, bottom - top - 1 - rows), np.minimum(columns, right - left - 1 - columns)) < FRAME
    )
    picture[top:bottom, left:right][edge] = _dashes(rows + columns)[edge]


def _dashes(places: np.ndarray) -> np.ndarray:
    """Return uint8 [..., 3]: the alternating colours of the box at integer positions along its sides."""
    return np.where((places // DASH % 2 == 0)[..., None], LIGHT, DARK).astype(np.uint8)


def _page(
    picture: ColourImage, title: str, legend: Sequence[tuple[ColourImage, str]], bar: tuple[float, str]
) -> Image.Image:
    """Place the title above the picture, the legend below, and the scale bar at its right or, if full, under it."""
    height, width = picture.shape[:2]
    room, row = max(width, NARROWEST), SWATCH[0] + GAP
    places, right, down = [], 0, 0  # of the legend's entries
    for _, name in legend:
        length = SWATCH[1] + GAP + math.ceil(font(HEADING).getlength(name)) + 2 * GAP
        if right and right + length > room:
            right, down = 0, down + row
        places.append((right, down))
        right += length
    length, name = round(bar[0]), bar[1]
    if right + length + GAP + font(HEADING).getlength(name) > room:
        down += row

    above = MARGIN + round(1.35 * TITLE) + GAP
    below = above + height + GAP
    page = Image.new("RGB", (room + 2 * MARGIN, below + down + row + MARGIN), PAPER)
    pen = ImageDraw.Draw(page)
    text, size = fitting(" ".join(title.split()), TITLE, room)
    pen.text((MARGIN, MARGIN + TITLE // 2), text, INK, font(size), anchor="lm")
    page.paste(Image.fromarray(picture), (MARGIN + (room - width) // 2, above))
    for (swatch, entry), (x, y) in zip(legend, places, strict=True):
        page.paste(Image.fromarray(swatch), (MARGIN + x, below + y))
        pen.text((MARGIN + x + SWATCH[1] + GAP, below + y + SWATCH[0] // 2), entry, INK, font(HEADING), anchor="lm")
    end, middle = MARGIN + room, below + down + SWATCH[0] // 2
    pen.text((end - length - GAP, middle), name, INK, font(HEADING), anchor="rm")
    pen.rectangle((end - length, middle - 2, end - 1, middle + 1), INK)
    for edge in (end - length, end - 2):
        pen.rectangle((edge, middle - 6, edge + 1, middle + 5), INK)
    return page
