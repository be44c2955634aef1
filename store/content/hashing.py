"""The hash chain over a document's versions, so that a history can be verified offline.

The hash covers content and metadata, the actor's employee HSA-id, role and unit among them, but no
display name: a name can be erased
or hidden without breaking a chain.

Source: RFC 8785 (JSON Canonicalization Scheme), FIPS 180-4 (SHA-256).
"""

import hashlib
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache

from store.content.canonical_json import canonical
from store.records import Version


@dataclass(frozen=True, slots=True)
class Verification:
    """What recomputing a chain showed."""

    intact: bool
    versions: int
    first_broken_version: int | None


@lru_cache(maxsize=16_384)
def timestamp(time: datetime) -> str:
    """RFC 3339 in UTC with millisecond precision, as hashed, exported and answered."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def hash_of(version: Version) -> str:
    """Lower-case hexadecimal SHA-256 over the canonical JSON of a version; its own `hash` and
    `sequence` are not part of it.

    Where it was imported from is part of it for those that were imported, and not even named for
    others: their hashes are as before.
    """
    derived, origin = version.derived_from, version.origin
    imported = {} if origin is None else {"origin": asdict(origin)}
    text = canonical(
        {
            **imported,
            "document": version.document,
            "kind": version.kind,
            "principal": version.principal,
            "number": version.number,
            "content": dict(version.content),
            "schemaVersion": version.schema_version,
            "author": {
                "employeeHsaId": version.author.employee_hsa_id,
                "role": str(version.author.role),
                "unit": version.author.unit,
                "system": version.author.system,
            },
            "createdAt": timestamp(version.created_at),
            "note": version.note,
            "derivedFrom": (
                None
                if derived is None
                else {"template": derived.template, "version": derived.version}
            ),
            "restoredFrom": version.restored_from,
            "previousHash": version.previous_hash,
        }
    )
    return hashlib.sha256(text).hexdigest()


class ChainCheck:
    """Recomputes a chain version by version, in order of number, in flat memory.

    A version is broken when its number leaves a gap, its hash is not that of what is stored, or it
    does not point at the version before.
    """

    def __init__(self) -> None:
        self._count = 0
        self._previous: str | None = None
        self._broken: int | None = None

    def add(self, number: int, version: Version | None) -> None:
        """Check the next version; None for one that can't be read."""
        self._count += 1
        sound = (
            version is not None
            and number == self._count
            and version.previous_hash == self._previous
            and _hash_matches(version)
        )
        if not sound and self._broken is None:
            self._broken = min(number, self._count)
        self._previous = version.hash if version is not None else None

    def result(self, *, latest: int, head_hash: str) -> Verification:
        """The verdict, given what the head says: a chain that ends too early or elsewhere is broken
        there.
        """
        broken = self._broken
        if broken is None and self._count != latest:
            broken = min(self._count, latest) + 1
        if broken is None and self._previous != head_hash:
            broken = latest
        return Verification(
            intact=broken is None, versions=self._count, first_broken_version=broken
        )


def _hash_matches(version: Version) -> bool:
    try:
        return hash_of(version) == version.hash
    except (
        ValueError,
        TypeError,
        AttributeError,
    ):  # what was put there behind our back may not be JSON at all
        return False
