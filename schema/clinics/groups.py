"""Groups of clinics: a list, or a rule that clinics fit."""

import strawberry

from resolvers.clinics import groups as resolve
from resolvers.clinics.selectors import ClinicCriteria
from schema.clinics.clinic_filters import ClinicFilter, criteria_of
from schema.clinics.clinics import Clinic, list_clinics
from schema.clinics.principals import Principal
from schema.errors import Info, UserError, mutation
from schema.inputs import IDEMPOTENCY_KEY, InputArgument, key_of_call
from schema.log.events import Event
from schema.nodes import After, Connection, First, Node
from schema.scalars import HsaId
from store import records
from store.clinics import filters
from store.errors import InvalidInput


@strawberry.type(
    description="The rule of a group: a clinic fits all conditions. Null sets no condition."
)
class ClinicRule:
    business_classifications: list[str] | None = strawberry.field(
        description="Any of these verksamhetskoder."
    )
    business_types: list[str] | None = strawberry.field(description="Any of these kinds of unit.")
    care_types: list[str] | None = strawberry.field(description="Any of these forms of care.")
    management: list[str] | None = strawberry.field(description="Any of these owners.")
    county_codes: list[str] | None = strawberry.field(description="In any of these counties.")
    municipality_codes: list[str] | None = strawberry.field(
        description="In any of these municipalities."
    )

    @classmethod
    def of(cls, record: records.ClinicRule) -> "ClinicRule":
        def as_list(values: object) -> list[str] | None:
            return list(values) if isinstance(values, (list, tuple)) else None

        return cls(
            business_classifications=as_list(record.business_classifications),
            business_types=as_list(record.business_types),
            care_types=as_list(record.care_types),
            management=as_list(record.management),
            county_codes=as_list(record.county_codes),
            municipality_codes=as_list(record.municipality_codes),
        )


@strawberry.type(
    description="A named group of a principal's clinics: a list, or all that fit a rule."
)
class ClinicGroup(Node):
    record: strawberry.Private[records.ClinicGroup]
    name: str = strawberry.field(description="Name.")
    rule: ClinicRule | None = strawberry.field(
        description="The rule that its clinics fit; null for a listed group."
    )

    @classmethod
    def of(cls, record: records.ClinicGroup) -> "ClinicGroup":
        rule = ClinicRule.of(record.rule) if record.rule else None
        return cls(record=record, id=strawberry.ID(record.id), name=record.name, rule=rule)

    @strawberry.field(description="The principal that the clinics belong to.")
    def principal(self, info: Info) -> Principal:
        return Principal.of(info.context.principals[self.record.principal])

    @strawberry.field(
        description="The clinics in the group now that the viewer may read, by HSA-id."
    )
    async def clinics(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Clinic]:
        return await list_clinics(
            info, ClinicCriteria(filters.ClinicFilter(), group=self.record.id), first, after
        )


@strawberry.input(
    description="A group; a new one without `id`. Give exactly one of `hsaIds`, `csv` and `rule`."
)
class ClinicGroupSaveInput:
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The group to change; left out for a new one."
    )
    principal: HsaId = strawberry.field(description="The principal that the clinics belong to.")
    name: str = strawberry.field(description="Not blank, at most 200 characters.")
    hsa_ids: list[HsaId] | None = strawberry.field(
        default=None, description="The clinics, 1 to 20,000."
    )
    csv: str | None = strawberry.field(
        default=None,
        description="The clinics: a column `hsaId`, or one HSA-id on each line; 1 to 20,000.",
    )
    rule: ClinicFilter | None = strawberry.field(
        default=None,
        description=(
            "The rule; clinics that fit it later are included. At least one condition; `text`,"
            " `group`, `similarTo` and `status` are not allowed."
        ),
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="The result of saving a group. With errors, nothing was written.")
class ClinicGroupPayload:
    clinic_group: ClinicGroup | None = strawberry.field(
        default=None, description="The group after the change."
    )
    event: Event | None = strawberry.field(
        default=None, description="The event that was written to the log; null if nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written; empty on success."
    )


def _rule_of(filter: ClinicFilter | None) -> records.ClinicRule | None:
    if filter is None:
        return None
    for name, value in (
        ("text", filter.text),
        ("group", filter.group),
        ("similarTo", filter.similar_to),
        ("status", filter.status),
    ):
        if value is not None:
            raise InvalidInput.at(
                ("rule", name),
                "NOT_IN_RULE",
                "En regel kan bara bestå av egenskaper hos mottagningen.",
            )
    conditions = criteria_of(filter).filter
    return records.ClinicRule(
        business_classifications=conditions.business_classifications,
        business_types=conditions.business_types,
        care_types=conditions.care_types,
        management=conditions.management,
        county_codes=conditions.county_codes,
        municipality_codes=conditions.municipality_codes,
    )


@strawberry.type
class GroupMutation:
    @mutation(
        ClinicGroupPayload,
        "Creates or changes a group of clinics. Case types that are distributed to a group with a"
        " rule also reach the clinics that fit only the new rule.",
    )
    async def clinic_group_save(
        self, info: Info, input: InputArgument[ClinicGroupSaveInput]
    ) -> ClinicGroupPayload:
        saved = await resolve.save(
            info.context,
            input.principal,
            input.id,
            name=input.name,
            hsa_ids=input.hsa_ids,
            csv=input.csv,
            rule=_rule_of(input.rule),
            key=key_of_call(info, input),
        )
        group = await resolve.get(info.context, saved.target or "")
        return ClinicGroupPayload(
            clinic_group=ClinicGroup.of(group) if group else None,
            event=Event.of(saved.event) if saved.event else None,
        )
