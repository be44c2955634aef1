"""One store call per kind and level of a query: keys asked for in the same turn of the loop are read together.

Nothing is kept between turns: a socket lives for days, and what was read an hour ago is not what is stored now.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar

from strawberry.dataloader import DataLoader

from store.acknowledgements import Acknowledgement
from store.adoption import Adoption, AdoptionAsked
from store.history import Asked
from store.notifications import Inbox, Told
from store.paging import Page
from store.records import Assignment, Clinic, ClinicGroup, Document, Event, OrderedList, Policies, Version
from store.registry import Store

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Loaders:
    """The loaders of one request or socket. Each answers None for what does not exist."""

    def __init__(self, store: Store) -> None:
        self.documents: DataLoader[str, Document | None] = _batched(store.documents.get_many)
        self.versions: DataLoader[tuple[str, int], Version | None] = _batched(store.documents.get_versions)
        self.clinics: DataLoader[str, Clinic | None] = _batched(store.clinics.get_many)
        self.events: DataLoader[tuple[str, int], Event | None] = _batched(store.history.get_events)
        self.names: DataLoader[str, str | None] = _batched(store.people.names)
        self.groups: DataLoader[str, ClinicGroup | None] = _batched(store.groups.get_many)
        self.assignments: DataLoader[str, Assignment | None] = _batched(store.assignments.get_many)
        self.groups_of_clinics: DataLoader[Clinic, Sequence[ClinicGroup] | None] = DataLoader(load_fn=_groups_of(store), cache=False)
        self.places: DataLoader[tuple[OrderedList, str, str], int | None] = DataLoader(load_fn=_places(store), cache=False)
        self.policies: DataLoader[str, Policies | None] = _batched(store.policies.get_many)
        self.histories: DataLoader[Asked, Page[Event] | None] = _batched(store.history.of_documents)
        self.version_pages: DataLoader[Asked, Page[Version] | None] = _batched(store.history.versions)
        self.published_at: DataLoader[tuple[str, str, datetime], int | None] = _batched(store.history.published_at)
        self.acknowledgements: DataLoader[tuple[str, int], Acknowledgement | None] = _batched(store.acknowledgements.of_notifications)
        self.adoptions: DataLoader[AdoptionAsked, Adoption | None] = _batched(store.adoptions.of)
        self.inboxes: DataLoader[Inbox, Page[Told] | None] = _batched(store.notifications.pages)
        self.released: DataLoader[tuple[str, int], bool] = DataLoader(load_fn=_released(store), cache=False)
        self.released_before: DataLoader[tuple[str, int], int | None] = _batched(store.history.released_before)


def _batched(read: Callable[[Iterable[K]], Awaitable[Mapping[K, V]]]) -> DataLoader[K, V | None]:
    async def load(keys: Sequence[K]) -> list[V | BaseException | None]:
        found = await read(keys)
        return [found.get(key) for key in keys]

    return DataLoader(load_fn=load, cache=False)


def _released(store: Store) -> Callable[[Sequence[tuple[str, int]]], Awaitable[list[bool | BaseException]]]:
    async def load(keys: Sequence[tuple[str, int]]) -> list[bool | BaseException]:
        found = await store.history.released(keys)
        return [key in found for key in keys]

    return load


def _groups_of(store: Store) -> Callable[[Sequence[Clinic]], Awaitable[list[Sequence[ClinicGroup] | BaseException | None]]]:
    async def load(clinics: Sequence[Clinic]) -> list[Sequence[ClinicGroup] | BaseException | None]:
        found = await store.groups.of_clinics(clinics)
        return [found[clinic.key] for clinic in clinics]

    return load


def _places(store: Store) -> Callable[[Sequence[tuple[OrderedList, str, str]]], Awaitable[list[int | BaseException | None]]]:
    async def load(keys: Sequence[tuple[OrderedList, str, str]]) -> list[int | BaseException | None]:
        clinics = list((await store.clinics.get_many(clinic for _, clinic, _ in keys)).values())
        places = {which: await store.start_pages.places(clinics, which) for which in {which for which, _, _ in keys}}
        return [places[which].get((clinic, document)) for which, clinic, document in keys]

    return load
