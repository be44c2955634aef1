"""Every version of every document that the viewer may see; without drafts for who sees no drafts."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.context import Context
from resolvers.exports import parameters
from resolvers.exports.columns import Column, ColumnType, Seen, actor_columns
from resolvers.exports.export import Export, own_logs
from resolvers.exports.parameters import Given
from store.documents.scopes import Visibility
from store.errors import InvalidInput
from store.records import Document, Event, Version
from store.transfer.export_queries import Stretch

_AT_ONCE = 16  # a version may be a megabyte


@dataclass(frozen=True, slots=True)
class Row:
    """A version, its document, its names, and whether the template that it comes from is known to
    the viewer.
    """

    record: Version
    head: Document
    names: tuple[str, str]
    template_known: bool
    seen: Seen


class Versions:
    """The versions that one viewer asks for, found by the acts that made them, or that first put
    them in force for who sees no drafts.
    """

    def __init__(self, context: Context, document: str | None, kind: str | None) -> None:
        self._context = context
        self._document = document
        self._kind = kind

    async def count(self, stretch: Stretch) -> int:
        """How many there are."""
        count = 0
        async for batch in self._context.store.extracts.version_acts(stretch, self._document, None):
            count += len(await self._wanted(batch))
        return count

    async def rows(self, stretch: Stretch, start: Any) -> AsyncIterator[Sequence[Row]]:
        """The oldest first; for who sees no drafts, in the order in which they were put in force."""
        seen = Seen(self._context)
        async for batch in self._context.store.extracts.version_acts(
            stretch, self._document, start
        ):
            wanted = await self._wanted(batch)
            for first in range(0, len(wanted), _AT_ONCE):
                some = wanted[first : first + _AT_ONCE]
                versions = await self._context.store.documents.get_versions(
                    (head.id, number) for head, number in some
                )
                templates = await self._templates(versions.values())
                yield [
                    self._row(versions[head.id, number], head, templates, seen)
                    for head, number in some
                ]

    async def find(self, row_id: str) -> tuple[str, int] | None:
        """A version by id: the act that it is found by."""
        document, _, number = row_id.rpartition(".")
        if not (number.isascii() and number.isdigit()):
            return None
        head = (await self._context.store.extracts.heads([document])).get(document)
        version = (await self._context.store.documents.get_versions([(document, int(number))])).get(
            (document, int(number))
        )
        if head is None or version is None:
            return None
        match self._context.rights.visibility(head):
            case Visibility.ALL:
                return version.principal, version.sequence
            case Visibility.RELEASED:
                return await self._context.store.extracts.released_at(document, int(number))
            case Visibility.NOTHING:
                return None

    async def _wanted(self, acts: Sequence[tuple[Event, int | None]]) -> list[tuple[Document, int]]:
        """The versions that acts made or released, as far as the viewer sees them."""
        heads = await self._context.store.extracts.heads(
            event.document for event, _ in acts if event.document
        )
        made = await self._context.store.extracts.made_by([event for event, _ in acts])
        wanted = []
        for event, released in acts:
            head = heads.get(event.document or "")
            if head is None or (self._kind is not None and head.kind != self._kind):
                continue
            match self._context.rights.visibility(head):
                case Visibility.ALL if event.sequence in made:
                    wanted.append((head, made[event.sequence]))
                case Visibility.RELEASED if released is not None:
                    wanted.append((head, released))
        return wanted

    async def _templates(self, versions: Any) -> Mapping[str, bool]:
        ids = {version.derived_from.template for version in versions if version.derived_from}
        found = await self._context.store.extracts.heads(ids) if ids else {}
        return {
            one: self._context.rights.visibility(head) is not Visibility.NOTHING
            for one, head in found.items()
        }

    def _row(
        self, version: Version, head: Document, templates: Mapping[str, bool], seen: Seen
    ) -> Row:
        kind = self._context.store.kinds[version.kind]
        names = kind.names(kind.upcast(version.content, version.schema_version))
        known = version.derived_from is not None and templates.get(
            version.derived_from.template, False
        )
        return Row(version, head, names, known, seen)


async def _source(context: Context, given: Given) -> Versions:
    kind, kinds = given.get("kind"), [one.name for one in context.store.kinds]
    if kind is not None and kind not in kinds:
        raise InvalidInput.at(("kind",), "UNKNOWN_VALUE", f"Välj något av: {', '.join(kinds)}.")
    return Versions(context, given.get("document"), kind)


T = ColumnType


def _derived(part: str) -> Any:
    return lambda row: getattr(row.record.derived_from, part) if row.template_known else None


def _origin(part: str) -> Any:
    return lambda row: None if row.record.origin is None else getattr(row.record.origin, part)


COLUMNS: tuple[Column[Row], ...] = (
    Column("id", T.TEXT, "Of the version.", "Version.id", lambda row: row.record.id),
    Column(
        "principal",
        T.TEXT,
        "In whose log it was written.",
        "Event.principal.hsaId",
        lambda row: row.seen.hsa_id(row.record.principal),
        "HSA-id",
    ),
    Column(
        "document", T.TEXT, "The document, by id.", "Document.id", lambda row: row.record.document
    ),
    Column(
        "kind",
        T.TEXT,
        "What kind of document it is.",
        "Document.__typename",
        lambda row: row.record.kind,
        "kind of document",
    ),
    Column(
        "ownerKind",
        T.TEXT,
        "Whether it belongs to a principal or a clinic.",
        "Document.owner",
        lambda row: str(row.head.owner.kind),
        "OwnerKind",
    ),
    Column(
        "owner",
        T.TEXT,
        "Who it belongs to; in upper case.",
        "Document.owner.hsaId",
        lambda row: row.head.owner.key,
        "HSA-id",
    ),
    Column(
        "subject",
        T.TEXT,
        "The document that this one is an addition to, by id.",
        "LocalAdaptation.caseType.id",
        lambda row: row.head.subject,
    ),
    Column(
        "number",
        T.INTEGER,
        "1, 2, 3 … for each document.",
        "Version.number",
        lambda row: row.record.number,
        "number",
    ),
    Column("name", T.TEXT, "Its name.", "Version.content.name", lambda row: row.names[0]),
    Column(
        "internalName",
        T.TEXT,
        "Its internal name.",
        "Version.content.internalName",
        lambda row: row.names[1],
    ),
    Column(
        "createdAt",
        T.TIME,
        "When it was written.",
        "Version.createdAt",
        lambda row: row.record.created_at,
        "UTC",
    ),
    *actor_columns(
        "author",
        "it was written",
        "Version.author",
        lambda row: row.record.author,
        lambda row: row.seen.person(row.record.author, row.record.principal),
    ),
    Column("note", T.TEXT, "Why it was written.", "Version.note", lambda row: row.record.note),
    Column(
        "template",
        T.TEXT,
        "The template that it comes from, by id.",
        "Version.derivedFrom.template.id",
        _derived("template"),
    ),
    Column(
        "templateVersion",
        T.INTEGER,
        "That template's version.",
        "Version.derivedFrom.version",
        _derived("version"),
        "number",
    ),
    Column(
        "originDocument",
        T.TEXT,
        "The template of another owner that it was imported from, by id.",
        "Version.origin.document",
        _origin("document"),
    ),
    Column(
        "originVersion",
        T.INTEGER,
        "That template's version.",
        "Version.origin.version",
        _origin("version"),
        "number",
    ),
    Column(
        "originHash",
        T.TEXT,
        "That version's hash.",
        "Version.origin.hash",
        _origin("hash"),
        "SHA-256, hexadecimal",
    ),
    Column(
        "originPrincipal",
        T.TEXT,
        "Whose it is; in upper case.",
        "Version.origin.principal",
        _origin("principal"),
        "HSA-id",
    ),
    Column(
        "restoredFrom",
        T.INTEGER,
        "The version whose content was written again.",
        "Version.restoredFrom",
        lambda row: row.record.restored_from,
        "number",
    ),
    Column(
        "schemaVersion",
        T.INTEGER,
        "Of the content's shape.",
        "–",
        lambda row: row.record.schema_version,
        "number",
    ),
    Column(
        "hash",
        T.TEXT,
        "Over content, metadata and the hash before: see the storage page.",
        "Version.hash",
        lambda row: row.record.hash,
        "SHA-256",
    ),
    Column(
        "previousHash",
        T.TEXT,
        "The hash of the version before.",
        "Version.previousHash",
        lambda row: row.record.previous_hash,
        "SHA-256",
    ),
    Column(
        "sequence",
        T.INTEGER,
        "The number in the log of the act that wrote it.",
        "Event.sequence",
        lambda row: row.record.sequence,
        "number",
    ),
    Column(
        "content",
        T.JSON,
        "The whole content, as it was saved.",
        "Version.content",
        lambda row: row.record.content,
    ),
)

VERSIONS: Export[Row] = Export(
    name="versions",
    meaning="Every version of every document, whole.",
    order="the act that wrote it; for who sees no drafts, that first put it in force",
    columns=COLUMNS,
    parameters=parameters.PLACES | {"document": parameters.DOCUMENT, "kind": parameters.KIND},
    logs=own_logs,
    source=_source,
)
