"""What a document asks for, measured before it is validated: so that validating, executing and
answering it stay within bounds.

Fragments are measured once for each size of list that they stand in, however often they are spread:
a short document whose fragments double
sixty times is measured in microseconds. Costs are counted in values: each field is one, as often as
the lists around it may repeat it. What
depends on variables is left open, and counted when they are known.
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
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

from execution.complexity_weights import SIZES, WORK
from schema.errors import TopLevelError

_PAGE = 50
_MAX_PAGE = 100
_LIST = 10
"""How many items a list is taken to have that is no page and has no size in `execution.complexity_weights`:
questions, options, changes.
"""
_WRITE = 50
_INTROSPECTION = 500
_MAX_FRAGMENTS = 100
_MAX_REPETITIONS = 5_000
_MAX_STEPS = 10_000
_DEEPEST = 100
_MAX_INT = 12
_NAMED = 5


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one document may ask for; fields, aliases and directives are counted with all fragments
    spread.

    Attributes:
        depth: Fields within fields.
        fields: In all operations and fragments together.
        aliases: Fields under another name than their own.
        directives: Uses of directives.
        operations: In one document.
        cost: Values that one operation may come to.
    """

    depth: int = 20
    fields: int = 2_000
    aliases: int = 100
    directives: int = 100
    operations: int = 20
    cost: int = 20_000


class TooComplex(TopLevelError):
    """A document asks for more than it may."""

    def __init__(self, what: str, most: int, found: int | None = None) -> None:
        asked = f" This one has {found}." if found is not None and found < 1 << 53 else ""
        super().__init__(
            "QUERY_TOO_COMPLEX",
            f"A document may have at most {most} for {what}.{asked}",
            {"limit": what, "most": most},
        )


class FragmentCycle(TopLevelError):
    """A fragment spreads itself."""

    def __init__(self, name: str) -> None:
        super().__init__(
            "GRAPHQL_VALIDATION_FAILED", f"Cannot spread fragment '{name[:64]}' within itself."
        )


Size = int | str
"""How many items a list is taken to have; or the name of the variable that says so."""


@dataclass(frozen=True, slots=True, eq=False)
class Cost:
    """A cost as far as it is known without variables, and what each variable multiplies."""

    known: int
    open: tuple[tuple[Size, "Cost"], ...] = ()

    def with_variables(self, variables: Mapping[str, Any]) -> int:
        """The cost once the variables are known."""
        return self._counted(variables, {}) if self.open else self.known

    def _counted(self, variables: Mapping[str, Any], counted: dict[int, int]) -> int:
        if (cost := counted.get(id(self))) is None:
            cost = self.known
            for size, of in self.open:
                cost += (
                    size if isinstance(size, int) else _size_of(variables.get(size, _PAGE))
                ) * of._counted(variables, counted)  # noqa: SLF001
            counted[id(self)] = cost
        return cost


def _size_of(value: Any) -> int:
    if isinstance(value, list):
        return min(len(value), _MAX_PAGE)
    # A float that is whole is an Int too.
    return int(min(max(value, 1), _MAX_PAGE)) if isinstance(value, int | float) else _PAGE


@dataclass(slots=True)
class _Measured:
    """What a selection comes to."""

    fields: int = 0
    depth: int = 0
    aliases: int = 0
    directives: int = 0
    known: int = 0
    open: list[tuple[Size, Cost]] = field(default_factory=list)
    _cost: Cost | None = None

    def add(self, inner: "_Measured", size: Size = 1, *, level: int = 0) -> None:
        """Add what stands within, as often as it is repeated."""
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
        """The cost when all is added: one object, which is counted once however often it stands
        somewhere.
        """
        if self._cost is None:
            self._cost = Cost(self.known, tuple(self.open))
        return self._cost


@dataclass(frozen=True, slots=True)
class Measure:
    """What one operation asks for.

    Attributes:
        kind: `query`, `mutation` or `subscription`.
        named: What the log tells of it: name, kind, and the first few root fields.
        cost: The values that it may come to.
        introspects: Whether it asks of the schema itself.
        defaults: Of those variables that say how much is asked for.
    """

    kind: str
    named: Mapping[str, Any]
    cost: Cost
    introspects: bool
    defaults: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Weight:
    """What a field comes to beside what is selected on it.

    Attributes:
        size: Items that its list is taken to have.
        work: In values, before the first of them.
    """

    size: int
    work: int


_PLAIN = Weight(_LIST, 0)


def weights_of(schema: GraphQLSchema) -> Mapping[tuple[str, str], Weight]:
    """The weights of a schema's fields, by type and name; those of interfaces hold for their types,
    too.
    """
    weights = {}
    for kind in schema.type_map.values():
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            for name in kind.fields:
                places = [f"{one.name}.{name}" for one in (kind, *kind.interfaces)]
                size = next((SIZES[place] for place in places if place in SIZES), _LIST)
                weights[kind.name, name] = Weight(
                    size, next((WORK[place] for place in places if place in WORK), 0)
                )
    return weights


class Budget:
    """Measures the documents for one schema.

    Args:
        schema: Whose fields are asked for.
        bounds: Within which documents must stay.
    """

    def __init__(self, schema: GraphQLSchema, bounds: Bounds) -> None:
        self._schema = schema
        self._weights = weights_of(schema)
        self.bounds = bounds

    def measured(self, document: DocumentNode) -> dict[str | None, Measure]:
        """What each operation asks for, by its name.

        Raises:
            TooComplex: The document asks for more than it may.
            FragmentCycle: It has no end.
        """
        return _Walk(self._schema, self._weights, document, self.bounds).measures()


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
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        self._operations = [
            one for one in document.definitions if isinstance(one, OperationDefinitionNode)
        ]
        self._definitions = len(document.definitions)
        self._kept: dict[tuple[str, Size | None], _Measured] = {}
        self._open: set[tuple[str, Size | None]] = set()
        self._introspects = False
        self._steps = 0

    def measures(self) -> dict[str | None, Measure]:
        bounds = self._bounds
        _hold("operations", bounds.operations, len(self._operations))
        _hold("fragments", _MAX_FRAGMENTS, len(self._fragments))
        _hold("definitions", bounds.operations + _MAX_FRAGMENTS, self._definitions)
        everything = _Measured()
        measures = {}
        for operation in self._operations:
            self._introspects = False
            measured = self._operation(operation)
            everything.add(measured)
            name = operation.name.value if operation.name else None
            measures[name] = Measure(
                operation.operation.value,
                _named(operation),
                measured.cost,
                self._introspects,
                _defaults(operation),
            )
        for name in self._fragments:  # validation reads those too that no operation spreads
            everything.add(self._spread(name, None, 0))
        _hold("depth", bounds.depth, everything.depth)
        _hold("fields", bounds.fields, everything.fields)
        _hold("aliases", bounds.aliases, everything.aliases)
        _hold("directives", bounds.directives, everything.directives)
        _hold(
            "repeated fields",
            _MAX_REPETITIONS,
            sum(
                self._repetitions([one.selection_set])
                for one in (*self._operations, *self._fragments.values())
            ),
        )
        return measures

    def _operation(self, operation: OperationDefinitionNode) -> _Measured:
        root = self._schema.get_root_type(operation.operation)
        measured = self._selection(operation.selection_set, root, None, 0)
        measured.directives += len(operation.directives or ())
        if operation.operation is OperationType.MUTATION:
            measured.known += _WRITE * sum(
                isinstance(one, FieldNode) for one in operation.selection_set.selections
            )
        return measured

    def _selection(
        self,
        selection: SelectionSetNode,
        parent: GraphQLNamedType | None,
        page: Size | None,
        level: int,
    ) -> _Measured:
        """What a selection on a type comes to; `page` is the size of the page that the type is, if
        it is one.
        """
        if level > _DEEPEST:
            raise TooComplex("depth", self._bounds.depth)
        measured = _Measured()
        # A fragment is walked once for each size of page that it stands in, of which there may be
        # hundreds.
        self._steps += len(selection.selections)
        if self._steps > _MAX_STEPS:
            raise TooComplex("selections", _MAX_STEPS)
        for node in selection.selections:
            measured.directives += len(node.directives or ())
            match node:
                case FieldNode():
                    self._field(node, parent, page, level, measured)
                case InlineFragmentNode():
                    of = (
                        self._schema.get_type(node.type_condition.name.value)
                        if node.type_condition
                        else parent
                    )
                    measured.add(self._selection(node.selection_set, of, page, level + 1))
                case FragmentSpreadNode():
                    measured.add(self._spread(node.name.value, page, level + 1))
        return measured

    def _field(
        self,
        node: FieldNode,
        parent: GraphQLNamedType | None,
        page: Size | None,
        level: int,
        measured: _Measured,
    ) -> None:
        measured.fields += 1
        measured.known += 1
        measured.depth = max(measured.depth, 1)
        measured.aliases += node.alias is not None
        name = node.name.value
        if name in {"__schema", "__type"}:
            self._introspects = True
            measured.known += _INTROSPECTION
        weight = self._weights.get((parent.name, name), _PLAIN) if parent else _PLAIN
        measured.known += weight.work
        if node.selection_set is None:
            return
        found = (
            parent.fields.get(name)
            if isinstance(parent, (GraphQLObjectType, GraphQLInterfaceType))
            else None
        )
        of = get_named_type(found.type) if found else None
        size = _repeated(node, found, page, weight.size)
        inner = self._selection(node.selection_set, of, _page(node, found), level + 1)
        measured.add(inner, size, level=1)

    def _spread(self, name: str, page: Size | None, level: int) -> _Measured:
        key = name, page
        if (kept := self._kept.get(key)) is not None:
            return kept
        fragment = self._fragments.get(name)
        if fragment is None:
            return _Measured()
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
        self._kept[key] = measured
        return measured

    def _repetitions(self, selections: Sequence[SelectionSetNode]) -> int:
        """How many pairs of fields share their place in the answer: validation compares each pair."""
        together: dict[str, list[SelectionSetNode]] = defaultdict(list)
        times: dict[str, int] = defaultdict(int)
        for node in self._collected(selections, set()):
            name = node.alias.value if node.alias else node.name.value
            times[name] += 1
            if node.selection_set is not None:
                together[name].append(node.selection_set)
        return sum(n * (n - 1) // 2 for n in times.values()) + sum(
            map(self._repetitions, together.values())
        )

    def _collected(
        self, selections: Iterable[SelectionSetNode], spread: set[str]
    ) -> Iterator[FieldNode]:
        for selection in selections:
            for node in selection.selections:
                match node:
                    case FieldNode():
                        yield node
                    case InlineFragmentNode():
                        yield from self._collected([node.selection_set], spread)
                    case FragmentSpreadNode(name=name) if (
                        name.value in self._fragments and name.value not in spread
                    ):
                        spread.add(name.value)
                        yield from self._collected(
                            [self._fragments[name.value].selection_set], spread
                        )


def _named(operation: OperationDefinitionNode) -> dict[str, Any]:
    fields = (
        one.name.value for one in operation.selection_set.selections if isinstance(one, FieldNode)
    )
    return {
        "operation": operation.name.value if operation.name else None,
        "kind": operation.operation.value,
        "fields": list(islice(fields, _NAMED)),
    }


def _defaults(operation: OperationDefinitionNode) -> dict[str, int]:
    return {
        one.variable.name.value: _length_of(one.default_value)
        for one in operation.variable_definitions or ()
        if isinstance(one.default_value, (IntValueNode, ListValueNode))
    }


def _length_of(value: IntValueNode | ListValueNode) -> int:
    if isinstance(value, ListValueNode):
        return min(len(value.values), _MAX_PAGE)
    return _size_of(int(value.value)) if len(value.value) < _MAX_INT else _MAX_PAGE


def _hold(what: str, most: int, found: int) -> None:
    if found > most:
        raise TooComplex(what, most, found)


def _page(node: FieldNode, found: GraphQLField | None) -> Size | None:
    """The size of the page that a field answers; None where it is no page."""
    if found is None or "first" not in found.args:
        return None
    return _given(node, ("first", "last"), _PAGE)


def _repeated(
    node: FieldNode, found: GraphQLField | None, page: Size | None, otherwise: int
) -> Size:
    """How often what is selected on a field may come."""
    if (
        found is None
        or not is_list_type(get_nullable_type(found.type))
        or is_leaf_type(get_named_type(found.type))
    ):
        return 1
    if get_named_type(found.type).name.startswith("__"):
        return 1  # counted at its root
    if page is not None:
        return page
    lists = tuple(
        name
        for name, argument in found.args.items()
        if is_list_type(get_nullable_type(argument.type))
    )
    return _given(node, lists, otherwise)


def _given(node: FieldNode, names: tuple[str, ...], otherwise: int) -> Size:
    """The size that an argument gives; of several, any may be the one that is not null."""
    given = [
        one
        for one in node.arguments or ()
        if one.name.value in names and not isinstance(one.value, NullValueNode)
    ]
    if len(given) > 1:
        return _MAX_PAGE
    for argument in given:
        match argument.value:
            case IntValueNode() | ListValueNode() as value:
                return _length_of(value)
            case VariableNode(name=name):
                return name.value
    return otherwise
