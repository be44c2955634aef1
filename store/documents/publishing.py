"""What several acts on documents share: putting a version in force, taking an archived document
back, and the event of every act.

These stage writes in a transaction that the caller holds; nothing here commits.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bson import ObjectId
from pymongo import InsertOne

from store.clinics.validity import close_rows
from store.content import diff
from store.documents import heads
from store.documents.heads import LogPosition
from store.kinds.kinds import Kind
from store.mongo.connection import Row
from store.mongo.rows import assignment_from, assignment_row
from store.mongo.transactions import Transaction
from store.records import (
    Act,
    Action,
    Assignment,
    AssignmentOrigin,
    Audience,
    Document,
    DocumentState,
    OwnerKind,
    Saved,
    Version,
)


async def put_in_force(
    transaction: Transaction,
    act: Act,
    action: Action,
    kind: Kind,
    head: Document,
    number: int,
    *,
    before: Document | None = None,
    **told: Any,
) -> Saved:
    """Stage a publication: the head, the event that tells clinics, and a clinic's own case type at
    that clinic.

    `before` is the head before this act, where the act has already moved it; `told` are other
    fields of the event.
    """
    before = before or head
    version = await transaction.version(head.id, number)
    first_time = not await transaction.was_released(head, number)
    now = kind.upcast(version.content, version.schema_version)
    visible = kind.resident_visible
    if before.published is not None:
        visible = diff.resident_visible(diff.diff(kind.in_force(before), now, kind.fields))
    if kind.assignable and head.owner.kind is OwnerKind.CLINIC and before.published is None:
        transaction.write("assignments", InsertOne(assignment_row(_own(transaction, act, head))))
    moved = heads.put_in_force(
        kind,
        head,
        number=number,
        content=version.content,
        schema_version=version.schema_version,
        first_time=first_time,
        at=transaction.at,
    )
    return record_event(
        transaction,
        act,
        action,
        moved,
        version=version,
        number=number,
        before=before,
        released=number if first_time else None,
        resident_visible=visible,
        **audience_of(kind, head),
        **told,
    )


def audience_of(kind: Kind, head: Document) -> Mapping[str, Any]:
    """Whom a change of what is in force is told to, as fields of its event: those that have the
    document, or those who are told of its kind.
    """
    if not kind.notifies_clinics:
        return {"audience": Audience.ASSIGNED}
    if head.owner.kind is OwnerKind.CLINIC:
        return {"audience": Audience.NAMED, "clinics": (head.owner.key,)}
    return {"audience": Audience.PRINCIPAL}


def archived(
    transaction: Transaction, act: Act, action: Action, kind: Kind, head: Document
) -> Saved:
    """Stage the end of a document, which leaves the clinics that have it."""
    position = next_position(transaction)
    transaction.write("assignments", close_rows({"document": head.id}, position))
    ending = replace(
        heads.switched(head, DocumentState.ARCHIVED, at=position.at),
        archived_sequence=position.sequence,
    )
    told = audience_of(kind, head) if head.published else {}
    return record_event(
        transaction,
        act,
        action,
        ending,
        **told,
        resident_visible=head.state is DocumentState.ACTIVE and kind.resident_visible,
    )


async def reopened(
    transaction: Transaction, head: Document, *, publish: bool, position: LogPosition
) -> Document:
    """An archived document back in use, at the clinics that had it when it was archived."""
    closed = await transaction.find(
        "assignments", {"document": head.id, "until_sequence": head.archived_sequence}
    )
    transaction.write("assignments", *(InsertOne(_again(row, position)) for row in closed))
    active = DocumentState.ACTIVE if publish else DocumentState.INACTIVE
    return replace(
        heads.switched(
            head, active if head.published or publish else DocumentState.DRAFT, at=position.at
        ),
        archived_sequence=None,
    )


def next_position(transaction: Transaction) -> LogPosition:
    """The log position of the next event of a transaction."""
    return LogPosition(at=transaction.at, sequence=transaction.next_sequence)


def _own(transaction: Transaction, act: Act, head: Document) -> Assignment:
    """A clinic's own case type is at that clinic from its first publication."""
    return Assignment(
        id=f"as_{ObjectId()}",
        clinic=head.owner.key,
        document=head.id,
        principal=head.principal,
        origin=AssignmentOrigin.OWN,
        from_sequence=transaction.next_sequence,
        since=transaction.at,
        by=act.actor,
        arrival=transaction.next_sequence,
    )


def _again(row: Row, position: LogPosition) -> Row:
    assignment = replace(
        assignment_from(row),
        id=f"as_{ObjectId()}",
        from_sequence=position.sequence,
        since=position.at,
        until=None,
        until_sequence=None,
        arrival=position.sequence,
        acknowledged_version=None,
    )
    return assignment_row(assignment)


def record_event(
    transaction: Transaction,
    act: Act,
    action: Action,
    head: Document,
    *,
    version: Version | None = None,
    number: int | None = None,
    audience: Audience = Audience.NONE,
    released: int | None = None,
    before: Document | None = None,
    **told: Any,
) -> Saved:
    """Stage the head as counted and the event that tells of it."""
    notice = audience is not Audience.NONE
    head = heads.counted(head, notice=notice, changed=notice, at=transaction.at)
    transaction.put(head)
    event = transaction.record(
        act,
        action,
        released=released,
        document=head.id,
        kind=head.kind,
        version=number,
        published_before=(before or head).published,
        published_after=head.published,
        state=head.state,
        audience=audience,
        **told,
    )
    return Saved(document=head, version=version, event=event)
