"""Replaying a principal's log into a registry that has nothing of that log.

It restores the documents, their histories, and the other rows that events opened. Versions are
added first, then the events in order. The heads are computed from both. The input is not trusted:
sequence numbers must have no gap, and the hash chain of every document is verified.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pymongo import InsertOne, UpdateOne
from pymongo.errors import BulkWriteError

from store.content.field_paths import changed_paths
from store.documents.documents import Documents
from store.documents.heads import tokens_of_head
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
from store.transfer.event_details import INTERVAL_COLLECTIONS

_BATCH_SIZE = 200
_DUPLICATE_KEY = 11000


class ReplayRefused(Exception):
    """The input is not a complete log, or the registry is not empty.

    The message is for operators, in English.
    """


@dataclass(slots=True)
class _HeadState:
    """The state of a document's head after the events so far."""

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

    def apply(self, event: Event, released: int | None) -> None:
        """Apply one more event; `released` is the version that it first published."""
        # On a principal's document, such an event concerns some clinics only. On a clinic's own
        # document every event names that clinic.
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
    """The replay of one principal's log."""

    def __init__(self, database: Database, kinds: Kinds, principal: str) -> None:
        self._database = database
        self._kinds = kinds
        self._principal = principal
        self._heads: dict[str, _HeadState] = {}
        self._acknowledged: dict[str, int] = {}
        self._last: Event | None = None
        self._expected_end = 0

    async def require_empty(self) -> None:
        """Check that the registry has no data of this principal.

        Raises:
            ReplayRefused: It has some, or the principal does not exist.
        """
        if await self._database.find_one("logs", {"_id": self._principal}) is None:
            raise ReplayRefused(f"{self._principal} is not a principal of this registry.")
        for collection in ("events", "versions", "documents", "clinics", *INTERVAL_COLLECTIONS):
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

    async def add_versions(self, batch: Sequence[tuple[Version, Owner, str | None]]) -> None:
        """Add versions in any order, each with its document's owner and subject.

        Raises:
            ReplayRefused: A version belongs to another principal, or is a duplicate.
        """
        for version, owner, subject in batch:
            if version.principal != self._principal:
                raise ReplayRefused(
                    f"Version {version.id} belongs to {version.principal},"
                    f" not to {self._principal}."
                )
            state = self._heads.setdefault(
                version.document, _HeadState(owner, subject, version.kind)
            )
            if version.origin is not None and version.number >= state.imported:
                state.imported, state.origin = version.number, version.origin
            state.latest = max(state.latest, version.number)
        await self._insert("versions", [version_row(version, ()) for version, _, _ in batch])

    async def add_events(self, batch: Sequence[tuple[Event, Mapping[str, Any]]]) -> None:
        """Add events in order and without a gap, each with its detail (`event_details`).

        Raises:
            ReplayRefused: An event is out of order, or names a version or collection that is
                unknown.
        """
        opened: dict[str, list[Row]] = {}
        for event, detail in batch:
            expected = self._last.sequence + 1 if self._last else 1
            if event.principal != self._principal or event.sequence != expected:
                raise ReplayRefused(
                    f"Event {event.id} is where number {expected} of {self._principal} should be."
                )
            self._last = event
            self._expected_end = detail["upto"]
            if event.document is not None:
                if event.document not in self._heads:
                    raise ReplayRefused(
                        f"Event {event.id} is on {event.document}, which has no version."
                    )
                state = self._heads[event.document]
                if (event.version or 0) > state.latest:
                    raise ReplayRefused(
                        f"Event {event.id} names version {event.version} of {event.document}, which"
                        " is missing."
                    )
                state.apply(event, detail["released"])
            for collection, rows in detail["began"].items():
                if collection not in INTERVAL_COLLECTIONS:
                    raise ReplayRefused(
                        f"Event {event.id} has rows of {collection}, which is unknown."
                    )
                opened.setdefault(collection, []).extend(rows)
            await self._add_side_effects(event)
        await self._insert(
            "events", [event_row(event, released=detail["released"]) for event, detail in batch]
        )
        for collection, rows in opened.items():
            await self._insert(collection, rows)

    async def finish(self) -> int:
        """Write clinics and heads, verify every hash chain, and set the log's end.

        Returns:
            The number of documents.

        Raises:
            ReplayRefused: A chain is broken, the log was cut off, or versions and events do not
                belong to the same log.
        """
        end = self._last.sequence if self._last else 0
        if end != self._expected_end:
            raise ReplayRefused(
                f"The events of {self._principal} end with number {end}, but there are"
                f" {self._expected_end}: the file was cut off."
            )
        await self._write_clinics()
        documents = Documents(self._database, Log(self._database), self._kinds)
        for ids in _batches(sorted(self._heads)):
            heads = [await self._head(document) for document in ids]
            await self._insert("documents", [document_row(head) for head in heads])
            for head in heads:
                await self._write_changed_paths(head)
                verdict = await documents.verify(head)
                if not verdict.intact:
                    raise ReplayRefused(
                        f"{head.id} is broken at version {verdict.first_broken_version}."
                    )
        if self._last is not None:
            last = {"sequence": self._last.sequence, "at": self._last.at}
            await self._database["logs"].update_one({"_id": self._principal}, {"$set": last})
        return len(self._heads)

    async def _add_side_effects(self, event: Event) -> None:
        """Write the acknowledgement or the person's protection that an event records."""
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

    async def _write_clinics(self) -> None:
        where = {"as_was.principal": self._principal, "until_sequence": None}
        for row in await self._database.find("clinic_states", where):
            clinic = row["as_was"] | {
                "_id": row["clinic"],
                "acknowledged": self._acknowledged.get(row["clinic"], 0),
            }
            await self._insert("clinics", [clinic])

    async def _head(self, document: str) -> Document:
        state = self._heads[document]
        numbers = {1, state.latest, state.published or state.latest}
        rows = await self._database.find(
            "versions", {"document": document, "number": {"$in": sorted(numbers)}}
        )
        versions = {row["number"]: version_from(row) for row in rows}
        if versions.keys() != numbers or not state.events or state.updated_at is None:
            raise ReplayRefused(
                f"{document} has versions without events, or events without versions."
            )
        first, newest = versions[1], versions[state.latest]
        in_force = (
            versions[state.published]
            if state.published and state.published != state.latest
            else None
        )
        kind = self._kinds[state.kind]
        shown = in_force or newest
        name, internal_name = kind.names(kind.upcast(shown.content, shown.schema_version))
        head = Document(
            id=document,
            kind=state.kind,
            principal=self._principal,
            owner=state.owner,
            state=state.state,
            latest=state.latest,
            published=state.published,
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
            updated_at=state.updated_at,
            noticed_at=state.noticed_at,
            event_count=state.events,
            notice_count=state.notices,
            release_count=state.releases,
            highest_released=state.highest,
            archived_sequence=state.archived,
            subject=state.subject,
            origin=state.origin,
        )
        return replace(head, tokens=tokens_of_head(kind, head))

    async def _write_changed_paths(self, head: Document) -> None:
        """Write the paths of the values that each version changed, for `blame`."""
        kind = self._kinds[head.kind]
        before = None
        for first in range(1, head.latest + 1, _BATCH_SIZE):
            where = {"document": head.id, "number": {"$gte": first, "$lt": first + _BATCH_SIZE}}
            updates = []
            for row in await self._database.find("versions", where, sort=[("number", 1)]):
                content = kind.upcast(row["content"], row["schema_version"])
                if before is not None:
                    updates.append(
                        UpdateOne(
                            {"_id": row["_id"]},
                            {"$set": {"changed": changed_paths(before, content, kind.fields)}},
                        )
                    )
                before = content
            if updates:
                await self._database["versions"].bulk_write(updates)

    async def _insert(self, collection: str, rows: Iterable[Row]) -> None:
        if inserts := [InsertOne(row) for row in rows]:
            try:
                await self._database[collection].bulk_write(inserts)
            except BulkWriteError as error:
                [failure, *_] = error.details["writeErrors"]
                if failure["code"] != _DUPLICATE_KEY:
                    raise
                raise ReplayRefused(
                    f"{failure['op']['_id']} of {collection} is there twice."
                ) from None


def _batches(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[first : first + _BATCH_SIZE] for first in range(0, len(ids), _BATCH_SIZE))
