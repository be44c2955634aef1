"""Who follows what now, for administrators."""

from datetime import datetime
from typing import Annotated

import strawberry

from resolvers.log import active_subscriptions as resolve
from schema.clinics.clinics import Clinic
from schema.documents.documents import NOTE
from schema.errors import Info, UserError, mutation
from schema.inputs import IDEMPOTENCY_KEY, NOTE, InputArgument, key_of_call
from schema.log.actors import Actor
from schema.log.events import Event
from schema.nodes import After, Connection, First, Node, connection, page_of_sorted, paging
from schema.scalars import HsaId
from store import records
from store.mongo.paging import Page


@strawberry.type(
    description=(
        "A subscription that is open: somebody follows clinics' notifications, or a principal's"
        " log."
    )
)
class ActiveSubscription(Node):
    record: strawberry.Private[records.ActiveSubscription]
    actor: Actor = strawberry.field(description="Who follows.")
    since: datetime = strawberry.field(description="Since when.")

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
            "The clinics whose notifications are followed; none where it is the principal's log."
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

        async def count() -> int:
            return len(self.record.clinics)

        return connection(clinics, Clinic.of, count)

    @strawberry.field(
        description=(
            "How many events of the log it was not told of yet; 0 while its reader keeps up. A"
            " second old at most."
        )
    )
    async def behind(self, info: Info) -> int:
        return await resolve.behind(info.context, self.record)


@strawberry.type
class ActiveSubscriptionQuery:
    @strawberry.field(
        description=(
            "The subscriptions that are open on a principal's log and its clinics, in all server"
            " processes. For its administrators. One that has just begun or ended shows within two"
            " seconds."
        )
    )
    async def active_subscriptions(
        self,
        info: Info,
        principal: Annotated[HsaId, strawberry.argument(description="Whose.")],
        first: First = None,
        after: After = None,
    ) -> Connection[ActiveSubscription]:
        page = await resolve.page(info.context, principal, paging(first, after))
        key = resolve.require(info.context, principal)
        return connection(
            page, ActiveSubscription.of, lambda: info.context.store.active_subscriptions.count(key)
        )


@strawberry.input(description="Which subscription is ended.")
class SubscriptionEndInput:
    id: strawberry.ID = strawberry.field(description="The subscription.")
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What ending a subscription led to. With errors, nothing was written.")
class SubscriptionEndPayload:
    active_subscription: ActiveSubscription | None = strawberry.field(
        default=None, description="The subscription that ends; null once it has ended."
    )
    event: Event | None = strawberry.field(
        default=None, description="The act as logged; null where nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written."
    )


@strawberry.type
class ActiveSubscriptionMutation:
    @mutation(
        SubscriptionEndPayload,
        "Ends a subscription, wherever it is served; its reader is told so. It can begin again:"
        " take away the role to prevent that.",
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
