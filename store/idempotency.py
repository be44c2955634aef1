"""Idempotency keys: a repeated call returns the first result."""

from dataclasses import dataclass

from store.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's idempotency key, made unique per actor, and a fingerprint of the call's input."""

    id: str
    fingerprint: str

    def refuse_other(self, fingerprint: str) -> None:
        """Raise if the key was used with other input.

        Raises:
            InvalidInput: The fingerprints differ; code `IDEMPOTENCY_KEY_REUSED`.
        """
        if fingerprint != self.fingerprint:
            raise InvalidInput.at(
                ("idempotencyKey",),
                "IDEMPOTENCY_KEY_REUSED",
                "Nyckeln är redan använd för ett annat anrop. Välj en ny nyckel.",
            )
