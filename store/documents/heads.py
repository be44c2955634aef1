"""How a document's head moves: pure functions from a head and an act to the next head and version,
or a refusal.

No input or output here. The callers stage what these answer, in one transaction.
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
    """What is fixed when a document is made."""

    id: str
    kind: Kind
    principal: str
    owner: Owner
    subject: str | None = None


def expect(head: Document, expected: int, path: Path = ("expectedVersion",)) -> None:
    """Refuse a caller who last read another version than the newest, with who saved it and when;
    `path` is where the input tells it.
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
    """Only restore and reading remain for an archived document; `path` is where the input names it."""
    if head.state is DocumentState.ARCHIVED:
        raise WrongState("Dokumentet är arkiverat. Återställ det först.", head.state, path)


def created(
    birth: NewDocument,
    content: Content,
    *,
    derived_from: Derivation | None,
    act: Act,
    position: LogPosition,
    origin: Origin | None = None,
) -> tuple[Document, Version]:
    """A new document with its first version, a draft."""
    version = _version(
        birth,
        content,
        number=1,
        act=act,
        position=position,
        derived_from=derived_from,
        restored_from=None,
        previous_hash=None,
        origin=origin,
    )
    name, internal_name = birth.kind.names(content)
    head = Document(
        id=birth.id,
        kind=birth.kind.name,
        principal=birth.principal,
        owner=birth.owner,
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
        subject=birth.subject,
        origin=origin,
        tokens=tokens_of(birth.kind, content, None),
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
    """The next version, a draft: what is in force stays as it is.

    `origin` is given for one that is imported.
    """
    birth = NewDocument(id=head.id, kind=kind, principal=head.principal, owner=head.owner)
    version = _version(
        birth,
        content,
        number=head.latest + 1,
        act=act,
        position=position,
        derived_from=derived_from,
        restored_from=restored_from,
        previous_hash=head.hash,
        origin=origin,
    )
    keeps_newest_in_force = head.published == head.latest
    name, internal_name = (head.name, head.internal_name) if head.published else kind.names(content)
    moved = replace(
        head,
        tokens=tokens_of(kind, content, kind.in_force(head) if head.published else None),
        latest=version.number,
        name=name,
        internal_name=internal_name,
        content=content,
        published_content=head.content if keeps_newest_in_force else head.published_content,
        schema_version=version.schema_version,
        published_schema_version=(
            head.schema_version if keeps_newest_in_force else head.published_schema_version
        ),
        derived_from=derived_from,
        hash=version.hash,
        author=act.actor,
        edited_at=position.at,
        updated_at=position.at,
        origin=origin or head.origin,
    )
    return moved, version


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
    """A version in force.

    The first publication makes a draft active; a deactivated document stays deactivated.
    """
    in_force = kind.upcast(content, schema_version)
    name, internal_name = kind.names(in_force)
    newest = number == head.latest
    return replace(
        head,
        tokens=tokens_of(
            kind, in_force if newest else kind.upcast(head.content, head.schema_version), in_force
        ),
        state=DocumentState.ACTIVE if head.state is DocumentState.DRAFT else head.state,
        published=number,
        name=name,
        internal_name=internal_name,
        published_content=None if newest else content,
        published_schema_version=None if newest else schema_version,
        updated_at=at,
        release_count=head.release_count + first_time,
        highest_released=max(head.highest_released, number),
    )


def words_of(kind: Kind, head: Document) -> list[str]:
    """The words that a document is found by, as `tokens`."""
    newest = kind.upcast(head.content, head.schema_version)
    if head.published is None:
        return tokens_of(kind, newest, None)
    return tokens_of(kind, newest, newest if head.published == head.latest else kind.in_force(head))


def switched(head: Document, state: DocumentState, *, at: datetime) -> Document:
    """The head in another state."""
    return replace(head, state=state, updated_at=at)


def counted(head: Document, *, notice: bool, changed: bool, at: datetime) -> Document:
    """The head with one more event to its name, one that clinics are told of or not, and that
    changed what they see of it or not.
    """
    return replace(
        head,
        event_count=head.event_count + 1,
        notice_count=head.notice_count + notice,
        noticed_at=at if changed else head.noticed_at,
    )


def _version(
    birth: NewDocument,
    content: Content,
    *,
    number: int,
    act: Act,
    position: LogPosition,
    derived_from: Derivation | None,
    restored_from: int | None,
    previous_hash: str | None,
    origin: Origin | None,
) -> Version:
    size = len(bson.encode(content))
    if size > MAX_CONTENT_BYTES:
        raise InvalidInput.at(
            ("content",),
            "TOO_LARGE",
            f"Innehållet är {size} byte stort; högst {MAX_CONTENT_BYTES} byte får plats.",
        )
    version = Version(
        document=birth.id,
        kind=birth.kind.name,
        principal=birth.principal,
        number=number,
        content=content,
        schema_version=birth.kind.schema_version,
        author=act.actor,
        created_at=position.at,
        note=act.note,
        derived_from=derived_from,
        restored_from=restored_from,
        hash="",
        previous_hash=previous_hash,
        sequence=position.sequence,
        origin=origin,
    )
    return replace(version, hash=hash_of(version))
