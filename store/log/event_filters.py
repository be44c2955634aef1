"""Filters on the events of a log, and the query for a page of one document's history."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from store.paging import Paging
from store.records import Action, Audience, Document, Event, key_of

_ALL_CLINICS = [str(Audience.ASSIGNED), str(Audience.PRINCIPAL)]
_ANY_CLINIC = [*_ALL_CLINICS, str(Audience.NAMED)]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """A filter on the events of a log; a field that is None does not filter.

    Attributes:
        actions: The event's action is one of these.
        document: The id of the event's document.
        clinic: The HSA-id of a clinic that the event names.
        actor: The HSA-id of the person who acted, or of the unit where a machine acted.
        since: The event is not earlier.
        until: The event is earlier.
        batch: The id that the events of one call on several documents share.
    """

    actions: Sequence[Action] | None = None
    document: str | None = None
    clinic: str | None = None
    actor: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    batch: str | None = None

    def where(self, principal: str) -> dict[str, Any]:
        """Return MongoDB's filter for one principal's log. User text is only ever a value in it."""
        where: dict[str, Any] = {"principal": principal}
        if self.actions is not None:
            where["action"] = {"$in": [str(action) for action in self.actions]}
        if self.document is not None:
            where["document"] = {"$eq": self.document}
        if self.clinic is not None:
            where["clinics"] = {"$eq": key_of(self.clinic)}
        if self.actor is not None:
            where["actor_key"] = {"$eq": key_of(self.actor)}
        if self.batch is not None:
            where["batch"] = {"$eq": self.batch}
        if self.since is not None or self.until is not None:
            where["at"] = {"$gte": self.since} if self.since else {}
            if self.until is not None:
                where["at"]["$lt"] = self.until
        return where

    def matches(self, event: Event) -> bool:
        """Return whether an event passes the filter."""
        return (
            (self.actions is None or event.action in self.actions)
            and (self.document is None or event.document == self.document)
            and (self.clinic is None or key_of(self.clinic) in event.clinics)
            and (
                self.actor is None
                or key_of(self.actor)
                == key_of(event.actor.employee_hsa_id or event.actor.unit or "")
            )
            and (self.since is None or event.at >= self.since)
            and (self.until is None or event.at < self.until)
            and (self.batch is None or event.batch == self.batch)
        )


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """A query for a page of one document's events or versions.

    Attributes:
        principal: Key of the principal whose log has the document.
        document: The document's id.
        paging: The page.
        limited: Leaves out what callers who cannot see drafts must not see.
        clinics: With `limited`: of events that name clinics, only those that name one of these
            (keys, sorted). None keeps them all.
    """

    principal: str
    document: str
    paging: Paging
    limited: bool
    clinics: tuple[str, ...] | None = None

    @classmethod
    def of(
        cls, head: Document, paging: Paging, *, limited: bool, clinics: Iterable[str] | None = None
    ) -> "HistoryQuery":
        """Return the query for a document."""
        return cls(
            head.principal,
            head.id,
            paging,
            limited,
            None if clinics is None else tuple(sorted(clinics)),
        )

    def where(self) -> dict[str, Any]:
        """Return MongoDB's filter for the document's events."""
        where: dict[str, Any] = {"principal": self.principal, "document": self.document}
        if not self.limited:
            return where
        if self.clinics is None:
            return where | {"audience": {"$in": _ANY_CLINIC}}
        named = {"audience": str(Audience.NAMED), "clinics": {"$in": list(self.clinics)}}
        return where | {"$or": [{"audience": {"$in": _ALL_CLINICS}}, named]}
