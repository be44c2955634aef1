"""Case types at clinics: handed out as one act, all or nothing, from one event's sequence number to another's."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from bson import ObjectId
from pymongo import InsertOne

from store import heads
from store.database import Database
from store.errors import RowProblem, RowsRefused, WrongState
from store.hsa import is_hsa_id
from store.log import Log
from store.paging import Page, Paging, find_page
from store.records import (
    Act,
    Action,
    Assignment,
    AssignmentOrigin,
    Audience,
    Clinic,
    ClinicStatus,
    Document,
    DocumentState,
    RefusalReason,
    RefusedRow,
    Saved,
    key_of,
)
from store.rows import assignment_from, assignment_row, clinic_from
from store.transactions import IdempotencyKey, Transaction

_REFUSED_STATUS = {
    ClinicStatus.NOT_ACTIVATED: RefusalReason.NOT_ACTIVATED,
    ClinicStatus.ENDED: RefusalReason.ENDED,
    ClinicStatus.ARCHIVED: RefusalReason.ARCHIVED,
}

_MESSAGES = {
    RefusalReason.MALFORMED: "Detta är inget HSA-id.",
    RefusalReason.UNKNOWN: "Mottagningen finns inte i registret.",
    RefusalReason.DUPLICATE: "Mottagningen står redan på en tidigare rad.",
    RefusalReason.NOT_ACTIVATED: "Mottagningen är inte aktiverad i e-tjänsterna.",
    RefusalReason.ENDED: "Mottagningen har upphört.",
    RefusalReason.ARCHIVED: "Mottagningen är arkiverad.",
    RefusalReason.OUTSIDE_PRINCIPAL: "Mottagningen hör till en annan huvudman.",
}


class Assignments:
    """The assignments of one registry."""

    def __init__(self, database: Database, log: Log, *, extra_hsa_prefixes: tuple[str, ...] = ()) -> None:
        self._database = database
        self._log = log
        self._extra_hsa_prefixes = extra_hsa_prefixes

    async def of_clinics(self, clinics: Iterable[str]) -> list[Assignment]:
        """All assignments of some clinics, past ones included."""
        rows = await self._database.find("assignments", {"clinic": {"$in": sorted(set(clinics))}})
        return [assignment_from(row) for row in rows]

    async def clinics_with(self, document: str, sequence: int, among: Iterable[str]) -> frozenset[str]:
        """Which of some clinics had a document when an event happened, the acts that gave and took it included."""
        rows = await self._database.find(
            "assignments",
            {
                "document": document,
                "clinic": {"$in": sorted(set(among))},
                "from_sequence": {"$lte": sequence},
                "$or": [{"until_sequence": None}, {"until_sequence": {"$gte": sequence}}],
            },
            projection={"clinic": 1},
        )
        return frozenset(row["clinic"] for row in rows)

    async def page_of_document(self, document: str, paging: Paging) -> Page[Assignment]:
        """The clinics that have a document now, by clinic key."""
        return await find_page(
            self._database, "assignments", {"document": document, "open": True}, paging, keys={"clinic": str}, convert=assignment_from
        )

    async def distribute(
        self,
        document: Document,
        hsa_ids: Sequence[str],
        *,
        start_page_order: int | None,
        contact_card_order: int | None,
        skip_refused: bool,
        act: Act,
        key: IdempotencyKey | None = None,
    ) -> Saved:
        """Hand a case type to clinics of its principal: one act, one event.

        Args:
            document: As last read; the transaction reads it again.
            hsa_ids: As the caller gave them; a row's number is its place, from 1.
            start_page_order: Its place on the clinics' start pages.
            contact_card_order: Its place on their contact cards.
            skip_refused: Leave refused rows out instead of refusing all.
            act: Who writes and why.
            key: For a safe repeat.

        Returns:
            The document, `counts["clinics"]` that received it now, the rows skipped; no event where every clinic has it already.

        Raises:
            RowsRefused: Rows can't be distributed to. Nothing was written.
            WrongState: It was never published, or is archived.
        """

        async def change(transaction: Transaction) -> Saved:
            head = transaction.document(document.id)
            heads.refuse_archived(head, ("caseType",))
            if head.published is None:
                raise WrongState("Publicera ärendetypen innan den delas ut.", DocumentState.DRAFT, ("caseType",))
            keys = [key_of(hsa_id) for hsa_id in hsa_ids]
            clinics = {row["_id"]: clinic_from(row) for row in await transaction.find("clinics", {"_id": {"$in": keys}})}
            refused = refused_rows(hsa_ids, clinics, head.principal, transaction.at, self._extra_hsa_prefixes)
            if refused and not skip_refused:
                raise RowsRefused([_problem(row) for row in refused])
            unusable = {row.row for row in refused}
            wanted = [key for number, key in enumerate(keys, 1) if number not in unusable]
            have = await transaction.find("assignments", {"document": head.id, "open": True, "clinic": {"$in": wanted}}, projection={"clinic": 1})
            receivers = sorted(set(wanted) - {row["clinic"] for row in have})
            if not receivers:
                return Saved(document=head, skipped=tuple(refused), counts={"clinics": 0, "replaced": 0})
            transaction.write(
                "assignments",
                *(
                    InsertOne(
                        assignment_row(
                            Assignment(
                                id=f"as_{ObjectId()}",
                                clinic=clinic,
                                document=head.id,
                                principal=head.principal,
                                origin=AssignmentOrigin.DISTRIBUTED,
                                from_sequence=transaction.next_sequence,
                                since=transaction.at,
                                by=act.actor,
                                start_page_order=start_page_order,
                                contact_card_order=contact_card_order,
                            )
                        )
                    )
                    for clinic in receivers
                ),
            )
            counts = {"clinics": len(receivers), "replaced": 0}
            head = heads.counted(head, notice=True, at=transaction.at)
            transaction.put(head)
            event = transaction.record(
                act,
                Action.DISTRIBUTED,
                document=head.id,
                kind=head.kind,
                version=head.published,
                published_before=head.published,
                published_after=head.published,
                state=head.state,
                audience=Audience.NAMED,
                resident_visible=head.state is DocumentState.ACTIVE,
                clinics=tuple(receivers),
                counts=counts,
            )
            return Saved(document=head, event=event, skipped=tuple(refused), counts=counts)

        return await self._log.submit(document.principal, change, documents=[document.id], key=key, alone=True)


def _problem(row: RefusedRow) -> RowProblem:
    return RowProblem(str(row.reason), _MESSAGES[row.reason], ("to", "hsaIds", str(row.row - 1)), row.row, row.value)


def refused_rows(
    hsa_ids: Sequence[str], clinics: Mapping[str, Clinic], principal: str, now: datetime, extra_prefixes: tuple[str, ...] = ()
) -> list[RefusedRow]:
    """The rows of a selection that can't be distributed to, in order, each with its reason."""
    refused = []
    seen: set[str] = set()
    for number, hsa_id in enumerate(hsa_ids, 1):
        reason = _reason(hsa_id, clinics.get(key_of(hsa_id)), principal, now, seen, extra_prefixes)
        seen.add(key_of(hsa_id))
        if reason is not None:
            refused.append(RefusedRow(number, hsa_id, reason))
    return refused


def _reason(
    hsa_id: str, clinic: Clinic | None, principal: str, now: datetime, seen: set[str], extra_prefixes: tuple[str, ...]
) -> RefusalReason | None:
    if key_of(hsa_id) in seen:
        return RefusalReason.DUPLICATE
    if clinic is None:
        return RefusalReason.UNKNOWN if is_hsa_id(hsa_id, extra_prefixes) else RefusalReason.MALFORMED
    if clinic.principal != principal:
        return RefusalReason.OUTSIDE_PRINCIPAL
    return _REFUSED_STATUS.get(clinic.status_at(now))
