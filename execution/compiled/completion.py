"""Closures that read and complete values: scalars, enums, lists and objects.

Each returns the value that graphql-core would put into the response, or raises. No closure handles
paths or errors: where one raises, graphql-core executes the selection again.
"""

from collections.abc import Callable, Hashable, Mapping
from functools import cache
from typing import Any, cast

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLLeafType,
    GraphQLObjectType,
    GraphQLScalarType,
)
from graphql.pyutils import Undefined
from strawberry.types.field import StrawberryField

from schema.errors import Info

CompiledField = Callable[[Any, Info], Any]
"""From the source object to the completed value of a field."""
Completion = Callable[[Any, Info], Any]
"""From the resolved value of a field to the completed value."""

DEFINITION = "strawberry-definition"
_MIN_INT, _MAX_INT = -(2**31), 2**31 - 1


class NotCompilable(Exception):
    """A value that compiled code does not handle; graphql-core does."""


def getter(field: GraphQLField, definition: StrawberryField) -> CompiledField | None:
    """A closure that reads a field from its source; None if the field takes arguments or waits."""
    resolver = definition.base_resolver
    if resolver is None:
        name = definition.python_name
        return lambda source, _info: getattr(source, name)
    if (
        definition.is_async
        or field.args
        or resolver.parent_parameter
        or resolver.root_parameter
        or not resolver.self_parameter
    ):
        return None
    function = cast("Callable[..., Any]", resolver.wrapped_func)
    if resolver.info_parameter is None:
        return lambda source, _info: function(source)
    return function


def attribute_field(name: str, unchanged: type, complete: Completion) -> CompiledField:
    """A closure for most fields: reads an attribute whose value usually needs no completion."""

    def attribute(source: Any, info: Info) -> Any:
        value = getattr(source, name)
        return value if value.__class__ is unchanged else complete(value, info)

    return attribute


def completed(get: CompiledField, complete: Completion) -> CompiledField:
    """A closure that reads a value and completes it."""
    return lambda source, info: complete(get(source, info), info)


def selection(fields: list[tuple[str, CompiledField | None]]) -> CompiledField | None:
    """A closure that completes all fields of an object; None if one of them is not compiled."""
    if any(field is None for _, field in fields):
        return None
    plain = cast("list[tuple[str, CompiledField]]", fields)
    return lambda source, info: {name: field(source, info) for name, field in plain}


def unchanged_class(kind: Any) -> type | None:
    """The class of values that a scalar never changes; None if there is none."""
    if not isinstance(kind, GraphQLScalarType):
        return None
    if kind.name in {"String", "ID"} or kind.coerce_output_value is str:
        return str
    return bool if kind.name == "Boolean" else None


def or_null(inner: Completion, required: bool) -> Completion:
    """A closure that completes values, and null where the type permits it."""

    def complete(value: Any, info: Info) -> Any:
        if value is not None:
            return inner(value, info)
        if required:
            raise NotCompilable
        return None

    return complete


@cache
def leaf(kind: GraphQLLeafType, required: bool) -> Completion:
    """A closure that completes a scalar or an enum; one per type, since most fields are leaves."""
    return or_null(_leaf(kind), required)


def _leaf(kind: GraphQLLeafType) -> Completion:
    coerce = kind.coerce_output_value
    unchanged = unchanged_class(kind)
    is_int = kind.name == "Int"
    members: dict[Hashable, Any] = {}
    if isinstance(kind, GraphQLEnumType):
        members = {member: coerce(member) for member in kind.extensions[DEFINITION].wrapped_cls}

    def complete(value: Any, _info: Info) -> Any:
        if value.__class__ is unchanged or (
            is_int and value.__class__ is int and _MIN_INT <= value <= _MAX_INT
        ):
            return value
        coerced = members.get(value) if members else coerce(value)
        if coerced is None or coerced is Undefined:
            raise NotCompilable
        return coerced

    return complete


def items(item: Completion | None) -> Completion | None:
    """A closure that completes a list; None if its items are not compiled."""
    if item is None:
        return None

    def complete(values: Any, info: Info) -> Any:
        if values.__class__ is not list and values.__class__ is not tuple:
            raise NotCompilable
        return [item(value, info) for value in values]

    return complete


def objects(selections: Mapping[GraphQLObjectType, CompiledField], *, abstract: bool) -> Completion:
    """A closure that completes an object of one type, or of several types by its class."""
    by_class = {
        object_type.extensions[DEFINITION].origin: compiled
        for object_type, compiled in selections.items()
    }
    [(first_type, first)] = list(selections.items())[:1]
    if not abstract and first_type.is_type_of is None:
        return first

    def complete(value: Any, info: Info) -> Any:
        compiled = by_class.get(value.__class__)
        if compiled is None:
            raise NotCompilable
        return compiled(value, info)

    return complete
