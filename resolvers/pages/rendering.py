"""Renders case types and terms texts as HTML, for residents or as a preview.

The HTML is accessible (WCAG 2.1 AA) and sanitised. The template escapes every value. Rich text goes
through a Markdown parser without raw HTML, and then through a sanitiser that allows only the tags
and attributes of the subset. The result is a fragment without scripts or styles, to be placed below
the `h1` of a page.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import nh3
from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from resolvers.kinds.rich_text import visible_text
from resolvers.kinds.urls import LINK_SCHEMES

_TAGS: Final = frozenset(
    {"p", "strong", "em", "ul", "ol", "li", "a", "h3", "h4", "h5", "h6", "br", "img"}
)
_ATTRIBUTES: Final = {"a": {"href", "title"}, "img": {"src", "alt", "title"}, "ol": {"start"}}
_MAX_HEADING_LEVEL = 6

_markdown = MarkdownIt("commonmark", {"html": False})
_templates = Environment(
    loader=PackageLoader("resolvers", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def rich_text(markdown: str, below: int = 2) -> Markup:
    """A rich text as sanitised HTML, with its headings below a heading of level `below`.

    The heading of a fragment is an `h2`, hence the default.
    """
    tokens = _markdown.parse(markdown)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + below, _MAX_HEADING_LEVEL)}"
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    clean = nh3.clean(
        html,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        url_schemes=set(LINK_SCHEMES),
        link_rel="noopener noreferrer",
    )
    return Markup(clean)  # noqa: S704 - sanitised on the line above


_templates.filters["rich_text"] = rich_text


def case_type_page(content: Mapping[str, Any], name: str) -> str:
    """A case type as an HTML fragment.

    Args:
        content: The content by the current content model, with a clinic's additions; placeholders
            can be filled or not.
        name: The prefix of every id, so that a page can have several fragments: letters, digits,
            hyphens, underscores.
    """
    return _templates.get_template("case_type.html.j2").render(content=content, name=name)


class Excerpt(NamedTuple):
    """The start of a rich text as plain text, and whether it was cut off."""

    text: str
    cut: bool


def excerpt_of(markdown: str, characters: int) -> Excerpt:
    """The start of a rich text as plain text on one line, with at most `characters` characters.

    It is cut between words where possible.
    """
    parts = [
        visible_text(token.children or [])
        for token in _markdown.parse(markdown)
        if token.type == "inline"
    ]
    whole = " ".join(" ".join(parts).split())
    if len(whole) <= characters:
        return Excerpt(whole, cut=False)
    words = whole[: characters + 1].rpartition(" ")[0]
    return Excerpt(words or whole[:characters], cut=True)


def terms_text_page(content: Mapping[str, Any], name: str, lead: Excerpt, *, accept: bool) -> str:
    """A terms text as an HTML fragment.

    Args:
        content: The content by the current content model; placeholders can be filled or not.
        name: The prefix of every id.
        lead: The excerpt of the clinic text that is shown before it is expanded.
        accept: Whether the resident must accept the terms.
    """
    return _templates.get_template("terms_text.html.j2").render(
        content=content, name=name, lead=lead, accept=accept
    )
