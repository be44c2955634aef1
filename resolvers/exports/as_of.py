"""What names and states were at the end of a stretch of a log, for rows that only refer to them.

Kept for the length of one export, within bounds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cachetools import LRUCache

from resolvers.context import Context
from store.records import Clinic, Document, DocumentState, OwnerKind, PrincipalPolicies
from store.transfer.export_queries import Stretch

_MOST = 5_000


@dataclass(frozen=True, slots=True)
class DocumentThen:
    """A document's names in force, state and version in force at the end of a stretch; the names of
    its newest version where none was in force.
    """

    name: str
    internal_name: str
    state: DocumentState | None
    published: int | None
    central: bool


class RegistryAsOf:
    """The registry at the end of a stretch of one log, as far as rows refer to it."""

    def __init__(self, context: Context, stretch: Stretch) -> None:
        self._store = context.store
        self._stretch = stretch
        self._documents: LRUCache[str, DocumentThen] = LRUCache(_MOST)
        self._policies: PrincipalPolicies | None = None

    async def documents(self, ids: Iterable[str]) -> Mapping[str, DocumentThen]:
        """Documents by id."""
        wanted = set(ids)
        found = {one: self._documents[one] for one in wanted if one in self._documents}
        if missing := sorted(wanted - found.keys()):
            read = await self._read(missing)
            self._documents.update(read)
            found |= read
        return found

    async def clinics(self, keys: Iterable[str]) -> Mapping[str, Clinic]:
        """Clinics by key."""
        return await self._store.extracts.clinics_then(self._stretch, keys)

    async def policies(self) -> PrincipalPolicies:
        """What the principal had decided."""
        if self._policies is None:
            self._policies = await self._store.policies.as_of(
                self._stretch.principal, self._stretch.upto
            )
        return self._policies

    async def _read(self, ids: list[str]) -> dict[str, DocumentThen]:
        heads = await self._store.documents.get_many(ids)
        statuses = await self._store.version_history.statuses_at(
            self._stretch.principal, ids, self._stretch.upto
        )
        replaced = [
            (one, published)
            for one, (_, published) in statuses.items()
            if published is not None and published != heads[one].published
        ]
        versions = await self._store.documents.get_versions(replaced) if replaced else {}
        found = {}
        for one, head in heads.items():
            state, published = statuses[one]
            names = (head.name, head.internal_name)
            if published is not None and (version := versions.get((one, published))) is not None:
                kind = self._store.kinds[head.kind]
                names = kind.names(kind.upcast(version.content, version.schema_version))
            found[one] = DocumentThen(*names, state, published, _is_central(head))
        return found


def _is_central(head: Document) -> bool:
    return head.owner.kind is OwnerKind.PRINCIPAL
