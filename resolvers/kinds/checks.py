"""Checks of single values.

A check takes a value and yields a `Violation` for each rule that the value breaks; `checked_by`
turns checks into a Pydantic validator. Checks never change a value: texts are stored exactly as
given. Messages are in Swedish, say what to do, and never repeat the text, since it may be something
that must not be stored. `resolvers.kinds.validation.CODES` explains the codes.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

from pydantic import AfterValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from store.errors import Path, Problem

T = TypeVar("T")

SHAPE_ONLY: Final = {"shape_only": True}
"""The validation context that skips checks: only names and types are validated."""


class Violation(NamedTuple):
    """A broken rule: a stable code, and a message for people."""

    code: str
    message: str


Check = Callable[[T], Iterable[Violation]]


def checked_by(*checks: Check[T]) -> AfterValidator:
    """A validator for `Annotated` that runs every check.

    A single Pydantic error reports all violations: its type is the first code, and
    `ctx["violations"]` has the list.
    """

    def run(value: T, info: ValidationInfo) -> T:
        if info.context is SHAPE_ONLY:
            return value
        violations = [violation for check in checks for violation in check(value)]
        if violations:
            first = violations[0]
            raise PydanticCustomError(first.code, first.message, {"violations": violations})
        return value

    return AfterValidator(run)


def problems_in(value: T, checks: Iterable[Check[T]], path: Path) -> list[Problem]:
    """The problems that checks find in a value, all with one path."""
    return [
        Problem(violation.code, violation.message, path)
        for check in checks
        for violation in check(value)
    ]


def max_length(limit: int) -> Check[str]:
    """A check of the length of a text, in characters (code points)."""

    def check(text: str) -> Iterator[Violation]:
        if len(text) > limit:
            yield Violation("TOO_LONG", f"Korta texten till högst {limit} tecken.")

    return check


def in_range(low: int, high: int) -> Check[int]:
    """A check that a number is from `low` to `high`, both included."""

    def check(number: int) -> Iterator[Violation]:
        if not low <= number <= high:
            yield Violation("OUT_OF_RANGE", f"Ange ett tal från {low} till {high}.")

    return check


def unique(values: Sequence[str]) -> Iterator[Violation]:
    """A check that a list contains each code once."""
    if len(set(values)) < len(values):
        yield Violation("DUPLICATE_VALUE", "Ta bort dubbletterna: samma kod står flera gånger.")


_INVISIBLE_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Me"})
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")


def is_blank(text: str) -> bool:
    """Whether a text shows nothing.

    Such a text has only white space, invisible characters and lone combining marks.
    """
    return all(
        unicodedata.category(character) in _INVISIBLE_CATEGORIES or character in _INVISIBLE_LETTERS
        for character in text
    )


def not_blank(text: str) -> Iterator[Violation]:
    """A check that a text is not blank."""
    if is_blank(text):
        yield Violation(
            "BLANK", "Fyll i fältet: det får inte vara tomt eller bara innehålla blanksteg."
        )


def one_line(text: str) -> Iterator[Violation]:
    """A check for names and labels, which lists, titles and exports show on one line."""
    if re.search("[\t\n\r\u2028\u2029]", text):
        yield Violation("LINE_BREAK", "Skriv på en enda rad, utan radbrytning eller tabb.")


def matches(pattern: str, code: str, message: str) -> Check[str]:
    """A check that the whole text matches a pattern."""
    compiled = re.compile(pattern)

    def check(text: str) -> Iterator[Violation]:
        if not compiled.fullmatch(text):
            yield Violation(code, message)

    return check


_FORBIDDEN_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def allowed_characters(text: str) -> Iterator[Violation]:
    """A check against control characters (except tab and line breaks) and lone surrogates."""
    if _FORBIDDEN_CHARACTER.search(text):
        yield Violation(
            "INVALID_CHARACTER",
            "Ta bort styrtecknen ur texten; skriv eller klistra in den på nytt.",
        )
