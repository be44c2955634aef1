"""The hash chain over a document's versions, which lets a history be verified offline.

A hash covers content and metadata, including the actor's employee HSA-id, role and unit. It does
not cover display names: a name can be erased or hidden without breaking a chain.

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
    """The result of recomputing a chain."""

    intact: bool
    versions: int
    first_broken_version: int | None


@lru_cache(maxsize=16_384)
def timestamp(time: datetime) -> str:
    """Format a time as RFC 3339 in UTC with millisecond precision, for hashes, exports and API."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def hash_of(version: Version) -> str:
    """Return the hash of a version: lower-case hexadecimal SHA-256 of its canonical JSON.

    `hash` and `sequence` are not covered. `origin` is covered for imported versions and is absent
    from the JSON of others, so that the hashes written before imports existed are still valid.
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
    """Recomputes a chain version by version, in order of number, in constant memory.

    A version is broken when there is a gap before its number, when its hash does not match the
    stored fields, or when its previous hash is not that of the version before.
    """

    def __init__(self) -> None:
        self._count = 0
        self._previous_hash: str | None = None
        self._first_broken: int | None = None

    def add(self, number: int, version: Version | None) -> None:
        """Check the next version; None for one that cannot be read."""
        self._count += 1
        intact = (
            version is not None
            and number == self._count
            and version.previous_hash == self._previous_hash
            and _hash_matches(version)
        )
        if not intact and self._first_broken is None:
            self._first_broken = min(number, self._count)
        self._previous_hash = version.hash if version is not None else None

    def result(self, *, latest: int, head_hash: str) -> Verification:
        """Return the verification, given the version number and hash in the head.

        A chain that ends before or after the head's version, or with another hash, is broken there.
        """
        broken = self._first_broken
        if broken is None and self._count != latest:
            broken = min(self._count, latest) + 1
        if broken is None and self._previous_hash != head_hash:
            broken = latest
        return Verification(
            intact=broken is None, versions=self._count, first_broken_version=broken
        )


def _hash_matches(version: Version) -> bool:
    try:
        return hash_of(version) == version.hash
    except (ValueError, TypeError, AttributeError):
        # A row altered in the database may hold values that are not JSON.
        return False
