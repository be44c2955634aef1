"""Executing a subscription's event once for all clinics: what depends on the clinic is left open,
as places in the text.

The notification is executed under a name that stands for any clinic. Where that name comes out in
the text, the clinic's key belongs; where the
operation asks something of the clinic itself, that clinic's answer. graphql-core does all the rest.
"""

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, cast

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    VariableNode,
    Visitor,
    get_named_type,
    is_leaf_type,
    visit,
)
from graphql.execution import Executor
from graphql.language import SKIP, Node
from graphql.pyutils import AwaitableOrValue, Path

from execution.compiled.executor import CompiledExecutor
from execution.compiled.plans import DEFINITION, Details

ANY_CLINIC = f"ANY-{secrets.token_hex(16)}"
"""Stands for a clinic's key. Random: no text that people write holds it."""
_PLACES = re.compile(rf'"{ANY_CLINIC}:(\w+)"|{ANY_CLINIC}'.encode())
_OF_THE_CLINIC = frozenset({"acknowledgedAt", "acknowledgedBy"})

Answers = Mapping[str | None, bytes]
"""What belongs at the places of a clinic's texts: its key at None, and its answers to the
operation's questions by their name in the response.
"""


@dataclass(frozen=True, slots=True)
class ClinicField:
    """What an operation asks of the clinic of a notification, in one place."""

    parent: GraphQLObjectType
    details: Details
    path: Path

    def put(self, executor: Executor[Any], notification: Any) -> AwaitableOrValue[Any]:
        """The answer for the clinic of a notification."""
        return Executor.execute_field(
            executor, self.parent, notification, self.details, self.path, None
        )


@dataclass(frozen=True, slots=True)
class PayloadTemplate:
    """A text with places.

    Attributes:
        template: The text in UTF-8, with `%b` at each place.
        take: From a clinic's answers what belongs there, in order; None where there is no place.
    """

    template: bytes
    take: Callable[[Answers], Any] | None

    @classmethod
    def of(cls, text: bytes) -> "PayloadTemplate":
        """A text in which `ANY_CLINIC` stands for places."""
        pieces, places, end = [], [], 0
        for place in _PLACES.finditer(text):
            pieces.append(text[end : place.start()])
            places.append(None if place[1] is None else place[1].decode())
            end = place.end()
        if not places:
            return cls(text, None)
        return cls(
            b"%b".join(piece.replace(b"%", b"%%") for piece in (*pieces, text[end:])),
            itemgetter(*places),
        )

    def filled(self, answers: Answers) -> bytes:
        """The text of one clinic."""
        return self.template if self.take is None else self.template % self.take(answers)


class TemplateExecutor(CompiledExecutor):
    """Leaves open what is asked of a notification's clinic, if `leaves_placeholders`: the answer to a
    question is known by its place in the response.
    """

    leaves_placeholders = False

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: Details,
        path: Path,
        position_context: Any,
    ) -> AwaitableOrValue[Any]:
        """As graphql-core does, but for a notification's clinic."""
        if (
            self.leaves_placeholders
            and parent_type.name == "Notification"
            and field_details_list[0].node.name.value == "clinic"
        ):
            return f"{ANY_CLINIC}:{path.key}"
        return super().execute_field(
            parent_type, source, field_details_list, path, position_context
        )


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What an operation's text depends on.

    Attributes:
        variables: The names of the variables that matter for it.
        questions: What is asked of a notification's clinic, by its name in the response; all of it
            plain data of the clinic, unless `by_clinic`.
        by_clinic: Whether more is asked of the clinic than plain data of it, so that nothing can be
            left open.
        by_acknowledgement: Whether it tells what the clinic did with the notification later.
    """

    variables: frozenset[str]
    questions: Mapping[str, ClinicField]
    by_clinic: bool
    by_acknowledgement: bool


def dependencies_of(executor: CompiledExecutor) -> Dependencies:
    """What the text of a subscription depends on, besides the event and rights."""
    schema = executor.schema
    root = cast("GraphQLObjectType", schema.subscription_type)
    [(response_name, details)] = executor.plan.root.grouped_field_set.items()
    told = get_named_type(
        cast("GraphQLField", schema.get_field(root, details[0].node.name.value)).type
    )
    path = Path(None, response_name, root.name)
    inner = executor.collect_subfields(cast("GraphQLObjectType", told), details).grouped_field_set
    asked = {name: field for name, field in inner.items() if field[0].node.name.value == "clinic"}
    return Dependencies(
        variables=_variables(executor, [detail.node for detail in details]),
        questions={
            name: ClinicField(cast("GraphQLObjectType", told), field, path.add_key(name, told.name))
            for name, field in asked.items()
        },
        by_clinic=not all(_is_plain(executor, field) for field in asked.values()),
        by_acknowledgement=any(
            field[0].node.name.value in _OF_THE_CLINIC for field in inner.values()
        ),
    )


def _is_plain(executor: Executor[Any], clinic: Details) -> bool:
    """Whether nothing is asked of a clinic but attributes that say the same until it changes."""
    of = cast("GraphQLObjectType", executor.schema.type_map["Clinic"])
    names = [
        field[0].node.name.value
        for field in executor.collect_subfields(of, clinic).grouped_field_set.values()
    ]
    fields = [executor.schema.get_field(of, name) for name in names if name != "__typename"]
    return all(
        field is not None
        and is_leaf_type(get_named_type(field.type))
        and field.extensions[DEFINITION].base_resolver is None
        for field in fields
    )


def _variables(executor: Executor[Any], roots: Sequence[FieldNode]) -> frozenset[str]:
    """The variables that are used anywhere but in the arguments of the subscription itself, which
    say what is followed.
    """
    names = set()

    class Used(Visitor):
        def enter_argument(
            self, _node: Node, _key: Any, _parent: Any, _path: Any, ancestors: Sequence[Any]
        ) -> Any:
            return (
                SKIP
                if any(ancestor is root for ancestor in ancestors[-2:] for root in roots)
                else None
            )

        def enter_variable(self, node: VariableNode, *_: Any) -> None:
            names.add(node.name.value)

    for node in (
        executor.operation.selection_set,
        *(executor.operation.directives or ()),
        *executor.fragment_definitions.values(),
    ):
        visit(node, Used())
    return frozenset(names)
