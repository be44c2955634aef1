"""Measures a document before it is validated, so that all later steps stay within limits.

The measurement is one pass over the document. A fragment is measured once for each page size that
it is used in, however often it is spread: a short document with sixty levels of doubling fragments
takes microseconds. Costs are counted in values: each field counts as one, multiplied by the sizes
of the lists around it. Parts that depend on variables are evaluated when the variables are known.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
)

from execution.complexity_limits import Bounds, FragmentCycle, TooComplex, require_at_most
from execution.complexity_weights import DEFAULT_WEIGHT, Weight, weights_of
from execution.costs import Cost, Size, default_sizes, page_size, repetitions

_MUTATION_COST = 50
_INTROSPECTION_COST = 500
_MAX_FRAGMENTS = 100
_MAX_REPEATED_FIELDS = 5_000
_MAX_SELECTIONS = 10_000
_MAX_LEVELS = 100
_LOGGED_FIELDS = 5


@dataclass(frozen=True, slots=True)
class Measure:
    """The measure of one operation.

    Attributes:
        kind: `query`, `mutation` or `subscription`.
        log_fields: For the log: the operation's name, its kind, and its first root fields.
        cost: Its cost, in values.
        introspects: Whether it queries the schema itself.
        defaults: List sizes from the default values of its variables.
    """

    kind: str
    log_fields: Mapping[str, Any]
    cost: Cost
    introspects: bool
    defaults: Mapping[str, int]


class ComplexityMeter:
    """Measures documents for one schema.

    Args:
        schema: The schema.
        bounds: The limits on each document.
    """

    def __init__(self, schema: GraphQLSchema, bounds: Bounds) -> None:
        self._schema = schema
        self._weights = weights_of(schema)
        self.bounds = bounds

    def measure(self, document: DocumentNode) -> dict[str | None, Measure]:
        """The measure of each operation, by name.

        The cost is not compared with its limit here, since it can depend on variables.

        Raises:
            TooComplex: The document exceeds a limit.
            FragmentCycle: A fragment spreads itself.
        """
        return _Walk(self._schema, self._weights, document, self.bounds).measures()


@dataclass(slots=True)
class _SelectionMeasure:
    """The measure of a selection, as a sum over its fields."""

    fields: int = 0
    depth: int = 0
    aliases: int = 0
    directives: int = 0
    known: int = 0
    open: list[tuple[Size, Cost]] = field(default_factory=list)
    _cost: Cost | None = None

    def add(self, inner: "_SelectionMeasure", size: Size = 1, *, level: int = 0) -> None:
        """Add an inner selection that is repeated `size` times, `level` levels deeper."""
        self.fields += inner.fields
        self.depth = max(self.depth, inner.depth + level)
        self.aliases += inner.aliases
        self.directives += inner.directives
        if isinstance(size, str) or inner.open:
            self.open.append((size, inner.cost))
        else:
            self.known += size * inner.known

    @property
    def cost(self) -> Cost:
        """The cost, once everything is added.

        Always the same object, so that `Cost.with_variables` evaluates it only once.
        """
        if self._cost is None:
            self._cost = Cost(self.known, tuple(self.open))
        return self._cost


class _Walk:
    """One pass over one document."""

    def __init__(
        self,
        schema: GraphQLSchema,
        weights: Mapping[tuple[str, str], Weight],
        document: DocumentNode,
        bounds: Bounds,
    ) -> None:
        self._schema = schema
        self._weights = weights
        self._bounds = bounds
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self._operations = [
            definition
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
        ]
        self._definitions = len(document.definitions)
        self._measured: dict[tuple[str, Size | None], _SelectionMeasure] = {}
        self._open: set[tuple[str, Size | None]] = set()
        self._introspects = False
        self._selections = 0

    def measures(self) -> dict[str | None, Measure]:
        bounds = self._bounds
        require_at_most(bounds.operations, "operations", len(self._operations))
        require_at_most(_MAX_FRAGMENTS, "fragments", len(self._fragments))
        require_at_most(bounds.operations + _MAX_FRAGMENTS, "definitions", self._definitions)
        total = _SelectionMeasure()
        measures = {}
        for operation in self._operations:
            self._introspects = False
            measured = self._operation(operation)
            total.add(measured)
            name = operation.name.value if operation.name else None
            measures[name] = Measure(
                operation.operation.value,
                _log_fields(operation),
                measured.cost,
                self._introspects,
                default_sizes(operation),
            )
        for name in self._fragments:  # validation also reads fragments that no operation spreads
            total.add(self._spread(name, None, 0))
        require_at_most(bounds.depth, "depth", total.depth)
        require_at_most(bounds.fields, "fields", total.fields)
        require_at_most(bounds.aliases, "aliases", total.aliases)
        require_at_most(bounds.directives, "directives", total.directives)
        repeated = sum(
            self._repeated_fields([definition.selection_set])
            for definition in (*self._operations, *self._fragments.values())
        )
        require_at_most(_MAX_REPEATED_FIELDS, "repeated fields", repeated)
        return measures

    def _operation(self, operation: OperationDefinitionNode) -> _SelectionMeasure:
        root = self._schema.get_root_type(operation.operation)
        measured = self._selection(operation.selection_set, root, None, 0)
        measured.directives += len(operation.directives or ())
        if operation.operation is OperationType.MUTATION:
            measured.known += _MUTATION_COST * sum(
                isinstance(node, FieldNode) for node in operation.selection_set.selections
            )
        return measured

    def _selection(
        self,
        selection: SelectionSetNode,
        parent: GraphQLNamedType | None,
        page: Size | None,
        level: int,
    ) -> _SelectionMeasure:
        """Measure a selection on a type; `page` is the size of the page, if the type is one."""
        if level > _MAX_LEVELS:
            raise TooComplex("depth", self._bounds.depth)
        measured = _SelectionMeasure()
        # Counted here, since a fragment is measured once per page size, of which there can be
        # hundreds.
        self._selections += len(selection.selections)
        if self._selections > _MAX_SELECTIONS:
            raise TooComplex("selections", _MAX_SELECTIONS)
        for node in selection.selections:
            measured.directives += len(node.directives or ())
            match node:
                case FieldNode():
                    self._field(node, parent, page, level, measured)
                case InlineFragmentNode():
                    on = (
                        self._schema.get_type(node.type_condition.name.value)
                        if node.type_condition
                        else parent
                    )
                    measured.add(self._selection(node.selection_set, on, page, level + 1))
                case FragmentSpreadNode():
                    measured.add(self._spread(node.name.value, page, level + 1))
        return measured

    def _field(
        self,
        node: FieldNode,
        parent: GraphQLNamedType | None,
        page: Size | None,
        level: int,
        measured: _SelectionMeasure,
    ) -> None:
        measured.fields += 1
        measured.known += 1
        measured.depth = max(measured.depth, 1)
        measured.aliases += node.alias is not None
        name = node.name.value
        if name in {"__schema", "__type"}:
            self._introspects = True
            measured.known += _INTROSPECTION_COST
        weight = self._weights.get((parent.name, name)) if parent else None
        weight = weight or DEFAULT_WEIGHT
        measured.known += weight.work
        if node.selection_set is None:
            return
        definition = (
            parent.fields.get(name)
            if isinstance(parent, (GraphQLObjectType, GraphQLInterfaceType))
            else None
        )
        kind = get_named_type(definition.type) if definition else None
        size = repetitions(node, definition, page, weight.size)
        inner = self._selection(node.selection_set, kind, page_size(node, definition), level + 1)
        measured.add(inner, size, level=1)

    def _spread(self, name: str, page: Size | None, level: int) -> _SelectionMeasure:
        key = name, page
        if (known := self._measured.get(key)) is not None:
            return known
        fragment = self._fragments.get(name)
        if fragment is None:
            return _SelectionMeasure()
        if key in self._open:
            raise FragmentCycle(name)
        self._open.add(key)
        measured = self._selection(
            fragment.selection_set,
            self._schema.get_type(fragment.type_condition.name.value),
            page,
            level,
        )
        measured.directives += len(fragment.directives or ())
        self._open.discard(key)
        self._measured[key] = measured
        return measured

    def _repeated_fields(self, selections: Sequence[SelectionSetNode]) -> int:
        """How many pairs of fields share a response name; validation compares each pair."""
        inner: dict[str, list[SelectionSetNode]] = defaultdict(list)
        counts: dict[str, int] = defaultdict(int)
        for node in self._fields_in(selections, set()):
            name = node.alias.value if node.alias else node.name.value
            counts[name] += 1
            if node.selection_set is not None:
                inner[name].append(node.selection_set)
        return sum(count * (count - 1) // 2 for count in counts.values()) + sum(
            map(self._repeated_fields, inner.values())
        )

    def _fields_in(
        self, selections: Iterable[SelectionSetNode], spread: set[str]
    ) -> Iterator[FieldNode]:
        """The fields of selections, with fragments expanded; each fragment only once."""
        for selection in selections:
            for node in selection.selections:
                match node:
                    case FieldNode():
                        yield node
                    case InlineFragmentNode():
                        yield from self._fields_in([node.selection_set], spread)
                    case FragmentSpreadNode(name=name) if (
                        name.value in self._fragments and name.value not in spread
                    ):
                        spread.add(name.value)
                        fragment = self._fragments[name.value]
                        yield from self._fields_in([fragment.selection_set], spread)


def _log_fields(operation: OperationDefinitionNode) -> dict[str, Any]:
    fields = (
        node.name.value
        for node in operation.selection_set.selections
        if isinstance(node, FieldNode)
    )
    return {
        "operation": operation.name.value if operation.name else None,
        "kind": operation.operation.value,
        "fields": list(islice(fields, _LOGGED_FIELDS)),
    }
