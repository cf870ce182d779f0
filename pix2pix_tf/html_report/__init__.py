"""Converts report.md into report.html: one self-contained file with all its images.

The page loads nothing, which a Content Security Policy in its head enforces. Tables can be sorted and images enlarged;
without scripts the page can still be read.
"""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pix2pix_tf.html_report.embedded_images import EmbeddedImages
from pix2pix_tf.html_report.examples import Example
from pix2pix_tf.html_report.sections import Section, read_sections
from pix2pix_tf.utils import files

HERE = Path(__file__).parent
LOOK = HERE.parent / "serving" / "page" / "look.css"  # colours and fonts, shared with the paint page
NOTES = "How to read this"  # the examples come before this section

# Bytes of images in a page. Base64 makes them a third longer, and an e-mail takes some 10 MB. Bytes that the examples
# leave free go to the images of report.md.
ROOM = 7_000_000
ROOM_FOR_EXAMPLES = 4_000_000


def write(output: Path, text: str, examples: Sequence[Example] = (), note: str = "") -> None:
    """Write report.html, then report.md: a report with report.md is complete.

    Args:
      output: the report's folder, with the images of the report.
      text: of report.md.
      examples: single images with their scores; without any, the page has no such section.
      note: how the examples were chosen, in a sentence or two.
    """
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    macros: Any = environment.get_template("picture.html").module  # of the template
    draw = macros.picture
    embedded = EmbeddedImages(output, ROOM_FOR_EXAMPLES)
    shown = [(example, [(image, embedded.embed(image)) for image in example.images]) for example in examples]
    body = environment.get_template("examples.html").render(examples=shown, note=note, embedded=embedded, draw=draw)
    embedded.room += ROOM - ROOM_FOR_EXAMPLES
    title, lead, sections = read_sections(text, lambda name, source: draw(embedded.embed_file(name, source)))
    before = next((place for place, one in enumerate(sections) if one.heading == NOTES), len(sections))
    if shown:
        sections.insert(before, Section("examples", "Examples", Markup(body)))
    script = (HERE / "report.js").read_text(encoding="utf-8")
    page = environment.get_template("page.html").render(
        title=title,
        lead=lead,
        sections=sections,
        style=Markup("\n".join(path.read_text(encoding="utf-8") for path in (LOOK, HERE / "report.css"))),
        script=Markup(script),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    files.write_text(output / "report.html", page)
    files.write_text(output / "report.md", text)
