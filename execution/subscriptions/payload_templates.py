"""Payload templates: one execution of an event for all clinics, with placeholders for each clinic.

The event is executed with a placeholder key that stands for any clinic. Wherever the placeholder
appears in the resulting text, the real clinic's key is inserted later. Where the operation selects
fields of the clinic, the values of that clinic are inserted. graphql-core does the rest.
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

from execution.compiled.completion import DEFINITION
from execution.compiled.executor import CompiledExecutor
from execution.compiled.plans import Details

ANY_CLINIC = f"ANY-{secrets.token_hex(16)}"
"""Placeholder for a clinic's key. It is random, so that no other text contains it."""
_PLACEHOLDER = re.compile(rf'"{ANY_CLINIC}:(\w+)"|{ANY_CLINIC}'.encode())
_ACKNOWLEDGEMENT_FIELDS = frozenset({"acknowledgedAt", "acknowledgedBy"})

ClinicValues = Mapping[str | None, bytes]
"""JSON that replaces the placeholders for one clinic.

At None its key, without quotes; the other values by the response name of a `clinic` field.
"""


@dataclass(frozen=True, slots=True)
class RootField:
    """The one root field of a subscription.

    Attributes:
        parent: The subscription type.
        definition: The field in the schema.
        details: Where the operation selects it.
        path: Its path in the response.
    """

    parent: GraphQLObjectType
    definition: GraphQLField
    details: Details
    path: Path

    @property
    def nodes(self) -> list[FieldNode]:
        """The field's nodes in the document."""
        return [detail.node for detail in self.details]


@dataclass(frozen=True, slots=True)
class ClinicField:
    """One selection of a notification's `clinic` field."""

    parent: GraphQLObjectType
    details: Details
    path: Path

    def resolve(self, executor: Executor[Any], notification: Any) -> AwaitableOrValue[Any]:
        """The value of the field for the clinic of a notification."""
        return Executor.execute_field(
            executor, self.parent, notification, self.details, self.path, None
        )


@dataclass(frozen=True, slots=True)
class PayloadTemplate:
    """A payload with placeholders.

    Attributes:
        template: The text in UTF-8, with `%b` at each placeholder.
        select: Selects the values for the placeholders, in order; None without placeholders.
    """

    template: bytes
    select: Callable[[ClinicValues], Any] | None

    @classmethod
    def of(cls, text: bytes) -> "PayloadTemplate":
        """The template for a text in which `ANY_CLINIC` marks the placeholders."""
        pieces: list[bytes] = []
        names: list[str | None] = []
        end = 0
        for match in _PLACEHOLDER.finditer(text):
            pieces.append(text[end : match.start()])
            names.append(None if match[1] is None else match[1].decode())
            end = match.end()
        if not names:
            return cls(text, None)
        return cls(
            b"%b".join(piece.replace(b"%", b"%%") for piece in (*pieces, text[end:])),
            itemgetter(*names),
        )

    def render(self, values: ClinicValues) -> bytes:
        """The payload for one clinic."""
        return self.template if self.select is None else self.template % self.select(values)


class TemplateExecutor(CompiledExecutor):
    """Executes subscriptions; puts a placeholder at `clinic` fields if `leaves_placeholders`."""

    leaves_placeholders = False

    def root_field(self) -> RootField:
        """The subscription's root field. Validation ensures that there is exactly one.

        Raises:
            GraphQLError: The operation's directives cannot be evaluated with these variables.
        """
        parent = cast("GraphQLObjectType", self.schema.subscription_type)
        [(response_name, details)] = self.plan.root.grouped_field_set.items()
        definition = self.schema.get_field(parent, details[0].node.name.value)
        return RootField(
            parent,
            cast("GraphQLField", definition),
            details,
            Path(None, response_name, parent.name),
        )

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: Details,
        path: Path,
        position_context: Any,
    ) -> AwaitableOrValue[Any]:
        """Execute a field as graphql-core does, except a notification's `clinic` field."""
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
    """What an operation's payload depends on, in addition to the event and the viewer's rights.

    Attributes:
        variables: Names of the variables that it depends on.
        clinic_fields: Selections of a notification's `clinic` field, by response name.
        per_clinic: Whether a payload must be executed for each clinic, because the operation
            selects more of the clinic than plain attributes.
        acknowledgement: Whether it includes the clinic's acknowledgement, which can be written
            after the event.
    """

    variables: frozenset[str]
    clinic_fields: Mapping[str, ClinicField]
    per_clinic: bool
    acknowledgement: bool


def dependencies_of(executor: TemplateExecutor) -> Dependencies:
    """The dependencies of a subscription's payloads."""
    root = executor.root_field()
    payload_type = cast("GraphQLObjectType", get_named_type(root.definition.type))
    selected = executor.collect_subfields(payload_type, root.details).grouped_field_set
    clinic_fields = {
        name: details
        for name, details in selected.items()
        if details[0].node.name.value == "clinic"
    }
    return Dependencies(
        variables=_variables(executor, root.nodes),
        clinic_fields={
            name: ClinicField(payload_type, details, root.path.add_key(name, payload_type.name))
            for name, details in clinic_fields.items()
        },
        per_clinic=not all(_is_plain(executor, details) for details in clinic_fields.values()),
        acknowledgement=any(
            details[0].node.name.value in _ACKNOWLEDGEMENT_FIELDS for details in selected.values()
        ),
    )


def _is_plain(executor: Executor[Any], details: Details) -> bool:
    """Whether only attributes of the clinic's record are selected, without resolvers."""
    clinic_type = cast("GraphQLObjectType", executor.schema.type_map["Clinic"])
    names = [
        field[0].node.name.value
        for field in executor.collect_subfields(clinic_type, details).grouped_field_set.values()
    ]
    fields = [
        executor.schema.get_field(clinic_type, name) for name in names if name != "__typename"
    ]
    return all(
        field is not None
        and is_leaf_type(get_named_type(field.type))
        and field.extensions[DEFINITION].base_resolver is None
        for field in fields
    )


def _variables(executor: Executor[Any], roots: Sequence[FieldNode]) -> frozenset[str]:
    """The variables that are used outside the arguments of the root field.

    Those arguments select which events are delivered, not how a payload looks.
    """
    names = set()

    class VariableCollector(Visitor):
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
        visit(node, VariableCollector())
    return frozenset(names)
