"""Random valid queries for the real schema; most of their arguments match stored data.

The queries have aliases, fragments, conditions and variables.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    parse,
    validate,
)
from hypothesis import assume
from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]
_MAX_DEPTH = 6
_MAX_FRAGMENTS = 100  # the limit in one document
_EXCLUDED = frozenset({"activeSubscriptions", "verify"})
_USE_DEFAULT = object()
"""Marks a variable that is not sent, because it has a default."""


@dataclass(frozen=True, slots=True)
class Known:
    """Values for arguments: ids and HSA-ids that exist, and some that do not."""

    ids: Sequence[str]
    hsa_ids: Sequence[str]


@dataclass(slots=True)
class Written:
    """An operation: its text and the values of its variables."""

    text: str
    variables: dict[str, Any] = field(default_factory=dict)


class _Writer:
    """Writes one query, drawing every part of it."""

    def __init__(self, draw: Draw, schema: GraphQLSchema, known: Known) -> None:
        self.draw = draw
        self.schema = schema
        self.known = known
        self.variables: dict[str, tuple[str, Any]] = {}
        self.fragments: list[str] = []
        self.names = 0

    def selection(self, of: Any, depth: int) -> str:
        parts = [
            self._part(of, depth) for _ in range(self.draw(st.integers(1, 7 if depth < 3 else 3)))
        ]
        return f"{{ {' '.join(parts)} }}"

    def _part(self, of: Any, depth: int) -> str:
        choice = self.draw(st.integers(0, 9))
        if choice == 0 or isinstance(of, GraphQLUnionType):
            return (
                f"__typename{self._condition()}"
                if self.draw(st.booleans()) and choice == 0
                else self._fragment(of, depth)
            )
        if choice == 1:
            return self._fragment(of, depth)
        return self._field(of, depth)

    def _fragment(self, of: Any, depth: int) -> str:
        types = [of]
        if isinstance(of, GraphQLInterfaceType | GraphQLUnionType):
            types += self.schema.get_possible_types(of)
        elif isinstance(of, GraphQLObjectType):
            types += of.interfaces
        on = self.draw(st.sampled_from(types))
        if isinstance(on, GraphQLUnionType) or depth >= _MAX_DEPTH:
            return "__typename"
        body = self.selection(on, depth + 1)
        if len(self.fragments) == _MAX_FRAGMENTS or self.draw(st.booleans()):
            return f"... on {on.name}{self._condition()} {body}"
        self.names += 1
        self.fragments.append(f"fragment F{self.names} on {on.name} {body}")
        return f"...F{len(self.fragments) and self.names}{self._condition()}"

    def _field(self, of: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> str:
        fields = {
            name: definition for name, definition in of.fields.items() if name not in _EXCLUDED
        }
        leaves = [
            name
            for name, definition in fields.items()
            if not is_composite_type(get_named_type(definition.type))
        ]
        names = leaves if depth >= _MAX_DEPTH else list(fields)
        if not names:
            return "__typename"
        name = self.draw(st.sampled_from(names))
        definition = fields[name]
        arguments = self._arguments(definition)
        below = (
            self.selection(get_named_type(definition.type), depth + 1)
            if is_composite_type(get_named_type(definition.type))
            else ""
        )
        alias = ""
        if arguments or self.draw(st.integers(0, 4)) == 0:
            self.names += 1
            alias = f"a{self.names}: "
        return f"{alias}{name}{arguments}{self._condition()} {below}".strip()

    def _condition(self) -> str:
        if self.draw(st.integers(0, 9)):
            return ""
        directive = self.draw(st.sampled_from(["skip", "include"]))
        value = self.draw(st.booleans())
        if self.draw(st.booleans()):
            return f" @{directive}(if: {str(value).lower()})"
        if self.draw(st.booleans()):
            return f" @{directive}(if: {self._variable('Boolean!', value)})"
        sent = self.draw(st.sampled_from([_USE_DEFAULT, _USE_DEFAULT, True, False, None]))
        return f" @{directive}(if: {self._variable(f'Boolean = {str(value).lower()}', sent)})"

    def _arguments(self, definition: GraphQLField) -> str:
        arguments = [
            f"{name}: {written}"
            for name, argument in definition.args.items()
            if (written := self._argument(name, argument)) is not None
        ]
        return f"({', '.join(arguments)})" if arguments else ""

    def _argument(self, name: str, argument: GraphQLArgument) -> str | None:
        required = is_non_null_type(argument.type)
        if not required and self.draw(st.integers(0, 2)):
            return None
        value = self._value(name, argument.type)
        if value is None:
            return None
        named = get_named_type(argument.type)
        if is_input_object_type(named) or self.draw(st.booleans()):
            return self._variable(str(argument.type), value)
        return _literal(value, named)

    def _variable(self, kind: str, value: Any) -> str:
        name = f"v{len(self.variables)}"
        self.variables[name] = (kind, value)
        return f"${name}"

    def _value(self, name: str, kind: GraphQLInputType) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._value(name, kind.of_type)
        if is_list_type(kind):
            return [self._value(name, kind.of_type) for _ in range(self.draw(st.integers(0, 3)))]
        named = get_named_type(kind)
        if is_enum_type(named):
            return self.draw(st.sampled_from(sorted(named.values)))
        if is_input_object_type(named):
            fields = {
                name: field
                for name, field in named.fields.items()
                if is_non_null_type(field.type) or not self.draw(st.integers(0, 4))
            }
            return {name: self._value(name, field.type) for name, field in fields.items()}
        return self.draw(
            {
                "ID": st.sampled_from(self.known.ids),
                "HsaId": st.sampled_from(self.known.hsa_ids),
                "Int": st.sampled_from([1, 1, 2, 2, 3, 5, 0, -1, 101]),
                "DateTime": st.sampled_from(["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"]),
                "Boolean": st.booleans(),
            }.get(named.name, st.sampled_from(["x", "", "apotek", "questions[apotek].label"]))
        )


def _literal(value: Any, named: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_literal(item, named) for item in value)}]"
    return str(value) if isinstance(value, int) or is_enum_type(named) else f'"{value}"'


@st.composite
def operations(draw: Draw, schema: GraphQLSchema, known: Known) -> Written:
    """Valid queries; most of them match stored data."""
    writer = _Writer(draw, schema, known)
    assert schema.query_type is not None
    body = writer.selection(schema.query_type, 0)
    declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in writer.variables.items())
    used = [
        text
        for text in writer.fragments
        if f"...{text.split()[1]}" in body
        or any(f"...{text.split()[1]}" in other for other in writer.fragments)
    ]
    text = " ".join([f"query Random{f'({declared})' if declared else ''} {body}", *used])
    assume(not validate(schema, parse(text)))
    return Written(
        text,
        {name: value for name, (_, value) in writer.variables.items() if value is not _USE_DEFAULT},
    )
