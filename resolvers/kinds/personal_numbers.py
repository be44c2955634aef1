"""The check against Swedish personal identity numbers, which no text may contain."""

import re
from collections.abc import Iterator
from datetime import date

from stdnum import luhn

from resolvers.kinds.checks import Violation

_OPTIONAL_SPACE = "[ \t\u00a0\u2007\u2009\u202f]?"
_PERSONAL_NUMBER = re.compile(
    rf"(?<!\d)((?:18|19|20)?\d{{6}})"
    rf"({_OPTIONAL_SPACE}[-+\u2010-\u2015\u2212]?{_OPTIONAL_SPACE})(\d{{4}})(?!\d)"
)
_INVISIBLE_CHARACTERS = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")


def has_personal_number(text: str) -> bool:
    """Whether a text contains a Swedish personnummer or samordningsnummer.

    A number has 10 or 12 digits, with a hyphen, plus, dash, space or nothing before the last four.
    It is not part of a longer run of digits, its check digit is correct, and its date exists (for
    a samordningsnummer, the day plus 60). Ten digits with a leading zero directly after `tel:` are
    a telephone number.

    Source: python-stdnum for the Luhn algorithm only. Its `se.personnummer` does not support
    samordningsnummer, and interprets ten digits by today's date.
    """
    if len(text) < 10:
        return False
    readings = [text] if text.isascii() else [text, _INVISIBLE_CHARACTERS.sub("", text)]
    return any(
        _is_personal_number(match)
        for reading in readings
        for match in _PERSONAL_NUMBER.finditer(reading)
    )


def _is_personal_number(match: re.Match[str]) -> bool:
    separator = match[2]
    # int() also reads full-width digits.
    birth_date, last_four = (
        "".join(str(int(digit)) for digit in part) for part in match.group(1, 3)
    )
    if (
        birth_date.startswith("0")
        and not separator
        and match.string[max(match.start() - 4, 0) : match.start()].lower() == "tel:"
    ):
        return False
    centuries = (int(birth_date[:2]),) if len(birth_date) == 8 else (18, 19, 20)
    year, month, day = int(birth_date[-6:-4]), int(birth_date[-4:-2]), int(birth_date[-2:])
    day = day - 60 if day > 60 else day
    return any(
        _date_exists(century * 100 + year, month, day) for century in centuries
    ) and luhn.is_valid(birth_date[-6:] + last_four)


def _date_exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def no_personal_number(text: str) -> Iterator[Violation]:
    """A check against personal identity numbers; the message does not repeat the number."""
    if has_personal_number(text):
        yield Violation(
            "PERSONAL_NUMBER",
            "Ta bort personnumret eller samordningsnumret. Visa formatet som ÅÅÅÅMMDD-NNNN; skriv"
            " telefonnummer som 010-123 45 67.",
        )
