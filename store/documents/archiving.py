"""Archiving documents, and restoring earlier versions and archived documents.

These functions stage writes in a transaction that the caller holds; nothing here commits.
"""

from dataclasses import replace

from bson import ObjectId
from pymongo import InsertOne

from store.clinics.assigning import assign_after_restore
from store.clinics.validity import close_rows
from store.content.field_paths import changed_paths
from store.documents import heads
from store.documents.heads import LogPosition
from store.documents.publishing import audience_of, next_position, put_in_force, record_event
from store.kinds.kinds import Kind
from store.mongo.connection import Row
from store.mongo.rows import assignment_from, assignment_row
from store.mongo.transactions import Transaction
from store.records import Act, Action, Document, DocumentState, Saved, Version


def archive(
    transaction: Transaction, act: Act, action: Action, kind: Kind, head: Document
) -> Saved:
    """Stage the end of a document: it is archived, and its assignments end."""
    position = next_position(transaction)
    transaction.write("assignments", close_rows({"document": head.id}, position))
    archived = replace(
        heads.with_state(head, DocumentState.ARCHIVED, at=position.at),
        archived_sequence=position.sequence,
    )
    audience = audience_of(kind, head) if head.published else {}
    return record_event(
        transaction,
        act,
        action,
        archived,
        **audience,
        resident_visible=head.state is DocumentState.ACTIVE and kind.resident_visible,
    )


async def restore(
    transaction: Transaction, act: Act, kind: Kind, before: Document, number: int, *, publish: bool
) -> Saved:
    """Stage the restore of an earlier version, and of the document if it is archived.

    Nothing is staged where the document is not archived, the newest version equals the earlier one
    and there is nothing to publish.

    Args:
        transaction: Held by the caller, with no other change in it.
        act: Who writes and why.
        kind: Of the document.
        before: The head before this act.
        number: Of the version to restore.
        publish: Whether to publish the restored content.

    Raises:
        NotFound: There is no such version.
    """
    source = await transaction.version(before.id, number)
    position = next_position(transaction)
    head = before
    if before.state is DocumentState.ARCHIVED:
        head = await _reopen(transaction, before, publish=publish, position=position)
    head, new_version = _stage_version(transaction, act, kind, head, source, position)
    if publish and (new_version or head.published != head.latest):
        saved = await put_in_force(
            transaction,
            act,
            Action.RESTORED,
            kind,
            head,
            head.latest,
            before=before,
            restored_from=number,
        )
    elif new_version is None and head is before:
        return Saved(document=head, version=await transaction.version(head.id, head.latest))
    else:
        # A published document that leaves the archive is assigned to its clinics again, so they
        # are notified although it is not active.
        returns = before.archived_sequence is not None and head.published
        audience = audience_of(kind, head) if returns else {}
        saved = record_event(
            transaction,
            act,
            Action.RESTORED,
            head,
            version=new_version or await transaction.version(head.id, head.latest),
            number=head.latest,
            restored_from=number,
            **audience,
        )
    if before.archived_sequence is not None:
        await assign_after_restore(transaction, act, head, before.archived_sequence)
    return replace(saved, document=transaction.document(before.id))


def _stage_version(
    transaction: Transaction,
    act: Act,
    kind: Kind,
    head: Document,
    source: Version,
    position: LogPosition,
) -> tuple[Document, Version | None]:
    """Stage a version with the content and derivation of an earlier one.

    None where the newest version has both already.
    """
    content = kind.upcast(source.content, source.schema_version)
    newest = kind.upcast(head.content, head.schema_version)
    if content == newest and source.derived_from == head.derived_from:
        return head, None
    head, version = heads.revised(
        kind,
        head,
        content,
        act=act,
        position=position,
        derived_from=source.derived_from,
        restored_from=source.number,
    )
    transaction.add_version(version, changed_paths(newest, content, kind.fields))
    return head, version


async def _reopen(
    transaction: Transaction, head: Document, *, publish: bool, position: LogPosition
) -> Document:
    """Take a document out of the archive.

    It is assigned again to the clinics that had it when it was archived.
    """
    rows = await transaction.find(
        "assignments", {"document": head.id, "until_sequence": head.archived_sequence}
    )
    transaction.write("assignments", *(InsertOne(_reopened_row(row, position)) for row in rows))
    if publish:
        state = DocumentState.ACTIVE
    else:
        state = DocumentState.INACTIVE if head.published else DocumentState.DRAFT
    return replace(heads.with_state(head, state, at=position.at), archived_sequence=None)


def _reopened_row(row: Row, position: LogPosition) -> Row:
    """Return the row of an ended assignment as a new one, which the clinic has not acknowledged."""
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
