"""Reads the times of day that callers, files and stored content give as text.

`store.content.hashing.timestamp` writes them.

Source: RFC 3339, section 5.6.
"""

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII | re.IGNORECASE
)


class MalformedTime(ValueError):
    """The text is not written as RFC 3339 with an offset requires."""


def parse_time(text: str) -> datetime:
    """Parse an RFC 3339 time with an offset.

    Args:
        text: Date, time of day, up to nine decimals of a second, and `Z` or an offset. `T` and `Z`
            may be in lower case.

    Returns:
        The time in UTC. Digits finer than a millisecond are cut off, as BSON would.

    Raises:
        MalformedTime: The text has another form.
        ValueError: The form is right, but there is no such time.
    """
    if not _RFC3339.fullmatch(text):
        raise MalformedTime(text)
    try:
        time = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error
    return time.replace(microsecond=time.microsecond // 1000 * 1000)
