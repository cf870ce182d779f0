"""The report as a page: report.md becomes report.html, one file with all that it shows inside.

It asks for nothing from outside, and a policy in its head (CSP) has the browser hold it to that. Tables can be sorted
and pictures enlarged; without scripts it is still a page to read.
"""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pix2pix_tf.evaluation.html_report.album import Album
from pix2pix_tf.evaluation.html_report.examples import Example
from pix2pix_tf.evaluation.html_report.sections import Section, read_sections
from pix2pix_tf.utils import files

HERE = Path(__file__).parent
LOOK = HERE.parents[1] / "serving" / "page" / "look.css"  # colours and type of the page to paint on
NOTES = "How to read this"  # the section that examples stand before

# Bytes of pictures in a page. As text they are a third longer, and a mail takes some 10 MB. What the examples leave of
# their room is for the pictures that report.md shows.
ROOM = 7_000_000
ROOM_FOR_EXAMPLES = 4_000_000


def write(output: Path, text: str, examples: Sequence[Example] = (), note: str = "") -> None:
    """Writes report.html, and then report.md: where this is, the report is whole.

    Args:
      output: the report's folder, with the pictures that the report shows.
      text: of report.md.
      examples: single images with their scores, to be looked at one by one; none: no such section.
      note: says which examples these are, in a sentence or two.
    """
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    macros: Any = environment.get_template("picture.html").module  # what the template defines
    draw = macros.picture
    album = Album(output, ROOM_FOR_EXAMPLES)
    shown = [(example, [(one, album.embed(one)) for one in example.pictures]) for example in examples]
    body = environment.get_template("examples.html").render(examples=shown, note=note, album=album, draw=draw)
    album.room += ROOM - ROOM_FOR_EXAMPLES
    title, lead, sections = read_sections(text, lambda name, source: draw(album.embed_file(name, source)))
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
