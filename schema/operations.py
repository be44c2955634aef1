"""Operations as they are sent: parsed and validated once for each text, and kept within a bound of memory."""

from collections.abc import Hashable
from dataclasses import dataclass, field

from cachetools import LRUCache
from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, OperationType, get_operation_ast, parse, validate

from schema.errors import TopLevelError
from schema.plans import Plan, choosing_variables

_MOST_TOKENS = 10_000
LONGEST_KEPT = 64 * 1024
"""Longer texts, in characters, are parsed each time."""
_KEPT_BYTES = 64 * 1024 * 1024
_TOKEN_BYTES = 1024  # a parsed token takes 320 to 430 bytes, measured; what is made of it for execution about as much
_REMEMBERED = 4096
_PLANS = 16


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A document that fits the schema, or why it does not.

    Attributes:
        text: As sent.
        document: Parsed; None where it can't be.
        errors: Why it can't be executed; empty where it can.
        choosing: The variables that say what is skipped and included.
        plans: How it was executed, by the operation's name and the values of those variables.
        steady: Whether answers depend only on what tags are made of, by the operation's name.
    """

    text: str
    document: DocumentNode | None
    errors: tuple[GraphQLError, ...] = ()
    choosing: tuple[str, ...] = ()
    plans: LRUCache[Hashable, Plan] = field(default_factory=lambda: LRUCache(_PLANS))
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
    """The operations of one process, by their text; of those that fit the schema some 64 MiB are kept.

    A text is kept when it comes for the second time. So operations that differ in their literals only, which never come again, take no room
    from those that do; only a hash of each of the last few thousand is remembered.
    """

    def __init__(self, schema: GraphQLSchema, *, most_bytes: int = _KEPT_BYTES) -> None:
        self._schema = schema
        self._kept: LRUCache[str, Operation] = LRUCache(most_bytes, getsizeof=Operation.size)
        self._seen: LRUCache[int, bool] = LRUCache(_REMEMBERED)

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def size(self) -> float:
        """What is kept, about, in bytes."""
        return self._kept.currsize

    def read(self, text: str) -> Operation:
        """Parse and validate, or find what was before."""
        if (kept := self._kept.get(text)) is not None:
            return kept
        operation = self._read(text)
        if not operation.errors and len(text) <= LONGEST_KEPT:
            if self._seen.pop(hash(text), False):
                self._kept[text] = operation
            else:
                self._seen[hash(text)] = True
        return operation

    def _read(self, text: str) -> Operation:
        try:
            document = parse(text, max_tokens=_MOST_TOKENS)
        except GraphQLError as error:
            return Operation(text, None, (error,))
        return Operation(text, document, tuple(validate(self._schema, document)), choosing_variables(document))


def refusal(operation: Operation, name: str | None) -> GraphQLError | None:
    """Why a document can't be executed at once: it does not say which operation is meant, or has none of that name, or it is to be followed."""
    meant = operation.named(name)
    if meant is None and name is None:
        return TopLevelError("BAD_REQUEST", "Say which operation is meant with `operationName`: there are several.")
    if meant is None:
        return TopLevelError("BAD_REQUEST", "There is no operation of this name.")
    if meant.operation is OperationType.SUBSCRIPTION:
        return TopLevelError("BAD_REQUEST", "A subscription is followed over a websocket or as an event stream.")
    return None


def _tokens(document: DocumentNode | None) -> int:
    count, token = 0, document.loc.start_token if document and document.loc else None
    while token is not None:
        count, token = count + 1, token.next
    return count
