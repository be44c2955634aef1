"""The Markdown subset of rich texts."""

from collections.abc import Iterator, Sequence
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from resolvers.kinds.checks import Violation, is_blank
from resolvers.kinds.personal_numbers import no_personal_number
from resolvers.kinds.urls import IMAGE_SCHEMES, check_url

_MAX_LEVEL = 12  # five nested lists; markdown-it silently drops text from level 20 on
_ALLOWED_TOKENS = frozenset(
    f"{name}_{side}"
    for name in (
        "paragraph",
        "heading",
        "bullet_list",
        "ordered_list",
        "list_item",
        "em",
        "strong",
        "link",
    )
    for side in ("open", "close")
) | {"inline", "text", "softbreak", "hardbreak", "image", "text_special"}
_REFUSAL_MESSAGES = {
    "code": (
        "Kod stöds inte: ta bort grav accent (`) och ```-rader, och låt inga rader börja med fyra"
        " blanksteg."
    ),
    "blockquote": "Citat stöds inte: ta bort tecknet > i början av raden, eller skriv \\>.",
    "hr": "Vågräta linjer stöds inte: ta bort raden med ---, *** eller ___.",
    "table": "Tabeller stöds inte: skriv innehållet som en lista.",
}
_CODE = frozenset({"code_inline", "code_block", "fence"})


class _Markdown(MarkdownIt):
    """A CommonMark parser that keeps every address as written.

    By default the library turns links that it refuses into text, where no check would find them.
    """

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - the library's names
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the library's name
        return url


# Raw HTML and tables are enabled so that they can be detected and refused.
_MARKDOWN = _Markdown("commonmark", {"html": True}).enable("table")


def check_rich_text(text: str) -> Iterator[Violation]:
    """Check that a Markdown text uses the subset only.

    The subset is CommonMark without raw HTML: paragraphs, line breaks, headings, bold, italic,
    lists, links, and images with alternative text. Everything else that a CommonMark or GitHub
    renderer would not show as text (code, quotes, rules, tables) is refused and not dropped, so
    that a text looks the same wherever it is rendered.

    Source: CommonMark 0.31; WCAG 2.1, criteria 1.1.1 (alternative text) and 2.4.4 (link text).
    """
    env: dict[str, Any] = {}
    try:
        tokens = _MARKDOWN.parse(text, env)
    except RecursionError:
        yield _too_deep()
        return
    if any(token.level > _MAX_LEVEL for token in tokens):
        yield _too_deep()
    for token in tokens:
        yield from _check_token(token)
        children = token.children or []
        yield from _check_link_texts(children)
        yield from no_personal_number(visible_text(children))
        for child in _walk(children):
            yield from _check_token(child)
    for reference in env.get("references", {}).values():
        yield from check_url(reference["href"])


def link_targets(text: str) -> list[str]:
    """The addresses of the links and images of a Markdown text, in order."""
    try:
        tokens = _MARKDOWN.parse(text)
    except RecursionError:
        return []
    inline = [child for token in tokens for child in _walk(token.children or [])]
    return [
        str(child.attrs.get("href") or child.attrs.get("src"))
        for child in inline
        if child.type in ("link_open", "image")
    ]


def _too_deep() -> Violation:
    return Violation("MARKDOWN_NOT_ALLOWED", "Använd högst fem nivåer av listor i varandra.")


def _check_token(token: Token) -> Iterator[Violation]:
    if token.type in ("html_block", "html_inline"):
        yield Violation(
            "RAW_HTML",
            "Ta bort HTML-taggen. Är det ett mindre än-tecken: sätt ett blanksteg efter det, eller"
            " skriv \\<.",
        )
    elif token.type not in _ALLOWED_TOKENS and not token.type.endswith("_close"):
        name = "code" if token.type in _CODE else token.type.partition("_")[0]
        if name in _REFUSAL_MESSAGES:
            yield Violation("MARKDOWN_NOT_ALLOWED", _REFUSAL_MESSAGES[name])
        elif name not in ("thead", "tbody", "tr", "th", "td"):  # parts of a refused table
            yield Violation(
                "MARKDOWN_NOT_ALLOWED",
                "Använd bara stycken, fetstil, kursiv stil, listor, länkar, rubriker och bilder.",
            )
    elif token.type == "link_open":
        yield from check_url(str(token.attrs.get("href", "")))
    elif token.type == "image":
        yield from check_url(str(token.attrs.get("src", "")), IMAGE_SCHEMES)
        if is_blank(visible_text(token.children or [])):
            yield Violation(
                "IMAGE_ALT_MISSING",
                "Beskriv bilden för den som inte ser den: ![beskrivning](adress).",
            )


def _check_link_texts(tokens: Sequence[Token]) -> Iterator[Violation]:
    opened = None
    for position, token in enumerate(tokens):
        if token.type == "link_open":
            opened = position
        elif (
            token.type == "link_close"
            and opened is not None
            and is_blank(visible_text(tokens[opened:position]))
        ):
            yield Violation("LINK_TEXT_MISSING", "Ge länken en text: [text](adress).")


def _walk(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield inline tokens in reading order, including those inside images."""
    stack = list(reversed(tokens))
    while stack:
        token = stack.pop()
        yield token
        stack.extend(reversed(token.children or []))


def visible_text(tokens: Sequence[Token]) -> str:
    """The text that a reader sees or hears of inline tokens, without markup."""
    return "".join(
        "\n" if token.type.endswith("break") else "" if token.type == "image" else token.content
        for token in _walk(tokens)
    )
