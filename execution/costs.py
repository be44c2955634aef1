"""The cost of a selection in values, and the sizes of the lists that multiply it.

A cost can depend on variables. It is kept as a small graph and evaluated when the variables are
known.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
)

_PAGE = 50
_MAX_PAGE = 100
_MAX_DIGITS = 12

Size = int | str
"""The assumed length of a list; or the name of the variable that determines it."""


@dataclass(frozen=True, slots=True, eq=False)
class Cost:
    """A cost in values.

    Attributes:
        known: The part that does not depend on variables.
        open: Further costs, each with the size that multiplies it.
    """

    known: int
    open: tuple[tuple[Size, "Cost"], ...] = ()

    def with_variables(self, variables: Mapping[str, Any]) -> int:
        """The cost for given variables."""
        return self._evaluate(variables, {}) if self.open else self.known

    def _evaluate(self, variables: Mapping[str, Any], evaluated: dict[int, int]) -> int:
        if (cost := evaluated.get(id(self))) is None:
            cost = self.known
            for size, inner in self.open:
                times = size if isinstance(size, int) else size_of(variables.get(size, _PAGE))
                cost += times * inner._evaluate(variables, evaluated)  # noqa: SLF001
            evaluated[id(self)] = cost
        return cost


def size_of(value: Any) -> int:
    """The list size that a variable's value means: at most 100; 50 if it is no list or number."""
    if isinstance(value, list):
        return min(len(value), _MAX_PAGE)
    # A float without a fraction is a valid Int, too.
    return int(min(max(value, 1), _MAX_PAGE)) if isinstance(value, int | float) else _PAGE


def default_sizes(operation: OperationDefinitionNode) -> dict[str, int]:
    """The list sizes that the default values of an operation's variables mean."""
    return {
        definition.variable.name.value: _size_of_literal(definition.default_value)
        for definition in operation.variable_definitions or ()
        if isinstance(definition.default_value, (IntValueNode, ListValueNode))
    }


def page_size(node: FieldNode, definition: GraphQLField | None) -> Size | None:
    """The size of the page that a field returns; None if it returns no page."""
    if definition is None or "first" not in definition.args:
        return None
    return _argument_size(node, ("first", "last"), _PAGE)


def repetitions(
    node: FieldNode, definition: GraphQLField | None, page: Size | None, default: int
) -> Size:
    """How often the selection of a field is repeated.

    Args:
        node: The field in the document.
        definition: The field in the schema, if it exists.
        page: The size of the page that the field's parent is, if it is one.
        default: The size of a list that neither a page nor an argument determines.
    """
    if (
        definition is None
        or not is_list_type(get_nullable_type(definition.type))
        or is_leaf_type(get_named_type(definition.type))
    ):
        return 1
    if get_named_type(definition.type).name.startswith("__"):
        return 1  # the root field of introspection has a fixed cost
    if page is not None:
        return page
    lists = tuple(
        name
        for name, argument in definition.args.items()
        if is_list_type(get_nullable_type(argument.type))
    )
    return _argument_size(node, lists, default)


def _argument_size(node: FieldNode, names: tuple[str, ...], default: int) -> Size:
    """The size that one of the named arguments determines.

    If several of them have a value, any can turn out to be the one that is not null.
    """
    arguments = [
        argument
        for argument in node.arguments or ()
        if argument.name.value in names and not isinstance(argument.value, NullValueNode)
    ]
    if len(arguments) > 1:
        return _MAX_PAGE
    for argument in arguments:
        match argument.value:
            case IntValueNode() | ListValueNode() as value:
                return _size_of_literal(value)
            case VariableNode(name=name):
                return name.value
    return default


def _size_of_literal(value: IntValueNode | ListValueNode) -> int:
    if isinstance(value, ListValueNode):
        return min(len(value.values), _MAX_PAGE)
    return size_of(int(value.value)) if len(value.value) < _MAX_DIGITS else _MAX_PAGE
