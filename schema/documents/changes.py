"""Differences between two contents, as computed; and the verdict on a hash chain."""

from collections.abc import Sequence

import strawberry
from strawberry.scalars import JSON

from schema.documents.enums import ChangeKind, TextSegmentKind
from store.content import diff, hashing


@strawberry.type(
    description="A stretch of a text that two versions share, or that one of them lacks."
)
class TextSegment:
    kind: TextSegmentKind = strawberry.field(description="Whether both have it.")
    text: str = strawberry.field(
        description="The stretch; all stretches joined give back either text."
    )


@strawberry.type(
    description="One changed value. List items are followed by their key, so that a move is a move."
)
class Change:
    kind: ChangeKind = strawberry.field(description="What happened to it.")
    path: str = strawberry.field(description="Where, such as `questions[datum].label`.")
    label: str = strawberry.field(description="The same for people, in Swedish.")
    before: JSON | None = strawberry.field(
        description="The value before; the 1-based place for a move; null for what is new."
    )
    after: JSON | None = strawberry.field(
        description="The value after; the 1-based place for a move; null for what is gone."
    )
    resident_visible: bool = strawberry.field(description="Whether residents see it.")
    text: list[TextSegment] | None = strawberry.field(
        description="Word by word, for changed texts."
    )
    position: int | None = strawberry.field(
        description="1-based place of a list item: after the change, or before it for what is gone."
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
    """Changes as answered, in the content's order."""
    return [Change.of(record) for record in records]


@strawberry.type(description="Field by field between two versions.")
class Comparison:
    from_: int = strawberry.field(name="from", description="Number of the one version.")
    to: int = strawberry.field(description="Number of the other.")
    resident_visible: bool = strawberry.field(
        description="Whether residents see any of the changes."
    )
    changes: list[Change] = strawberry.field(description="In the content's order.")


@strawberry.type(description="What recomputing the hash chain over all versions showed.")
class Verification:
    intact: bool = strawberry.field(
        description=(
            "Whether every hash is that of what is stored, and points at the version before."
        )
    )
    versions: int = strawberry.field(description="How many versions were read.")
    first_broken_version: int | None = strawberry.field(
        description="Number of the first version that does not hold; null when intact."
    )

    @classmethod
    def of(cls, record: hashing.Verification) -> "Verification":
        return cls(
            intact=record.intact,
            versions=record.versions,
            first_broken_version=record.first_broken_version,
        )
