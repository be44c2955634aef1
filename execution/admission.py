"""Admission: whether an operation is executed, from its text, cost, rates and permissions."""

from dataclasses import dataclass
from math import ceil
from typing import Any

from graphql import OperationType

from execution.complexity import Measure
from execution.operations import Operation, Operations
from execution.rate_limits import RateLimiter
from execution.request import Request, body_too_large
from execution.results import OperationResult, Refusal
from execution.trusted_documents import TrustedDocuments
from resolvers.access.permissions import Permission
from resolvers.context import Context
from schema.errors import TopLevelError, report

_REQUEST_COST = 10
"""Cost of each request, in addition to its fields, in values."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """An operation that is to be executed.

    Attributes:
        operation: The document.
        measure: The measure of the operation that is executed.
        cost: Its cost, in values.
        extensions: For the response; they state the cost.
    """

    operation: Operation
    measure: Measure
    cost: int
    extensions: dict[str, Any]

    @property
    def follows(self) -> bool:
        """Whether it is a subscription."""
        return self.measure.kind == OperationType.SUBSCRIPTION.value


class Admission:
    """Admits operations in one process."""

    def __init__(
        self, operations: Operations, trusted: TrustedDocuments, rates: RateLimiter
    ) -> None:
        self._operations = operations
        self._trusted = trusted
        self._rates = rates

    def admit(self, context: Context, request: Request) -> Admitted:
        """Find, check and charge an operation.

        Raises:
            Refusal: The operation is invalid, too large or too expensive; or the viewer has reached
                a rate limit or lacks a permission.
        """
        operation = self._find(context, request)
        if operation.errors:
            report(operation.errors, context.request_id)
            raise Refusal(OperationResult(refused=operation.errors))
        if request.longer_than is not None and not self._operations.takes_large_input(operation):
            raise Refusal.of(body_too_large(request.longer_than))
        measure = _measure_of(operation, request.operation_name)
        cost = _REQUEST_COST + measure.cost.with_variables(
            {**measure.defaults, **request.variables} if measure.defaults else request.variables
        )
        limit = self._operations.bounds.cost
        extensions = {"cost": {"requested": cost, "limit": limit}}
        if cost > limit:
            message = (
                f"This operation can return {cost} values; the limit is {limit}. Request smaller"
                " pages or fewer fields."
            )
            error = TopLevelError("QUERY_TOO_COMPLEX", message, {"limit": "cost", "most": limit})
            raise Refusal.of(error, extensions=extensions)
        if measure.introspects and not any(
            Permission.INTROSPECT in held.permissions for held in context.rights.held
        ):
            error = TopLevelError(
                "INTROSPECTION_NOT_PERMITTED",
                "This role does not permit introspection: read schema.graphql.",
            )
            raise Refusal.of(error, extensions=extensions)
        self.charge(context, cost, extensions)
        return Admitted(operation, measure, cost, extensions)

    def charge(self, context: Context, cost: int, extensions: dict[str, Any] | None = None) -> None:
        """Charge a cost to the rate limits of the viewer and of the viewer's principal.

        Raises:
            Refusal: A limit is reached; nothing was charged.
        """
        held = context.rights.held
        wait = self._rates.charge(context.viewer.subject, held[0].principal if held else None, cost)
        if wait > 0:
            seconds = ceil(wait)
            error = TopLevelError(
                "RATE_LIMITED",
                "The rate limit of this user, or of all users of the principal, is reached. Retry"
                f" after {seconds} s.",
                {"retryAfter": seconds},
            )
            raise Refusal.of(error, extensions=extensions or {}, retry_after=seconds)

    def _find(self, context: Context, request: Request) -> Operation:
        if (operation := self._trusted.known(request.query, request.digest)) is None:
            # To read a character takes as long as to return a value.
            self.charge(context, len(request.query or ""))
            operation = self._trusted.find(request.query, request.digest)
        return operation


def _measure_of(operation: Operation, name: str | None) -> Measure:
    """The measure of the operation that `operationName` selects."""
    if name is None and len(operation.measures) == 1:
        return next(iter(operation.measures.values()))
    measure = operation.measures.get(name) if name is not None else None
    if measure is None:
        if name is not None:
            message = "The document has no operation with the name in `operationName`."
        elif operation.measures:
            message = "The document has several operations: select one with `operationName`."
        else:
            message = "The document has no operation."
        raise Refusal.of(TopLevelError("BAD_REQUEST", message))
    return measure
