"""The object types of a kind: its documents and its versions.

A kind's module declares the two classes with the fields that only this kind has. The decorators
`version_type` and `document_type` add the fields that all kinds have in common but with types of
their own: the content and the versions.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

from resolvers.documents import documents
from resolvers.documents import versions as document_versions
from schema.documents.conversion import KIND_CONVERTERS
from schema.documents.documents import Document, Version
from schema.errors import Info
from schema.kinds.content_types import ContentTypes
from schema.nodes import (
    After,
    Before,
    Connection,
    First,
    Last,
    Number,
    Time,
    connection,
    known_count,
    paging,
)
from store import records
from store.documents.scopes import Visibility

D = TypeVar("D", bound=Document)
V = TypeVar("V", bound=Version)


def version_type(content_types: ContentTypes, description: str) -> Callable[[type[V]], type[V]]:
    """Make a class the GraphQL type of a kind's versions, with the field `content`."""

    def decorate(cls: type[V]) -> type[V]:
        cls.content = _version_content_field(content_types)  # type: ignore[attr-defined] # a field of Strawberry
        return strawberry.type(cls, description=description)

    return decorate


def document_type(
    content_types: ContentTypes, version: type[Version], description: str
) -> Callable[[type[D]], type[D]]:
    """Make a class the GraphQL type of a kind's documents.

    Adds the fields `content`, `version`, `versionAt` and `versions`, and registers the type for
    `document_of` and `version_of`.
    """

    def decorate(cls: type[D]) -> type[D]:
        for name, field in {
            "content": _content_field(content_types),
            "version": _version_field(version),
            "version_at": _version_at_field(version),
            "versions": _versions_field(version),
        }.items():
            setattr(cls, name, field)
        document = strawberry.type(cls, description=description)
        KIND_CONVERTERS[content_types.kind.name] = (document.of, version.of)
        return document

    return decorate


async def document_of_version(version: Version, info: Info) -> records.Document:
    """Return the document that a version belongs to."""
    document = await documents.get(info.context, version.record.document)
    if document is None:
        raise LookupError(f"document of version {version.record.id}")
    return document


def _version_content_field(content_types: ContentTypes) -> Any:
    kind, convert = content_types.kind, content_types.of

    def content(self: Version) -> Any:
        return convert(kind.upcast(self.record.content, self.record.schema_version))

    return strawberry.field(
        resolver=content,
        graphql_type=content_types.output,
        description="The whole content, in the current schema of its kind.",
    )


def _content_field(content_types: ContentTypes) -> Any:
    kind, convert = content_types.kind, content_types.of

    def content(self: Document) -> Any:
        return convert(kind.in_force(self.record))

    return strawberry.field(
        resolver=content,
        graphql_type=content_types.output,
        description=(
            "The content of the published version. Before the first publication, callers who may"
            " edit get the newest draft."
        ),
    )


def _version_field(version_class: type[Version]) -> Any:
    async def version(self: Document, info: Info, number: Number = None) -> Any:
        found = await document_versions.get(info.context, self.record, number)
        return version_class.of(found) if found else None

    return strawberry.field(
        resolver=version,
        graphql_type=version_class | None,
        description=(
            "The version with a number; the newest without one. Null if there is no such version,"
            " or if the viewer may not see it."
        ),
    )


def _version_at_field(version_class: type[Version]) -> Any:
    async def version_at(self: Document, info: Info, time: Time) -> Any:
        found = await document_versions.get_at(info.context, self.record, time)
        return version_class.of(found) if found else None

    return strawberry.field(
        resolver=version_at,
        graphql_type=version_class | None,
        description="The version that was published at a point in time; null if none was.",
    )


def _versions_field(version_class: type[Version]) -> Any:
    async def versions(
        self: Document,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        page = await document_versions.page(
            info.context, self.record, paging(first, after, last, before)
        )
        sees_drafts = info.context.rights.visibility(self.record) is Visibility.ALL
        count = self.record.latest if sees_drafts else self.record.release_count
        return connection(page, version_class.of, known_count(count))

    return strawberry.field(
        resolver=versions,
        graphql_type=Connection[version_class],  # type: ignore[valid-type] # a class known at run time
        description=(
            "The versions, newest first. For callers who cannot see drafts: those that were ever"
            " published."
        ),
    )
