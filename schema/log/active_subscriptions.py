"""The open subscriptions, which administrators can list and end."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers.log import active_subscriptions as resolve
from schema.clinics.clinics import Clinic
from schema.errors import Info, UserError, mutation
from schema.inputs import ERRORS, EVENT, IDEMPOTENCY_KEY, NOTE, InputArgument, key_of_call
from schema.log.actors import Actor
from schema.log.events import Event
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
from schema.scalars import HsaId
from store import records
from store.paging import Page


@strawberry.type(
    description="An open subscription to the notifications of clinics or to a principal's log."
)
class ActiveSubscription(Node):
    record: strawberry.Private[records.ActiveSubscription]
    actor: Actor = strawberry.field(description="The subscriber.")
    since: datetime = strawberry.field(description="When the subscription was opened.")

    @classmethod
    def of(cls, record: records.ActiveSubscription) -> "ActiveSubscription":
        return cls(
            record=record,
            id=strawberry.ID(record.id),
            actor=Actor.of(record.actor, record.principal),
            since=record.since,
        )

    @strawberry.field(
        description=(
            "The clinics whose notifications are delivered; empty if the principal's log is"
            " delivered."
        )
    )
    async def clinics(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Clinic]:
        page = page_of_sorted(self.record.clinics, paging(first, after))
        found = await info.context.loaders.clinics.load_many(page.items)
        clinics = Page(
            [clinic for clinic in found if clinic], page.cursors, page.has_next, page.has_previous
        )
        return connection(clinics, Clinic.of, known_count(len(self.record.clinics)))

    @strawberry.field(
        description=(
            "How many events of the log are not delivered yet; 0 while the subscriber keeps up. The"
            " number is at most one second old."
        )
    )
    async def behind(self, info: Info) -> int:
        return await resolve.behind(info.context, self.record)


@strawberry.type
class ActiveSubscriptionQuery:
    @strawberry.field(
        description=(
            "The subscriptions that are open on a principal's log and its clinics, in all server"
            " processes. For the principal's administrators. A subscription that was just opened or"
            " ended is reflected within two seconds."
        )
    )
    async def active_subscriptions(
        self,
        info: Info,
        principal: Annotated[HsaId, strawberry.argument(description="HSA-id of the principal.")],
        first: First = None,
        after: After = None,
    ) -> Connection[ActiveSubscription]:
        page = await resolve.page(info.context, principal, paging(first, after))
        return connection(
            page, ActiveSubscription.of, lambda: resolve.count(info.context, principal)
        )


@strawberry.input(description="The subscription to end.")
class SubscriptionEndInput:
    id: strawberry.ID = strawberry.field(description="The subscription.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(
    description="The result of ending a subscription. With errors, nothing was written."
)
class SubscriptionEndPayload:
    active_subscription: ActiveSubscription | None = strawberry.field(
        default=None, description="The subscription while it is ending; null once it has ended."
    )
    event: Event | None = strawberry.field(default=None, description=EVENT)
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@strawberry.type
class ActiveSubscriptionMutation:
    @mutation(
        SubscriptionEndPayload,
        "Ends a subscription in whichever process serves it, and informs its subscriber. The"
        " subscriber can subscribe again; to prevent that, revoke the role.",
    )
    async def subscription_end(
        self, info: Info, input: InputArgument[SubscriptionEndInput]
    ) -> SubscriptionEndPayload:
        saved = await resolve.end(
            info.context, input.id, note=input.note, key=key_of_call(info, input)
        )
        found = await resolve.get(info.context, input.id)
        return SubscriptionEndPayload(
            active_subscription=ActiveSubscription.of(found) if found else None,
            event=Event.of(saved.event) if saved.event else None,
        )
