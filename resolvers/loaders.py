"""Data loaders: one store call per kind of data and level of a query.

Keys requested in the same iteration of the event loop are read together. Nothing is cached: a
socket lives for days, and data that was read an hour ago can be outdated.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar, overload

from strawberry.dataloader import DataLoader

from store.clinics.version_adoption import Adoption, AdoptionQuery
from store.documents.blame import Authorship, ValueOrigin
from store.log.event_filters import HistoryQuery
from store.notifications.acknowledgements import Acknowledgement
from store.notifications.notifications import ClinicEvent, Inbox
from store.paging import Page
from store.records import (
    Assignment,
    Clinic,
    ClinicGroup,
    Document,
    Event,
    OrderedList,
    PrincipalPolicies,
    Summary,
    Version,
)
from store.registry import Store
from store.templates.drift import DriftKey
from store.templates.lineage import ClinicCountKey, Descendant

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Loaders:
    """The loaders of a request or socket, each created when it is first used.

    A loader returns None for a key that does not exist.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @cached_property
    def documents(self) -> "DocumentLoader":
        """Heads by id."""
        return DocumentLoader(self._store)

    @cached_property
    def versions(self) -> DataLoader[tuple[str, int], Version | None]:
        """Versions by (document, number)."""
        return _batched(self._store.documents.get_versions)

    @cached_property
    def clinics(self) -> DataLoader[str, Clinic | None]:
        """Clinics by key."""
        return _batched(self._store.clinics.get_many)

    @cached_property
    def events(self) -> DataLoader[tuple[str, int], Event | None]:
        """Events by (principal, sequence)."""
        return _batched(self._store.history.get_events)

    @cached_property
    def names(self) -> DataLoader[str, str | None]:
        """Display names by key of the employee HSA-id."""
        return _batched(self._store.people.names)

    @cached_property
    def groups(self) -> DataLoader[str, ClinicGroup | None]:
        """Groups by id."""
        return _batched(self._store.groups.get_many)

    @cached_property
    def assignments(self) -> DataLoader[str, Assignment | None]:
        """Assignments by id."""
        return _batched(self._store.assignments.get_many)

    @cached_property
    def groups_of_clinics(self) -> DataLoader[Clinic, Sequence[ClinicGroup] | None]:
        """The groups that a clinic belongs to."""
        return DataLoader(load_fn=_groups_of(self._store), cache=False)

    @cached_property
    def positions(self) -> DataLoader[tuple[OrderedList, str, str], int | None]:
        """The position of a case type at a clinic, by (list, clinic, document)."""
        return DataLoader(load_fn=_positions(self._store), cache=False)

    @cached_property
    def policies(self) -> DataLoader[str, PrincipalPolicies | None]:
        """Policies by principal."""
        return _batched(self._store.policies.get_many)

    @cached_property
    def histories(self) -> DataLoader[HistoryQuery, Page[Event] | None]:
        """Pages of the acts on documents."""
        return _batched(self._store.history.of_documents)

    @cached_property
    def version_pages(self) -> DataLoader[HistoryQuery, Page[Version] | None]:
        """Pages of documents' versions."""
        return _batched(self._store.version_history.versions)

    @cached_property
    def published_at(self) -> DataLoader[tuple[str, str, datetime], int | None]:
        """The number of the version published at a time, by (principal, document, time)."""
        return _batched(self._store.version_history.published_at)

    @cached_property
    def acknowledgements(self) -> DataLoader[tuple[str, int], Acknowledgement | None]:
        """Acknowledgements by (clinic, sequence)."""
        return _batched(self._store.acknowledgements.of_notifications)

    @cached_property
    def adoptions(self) -> DataLoader[AdoptionQuery, Adoption | None]:
        """The adoption of case types by clinics."""
        return _batched(self._store.adoptions.of)

    @cached_property
    def descendants(self) -> DataLoader[str, Sequence[Descendant] | None]:
        """The documents that come from a template, by the template's id."""
        return _batched(self._store.lineage.descendants)

    @cached_property
    def clinic_counts(self) -> DataLoader[ClinicCountKey, int | None]:
        """The number of clinics that have any of some documents."""
        return _batched(self._store.lineage.clinics)

    @cached_property
    def clinic_counts_by_principal(self) -> DataLoader[ClinicCountKey, Mapping[str, int] | None]:
        """The number of clinics that have any of some documents, by principal."""
        return _batched(self._store.lineage.clinics_by_principal)

    @cached_property
    def drifts(self) -> DataLoader[DriftKey, int | None]:
        """The drift of versions from their templates."""
        return _batched(self._store.drifts.of)

    @cached_property
    def inboxes(self) -> DataLoader[Inbox, Page[ClinicEvent] | None]:
        """Pages of the notifications of clinics."""
        return _batched(self._store.notifications.pages)

    @cached_property
    def released(self) -> DataLoader[tuple[str, int], bool]:
        """Whether a version was ever published, by (document, number)."""
        return DataLoader(load_fn=_released(self._store), cache=False)

    @cached_property
    def released_before(self) -> DataLoader[tuple[str, int], int | None]:
        """The previous version that was ever published, by (document, number)."""
        return _batched(self._store.version_history.released_before)

    @cached_property
    def released_with(self) -> DataLoader[tuple[str, int], int | None]:
        """The first version from a number on that was ever published, by (document, number)."""
        return _batched(self._store.version_history.released_with)

    @cached_property
    def blames(self) -> DataLoader[tuple[str, int], list[ValueOrigin] | None]:
        """The origins of the values of versions, by (document, number)."""
        return _batched(self._store.blame.of)

    @cached_property
    def authorships(self) -> DataLoader[tuple[str, int], Authorship | None]:
        """The author and time of versions, by (document, number)."""
        return _batched(self._store.blame.authorships)


class DocumentLoader:
    """Loads heads or summaries by id, all together: as heads if any caller needs one."""

    def __init__(self, store: Store) -> None:
        async def load(keys: Sequence[tuple[str, bool]]) -> list[Any]:
            read = (
                store.documents.get_many
                if any(whole for _, whole in keys)
                else store.documents.summaries
            )
            found = await read([document for document, _ in keys])
            return [found.get(document) for document, _ in keys]

        self._loader: DataLoader[tuple[str, bool], Any] = DataLoader(load_fn=load, cache=False)

    @overload
    def load(self, document_id: str) -> Awaitable[Document | None]: ...

    @overload
    def load(self, document_id: str, *, whole: bool) -> Awaitable[Summary | None]: ...

    def load(self, document_id: str, *, whole: bool = True) -> Awaitable[Any]:
        """Load a document; a summary can be returned unless `whole`."""
        return self._loader.load((document_id, whole))

    def load_many(self, ids: Iterable[str]) -> Awaitable[list[Document | None]]:
        """Load several documents, in the order of the ids."""
        return self._loader.load_many([(document_id, True) for document_id in ids])


def _batched(read: Callable[[Iterable[K]], Awaitable[Mapping[K, V]]]) -> DataLoader[K, V | None]:
    async def load(keys: Sequence[K]) -> list[V | BaseException | None]:
        found = await read(keys)
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load, cache=False)


def _released(
    store: Store,
) -> Callable[[Sequence[tuple[str, int]]], Awaitable[list[bool | BaseException]]]:
    async def load(keys: Sequence[tuple[str, int]]) -> list[bool | BaseException]:
        found = await store.version_history.released(keys)
        return [key in found for key in keys]

    return load


def _groups_of(
    store: Store,
) -> Callable[[Sequence[Clinic]], Awaitable[list[Sequence[ClinicGroup] | BaseException | None]]]:
    async def load(clinics: Sequence[Clinic]) -> list[Sequence[ClinicGroup] | BaseException | None]:
        found = await store.groups.of_clinics(clinics)
        return [found[clinic.key] for clinic in clinics]

    return load


def _positions(
    store: Store,
) -> Callable[
    [Sequence[tuple[OrderedList, str, str]]], Awaitable[list[int | BaseException | None]]
]:
    async def load(
        keys: Sequence[tuple[OrderedList, str, str]],
    ) -> list[int | BaseException | None]:
        clinics = list((await store.clinics.get_many(clinic for _, clinic, _ in keys)).values())
        positions = {
            which: await store.start_pages.positions(clinics, which)
            for which in {which for which, _, _ in keys}
        }
        return [positions[which].get((clinic, document)) for which, clinic, document in keys]

    return load
