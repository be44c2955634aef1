"""The log and what clinics are told of it."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast

import strawberry

from resolvers.clinics import clinics, groups
from resolvers.documents import comparison, documents
from resolvers.live.followers import Following
from resolvers.log import events, notifications
from schema.clinics.clinics import Clinic
from schema.clinics.principals import Principal
from schema.documents.changes import Change, changes_of
from schema.documents.conversion import document_of
from schema.errors import Info
from schema.log.actors import Actor
from schema.log.enums import Action
from schema.nodes import (
    After,
    Connection,
    First,
    Node,
    connection,
    known_count,
    page_of_sorted,
    paging,
)
from schema.scalars import Cursor, HsaId
from schema.selected_fields import needs_whole
from store import records
from store.log import event_filters
from store.log.cursors import event_cursor
from store.mongo.paging import Page
from store.notifications.notifications import ClinicEvent
from store.records import OwnerKind

if TYPE_CHECKING:
    from schema.clinics.groups import ClinicGroup
    from schema.documents.documents import Document

_ARRIVALS = frozenset({Action.DISTRIBUTED, Action.FOLLOWED})
_DEPARTURES = frozenset({Action.WITHDRAWN, Action.UNFOLLOWED, Action.REPLACED})


@strawberry.input(description="Which acts; what is left out does not matter.")
class EventFilter:
    actions: list[Action] | None = strawberry.field(default=None, description="Any of these.")
    document: strawberry.ID | None = strawberry.field(default=None, description="On this document.")
    clinic: HsaId | None = strawberry.field(default=None, description="That name this clinic.")
    actor: HsaId | None = strawberry.field(
        default=None, description="By this person; by this unit for machines."
    )
    since: datetime | None = strawberry.field(default=None, description="At this time or later.")
    until: datetime | None = strawberry.field(default=None, description="Before this time.")
    batch: strawberry.ID | None = strawberry.field(
        default=None, description="Of this act on several documents."
    )


def filter_of(given: EventFilter | None) -> event_filters.EventFilter:
    """As the store has it."""
    if given is None:
        return event_filters.EventFilter()
    return event_filters.EventFilter(
        actions=given.actions,
        document=given.document,
        clinic=given.clinic,
        actor=given.actor,
        since=given.since,
        until=given.until,
        batch=given.batch,
    )


@strawberry.type(
    description=(
        "One act, as written in a principal's append-only log. Sequence numbers have no gaps, and"
        " commit in order."
    )
)
class Event(Node):
    record: strawberry.Private[records.Event]
    cursor: Cursor = strawberry.field(
        description="Its position in the log: pass it as `after` to go on from here."
    )
    sequence: int = strawberry.field(description="Its number in the log: 1, 2, 3 …")
    action: Action = strawberry.field(description="What was done.")
    version: int | None = strawberry.field(
        description="The version that the act made or put in force."
    )
    actor: Actor = strawberry.field(description="Who did it.")
    at: datetime = strawberry.field(description="When; never before the act before it.")
    note: str | None = strawberry.field(description="Why, in the words of who did it.")
    request_id: str | None = strawberry.field(
        description="The request that it was written in, as in the server's log."
    )
    export: str | None = strawberry.field(
        description="What was exported: its name and format, and what it was narrowed by."
    )

    @classmethod
    def of(cls, record: records.Event) -> "Event":
        return cls(
            record=record,
            id=strawberry.ID(record.id),
            cursor=Cursor(event_cursor(record)),
            sequence=record.sequence,
            action=record.action,
            version=record.version,
            actor=Actor.of(record.actor, record.principal),
            at=record.at,
            note=record.note,
            request_id=record.request_id,
            export=record.export,
        )

    @strawberry.field(
        description=(
            "The act on several documents that it is one of, such as a text change; null for most."
        )
    )
    def batch(self) -> strawberry.ID | None:
        return strawberry.ID(self.record.batch) if self.record.batch else None

    @strawberry.field(
        description=(
            "The person that the act is about, by HSA-id; null for those who may not see persons."
        )
    )
    def person(self, info: Info) -> HsaId | None:
        shown = self.record.person is not None and info.context.rights.sees_persons(
            self.record.principal
        )
        return HsaId(self.record.person) if self.record.person and shown else None

    @strawberry.field(
        description=(
            "The group that the clinics were chosen by, or that was changed; as it is now. For"
            " those who hold a role for its principal."
        )
    )
    async def group(
        self, info: Info
    ) -> Annotated["ClinicGroup", strawberry.lazy("schema.clinics.groups")] | None:
        from schema.clinics.groups import ClinicGroup

        found = await groups.get(info.context, self.record.group) if self.record.group else None
        return ClinicGroup.of(found) if found else None

    @strawberry.field(description="Whose log it stands in.")
    def principal(self, info: Info) -> Principal:
        return Principal.of(info.context.principals[self.record.principal])

    @strawberry.field(description="The document that it was done to; null for acts on clinics.")
    async def document(
        self, info: Info
    ) -> Annotated["Document", strawberry.lazy("schema.documents.documents")] | None:
        return await _document(info, self.record)

    @strawberry.field(description="The clinics that the act names, those that the viewer may read.")
    async def clinics(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Clinic]:
        readable = [
            key
            for key in self.record.clinics
            if info.context.rights.reads_clinic(key, self.record.principal)
        ]
        page = page_of_sorted(readable, paging(first, after))
        found = await info.context.loaders.clinics.load_many(page.items)
        clinics = Page(
            [clinic for clinic in found if clinic], page.cursors, page.has_next, page.has_previous
        )
        return connection(clinics, Clinic.of, known_count(len(readable)))

    @strawberry.field(
        description="What the act changed: in force where it moved that, else in the newest draft."
    )
    async def changes(self, info: Info) -> list[Change]:
        return changes_of(await comparison.changes_of_event(info.context, self.record))


@strawberry.type(description="What a clinic is told: no staff names.")
class Notification(Node):
    told: strawberry.Private[ClinicEvent]
    known_clinic: strawberry.Private[records.Clinic | None]
    cursor: Cursor = strawberry.field(
        description="Its position: pass it as `after` to go on from here."
    )
    action: Action = strawberry.field(description="What was done.")
    from_version: int | None = strawberry.field(
        description="The version in force before; null where none was."
    )
    to_version: int | None = strawberry.field(description="The version in force since.")
    resident_visible: bool = strawberry.field(description="Whether residents notice.")
    by: Actor = strawberry.field(description="In which role and for which unit it was done.")
    at: datetime = strawberry.field(description="When.")
    note: str | None = strawberry.field(description="Why.")

    @classmethod
    def of(cls, told: ClinicEvent, clinic: records.Clinic | None = None) -> "Notification":
        event = told.event
        return cls(
            told=told,
            known_clinic=clinic,
            id=strawberry.ID(f"{event.id}.{told.clinic}"),
            cursor=Cursor(told.cursor),
            action=event.action,
            # To this clinic what is handed to it is new, and what is taken from it is gone,
            # whatever was in force elsewhere.
            from_version=None if event.action in _ARRIVALS else event.published_before,
            to_version=None if event.action in _DEPARTURES else event.published_after,
            resident_visible=event.resident_visible,
            by=Actor.of(
                records.Actor(event.actor.role, event.actor.unit, None, event.actor.system),
                event.principal,
            ),
            at=event.at,
            note=event.note,
        )

    @strawberry.field(description="When the clinic acknowledged it; null before that.")
    async def acknowledged_at(self, info: Info) -> datetime | None:
        found = await info.context.loaders.acknowledgements.load(
            (self.told.clinic, self.told.event.sequence)
        )
        return found.at if found else None

    @strawberry.field(
        description="In which role and for which unit it was acknowledged; null before that."
    )
    async def acknowledged_by(self, info: Info) -> Actor | None:
        found = await info.context.loaders.acknowledgements.load(
            (self.told.clinic, self.told.event.sequence)
        )
        return (
            Actor.of(replace(found.by, employee_hsa_id=None), self.told.event.principal)
            if found
            else None
        )

    @strawberry.field(description="The clinic that is told.")
    async def clinic(self, info: Info) -> Clinic:
        record = self.known_clinic or await info.context.loaders.clinics.load(self.told.clinic)
        if record is None:
            raise LookupError(f"clinic {self.told.clinic} of event {self.told.event.id}")
        return Clinic.of(record)

    @strawberry.field(description="The document that it is about.")
    async def document(
        self, info: Info
    ) -> Annotated["Document", strawberry.lazy("schema.documents.documents")]:
        found = await _document(info, self.told.event)
        if found is None:
            raise LookupError(f"document of event {self.told.event.id}")
        return found

    @strawberry.field(description="What changed in force.")
    async def changes(self, info: Info) -> list[Change]:
        return changes_of(await comparison.changes_of_event(info.context, self.told.event))


async def _document(info: Info, event: records.Event) -> "Document | None":
    if event.document is None:
        return None
    record = await documents.get(info.context, event.document, whole=needs_whole(info))
    return document_of(record, info) if record else None


async def find_event(info: Info, principal: str, sequence: int) -> Event | None:
    """One event of a log, for those who may read the log; or, told to clinics, for those who see
    its document.
    """
    record = await info.context.loaders.events.load((principal, sequence))
    if record is None:
        return None
    if record.document is not None:
        document = await documents.get(info.context, record.document)
        owner = document.owner.key if document and document.owner.kind is OwnerKind.CLINIC else None
        return (
            Event.of(record)
            if document is not None and events.may_read(info.context, record, owner)
            else None
        )
    return Event.of(record) if events.may_read(info.context, record, None) else None


async def find_notification(
    info: Info, principal: str, sequence: int, clinic_key: str
) -> Notification | None:
    """One clinic's notification of an event, for those who may read its inbox."""
    clinic = await clinics.get(info.context, clinic_key)
    record = await info.context.loaders.events.load((principal, sequence))
    if clinic is None or record is None or not notifications.may_read(info.context, clinic):
        return None
    told = await info.context.store.notifications.concerned(record, {clinic.key})
    return (
        Notification.of(ClinicEvent(clinic.key, record), clinic)
        if told and clinic.principal == principal
        else None
    )


@strawberry.type
class EventSubscription:
    @strawberry.subscription(
        description=(
            "For clinics: everything since `after` (or since the clinics' last acknowledgement,"
            " with `fromAcknowledged`), then live. In order, without a gap, however slow the reader"
            " or long the absence. With neither argument: from now on."
        )
    )
    async def clinic_notifications(
        self,
        info: Info,
        clinics: Annotated[
            list[HsaId], strawberry.argument(description="1 to 100, of one principal.")
        ],
        after: Annotated[
            Cursor | None,
            strawberry.argument(description="The last notification that was received."),
        ] = None,
        from_acknowledged: Annotated[
            bool | None,
            strawberry.argument(description="Begin after the clinics' last acknowledgement."),
        ] = False,
        resident_visible_only: Annotated[
            bool | None, strawberry.argument(description="Leave out what residents don't notice.")
        ] = False,
    ) -> AsyncGenerator[Notification, None]:
        return _pushed(
            await notifications.follow(
                info.context,
                clinics,
                after=after,
                from_acknowledged=bool(from_acknowledged),
                resident_visible_only=bool(resident_visible_only),
            )
        )

    @strawberry.subscription(
        description=(
            "For administrators: every act in a principal's log after a cursor, or from now on;"
            " drafts included."
        )
    )
    async def events(
        self,
        info: Info,
        principal: Annotated[HsaId, strawberry.argument(description="Whose log.")],
        filter: Annotated[
            EventFilter | None, strawberry.argument(description="Which acts.")
        ] = None,
        after: Annotated[
            Cursor | None, strawberry.argument(description="The last event that was received.")
        ] = None,
    ) -> AsyncGenerator[Event, None]:
        return _pushed(await events.follow(info.context, principal, filter_of(filter), after))


@dataclass(frozen=True, slots=True)
class Source(AsyncIterable[Any]):
    """What a subscription's resolver answers: what to follow, for the hub to tell.

    Nothing is pulled from it.
    """

    following: Following

    def __aiter__(self) -> AsyncIterator[Any]:
        raise TypeError("Events are pushed by the hub: this is not iterated.")


def _pushed(following: Following) -> AsyncGenerator[Any, None]:
    return cast(
        "AsyncGenerator[Any, None]", Source(following)
    )  # the resolvers' annotations tell Strawberry the type of the events
