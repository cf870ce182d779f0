"""Converts the Markdown of report.md into the sections of the page."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup


@dataclass(frozen=True)
class Section:
    """A heading of the second level and the HTML below it."""

    anchor: str
    heading: str
    body: Markup


def read_sections(text: str, draw: Callable[[str, str], str]) -> tuple[str, Markup, list[Section]]:
    """Parse Markdown and render each section.

    Args:
      text: with a heading of the first level. HTML in it is shown as text: a run may be called <b>.
      draw: returns the HTML of an image for its alternative text and address.

    Returns:
      The title, the HTML between the title and the first section, and the sections.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("image", lambda self, tokens, at, options, env: _image(tokens[at], draw))
    markdown.add_render_rule("table_open", lambda *_: '<div class="table" tabindex="0" role="region"><table>\n')
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    title = ""
    parts: list[tuple[str, list[Token]]] = [("", [])]
    tokens = markdown.parse(text)
    for at, token in enumerate(tokens):
        if token.tag in ("h1", "h2"):
            if token.type == "heading_open" and token.tag == "h1":
                title = _text(tokens[at + 1])
            elif token.type == "heading_open":
                parts.append((_text(tokens[at + 1]), []))
        elif not (at and tokens[at - 1].type == "heading_open" and tokens[at - 1].tag in ("h1", "h2")):
            parts[-1][1].append(_without_style(token))
    bodies = [Markup(markdown.renderer.render(inside, markdown.options, {})) for _, inside in parts]
    anchors = [re.sub(r"\W+", "-", heading.lower()).strip("-") for heading, _ in parts]
    sections = [Section(*one) for one in zip(anchors, (heading for heading, _ in parts), bodies, strict=True)]
    return title, bodies[0], sections[1:]


def _image(token: Token, draw: Callable[[str, str], str]) -> str:
    return draw(token.content, str(token.attrs["src"]))


def _text(inline: Token) -> str:
    """Return the plain text of a heading."""
    return "".join(child.content for child in inline.children or ())


def _without_style(token: Token) -> Token:
    """Mark columns of figures by a class, since the page's policy forbids inline styles."""
    if token.type in ("th_open", "td_open") and token.attrs.pop("style", ""):
        token.attrs["class"] = "figures"
    return token
