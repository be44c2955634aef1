"""Results of operations, and refusals: results of operations that are not executed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLError

from schema.errors import formatted


@dataclass(slots=True)
class OperationResult:
    """The result of an operation.

    Attributes:
        data: From its execution.
        errors: From its execution, with codes.
        refused: Why it was not executed, with codes; then there is no data.
        extensions: The response's `extensions`.
        retry_after: After a rate limit: seconds until the client can retry; otherwise 0.
        unanswerable: Whether the transport cannot answer operations of this kind.
        tag: The entity tag of the response, if one was requested and there can be one.
        unchanged: Whether the client already has the response with that tag; it was not executed.
    """

    data: Any = None
    errors: Sequence[GraphQLError] = ()
    refused: Sequence[GraphQLError] = ()
    extensions: dict[str, Any] = field(default_factory=dict)
    retry_after: int = 0
    unanswerable: bool = False
    tag: str | None = None
    unchanged: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The response, for JSON."""
        response: dict[str, Any] = (
            {"errors": formatted(self.refused)} if self.refused else {"data": self.data}
        )
        if self.errors:
            response["errors"] = formatted(self.errors)
        if self.extensions:
            response["extensions"] = self.extensions
        return response


class Refusal(Exception):
    """An operation is not executed; `result` says why."""

    def __init__(self, result: OperationResult) -> None:
        super().__init__()
        self.result = result

    @classmethod
    def of(cls, error: GraphQLError, **attributes: Any) -> "Refusal":
        """A refusal with one error, and further attributes of the result."""
        return cls(OperationResult(refused=[error], **attributes))
