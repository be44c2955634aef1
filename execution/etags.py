"""Conditional reads: an entity tag for a response, computed without making the response.

A client that already has the response gets 304 Not Modified, and nothing is executed. Tags exist
only where they are provably correct: for queries of the fields in `CACHEABLE_FIELDS`, by viewers
without a national role. The values of these fields follow from the operation, the viewer's rights,
the code, and the writes to documents. Each such write is an event in the log of the document's
principal, in the same transaction. All documents that such a viewer can see are in the logs of the
viewer's own principals and of the national ones.

A tag is made from the last sequence numbers of these logs, read after the request has arrived and
before the response is made. If they are equal to those of an earlier response, nothing was written
in between, and the response would be identical byte for byte. They are read again after the
response is made: if something was written in the meantime, the response has no tag. Restoring a
backup makes sequence numbers repeat for other events. Therefore the tag also includes the times and
the random marks of the last writes.

Fields that depend on anything else have no tags: names of persons, which are stored outside the
logs; clinics and their status, which a date ends; active subscriptions; and the current time.
"""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson
from graphql import (
    FieldNode,
    GraphQLSchema,
    OperationType,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_leaf_type,
    visit,
)
from graphql.language import BREAK

from execution.operations import Operation
from execution.request import Request
from resolvers.context import Context
from store.records import PrincipalKind

_INTERFACE = frozenset(
    {
        "id",
        "name",
        "internalName",
        "state",
        "latestVersion",
        "publishedVersion",
        "createdAt",
        "updatedAt",
    }
)
_HEAD = _INTERFACE | {"content", "version", "versions"}
_VERSION = frozenset(
    {"id", "number", "createdAt", "note", "hash", "previousHash", "restoredFrom", "content"}
)
_CONNECTION = frozenset({"edges", "pageInfo", "totalCount"})
_EDGE = frozenset({"cursor", "node"})

CACHEABLE_FIELDS: Mapping[str, frozenset[str]] = {
    "Query": frozenset({"caseType", "caseTypes", "caseTypeTemplate", "caseTypeTemplates"}),
    "CaseType": _HEAD | {"scope"},
    "CaseTypeTemplate": _HEAD | {"level"},
    "CaseTypeVersion": _VERSION,
    "CaseTypeTemplateVersion": _VERSION,
    "Document": _INTERFACE,
    "Node": frozenset({"id"}),
    **dict.fromkeys(("CaseTypeConnection", "CaseTypeTemplateConnection"), _CONNECTION),
    **dict.fromkeys(
        ("CaseTypeVersionConnection", "CaseTypeTemplateVersionConnection"), _CONNECTION
    ),
    **dict.fromkeys(
        (
            "CaseTypeEdge",
            "CaseTypeTemplateEdge",
            "CaseTypeVersionEdge",
            "CaseTypeTemplateVersionEdge",
        ),
        _EDGE,
    ),
}
"""Fields whose values follow from the logs, by type; in addition to `CACHEABLE_TYPES`."""
CACHEABLE_TYPES = frozenset(
    {
        "PageInfo",
        "CaseTypeContent",
        "Question",
        "QuestionOption",
        "QuestionCondition",
        "Link",
        "StandardReply",
        "TermsSection",
        "Restrictions",
        "ResponseTime",
    }
)
"""Types of which all fields have values that follow from the logs."""
_LIBRARIES = ("graphql-core", "strawberry-graphql", "orjson", "pydantic")
_ROOT = Path(__file__).parent.parent


async def etag_of(
    schema: GraphQLSchema,
    context: Context,
    operation: Operation,
    request: Request,
    extensions: Mapping[str, Any],
) -> str | None:
    """The entity tag of the response that the operation would have now.

    Args:
        schema: The schema.
        context: Of the viewer.
        operation: The document.
        request: The request.
        extensions: The response's `extensions`, which are part of it.

    Returns:
        The tag, with its quotes; None if the response cannot have one.
    """
    if not _is_cacheable(schema, operation, request.operation_name) or any(
        held.national for held in context.rights.held
    ):
        return None
    national = {
        principal.key
        for principal in context.principals.values()
        if principal.kind is PrincipalKind.NATIONAL
    }
    logs = await context.store.history.latest_writes(
        national | {held.principal for held in context.rights.held}
    )
    rights = [
        (
            held.role,
            held.unit,
            held.principal,
            held.clinic,
            sorted(permission.name for permission in held.permissions),
        )
        for held in context.rights.held
    ]
    parts = [
        _software(),
        operation.text,
        request.operation_name,
        request.variables,
        extensions,
        rights,
        logs,
    ]
    return f'"{sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()[:40]}"'


def _is_cacheable(schema: GraphQLSchema, operation: Operation, name: str | None) -> bool:
    """Whether an operation is a query of cacheable fields only; computed once per operation."""
    if (known := operation.cacheable.get(name)) is None:
        definition = operation.named(name)
        query = definition is not None and definition.operation is OperationType.QUERY
        known = operation.cacheable[name] = (
            query
            and operation.document is not None
            and _has_cacheable_fields_only(schema, operation)
        )
    return known


def _has_cacheable_fields_only(schema: GraphQLSchema, operation: Operation) -> bool:
    types = TypeInfo(schema)
    uncacheable: list[str] = []

    class FieldVisitor(Visitor):
        def enter_field(self, field: FieldNode, *_: Any) -> Any:
            parent, definition = types.get_parent_type(), types.get_field_def()
            parent_name = parent.name if parent is not None else ""
            name = field.name.value
            known = (
                name == "__typename"
                or parent_name in CACHEABLE_TYPES
                or name in CACHEABLE_FIELDS.get(parent_name, ())
            )
            kind = get_named_type(definition.type) if definition is not None else None
            if (
                known
                and kind is not None
                and (
                    is_leaf_type(kind)
                    or kind.name in CACHEABLE_FIELDS
                    or kind.name in CACHEABLE_TYPES
                )
            ):
                return None
            uncacheable.append(name)
            return BREAK

    assert operation.document is not None  # noqa: S101 - valid operations have one
    visit(operation.document, TypeInfoVisitor(types, FieldVisitor()))
    return not uncacheable


@cache
def _software() -> str:
    """A hash of the code that shapes responses: our modules, and the versions of libraries."""
    digest = sha256(repr([metadata.version(library) for library in _LIBRARIES]).encode())
    for layer in ("transport", "execution", "schema", "resolvers", "store"):
        for path in sorted((_ROOT / layer).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
