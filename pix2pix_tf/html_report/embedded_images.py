"""Images embedded in an HTML page as data: URLs, up to a size limit."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from PIL import Image

from pix2pix_tf.html_report.examples import ExampleImage

LARGE = 600_000  # bytes: a larger PNG is stored as a JPEG of the same size in pixels, if that is shorter
QUALITY = 88  # of JPEGs, at 4:4:4: no visible blocks, and the edges of classes keep their colours
WIDE = 384  # pixels: a wider image gets more room on the page


@dataclass(frozen=True)
class EmbeddedImage:
    """An image as the page shows it."""

    name: str
    source: str | None  # a data: URL; None where the image is left out
    link: str | None = None  # the same image as a file beside the page
    width: int = 0  # pixels
    height: int = 0

    @property
    def wide(self) -> bool:
        """True for an image that is larger than a patch."""
        return self.width > WIDE


class EmbeddedImages:
    """The images of one page, and how much of the size limit is left."""

    def __init__(self, folder: Path, room: int):
        """Start without images.

        Args:
          folder: the folder of the page.
          room: bytes of images that fit; may be raised later.
        """
        self.room, self.count, self.compressed, self.left_out = room, 0, 0, 0
        self._folder = folder.resolve()

    def embed(self, image: ExampleImage) -> EmbeddedImage:
        """Embed an image of an example at its own size."""
        if isinstance(image.pixels, Path):
            return self._embed(image.name, image.pixels.resolve())
        stored = io.BytesIO()
        Image.fromarray(image.pixels).save(stored, format="PNG", optimize=True)
        return self._add(image.name, stored.getvalue(), None)

    def embed_file(self, name: str, source: str) -> EmbeddedImage:
        """Embed an image of report.md; where there is an SVG beside the PNG, the SVG, which is sharp at any size.

        Args:
          name: the alternative text.
          source: its address in report.md. An address outside the folder is left out and never opened.
        """
        path = (self._folder / unquote(source)).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file():
            return EmbeddedImage(name, None)
        return self._embed(name, path)

    def _embed(self, name: str, path: Path) -> EmbeddedImage:
        link = quote(str(path.relative_to(self._folder)), safe="/@") if path.is_relative_to(self._folder) else None
        drawing = path.with_suffix(".svg")
        if drawing.is_file() and drawing.stat().st_size < min(LARGE, self.room):
            with Image.open(path) as image:
                width, height = image.size
            return self._keep(name, "image/svg+xml", drawing.read_bytes(), link, width, height)
        return self._add(name, path.read_bytes(), link)

    def _add(self, name: str, png: bytes, link: str | None) -> EmbeddedImage:
        kind, stored = "image/png", png
        with Image.open(io.BytesIO(png)) as image:
            width, height = image.size
            if len(png) > LARGE:
                smaller = io.BytesIO()
                image.convert("L" if image.mode == "L" else "RGB").save(
                    smaller, format="JPEG", quality=QUALITY, subsampling=0, optimize=True
                )
                if smaller.tell() < len(png):
                    kind, stored = "image/jpeg", smaller.getvalue()
        if len(stored) > self.room:
            self.left_out += 1
            return EmbeddedImage(name, None, link)
        return self._keep(name, kind, stored, link, width, height)

    def _keep(self, name: str, kind: str, stored: bytes, link: str | None, width: int, height: int) -> EmbeddedImage:
        self.room -= len(stored)
        self.count += 1
        self.compressed += kind == "image/jpeg"
        return EmbeddedImage(name, f"data:{kind};base64,{base64.b64encode(stored).decode()}", link, width, height)
