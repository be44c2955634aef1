"""Distributes central case types to clinics and withdraws them, with a check before."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

import strawberry

from resolvers.clinics import distribution as resolve
from resolvers.clinics import selectors
from schema.clinics.clinic_filters import ClinicFilter, criteria_of
from schema.clinics.clinics import Clinic
from schema.clinics.enums import RefusalReason
from schema.errors import Info, UserError, mutation
from schema.inputs import IDEMPOTENCY_KEY, NOTE, InputArgument, key_of_call
from schema.kinds.case_types import CaseType
from schema.log.events import Event
from schema.nodes import After, Connection, First, connection, known_count, page_of_sorted, paging
from schema.scalars import HsaId
from store import records
from store.paging import Page

T = TypeVar("T")


@strawberry.input(description="Selects clinics in exactly one way.", one_of=True)
class ClinicSelection:
    hsa_ids: list[HsaId] | None = strawberry.field(
        default=strawberry.UNSET, description="By HSA-id, 1 to 20,000."
    )
    csv: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="By CSV: a column `hsaId`, or one HSA-id on each line; 1 to 20,000.",
    )
    group: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "The clinics of a group. A case type that is distributed to a group with a rule also"
            " reaches clinics that fit the rule later."
        ),
    )
    filter: ClinicFilter | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "Every clinic of the principal that matches now; only active clinics unless `status` is"
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


@strawberry.type(description="A row that cannot be distributed to.")
class RefusedRow:
    row: int = strawberry.field(description="Line in the CSV, or position in the list, from 1.")
    value: str = strawberry.field(description="The text of the row.")
    reason: RefusalReason = strawberry.field(description="Why the row is refused.")


def _rows(rows: Sequence[records.RefusedRow]) -> list[RefusedRow]:
    return [RefusedRow(row=row.row, value=row.value, reason=row.reason) for row in rows]


@strawberry.type(description="A local case type that the central one could replace.")
class LocalCandidate:
    found: strawberry.Private[resolve.LocalCandidate]
    similarity: float = strawberry.field(
        description="Similarity of the two names, 0 to 1; 1 for the same name."
    )

    @strawberry.field(description="The clinic that owns it.")
    async def clinic(self, info: Info) -> Clinic:
        clinic = await info.context.loaders.clinics.load(self.found.clinic)
        if clinic is None:
            raise LookupError(f"clinic {self.found.clinic}")
        return Clinic.of(clinic)

    @strawberry.field(
        description="The local case type. Its id in `replaceLocal` archives it in the same act."
    )
    async def case_type(self, info: Info) -> CaseType:
        document = await info.context.loaders.documents.load(self.found.document)
        if document is None:
            raise LookupError(f"case type {self.found.document}")
        return CaseType.of(document, info)


@strawberry.type(description="The result that a distribution would have.")
class DistributionCheck:
    check: strawberry.Private[resolve.DistributionCheck]
    refused: list[RefusedRow] = strawberry.field(
        description="Rows that cannot be distributed to, in order."
    )
    local_candidates: list[LocalCandidate] = strawberry.field(
        description=(
            "Local case types at the selected clinics with the same or a similar name, the most"
            " similar first."
        )
    )

    @strawberry.field(description="The clinics that would receive it now, by HSA-id.")
    async def will_receive(
        self, info: Info, first: First = None, after: After = None
    ) -> Connection[Clinic]:
        return await _clinics(info, self.check.will_receive, first, after)

    @strawberry.field(description="The clinics that it is distributed to already, by HSA-id.")
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
    @strawberry.field(description="Checks a distribution before it is made. Nothing is written.")
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
                LocalCandidate(found=candidate, similarity=candidate.similarity)
                for candidate in check.candidates
            ],
        )


@strawberry.input(description="A case type and the clinics to distribute it to.")
class CaseTypeDistributeInput:
    case_type: strawberry.ID = strawberry.field(description="A published central case type.")
    to: ClinicSelection = strawberry.field(description="Clinics of the same principal.")
    replace_local: list[strawberry.ID] | None = strawberry.field(
        default_factory=list,
        description=(
            "Local case types of these clinics to archive in the same act, at most 20,000. They can"
            " be restored."
        ),
    )
    start_page_order: int | None = strawberry.field(
        default=None, description="Position on their start pages, 1 to 20,000; last by default."
    )
    contact_card_order: int | None = strawberry.field(
        default=None, description="Position on their contact cards, 1 to 20,000; last by default."
    )
    skip_refused: bool | None = strawberry.field(
        default=False, description="Skip refused rows instead of refusing the whole call."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.input(description="A case type and the clinics to withdraw it from.")
class CaseTypeWithdrawInput:
    case_type: strawberry.ID = strawberry.field(description="A central case type.")
    from_: ClinicSelection = strawberry.field(
        name="from", description="Clinics of the same principal, also those that have ended."
    )
    note: str | None = strawberry.field(default=None, description=NOTE)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(
    description="The result of a distribution or withdrawal. With errors, nothing was written."
)
class DistributionPayload:
    case_type: CaseType | None = strawberry.field(default=None, description="The case type.")
    clinics: int | None = strawberry.field(
        default=None, description="Number of clinics that received or lost it now."
    )
    replaced: int | None = strawberry.field(
        default=None, description="Number of local case types that were archived."
    )
    skipped: list[RefusedRow] | None = strawberry.field(
        default=None, description="Rows that were skipped, with `skipRefused`."
    )
    event: Event | None = strawberry.field(
        default=None, description="The event that was written to the log; null if nothing changed."
    )
    errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was written; empty on success."
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
        "Distributes a central case type to clinics, all or nothing. Clinics that it is distributed"
        " to already do not change.",
    )
    async def case_type_distribute(
        self, info: Info, input: InputArgument[CaseTypeDistributeInput]
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
        "Withdraws a central case type from clinics, also from those that follow it. Their local"
        " adaptations are kept but hidden.",
    )
    async def case_type_withdraw(
        self, info: Info, input: InputArgument[CaseTypeWithdrawInput]
    ) -> DistributionPayload:
        saved = await resolve.withdraw(
            info.context,
            input.case_type,
            _selection_of(input.from_, "from"),
            note=input.note,
            key=key_of_call(info, input),
        )
        return _payload(saved, info)
