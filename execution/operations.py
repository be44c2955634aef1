"""Documents of operations: parsed, measured and validated once per text, and cached in memory."""

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
MAX_CACHED_CHARACTERS = 64 * 1024
"""Longer texts are parsed each time."""
_CACHE_BYTES = 64 * 1024 * 1024
_TOKEN_BYTES = 1024
"""Memory of a parsed document per token: 0.4 to 1.2 KB, measured. Plans have their own budget."""
_SEEN_ONCE = 4096
_MAX_PLANS = 16
_LARGE_FIELDS = frozenset({"csv", "content", "file", "standardReplies"})
"""Input fields with files or the content of documents, which may have 1 MiB and more.

Only operations with them may exceed the ordinary limit of a request body (`Request.longer_than`).
`standardReplies` is part of a clinic's local adaptation.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A document, with one or more operations; or the reasons why it is invalid.

    Attributes:
        text: The text as sent.
        document: The parsed text; None if it has a syntax error or exceeds a limit.
        errors: Why it cannot be executed; empty if it is valid.
        measures: The measure of each of its operations, by name.
        choosing: Names of the variables that `@skip` and `@include` use.
        plans: Cached plans, by the operation's name and the values of those variables.
        plan_budget: The memory budget of all plans.
        cacheable: Whether its responses can have entity tags, by the operation's name.
    """

    text: str
    document: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    measures: Mapping[str | None, Measure] = field(default_factory=dict)
    choosing: tuple[str, ...] = ()
    plans: LRUCache[Hashable, Plan] = field(default_factory=lambda: LRUCache(_MAX_PLANS))
    plan_budget: PlanBudget = field(default_factory=PlanBudget)
    cacheable: LRUCache[str | None, bool] = field(default_factory=lambda: LRUCache(_MAX_PLANS))

    def named(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of that name, or the only one."""
        return get_operation_ast(self.document, name) if self.document else None

    def follows(self, name: str | None) -> bool:
        """Whether the operation of that name, or the only one, is a subscription."""
        operation = self.named(name)
        return operation is not None and operation.operation is OperationType.SUBSCRIPTION

    def size(self) -> int:
        """Its approximate size in memory, in bytes."""
        return _TOKEN_BYTES * _tokens(self.document) + 4 * len(self.text)


class Operations:
    """The documents of one process, by their text.

    A valid document is cached when its text arrives for the second time. So documents that differ
    only in their literals, and never arrive again, do not displace others. Of the last 4,096 texts
    that arrived once, only a hash is kept.

    Args:
        schema: The schema.
        bounds: The limits on each document.
        max_bytes: Memory for cached documents, approximately; 64 MiB by default.
        plan_fields: Memory for cached plans; see `PlanBudget`.
    """

    def __init__(
        self,
        schema: GraphQLSchema,
        bounds: Bounds | None = None,
        *,
        max_bytes: int = _CACHE_BYTES,
        plan_fields: int = PLAN_FIELDS,
    ) -> None:
        self.schema = schema
        self._meter = ComplexityMeter(schema, bounds or Bounds())
        self._cached: LRUCache[str, Operation] = LRUCache(max_bytes, getsizeof=Operation.size)
        self._seen_once: LRUCache[int, bool] = LRUCache(_SEEN_ONCE)
        self._plan_budget = PlanBudget(plan_fields)

    def __len__(self) -> int:
        return len(self._cached)

    @property
    def size(self) -> float:
        """The approximate size of the cached documents, in bytes."""
        return self._cached.currsize

    @property
    def bounds(self) -> Bounds:
        """The limits on each document."""
        return self._meter.bounds

    def known(self, text: str) -> Operation | None:
        """The cached document of a text; None if there is none."""
        return self._cached.get(text)

    def read(self, text: str) -> Operation:
        """The document of a text; parsed, measured and validated unless it is cached."""
        if (cached := self._cached.get(text)) is not None:
            return cached
        operation = self._read(text)
        if not operation.errors and len(text) <= MAX_CACHED_CHARACTERS:
            if self._seen_once.pop(hash(text), False):
                self._cached[text] = operation
            else:
                self._seen_once[hash(text)] = True
        return operation

    def takes_large_input(self, operation: Operation) -> bool:
        """Whether all root fields accept a file or a document's content."""
        return operation.document is not None and all(
            isinstance(selection, FieldNode) and selection.name.value in self._large_input_fields
            for definition in operation.document.definitions
            for selection in (
                definition.selection_set.selections
                if isinstance(definition, OperationDefinitionNode)
                else ()
            )
        )

    @cached_property
    def _large_input_fields(self) -> frozenset[str]:
        roots = (self.schema.query_type, self.schema.mutation_type)
        return frozenset(
            name
            for root in roots
            if root is not None
            for name, definition in root.fields.items()
            if any(
                _has_large_field(get_named_type(argument.type), depth=3)
                for argument in definition.args.values()
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
            plan_budget=self._plan_budget,
        )


def _has_large_field(kind: object, *, depth: int) -> bool:
    if not isinstance(kind, GraphQLInputObjectType):
        return False
    return not _LARGE_FIELDS.isdisjoint(kind.fields) or (
        depth > 0
        and any(
            _has_large_field(get_named_type(field.type), depth=depth - 1)
            for field in kind.fields.values()
        )
    )


def _tokens(document: DocumentNode | None) -> int:
    count, token = 0, document.loc.start_token if document and document.loc else None
    while token is not None:
        count, token = count + 1, token.next
    return count
