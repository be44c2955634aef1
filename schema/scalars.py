"""The scalars of the contract: parsing and serialization.

The error messages for invalid values do not repeat the values.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from store.content.hashing import timestamp
from store.content.times import MalformedTime, parse_time

HsaId = NewType("HsaId", str)
Cursor = NewType("Cursor", str)
Markdown = NewType("Markdown", str)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise GraphQLError("Expected a string.")
    return value


def _time(value: Any) -> datetime:
    """Parse an RFC 3339 time with an offset."""
    try:
        return parse_time(value if isinstance(value, str) else "")
    except MalformedTime:
        raise GraphQLError(
            "Expected an RFC 3339 time with an offset, such as 2026-11-23T08:00:00Z."
        ) from None
    except ValueError:
        raise GraphQLError("This time does not exist.") from None


SCALARS: Mapping[object, ScalarDefinition] = {
    HsaId: strawberry.scalar(
        name="HsaId",
        description=(
            "An HSA-id such as SE2321000016-1A2B. Stored as given; compared without regard to case."
        ),
        serialize=str,
        parse_value=_text,
    ),
    Cursor: strawberry.scalar(
        name="Cursor",
        description="An opaque position in a principal's log.",
        serialize=str,
        parse_value=_text,
    ),
    Markdown: strawberry.scalar(
        name="Markdown",
        description=(
            "Markdown without raw HTML: paragraphs, bold, italic, lists, links, headings, and"
            " images with alternative text."
        ),
        serialize=str,
        parse_value=_text,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value. Used only in results, never in input.",
        serialize=lambda value: value,
        parse_value=lambda value: value,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A time in RFC 3339 format. Results are in UTC with millisecond precision.",
        serialize=timestamp,
        parse_value=_time,
    ),
}
