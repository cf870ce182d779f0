"""Pictures as text, to stand inside a page, and no more of them than a page should carry."""

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from PIL import Image

from pix2pix_tf.evaluation.html_report.examples import Shown

LARGE = 600_000  # bytes: a PNG above this becomes a JPEG of as many pixels, if that is shorter
QUALITY = 88  # of JPEGs: no blocks are seen, and edges of classes keep their colour (4:4:4)
WIDE = 384  # pixels: a wider picture gets more room on the page


@dataclass(frozen=True)
class Picture:
    """A picture as the page shows it."""

    name: str
    source: str | None  # a data: address; None: there was no room for it
    link: str | None = None  # where the same lies beside the page
    width: int = 0  # pixels
    height: int = 0

    @property
    def wide(self) -> bool:
        """Whether it is to be shown larger than a patch."""
        return self.width > WIDE


class Album:
    """The pictures of a page."""

    def __init__(self, folder: Path, room: int):
        """Nothing is in it yet.

        Args:
          folder: where the page is to be.
          room: how many bytes of pictures it may take; may be raised later.
        """
        self.room, self.count, self.compressed, self.left_out = room, 0, 0, 0
        self._folder = folder.resolve()

    def embed(self, shown: Shown) -> Picture:
        """A picture of an example, at its own size."""
        if isinstance(shown.pixels, Path):
            return self._embed(shown.name, shown.pixels.resolve())
        image = Image.fromarray(shown.pixels)
        stored = io.BytesIO()
        image.save(stored, format="PNG", optimize=True)
        return self._add(shown.name, stored.getvalue(), None)

    def embed_file(self, name: str, source: str) -> Picture:
        """A picture that report.md shows; where an SVG of it lies beside the PNG, that one, which is sharp at any size.

        Args:
          name: what is to be seen, for those who cannot see it.
          source: its address in report.md.
        """
        path = (self._folder / unquote(source)).resolve()
        if not path.is_relative_to(self._folder) or not path.is_file():  # an address elsewhere is not asked for
            return Picture(name, None)
        return self._embed(name, path)

    def _embed(self, name: str, path: Path) -> Picture:
        link = quote(str(path.relative_to(self._folder)), safe="/@") if path.is_relative_to(self._folder) else None
        drawing = path.with_suffix(".svg")
        if drawing.is_file() and drawing.stat().st_size < min(LARGE, self.room):
            with Image.open(path) as image:
                width, height = image.size
            return self._keep(name, "image/svg+xml", drawing.read_bytes(), link, width, height)
        return self._add(name, path.read_bytes(), link)

    def _add(self, name: str, png: bytes, link: str | None) -> Picture:
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
            return Picture(name, None, link)
        return self._keep(name, kind, stored, link, width, height)

    def _keep(self, name: str, kind: str, stored: bytes, link: str | None, width: int, height: int) -> Picture:
        self.room -= len(stored)
        self.count += 1
        self.compressed += kind == "image/jpeg"
        return Picture(name, f"data:{kind};base64,{base64.b64encode(stored).decode()}", link, width, height)
