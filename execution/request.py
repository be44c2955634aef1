"""One operation as a client sent it, over whatever transport."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from execution.trusted_documents import digest_of
from schema.errors import TopLevelError


@dataclass(frozen=True, slots=True)
class Request:
    """One operation as a client sent it: its text, the SHA-256 of that, or both.

    Attributes:
        longer_than: Where it is longer than operations may be that take neither files nor whole
            documents: how many bytes those may have.
    """

    query: str | None
    variables: Mapping[str, Any]
    operation_name: str | None = None
    last_event_id: str | None = None
    digest: str | None = None
    longer_than: int | None = None


def request_of(asked: Any, last_event_id: str | None = None) -> Request | None:
    """An operation as it came in JSON; None where it is none."""
    if not isinstance(asked, dict):
        return None
    query, name = asked.get("query"), asked.get("operationName")
    variables, extensions = asked.get("variables"), asked.get("extensions")
    if not isinstance(query, str | None) or query == "" or not isinstance(name, str | None):
        return None
    if not isinstance(variables, dict | None) or not isinstance(extensions, dict | None):
        return None
    try:
        digest = digest_of(extensions)
    except ValueError:
        return None
    return (
        None
        if query is None and digest is None
        else Request(query, variables or {}, name, last_event_id, digest)
    )


def body_too_large(limit: int) -> TopLevelError:
    """The error for a request body of more than `limit` bytes."""
    return TopLevelError("BODY_TOO_LARGE", f"The body may have at most {limit} bytes.")
