"""Notifications: what clinics are notified of, one by one and as a subscription.

The subscription's resolver returns what to deliver, not a stream: `execution.subscriptions.start`
passes it to the hub, which sends the same payload to all subscribers that may share it.
"""

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers.clinics import clinics as clinic_resolvers
from resolvers.documents import comparison
from resolvers.live.subscription_source import SubscriptionSource
from resolvers.log import notifications
from schema.clinics.clinics import Clinic
from schema.documents.changes import Change, changes_of
from schema.errors import Info
from schema.log.actors import Actor
from schema.log.enums import Action
from schema.log.events import document_of_event
from schema.nodes import Node
from schema.scalars import Cursor, HsaId
from store import records
from store.notifications.notifications import ClinicEvent

if TYPE_CHECKING:
    from schema.documents.documents import Document

_ARRIVALS = frozenset({Action.DISTRIBUTED, Action.FOLLOWED})
_DEPARTURES = frozenset({Action.WITHDRAWN, Action.UNFOLLOWED, Action.REPLACED})


@strawberry.type(description="One act that a clinic is notified of, without names of staff.")
class Notification(Node):
    record: strawberry.Private[ClinicEvent]
    known_clinic: strawberry.Private[records.Clinic | None]
    cursor: Cursor = strawberry.field(
        description="Its position in the log: pass it as `after` to continue from here."
    )
    action: Action = strawberry.field(description="What was done.")
    from_version: int | None = strawberry.field(
        description="The published version before it; null if there was none at the clinic."
    )
    to_version: int | None = strawberry.field(
        description="The published version after it; null if there is none at the clinic."
    )
    resident_visible: bool = strawberry.field(description="Whether residents see a difference.")
    by: Actor = strawberry.field(description="The role and the unit in which it was done.")
    at: datetime = strawberry.field(description="When it was done.")
    note: str | None = strawberry.field(description="Why it was done.")

    @classmethod
    def of(cls, record: ClinicEvent, clinic: records.Clinic | None = None) -> "Notification":
        event = record.event
        return cls(
            record=record,
            known_clinic=clinic,
            id=strawberry.ID(f"{event.id}.{record.clinic}"),
            cursor=Cursor(record.cursor),
            action=event.action,
            # A document that arrives at the clinic has no earlier version there, and one that
            # leaves it has no later one, whatever is published elsewhere.
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
            (self.record.clinic, self.record.event.sequence)
        )
        return found.at if found else None

    @strawberry.field(description="The role and the unit that acknowledged it; null before that.")
    async def acknowledged_by(self, info: Info) -> Actor | None:
        found = await info.context.loaders.acknowledgements.load(
            (self.record.clinic, self.record.event.sequence)
        )
        return (
            Actor.of(replace(found.by, employee_hsa_id=None), self.record.event.principal)
            if found
            else None
        )

    @strawberry.field(description="The clinic that is notified.")
    async def clinic(self, info: Info) -> Clinic:
        clinic = self.known_clinic or await info.context.loaders.clinics.load(self.record.clinic)
        if clinic is None:
            raise LookupError(f"clinic {self.record.clinic} of event {self.record.event.id}")
        return Clinic.of(clinic)

    @strawberry.field(description="The document that it is about.")
    async def document(
        self, info: Info
    ) -> Annotated["Document", strawberry.lazy("schema.documents.documents")]:
        found = await document_of_event(info, self.record.event)
        if found is None:
            raise LookupError(f"document of event {self.record.event.id}")
        return found

    @strawberry.field(
        description="The changes between `fromVersion` and `toVersion`; none if one is null."
    )
    async def changes(self, info: Info) -> list[Change]:
        return changes_of(await comparison.changes_of_event(info.context, self.record.event))


async def find_notification(
    info: Info, principal: str, sequence: int, clinic_key: str
) -> Notification | None:
    """One clinic's notification of an event, for viewers who may read the clinic's inbox."""
    clinic = await clinic_resolvers.get(info.context, clinic_key)
    if clinic is None:
        return None
    found = await notifications.get(info.context, clinic, principal, sequence)
    return Notification.of(found, clinic) if found else None


@strawberry.type
class NotificationSubscription:
    @strawberry.subscription(
        graphql_type=Notification,
        description=(
            "The notifications of clinics, in order and without gaps, even if the client reads"
            " slowly or was offline for long. First those after `after`, or with"
            " `fromAcknowledged` those after the clinics' last acknowledgement; then new ones as"
            " they occur. With neither argument: only new ones. For callers who may read the"
            " clinics' notifications."
        ),
    )
    async def clinic_notifications(
        self,
        info: Info,
        clinics: Annotated[
            list[HsaId], strawberry.argument(description="1 to 100 clinics of one principal.")
        ],
        after: Annotated[
            Cursor | None,
            strawberry.argument(description="Start after this notification."),
        ] = None,
        from_acknowledged: Annotated[
            bool | None,
            strawberry.argument(description="Start after the clinics' last acknowledgement."),
        ] = False,
        resident_visible_only: Annotated[
            bool | None,
            strawberry.argument(description="Leave out changes that residents cannot see."),
        ] = False,
    ) -> SubscriptionSource:
        return await notifications.subscribe(
            info.context,
            clinics,
            after=after,
            from_acknowledged=bool(from_acknowledged),
            resident_visible_only=bool(resident_visible_only),
        )
