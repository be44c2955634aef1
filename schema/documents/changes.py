"""The differences between two contents, and the result of verifying a hash chain."""

from collections.abc import Sequence

import strawberry
from strawberry.scalars import JSON

from schema.documents.enums import ChangeKind, TextSegmentKind
from store.content import diff, hashing


@strawberry.type(description="A segment of a text that is in both versions or in one of them.")
class TextSegment:
    kind: TextSegmentKind = strawberry.field(description="Whether the segment is in both versions.")
    text: str = strawberry.field(
        description=(
            "The text. Joining the segments without the inserted ones gives the earlier text;"
            " without the deleted ones, the later text."
        )
    )


@strawberry.type(
    description=(
        "One changed value. List items are matched by key, so that a move is shown as a move."
    )
)
class Change:
    kind: ChangeKind = strawberry.field(description="The kind of change.")
    path: str = strawberry.field(description="Path of the value, such as `questions[datum].label`.")
    label: str = strawberry.field(description="The path in words, in Swedish.")
    before: JSON | None = strawberry.field(
        description=(
            "The value before the change; for a move, the position from 1; null if the value was"
            " added."
        )
    )
    after: JSON | None = strawberry.field(
        description=(
            "The value after the change; for a move, the position from 1; null if the value was"
            " removed."
        )
    )
    resident_visible: bool = strawberry.field(description="Whether residents see the value.")
    text: list[TextSegment] | None = strawberry.field(
        description="For changed texts: the differences word by word. Null for other values."
    )
    position: int | None = strawberry.field(
        description=(
            "Position of a list item, from 1: after the change; before the change if the item was"
            " removed. Null for other values."
        )
    )

    @classmethod
    def of(cls, record: diff.Change) -> "Change":
        return cls(
            kind=record.kind,
            path=record.path,
            label=record.label,
            before=record.before,
            after=record.after,
            resident_visible=record.resident_visible,
            text=(
                None
                if record.text is None
                else [TextSegment(kind=segment.kind, text=segment.text) for segment in record.text]
            ),
            position=record.position,
        )


def changes_of(records: Sequence[diff.Change]) -> list[Change]:
    """Convert changes, in the content's order."""
    return [Change.of(record) for record in records]


@strawberry.type(description="The differences between two versions, field by field.")
class Comparison:
    from_: int = strawberry.field(name="from", description="Number of the first version.")
    to: int = strawberry.field(description="Number of the second version.")
    resident_visible: bool = strawberry.field(
        description="Whether residents see any of the changes."
    )
    changes: list[Change] = strawberry.field(description="The changes, in the content's order.")


@strawberry.type(description="The result of recomputing the hash chain over all versions.")
class Verification:
    intact: bool = strawberry.field(
        description=(
            "Whether every stored hash matches the stored content and the previous version's hash."
        )
    )
    versions: int = strawberry.field(description="The number of versions that were read.")
    first_broken_version: int | None = strawberry.field(
        description="Number of the first version whose hash is wrong; null if the chain is intact."
    )

    @classmethod
    def of(cls, record: hashing.Verification) -> "Verification":
        return cls(
            intact=record.intact,
            versions=record.versions,
            first_broken_version=record.first_broken_version,
        )
