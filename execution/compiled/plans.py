"""Plans: how each selection of an operation is executed, made once and cached with its document.

A selection is *plain* if it needs only attributes, synchronous methods without arguments or I/O,
and further plain selections; a whole content, for example. A plain selection is compiled to one
closure, which returns the completed dictionary or raises (`execution.compiled.completion`). Then,
and for everything that is not plain, graphql-core executes (`execution.compiled.executor`). So
compiled code returns what graphql-core would return, or nothing.
"""

from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast
from weakref import WeakValueDictionary

from cachetools import LRUCache
from graphql import (
    DirectiveNode,
    DocumentNode,
    GraphQLError,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
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

from execution.compiled.completion import (
    DEFINITION,
    CompiledField,
    Completion,
    attribute_field,
    completed,
    getter,
    items,
    leaf,
    objects,
    or_null,
    selection,
    unchanged_class,
)

Details = list[FieldDetails]

PLAN_FIELDS = 64_000


@dataclass(frozen=True, slots=True)
class ObjectPlan:
    """How the selected fields of an object are executed.

    Attributes:
        fields: Each field's response name, its closure if it is plain, and its details.
        whole: One closure for all fields, if all are plain.
    """

    fields: list[tuple[str, CompiledField | None, Details]]
    whole: CompiledField | None


class PlanBudget:
    """Memory budget for the cached plans of one process; exceeding it clears all plans.

    A short document can expand to many fields: those of a fragment once per spread, per type found
    and per combination of variables. So the length of a document does not limit its plans.

    Args:
        limit: Fields in all plans; each takes about 1 KB, measured.
    """

    def __init__(self, limit: int = PLAN_FIELDS) -> None:
        self._limit = limit
        self._used = 0
        self._caches: WeakValueDictionary[int, LRUCache[Hashable, Plan]] = WeakValueDictionary()

    def add(self, cache: "LRUCache[Hashable, Plan]", fields: int) -> None:
        """Count the fields of one more selection in a cached plan."""
        self._used += fields
        self._caches[id(cache)] = cache
        if self._used > self._limit:
            for full in list(self._caches.values()):
                full.clear()
            self._caches.clear()
            self._used = 0


class Plan:
    """The plan of one operation, for one combination of its `@skip` and `@include` variables.

    Args:
        executor: Any executor of this operation. Only the variables in `choosing` are kept of it.
        choosing: Names of the variables that `@skip` and `@include` use.
        count: Called with the number of fields of each selection that is kept.
    """

    def __init__(
        self, executor: Executor[Any], choosing: Collection[str], count: Callable[[int], object]
    ) -> None:
        self._count = count
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
        """The selected root fields.

        Collected at execution: graphql-core collects them first, and reports errors in them.
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
        self._count(len(collected.grouped_field_set))
        return collected

    def collect(self, object_type: GraphQLObjectType, details: Details) -> CollectedFields:
        """The fields that a field selects of an object; collected once, for all requests."""
        key = (object_type, id(details))  # the details are kept below, so that the id stays valid
        if (known := self._subfields.get(key)) is None:
            collected = collect_subfields(
                self._schema,
                self._fragments,
                self._choice,
                self._operation,
                object_type,
                details,
                hide_suggestions=False,
            )
            known = self._subfields[key] = (details, collected)
            self._count(len(collected.grouped_field_set))
        return known[1]

    def of(self, parent: GraphQLObjectType, fields: GroupedFieldSet) -> ObjectPlan:
        """The plan for fields that this plan has collected."""
        if (known := self._objects.get(id(fields))) is None:
            entries = [
                (name, self._field(parent, details), details) for name, details in fields.items()
            ]
            whole = selection([(name, compiled) for name, compiled, _ in entries])
            # The fields are kept, so that their id stays valid.
            known = self._objects[id(fields)] = (fields, ObjectPlan(entries, whole))
        return known[1]

    def _field(self, parent: GraphQLObjectType, details: Details) -> CompiledField | None:
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
        get = getter(field, definition)
        complete = self._completion(field.type, details) if get is not None else None
        if get is None or complete is None:
            return None
        unchanged = unchanged_class(get_nullable_type(field.type))
        if unchanged is None or definition.base_resolver:
            return completed(get, complete)
        return attribute_field(definition.python_name, unchanged, complete)

    def _completion(self, kind: GraphQLOutputType, details: Details) -> Completion | None:
        required = isinstance(kind, GraphQLNonNull)
        inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if is_leaf_type(inner):
            return leaf(inner, required)
        complete = self._composite(inner, details)
        return None if complete is None else or_null(complete, required)

    def _composite(self, kind: Any, details: Details) -> Completion | None:
        if is_list_type(kind):
            return items(self._completion(kind.of_type, details))
        possible = self._schema.get_possible_types(kind) if is_abstract_type(kind) else [kind]
        try:
            selections = {
                object_type: self.of(
                    object_type, self.collect(object_type, details).grouped_field_set
                ).whole
                for object_type in possible
            }
        except GraphQLError:
            # A condition is null. graphql-core reports it where it executes the selection, if ever.
            return None
        if any(compiled is None for compiled in selections.values()):
            return None
        return objects(
            cast("Mapping[GraphQLObjectType, CompiledField]", selections),
            abstract=is_abstract_type(kind),
        )


def choosing_variables(document: DocumentNode) -> tuple[str, ...]:
    """Names of the variables that `@skip` and `@include` use, sorted."""
    names: set[str] = set()

    class DirectiveVisitor(Visitor):
        def enter_directive(self, directive: DirectiveNode, *_: Any) -> None:
            names.update(
                argument.value.name.value
                for argument in directive.arguments or ()
                if isinstance(argument.value, VariableNode)
            )

    visit(document, DirectiveVisitor())
    return tuple(sorted(names))
