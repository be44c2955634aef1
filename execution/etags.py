"""Conditional reads: an entity tag made of all that an answer depends on, so that who has the
answer already is told so without its being made again.

A tag is given only where that can be shown: to queries of the fields in `CACHEABLE_FIELDS`, by those who hold
no national role. What these fields answer
follows from the operation, the viewer's rights, the code, and what is written to documents: each
such write is an event in the log of the document's
principal, in the same transaction. Documents within such a viewer's sight stand in the logs of the
viewer's own principals and of the national ones.

The logs' numbers are read before the answer is made, and after the request has come. So if they are
the same again, nothing was written between, and
the answer would be the same to the byte. They are read again when it is made: what is written
meanwhile leaves it without a tag. After a backup is
restored, numbers come again for other acts: so the times of the last acts count too, and the random
marks of their writes. Left out is what depends
on anything else: names of persons, which are kept outside the logs; clinics and their status, which
a date ends; who follows; and moments.
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
"""Fields whose answers follow from the logs, by type. Besides these all of the types in `CACHEABLE_TYPES`."""
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
_LIBRARIES = ("graphql-core", "strawberry-graphql", "orjson", "pydantic")
_ROOT = Path(__file__).parent.parent


async def etag_of(
    schema: GraphQLSchema,
    context: Context,
    operation: Operation,
    request: Request,
    extensions: Mapping[str, Any],
) -> str | None:
    """The entity tag of the answer that would be given now, with these extensions; None where there
    can be none.
    """
    if not _is_steady(schema, operation, request.operation_name) or any(
        held.national for held in context.rights.held
    ):
        return None
    national = {
        one.key for one in context.principals.values() if one.kind is PrincipalKind.NATIONAL
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
            sorted(one.name for one in held.permissions),
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


def _is_steady(schema: GraphQLSchema, operation: Operation, name: str | None) -> bool:
    """Whether all that an operation asks for is steady, found once for each."""
    if (known := operation.steady.get(name)) is None:
        meant = operation.named(name)
        query = meant is not None and meant.operation is OperationType.QUERY
        known = operation.steady[name] = (
            query and operation.document is not None and _asks_for_steady_fields(schema, operation)
        )
    return known


def _asks_for_steady_fields(schema: GraphQLSchema, operation: Operation) -> bool:
    types = TypeInfo(schema)
    unsteady: list[str] = []

    class Steady(Visitor):
        def enter_field(self, field: FieldNode, *_: Any) -> Any:
            parent, found = types.get_parent_type(), types.get_field_def()
            of = parent.name if parent is not None else ""
            name = field.name.value
            known = (
                name == "__typename"
                or of in CACHEABLE_TYPES
                or name in CACHEABLE_FIELDS.get(of, ())
            )
            below = get_named_type(found.type) if found is not None else None
            if (
                known
                and below is not None
                and (
                    is_leaf_type(below)
                    or below.name in CACHEABLE_FIELDS
                    or below.name in CACHEABLE_TYPES
                )
            ):
                return None
            unsteady.append(name)
            return BREAK

    assert operation.document is not None  # noqa: S101 - valid operations have one
    visit(operation.document, TypeInfoVisitor(types, Steady()))
    return not unsteady


@cache
def _software() -> str:
    """The code that answers: ours to the byte, and the versions of the libraries that shape
    answers.
    """
    digest = sha256(repr([metadata.version(library) for library in _LIBRARIES]).encode())
    for layer in ("execution", "schema", "resolvers", "store"):
        for path in sorted((_ROOT / layer).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
