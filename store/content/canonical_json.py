"""Canonical JSON, over which hashes are taken and by which values are told apart.

Source: RFC 8785 (JSON Canonicalization Scheme). For what registry rows hold, orjson writes the same
bytes as the reference library `rfc8785`, at a
small part of its time; tests/rules/test_canonical.py holds the two to each other.
"""

from typing import Any

import orjson

_OPTIONS = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_STRICT_INTEGER
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_DATETIME
)


def canonical(value: Any) -> bytes:
    """The one text of a value: equal texts are equal values, and true is not 1.

    Args:
        value: Texts, whole numbers, booleans and null, in lists and in objects whose names are
            ASCII. Fractions have no place in the registry: their
            text would not be RFC 8785's.

    Raises:
        TypeError: It holds something else, a number beyond 53 bits, half a surrogate pair, or more
            than some 250 levels.
    """
    return orjson.dumps(value, option=_OPTIONS)
