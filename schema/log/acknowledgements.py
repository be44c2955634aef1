"""Clinics acknowledge what they were told."""

import strawberry

from resolvers.clinics import clinics
from resolvers.log import notifications
from schema.clinics.clinics import Clinic
from schema.errors import Info, UserError, mutation
from schema.inputs import IDEMPOTENCY_KEY, InputArgument, key_of_call
from schema.log.events import Event
from schema.scalars import Cursor, HsaId
from store.log.history import Position, position_cursor


@strawberry.input(description="Up to where a clinic has seen what it was told.")
class NotificationsAcknowledgeInput:
    clinic: HsaId = strawberry.field(description="The clinic.")
    up_to: Cursor = strawberry.field(
        description=(
            "The last notification that was seen, by its cursor: all before it are acknowledged"
            " too."
        )
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What an acknowledgement led to. With errors, nothing was written.")
class AcknowledgementPayload:
    clinic: Clinic | None = strawberry.field(default=None, description="The clinic.")
    up_to: Cursor | None = strawberry.field(
        default=None, description="Up to where it has acknowledged now."
    )
    event: Event | None = strawberry.field(
        default=None, description="The act as logged; null where it had come so far already."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written."
    )


@strawberry.type
class AcknowledgementMutation:
    @mutation(
        AcknowledgementPayload,
        "A clinic has seen its notifications up to one. What is published after that one is not"
        " acknowledged by it. For the clinic's own people.",
    )
    async def notifications_acknowledge(
        self, info: Info, input: InputArgument[NotificationsAcknowledgeInput]
    ) -> AcknowledgementPayload:
        saved = await notifications.acknowledge(
            info.context, input.clinic, input.up_to, key=key_of_call(info, input)
        )
        clinic = await clinics.require(info.context, input.clinic)
        return AcknowledgementPayload(
            clinic=Clinic.of(clinic),
            up_to=Cursor(
                position_cursor(clinic.principal, Position(saved.counts["up_to"], clinic.key))
            ),
            event=Event.of(saved.event) if saved.event else None,
        )
