"""Events of the principals' logs: one by one, and as a subscription."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.clinics import groups
from resolvers.documents import comparison, documents
from resolvers.live.subscription_source import SubscriptionSource
from resolvers.log import events
from schema.clinics.clinics import Clinic
from schema.clinics.principals import Principal
from schema.documents.changes import Change, changes_of
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
from store.paging import Page

if TYPE_CHECKING:
    from schema.clinics.groups import ClinicGroup
    from schema.documents.documents import Document


@strawberry.input(description="Selects events. A field that is left out does not matter.")
class EventFilter:
    actions: list[Action] | None = strawberry.field(default=None, description="Any of these.")
    document: strawberry.ID | None = strawberry.field(default=None, description="On this document.")
    clinic: HsaId | None = strawberry.field(default=None, description="That name this clinic.")
    actor: HsaId | None = strawberry.field(
        default=None, description="By this person; for machines, by this unit."
    )
    since: datetime | None = strawberry.field(default=None, description="At this time or later.")
    until: datetime | None = strawberry.field(default=None, description="Before this time.")
    batch: strawberry.ID | None = strawberry.field(
        default=None, description="Of this change of several documents."
    )


def filter_of(event_filter: EventFilter | None) -> event_filters.EventFilter:
    """The store's filter for an API filter."""
    if event_filter is None:
        return event_filters.EventFilter()
    return event_filters.EventFilter(
        actions=event_filter.actions,
        document=event_filter.document,
        clinic=event_filter.clinic,
        actor=event_filter.actor,
        since=event_filter.since,
        until=event_filter.until,
        batch=event_filter.batch,
    )


@strawberry.type(
    description=(
        "The record of one act in a principal's append-only log. Sequence numbers have no gaps, and"
        " events become visible in the order of their numbers."
    )
)
class Event(Node):
    record: strawberry.Private[records.Event]
    cursor: Cursor = strawberry.field(
        description="Its position in the log: pass it as `after` to continue from here."
    )
    sequence: int = strawberry.field(description="Its number in the log: 1, 2, 3 …")
    action: Action = strawberry.field(description="What was done.")
    version: int | None = strawberry.field(
        description="The version that the act created or published."
    )
    actor: Actor = strawberry.field(description="Who did it.")
    at: datetime = strawberry.field(
        description="When it was done; never before the previous event of the log."
    )
    note: str | None = strawberry.field(description="Why, in the words of the actor.")
    request_id: str | None = strawberry.field(
        description="The id of the request that wrote it, as in the server's log."
    )
    export: str | None = strawberry.field(
        description="What was exported: the export's name and format, and its filters."
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
            "The change of several documents that it is part of, such as a text replacement; null"
            " for most events."
        )
    )
    def batch(self) -> strawberry.ID | None:
        return strawberry.ID(self.record.batch) if self.record.batch else None

    @strawberry.field(
        description=(
            "The person that the act is about, by HSA-id; null for viewers who may not see persons."
        )
    )
    def person(self, info: Info) -> HsaId | None:
        shown = self.record.person is not None and info.context.rights.sees_persons(
            self.record.principal
        )
        return HsaId(self.record.person) if self.record.person and shown else None

    @strawberry.field(
        description=(
            "The group that was changed, or that the clinics were selected by; as it is now. Only"
            " for viewers with a role for the group's principal."
        )
    )
    async def group(
        self, info: Info
    ) -> Annotated["ClinicGroup", strawberry.lazy("schema.clinics.groups")] | None:
        from schema.clinics.groups import ClinicGroup

        found = await groups.get(info.context, self.record.group) if self.record.group else None
        return ClinicGroup.of(found) if found else None

    @strawberry.field(description="The principal whose log it is in.")
    def principal(self, info: Info) -> Principal:
        return Principal.of(info.context.principals[self.record.principal])

    @strawberry.field(description="The document that was changed; null for acts on clinics.")
    async def document(
        self, info: Info
    ) -> Annotated["Document", strawberry.lazy("schema.documents.documents")] | None:
        return await document_of_event(info, self.record)

    @strawberry.field(description="The clinics that it names and that the viewer may read.")
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
        description=(
            "The changes: of the published version, if the act replaced it; of the newest draft, if"
            " the act wrote one; or of the principal's policies."
        )
    )
    async def changes(self, info: Info) -> list[Change]:
        return changes_of(await comparison.changes_of_event(info.context, self.record))


async def document_of_event(info: Info, event: records.Event) -> "Document | None":
    """The document that an event is about, if the viewer may see it."""
    from schema.documents.conversion import document_of

    if event.document is None:
        return None
    record = await documents.get(info.context, event.document, whole=needs_whole(info))
    return document_of(record, info) if record else None


async def find_event(info: Info, principal: str, sequence: int) -> Event | None:
    """One event of a log, for viewers who may read it."""
    record = await events.get(info.context, principal, sequence)
    return Event.of(record) if record else None


@strawberry.type
class EventSubscription:
    @strawberry.subscription(
        graphql_type=Event,
        description=(
            "Every event in a principal's log, drafts included: those after a cursor, then new ones"
            " as they occur. Only for administrators, reviewers and reporters."
        ),
    )
    async def events(
        self,
        info: Info,
        principal: Annotated[HsaId, strawberry.argument(description="The principal.")],
        filter: Annotated[
            EventFilter | None, strawberry.argument(description="Only events that match.")
        ] = None,
        after: Annotated[
            Cursor | None,
            strawberry.argument(
                description="Start after this event. If left out: only new events."
            ),
        ] = None,
    ) -> SubscriptionSource:
        return await events.subscribe(info.context, principal, filter_of(filter), after)
