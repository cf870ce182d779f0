"""Image grids: patches side by side under headings, without interpolation.

Patches are enlarged by whole factors only, so that each pixel becomes a square: speckle and the edges of classes stay
as they are.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from pix2pix_tf.data import classes
from pix2pix_tf.data.classes import ColourImage
from pix2pix_tf.utils import files

CELL = 256  # pixels: smaller patches are enlarged to at most this
GAP = 8  # pixels between patches
MARGIN = 16  # pixels around a grid
TITLE, HEADING, CAPTION = 22, 16, 13  # pixels: font sizes
SMALLEST = 10  # pixels: text shrinks to this font size before it is truncated
INK, PAPER = (30, 30, 30), (255, 255, 255)  # sRGB

_FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")  # Pillow's own font has no umlauts


def sample_grid(
    path: Path,
    inputs: Mapping[str, np.ndarray],
    generated: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    title: str,
    captions: Sequence[str] = (),
    made: str = "generated",
) -> None:
    """Draw samples with a model's output: input, output and target, one row for each sample.

    Args:
      path: the PNG to write.
      inputs: role -> uint8 [N, H, W], [N, H, W, 1] or [N, H, W, 3], as in the PNG; "zones" are coloured by class.
      generated: the same for the model's output; see `images.to_pixels`.
      targets: the same for the expected output.
      title: above the grid, such as "orig, epoch 10".
      captions: N names of the samples, beside the rows; empty: none.
      made: heading of the model's column.
    """
    columns = [(name_of(role), for_display(role, images)) for role, images in inputs.items()]
    for kind, roles in ((made, generated), ("target", targets)):
        for role, images in roles.items():
            columns.append((kind if len(roles) == 1 else f"{kind}: {role}", for_display(role, images)))
    grid(path, columns, title, legend="zones" in {*inputs, *generated, *targets}, captions=captions)


def name_of(role: str) -> str:
    """Return the heading of a role's column."""
    names = {
        "zones": "mask",
        "fronts": "front",
        "sar": "SAR",
        "sar_vv": "SAR, VV",
        "sar_vh": "SAR, VH",
    }
    return names.get(role, role)


def for_display(role: str, images: np.ndarray) -> list[np.ndarray]:
    """Convert images of a role for display.

    Args:
      role: "zones" take the colours of their classes; other roles stay as they are.
      images: uint8 or uint16 [N, H, W], [N, H, W, 1] or [N, H, W, 3]; of 16 bits the upper 8 are kept.

    Returns:
      N images, uint8 [H, W] or [H, W, 3].
    """
    if images.dtype == np.uint16:
        images = (images >> 8).astype(np.uint8)
    if images.shape[-1] == 1 and images.ndim == 4:
        images = images[..., 0]
    return [classes.colour_zones(image) if role == "zones" else image for image in images]


def fit_to_square(image: np.ndarray, side: int, smooth: bool) -> ColourImage:
    """Resize an image of any size to fit a square of side x side pixels, padded with white.

    Args:
      image: uint8 [H, W] or [H, W, 3].
      side: pixels.
      smooth: True: with interpolation, which is wrong where colours are classes.
    """
    method = Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST
    whole = Image.fromarray(image).convert("RGB")
    return np.asarray(ImageOps.pad(whole, (side, side), method, PAPER))


def grid(
    path: Path,
    columns: Sequence[tuple[str, Sequence[np.ndarray]]],
    title: str,
    legend: bool,
    captions: Sequence[str] = (),
) -> None:
    """Write `draw_grid` as a PNG; see there for the other arguments."""
    whole = draw_grid(columns, title, legend, captions)
    with files.atomic_write(path) as temporary:
        whole.save(temporary, format="PNG")


def draw_grid(
    columns: Sequence[tuple[str, Sequence[np.ndarray]]],
    title: str,
    legend: bool,
    captions: Sequence[str] = (),
) -> Image.Image:
    """Draw images in columns under headings.

    Args:
      columns: (heading, images from the top down); a heading may have several lines, or all are empty. All columns have
        as many images, uint8 [H, W] or [H, W, 3], all of one size.
      title: above the grid; empty: none.
      legend: True: add the colours of the zone classes below.
      captions: names of the rows, at their left; empty: none.

    Raises:
      ValueError: no images, columns of different length, images of different sizes.
    """
    sizes = {image.shape[:2] for _, images in columns for image in images}
    if len(sizes) != 1 or len({len(images) for _, images in columns}) != 1:
        raise ValueError(f"A grid takes columns of one length and images of one size, not of {sorted(sizes)}.")
    height, width = sizes.pop()
    zoom = max(1, CELL // max(height, width))
    lines = max(len(heading.split("\n")) if heading else 0 for heading, _ in columns)
    stacks = [_column(heading, lines, images, zoom) for heading, images in columns]
    if captions:
        turned = [_text(text, CAPTION, zoom * height).rotate(90, expand=True) for text in captions]
        stacks.insert(0, _joined([_text("\n" * (lines - 1), HEADING, turned[0].width), *turned], down=True))
    body = _joined(stacks)
    above, below = [_text(title, TITLE, body.width)] if title else [], [_legend(body.width)] if legend else []
    return ImageOps.expand(_joined([*above, body, *below], down=True, gap=2 * GAP), MARGIN, PAPER)


def _column(heading: str, lines: int, images: Sequence[np.ndarray], zoom: int) -> Image.Image:
    """Return a column: its heading in the space of `lines` lines, and its patches below."""
    height, width = (zoom * side for side in images[0].shape[:2])
    patches = [Image.fromarray(image).resize((width, height), Image.Resampling.NEAREST) for image in images]
    above = "\n" * (lines - 1 - heading.count("\n"))  # aligned to the bottom, next to the column
    return _joined([_text(above + heading, HEADING, width), *patches] if lines else patches, down=True)


def _legend(width: int) -> Image.Image:
    """Return the classes' colours and name, on as many lines as the width requires."""
    lines: list[list[Image.Image]] = [[]]
    for name, colour in zip(classes.ZONE_NAMES, classes.ZONE_COLOURS, strict=True):
        swatch = Image.new("RGB", (_line(HEADING), _line(HEADING)), colour)
        entry = _joined([swatch, _text(name, HEADING, round(font(HEADING).getlength(name)) + GAP)])
        if lines[-1] and sum(one.width + GAP for one in lines[-1]) + entry.width > width:
            lines.append([])
        lines[-1].append(entry)
    return _joined([_joined(line) for line in lines], down=True)


def _text(text: str, size: int, width: int) -> Image.Image:
    """Return lines of text in a box of the given width, each shrunk or else truncated to fit."""
    lines = text.split("\n")
    box = Image.new("RGB", (width, len(lines) * _line(size)), PAPER)
    for number, line in enumerate(lines):
        text, smaller = fitting(line, size, width)
        ImageDraw.Draw(box).text((0, number * _line(size)), text, INK, font(smaller))
    return box


def fitting(line: str, size: int, width: int) -> tuple[str, int]:
    """Fit a line of text to a width: shrink it down to SMALLEST, and then truncate it.

    Args:
      line: the text.
      size: its font size in pixels.
      width: the available pixels.

    Returns:
      The text that fits, and its font size in pixels.
    """
    while size > SMALLEST and font(size).getlength(line) > width:
        size -= 1
    kept = len(line)
    while kept and font(size).getlength(line[:kept] + "…" * (kept < len(line))) > width:
        kept -= 1
    return line[:kept] + "…" * (kept < len(line)), size


def _joined(parts: Sequence[Image.Image], down: bool = False, gap: int = GAP) -> Image.Image:
    """Return images side by side, or one below the other, with `gap` pixels between them."""
    along, across = (1, 0) if down else (0, 1)
    size = [0, 0]
    size[along] = sum(part.size[along] for part in parts) + gap * (len(parts) - 1)
    size[across] = max(part.size[across] for part in parts)
    joined, place = Image.new("RGB", (size[0], size[1]), PAPER), 0
    for part in parts:
        joined.paste(part, (0, place) if down else (place, 0))
        place += part.size[along] + gap
    return joined


def _line(size: int) -> int:
    """Return the height of a line of text in pixels."""
    return round(1.35 * size)


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """Return the font of a size in pixels."""
    return ImageFont.truetype(_FONT, size)
