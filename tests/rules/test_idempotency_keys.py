"""Each caller has its own idempotency keys."""

from datetime import UTC, datetime
from typing import Any, cast

from resolvers.access.viewer import LOA3, Viewer
from resolvers.context import Context


def context_of(subject: str) -> Context:
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
    unused = cast("Any", None)
    return Context(
        store=unused, viewer=viewer, rights=unused, principals={}, request_id="x", loaders=unused
    )


def test_two_callers_never_share_a_key_whatever_their_names() -> None:
    keys = [
        context_of(subject).idempotency(key, "fingerprint")
        for subject, key in (("a", "b:c"), ("a:b", "c"))
    ]

    assert len({key.id for key in keys if key}) == 2
