"""Case types and terms texts as HTML: what a resident meets, or a preview of it. Accessible (WCAG
2.1 AA) and sanitised.

Every value is escaped by the template; rich text goes through a Markdown parser that knows the
subset only, and then through a sanitiser that
would let nothing else out. The result is a fragment without scripts or styles, to stand below a
page's `h1`.
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
_LOWEST_HEADING = 6

_markdown = MarkdownIt("commonmark", {"html": False})
_templates = Environment(
    loader=PackageLoader("resolvers", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def rich_text(markdown: str, below: int = 2) -> Markup:
    """A rich text as sanitised HTML; its headings stand below one of the level `below`: the
    fragment's own is an `h2`.
    """
    tokens = _markdown.parse(markdown)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + below, _LOWEST_HEADING)}"
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
        content: A case type's content as today's model has it, with a clinic's additions and
            placeholders filled or not.
        name: Begins every id of the fragment, so that several can stand on one page: letters,
            digits, hyphens, underscores.
    """
    return _templates.get_template("case_type.html.j2").render(content=content, name=name)


class Lead(NamedTuple):
    """The beginning of a rich text as plain text, and whether there is more."""

    text: str
    cut: bool


def lead_of(markdown: str, characters: int) -> Lead:
    """The first so many characters that a reader sees of a rich text, on one line; cut off between
    words where there are some.
    """
    parts = [
        visible_text(token.children or [])
        for token in _markdown.parse(markdown)
        if token.type == "inline"
    ]
    whole = " ".join(" ".join(parts).split())
    if len(whole) <= characters:
        return Lead(whole, cut=False)
    words = whole[: characters + 1].rpartition(" ")[0]
    return Lead(words or whole[:characters], cut=True)


def terms_text_page(content: Mapping[str, Any], name: str, lead: Lead, *, accept: bool) -> str:
    """A terms text as an HTML fragment.

    Args:
        content: A terms text's content as today's model has it, with placeholders filled or not.
        name: Begins every id of the fragment.
        lead: Of its clinic text.
        accept: Whether the resident must accept the terms.
    """
    return _templates.get_template("terms_text.html.j2").render(
        content=content, name=name, lead=lead, accept=accept
    )
