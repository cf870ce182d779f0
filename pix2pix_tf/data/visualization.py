"""Sheets of pictures: patches side by side under headings, seen exactly as they are.

A sheet is put together pixel by pixel. Patches are enlarged by whole numbers only, each pixel becoming a square, so
that speckle stays speckle and a class keeps its edge.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from pix2pix_tf.data import classes
from pix2pix_tf.utils import files

CELL = 256  # pixels: smaller patches are enlarged towards this
GAP = 8  # pixels between patches
MARGIN = 16  # pixels around a sheet
TITLE, HEADING, CAPTION = 22, 16, 13  # pixels: heights of the type
SMALLEST = 10  # pixels: type shrinks to this before a text is cut
INK, PAPER = (30, 30, 30), (255, 255, 255)  # sRGB

_FONT = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")  # Pillow's own font has no umlauts


def sample_sheet(
    path: Path,
    inputs: Mapping[str, np.ndarray],
    generated: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    title: str,
    captions: Sequence[str] = (),
    made: str = "generated",
) -> None:
    """Draws what a model makes of a few samples: input, generated and target in one row for each sample.

    Args:
      path: the PNG to write.
      inputs: role -> uint8 [N, H, W], [N, H, W, 1] or [N, H, W, 3], as in the PNG; "zones" are painted by class.
      generated: the same for what the model made of them; `to_pixels` turns a model's output into pixels.
      targets: the same for what it should have made.
      title: stands above the sheet, such as "orig, epoch 10".
      captions: N names of the samples, to stand beside the rows; none when empty.
      made: what the model's column is called.
    """
    columns = [(name_of(role), pictures(role, images)) for role, images in inputs.items()]
    for kind, roles in ((made, generated), ("target", targets)):
        columns += [
            (kind if len(roles) == 1 else f"{kind}: {role}", pictures(role, images)) for role, images in roles.items()
        ]
    grid(path, columns, title, legend="zones" in {*inputs, *generated, *targets}, captions=captions)


def name_of(role: str) -> str:
    """What a role is called above a column."""
    names = {
        "zones": "mask",
        "fronts": "front",
        "lines": "front",
        "sar": "SAR",
        "sar_vv": "SAR, VV",
        "sar_vh": "SAR, VH",
    }
    return names.get(role, role)


def pictures(role: str, images: np.ndarray) -> list[np.ndarray]:
    """Makes images of a role fit for the eye.

    Args:
      role: "zones" are painted in the colours of their classes; all else is brightness.
      images: uint8 or uint16 [N, H, W], [N, H, W, 1] or [N, H, W, 3]; of 16 bit the upper 8 are shown.

    Returns:
      N images, uint8 [H, W] or [H, W, 3].
    """
    if images.dtype == np.uint16:
        images = (images >> 8).astype(np.uint8)
    if images.shape[-1] == 1 and images.ndim == 4:
        images = images[..., 0]
    return [classes.colour_zones(image) if role == "zones" else image for image in images]


def fitted(image: np.ndarray, side: int, smooth: bool) -> np.ndarray:
    """Makes a scene of any size fit a square, on paper white.

    Args:
      image: uint8 [H, W] or [H, W, 3].
      side: pixels.
      smooth: whether it may be interpolated; not where colours are classes.

    Returns:
      uint8 [side, side, 3].
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
    """Draws images in columns under headings.

    Args:
      path: the PNG to write.
      columns: (heading, images from the top down); a heading may have several lines, or all are empty. All columns have
        as many images, uint8 [H, W] or [H, W, 3], all of one size.
      title: stands above the sheet.
      legend: whether to say below which colour is which class of a zone mask.
      captions: the rows' names, to stand at their left; none when empty.

    Raises:
      ValueError: no images, columns of different length, images of different sizes.
    """
    sizes = {image.shape[:2] for _, images in columns for image in images}
    if len(sizes) != 1 or len({len(images) for _, images in columns}) != 1:
        raise ValueError(f"A sheet takes columns of one length and images of one size, not of {sorted(sizes)}.")
    height, width = sizes.pop()
    zoom = max(1, CELL // max(height, width))
    lines = max(len(heading.split("\n")) if heading else 0 for heading, _ in columns)
    stacks = [_column(heading, lines, images, zoom) for heading, images in columns]
    if captions:
        turned = [_text(text, CAPTION, zoom * height).rotate(90, expand=True) for text in captions]
        stacks.insert(0, _joined([_text("\n" * (lines - 1), HEADING, turned[0].width), *turned], down=True))
    body = _joined(stacks)
    parts = [_text(title, TITLE, body.width), body, *([_legend(body.width)] if legend else [])]
    sheet = ImageOps.expand(_joined(parts, down=True, gap=2 * GAP), MARGIN, PAPER)
    with files.atomic_write(path) as temporary:
        sheet.save(temporary, format="PNG")


def _column(heading: str, lines: int, images: Sequence[np.ndarray], zoom: int) -> Image.Image:
    """The patches of a column below its heading, which gets the room of `lines` lines."""
    height, width = (zoom * side for side in images[0].shape[:2])
    patches = [Image.fromarray(image).resize((width, height), Image.Resampling.NEAREST) for image in images]
    above = "\n" * (lines - 1 - heading.count("\n"))  # a heading stands on its column, not below the title
    return _joined([_text(above + heading, HEADING, width), *patches] if lines else patches, down=True)


def _legend(width: int) -> Image.Image:
    """The classes' names beside their colours, on as many lines as the width asks for."""
    lines: list[list[Image.Image]] = [[]]
    for name, colour in zip(classes.ZONE_NAMES, classes.ZONE_COLOURS, strict=True):
        swatch = Image.new("RGB", (_line(HEADING), _line(HEADING)), colour)
        entry = _joined([swatch, _text(name, HEADING, round(font(HEADING).getlength(name)) + GAP)])
        if lines[-1] and sum(one.width + GAP for one in lines[-1]) + entry.width > width:
            lines.append([])
        lines[-1].append(entry)
    return _joined([_joined(line) for line in lines], down=True)


def _text(text: str, size: int, width: int) -> Image.Image:
    """Lines of text in a box of that width, each shrunk to fit and, where that is not enough, cut."""
    lines = text.split("\n")
    box = Image.new("RGB", (width, len(lines) * _line(size)), PAPER)
    for number, line in enumerate(lines):
        text, smaller = fitting(line, size, width)
        ImageDraw.Draw(box).text((0, number * _line(size)), text, INK, font(smaller))
    return box


def fitting(line: str, size: int, width: int) -> tuple[str, int]:
    """Makes a line of text fit a width: smaller where it must be, and cut at last.

    Args:
      line: the text.
      size: pixels, the height of its type.
      width: pixels that it may have.

    Returns:
      The text, and the height of its type in pixels.
    """
    while size > SMALLEST and font(size).getlength(line) > width:
        size -= 1
    kept = len(line)
    while kept and font(size).getlength(line[:kept] + "…" * (kept < len(line))) > width:
        kept -= 1
    return line[:kept] + "…" * (kept < len(line)), size


def _joined(parts: Sequence[Image.Image], down: bool = False, gap: int = GAP) -> Image.Image:
    """Pictures one beside (or below) the other with a gap of so many pixels between."""
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
    """The height of a line of type, in pixels."""
    return round(1.35 * size)


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The type of that height in pixels."""
    return ImageFont.truetype(_FONT, size)
