"""The registry at the end of a range of a log, for rows that refer to documents and clinics.

It lasts as long as one export, and caches a bounded number of documents.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from cachetools import LRUCache

from resolvers.context import Context
from store.records import Clinic, DocumentState, OwnerKind, PrincipalPolicies
from store.transfer.log_ranges import LogRange

_MAX_DOCUMENTS = 5_000


@dataclass(frozen=True, slots=True)
class DocumentAsOf:
    """A document at the end of a range.

    Attributes:
        name: In the version that was published; in its latest version if none was.
        internal_name: As `name`.
        state: Its state; None if it had none yet.
        published: The number of the version that was published.
        central: Whether a principal owns it.
    """

    name: str
    internal_name: str
    state: DocumentState | None
    published: int | None
    central: bool


class RegistryAsOf:
    """Reads documents, clinics and policies as they were at the end of a range of one log."""

    def __init__(self, context: Context, log_range: LogRange) -> None:
        self._store = context.store
        self._range = log_range
        self._documents: LRUCache[str, DocumentAsOf] = LRUCache(_MAX_DOCUMENTS)
        self._policies: PrincipalPolicies | None = None

    async def documents(self, ids: Iterable[str]) -> Mapping[str, DocumentAsOf]:
        """Read documents by id."""
        wanted = set(ids)
        found = {
            document: self._documents[document]
            for document in wanted
            if document in self._documents
        }
        if missing := sorted(wanted - found.keys()):
            read = await self._read(missing)
            self._documents.update(read)
            found |= read
        return found

    async def clinics(self, keys: Iterable[str]) -> Mapping[str, Clinic]:
        """Read clinics by key."""
        return await self._store.export_queries.clinics_at(self._range, keys)

    async def policies(self) -> PrincipalPolicies:
        """Read the principal's policies."""
        if self._policies is None:
            self._policies = await self._store.policies.as_of(
                self._range.principal, self._range.last
            )
        return self._policies

    async def _read(self, ids: list[str]) -> dict[str, DocumentAsOf]:
        heads = await self._store.documents.get_many(ids)
        statuses = await self._store.version_history.statuses_at(
            self._range.principal, ids, self._range.last
        )
        replaced = [
            (document, status.published)
            for document, status in statuses.items()
            if status.published is not None and status.published != heads[document].published
        ]
        versions = await self._store.documents.get_versions(replaced) if replaced else {}
        found = {}
        for document, head in heads.items():
            state, published = statuses[document]
            names = (head.name, head.internal_name)
            version = None if published is None else versions.get((document, published))
            if version is not None:
                kind = self._store.kinds[head.kind]
                names = kind.names(kind.upcast(version.content, version.schema_version))
            central = head.owner.kind is OwnerKind.PRINCIPAL
            found[document] = DocumentAsOf(*names, state, published, central)
        return found
