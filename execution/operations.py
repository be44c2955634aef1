"""Operations as they are sent: parsed, measured and validated once for each text, and kept within a
bound of memory.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

from cachetools import LRUCache
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    get_named_type,
    get_operation_ast,
    parse,
    validate,
)

from execution.compiled.plans import PLAN_FIELDS, Plan, PlanBudget, choosing_variables
from execution.complexity import ComplexityMeter, Measure
from execution.complexity_limits import Bounds, TooComplex
from execution.number_literals import refuse_long_numbers
from schema.errors import MAX_ERRORS

_MAX_TOKENS = 10_000
_MAX_CHARACTERS = 256 * 1024
MAX_KEPT = 64 * 1024
"""Longer texts, in characters, are parsed each time."""
_KEPT_BYTES = 64 * 1024 * 1024
_TOKEN_BYTES = 1024  # with all that is known of it a parsed document takes 0.4 to 1.2 KB a token, measured; plans have room of their own
_REMEMBERED = 4096
_PLANS = 16
_LARGE = frozenset({"csv", "content", "file", "standardReplies"})
"""The fields of inputs that hold files and the content of documents (of a clinic's adaptation in
fields of its own), which alone may have 1 MiB.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A document that fits the schema and its bounds, or why it does not.

    Attributes:
        text: As sent.
        document: Parsed; None where it can't be.
        errors: Why it can't be executed; empty where it can.
        measures: What each of its operations asks for, by name.
        choosing: The variables that say what is skipped and included.
        plans: How it was executed, by the operation's name and the values of those variables.
        room: That all plans share.
        steady: Whether answers depend only on what tags are made of, by the operation's name.
    """

    text: str
    document: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    measures: Mapping[str | None, Measure] = field(default_factory=dict)
    choosing: tuple[str, ...] = ()
    plans: LRUCache[Hashable, Plan] = field(default_factory=lambda: LRUCache(_PLANS))
    room: PlanBudget = field(default_factory=PlanBudget)
    steady: LRUCache[str | None, bool] = field(default_factory=lambda: LRUCache(_PLANS))

    def named(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of that name, or the only one."""
        return get_operation_ast(self.document, name) if self.document else None

    def follows(self, name: str | None) -> bool:
        """Whether the operation of that name, or the only one, is a subscription."""
        operation = self.named(name)
        return operation is not None and operation.operation is OperationType.SUBSCRIPTION

    def size(self) -> int:
        """What it takes in memory, about, in bytes."""
        return _TOKEN_BYTES * _tokens(self.document) + 4 * len(self.text)


class Operations:
    """The operations of one process, by their text; of those that fit the schema some 64 MiB are
    kept.

    A text is kept when it comes for the second time. So operations that differ in their literals
    only, which never come again, take no room
    from those that do; only a hash of each of the last few thousand is remembered.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        bounds: Bounds | None = None,
        *,
        most_bytes: int = _KEPT_BYTES,
        plan_fields: int = PLAN_FIELDS,
    ) -> None:
        self.schema = schema
        self._meter = ComplexityMeter(schema, bounds or Bounds())
        self._kept: LRUCache[str, Operation] = LRUCache(most_bytes, getsizeof=Operation.size)
        self._seen: LRUCache[int, bool] = LRUCache(_REMEMBERED)
        self._room = PlanBudget(plan_fields)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> float:
        """What is kept, about, in bytes."""
        return self._kept.currsize

    @property
    def bounds(self) -> Bounds:
        """Within which documents must stay."""
        return self._meter.bounds

    def known(self, text: str) -> Operation | None:
        """What was read before and kept: reading it again costs nothing."""
        return self._kept.get(text)

    def read(self, text: str) -> Operation:
        """Parse, measure and validate, or find what was before."""
        if (kept := self._kept.get(text)) is not None:
            return kept
        operation = self._read(text)
        if not operation.errors and len(text) <= MAX_KEPT:
            if self._seen.pop(hash(text), False):
                self._kept[text] = operation
            else:
                self._seen[hash(text)] = True
        return operation

    def takes_much(self, operation: Operation) -> bool:
        """Whether nothing is asked for but root fields that may be given a file, or a document's
        content.
        """
        return operation.document is not None and all(
            isinstance(selection, FieldNode) and selection.name.value in self._taking_much
            for definition in operation.document.definitions
            for selection in (
                definition.selection_set.selections
                if isinstance(definition, OperationDefinitionNode)
                else ()
            )
        )

    @cached_property
    def _taking_much(self) -> frozenset[str]:
        roots = (self.schema.query_type, self.schema.mutation_type)
        return frozenset(
            name
            for root in roots
            if root is not None
            for name, found in root.fields.items()
            if any(
                _is_large(get_named_type(argument.type), depth=3)
                for argument in found.args.values()
            )
        )

    def _read(self, text: str) -> Operation:
        try:
            if len(text) > _MAX_CHARACTERS:
                raise TooComplex("characters", _MAX_CHARACTERS, len(text))
            document = parse(text, max_tokens=_MAX_TOKENS)
            measures = self._meter.measure(document)
            refuse_long_numbers(document, text)
        except GraphQLError as error:
            return Operation(text, None, (error,))
        errors = validate(self.schema, document, max_errors=MAX_ERRORS, hide_suggestions=True)
        return Operation(
            text,
            document,
            tuple(islice(errors, MAX_ERRORS)),
            measures,
            choosing_variables(document),
            room=self._room,
        )


def _is_large(kind: object, *, depth: int) -> bool:
    if not isinstance(kind, GraphQLInputObjectType):
        return False
    return not _LARGE.isdisjoint(kind.fields) or (
        depth > 0
        and any(
            _is_large(get_named_type(one.type), depth=depth - 1) for one in kind.fields.values()
        )
    )


def _tokens(document: DocumentNode | None) -> int:
    count, token = 0, document.loc.start_token if document and document.loc else None
    while token is not None:
        count, token = count + 1, token.next
    return count
