"""Steps that several acts on documents share: publishing a version and recording the event.

These functions stage writes in a transaction that the caller holds; nothing here commits.
"""

from collections.abc import Mapping
from typing import Any

from bson import ObjectId
from pymongo import InsertOne

from store.content import diff
from store.documents import heads
from store.documents.heads import LogPosition
from store.kinds.kinds import Kind
from store.mongo.rows import assignment_row
from store.mongo.transactions import Transaction
from store.records import (
    Act,
    Action,
    Assignment,
    AssignmentOrigin,
    Audience,
    Document,
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
    **event_fields: Any,
) -> Saved:
    """Stage a publication: the head and the event that notifies clinics.

    The first publication of a case type that a clinic owns also assigns it to that clinic.

    Args:
        transaction: Held by the caller.
        act: Who writes and why.
        action: Of the event.
        kind: Of the document.
        head: As the act leaves it so far.
        number: Of the version to publish.
        before: The head before this act, where the act has already changed it.
        event_fields: Other fields of the event.

    Raises:
        NotFound: The document has no version with that number.
    """
    before = before or head
    version = await transaction.version(head.id, number)
    first_time = not await transaction.was_released(head, number)
    content = kind.upcast(version.content, version.schema_version)
    visible = kind.resident_visible
    if before.published is not None:
        visible = diff.resident_visible(diff.diff(kind.in_force(before), content, kind.fields))
    if kind.assignable and head.owner.kind is OwnerKind.CLINIC and before.published is None:
        assignment = _owner_assignment(transaction, act, head)
        transaction.write("assignments", InsertOne(assignment_row(assignment)))
    published = heads.put_in_force(
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
        published,
        version=version,
        number=number,
        before=before,
        released=number if first_time else None,
        resident_visible=visible,
        **audience_of(kind, head),
        **event_fields,
    )


def audience_of(kind: Kind, head: Document) -> Mapping[str, Any]:
    """Return which clinics are notified of a change of the published version, as event fields.

    For most kinds these are the clinics that have the document. For a kind that notifies clinics
    without an assignment, they are the owning clinic or all clinics of the principal.
    """
    if not kind.notifies_clinics:
        return {"audience": Audience.ASSIGNED}
    if head.owner.kind is OwnerKind.CLINIC:
        return {"audience": Audience.NAMED, "clinics": (head.owner.key,)}
    return {"audience": Audience.PRINCIPAL}


def next_position(transaction: Transaction) -> LogPosition:
    """Return the log position of the next event of a transaction."""
    return LogPosition(at=transaction.at, sequence=transaction.next_sequence)


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
    **event_fields: Any,
) -> Saved:
    """Stage the event of an act on a document, and the head with that event counted.

    Args:
        transaction: Held by the caller.
        act: Who writes and why.
        action: Of the event.
        head: As the act leaves it.
        version: The version to return with the result.
        number: The version that the event names.
        audience: Which clinics are notified.
        released: The version that this act publishes for the first time.
        before: The head before this act, where the act changes the published version.
        event_fields: Other fields of the event.
    """
    notice = audience is not Audience.NONE
    head = heads.with_event_counted(head, notice=notice, changed=notice, at=transaction.at)
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
        **event_fields,
    )
    return Saved(document=head, version=version, event=event)


def _owner_assignment(transaction: Transaction, act: Act, head: Document) -> Assignment:
    """Assign a case type that a clinic owns to that clinic, from its first publication."""
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
