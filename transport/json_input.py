"""Parses JSON from clients strictly, within limits.

JSON that parsers understand differently is refused, such as an object with the same key twice.

Source: RFC 8259.
"""

import json
import re
from typing import Any

import orjson

_MAX_DEPTH = 64
_MAX_CONTAINERS = 50_000
_MAX_VALUES = 100_000
_MAX_NUMBER_CHARACTERS = 40
_SMALL_BYTES = 64 * 1024
"""Text of this length cannot exceed the limits of containers and values."""
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or one without an end. Without the latter the pattern would try each quotation mark in
it as a start, which takes quadratic time.
"""


class NotJson(ValueError):
    """The text is not JSON, or is JSON that parsers understand differently.

    The message does not repeat any of the text.
    """


def read_json(data: bytes | str) -> Any:
    """Parse JSON in UTF-8.

    Raises:
        NotJson: The text is not valid; it has NaN, infinities, half of a surrogate pair, the same
            key twice in an object, a number of over 40 characters, more than 64 levels, more than
            50,000 lists and objects, or more than 100,000 values.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(raw) > _SMALL_BYTES:
        _refuse_many(raw)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise NotJson("This is not valid JSON in UTF-8.") from None
    if _containers(raw) > _MAX_DEPTH:
        _refuse_depth(value)
    # orjson takes the last of several values of a key, and parses long numbers as floats. This
    # parser refuses both; its result is not used.
    _CHECKER.decode(data if isinstance(data, str) else data.decode())
    return value


def _refuse_many(raw: bytes) -> None:
    """Refuse text with many values before it is parsed, which takes time and memory for each.

    Characters in strings do not count: a string may be a whole JSON file.
    """
    # Each string has at least one quotation mark that is not escaped.
    if raw.count(b'"') - raw.count(b'\\"') > 2 * _MAX_VALUES:
        raise NotJson(f"The JSON has more than {_MAX_VALUES} strings.")
    if _containers(raw) > _MAX_CONTAINERS and _containers(_STRING.sub(b"", raw)) > _MAX_CONTAINERS:
        raise NotJson(f"The JSON has more than {_MAX_CONTAINERS} lists and objects.")
    if raw.count(b",") > _MAX_VALUES and _STRING.sub(b"", raw).count(b",") > _MAX_VALUES:
        raise NotJson(f"The JSON has more than {_MAX_VALUES} values.")


def _containers(raw: bytes) -> int:
    return raw.count(b"[") + raw.count(b"{")


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(_MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            if outer.__class__ in {dict, list}
            for inner in (outer.values() if outer.__class__ is dict else outer)
        ]
        if not level:
            return
    raise NotJson(f"The JSON is nested more than {_MAX_DEPTH} deep.")


def _refuse_repetition(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise NotJson("An object in the JSON has a key twice.")


def _refuse_length(number: str) -> None:
    if len(number) > _MAX_NUMBER_CHARACTERS:
        raise NotJson(f"A number in the JSON has more than {_MAX_NUMBER_CHARACTERS} characters.")


_CHECKER = json.JSONDecoder(
    object_pairs_hook=_refuse_repetition, parse_int=_refuse_length, parse_float=_refuse_length
)
