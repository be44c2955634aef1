"""Canonical JSON, for hashes and for comparing values.

Source: RFC 8785 (JSON Canonicalization Scheme). For the values in registry rows, orjson writes the
same bytes as the reference library `rfc8785` in a fraction of its time.
tests/rules/test_canonical.py compares the two.
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
    """Return the canonical JSON of a value: equal bytes mean equal values, and true is not 1.

    Args:
        value: Strings, integers, booleans and null, in lists and in objects with ASCII names.
            Fractions do not occur in the registry: their text would not be RFC 8785's.

    Raises:
        TypeError: The value contains another type, an integer beyond 53 bits, half a surrogate
            pair, or more than some 250 levels.
    """
    return orjson.dumps(value, option=_OPTIONS)
