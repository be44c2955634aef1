"""The export `adoption`: how many clinics have acknowledged which version of a case type."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from resolvers.clinics.assignments import adoption
from resolvers.context import Context
from resolvers.exports import parameters
from resolvers.exports.columns import Column, ColumnType, RowContext
from resolvers.exports.export import Export, readable_principals
from resolvers.exports.parameters import ParameterValues
from store.documents.scopes import Visibility
from store.records import Document
from store.transfer.log_ranges import LogRange


@dataclass(frozen=True, slots=True)
class AdoptionRow:
    """The clinics that last acknowledged one version of a case type.

    `version` is None for those that have acknowledged none.
    """

    head: Document
    version: int | None
    clinics: int
    since: datetime | None
    context: RowContext


class AdoptionSource:
    """Counts adoption for one viewer. All rows are counted anew if anything happened."""

    def __init__(self, context: Context, document: str | None) -> None:
        self._context = context
        self._document = document

    async def count(self, log_range: LogRange) -> int:
        """See `RowSource`."""
        return sum([len(batch) async for batch in self.rows(log_range, None)])

    async def rows(self, log_range: LogRange, after: None) -> AsyncIterator[Sequence[AdoptionRow]]:  # noqa: ARG002 - never resumed
        """See `RowSource`. By case type, then version; last, clinics that acknowledged none."""
        kinds = [kind.name for kind in self._context.store.kinds if kind.assignable]
        row_context = RowContext(self._context)
        async for batch in self._context.store.export_queries.own_documents(
            log_range.principal, kinds, self._document
        ):
            heads = [
                head
                for head in batch
                if self._context.rights.visibility(head) is not Visibility.NOTHING
            ]
            counted = await asyncio.gather(*(adoption(self._context, head) for head in heads))
            rows = []
            for head, counts in zip(heads, counted, strict=True):
                rows += [
                    AdoptionRow(head, adopted.version, adopted.clinics, adopted.since, row_context)
                    for adopted in counts.by_version
                ]
                rows.append(AdoptionRow(head, None, counts.unseen, None, row_context))
            yield rows

    async def find(self, row_id: str) -> None:
        """See `RowSource`. This export has no parameter `resume`."""


async def _source(context: Context, values: ParameterValues) -> AdoptionSource:
    return AdoptionSource(context, values.get("caseType"))


T = ColumnType
COLUMNS: tuple[Column[AdoptionRow], ...] = (
    Column(
        "id",
        T.TEXT,
        "The id of the row: the case type and the version.",
        "–",
        lambda row: f"{row.head.id}.{row.version or 0}",
    ),
    Column(
        "principal",
        T.TEXT,
        "The principal that owns the case type.",
        "CaseType.owner.hsaId",
        lambda row: row.context.hsa_id(row.head.principal),
        "HSA-id",
    ),
    Column("caseType", T.TEXT, "The id of the case type.", "CaseType.id", lambda row: row.head.id),
    Column(
        "caseTypeName",
        T.TEXT,
        "The name of the case type in its published version.",
        "CaseType.name",
        lambda row: row.head.name,
    ),
    Column(
        "state",
        T.TEXT,
        "The state of the case type.",
        "CaseType.state",
        lambda row: str(row.head.state),
        "DocumentState",
    ),
    Column(
        "publishedVersion",
        T.INTEGER,
        "The number of the published version.",
        "CaseType.publishedVersion",
        lambda row: row.head.published,
        "number",
    ),
    Column(
        "version",
        T.INTEGER,
        "The version that the clinics last acknowledged; empty in the row of clinics that have"
        " acknowledged none.",
        "CaseType.adoption.byVersion.version",
        lambda row: row.version,
        "number",
    ),
    Column(
        "clinics",
        T.INTEGER,
        "The number of clinics. The sum over the rows of a case type is the number of clinics that"
        " have it. In the row without a version it is `CaseType.adoption.unseen`.",
        "CaseType.adoption.byVersion.clinics",
        lambda row: row.clinics,
        "clinics",
    ),
    Column(
        "behind",
        T.BOOLEAN,
        "Whether the published version is another one.",
        "–",
        lambda row: row.version != row.head.published,
    ),
    Column(
        "behindSince",
        T.TIME,
        "The time since which these clinics lag behind.",
        "CaseType.adoption.byVersion.since",
        lambda row: row.since,
        "UTC",
    ),
)

ADOPTION: Export[AdoptionRow] = Export(
    name="adoption",
    meaning=(
        "How many clinics have acknowledged which version of each central case type, and since when"
        " others lag behind. Always as of now."
    ),
    order="case type, version",
    columns=COLUMNS,
    parameters={
        "principal": parameters.PRINCIPAL,
        "after": parameters.AFTER_ANYTHING,
        "caseType": parameters.CASE_TYPE,
    },
    logs=readable_principals,
    source=_source,
)
