"""What the content models of all kinds share: the base model, annotated types for texts, and the
checks behind them.

A check takes a value and yields a `Fault` for each thing wrong with it; `rule` turns checks into a
Pydantic validator. Nothing here changes
a value: texts are kept exactly as given. Messages are in Swedish, say what to do, and never repeat
the text, which may be what must
not be stored. The codes are explained in `resolvers.kinds.validation.CODES`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    JsonValue,
    PlainSerializer,
    ValidationInfo,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError
from stdnum import luhn

from store.content.hashing import timestamp
from store.errors import Problem

T = TypeVar("T")

TEXT: Final[dict[str, JsonValue]] = {"text": True}
"""Marks prose, which is compared word by word."""
RICH: Final[dict[str, JsonValue]] = {**TEXT, "rich": True}
"""Marks prose in the Markdown subset."""
STAFF_ONLY: Final[dict[str, JsonValue]] = {"resident_visible": False}
"""Marks what residents don't see."""
STAFF_TEXT: Final[dict[str, JsonValue]] = {**TEXT, **STAFF_ONLY}
STAFF_RICH: Final[dict[str, JsonValue]] = {**RICH, **STAFF_ONLY}

SHAPE_ONLY: Final = {"shape_only": True}
"""Validation context in which the rules of this module are skipped: only names and types are
checked.
"""


class Fault(NamedTuple):
    """What is wrong with one value: a stable code and a message for people."""

    code: str
    message: str


Check = Callable[[T], Iterable[Fault]]


def rule(*checks: Check[T]) -> AfterValidator:
    """A validator for `Annotated` that runs every check.

    One Pydantic error carries them all: its type is the first fault's code, and `ctx["faults"]`
    holds every fault.
    """

    def run(value: T, info: ValidationInfo) -> T:
        if info.context is SHAPE_ONLY:
            return value
        faults = [fault for check in checks for fault in check(value)]
        if faults:
            raise PydanticCustomError(faults[0].code, faults[0].message, {"faults": faults})
        return value

    return AfterValidator(run)


class ContentModel(BaseModel):
    """The base of every content model and of its parts.

    Fields are read and dumped by their API names, unknown ones are refused, and types are strict. A
    field given as null counts as left
    out, since GraphQL lets a caller send null for each input field that has a default.
    """

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True, strict=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_left_out(cls, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return data
        aliases = {info.alias for info in cls.model_fields.values()}
        return {
            name: value for name, value in data.items() if value is not None or name not in aliases
        }

    def problems(self) -> Iterator[Problem]:
        """What the fields together break, with paths from this model.

        Each field for itself is in order only as to its type.
        """
        return iter(())


# ------------------------------------------------------------------ plain text


def at_most(limit: int) -> Check[str]:
    """A check of the number of characters (code points)."""

    def check(text: str) -> Iterator[Fault]:
        if len(text) > limit:
            yield Fault("TOO_LONG", f"Korta texten till högst {limit} tecken.")

    return check


def between(low: int, high: int) -> Check[int]:
    """A check of a number, both bounds included."""

    def check(number: int) -> Iterator[Fault]:
        if not low <= number <= high:
            yield Fault("OUT_OF_RANGE", f"Ange ett tal från {low} till {high}.")

    return check


def not_repeated(values: Sequence[str]) -> Iterator[Fault]:
    """A check that a list of codes has each code once."""
    if len(set(values)) < len(values):
        yield Fault("DUPLICATE_VALUE", "Ta bort dubbletterna: samma kod står flera gånger.")


def is_blank(text: str) -> bool:
    """Whether a reader would see nothing: only white space, invisible characters and lone combining
    marks.
    """
    return all(unicodedata.category(c) in _UNSEEN_CATEGORIES or c in _UNSEEN_LETTERS for c in text)


_UNSEEN_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Me"})
_UNSEEN_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def not_blank(text: str) -> Iterator[Fault]:
    """A check that there is something to read."""
    if is_blank(text):
        yield Fault(
            "BLANK", "Fyll i fältet: det får inte vara tomt eller bara innehålla blanksteg."
        )


def one_line(text: str) -> Iterator[Fault]:
    """A check for names and labels, which stand on one line in lists, titles and exports."""
    if re.search("[\t\n\r\u2028\u2029]", text):
        yield Fault("LINE_BREAK", "Skriv på en enda rad, utan radbrytning eller tabb.")


def matches(pattern: str, code: str, message: str) -> Check[str]:
    """A check that the whole text has a form."""
    compiled = re.compile(pattern)

    def check(text: str) -> Iterator[Fault]:
        if not compiled.fullmatch(text):
            yield Fault(code, message)

    return check


_BAD_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def allowed_characters(text: str) -> Iterator[Fault]:
    """A check against control characters (but tab and line breaks) and halves of surrogate pairs."""
    if _BAD_CHARACTER.search(text):
        yield Fault(
            "INVALID_CHARACTER",
            "Ta bort styrtecknen ur texten; skriv eller klistra in den på nytt.",
        )


# ------------------------------------------------------------------ personal identity numbers

_BLANKS = "[ \t\u00a0\u2007\u2009\u202f]?"
_PERSONAL_NUMBER = re.compile(
    rf"(?<!\d)((?:18|19|20)?\d{{6}})({_BLANKS}[-+\u2010-\u2015\u2212]?{_BLANKS})(\d{{4}})(?!\d)"
)
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")


def has_personal_number(text: str) -> bool:
    """Whether a Swedish personnummer or samordningsnummer stands anywhere in a text.

    Found are 10 and 12 digits, with hyphen, plus, dash, blank or nothing before the last four, that
    are no part of a longer run of
    digits, and have a right check digit and a date that exists (for samordningsnummer the day plus
    60). Ten digits right after `tel:` with
    a leading zero are a telephone number.

    Source: python-stdnum's `se.personnummer` knows no samordningsnummer and reads ten digits by
    today's date; so only its Luhn is used.
    """
    if len(text) < 10:
        return False
    readings = [text] if text.isascii() else [text, _INVISIBLE.sub("", text)]
    return any(
        _is_personal_number(match)
        for reading in readings
        for match in _PERSONAL_NUMBER.finditer(reading)
    )


def _is_personal_number(match: re.Match[str]) -> bool:
    separator = match[2]
    born, last = (
        "".join(str(int(digit)) for digit in part) for part in match.group(1, 3)
    )  # full-width digits too
    if (
        born.startswith("0")
        and not separator
        and match.string[max(match.start() - 4, 0) : match.start()].lower() == "tel:"
    ):
        return False
    centuries = (int(born[:2]),) if len(born) == 8 else (18, 19, 20)
    year, month, day = int(born[-6:-4]), int(born[-4:-2]), int(born[-2:])
    day = day - 60 if day > 60 else day
    return any(
        _exists(century * 100 + year, month, day) for century in centuries
    ) and luhn.is_valid(born[-6:] + last)


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def no_personal_number(text: str) -> Iterator[Fault]:
    """A check against personal identity numbers. The message does not repeat the number."""
    if has_personal_number(text):
        yield Fault(
            "PERSONAL_NUMBER",
            "Ta bort personnumret eller samordningsnumret. Visa formatet som ÅÅÅÅMMDD-NNNN; skriv"
            " telefonnummer som 010-123 45 67.",
        )


# ------------------------------------------------------------------ addresses

LINK_SCHEMES: Final = ("https", "http", "mailto", "tel")
IMAGE_SCHEMES: Final = ("https", "http")
_NOT_IN_URL = re.compile(
    r"""[{}\s\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\\<>"`^|]"""
)
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|\w(?:[\w-]*\w)?(?:\.\w(?:[\w-]*\w)?)*\.?")


def check_url(url: str, schemes: Sequence[str] = LINK_SCHEMES) -> Iterator[Fault]:
    """Check that an address is absolute, has an allowed scheme, and leads where it looks to lead."""
    yield from no_personal_number(unquote(url))
    if _NOT_IN_URL.search(url):
        yield Fault("URL_INVALID", "Ta bort blanksteg och otillåtna tecken ur adressen.")
        return
    scheme, _, rest = url.partition(":")
    if scheme.lower() not in schemes:
        yield Fault(
            "URL_SCHEME",
            f"Skriv hela adressen; den ska börja med {_either([f'{name}:' for name in schemes])}.",
        )
        return
    if scheme.lower() in IMAGE_SCHEMES:
        yield from _check_authority(url)
    elif not rest.partition("?")[0]:
        yield Fault("URL_INVALID", "Ange e-postadress eller telefonnummer efter kolonet.")


def _check_authority(url: str) -> Iterator[Fault]:
    try:
        parts = urlsplit(url)
        _ = parts.port  # read for its check of the number
    except ValueError:
        yield Fault("URL_INVALID", "Rätta adressen: värdnamnet eller porten är felskriven.")
        return
    host = parts.netloc.rpartition("@")[2]
    if "@" in parts.netloc:
        yield Fault("URL_USERINFO", "Ta bort användarnamn och lösenord (allt före @) ur adressen.")
    if not _HOST.fullmatch(re.sub(r":\d*$", "", host)):
        yield Fault("URL_HOST", "Ange ett värdnamn efter https://, till exempel www.1177.se.")


def _either(words: Sequence[str]) -> str:
    return " eller ".join([", ".join(words[:-1]), words[-1]])


# ------------------------------------------------------------------ rich text

_DEEPEST = 12  # five lists inside each other; markdown-it drops text without a word from level 20
_SUBSET = frozenset(
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
_REFUSED = {
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
    """CommonMark that leaves every address as written: the library would turn links that it refuses
    into text, where no check sees them.
    """

    def validateLink(self, url: str) -> bool:  # noqa: ARG002, N802 - the library's names
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802 - the library's name
        return url


# Raw HTML and tables are switched on so that they are seen, and refused.
_MARKDOWN = _Markdown("commonmark", {"html": True}).enable("table")


def check_rich_text(text: str) -> Iterator[Fault]:
    """Check that a Markdown text keeps to the subset.

    Allowed are paragraphs, line breaks, headings, bold, italic, lists, links, and images with
    alternative text, of CommonMark without raw
    HTML. Everything else that a CommonMark or GitHub renderer would show as something other than
    text (code, quotes, rules, tables) is
    refused, not dropped, so that a text looks the same wherever it is rendered.

    Source: CommonMark 0.31; WCAG 2.1, criteria 1.1.1 (alternative text) and 2.4.4 (link text).
    """
    env: dict[str, Any] = {}
    try:
        tokens = _MARKDOWN.parse(text, env)
    except RecursionError:
        yield _too_deep()
        return
    if any(token.level > _DEEPEST for token in tokens):
        yield _too_deep()
    for token in tokens:
        yield from _check_token(token)
        children = token.children or []
        yield from _check_link_texts(children)
        yield from no_personal_number(text_of(children))
        for child in _all(children):
            yield from _check_token(child)
    for reference in env.get("references", {}).values():
        yield from check_url(reference["href"])


def addresses(text: str) -> list[str]:
    """Where the links and images of a Markdown text lead, in order."""
    try:
        tokens = _MARKDOWN.parse(text)
    except RecursionError:
        return []
    inline = [child for token in tokens for child in _all(token.children or [])]
    return [
        str(child.attrs.get("href") or child.attrs.get("src"))
        for child in inline
        if child.type in ("link_open", "image")
    ]


def _too_deep() -> Fault:
    return Fault("MARKDOWN_NOT_ALLOWED", "Använd högst fem nivåer av listor i varandra.")


def _check_token(token: Token) -> Iterator[Fault]:
    if token.type in ("html_block", "html_inline"):
        yield Fault(
            "RAW_HTML",
            "Ta bort HTML-taggen. Är det ett mindre än-tecken: sätt ett blanksteg efter det, eller"
            " skriv \\<.",
        )
    elif token.type not in _SUBSET and not token.type.endswith("_close"):
        name = "code" if token.type in _CODE else token.type.partition("_")[0]
        if name in _REFUSED:
            yield Fault("MARKDOWN_NOT_ALLOWED", _REFUSED[name])
        elif name not in ("thead", "tbody", "tr", "th", "td"):  # parts of a refused table
            yield Fault(
                "MARKDOWN_NOT_ALLOWED",
                "Använd bara stycken, fetstil, kursiv stil, listor, länkar, rubriker och bilder.",
            )
    elif token.type == "link_open":
        yield from check_url(str(token.attrs.get("href", "")))
    elif token.type == "image":
        yield from check_url(str(token.attrs.get("src", "")), IMAGE_SCHEMES)
        if is_blank(text_of(token.children or [])):
            yield Fault(
                "IMAGE_ALT_MISSING",
                "Beskriv bilden för den som inte ser den: ![beskrivning](adress).",
            )


def _check_link_texts(tokens: Sequence[Token]) -> Iterator[Fault]:
    opened = None
    for position, token in enumerate(tokens):
        if token.type == "link_open":
            opened = position
        elif (
            token.type == "link_close"
            and opened is not None
            and is_blank(text_of(tokens[opened:position]))
        ):
            yield Fault("LINK_TEXT_MISSING", "Ge länken en text: [text](adress).")


def _all(tokens: Sequence[Token]) -> Iterator[Token]:
    """Inline tokens in reading order, those inside images included."""
    waiting = list(reversed(tokens))
    while waiting:
        token = waiting.pop()
        yield token
        waiting.extend(reversed(token.children or []))


def text_of(tokens: Sequence[Token]) -> str:
    """What a reader sees or hears of inline tokens, without marks."""
    return "".join(
        "\n" if token.type.endswith("break") else "" if token.type == "image" else token.content
        for token in _all(tokens)
    )


# ------------------------------------------------------------------ types

Key = Annotated[
    str,
    rule(
        matches(
            r"[\w-]{1,64}",
            "INVALID_KEY",
            "Använd 1 till 64 bokstäver, siffror, bindestreck eller understreck, utan blanksteg.",
        )
    ),
]
"""Names one item of a list, through all versions."""
Name = Annotated[str, rule(at_most(200), not_blank, one_line)]
"""Mandatory, one line, at most 200 characters."""
Label = Annotated[str, rule(at_most(500), not_blank, one_line)]
"""Mandatory, one line, at most 500 characters."""
PlainText = Annotated[str, rule(at_most(10_000))]
"""Text without marks, escaped wherever it is shown; at most 10 000 characters."""
MandatoryPlainText = Annotated[PlainText, rule(not_blank)]
RichText = Annotated[str, rule(at_most(100_000)), rule(check_rich_text)]
"""The Markdown subset, at most 100 000 characters."""
MandatoryRichText = Annotated[str, rule(at_most(100_000), not_blank), rule(check_rich_text)]
Url = Annotated[str, rule(at_most(2000)), rule(check_url)]
"""An absolute address with one of `LINK_SCHEMES`, at most 2000 characters."""
LanguageTag = Annotated[
    str,
    rule(
        at_most(35),
        matches(
            r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*",
            "INVALID_LANGUAGE",
            "Ange en språkkod enligt BCP 47, till exempel sv eller en-GB.",
        ),
    ),
]
CountyCode = Annotated[
    str,
    rule(matches("[0-9]{2}", "INVALID_CODE", "Ange länskoden med två siffror, till exempel 01.")),
]
MunicipalityCode = Annotated[
    str,
    rule(
        matches("[0-9]{4}", "INVALID_CODE", "Ange kommunkoden med fyra siffror, till exempel 0180.")
    ),
]
RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def moment_of(text: str) -> datetime:
    """A time of the form `RFC3339`, in UTC; anything finer than a millisecond is cut off, as BSON
    would.

    Raises:
        ValueError: There is no such time.
    """
    try:
        time = datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _moment(value: object) -> datetime:
    if isinstance(value, str) and RFC3339.fullmatch(value):
        with suppress(ValueError):
            return moment_of(value)
    fault = Fault(
        "INVALID_TIME",
        "Ange en tidpunkt som finns, med tidszon, till exempel 2026-11-23T08:00:00Z.",
    )
    raise PydanticCustomError(fault.code, fault.message, {"faults": [fault]})


Moment = Annotated[datetime, BeforeValidator(_moment), PlainSerializer(timestamp, when_used="json")]
"""RFC 3339 with an offset; stored in UTC with milliseconds."""
