"""Fronts drawn over the radar image: what was predicted, what is true, and the box in which it is judged."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from pix2pix_tf.data.visualization import GAP, HEADING, INK, MARGIN, PAPER, TITLE, fitting, font
from pix2pix_tf.utils import files

LONGEST = 1280  # pixels of the longer side of a scene as it is shown, at most
NARROWEST = 640  # pixels of a picture's width without its margins, for the title and the legend
LINE = 3  # pixels: how wide fronts are drawn
FRAME, DASH = 2, 8  # pixels: width and dashes of the box
SWATCH = (16, 28)  # pixels: height and width of what the legend shows

# sRGB, after the blue, vermilion and yellow of Okabe & Ito (2008): told apart with any common colour-blindness.
TRUE, PREDICTED, BOTH = (0, 140, 255), (213, 94, 0), (255, 245, 0)
LIGHT, DARK = (255, 255, 255), (0, 0, 0)  # the dashes of the box take turns, so that they are seen on any ground
GROUND = (90, 90, 90)  # a radar image's grey, for the legend


def draw(
    path: Path,
    sar: np.ndarray,
    predicted: np.ndarray | None,
    true: np.ndarray | None,
    box: tuple[float, float, float, float] | None,
    metres_per_pixel: float | None,
    title: str,
) -> None:
    """Draws a scene with its fronts, a legend and a scale bar.

    Small scenes are enlarged by a whole number, so that speckle stays speckle; large ones are reduced by averaging.
    Fronts are as wide in one as in the other. Where the lines of the two lie on each other, they have a third colour.

    Args:
      path: the PNG to write.
      sar: uint8 [H, W].
      predicted: bool [H, W], one pixel wide; None when there is no prediction to show.
      true: likewise.
      box: rows from, to below, columns from, to below, in the scene's pixels; what lies outside the scene is not drawn.
      metres_per_pixel: None has the scale bar count pixels.
      title: one line; shrunk, and cut at last, where it is too long.

    Raises:
      ValueError: a front of another shape than the scene.
    """
    for front in (predicted, true):
        if front is not None and front.shape != sar.shape:
            raise ValueError(f"A front of {front.shape} does not lie on a scene of {sar.shape}.")
    picture = shown(sar)
    scale = picture.shape[0] / sar.shape[0], picture.shape[1] / sar.shape[1]
    if box is not None:
        _draw_box(picture, box, scale)
    lines = [None if front is None else _thick(front, picture.shape[:2], scale) for front in (true, predicted)]
    for line in lines:
        if line is not None:
            picture[ndimage.binary_dilation(line, np.ones((3, 3)))] = DARK  # an edge, for bright ground
    for line, colour in zip(lines, (TRUE, PREDICTED), strict=True):
        if line is not None:
            picture[line] = colour
    there = [line for line in lines if line is not None and line.any()]
    if len(there) == 2:
        picture[there[0] & there[1]] = BOTH
    legend = [
        (_swatch(TRUE), _entry("true front", true)),
        (_swatch(PREDICTED), _entry("predicted front", predicted)),
        (_swatch(BOTH), "both on the same spot" if len(there) == 2 else None),
        (_swatch(None), None if box is None else "box of the evaluation"),
    ]
    bar = scale_bar(max(picture.shape[1], NARROWEST) / 5, scale[1], metres_per_pixel)
    with files.atomic_write(path) as temporary:
        _page(picture, title, [(swatch, name) for swatch, name in legend if name], bar).save(temporary, format="PNG")


def shown(sar: np.ndarray) -> np.ndarray:
    """A scene in the size it is drawn in.

    Args:
      sar: uint8 [H, W].

    Returns:
      uint8 [h, w, 3], grey, its longer side `LONGEST` at most.
    """
    image, longer = Image.fromarray(sar), max(sar.shape)
    if longer <= LONGEST:
        zoom = LONGEST // longer
        image = image.resize((zoom * image.width, zoom * image.height), Image.Resampling.NEAREST)
    else:
        size = [max(1, round(side * LONGEST / longer)) for side in image.size]
        image = image.resize(size, Image.Resampling.BILINEAR)  # when it reduces, it averages all pixels that fall in
    return np.array(image.convert("RGB"))


def scale_bar(longest: float, scale: float, metres_per_pixel: float | None) -> tuple[float, str]:
    """Chooses a length that is 1, 2 or 5 with zeros behind it.

    Args:
      longest: pixels that the bar may have on the page.
      scale: pixels of the page to one of the scene.
      metres_per_pixel: of the scene; None to count its pixels.

    Returns:
      The bar's length in pixels of the page, and what to write beside it.
    """
    unit = scale / (metres_per_pixel or 1)  # pixels of the page to a metre, or to a pixel of the scene
    power = 10.0 ** math.floor(math.log10(longest / unit))
    value = max(step * power for step in (0.5, 1, 2, 5) if step * power <= longest / unit)  # 0.5: log10 rounds
    if metres_per_pixel is None:
        return value * unit, f"{value:g} pixel{'s' * (value != 1)}"
    return value * unit, f"{value / 1000:g} km" if value >= 1000 else f"{value:g} m"


def _entry(name: str, front: np.ndarray | None) -> str | None:
    """What the legend says of a front; nothing of one that was not asked for."""
    return None if front is None else name if front.any() else f"{name}: none"


def _swatch(colour: tuple[int, int, int] | None) -> np.ndarray:
    """uint8 [h, w, 3]: a front of that colour, or the box, as it looks on a radar image."""
    swatch, middle = np.full((*SWATCH, 3), GROUND, np.uint8), SWATCH[0] // 2
    if colour is None:
        swatch[middle - 1 : middle - 1 + FRAME] = _dashes(np.arange(SWATCH[1]))
    else:
        swatch[middle - LINE // 2 - 1 : middle + LINE // 2 + 2] = DARK
        swatch[middle - LINE // 2 : middle + LINE // 2 + 1] = colour
    return swatch


def _thick(front: np.ndarray, shape: tuple[int, ...], scale: tuple[float, float]) -> np.ndarray:
    """bool [h, w]: a front in the picture, `LINE` pixels wide, from one pixel's middle to that of each neighbour."""
    thick = np.zeros(shape, bool)
    padded = np.pad(front, 1)
    rows, columns = np.nonzero(padded)
    steps = math.ceil(max(scale))
    for down, right in ((0, 1), (1, -1), (1, 0), (1, 1)):
        on = padded[rows + down, columns + right]
        for step in range(steps):
            along = np.where(on, step / steps, 0)  # a pixel on its own stays a dot
            place = (rows - 0.5 + down * along) * scale[0], (columns - 0.5 + right * along) * scale[1]
            thick[tuple(axis.astype(int) for axis in place)] = True
    return ndimage.binary_dilation(thick, np.ones((LINE, LINE)))


def _draw_box(picture: np.ndarray, box: tuple[float, ...], scale: tuple[float, float]) -> None:
    """Draws a frame around what lies in the box and in the picture, in dashes of two colours."""
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
    """uint8 [..., 3]: the box's colours by turns, for whole numbers along its sides."""
    return np.where((places // DASH % 2 == 0)[..., None], LIGHT, DARK).astype(np.uint8)


def _page(
    picture: np.ndarray, title: str, legend: Sequence[tuple[np.ndarray, str]], bar: tuple[float, str]
) -> Image.Image:
    """The title above the picture, the legend below, and the scale bar at its right, or below where that is full."""
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
