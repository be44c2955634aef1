"""The export `versions`: every version of every document that the viewer may see.

For viewers who may not see drafts: only versions that have been published.

Longer than 350 lines because the table of columns stays beside the row that it reads.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.context import Context
from resolvers.exports import parameters
from resolvers.exports.columns import Column, ColumnType, RowContext, actor_columns
from resolvers.exports.export import Export, ResumePoint, readable_principals
from resolvers.exports.parameters import ParameterValues
from store.documents.scopes import Visibility
from store.errors import InvalidInput
from store.records import Document, Event, Version
from store.transfer.log_ranges import LogRange

_BATCH = 16
"""Versions in a batch: one may have a megabyte."""


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version.

    Attributes:
        record: The version.
        head: Its document.
        names: Its name and its internal name.
        template_known: Whether the viewer may know of the template that it is derived from.
        context: Of the export.
    """

    record: Version
    head: Document
    names: tuple[str, str]
    template_known: bool
    context: RowContext


class VersionSource:
    """Reads versions for one viewer.

    A version is found by the event that made it. For viewers who may not see drafts, by the event
    that published it for the first time.
    """

    def __init__(self, context: Context, document: str | None, kind: str | None) -> None:
        self._context = context
        self._document = document
        self._kind = kind

    async def count(self, log_range: LogRange) -> int:
        """See `RowSource`."""
        count = 0
        async for batch in self._context.store.export_queries.version_events(
            log_range, self._document, None
        ):
            count += len(await self._visible(batch))
        return count

    async def rows(
        self, log_range: LogRange, after: int | None
    ) -> AsyncIterator[Sequence[VersionRow]]:
        """See `RowSource`. In the order of the events that the versions are found by."""
        row_context = RowContext(self._context)
        async for batch in self._context.store.export_queries.version_events(
            log_range, self._document, after
        ):
            visible = await self._visible(batch)
            for start in range(0, len(visible), _BATCH):
                chosen = visible[start : start + _BATCH]
                versions = await self._context.store.documents.get_versions(
                    (head.id, number) for head, number in chosen
                )
                templates = await self._known_templates(versions.values())
                yield [
                    self._row(versions[head.id, number], head, templates, row_context)
                    for head, number in chosen
                ]

    async def find(self, row_id: str) -> ResumePoint[int] | None:
        """See `RowSource`. The key is the sequence number of the event."""
        document, _, digits = row_id.rpartition(".")
        if not (digits.isascii() and digits.isdigit()):
            return None
        number = int(digits)
        head = (await self._context.store.export_queries.heads([document])).get(document)
        version = (await self._context.store.documents.get_versions([(document, number)])).get(
            (document, number)
        )
        if head is None or version is None:
            return None
        match self._context.rights.visibility(head):
            case Visibility.ALL:
                return ResumePoint(version.principal, version.sequence)
            case Visibility.RELEASED:
                released = await self._context.store.export_queries.released_at(document, number)
                return None if released is None else ResumePoint(*released)
            case Visibility.NOTHING:
                return None

    async def _visible(
        self, events: Sequence[tuple[Event, int | None]]
    ) -> list[tuple[Document, int]]:
        """The versions that events made or published and that the viewer may see."""
        heads = await self._context.store.export_queries.heads(
            event.document for event, _ in events if event.document
        )
        made = await self._context.store.export_queries.made_by([event for event, _ in events])
        visible = []
        for event, released in events:
            head = heads.get(event.document or "")
            if head is None or (self._kind is not None and head.kind != self._kind):
                continue
            match self._context.rights.visibility(head):
                case Visibility.ALL if event.sequence in made:
                    visible.append((head, made[event.sequence]))
                case Visibility.RELEASED if released is not None:
                    visible.append((head, released))
        return visible

    async def _known_templates(self, versions: Iterable[Version]) -> frozenset[str]:
        """The ids of the templates of some versions that the viewer may know of."""
        ids = {version.derived_from.template for version in versions if version.derived_from}
        heads = await self._context.store.export_queries.heads(ids) if ids else {}
        return frozenset(
            template
            for template, head in heads.items()
            if self._context.rights.visibility(head) is not Visibility.NOTHING
        )

    def _row(
        self, version: Version, head: Document, templates: frozenset[str], context: RowContext
    ) -> VersionRow:
        kind = self._context.store.kinds[version.kind]
        names = kind.names(kind.upcast(version.content, version.schema_version))
        known = version.derived_from is not None and version.derived_from.template in templates
        return VersionRow(version, head, names, known, context)


async def _source(context: Context, values: ParameterValues) -> VersionSource:
    kind, kinds = values.get("kind"), [known.name for known in context.store.kinds]
    if kind is not None and kind not in kinds:
        raise InvalidInput.at(("kind",), "UNKNOWN_VALUE", f"Välj något av: {', '.join(kinds)}.")
    return VersionSource(context, values.get("document"), kind)


T = ColumnType


def _derived(part: str) -> Callable[[VersionRow], Any]:
    return lambda row: getattr(row.record.derived_from, part) if row.template_known else None


def _origin(part: str) -> Callable[[VersionRow], Any]:
    return lambda row: None if row.record.origin is None else getattr(row.record.origin, part)


COLUMNS: tuple[Column[VersionRow], ...] = (
    Column("id", T.TEXT, "The id of the version.", "Version.id", lambda row: row.record.id),
    Column(
        "principal",
        T.TEXT,
        "The principal in whose log the version was written.",
        "Event.principal.hsaId",
        lambda row: row.context.hsa_id(row.record.principal),
        "HSA-id",
    ),
    Column(
        "document",
        T.TEXT,
        "The id of the document.",
        "Document.id",
        lambda row: row.record.document,
    ),
    Column(
        "kind",
        T.TEXT,
        "The kind of the document.",
        "Document.__typename",
        lambda row: row.record.kind,
        "kind of document",
    ),
    Column(
        "ownerKind",
        T.TEXT,
        "Whether a principal or a clinic owns the document.",
        "Document.owner",
        lambda row: str(row.head.owner.kind),
        "OwnerKind",
    ),
    Column(
        "owner",
        T.TEXT,
        "The owner of the document; in upper case.",
        "Document.owner.hsaId",
        lambda row: row.head.owner.key,
        "HSA-id",
    ),
    Column(
        "subject",
        T.TEXT,
        "The id of the document that this one extends.",
        "LocalAdaptation.caseType.id",
        lambda row: row.head.subject,
    ),
    Column(
        "number",
        T.INTEGER,
        "The number of the version: 1, 2, 3 … for each document.",
        "Version.number",
        lambda row: row.record.number,
        "number",
    ),
    Column(
        "name",
        T.TEXT,
        "The name in this version.",
        "Version.content.name",
        lambda row: row.names[0],
    ),
    Column(
        "internalName",
        T.TEXT,
        "The internal name in this version.",
        "Version.content.internalName",
        lambda row: row.names[1],
    ),
    Column(
        "createdAt",
        T.TIME,
        "The time at which the version was written.",
        "Version.createdAt",
        lambda row: row.record.created_at,
        "UTC",
    ),
    *actor_columns(
        "author",
        "wrote it",
        "Version.author",
        lambda row: row.record.author,
        lambda row: row.context.person(row.record.author, row.record.principal),
    ),
    Column(
        "note",
        T.TEXT,
        "The note that the author left.",
        "Version.note",
        lambda row: row.record.note,
    ),
    Column(
        "template",
        T.TEXT,
        "The id of the template that it is derived from.",
        "Version.derivedFrom.template.id",
        _derived("template"),
    ),
    Column(
        "templateVersion",
        T.INTEGER,
        "The version of that template.",
        "Version.derivedFrom.version",
        _derived("version"),
        "number",
    ),
    Column(
        "originDocument",
        T.TEXT,
        "The id of the other owner's template that it was imported from.",
        "Version.origin.document",
        _origin("document"),
    ),
    Column(
        "originVersion",
        T.INTEGER,
        "The version of that template.",
        "Version.origin.version",
        _origin("version"),
        "number",
    ),
    Column(
        "originHash",
        T.TEXT,
        "The hash of that version.",
        "Version.origin.hash",
        _origin("hash"),
        "SHA-256, hexadecimal",
    ),
    Column(
        "originPrincipal",
        T.TEXT,
        "The principal that owns that template; in upper case.",
        "Version.origin.principal",
        _origin("principal"),
        "HSA-id",
    ),
    Column(
        "restoredFrom",
        T.INTEGER,
        "The version whose content was restored.",
        "Version.restoredFrom",
        lambda row: row.record.restored_from,
        "number",
    ),
    Column(
        "schemaVersion",
        T.INTEGER,
        "The version of the schema of the content.",
        "–",
        lambda row: row.record.schema_version,
        "number",
    ),
    Column(
        "hash",
        T.TEXT,
        "The hash of content, metadata and the previous version's hash: see the storage page.",
        "Version.hash",
        lambda row: row.record.hash,
        "SHA-256",
    ),
    Column(
        "previousHash",
        T.TEXT,
        "The hash of the previous version.",
        "Version.previousHash",
        lambda row: row.record.previous_hash,
        "SHA-256",
    ),
    Column(
        "sequence",
        T.INTEGER,
        "The number in the log of the event that wrote the version.",
        "Event.sequence",
        lambda row: row.record.sequence,
        "number",
    ),
    Column(
        "content",
        T.JSON,
        "The whole content, as saved.",
        "Version.content",
        lambda row: row.record.content,
    ),
)

VERSIONS: Export[VersionRow] = Export(
    name="versions",
    meaning="Every version of every document, with its whole content.",
    order=(
        "the event that wrote it; for viewers who may not see drafts, the event that"
        " first published it"
    ),
    columns=COLUMNS,
    parameters=parameters.RANGE_PARAMETERS
    | {"document": parameters.DOCUMENT, "kind": parameters.KIND},
    logs=readable_principals,
    source=_source,
)
