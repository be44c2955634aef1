"""JSON as it comes in: by the letter of RFC 8259, and without what readers of JSON understand
differently.
"""

import json
import re
from typing import Any

import orjson

_DEEPEST = 64
_MAX_CONTAINERS = 50_000
_MAX_VALUES = 100_000
_MAX_NUMBER = 40
_SHORT = 64 * 1024
"""So few bytes hold not more than that of anything."""
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or one that has no end: else each quotation mark in that would be tried as a beginning,
and each up to the end.
"""


class NotJson(ValueError):
    """What was sent is no JSON, or JSON that not all readers read alike.

    Says what is wrong, and repeats nothing of it.
    """


def read_json(data: bytes | str) -> Any:
    """A value from JSON text in UTF-8.

    Raises:
        NotJson: It is none; or has NaN, infinities, half of a surrogate pair, the same key twice in
            an object, a number of over 40 characters,
            or is nested more than 64 deep, or has more than 50,000 lists and objects or 100,000
            values.
    """
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if len(raw) > _SHORT:
        _refuse_number(raw)
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise NotJson("This is no valid JSON in UTF-8.") from None
    if _containers(raw) > _DEEPEST:
        _refuse_depth(value)
    # orjson takes the last of several values of a key, and reads long numbers as floats. The other
    # reader keeps nothing: it only looks.
    _LOOKER.decode(data if isinstance(data, str) else data.decode())
    return value


def _refuse_number(raw: bytes) -> None:
    """Each value takes memory and time long before anybody asks what it is.

    Within a string, as in a file of JSON, all are characters.
    """
    if (
        raw.count(b'"') - raw.count(b'\\"') > 2 * _MAX_VALUES
    ):  # each string has at least one quote that is not escaped
        raise NotJson(f"The JSON has more than {_MAX_VALUES} strings.")
    if _containers(raw) > _MAX_CONTAINERS and _containers(_STRING.sub(b"", raw)) > _MAX_CONTAINERS:
        raise NotJson(f"The JSON has more than {_MAX_CONTAINERS} lists and objects.")
    if raw.count(b",") > _MAX_VALUES and _STRING.sub(b"", raw).count(b",") > _MAX_VALUES:
        raise NotJson(f"The JSON has more than {_MAX_VALUES} values.")


def _containers(raw: bytes) -> int:
    return raw.count(b"[") + raw.count(b"{")


def _refuse_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST + 1):
        level = [
            inner
            for one in level
            if one.__class__ in {dict, list}
            for inner in (one.values() if one.__class__ is dict else one)
        ]
        if not level:
            return
    raise NotJson(f"The JSON is nested more than {_DEEPEST} deep.")


def _refuse_repetition(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise NotJson("An object in the JSON has a key twice.")


def _refuse_length(number: str) -> None:
    if len(number) > _MAX_NUMBER:
        raise NotJson(f"A number in the JSON has more than {_MAX_NUMBER} characters.")


_LOOKER = json.JSONDecoder(
    object_pairs_hook=_refuse_repetition, parse_int=_refuse_length, parse_float=_refuse_length
)
