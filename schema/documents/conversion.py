"""Converts stored documents and versions to the GraphQL type of their kind."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from schema.errors import Info
from store import records

if TYPE_CHECKING:
    from schema.documents.documents import Document, Version

KIND_CONVERTERS: dict[
    str,
    tuple[Callable[[records.Summary, Info], "Document"], Callable[[records.Version], "Version"]],
] = {}
"""By name of the kind: the functions that convert its documents and its versions.

`schema.kinds.kind_types.document_type` adds the entries.
"""


def document_of(record: records.Summary, info: Info) -> "Document":
    """Convert a document to the type of its kind."""
    convert_document, _ = KIND_CONVERTERS[record.kind]
    return convert_document(record, info)


def version_of(record: records.Version) -> "Version":
    """Convert a version to the type of its kind."""
    _, convert_version = KIND_CONVERTERS[record.kind]
    return convert_version(record)
