"""Operations compiled: what an operation asks of plain records becomes Python closures, made once
and kept with its document.

A selection is *plain* where it needs nothing but attributes, methods that do no I/O and take no
arguments, and more such selections: a whole content,
say. Its closure answers the finished dictionary, or raises: it knows neither paths nor errors.
Then, and for everything that is not plain,
graphql-core executes (`execution.compiled.executor`). So what compiled code answers is right or not given.
"""

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, cast
from weakref import WeakValueDictionary

from cachetools import LRUCache
from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLLeafType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLScalarType,
    VariableNode,
    Visitor,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    visit,
)
from graphql.execution import Executor
from graphql.execution.collect_fields import (
    CollectedFields,
    FieldDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Undefined
from strawberry.types.field import StrawberryField

from schema.errors import Info

Details = list[FieldDetails]
CompiledField = Callable[[Any, Info], Any]
"""From a source to a finished value; raises where graphql-core has to do it."""
Complete = Callable[[Any, Info], Any]
"""The same from a value that a field has."""

DEFINITION = "strawberry-definition"
PLAN_FIELDS = 64_000
_MIN_INT, _MAX_INT = -(2**31), 2**31 - 1


class NotCompilable(Exception):
    """The value is not what compiled code is made for."""


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    """How the fields asked of an object are answered:

    `whole` all at once where all are plain; else each by its closure, if it has one.
    """

    fields: list[tuple[str, CompiledField | None, Details]]
    whole: CompiledField | None


class PlanBudget:
    """How much the plans of one process may hold together. When it is full all are forgotten, and
    made again as they are asked for.

    A short text can come to many fields: each of a fragment as often as it is spread, for each type
    that is found and each choice of variables. So
    the size of a text does not bound its plans.

    Args:
        most: Fields in all plans; each takes some 1 KB, measured.
    """

    def __init__(self, most: int = PLAN_FIELDS) -> None:
        self._most = most
        self._taken = 0
        self._holders: WeakValueDictionary[int, LRUCache[Hashable, Plan]] = WeakValueDictionary()

    def take(self, holder: "LRUCache[Hashable, Plan]", fields: int) -> None:
        """One more selection in a plan that is kept with others."""
        self._taken += fields
        self._holders[id(holder)] = holder
        if self._taken > self._most:
            for full in list(self._holders.values()):
                full.clear()
            self._holders.clear()
            self._taken = 0


class Plan:
    """One operation with one choice of what `@skip` and `@include` leave of it.

    Args:
        executor: One of this operation, for its schema and text. Of its variables only those are
            kept that choose.
        choosing: Their names.
        taken: Told of the fields of each selection that is kept.
    """

    def __init__(
        self, executor: Executor[Any], choosing: Collection[str], taken: Callable[[int], object]
    ) -> None:
        self._taken = taken
        self._schema = executor.schema
        self._operation = executor.operation
        self._fragments = executor.fragments
        self._choice = VariableValues(
            *(
                {name: values[name] for name in choosing if name in values}
                for values in executor.variable_values
            )
        )
        self._subfields: dict[tuple[GraphQLObjectType, int], tuple[Details, CollectedFields]] = {}
        self._objects: dict[int, tuple[GroupedFieldSet, ObjectPlan]] = {}

    @cached_property
    def root(self) -> CollectedFields:
        """What is asked of the root, collected when it is executed: an error in it is
        graphql-core's to tell, which collects it first.
        """
        root = cast("GraphQLObjectType", self._schema.get_root_type(self._operation.operation))
        collected = collect_fields(
            self._schema,
            self._fragments,
            self._choice,
            root,
            self._operation,
            hide_suggestions=False,
        )
        self._taken(len(collected.grouped_field_set))
        return collected

    def collect(self, of: GraphQLObjectType, details: Details) -> CollectedFields:
        """What is asked of an object in a field: collected once, for all requests."""
        key = (of, id(details))  # kept below with the details, so that the id stays theirs
        if (known := self._subfields.get(key)) is None:
            collected = collect_subfields(
                self._schema,
                self._fragments,
                self._choice,
                self._operation,
                of,
                details,
                hide_suggestions=False,
            )
            known = self._subfields[key] = (details, collected)
            self._taken(len(collected.grouped_field_set))
        return known[1]

    def of(self, parent: GraphQLObjectType, fields: GroupedFieldSet) -> ObjectPlan:
        """The plan for fields that were collected here."""
        if (known := self._objects.get(id(fields))) is None:
            entries = [
                (name, self._fast(parent, details), details) for name, details in fields.items()
            ]
            plan = ObjectPlan(entries, _whole([(name, fast) for name, fast, _ in entries]))
            known = self._objects[id(fields)] = (
                fields,
                plan,
            )  # with the fields, so that the id stays theirs
        return known[1]

    def _fast(self, parent: GraphQLObjectType, details: Details) -> CompiledField | None:
        name = details[0].node.name.value
        if name == "__typename":
            return lambda _source, _info: parent.name
        field = self._schema.get_field(parent, name)
        definition = field.extensions.get(DEFINITION) if field is not None else None
        if (
            field is None
            or definition is None
            or field.subscribe is not None
            or definition.extensions
        ):
            return None
        get = _getter(field, definition)
        complete = self._complete(field.type, details) if get is not None else None
        if get is None or complete is None:
            return None
        same = _unchanged(get_nullable_type(field.type))
        return (
            _joined(get, complete)
            if same is None or definition.base_resolver
            else _attribute(definition.python_name, same, complete)
        )

    def _complete(self, kind: GraphQLOutputType, details: Details) -> Complete | None:
        required = isinstance(kind, GraphQLNonNull)
        inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if is_leaf_type(inner):
            return _whole_leaf(inner, required)
        complete = self._complete_value(inner, details)
        return None if complete is None else _or_null(complete, required)

    def _complete_value(self, kind: Any, details: Details) -> Complete | None:
        if is_list_type(kind):
            return _items(self._complete(kind.of_type, details))
        possible = self._schema.get_possible_types(kind) if is_abstract_type(kind) else [kind]
        try:
            plans = {
                of: self.of(of, self.collect(of, details).grouped_field_set).whole
                for of in possible
            }
        except (
            GraphQLError
        ):  # a condition that is null: graphql-core tells so where it comes upon it, if it does
            return None
        if any(whole is None for whole in plans.values()):
            return None
        return _objects(
            cast("Mapping[GraphQLObjectType, CompiledField]", plans),
            abstract=is_abstract_type(kind),
        )


def _getter(field: GraphQLField, definition: StrawberryField) -> CompiledField | None:
    """How the field is read from its source, if that takes no arguments and no waiting."""
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


def _attribute(name: str, same: type, complete: Complete) -> CompiledField:
    """Most fields: an attribute whose value is right as it is."""

    def attribute(source: Any, info: Info) -> Any:
        value = getattr(source, name)
        return value if value.__class__ is same else complete(value, info)

    return attribute


def _joined(get: CompiledField, complete: Complete) -> CompiledField:
    return lambda source, info: complete(get(source, info), info)


def _whole(fields: list[tuple[str, CompiledField | None]]) -> CompiledField | None:
    if any(fast is None for _, fast in fields):
        return None
    plain = cast("list[tuple[str, CompiledField]]", fields)
    return lambda source, info: {name: fast(source, info) for name, fast in plain}


def _unchanged(kind: Any) -> type | None:
    """The class of the values that a scalar leaves as they are, whatever they are."""
    if not isinstance(kind, GraphQLScalarType):
        return None
    return (
        str
        if kind.name in {"String", "ID"} or kind.coerce_output_value is str
        else bool
        if kind.name == "Boolean"
        else None
    )


def _or_null(inner: Complete, required: bool) -> Complete:
    def complete(value: Any, info: Info) -> Any:
        if value is not None:
            return inner(value, info)
        if required:
            raise NotCompilable
        return None

    return complete


@cache
def _whole_leaf(kind: GraphQLLeafType, required: bool) -> Complete:
    """The same for all fields of a type: most of what a plan would hold."""
    return _or_null(_leaf(kind), required)


def _leaf(kind: GraphQLLeafType) -> Complete:
    """Scalars and enums: what is right already as it is, the rest by the type itself."""
    coerce = kind.coerce_output_value
    same = _unchanged(kind)
    whole = kind.name == "Int"
    known: dict[Hashable, Any] = {}
    if isinstance(kind, GraphQLEnumType):
        known = {member: coerce(member) for member in kind.extensions[DEFINITION].wrapped_cls}

    def leaf(value: Any, _info: Info) -> Any:
        if value.__class__ is same or (
            whole and value.__class__ is int and _MIN_INT <= value <= _MAX_INT
        ):
            return value
        coerced = known.get(value) if known else coerce(value)
        if coerced is None or coerced is Undefined:
            raise NotCompilable
        return coerced

    return leaf


def _items(item: Complete | None) -> Complete | None:
    if item is None:
        return None

    def items(values: Any, info: Info) -> Any:
        if values.__class__ is not list and values.__class__ is not tuple:
            raise NotCompilable
        return [item(value, info) for value in values]

    return items


def _objects(plans: Mapping[GraphQLObjectType, CompiledField], *, abstract: bool) -> Complete:
    """Objects of one type, or of one of several by their class."""
    by_class = {of.extensions[DEFINITION].origin: whole for of, whole in plans.items()}
    [(only, plan)] = list(plans.items())[:1]
    if not abstract and only.is_type_of is None:
        return plan

    def objects(value: Any, info: Info) -> Any:
        whole = by_class.get(value.__class__)
        if whole is None:
            raise NotCompilable
        return whole(value, info)

    return objects


def choosing_variables(document: DocumentNode) -> tuple[str, ...]:
    """The variables that say what is skipped and included."""
    names: set[str] = set()

    class Choosing(Visitor):
        def enter_directive(self, directive: DirectiveNode, *_: Any) -> None:
            names.update(
                given.value.name.value
                for given in directive.arguments or ()
                if isinstance(given.value, VariableNode)
            )

    visit(document, Choosing())
    return tuple(sorted(names))
