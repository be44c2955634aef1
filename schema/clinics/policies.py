"""The policies of principals for their clinics."""

from typing import Any

import strawberry

from resolvers.clinics import policies as resolve
from schema.clinics.enums import CentralActivation
from schema.clinics.principals import Principal
from schema.errors import Info, UserError, mutation
from schema.inputs import IDEMPOTENCY_KEY, NOTE, InputArgument, key_of_call
from schema.log.events import Event
from schema.scalars import HsaId
from store import records
from store.records import key_of

_ACTIVATION = "Whether the principal or each clinic shows central case types to residents."
_EDIT = "Whether clinics may edit, adapt, follow and reorder case types."
_LINKS = "Whether case types may have links from logged-in mode to open pages."
_ACR = (
    "The lowest accepted level of assurance of a sign-in, by the identity provider's name:"
    " `http://id.sambi.se/loa/loa3` or `…/loa2`."
)


@strawberry.type(description="A principal's policies for its clinics.")
class Policies:
    central_activation: CentralActivation = strawberry.field(description=_ACTIVATION)
    clinics_edit: bool = strawberry.field(description=_EDIT)
    open_page_links: bool = strawberry.field(description=_LINKS)
    lowest_acr: str = strawberry.field(description=_ACR)

    @classmethod
    def of(cls, record: records.PrincipalPolicies) -> "Policies":
        return cls(
            central_activation=record.central_activation,
            clinics_edit=record.clinics_edit,
            open_page_links=record.open_page_links,
            lowest_acr=record.lowest_acr,
        )


@strawberry.input(
    description="The policies to change. Policies that are left out keep their value."
)
class PrincipalPoliciesSaveInput:
    principal: HsaId = strawberry.field(description="The principal.")
    central_activation: CentralActivation | None = strawberry.field(
        default=None, description=_ACTIVATION
    )
    clinics_edit: bool | None = strawberry.field(default=None, description=_EDIT)
    open_page_links: bool | None = strawberry.field(default=None, description=_LINKS)
    lowest_acr: str | None = strawberry.field(default=None, description=_ACR)
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="The result of changing policies. With errors, nothing was written.")
class PrincipalPayload:
    principal: Principal | None = strawberry.field(
        default=None, description="The principal after the change."
    )
    event: Event | None = strawberry.field(
        default=None, description="The event that was written to the log; null if nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written; empty on success."
    )


@strawberry.type
class PolicyMutation:
    @mutation(PrincipalPayload, "Changes a principal's policies for its clinics.")
    async def principal_policies_save(
        self, info: Info, input: InputArgument[PrincipalPoliciesSaveInput]
    ) -> PrincipalPayload:
        values: dict[str, Any] = {
            "central_activation": input.central_activation,
            "clinics_edit": input.clinics_edit,
            "open_page_links": input.open_page_links,
            "lowest_acr": input.lowest_acr,
        }
        changes = {name: value for name, value in values.items() if value is not None}
        saved = await resolve.save(
            info.context, input.principal, changes, note=input.note, key=key_of_call(info, input)
        )
        return PrincipalPayload(
            principal=Principal.of(info.context.principals[key_of(input.principal)]),
            event=Event.of(saved.event) if saved.event else None,
        )
