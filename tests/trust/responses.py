"""Assertions that hold for every response, whatever the request was."""

from typing import Any

import httpx2

from tests.test_docs import code, rows

DOCUMENTED = frozenset(code(cells[0]) for cells in rows("errors.md"))
SECRETS = (
    "Traceback",
    "pymongo",
    "mongodb",
    "site-packages",
    "Did you mean",
    "KeyError",
    "LookupError",
)


def assert_safe_response(response: httpx2.Response, sent: object) -> None:
    """Assert that a response is safe.

    It is no server error, has documented error codes only, contains nothing of the server's
    internals, and has the headers that forbid MIME sniffing and caching.
    """
    assert response.status_code < 500, (response.status_code, response.text[:500], sent)
    assert response.headers["x-content-type-options"] == "nosniff", sent
    assert response.headers["cache-control"] == "no-store", sent
    assert "server" not in response.headers, sent
    leaked = [secret for secret in SECRETS if secret in response.text]
    assert not leaked, (response.text[:500], sent)
    media_type = response.headers.get("content-type", "")
    if media_type.startswith(("application/json", "application/graphql-response+json")):
        assert_documented_errors(response.json().get("errors", []), sent)
    if media_type == "application/problem+json":
        found = response.json()["code"]
        assert found in DOCUMENTED - {"INTERNAL_ERROR"}, (response.text, sent)


def assert_documented_errors(errors: list[Any], sent: object) -> None:
    """Assert that there are at most five errors, each with a documented code and a short message.

    `INTERNAL_ERROR` is not accepted, because callers cannot do anything about it.
    """
    assert len(errors) <= 5, sent
    for error in errors:
        assert error["extensions"]["code"] in DOCUMENTED - {"INTERNAL_ERROR"}, (error, sent)
        assert len(error["message"]) <= 300, sent
