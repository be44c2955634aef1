"""How a document's head changes: pure functions from a head and an act to the next head.

No input or output here. The callers stage the results in one transaction.
"""

from dataclasses import dataclass, replace
from datetime import datetime

import bson

from store.content.hashing import hash_of
from store.content.search_tokens import tokens_of
from store.errors import InvalidInput, Path, VersionConflict, WrongState
from store.kinds.kinds import Kind
from store.records import Act, Content, Derivation, Document, DocumentState, Origin, Owner, Version

MAX_CONTENT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class LogPosition:
    """The time and sequence number under which an act is written to a log."""

    at: datetime
    sequence: int


@dataclass(frozen=True, slots=True)
class NewDocument:
    """The properties of a document that are fixed when it is created."""

    id: str
    kind: Kind
    principal: str
    owner: Owner
    subject: str | None = None


def expect(head: Document, expected: int, path: Path = ("expectedVersion",)) -> None:
    """Check that the caller last read the newest version.

    Args:
        head: As it is now.
        expected: The version number that the caller last read.
        path: Where the input gives that number.

    Raises:
        VersionConflict: There is another newest version. The error says who saved it and when.
    """
    if head.latest != expected:
        raise VersionConflict(
            document=head.id,
            principal=head.principal,
            expected=expected,
            latest=head.latest,
            by=head.author,
            at=head.edited_at,
            path=path,
        )


def refuse_archived(head: Document, path: Path = ("id",)) -> None:
    """Check that a document is not archived: an archived one can only be restored and read.

    Args:
        head: As it is now.
        path: Where the input names the document.

    Raises:
        WrongState: The document is archived.
    """
    if head.state is DocumentState.ARCHIVED:
        raise WrongState("Dokumentet är arkiverat. Återställ det först.", head.state, path)


def created(
    new: NewDocument,
    content: Content,
    *,
    derived_from: Derivation | None,
    act: Act,
    position: LogPosition,
    origin: Origin | None = None,
) -> tuple[Document, Version]:
    """Build a document with its first version, a draft.

    Args:
        new: The fixed properties of the document.
        content: The whole content, validated.
        derived_from: The template version that it was made from.
        act: Who writes and why.
        position: Of the event.
        origin: The version that it was imported from, for an import.

    Raises:
        InvalidInput: The content is larger than 1 MiB as BSON; code `TOO_LARGE`.
    """
    version = _sealed(
        Version(
            document=new.id,
            kind=new.kind.name,
            principal=new.principal,
            number=1,
            content=content,
            schema_version=new.kind.schema_version,
            author=act.actor,
            created_at=position.at,
            note=act.note,
            derived_from=derived_from,
            restored_from=None,
            hash="",
            previous_hash=None,
            sequence=position.sequence,
            origin=origin,
        )
    )
    name, internal_name = new.kind.names(content)
    head = Document(
        id=new.id,
        kind=new.kind.name,
        principal=new.principal,
        owner=new.owner,
        state=DocumentState.DRAFT,
        latest=1,
        published=None,
        name=name,
        internal_name=internal_name,
        content=content,
        published_content=None,
        schema_version=version.schema_version,
        published_schema_version=None,
        derived_from=derived_from,
        hash=version.hash,
        author=act.actor,
        edited_at=position.at,
        created_at=position.at,
        updated_at=position.at,
        subject=new.subject,
        origin=origin,
        tokens=tokens_of(new.kind, content, None),
    )
    return head, version


def revised(
    kind: Kind,
    head: Document,
    content: Content,
    *,
    act: Act,
    position: LogPosition,
    derived_from: Derivation | None,
    restored_from: int | None = None,
    origin: Origin | None = None,
) -> tuple[Document, Version]:
    """Build the next version of a document, a draft; the published version does not change.

    Args:
        kind: Of the document.
        head: As it is now.
        content: The whole content, validated.
        act: Who writes and why.
        position: Of the event.
        derived_from: The template version that the content comes from.
        restored_from: The number of the earlier version that is restored.
        origin: The version that it was imported from, for an import.

    Raises:
        InvalidInput: The content is larger than 1 MiB as BSON; code `TOO_LARGE`.
    """
    version = _sealed(
        Version(
            document=head.id,
            kind=kind.name,
            principal=head.principal,
            number=head.latest + 1,
            content=content,
            schema_version=kind.schema_version,
            author=act.actor,
            created_at=position.at,
            note=act.note,
            derived_from=derived_from,
            restored_from=restored_from,
            hash="",
            previous_hash=head.hash,
            sequence=position.sequence,
            origin=origin,
        )
    )
    newest_was_published = head.published == head.latest
    name, internal_name = (head.name, head.internal_name) if head.published else kind.names(content)
    revised_head = replace(
        head,
        tokens=tokens_of(kind, content, kind.in_force(head) if head.published else None),
        latest=version.number,
        name=name,
        internal_name=internal_name,
        content=content,
        published_content=head.content if newest_was_published else head.published_content,
        schema_version=version.schema_version,
        published_schema_version=(
            head.schema_version if newest_was_published else head.published_schema_version
        ),
        derived_from=derived_from,
        hash=version.hash,
        author=act.actor,
        edited_at=position.at,
        updated_at=position.at,
        origin=origin or head.origin,
    )
    return revised_head, version


def put_in_force(
    kind: Kind,
    head: Document,
    *,
    number: int,
    content: Content,
    schema_version: int,
    first_time: bool,
    at: datetime,
) -> Document:
    """Return the head with a version as the published one.

    The first publication makes a draft active; a deactivated document stays deactivated.

    Args:
        kind: Of the document.
        head: As it is now.
        number: Of the version to publish.
        content: Of that version, as stored.
        schema_version: Of that version.
        first_time: Whether that version was never published before.
        at: Time of the act.
    """
    published = kind.upcast(content, schema_version)
    name, internal_name = kind.names(published)
    is_newest = number == head.latest
    return replace(
        head,
        tokens=tokens_of(
            kind,
            published if is_newest else kind.upcast(head.content, head.schema_version),
            published,
        ),
        state=DocumentState.ACTIVE if head.state is DocumentState.DRAFT else head.state,
        published=number,
        name=name,
        internal_name=internal_name,
        published_content=None if is_newest else content,
        published_schema_version=None if is_newest else schema_version,
        updated_at=at,
        release_count=head.release_count + first_time,
        highest_released=max(head.highest_released, number),
    )


def tokens_of_head(kind: Kind, head: Document) -> list[str]:
    """Compute the search tokens of a head from its contents."""
    newest = kind.upcast(head.content, head.schema_version)
    if head.published is None:
        return tokens_of(kind, newest, None)
    return tokens_of(kind, newest, newest if head.published == head.latest else kind.in_force(head))


def with_state(head: Document, state: DocumentState, *, at: datetime) -> Document:
    """Return the head in another state."""
    return replace(head, state=state, updated_at=at)


def with_event_counted(head: Document, *, notice: bool, changed: bool, at: datetime) -> Document:
    """Return the head with one more event counted.

    Args:
        head: As the act leaves it.
        notice: Whether clinics are notified of the event.
        changed: Whether the event changed what clinics see of the document.
        at: Time of the act.
    """
    return replace(
        head,
        event_count=head.event_count + 1,
        notice_count=head.notice_count + notice,
        noticed_at=at if changed else head.noticed_at,
    )


def _sealed(version: Version) -> Version:
    """Check the size of a version's content and return the version with its hash."""
    size = len(bson.encode(version.content))
    if size > MAX_CONTENT_BYTES:
        raise InvalidInput.at(
            ("content",),
            "TOO_LARGE",
            f"Innehållet är {size} byte stort; högst {MAX_CONTENT_BYTES} byte får plats.",
        )
    return replace(version, hash=hash_of(version))
