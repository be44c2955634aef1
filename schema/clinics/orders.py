"""Sets the order of case types on clinics' start pages and contact cards."""

import strawberry

from resolvers.clinics import orders as resolve
from schema.clinics.enums import OrderedList
from schema.errors import Info, mutation
from schema.inputs import IDEMPOTENCY_KEY, NOTE, EventPayload, InputArgument, key_of_call
from schema.log.events import Event
from schema.scalars import HsaId


@strawberry.input(
    description=(
        "The pages to order: of one clinic, of every clinic in a group, or of every clinic of a"
        " principal."
    ),
    one_of=True,
)
class ReorderTarget:
    clinic: HsaId | None = strawberry.field(default=strawberry.UNSET, description="This clinic.")
    group: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Every clinic in this group, now and later."
    )
    principal: HsaId | None = strawberry.field(
        default=strawberry.UNSET, description="Every clinic of this principal."
    )


@strawberry.input(
    description=(
        "An order of case types. A clinic's own order takes precedence, then the orders of its"
        " groups (the last saved first), then its principal's. A case type that is in none of them"
        " comes last, or at the position that its distribution requested."
    )
)
class CaseTypesReorderInput:
    on: ReorderTarget = strawberry.field(description="The pages to order.")
    which: OrderedList = strawberry.field(
        default=OrderedList.START_PAGE,
        name="list",
        description="The start page or the contact card.",
    )
    order: list[strawberry.ID] = strawberry.field(
        description=(
            "Case types, each once, from the top; at most 1,000. An empty list removes the order."
        )
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type
class OrderMutation:
    @mutation(EventPayload, "Sets the order of case types on clinics' pages.")
    async def case_types_reorder(
        self, info: Info, input: InputArgument[CaseTypesReorderInput]
    ) -> EventPayload:
        target = resolve.OrderTarget(
            clinic=input.on.clinic or None,
            group=input.on.group or None,
            principal=input.on.principal or None,
        )
        saved = await resolve.save(
            info.context,
            target,
            input.which,
            input.order,
            note=input.note,
            key=key_of_call(info, input),
        )
        return EventPayload(event=Event.of(saved.event) if saved.event else None)
