"""One operation as a client sent it, over whatever transport."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """One operation as a client sent it."""

    query: str
    variables: Mapping[str, Any]
    operation_name: str | None = None
    last_event_id: str | None = None


def request_of(asked: Any, last_event_id: str | None = None) -> Request | None:
    """An operation as it came in JSON; None where it is none."""
    if not isinstance(asked, dict):
        return None
    query, name = asked.get("query"), asked.get("operationName")
    variables, extensions = asked.get("variables"), asked.get("extensions")
    if not isinstance(query, str) or not query or not isinstance(name, str | None):
        return None
    if not isinstance(variables, dict | None) or not isinstance(extensions, dict | None):
        return None
    return Request(query, variables or {}, name, last_event_id)
