"""Handing central case types to clinics and taking them back, with the check before."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

import strawberry

from resolvers.clinics import distribution as resolve
from resolvers.clinics import selectors
from schema.clinics.clinic_filters import ClinicFilter, criteria_of
from schema.clinics.clinics import Clinic
from schema.documents.documents import KEY, NOTE
from schema.enums import RefusalReason
from schema.errors import Given, Info, UserError, key_of_call, mutation
from schema.kinds.case_types import CaseType
from schema.log.events import Event
from schema.nodes import After, Connection, First, connection, known_count, page_of_sorted, paging
from schema.scalars import HsaId
from store import records
from store.mongo.paging import Page

T = TypeVar("T")


@strawberry.input(description="Which clinics: exactly one way of choosing them.", one_of=True)
class ClinicSelection:
    hsa_ids: list[HsaId] | None = strawberry.field(
        default=strawberry.UNSET, description="By HSA-id, at most 20,000."
    )
    csv: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="By CSV: a column `hsaId`, or one HSA-id on each line; at most 20,000.",
    )
    group: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "The clinics of a group. Handed to a group by rule, a case type also reaches clinics"
            " that fit it later."
        ),
    )
    filter: ClinicFilter | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Every clinic of the principal that matches now; only active ones unless `status` is"
            " given."
        ),
    )


def _selection_of(input: ClinicSelection, argument: str) -> selectors.ClinicSelection:
    return selectors.ClinicSelection(
        argument,
        hsa_ids=_or_none(input.hsa_ids),
        csv=_or_none(input.csv),
        group=_or_none(input.group),
        filter=criteria_of(input.filter) if _or_none(input.filter) else None,
    )


def _or_none(value: T | None) -> T | None:
    return None if value is strawberry.UNSET else value


@strawberry.type(description="A row that can't be distributed to.")
class RefusedRow:
    row: int = strawberry.field(description="Its 1-based line in the CSV, or place in the list.")
    value: str = strawberry.field(description="What stands there.")
    reason: RefusalReason = strawberry.field(description="Why not.")


def _rows(rows: Sequence[records.RefusedRow]) -> list[RefusedRow]:
    return [RefusedRow(row=row.row, value=row.value, reason=row.reason) for row in rows]


@strawberry.type(description="A local case type that the central one would make superfluous.")
class LocalCandidate:
    found: strawberry.Private[resolve.LocalCandidate]
    similarity: float = strawberry.field(
        description="How alike the names are, 0 to 1; 1 for the same name."
    )

    @strawberry.field(description="Whose it is.")
    async def clinic(self, info: Info) -> Clinic:
        clinic = await info.context.loaders.clinics.load(self.found.clinic)
        if clinic is None:
            raise LookupError(f"clinic {self.found.clinic}")
        return Clinic.of(clinic)

    @strawberry.field(
        description="The local case type. Name it in `replaceLocal` to archive it in the same act."
    )
    async def case_type(self, info: Info) -> CaseType:
        document = await info.context.loaders.documents.load(self.found.document)
        if document is None:
            raise LookupError(f"case type {self.found.document}")
        return CaseType.of(document, info)


@strawberry.type(description="What a distribution would do.")
class DistributionCheck:
    check: strawberry.Private[resolve.DistributionCheck]
    refused: list[RefusedRow] = strawberry.field(
        description="Rows that can't be distributed to, in order."
    )
    local_candidates: list[LocalCandidate] = strawberry.field(
        description=(
            "Local case types at the clinics chosen that have the same or a similar name, the most"
            " similar first."
        )
    )

    @strawberry.field(description="Who will receive it now, by HSA-id.")
    async def will_receive(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Clinic]:
        return await _clinics(info, self.check.will_receive, first, after)

    @strawberry.field(description="Who has it already, by HSA-id.")
    async def already_assigned(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Clinic]:
        return await _clinics(info, self.check.already, first, after)


async def _clinics(
    info: Info, keys: Sequence[str], first: int | None, after: str | None
) -> Connection[Clinic]:
    page = page_of_sorted(keys, paging(first, after))
    found = await info.context.loaders.clinics.load_many(list(page.items))
    clinics = Page(
        [clinic for clinic in found if clinic], page.cursors, page.has_next, page.has_previous
    )
    return connection(clinics, Clinic.of, known_count(len(keys)))


@strawberry.type
class DistributionQuery:
    @strawberry.field(description="The check before a distribution: nothing is written.")
    async def check_distribution(
        self,
        info: Info,
        case_type: Annotated[
            strawberry.ID, strawberry.argument(description="A central case type.")
        ],
        to: Annotated[
            ClinicSelection, strawberry.argument(description="Clinics of the same principal.")
        ],
    ) -> DistributionCheck:
        check = await resolve.check(info.context, case_type, _selection_of(to, "to"))
        return DistributionCheck(
            check=check,
            refused=_rows(check.refused),
            local_candidates=[
                LocalCandidate(found=one, similarity=one.similarity) for one in check.candidates
            ],
        )


@strawberry.input(description="Which case type goes to which clinics.")
class CaseTypeDistributeInput:
    case_type: strawberry.ID = strawberry.field(description="A published central case type.")
    to: ClinicSelection = strawberry.field(description="Clinics of the same principal.")
    replace_local: list[strawberry.ID] | None = strawberry.field(
        default_factory=list,
        description=(
            "Local case types of these clinics that give way: archived in the same act. Restore"
            " takes them back."
        ),
    )
    start_page_order: int | None = strawberry.field(
        default=None, description="Its place on their start pages, from 1; last if left out."
    )
    contact_card_order: int | None = strawberry.field(
        default=None, description="Its place on their contact cards, from 1; last if left out."
    )
    skip_refused: bool | None = strawberry.field(
        default=False, description="Leave refused rows out instead of refusing all."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.input(description="Which case type is taken back from which clinics.")
class CaseTypeWithdrawInput:
    case_type: strawberry.ID = strawberry.field(description="A central case type.")
    from_: ClinicSelection = strawberry.field(
        name="from", description="Clinics of the same principal, those that have ended included."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=KEY)


@strawberry.type(
    description="What a distribution or withdrawal led to. With errors, nothing was written."
)
class DistributionPayload:
    case_type: CaseType | None = strawberry.field(default=None, description="The case type.")
    clinics: int | None = strawberry.field(
        default=None, description="How many clinics received it, or lost it, now."
    )
    replaced: int | None = strawberry.field(
        default=None, description="How many local case types gave way."
    )
    skipped: list[RefusedRow] | None = strawberry.field(
        default=None, description="Rows left out, with `skipRefused`."
    )
    event: Event | None = strawberry.field(
        default=None, description="The act as logged; null where nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written."
    )


def _payload(saved: records.Saved, info: Info) -> DistributionPayload:
    return DistributionPayload(
        case_type=CaseType.of(saved.document, info) if saved.document else None,
        clinics=saved.counts["clinics"],
        replaced=saved.counts["replaced"],
        skipped=_rows(saved.skipped),
        event=Event.of(saved.event) if saved.event else None,
    )


@strawberry.type
class DistributionMutation:
    @mutation(
        DistributionPayload,
        "Hands a central case type to clinics: one act, all or nothing. Clinics that have it"
        " already are left as they are.",
    )
    async def case_type_distribute(
        self, info: Info, input: Given[CaseTypeDistributeInput]
    ) -> DistributionPayload:
        saved = await resolve.distribute(
            info.context,
            input.case_type,
            _selection_of(input.to, "to"),
            replace_local=input.replace_local or [],
            start_page_order=input.start_page_order,
            contact_card_order=input.contact_card_order,
            skip_refused=bool(input.skip_refused),
            note=input.note,
            key=key_of_call(info, input),
        )
        return _payload(saved, info)

    @mutation(
        DistributionPayload,
        "Takes a central case type back from clinics, those that follow it included. Their"
        " adaptations are kept, hidden.",
    )
    async def case_type_withdraw(
        self, info: Info, input: Given[CaseTypeWithdrawInput]
    ) -> DistributionPayload:
        saved = await resolve.withdraw(
            info.context,
            input.case_type,
            _selection_of(input.from_, "from"),
            note=input.note,
            key=key_of_call(info, input),
        )
        return _payload(saved, info)
