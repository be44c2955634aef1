"""Groups of clinics."""

import strawberry

from resolvers.clinics import groups as resolve
from resolvers.clinics.selectors import ClinicCriteria
from schema.clinics.clinic_filters import ClinicFilter, criteria_of
from schema.clinics.clinics import Clinic, list_clinics
from schema.clinics.principals import Principal
from schema.errors import Given, Info, UserError, key_of_call, mutation
from schema.log.events import Event
from schema.nodes import After, Connection, First, Node
from schema.scalars import HsaId
from store import records
from store.clinics import filters
from store.errors import InvalidInput


@strawberry.type(
    description="What the clinics of a group have in common; what is null does not matter."
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
        def listed(values: object) -> list[str] | None:
            return list(values) if isinstance(values, (list, tuple)) else None

        return cls(
            business_classifications=listed(record.business_classifications),
            business_types=listed(record.business_types),
            care_types=listed(record.care_types),
            management=listed(record.management),
            county_codes=listed(record.county_codes),
            municipality_codes=listed(record.municipality_codes),
        )


@strawberry.type(description="A named set of a principal's clinics: listed, or by a live rule.")
class ClinicGroup(Node):
    record: strawberry.Private[records.ClinicGroup]
    name: str = strawberry.field(description="Its name.")
    rule: ClinicRule | None = strawberry.field(
        description="What its clinics have in common; null where they are listed."
    )

    @classmethod
    def of(cls, record: records.ClinicGroup) -> "ClinicGroup":
        rule = ClinicRule.of(record.rule) if record.rule else None
        return cls(record=record, id=strawberry.ID(record.id), name=record.name, rule=rule)

    @strawberry.field(description="Whose clinics they are.")
    def principal(self, info: Info) -> Principal:
        return Principal.of(info.context.principals[self.record.principal])

    @strawberry.field(description="The clinics in it now that the viewer may read, by HSA-id.")
    async def clinics(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Clinic]:
        return await list_clinics(
            info, ClinicCriteria(filters.ClinicFilter(), group=self.record.id), first, after
        )


@strawberry.input(
    description="A group: new without `id`. Exactly one of `hsaIds`, `csv` and `rule`."
)
class ClinicGroupSaveInput:
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The group to change; a new one if left out."
    )
    principal: HsaId = strawberry.field(description="Whose clinics.")
    name: str = strawberry.field(description="Not blank, at most 200 characters.")
    hsa_ids: list[HsaId] | None = strawberry.field(
        default=None, description="The clinics, at most 20,000."
    )
    csv: str | None = strawberry.field(
        default=None, description="The clinics: a column `hsaId`, or one HSA-id on each line."
    )
    rule: ClinicFilter | None = strawberry.field(
        default=None,
        description=(
            "What they have in common, a clinic that fits later included. Without `text`, `group`,"
            " `similarTo` and `status`."
        ),
    )
    idempotency_key: str | None = strawberry.field(
        default=None, description="The same key answers the first call's result again."
    )


@strawberry.type(description="What saving a group led to. With errors, nothing was written.")
class ClinicGroupPayload:
    clinic_group: ClinicGroup | None = strawberry.field(
        default=None, description="The group as it is now."
    )
    event: Event | None = strawberry.field(
        default=None, description="The act as logged; null where nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written."
    )


def _rule(given: ClinicFilter | None) -> records.ClinicRule | None:
    if given is None:
        return None
    for name, value in (
        ("text", given.text),
        ("group", given.group),
        ("similarTo", given.similar_to),
        ("status", given.status),
    ):
        if value is not None:
            raise InvalidInput.at(
                ("rule", name),
                "NOT_IN_RULE",
                "En regel kan bara bestå av egenskaper hos mottagningen.",
            )
    which = criteria_of(given).filter
    return records.ClinicRule(
        business_classifications=which.business_classifications,
        business_types=which.business_types,
        care_types=which.care_types,
        management=which.management,
        county_codes=which.county_codes,
        municipality_codes=which.municipality_codes,
    )


@strawberry.type
class GroupMutation:
    @mutation(
        ClinicGroupPayload,
        "Makes a group of clinics, or changes one. What is handed to a group by rule reaches the"
        " clinics that a new rule brings in.",
    )
    async def clinic_group_save(
        self, info: Info, input: Given[ClinicGroupSaveInput]
    ) -> ClinicGroupPayload:
        saved = await resolve.save(
            info.context,
            input.principal,
            input.id,
            name=input.name,
            hsa_ids=input.hsa_ids,
            csv=input.csv,
            rule=_rule(input.rule),
            key=key_of_call(info, input),
        )
        group = await resolve.get(info.context, saved.target or "")
        return ClinicGroupPayload(
            clinic_group=ClinicGroup.of(group) if group else None,
            event=Event.of(saved.event) if saved.event else None,
        )
