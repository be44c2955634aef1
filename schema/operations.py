"""Operations as they are sent: parsed, measured and validated once for each text, and kept within a bound of memory."""

from collections.abc import Mapping
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

from schema.budgets import Bounds, Budget, Measure, TooComplex
from schema.errors import MOST_ERRORS
from schema.literals import refuse_long_numbers

_MOST_TOKENS = 10_000
_MOST_CHARACTERS = 256 * 1024
_KEPT_CHARACTERS = 4 * 1024 * 1024
_LONGEST_KEPT = 64 * 1024
_LARGE = frozenset({"csv", "content", "file", "standardReplies"})
"""The fields of inputs that hold files and the content of documents (of a clinic's adaptation in fields of its own), which alone may have 1 MiB."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A document that fits the schema and its bounds, or why it does not."""

    text: str
    document: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    measures: Mapping[str | None, Measure] = field(default_factory=dict)

    def named(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of that name, or the only one."""
        return get_operation_ast(self.document, name) if self.document else None

    def follows(self, name: str | None) -> bool:
        """Whether the operation of that name, or the only one, is a subscription."""
        operation = self.named(name)
        return operation is not None and operation.operation is OperationType.SUBSCRIPTION


class Operations:
    """The operations of one process, by their text; of those that fit the schema at most 4 Mi characters are kept."""

    def __init__(self, schema: GraphQLSchema, bounds: Bounds | None = None) -> None:
        self.schema = schema
        self._budget = Budget(schema, bounds or Bounds())
        self._kept: LRUCache[str, Operation] = LRUCache(_KEPT_CHARACTERS, getsizeof=lambda operation: len(operation.text))

    @property
    def bounds(self) -> Bounds:
        """Within which documents must stay."""
        return self._budget.bounds

    def known(self, text: str) -> Operation | None:
        """What was read before and kept: reading it again costs nothing."""
        return self._kept.get(text)

    def read(self, text: str) -> Operation:
        """Parse, measure and validate, or find what was before."""
        if (kept := self._kept.get(text)) is not None:
            return kept
        operation = self._read(text)
        if not operation.errors and len(text) <= _LONGEST_KEPT:
            self._kept[text] = operation
        return operation

    def takes_much(self, text: str) -> bool:
        """Whether nothing is asked for but root fields that may be given a file, or a document's content."""
        operation = self.read(text)
        return operation.document is not None and all(
            isinstance(selection, FieldNode) and selection.name.value in self._taking_much
            for definition in operation.document.definitions
            for selection in (definition.selection_set.selections if isinstance(definition, OperationDefinitionNode) else ())
        )

    @cached_property
    def _taking_much(self) -> frozenset[str]:
        roots = (self.schema.query_type, self.schema.mutation_type)
        return frozenset(
            name
            for root in roots
            if root is not None
            for name, found in root.fields.items()
            if any(_is_large(get_named_type(argument.type), depth=3) for argument in found.args.values())
        )

    def _read(self, text: str) -> Operation:
        try:
            if len(text) > _MOST_CHARACTERS:
                raise TooComplex("characters", _MOST_CHARACTERS, len(text))
            document = parse(text, max_tokens=_MOST_TOKENS)
            measures = self._budget.measured(document)
            refuse_long_numbers(document, text)
        except GraphQLError as error:
            return Operation(text, None, (error,))
        errors = validate(self.schema, document, max_errors=MOST_ERRORS, hide_suggestions=True)
        return Operation(text, document, tuple(islice(errors, MOST_ERRORS)), measures)


def _is_large(kind: object, *, depth: int) -> bool:
    if not isinstance(kind, GraphQLInputObjectType):
        return False
    return not _LARGE.isdisjoint(kind.fields) or (
        depth > 0 and any(_is_large(get_named_type(one.type), depth=depth - 1) for one in kind.fields.values())
    )
