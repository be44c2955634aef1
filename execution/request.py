"""Requests: one operation as a client sent it, over any transport."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from execution.trusted_documents import digest_of
from schema.errors import TopLevelError


@dataclass(frozen=True, slots=True)
class Request:
    """One operation as a client sent it.

    Attributes:
        query: The document's text; None if only its hash was sent.
        variables: Values of the variables, by name.
        operation_name: The operation in the document; None if there is only one.
        last_event_id: The header `Last-Event-ID` of an event stream.
        digest: The SHA-256 of the text in lower-case hexadecimal, if it was sent.
        longer_than: Set if the body exceeds the limit for operations without files or document
            contents: that limit, in bytes.
    """

    query: str | None
    variables: Mapping[str, Any]
    operation_name: str | None = None
    last_event_id: str | None = None
    digest: str | None = None
    longer_than: int | None = None


def request_of(message: Any, last_event_id: str | None = None) -> Request | None:
    """The request in a JSON value; None if it is not a GraphQL request."""
    if not isinstance(message, dict):
        return None
    query, name = message.get("query"), message.get("operationName")
    variables, extensions = message.get("variables"), message.get("extensions")
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
