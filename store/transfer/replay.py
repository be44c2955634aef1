"""A principal's log, replayed into a registry that has none of it: documents, histories and all
that acts made so are there again.

Versions come first, then the acts in order. Heads are made anew from both. Nothing that is written
is taken on trust: numbers without a gap, and
every document's chain of hashes, are checked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from store.content.field_paths import changed_leaves
from store.documents.documents import Documents
from store.documents.heads import words_of
from store.kinds.kinds import Kinds
from store.log.log import Log
from store.mongo.connection import Database, Row
from store.mongo.rows import actor_row, document_row, event_row, version_from, version_row
from store.records import (
    Action,
    Audience,
    Document,
    DocumentState,
    Event,
    Origin,
    Owner,
    OwnerKind,
    Version,
)
from store.transfer.event_details import HELD

_BATCH = 200
_THERE_ALREADY = 11000  # DuplicateKey


class ReplayRefused(Exception):
    """What is replayed is no whole log, or the registry is not empty.

    The message is for operators, in English.
    """


@dataclass(slots=True)
class _Standing:
    """What a document's acts have come to."""

    owner: Owner
    subject: str | None
    kind: str
    latest: int = 0
    published: int | None = None
    state: DocumentState = DocumentState.DRAFT
    updated_at: datetime | None = None
    noticed_at: datetime | None = None
    events: int = 0
    notices: int = 0
    releases: int = 0
    highest: int = 0
    archived: int | None = None
    imported: int = 0
    origin: Origin | None = None

    def after(self, event: Event, released: int | None) -> None:
        """One more act."""
        # Of a principal's document; a clinic's own is told to that clinic alone, by its name.
        at_some_clinics = (
            event.audience is Audience.NAMED and self.owner.kind is OwnerKind.PRINCIPAL
        )
        notice = event.audience is not Audience.NONE
        self.events += 1
        self.notices += notice
        if notice and not at_some_clinics:
            self.noticed_at = event.at
        if not at_some_clinics:
            self.updated_at = event.at
        if event.state is not None:
            if event.state is DocumentState.ARCHIVED and self.state is not DocumentState.ARCHIVED:
                self.archived = event.sequence
            elif event.state is not DocumentState.ARCHIVED:
                self.archived = None
            self.state = event.state
        self.published = event.published_after
        self.highest = max(self.highest, event.published_after or 0)
        self.releases += released is not None


class Replay:
    """One principal's log on its way in."""

    def __init__(self, database: Database, kinds: Kinds, principal: str) -> None:
        self._database = database
        self._kinds = kinds
        self._principal = principal
        self._standing: dict[str, _Standing] = {}
        self._acknowledged: dict[str, int] = {}
        self._last: Event | None = None
        self._upto = 0

    async def require_empty(self) -> None:
        """Refuse a registry that has anything of this principal's already.

        Raises:
            ReplayRefused: It has; or it does not know the principal.
        """
        if await self._database.find_one("logs", {"_id": self._principal}) is None:
            raise ReplayRefused(f"{self._principal} is no principal of this registry.")
        for collection in ("events", "versions", "documents", "clinics", *HELD):
            if (
                await self._database.find_one(
                    collection, {"principal": self._principal}, projection={"_id": 1}
                )
                is not None
            ):
                raise ReplayRefused(
                    f"The registry has {collection} of {self._principal} already. A log is replayed"
                    " into an empty one."
                )

    async def versions(self, batch: Sequence[tuple[Version, Owner, str | None]]) -> None:
        """Take in versions, in any order, each with its document's owner and subject."""
        for version, owner, subject in batch:
            if version.principal != self._principal:
                raise ReplayRefused(
                    f"Version {version.id} is of {version.principal}, not of {self._principal}."
                )
            standing = self._standing.setdefault(
                version.document, _Standing(owner, subject, version.kind)
            )
            if version.origin is not None and version.number >= standing.imported:
                standing.imported, standing.origin = version.number, version.origin
            standing.latest = max(standing.latest, version.number)
        await self._insert("versions", [version_row(version, ()) for version, _, _ in batch])

    async def acts(self, batch: Sequence[tuple[Event, Mapping[str, Any]]]) -> None:
        """Take in acts, in order and without a gap, each with its detail."""
        began: dict[str, list[Row]] = {}
        for event, detail in batch:
            if event.principal != self._principal or event.sequence != (
                self._last.sequence + 1 if self._last else 1
            ):
                expected = self._last.sequence + 1 if self._last else 1
                raise ReplayRefused(
                    f"Act {event.id} stands where number {expected} of {self._principal} should."
                )
            self._last = event
            self._upto = detail["upto"]
            if event.document is not None:
                if event.document not in self._standing:
                    raise ReplayRefused(
                        f"Act {event.id} is of {event.document}, of which there is no version."
                    )
                standing = self._standing[event.document]
                if (event.version or 0) > standing.latest:
                    raise ReplayRefused(
                        f"Act {event.id} is of version {event.version} of {event.document}, which"
                        " is missing."
                    )
                standing.after(event, detail["released"])
            for collection, rows in detail["began"].items():
                if collection not in HELD:
                    raise ReplayRefused(
                        f"Act {event.id} has rows of {collection}, which is unknown."
                    )
                began.setdefault(collection, []).extend(rows)
            await self._apart(event)
        await self._insert(
            "events", [event_row(event, released=detail["released"]) for event, detail in batch]
        )
        for collection, rows in began.items():
            await self._insert(collection, rows)

    async def finish(self) -> int:
        """Make clinics and heads, check every chain of hashes, and let the log go on from its end.

        Returns:
            The number of documents.

        Raises:
            ReplayRefused: A chain is broken, the log was cut off, or versions and acts are not of
                the same log.
        """
        read = self._last.sequence if self._last else 0
        if read != self._upto:
            raise ReplayRefused(
                f"The acts of {self._principal} end with number {read}, but there are {self._upto}:"
                " the file was cut off."
            )
        await self._clinics()
        documents = Documents(self._database, Log(self._database), self._kinds)
        for ids in _parts(sorted(self._standing)):
            heads = [await self._head(one) for one in ids]
            await self._insert("documents", [document_row(head) for head in heads])
            for head in heads:
                await self._name_changes(head)
                verdict = await documents.verify(head)
                if not verdict.intact:
                    raise ReplayRefused(
                        f"{head.id} is broken at version {verdict.first_broken_version}."
                    )
        if self._last is not None:
            end = {"$set": {"sequence": self._last.sequence, "at": self._last.at}}
            await self._database["logs"].update_one({"_id": self._principal}, end)
        return len(self._standing)

    async def _apart(self, event: Event) -> None:
        """What an act says of persons and acknowledgements is kept apart from it."""
        if event.action is Action.ACKNOWLEDGED:
            [clinic] = event.clinics
            self._acknowledged[clinic] = event.counts["up_to"]
            row = {
                "_id": f"{event.id}.{clinic}",
                "clinic": clinic,
                "up_to": event.counts["up_to"],
                "at": event.at,
                "by": actor_row(event.actor),
            }
            await self._insert("acknowledgements", [row])
        if event.action in (Action.PERSON_PROTECTED, Action.PERSON_UNPROTECTED):
            mark = "$addToSet" if event.action is Action.PERSON_PROTECTED else "$pull"
            await self._database["people"].bulk_write(
                [
                    UpdateOne(
                        {"_id": event.person},
                        {"$set": {"name": None}, mark: {"protected_by": self._principal}},
                        upsert=True,
                    )
                ]
            )

    async def _clinics(self) -> None:
        where = {"as_was.principal": self._principal, "until_sequence": None}
        for row in await self._database.find("clinic_states", where):
            clinic = row["as_was"] | {
                "_id": row["clinic"],
                "acknowledged": self._acknowledged.get(row["clinic"], 0),
            }
            await self._insert("clinics", [clinic])

    async def _head(self, document: str) -> Document:
        standing = self._standing[document]
        numbers = {1, standing.latest, standing.published or standing.latest}
        rows = await self._database.find(
            "versions", {"document": document, "number": {"$in": sorted(numbers)}}
        )
        versions = {row["number"]: version_from(row) for row in rows}
        if versions.keys() != numbers or not standing.events or standing.updated_at is None:
            raise ReplayRefused(f"{document} has versions without acts, or acts without versions.")
        first, newest = versions[1], versions[standing.latest]
        in_force = (
            versions[standing.published]
            if standing.published and standing.published != standing.latest
            else None
        )
        kind = self._kinds[standing.kind]
        shown = in_force or newest
        name, internal_name = kind.names(kind.upcast(shown.content, shown.schema_version))
        head = Document(
            id=document,
            kind=standing.kind,
            principal=self._principal,
            owner=standing.owner,
            state=standing.state,
            latest=standing.latest,
            published=standing.published,
            name=name,
            internal_name=internal_name,
            content=newest.content,
            published_content=in_force.content if in_force else None,
            schema_version=newest.schema_version,
            published_schema_version=in_force.schema_version if in_force else None,
            derived_from=newest.derived_from,
            hash=newest.hash,
            author=newest.author,
            edited_at=newest.created_at,
            created_at=first.created_at,
            updated_at=standing.updated_at,
            noticed_at=standing.noticed_at,
            event_count=standing.events,
            notice_count=standing.notices,
            release_count=standing.releases,
            highest_released=standing.highest,
            archived_sequence=standing.archived,
            subject=standing.subject,
            origin=standing.origin,
        )
        return replace(head, tokens=words_of(kind, head))

    async def _name_changes(self, head: Document) -> None:
        """Note with each version which values it changed, by which blame finds them."""
        kind = self._kinds[head.kind]
        before = None
        for first in range(1, head.latest + 1, _BATCH):
            where = {"document": head.id, "number": {"$gte": first, "$lt": first + _BATCH}}
            named = []
            for row in await self._database.find("versions", where, sort=[("number", 1)]):
                content = kind.upcast(row["content"], row["schema_version"])
                if before is not None:
                    named.append(
                        UpdateOne(
                            {"_id": row["_id"]},
                            {"$set": {"changed": changed_leaves(before, content, kind.fields)}},
                        )
                    )
                before = content
            if named:
                await self._database["versions"].bulk_write(named)

    async def _insert(self, collection: str, rows: Iterable[Row]) -> None:
        if inserts := [InsertOne(row) for row in rows]:
            try:
                await self._database[collection].bulk_write(inserts)
            except BulkWriteError as error:
                [failure, *_] = error.details["writeErrors"]
                if failure["code"] != _THERE_ALREADY:
                    raise
                raise ReplayRefused(
                    f"{failure['op']['_id']} of {collection} stands there twice."
                ) from None


def _parts(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[first : first + _BATCH] for first in range(0, len(ids), _BATCH))
