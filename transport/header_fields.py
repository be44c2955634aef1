"""Reads fields from the headers of an ASGI scope."""

from collections.abc import Iterable

RawHeaders = Iterable[tuple[bytes, bytes]]


def list_field(headers: RawHeaders, name: bytes) -> str | None:
    """Return the value of a field whose value is a list; None if the request has no such field.

    Several lines of one field are one list (RFC 9110, section 5.3).

    Args:
        headers: As in the scope, with names in lower case.
        name: In lower case.
    """
    lines = [value for key, value in headers if key == name]
    return b", ".join(lines).decode("latin-1") if lines else None
