"""The parser for `Accept` and `Accept-Encoding`, and the parser for `If-None-Match`."""

import time

import pytest

from execution.if_none_match import IfNoneMatch
from transport.header_fields import list_field
from transport.media_types import EVENT_STREAM, JSON, RESPONSE_JSON, is_json, response_media_type
from transport.negotiation import accepts, parse_preferences, prefers_gzip

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", []),
        (", ,", []),
        ("text/csv", [("text/csv", 1.0)]),
        ("Text/CSV ; Q=0.5 ,\tgzip;q=0", [("text/csv", 0.5), ("gzip", 0.0)]),
        ('a/b;x="c,d;q=0.1";q=0.2, e', [("a/b", 0.2), ("e", 1.0)]),
        ('a;x="\\",";q=0.3, b', [("a", 0.3), ("b", 1.0)]),
        ("a;q=1.000, b;q=0.123, c;q=0., d;q=1.", [("a", 1), ("b", 0.123), ("c", 0), ("d", 1)]),
        ("a;q=1.1, b;q=2, c;q=-1, d;q=nan, e;q=inf, f;q=.5, g;q=0.1234, h;q=, i;q=1e0", []),
        ('a;x="never closed, b', [("a", 1.0)]),
    ],
)
def test_preferences_are_parsed(header: str, expected: list[tuple[str, float]]) -> None:
    found = [(preference.name, preference.quality) for preference in parse_preferences(header)]

    assert found == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (BROWSER, JSON),
        ("APPLICATION/JSON", JSON),
        ("application/graphql-response+json; charset=utf-8, application/json", RESPONSE_JSON),
        ("application/json, application/graphql-response+json", JSON),
        ("application/json;q=0.9, application/graphql-response+json", RESPONSE_JSON),
        ("application/json;q=0, */*", RESPONSE_JSON),
        ("application/json;q=0.1, */*", RESPONSE_JSON),
        ("*/*;q=0.1, text/event-stream;q=0.2", EVENT_STREAM),
        ("text/*", EVENT_STREAM),
        ("*/*;q=0", None),
        ("text/html", None),
        (",", None),
        ("application/json;q=x", None),
    ],
)
def test_the_graphql_endpoint_responds_in_the_preferred_media_type(
    header: str, expected: str | None
) -> None:
    assert response_media_type(header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", True),
        ("*/*", True),
        (BROWSER, True),
        ("text/csv;charset=utf-8", True),
        ("text/*;q=0.001", True),
        ("text/csv;q=0, text/csv;q=0.5", True),
        ("text/*, text/csv;q=0", False),
        ("*/*, text/*;q=0", False),
        ("application/*", False),
    ],
)
def test_the_most_specific_range_decides_what_is_accepted(header: str, expected: bool) -> None:
    assert accepts(header, "text/csv") is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("gzip", True),
        ("deflate, GZIP;q=0.1", True),
        ("*", True),
        ("br, *;q=0.5", True),
        ("gzip, identity", True),
        ("gzip;q=0.5, identity;q=0.4", True),
        ("gzip;q=0.5, identity", False),
        ("", False),
        ("br", False),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip;q=0.000, *", False),
        ("*;q=0", False),
        ("gzip;q=x, *;q=2", False),
    ],
)
def test_gzip_is_used_where_the_client_prefers_it(header: str, expected: bool) -> None:
    assert prefers_gzip(header) is expected


def test_several_lines_of_a_field_are_one_list() -> None:
    headers = [(b"accept", b"a"), (b"host", b"x"), (b"accept", b"b;q=0.5")]

    assert list_field(headers, b"accept") == "a, b;q=0.5"
    assert list_field(headers, b"if-none-match") is None


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", True),
        ("Application/JSON ; Charset=UTF-8", True),
        ('application/json; charset="utf-8"', True),
        ("application/json; charset=latin-1", False),
        ("application/jsonx", False),
        ("", False),
    ],
)
def test_json_bodies_are_recognised(content_type: str, expected: bool) -> None:
    assert is_json(content_type) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('"a"', True),
        ('W/"a"', True),
        ('"x", W/"a" ,"y"', True),
        (', "x",, "a",', True),
        ('"x,y","a"', True),
        ("*", True),
        (" *\t", True),
        ("", False),
        ('""', False),
        ('"A"', False),
        ('"x,"a"', False),
        ('w/"a"', False),
        ("a", False),
        ('"a', False),
        ('"a", x', False),
        ('"a" "b"', False),
        ('"a", *', False),
        ('"x, "a", y"', False),
    ],
)
@pytest.mark.parametrize("tag", ['"a"', 'W/"a"'])
def test_an_if_none_match_header_matches_its_tags(header: str, expected: bool, tag: str) -> None:
    assert IfNoneMatch.parse(header).matches(tag) is expected


def test_a_star_matches_without_naming_a_tag() -> None:
    star = IfNoneMatch.parse("*")

    assert (star.any, star.names('"a"'), star.matches('"a"')) == (True, False, True)


@pytest.mark.parametrize("text", ["a;", '"', '"\\', " ", ",", 'x="', "\t", '"",'])
def test_long_headers_are_parsed_in_linear_time(text: str) -> None:
    header = text * (64 * 1024 // len(text)) + "!"
    started = time.process_time()

    parse_preferences.__wrapped__(header)
    IfNoneMatch.parse(header)

    assert time.process_time() - started < 1
