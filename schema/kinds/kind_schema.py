"""The part of the schema that belongs to one kind: its types, queries and mutations.

A kind's module declares its types and the fields that only this kind has. Everything else is built
here. The mutations that all kinds share, such as publishing, are in `schema.documents.lifecycle`.
"""

from dataclasses import dataclass

import strawberry
from strawberry.utils.str_converters import to_snake_case

from schema.documents.documents import Document, Version
from schema.kinds.content_types import ContentTypes
from schema.kinds.kind_mutations import (
    create_input,
    create_mutation,
    payload_of,
    update_input,
    update_mutation,
)
from schema.kinds.kind_queries import by_id_query, list_query
from store.kinds.kinds import Kind


@dataclass(frozen=True, slots=True)
class KindSchema:
    """The part of the schema that belongs to one kind.

    Attributes:
        document: The type of its documents.
        query: A type with its queries, a base class of the root type.
        mutation: A type with its mutations, a base class of the root type.
    """

    document: type[Document]
    query: type
    mutation: type


def kind_schema(
    content_types: ContentTypes,
    document: type[Document],
    version: type[Version],
    *,
    noun: str,
    plural: str | None = None,
    owner: str = "The owner: a principal, or one of its clinics.",
    template: Kind | None = None,
) -> KindSchema:
    """Build the queries and mutations of a kind. Their names follow from the document type's name.

    Args:
        content_types: The types of its content, inputs included.
        document: The type of its documents.
        version: The type of its versions.
        noun: The noun in descriptions, such as `case type`.
        plural: The plural of the noun; the noun with an s by default.
        owner: The description of the field `owner`: who can own such a document.
        template: The kind of template that documents can start from, if any.
    """
    kind, name = content_types.kind, document.__name__
    field_name = to_snake_case(name)
    payload = payload_of(field_name, noun, document, version)
    queries = {
        field_name: by_id_query(kind, document, noun),
        f"{field_name}s": list_query(kind, document, plural or f"{noun}s"),
    }
    mutations = {
        f"{field_name}_create": create_mutation(
            content_types,
            payload,
            create_input(content_types, name, noun, owner, template),
            noun,
            template,
        ),
        f"{field_name}_update": update_mutation(
            content_types, payload, update_input(content_types, name, noun)
        ),
    }
    return KindSchema(
        document,
        strawberry.type(type(f"{name}Query", (), queries)),
        strawberry.type(type(f"{name}Mutation", (), mutations)),
    )
