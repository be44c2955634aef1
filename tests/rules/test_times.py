"""The parser of RFC 3339 times."""

from datetime import UTC, datetime

import pytest

from store.content.times import MalformedTime, parse_time

EIGHT = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-23T08:00:00Z", EIGHT),
        ("2026-11-23t08:00:00z", EIGHT),
        ("2026-11-23T09:30:00+01:30", EIGHT),
        ("2026-11-23T08:00:00-00:00", EIGHT),
        ("2026-11-23T08:00:00.1239Z", EIGHT.replace(microsecond=123_000)),
        ("2026-11-23T08:00:00.123999999Z", EIGHT.replace(microsecond=123_000)),
    ],
)
def test_a_time_is_read_in_utc_with_milliseconds(text: str, expected: datetime) -> None:
    assert parse_time(text) == expected
    assert parse_time(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-23",
        "2026-11-23T08:00:00",
        "2026-11-23T08:00Z",
        "2026-11-23 08:00:00Z",
        "2026-11-23T08:00:00.Z",
        "2026-11-23T08:00:00.1234567890Z",
        "2026-11-23T08:00:00+0100",
        "2026-W48-1T08:00:00Z",
        "2026-11-23T08:00:00Z\n",
        "２026-11-23T08:00:00Z",  # noqa: RUF001 - a digit, but not of ASCII
    ],
)
def test_another_form_is_malformed(text: str) -> None:
    with pytest.raises(MalformedTime):
        parse_time(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T08:00:00Z",
        "2026-11-23T25:00:00Z",
        "2026-11-23T08:00:00+24:00",
        "0001-01-01T00:00:00+10:00",
        "9999-12-31T23:59:59-10:00",
    ],
)
def test_a_time_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_time(text)

    assert caught.type is not MalformedTime
