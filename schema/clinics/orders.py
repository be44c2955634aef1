"""The order of case types on clinics' pages."""

import strawberry

from resolvers.clinics import orders as resolve
from schema.documents.documents import KEY, NOTE
from schema.enums import OrderedList
from schema.errors import Given, Info, UserError, key_of_call, mutation
from schema.log.events import Event
from schema.scalars import HsaId


@strawberry.input(
    description=(
        "Whose pages: one clinic's, those of every clinic of a group, or the principal's default."
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
        "An order. A clinic's own comes first, then its groups' (the one saved last first), then"
        " its principal's; a case type that none of them names stands last, or at the place that"
        " its distribution asked for."
    )
)
class CaseTypesReorderInput:
    on: ReorderTarget = strawberry.field(description="Whose pages.")
    which: OrderedList = strawberry.field(
        default=OrderedList.START_PAGE,
        name="list",
        description="The start page or the contact card.",
    )
    order: list[strawberry.ID] = strawberry.field(
        description="Case types, each once, the first on top; an empty list takes the order away."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.type(description="What an act led to. With errors, nothing was written.")
class EventPayload:
    event: Event | None = strawberry.field(
        default=None, description="The act as logged; null where nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written."
    )


@strawberry.type
class OrderMutation:
    @mutation(EventPayload, "Sets the order of case types on clinics' pages.")
    async def case_types_reorder(
        self, info: Info, input: Given[CaseTypesReorderInput]
    ) -> EventPayload:
        on = resolve.Target(
            clinic=input.on.clinic or None,
            group=input.on.group or None,
            principal=input.on.principal or None,
        )
        saved = await resolve.save(
            info.context,
            on,
            input.which,
            input.order,
            note=input.note,
            key=key_of_call(info, input),
        )
        return EventPayload(event=Event.of(saved.event) if saved.event else None)
