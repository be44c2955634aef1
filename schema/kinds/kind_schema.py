"""The face of a kind of document in the schema, made from its shape: its types, its two queries,
and its mutations to create and update.

A kind's module names its types and adds what only that kind has; everything that all kinds have is
made here, once. Acts that are the same for
all kinds, such as publishing, are in `schema.documents.documents`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import strawberry

from resolvers.documents import documents
from resolvers.documents import versions as document_versions
from resolvers.templates import usage
from schema.documents.documents import Document, Version
from schema.documents.conversion import KIND_CONVERTERS
from schema.documents.listing import OrderBy, Which, filter_of
from schema.errors import Info, UserError, mutation
from schema.inputs import (
    EXPECTED_VERSION,
    IDEMPOTENCY_KEY,
    NOTE,
    InputArgument,
    as_json,
    as_json_without_nulls,
    key_of_call,
)
from schema.kinds.content_types import ContentTypes, Field, input_type
from schema.log.events import Event
from schema.nodes import (
    After,
    Before,
    Connection,
    First,
    Id,
    Last,
    Number,
    Time,
    connection,
    known_count,
    paging,
)
from schema.scalars import HsaId
from schema.selected_fields import needs_whole
from store import records
from store.documents.listing import Order
from store.documents.scopes import Visibility
from store.kinds.kinds import Kind

D = TypeVar("D", bound=Document)
V = TypeVar("V", bound=Version)


@dataclass(frozen=True, slots=True)
class KindSchema:
    """What a kind adds to the schema."""

    document: type[Document]
    query: type
    mutation: type


@strawberry.input(description="A template version to start from.")
class TemplateReference:
    id: strawberry.ID = strawberry.field(description="The template.")
    version: int | None = strawberry.field(
        default=None, description="Its version; the one in force if left out."
    )


# ------------------------------------------------------------------ types


def version_type(shape: ContentTypes, description: str) -> Callable[[type[V]], type[V]]:
    """Make a class the GraphQL type of a kind's versions, with their content."""

    def decorate(cls: type[V]) -> type[V]:
        kind, of = shape.kind, shape.of

        def content(self: Version) -> Any:
            return of(kind.upcast(self.record.content, self.record.schema_version))

        _add(cls, content, shape.output, "The whole content, in today's shape.")
        return strawberry.type(cls, description=description)

    return decorate


def document_type(
    shape: ContentTypes, version: type[Version], description: str
) -> Callable[[type[D]], type[D]]:
    """Make a class the GraphQL type of a kind's documents, with their content and their versions."""

    def decorate(cls: type[D]) -> type[D]:
        _add(
            cls,
            _content(shape),
            shape.output,
            "The content in force, or the newest draft where the viewer may edit and nothing is"
            " published.",
        )
        _add(
            cls,
            _version(version),
            version | None,
            "By number; the newest without one. Null where there is none or the viewer may not"
            " see it.",
        )
        _add(
            cls,
            _version_at(version),
            version | None,
            "The version in force at a moment; null where none was.",
        )
        _add(
            cls,
            _versions(version),
            Connection[version],  # type: ignore[valid-type]
            "Its versions, newest first; for who sees no drafts those ever in force.",
        )
        made = strawberry.type(cls, description=description)
        KIND_CONVERTERS[shape.kind.name] = (made.of, version.of)
        return made

    return decorate


def _add(cls: type, resolver: Callable[..., Any], answer: Any, description: str) -> None:
    resolver.__annotations__["return"] = answer
    setattr(cls, resolver.__name__, strawberry.field(resolver=resolver, description=description))


def _content(shape: ContentTypes) -> Callable[..., Any]:
    kind, of = shape.kind, shape.of

    def content(self: Document) -> Any:
        return of(kind.in_force(self.record))

    return content


def _version(made: type[Version]) -> Callable[..., Any]:
    async def version(self: Document, info: Info, number: Number = None) -> Any:
        found = await document_versions.get(info.context, self.record, number)
        return made.of(found) if found else None

    return version


def _version_at(made: type[Version]) -> Callable[..., Any]:
    async def version_at(self: Document, info: Info, time: Time) -> Any:
        found = await document_versions.get_at(info.context, self.record, time)
        return made.of(found) if found else None

    return version_at


def _versions(made: type[Version]) -> Callable[..., Any]:
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
        everything = info.context.rights.visibility(self.record) is Visibility.ALL
        return connection(
            page,
            made.of,
            known_count(self.record.latest if everything else self.record.release_count),
        )

    return versions


async def head_of(version: Version, info: Info) -> records.Document:
    """The document that a version is of."""
    found = await documents.get(info.context, version.record.document)
    if found is None:
        raise LookupError(f"document of version {version.record.id}")
    return found


# ------------------------------------------------------------------ queries and mutations


def kind_schema(
    shape: ContentTypes,
    document: type[Document],
    version: type[Version],
    *,
    noun: str,
    plural: str | None = None,
    many: str | None = None,
    owner: str = "A principal, or one of its clinics.",
    template: Kind | None = None,
) -> KindSchema:
    """The queries and mutations of a kind; their names follow from the name of its type.

    Args:
        shape: Of its content, with its inputs.
        document: Its type.
        version: The type of its versions.
        noun: What one is called in descriptions, such as `case type`.
        plural: What several are called; with an s if not given.
        many: The name of the list; the type's with an s if not given.
        owner: Who can own one.
        template: The kind of document that one can be made from, if any.
    """
    name = document.__name__
    one = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip(
        "_"
    )
    payload = _payload(one, noun, document, version)
    query = {
        one: _by_id(shape.kind, document, noun),
        many or f"{one}s": _list(shape.kind, document, plural or f"{noun}s"),
    }
    acts = {
        f"{one}_create": _create(
            shape.kind, _create_input(shape, name, noun, owner, template), payload, noun, template
        ),
        f"{one}_update": _update(shape.kind, _update_input(shape, name, noun), payload),
    }
    return KindSchema(
        document,
        strawberry.type(type(f"{name}Query", (), query)),
        strawberry.type(type(f"{name}Mutation", (), acts)),
    )


def _by_id(kind: Kind, document: type[Document], noun: str) -> Any:
    async def by_id(info: Info, id: Id) -> Any:
        found = await documents.get(info.context, id, kind.name, whole=needs_whole(info))
        return document.of(found, info) if found else None

    by_id.__annotations__["return"] = document | None
    return strawberry.field(
        resolver=by_id,
        description=f"A {noun}; null where there is none, or the viewer may not know of it.",
    )


def _list(kind: Kind, document: type[Document], nouns: str) -> Any:
    async def page_of(
        info: Info,
        filter: Which = None,
        order_by: OrderBy = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Any:
        which = filter_of(kind.name, filter)
        whole = needs_whole(info, "edges", "node")
        page = await documents.page(
            info.context,
            which,
            order_by or Order.NAME_ASC,
            paging(first, after, last, before),
            whole=whole,
        )
        return connection(
            page,
            lambda record: document.of(record, info),
            lambda: info.context.store.listing.count(which, info.context.rights.scope),
        )

    page_of.__annotations__["return"] = Connection[document]  # type: ignore[valid-type]
    return strawberry.field(
        resolver=page_of,
        description=f"The {nouns} that the viewer sees; by name if no order is given.",
    )


def _create(kind: Kind, input_: type, payload: type, noun: str, template: Kind | None) -> Any:
    async def create(info: Info, input: Any) -> Any:
        saved = await documents.create(
            info.context,
            kind,
            owner=input.owner,
            content=as_json_without_nulls(input.content),
            template_kind=template,
            from_template=_template_of(input.from_template) if template else None,
            note=input.note,
            key=key_of_call(info, input),
        )
        return payload.of(saved, info)  # type: ignore[attr-defined]

    create.__annotations__ |= {"input": InputArgument[input_], "return": payload}  # type: ignore[misc, valid-type] # known only here
    return mutation(payload, f"Makes a {noun}, as a draft.")(create)


def _update(kind: Kind, input_: type, payload: type) -> Any:
    async def update(info: Info, input: Any) -> Any:
        saved = await documents.update(
            info.context,
            kind,
            input.id,
            expected_version=input.expected_version,
            patch=as_json(input.content),
            publish=bool(input.publish),
            note=input.note,
            key=key_of_call(info, input),
        )
        return payload.of(saved, info)  # type: ignore[attr-defined]

    update.__annotations__ |= {"input": InputArgument[input_], "return": payload}  # type: ignore[misc, valid-type] # known only here
    return mutation(
        payload,
        "Writes the next version, a draft unless `publish`. Equal content makes no version.",
    )(update)


def _template_of(given: TemplateReference | None) -> documents.TemplateReference | None:
    """As the resolvers have it."""
    return documents.TemplateReference(given.id, given.version) if given else None


_NOTE = {"note": Field(str, NOTE, None), "idempotency_key": Field(str, IDEMPOTENCY_KEY, None)}


def _create_input(
    shape: ContentTypes, name: str, noun: str, owner: str, template: Kind | None
) -> type:
    content = (
        "What is left out comes from the template, if one is given."
        if template
        else "What is left out is empty or has its default."
    )
    start = (
        {"from_template": Field(TemplateReference, "What it starts from.", None)}
        if template
        else {}
    )
    fields = {
        "owner": Field(HsaId, owner),
        "content": Field(shape.input, content),
        **start,
        **_NOTE,
    }
    return input_type(f"{name}CreateInput", f"A new {noun}.", fields)


def _update_input(shape: ContentTypes, name: str, noun: str) -> type:
    fields = {
        "id": Field(strawberry.ID, f"The {noun}."),
        "expected_version": Field(int, EXPECTED_VERSION),
        "content": Field(shape.patch, "What changes."),
        "publish": Field(
            bool, "Also put the new version in force, in the same act.", default=False
        ),
        **_NOTE,
    }
    return input_type(
        f"{name}UpdateInput",
        f"A change of a {noun}. Content fields left out keep their value.",
        fields,
    )


def _payload(one: str, noun: str, document: type[Document], version: type[Version]) -> type:
    class Payload:
        @classmethod
        def of(cls, saved: records.Saved, info: Info) -> Any:
            fields: dict[str, Any] = {
                one: document.of(saved.document, info) if saved.document else None,
                "version": version.of(saved.version) if saved.version else None,
                "event": Event.of(saved.event) if saved.event else None,
            }
            return cls(**fields)

    Payload.__name__ = Payload.__qualname__ = f"{document.__name__}Payload"
    Payload.__annotations__ = {
        one: document | None,
        "version": version | None,
        "event": Event | None,
        "errors": list[UserError],
    }
    for field, description in {
        one: f"The {noun} as it is now.",
        "version": "The version written; the newest where content was equal.",
        "event": "The act as logged; null where nothing changed.",
    }.items():
        setattr(Payload, field, strawberry.field(default=None, description=description))
    Payload.errors = strawberry.field(default_factory=list, description="Why nothing was written.")  # type: ignore[attr-defined]
    return strawberry.type(
        Payload, description="What a write led to. With errors, nothing was written."
    )
