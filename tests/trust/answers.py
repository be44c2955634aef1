"""What every answer must be, whatever was sent."""

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


def assert_decent(answer: httpx2.Response, sent: object) -> None:
    """No fault, no uncoded error, nothing of our inside; what browsers and caches must be told."""
    assert answer.status_code < 500, (answer.status_code, answer.text[:500], sent)
    assert answer.headers["x-content-type-options"] == "nosniff", sent
    assert answer.headers["cache-control"] == "no-store", sent
    assert "server" not in answer.headers, sent
    assert not [secret for secret in SECRETS if secret in answer.text], (answer.text[:500], sent)
    media = answer.headers.get("content-type", "")
    if media.startswith(("application/json", "application/graphql-response+json")):
        assert_coded(answer.json().get("errors", []), sent)
    if media == "application/problem+json":
        assert answer.json()["code"] in DOCUMENTED - {"INTERNAL_ERROR"}, (answer.text, sent)


def assert_coded(errors: list[Any], sent: object) -> None:
    """A few errors, each with a code of the list that callers can do something about."""
    assert len(errors) <= 5, sent
    for error in errors:
        assert error["extensions"]["code"] in DOCUMENTED - {"INTERNAL_ERROR"}, (error, sent)
        assert len(error["message"]) <= 300, sent
