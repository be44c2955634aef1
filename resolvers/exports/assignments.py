"""The export `assignments`: which clinics have which case types, since when, in which version."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace

from resolvers.clinics.assignments import AssignmentCriteria, listing_for
from resolvers.context import Context
from resolvers.exports import parameters
from resolvers.exports.as_of import DocumentAsOf, RegistryAsOf
from resolvers.exports.columns import Column, ColumnType, RowContext, actor_columns
from resolvers.exports.export import Export, ResumePoint, readable_principals
from resolvers.exports.parameters import ParameterValues
from store.clinics.assignments import AssignmentFilter
from store.errors import InvalidInput
from store.records import Assignment, CentralActivation, Clinic
from store.transfer.log_ranges import LogRange, RangeChanges


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """An assignment, with its clinic and its case type at the time that the file shows."""

    record: Assignment
    clinic: Clinic
    document: DocumentAsOf
    active: bool
    context: RowContext


class AssignmentSource:
    """Reads assignments for one viewer."""

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
        self._changes: dict[str, RangeChanges] = {}

    async def count(self, log_range: LogRange) -> int:
        """See `RowSource`."""
        which = await self._filter(log_range)
        if which is None:
            return 0
        return await self._context.store.export_queries.count_assignments(
            log_range, which, await self._changes_in(log_range)
        )

    async def rows(
        self, log_range: LogRange, after: Assignment | None
    ) -> AsyncIterator[Sequence[AssignmentRow]]:
        """See `RowSource`. By clinic, then case type."""
        which = await self._filter(log_range)
        if which is None:
            return
        registry, row_context = RegistryAsOf(self._context, log_range), RowContext(self._context)
        policies = await registry.policies()
        active_while_waiting = policies.central_activation is CentralActivation.PRINCIPAL
        async for batch in self._context.store.export_queries.assignments(
            log_range, which, await self._changes_in(log_range), after
        ):
            clinics = await registry.clinics(assignment.clinic for assignment in batch)
            documents = await registry.documents(assignment.document for assignment in batch)
            yield [
                AssignmentRow(
                    _without_later_end(assignment, log_range),
                    clinics[assignment.clinic],
                    documents[assignment.document],
                    active_while_waiting if assignment.waiting else assignment.active,
                    row_context,
                )
                for assignment in batch
            ]

    async def find(self, row_id: str) -> ResumePoint[Assignment] | None:
        """See `RowSource`."""
        found = (await self._context.store.assignments.get_many([row_id])).get(row_id)
        if found and self._context.rights.reads_clinic(found.clinic, found.principal):
            return ResumePoint(found.principal, found)
        return None

    async def _filter(self, log_range: LogRange) -> AssignmentFilter | None:
        """Narrow the filter to one log; None if nothing can match."""
        if self._which is None or self._which.principal not in (None, log_range.principal):
            return None
        if not self._behind:
            return self._which
        store = self._context.store
        among = (
            await store.assignments.central_documents(log_range.principal)
            if self._document is None
            else [self._document]
        )
        return replace(
            self._which, behind=await store.documents.in_force(log_range.principal, among)
        )

    async def _changes_in(self, log_range: LogRange) -> RangeChanges | None:
        if log_range.after is None:
            return None
        principal = log_range.principal
        if principal not in self._changes:
            self._changes[principal] = await self._context.store.export_queries.changes(log_range)
        return self._changes[principal]


def _without_later_end(assignment: Assignment, log_range: LogRange) -> Assignment:
    """Remove the end of an assignment that ended after the newest event that is exported."""
    if assignment.until_sequence is None or assignment.until_sequence <= log_range.newest:
        return assignment
    return replace(assignment, until=None, until_sequence=None)


async def _source(context: Context, values: ParameterValues) -> AssignmentSource:
    behind = bool(values.get("behindOnly"))
    if behind and "asOf" in values:
        raise InvalidInput.at(
            ("behindOnly",),
            "NOT_WITH_AS_OF",
            "Vem som ligger efter visas bara för nuläget: utelämna asOf.",
        )
    criteria = AssignmentCriteria(
        values.get("clinic"), values.get("caseType"), values.get("group"), values.get("origin")
    )
    found = await listing_for(context, criteria, None)
    return AssignmentSource(
        context, found.filter if found else None, behind=behind, document=values.get("caseType")
    )


T = ColumnType
COLUMNS: tuple[Column[AssignmentRow], ...] = (
    Column(
        "id",
        T.TEXT,
        "The id of the row. A case type that is withdrawn and assigned again gets another.",
        "Assignment.id",
        lambda row: row.record.id,
    ),
    Column(
        "principal",
        T.TEXT,
        "The principal of the clinic.",
        "Clinic.principal.hsaId",
        lambda row: row.context.hsa_id(row.record.principal),
        "HSA-id",
    ),
    Column(
        "clinic",
        T.TEXT,
        "The clinic.",
        "Assignment.clinic.hsaId",
        lambda row: row.clinic.hsa_id,
        "HSA-id",
    ),
    Column(
        "clinicName",
        T.TEXT,
        "The name of the clinic then.",
        "Clinic.name",
        lambda row: row.clinic.name,
    ),
    Column(
        "caseType",
        T.TEXT,
        "The id of the case type.",
        "Assignment.caseType.id",
        lambda row: row.record.document,
    ),
    Column(
        "caseTypeName",
        T.TEXT,
        "The name of the case type in the version published then.",
        "versionAt(time).content.name",
        lambda row: row.document.name,
    ),
    Column(
        "internalName",
        T.TEXT,
        "The internal name of the case type in the version published then.",
        "versionAt(time).content.internalName",
        lambda row: row.document.internal_name,
    ),
    Column(
        "scope",
        T.TEXT,
        "Whether the case type is central or the clinic's own.",
        "CaseType.scope",
        lambda row: "CENTRAL" if row.document.central else "LOCAL",
        "CaseTypeScope",
    ),
    Column(
        "publishedVersion",
        T.INTEGER,
        "The number of the version published then.",
        "versionAt(time).number",
        lambda row: row.document.published,
        "number",
    ),
    Column(
        "state",
        T.TEXT,
        "The state of the case type then.",
        "CaseType.state",
        lambda row: str(row.document.state or ""),
        "DocumentState",
    ),
    Column(
        "origin",
        T.TEXT,
        "How the case type was assigned to the clinic.",
        "Assignment.origin",
        lambda row: str(row.record.origin),
        "AssignmentOrigin",
    ),
    Column(
        "active",
        T.BOOLEAN,
        "Whether the clinic showed the case type to residents then, regardless of its state.",
        "Assignment.active",
        lambda row: row.active,
    ),
    Column(
        "acknowledgedVersion",
        T.INTEGER,
        "The published version that the clinic had been notified of when it last acknowledged."
        " As of now, also with `asOf`.",
        "Assignment.acknowledgedVersion",
        lambda row: row.record.acknowledged_version,
        "number",
    ),
    Column(
        "since",
        T.TIME,
        "The time at which the case type was assigned, or last shown or hidden at the clinic.",
        "Assignment.since",
        lambda row: row.record.since,
        "UTC",
    ),
    Column(
        "until",
        T.TIME,
        "The time at which that ended; empty while it holds. With `after`, rows that ended since"
        " are included.",
        "Assignment.until",
        lambda row: row.record.until,
        "UTC",
    ),
    *actor_columns(
        "by",
        "did this",
        "Assignment.by",
        lambda row: row.record.by,
        lambda row: row.context.person(row.record.by, row.record.principal),
    ),
)

ASSIGNMENTS: Export[AssignmentRow] = Export(
    name="assignments",
    meaning="Which clinics have which case types, since when and in which version.",
    order="clinic, case type",
    columns=COLUMNS,
    parameters=parameters.RANGE_PARAMETERS
    | {
        "clinic": parameters.CLINIC,
        "caseType": parameters.CASE_TYPE,
        "group": parameters.GROUP,
        "origin": parameters.ORIGIN,
        "behindOnly": parameters.BEHIND_ONLY,
    },
    logs=readable_principals,
    source=_source,
)
