"""Clinics acknowledge their notifications."""

import strawberry

from resolvers.clinics import clinics
from resolvers.log import notifications
from schema.clinics.clinics import Clinic
from schema.errors import Info, UserError, mutation
from schema.inputs import ERRORS, IDEMPOTENCY_KEY, InputArgument, key_of_call
from schema.log.events import Event
from schema.scalars import Cursor, HsaId
from store.log.cursors import Position, position_cursor


@strawberry.input(description="The notifications that a clinic acknowledges.")
class NotificationsAcknowledgeInput:
    clinic: HsaId = strawberry.field(description="The clinic.")
    up_to: Cursor = strawberry.field(
        description=(
            "Cursor of the last notification to acknowledge. All earlier notifications are"
            " acknowledged too."
        )
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="The result of an acknowledgement. With errors, nothing was written.")
class AcknowledgementPayload:
    clinic: Clinic | None = strawberry.field(default=None, description="The clinic.")
    up_to: Cursor | None = strawberry.field(
        default=None, description="Cursor of the last notification that is acknowledged now."
    )
    event: Event | None = strawberry.field(
        default=None,
        description=(
            "The event that was written to the log; null if the notifications were acknowledged"
            " already."
        ),
    )
    errors: list[UserError] = strawberry.field(default_factory=list, description=ERRORS)


@strawberry.type
class AcknowledgementMutation:
    @mutation(
        AcknowledgementPayload,
        "Acknowledges a clinic's notifications up to and including one. Notifications published"
        " later are not acknowledged. For the clinic's own staff.",
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
