"""Operations as they are sent: parsed and validated once for each text, and kept within a bound of memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, cast

from cachetools import LRUCache
from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, OperationType, get_operation_ast, parse, validate
from strawberry.extensions import SchemaExtension

_MOST_TOKENS = 10_000
_KEPT_CHARACTERS = 4 * 1024 * 1024
_LONGEST_KEPT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Operation:
    """A document that fits the schema, or why it does not."""

    text: str
    document: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()

    def named(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation of that name, or the only one."""
        return get_operation_ast(self.document, name) if self.document else None

    def follows(self, name: str | None) -> bool:
        """Whether the operation of that name, or the only one, is a subscription."""
        operation = self.named(name)
        return operation is not None and operation.operation is OperationType.SUBSCRIPTION


class Operations:
    """The operations of one process, by their text; of those that fit the schema at most 4 Mi characters are kept."""

    def __init__(self, schema: GraphQLSchema) -> None:
        self._schema = schema
        self._kept: LRUCache[str, Operation] = LRUCache(_KEPT_CHARACTERS, getsizeof=lambda operation: len(operation.text))

    def read(self, text: str) -> Operation:
        """Parse and validate, or find what was before."""
        if (kept := self._kept.get(text)) is not None:
            return kept
        operation = self._read(text)
        if not operation.errors and len(text) <= _LONGEST_KEPT:
            self._kept[text] = operation
        return operation

    def _read(self, text: str) -> Operation:
        try:
            document = parse(text, max_tokens=_MOST_TOKENS)
        except GraphQLError as error:
            return Operation(text, None, (error,))
        return Operation(text, document, tuple(validate(self._schema, document)))


class _KnowsOperations(Protocol):
    operations: Operations


class ReadOnce(SchemaExtension):
    """Gives Strawberry the operations as they are known."""

    def on_parse(self) -> Iterator[None]:
        """Instead of parsing."""
        context = self.execution_context
        self._operation = cast("_KnowsOperations", context.schema).operations.read(context.query or "")
        if self._operation.document is None:
            raise self._operation.errors[0]
        context.graphql_document = self._operation.document
        yield

    def on_validate(self) -> Iterator[None]:
        """Instead of validating."""
        self.execution_context.pre_execution_errors = list(self._operation.errors)
        yield
