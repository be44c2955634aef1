"""The field types of content models."""

from contextlib import suppress
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer
from pydantic_core import PydanticCustomError

from resolvers.kinds.checks import Violation, checked_by, matches, max_length, not_blank, one_line
from resolvers.kinds.rich_text import check_rich_text
from resolvers.kinds.urls import check_url
from store.content.hashing import timestamp
from store.content.times import parse_time

Key = Annotated[
    str,
    checked_by(
        matches(
            r"[\w-]{1,64}",
            "INVALID_KEY",
            "Använd 1 till 64 bokstäver, siffror, bindestreck eller understreck, utan blanksteg.",
        )
    ),
]
"""Identifies an item of a list across versions."""
Name = Annotated[str, checked_by(max_length(200), not_blank, one_line)]
"""Mandatory, one line, at most 200 characters."""
Label = Annotated[str, checked_by(max_length(500), not_blank, one_line)]
"""Mandatory, one line, at most 500 characters."""
PlainText = Annotated[str, checked_by(max_length(10_000))]
"""Text without markup, escaped wherever it is shown; at most 10,000 characters."""
MandatoryPlainText = Annotated[PlainText, checked_by(not_blank)]
RichText = Annotated[str, checked_by(max_length(100_000)), checked_by(check_rich_text)]
"""The Markdown subset, at most 100,000 characters."""
MandatoryRichText = Annotated[
    str, checked_by(max_length(100_000), not_blank), checked_by(check_rich_text)
]
Url = Annotated[str, checked_by(max_length(2000)), checked_by(check_url)]
"""An absolute address with one of `LINK_SCHEMES`, at most 2000 characters."""
LanguageTag = Annotated[
    str,
    checked_by(
        max_length(35),
        matches(
            r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*",
            "INVALID_LANGUAGE",
            "Ange en språkkod enligt BCP 47, till exempel sv eller en-GB.",
        ),
    ),
]
CountyCode = Annotated[
    str,
    checked_by(
        matches("[0-9]{2}", "INVALID_CODE", "Ange länskoden med två siffror, till exempel 01.")
    ),
]
MunicipalityCode = Annotated[
    str,
    checked_by(
        matches("[0-9]{4}", "INVALID_CODE", "Ange kommunkoden med fyra siffror, till exempel 0180.")
    ),
]


def _moment(value: object) -> datetime:
    if isinstance(value, str):
        with suppress(ValueError):
            return parse_time(value)
    violation = Violation(
        "INVALID_TIME",
        "Ange en tidpunkt som finns, med tidszon, till exempel 2026-11-23T08:00:00Z.",
    )
    raise PydanticCustomError(violation.code, violation.message, {"violations": [violation]})


Moment = Annotated[datetime, BeforeValidator(_moment), PlainSerializer(timestamp, when_used="json")]
"""RFC 3339 with an offset; stored in UTC with milliseconds."""
