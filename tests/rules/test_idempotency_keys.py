"""An idempotency key is its caller's own."""

from datetime import UTC, datetime
from typing import Any, cast

from resolvers.access.viewer import LOA3, Viewer
from resolvers.context import Context


def of(subject: str) -> Context:
    viewer = Viewer(
        subject=subject,
        employee_hsa_id=None,
        name=None,
        grants=(),
        expires_at=datetime.now(UTC),
        acr=LOA3,
        system=False,
        issuer="x",
        token_id=None,
    )
    nothing = cast("Any", None)
    return Context(
        store=nothing, viewer=viewer, rights=nothing, principals={}, request_id="x", loaders=nothing
    )


def test_no_two_callers_have_the_same_key_whatever_they_are_called() -> None:
    keys = [
        of(subject).idempotency(key, "fingerprint") for subject, key in (("a", "b:c"), ("a:b", "c"))
    ]

    assert len({key.id for key in keys if key}) == 2
