"""How far clinics have taken the version in force of each central case type, and since when those
behind lag.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from resolvers.clinics.assignments import adoption
from resolvers.context import Context
from resolvers.exports import parameters
from resolvers.exports.columns import Column, ColumnType, Seen
from resolvers.exports.export import Export, own_logs
from resolvers.exports.parameters import Given
from store.documents.scopes import Visibility
from store.records import Document
from store.transfer.export_queries import Stretch


@dataclass(frozen=True, slots=True)
class Row:
    """How many clinics stand at one version of a case type; `version` is None for those that have
    acknowledged none.
    """

    head: Document
    version: int | None
    clinics: int
    since: datetime | None
    seen: Seen


class Adoptions:
    """The adoption that one viewer asks for: counted anew, all of it, whenever anything happened."""

    def __init__(self, context: Context, document: str | None) -> None:
        self._context = context
        self._document = document

    async def count(self, stretch: Stretch) -> int:
        """How many rows there are."""
        return sum([len(batch) async for batch in self.rows(stretch, None)])

    async def rows(self, stretch: Stretch, start: Any) -> AsyncIterator[Sequence[Row]]:  # noqa: ARG002 - never resumed
        """By case type, then version; last, those that have acknowledged none."""
        kinds = [kind.name for kind in self._context.store.kinds if kind.assignable]
        seen = Seen(self._context)
        async for batch in self._context.store.extracts.own_documents(
            stretch.principal, kinds, self._document
        ):
            heads = [
                head
                for head in batch
                if self._context.rights.visibility(head) is not Visibility.NOTHING
            ]
            found = await asyncio.gather(*(adoption(self._context, head) for head in heads))
            rows = []
            for head, counts in zip(heads, found, strict=True):
                rows += [
                    Row(head, one.version, one.clinics, one.since, seen)
                    for one in counts.by_version
                ]
                rows.append(Row(head, None, counts.unseen, None, seen))
            yield rows

    async def find(self, row_id: str) -> None:
        """Never resumed."""


async def _source(context: Context, given: Given) -> Adoptions:
    return Adoptions(context, given.get("caseType"))


T = ColumnType
COLUMNS: tuple[Column[Row], ...] = (
    Column(
        "id",
        T.TEXT,
        "Of the row: the case type and the version.",
        "–",
        lambda row: f"{row.head.id}.{row.version or 0}",
    ),
    Column(
        "principal",
        T.TEXT,
        "Whose case type it is.",
        "CaseType.owner.hsaId",
        lambda row: row.seen.hsa_id(row.head.principal),
        "HSA-id",
    ),
    Column("caseType", T.TEXT, "The case type, by id.", "CaseType.id", lambda row: row.head.id),
    Column(
        "caseTypeName", T.TEXT, "Its name in force.", "CaseType.name", lambda row: row.head.name
    ),
    Column(
        "state",
        T.TEXT,
        "Where it stands.",
        "CaseType.state",
        lambda row: str(row.head.state),
        "DocumentState",
    ),
    Column(
        "publishedVersion",
        T.INTEGER,
        "The version in force.",
        "CaseType.publishedVersion",
        lambda row: row.head.published,
        "number",
    ),
    Column(
        "version",
        T.INTEGER,
        "The version that clinics last acknowledged; empty in the row of those that have"
        " acknowledged none.",
        "CaseType.adoption.byVersion.version",
        lambda row: row.version,
        "number",
    ),
    Column(
        "clinics",
        T.INTEGER,
        "How many: over all rows of a case type, all that have it; in the row without version,"
        " `CaseType.adoption.unseen`.",
        "CaseType.adoption.byVersion.clinics",
        lambda row: row.clinics,
        "clinics",
    ),
    Column(
        "behind",
        T.BOOLEAN,
        "Whether another version is in force.",
        "–",
        lambda row: row.version != row.head.published,
    ),
    Column(
        "behindSince",
        T.TIME,
        "Since when.",
        "CaseType.adoption.byVersion.since",
        lambda row: row.since,
        "UTC",
    ),
)

ADOPTION: Export[Row] = Export(
    name="adoption",
    meaning=(
        "How many clinics have acknowledged which version of each central case type, and since when"
        " others lag. Always as it is now."
    ),
    order="case type, version",
    columns=COLUMNS,
    parameters={
        "principal": parameters.PRINCIPAL,
        "after": parameters.AFTER_ANYTHING,
        "caseType": parameters.CASE_TYPE,
    },
    logs=own_logs,
    source=_source,
)
