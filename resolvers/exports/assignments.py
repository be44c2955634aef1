"""Which units have which case types, since when and in which version."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from resolvers.clinics.assignments import AssignmentCriteria, listing_for
from resolvers.context import Context
from resolvers.exports import parameters
from resolvers.exports.as_of import DocumentThen, RegistryAsOf
from resolvers.exports.columns import Column, ColumnType, Seen, actor_columns
from resolvers.exports.export import Export, own_logs
from resolvers.exports.parameters import Given
from store.clinics.assignments import AssignmentFilter
from store.errors import InvalidInput
from store.records import Assignment, CentralActivation, Clinic
from store.transfer.export_queries import Stretch, Touched


@dataclass(frozen=True, slots=True)
class Row:
    """A case type at a clinic, and what both were then."""

    record: Assignment
    clinic: Clinic
    document: DocumentThen
    active: bool
    seen: Seen


class Assignments:
    """The assignments that one viewer asks for."""

    def __init__(
        self,
        context: Context,
        which: AssignmentFilter | None,
        *,
        behind: bool,
        document: str | None,
    ) -> None:
        self._context = context
        self._which = which
        self._behind = behind
        self._document = document
        self._touched: dict[str, Touched] = {}

    async def count(self, stretch: Stretch) -> int:
        """How many there are."""
        which = await self._within(stretch)
        return (
            0
            if which is None
            else await self._context.store.extracts.count_assignments(
                stretch, which, await self._changed(stretch)
            )
        )

    async def rows(self, stretch: Stretch, start: Any) -> AsyncIterator[Sequence[Row]]:
        """By clinic, then case type."""
        which = await self._within(stretch)
        if which is None:
            return
        then, seen = RegistryAsOf(self._context, stretch), Seen(self._context)
        policies = await then.policies()
        shown = policies.central_activation is CentralActivation.PRINCIPAL
        async for batch in self._context.store.extracts.assignments(
            stretch, which, await self._changed(stretch), start
        ):
            clinics = await then.clinics(one.clinic for one in batch)
            documents = await then.documents(one.document for one in batch)
            yield [
                Row(
                    _as_seen(one, stretch),
                    clinics[one.clinic],
                    documents[one.document],
                    shown if one.waiting else one.active,
                    seen,
                )
                for one in batch
            ]

    async def find(self, row_id: str) -> tuple[str, Assignment] | None:
        """An assignment by id."""
        found = (await self._context.store.assignments.get_many([row_id])).get(row_id)
        return (
            (found.principal, found)
            if found and self._context.rights.reads_clinic(found.clinic, found.principal)
            else None
        )

    async def _within(self, stretch: Stretch) -> AssignmentFilter | None:
        """The filter within one log; None where nothing can match."""
        if self._which is None or self._which.principal not in (None, stretch.principal):
            return None
        if not self._behind:
            return self._which
        store = self._context.store
        among = (
            await store.assignments.central_documents(stretch.principal)
            if self._document is None
            else [self._document]
        )
        return replace(self._which, behind=await store.documents.in_force(stretch.principal, among))

    async def _changed(self, stretch: Stretch) -> Touched | None:
        if stretch.since is None:
            return None
        if stretch.principal not in self._touched:
            self._touched[stretch.principal] = await self._context.store.extracts.touched(stretch)
        return self._touched[stretch.principal]


def _as_seen(assignment: Assignment, stretch: Stretch) -> Assignment:
    """An assignment without the end that it came to later than anything that is told of."""
    if assignment.until_sequence is None or assignment.until_sequence <= stretch.seen:
        return assignment
    return replace(assignment, until=None, until_sequence=None)


async def _source(context: Context, given: Given) -> Assignments:
    behind = bool(given.get("behindOnly"))
    if behind and "asOf" in given:
        raise InvalidInput.at(
            ("behindOnly",),
            "NOT_WITH_AS_OF",
            "Vem som ligger efter visas bara för nuläget: utelämna asOf.",
        )
    criteria = AssignmentCriteria(
        given.get("clinic"), given.get("caseType"), given.get("group"), given.get("origin")
    )
    found = await listing_for(context, criteria, None)
    return Assignments(
        context, found.filter if found else None, behind=behind, document=given.get("caseType")
    )


T = ColumnType
COLUMNS: tuple[Column[Row], ...] = (
    Column(
        "id",
        T.TEXT,
        "Of the row; what is taken back and handed out again gets another.",
        "Assignment.id",
        lambda row: row.record.id,
    ),
    Column(
        "principal",
        T.TEXT,
        "Who answers for the clinic.",
        "Clinic.principal.hsaId",
        lambda row: row.seen.hsa_id(row.record.principal),
        "HSA-id",
    ),
    Column(
        "clinic",
        T.TEXT,
        "Where.",
        "Assignment.clinic.hsaId",
        lambda row: row.clinic.hsa_id,
        "HSA-id",
    ),
    Column(
        "clinicName",
        T.TEXT,
        "The clinic's name, as it was then.",
        "Clinic.name",
        lambda row: row.clinic.name,
    ),
    Column(
        "caseType",
        T.TEXT,
        "What, by id.",
        "Assignment.caseType.id",
        lambda row: row.record.document,
    ),
    Column(
        "caseTypeName",
        T.TEXT,
        "The case type's name in force then.",
        "versionAt(time).content.name",
        lambda row: row.document.name,
    ),
    Column(
        "internalName",
        T.TEXT,
        "The internal name then.",
        "versionAt(time).content.internalName",
        lambda row: row.document.internal_name,
    ),
    Column(
        "scope",
        T.TEXT,
        "Central or the clinic's own.",
        "CaseType.scope",
        lambda row: "CENTRAL" if row.document.central else "LOCAL",
        "CaseTypeScope",
    ),
    Column(
        "publishedVersion",
        T.INTEGER,
        "The version in force then.",
        "versionAt(time).number",
        lambda row: row.document.published,
        "number",
    ),
    Column(
        "state",
        T.TEXT,
        "Where the case type stood then.",
        "CaseType.state",
        lambda row: str(row.document.state or ""),
        "DocumentState",
    ),
    Column(
        "origin",
        T.TEXT,
        "How it came there.",
        "Assignment.origin",
        lambda row: str(row.record.origin),
        "AssignmentOrigin",
    ),
    Column(
        "active",
        T.BOOLEAN,
        "Whether residents met it there then, as far as the clinic goes.",
        "Assignment.active",
        lambda row: row.active,
    ),
    Column(
        "acknowledgedVersion",
        T.INTEGER,
        "The version in force that the clinic was told of when it last acknowledged; as it is now,"
        " also with `asOf`.",
        "Assignment.acknowledgedVersion",
        lambda row: row.record.acknowledged_version,
        "number",
    ),
    Column(
        "since",
        T.TIME,
        "When it came, or was last activated or hidden there.",
        "Assignment.since",
        lambda row: row.record.since,
        "UTC",
    ),
    Column(
        "until",
        T.TIME,
        "When that ended; empty while it holds. With `after`, rows that ended since are told too.",
        "Assignment.until",
        lambda row: row.record.until,
        "UTC",
    ),
    *actor_columns(
        "by",
        "it was done",
        "Assignment.by",
        lambda row: row.record.by,
        lambda row: row.seen.person(row.record.by, row.record.principal),
    ),
)

ASSIGNMENTS: Export[Row] = Export(
    name="assignments",
    meaning="Which units have which case types, since when and in which version.",
    order="clinic, case type",
    columns=COLUMNS,
    parameters=parameters.PLACES
    | {
        "clinic": parameters.CLINIC,
        "caseType": parameters.CASE_TYPE,
        "group": parameters.GROUP,
        "origin": parameters.ORIGIN,
        "behindOnly": parameters.BEHIND_ONLY,
    },
    logs=own_logs,
    source=_source,
)
