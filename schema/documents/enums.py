"""Enums of documents: states, orders, changes and skipped documents."""

from resolvers.documents.text_replacement_plan import SkipReason
from schema.enums import describe_enum
from store.content.diff import ChangeKind
from store.content.text_diff import SegmentKind as TextSegmentKind
from store.documents.listing import Order as DocumentOrder
from store.records import DocumentState

describe_enum(
    DocumentState,
    "The state of a document.",
    {
        "DRAFT": "Never published.",
        "ACTIVE": "Published and shown to residents.",
        "INACTIVE": "Published but deactivated: not shown to residents.",
        "ARCHIVED": "Archived: the document can only be read or restored.",
    },
)
describe_enum(
    DocumentOrder,
    "The order of a list of documents.",
    {
        "NAME_ASC": "By name, in Swedish alphabetical order.",
        "NAME_DESC": "By name, in reverse Swedish alphabetical order.",
        "UPDATED_ASC": "By the time of the last change, oldest first.",
        "UPDATED_DESC": "By the time of the last change, newest first.",
    },
    name="DocumentOrder",
)
describe_enum(
    ChangeKind,
    "The kind of change of a value.",
    {
        "ADDED": "The value was added.",
        "REMOVED": "The value was removed.",
        "CHANGED": "The value was replaced by another value.",
        "MOVED": "The list item has another position.",
    },
)
describe_enum(
    TextSegmentKind,
    "Whether a segment of a text is in both versions or in one.",
    {
        "SAME": "The segment is in both texts.",
        "INSERTED": "The segment is only in the later text.",
        "DELETED": "The segment is only in the earlier text.",
    },
    name="TextSegmentKind",
)
describe_enum(
    SkipReason,
    "Why a text replacement skips a document that contains the text.",
    {
        "DRAFT_AHEAD": (
            "The newest version is a draft that is newer than the published version. Publishing"
            " would also publish these unfinished changes."
        )
    },
)

__all__ = ["ChangeKind", "DocumentOrder", "DocumentState", "SkipReason", "TextSegmentKind"]
