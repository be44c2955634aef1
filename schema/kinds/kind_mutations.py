"""The two mutations of a kind: create a document, and write its next version."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import strawberry

from resolvers.documents import documents
from schema.documents.documents import Document, Version
from schema.errors import Info, UserError, mutation
from schema.inputs import (
    ERRORS,
    EVENT,
    EXPECTED_VERSION,
    IDEMPOTENCY_KEY,
    INPUT,
    NOTE,
    as_json,
    as_json_without_nulls,
    key_of_call,
)
from schema.kinds.content_types import ContentTypes
from schema.kinds.generated_types import (
    GeneratedField,
    input_type,
    object_type,
    optional,
    required,
)
from schema.log.events import Event
from schema.scalars import HsaId
from store import records
from store.kinds.kinds import Kind


@strawberry.input(description="A template version to start from.")
class TemplateReference:
    id: strawberry.ID = strawberry.field(description="The template.")
    version: int | None = strawberry.field(
        default=None,
        description="Number of the version; the published version if left out.",
    )


@dataclass(frozen=True, slots=True)
class Payload:
    """The payload type of a kind's mutations.

    Attributes:
        type: The GraphQL type.
        of: Converts the result of a write to it.
    """

    type: type
    of: Callable[[records.Saved, Info], Any]


_WRITE_OPTIONS = (
    optional("note", str, NOTE, None),
    optional("idempotency_key", str, IDEMPOTENCY_KEY, None),
)


def create_mutation(
    content_types: ContentTypes, payload: Payload, input_: type, noun: str, template: Kind | None
) -> Any:
    """Build the mutation that creates a document."""

    async def create(
        info: Info,
        input: Annotated[Any, strawberry.argument(description=INPUT, graphql_type=input_)],
    ) -> Any:
        saved = await documents.create(
            info.context,
            content_types.kind,
            owner=input.owner,
            content=as_json_without_nulls(input.content),
            template_kind=template,
            from_template=_template_of(input.from_template) if template else None,
            note=input.note,
            key=key_of_call(info, input),
        )
        return payload.of(saved, info)

    return mutation(payload.type, f"Creates a {noun} as a draft.")(create)


def update_mutation(content_types: ContentTypes, payload: Payload, input_: type) -> Any:
    """Build the mutation that writes the next version of a document."""

    async def update(
        info: Info,
        input: Annotated[Any, strawberry.argument(description=INPUT, graphql_type=input_)],
    ) -> Any:
        saved = await documents.update(
            info.context,
            content_types.kind,
            input.id,
            expected_version=input.expected_version,
            patch=as_json(input.content),
            publish=bool(input.publish),
            note=input.note,
            key=key_of_call(info, input),
        )
        return payload.of(saved, info)

    return mutation(
        payload.type,
        "Writes the next version: a draft, or published if `publish` is set. If the content is"
        " unchanged, no version is written.",
    )(update)


def create_input(
    content_types: ContentTypes, name: str, noun: str, owner: str, template: Kind | None
) -> type:
    """Build the input type of the create mutation."""
    fields = [
        required("owner", HsaId, owner),
        required("content", content_types.input, "The content."),
    ]
    if template:
        fields.append(
            optional(
                "from_template",
                TemplateReference,
                "The template version to start from. It supplies the fields that `content` leaves"
                " out.",
                None,
            )
        )
    return input_type(f"{name}CreateInput", f"A new {noun}.", [*fields, *_WRITE_OPTIONS])


def update_input(content_types: ContentTypes, name: str, noun: str) -> type:
    """Build the input type of the update mutation."""
    fields = [
        required("id", strawberry.ID, f"The {noun}."),
        required("expected_version", int, EXPECTED_VERSION),
        required("content", content_types.patch, "The changes to the content."),
        optional(
            "publish", bool, "Publish the new version in the same transaction.", default=False
        ),
    ]
    return input_type(
        f"{name}UpdateInput",
        f"Changes to a {noun}. Content fields that are left out keep their value.",
        [*fields, *_WRITE_OPTIONS],
    )


def payload_of(
    field_name: str, noun: str, document: type[Document], version: type[Version]
) -> Payload:
    """Build the payload of both mutations.

    Args:
        field_name: The name of the field that holds the document.
        noun: The noun of the kind, for descriptions.
        document: The type of its documents.
        version: The type of its versions.
    """
    payload = object_type(
        f"{document.__name__}Payload",
        "The result of a write. With errors, nothing was written.",
        [
            optional(field_name, document, f"The {noun} after the write.", None),
            optional(
                "version",
                version,
                "The version that was written; the newest version if the content was unchanged.",
                None,
            ),
            optional("event", Event, EVENT, None),
            GeneratedField(
                "errors", list[UserError], ERRORS, {"default_factory": list}, nullable=False
            ),
        ],
    )

    def convert(saved: records.Saved, info: Info) -> Any:
        fields: dict[str, Any] = {
            field_name: document.of(saved.document, info) if saved.document else None,
            "version": version.of(saved.version) if saved.version else None,
            "event": Event.of(saved.event) if saved.event else None,
        }
        return payload(**fields)

    return Payload(payload, convert)


def _template_of(reference: TemplateReference | None) -> documents.TemplateReference | None:
    return documents.TemplateReference(reference.id, reference.version) if reference else None
