"""Errors: what a caller can act on is data in the payload; the rest is a top-level error with a
code; bugs are masked and logged.

`@mutation` makes one of the other: store and resolver errors become the payload's `errors`. So no
`try` in any mutation.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar, cast

import strawberry
import structlog
from graphql import ExecutionResult, GraphQLError, GraphQLSyntaxError
from strawberry.extensions import FieldExtension
from strawberry.types import Info as StrawberryInfo

from resolvers.context import Context
from schema.documents.enums import DocumentState
from store import errors
from store.errors import OutcomeUnknown, RegistryError
from store.mongo.connection import is_outage

_log = structlog.get_logger(__name__)
Info = StrawberryInfo[Context, None]
F = TypeVar("F", bound=Callable[..., Any])
MAX_ERRORS = 5
"""In one answer: more would only repeat the same."""

_MAX_MESSAGE = 300

_CODE = "Stable; listed in the documentation of errors."
_MESSAGE = "For people, in Swedish."
_PATH = "Where in the input, in the API's names; list items by their index from 0."


@strawberry.interface(description="What a caller can act on.")
class UserError:
    code: str = strawberry.field(description=_CODE)
    message: str = strawberry.field(description=_MESSAGE)
    path: list[str] = strawberry.field(description=_PATH)


@strawberry.type(description="The input breaks a rule.")
class InvalidInput(UserError):
    pass


@strawberry.type(description="There is no such thing, or the viewer may not know of it.")
class NotFound(UserError):
    pass


@strawberry.type(description="The viewer sees it but may not do this.")
class NotPermitted(UserError):
    pass


@strawberry.type(
    description="The act does not fit the document's state: publishing an archived one, say."
)
class WrongState(UserError):
    state: DocumentState = strawberry.field(description="The document's state.")


@strawberry.type(
    description=(
        "A row that can't be used: of the clinics named in a distribution, or of an imported file."
    )
)
class RefusedRowError(UserError):
    row: int = strawberry.field(description="Its 1-based line in the file, or place in the list.")
    value: str = strawberry.field(description="What stands there.")


Convert = Callable[[RegistryError], list[UserError]]
_CONVERTERS: dict[type[RegistryError], Convert] = {}


def converts(error: type[RegistryError]) -> Callable[[Convert], Convert]:
    """Register how an error of the store is told; beside the GraphQL type that tells it."""

    def register(convert: Convert) -> Convert:
        _CONVERTERS[error] = convert
        return convert

    return register


def _one(kind: Callable[..., UserError]) -> Convert:
    return lambda error: [kind(code=error.code, message=error.message, path=list(error.path))]


converts(errors.NotFound)(_one(NotFound))
converts(errors.NotPermitted)(_one(NotPermitted))


@converts(errors.InvalidInput)
def _invalid(error: RegistryError) -> list[UserError]:
    problems = cast("errors.InvalidInput", error).problems
    return [
        InvalidInput(code=problem.code, message=problem.message, path=list(problem.path))
        for problem in problems
    ]


@converts(errors.WrongState)
def _wrong_state(error: RegistryError) -> list[UserError]:
    state = cast("errors.WrongState", error).state
    return [WrongState(code=error.code, message=error.message, path=list(error.path), state=state)]


@converts(errors.MultipleErrors)
def _several(error: RegistryError) -> list[UserError]:
    refusals = cast("errors.MultipleErrors", error).refusals
    return [told for refusal in refusals for told in _CONVERTERS[type(refusal)](refusal)]


@converts(errors.RowsRefused)
def _rows_refused(error: RegistryError) -> list[UserError]:
    rows = cast("errors.RowsRefused", error).rows
    return [
        RefusedRowError(
            code=row.code, message=row.message, path=list(row.path), row=row.row, value=row.value
        )
        for row in rows
    ]


class _Refusals(FieldExtension):
    """ConcurrencyLimiter a refusal into the payload's `errors`, and notes the name of who wrote."""

    def __init__(self, payload: type) -> None:
        self._payload = payload

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        try:
            answer = await next_(source, info, **kwargs)
        except RegistryError as refusal:
            return self._payload(errors=_CONVERTERS[type(refusal)](refusal))
        if answer.event is not None:
            await info.context.remember_person()
        return answer


def mutation(payload: type, description: str) -> Callable[[F], Any]:
    """A mutation's field: one `input`, and a payload that tells what refused it.

    Args:
        payload: The payload type; all its fields but `errors` may be null.
        description: In the schema.
    """
    return lambda resolver: strawberry.mutation(
        resolver, graphql_type=payload, description=description, extensions=[_Refusals(payload)]
    )


class TopLevelError(GraphQLError):
    """An error of the whole operation, with its code."""

    def __init__(self, code: str, message: str, more: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, extensions={"code": code, **(more or {})})


def _cause_of(error: GraphQLError) -> BaseException | None:
    """What was raised first."""
    original = error.original_error
    while isinstance(original, GraphQLError) and original.original_error is not None:
        original = original.original_error
    return original


def coded(error: GraphQLError) -> bool:
    """Give an error its code in place, and mask what is not for callers.

    Returns:
        Whether it is a fault of ours, to be logged.
    """
    original = _cause_of(error)
    if isinstance(original, RegistryError):
        problem = original.problems[0] if isinstance(original, errors.InvalidInput) else original
        error.message = problem.message
        error.extensions = {"code": problem.code, "path": list(problem.path)}
        return False
    if original is None or isinstance(original, GraphQLError):
        # graphql-core's messages repeat what was sent, and one of them suggests also where
        # suggestions are off.
        error.message = error.message.partition(" Did you mean")[0][:_MAX_MESSAGE]
        if "code" not in (error.extensions or {}):
            at_parse = isinstance(error, GraphQLSyntaxError)
            error.extensions = {
                "code": (
                    "GRAPHQL_PARSE_FAILED"
                    if at_parse
                    else "BAD_REQUEST"
                    if error.path
                    else "GRAPHQL_VALIDATION_FAILED"
                )
            }
        return False
    if isinstance(original, OutcomeUnknown):
        error.message = (
            "The database did not say whether this was written. Repeat it with the same idempotency"
            " key: it is done once."
        )
        error.extensions = {"code": "OUTCOME_UNKNOWN"}
        return False
    if is_outage(original):
        error.message = (
            "The database can't be asked just now. Try again later; a write with the same"
            " idempotency key."
        )
        error.extensions = {"code": "UNAVAILABLE"}
        return False
    error.message = "Internal error. The cause is in the server's log, under the request's id."
    error.extensions = {"code": "INTERNAL_ERROR"}
    return True


_AWAY = {"UNAVAILABLE", "OUTCOME_UNKNOWN"}


def report(errors: Iterable[GraphQLError], request_id: str | None) -> None:
    """Give the errors that are told their codes, and log our own faults."""
    for error in islice(errors, MAX_ERRORS):
        cause = error.original_error
        if coded(error):
            _log.error("resolver failed", path=error.path, request_id=request_id, exc_info=cause)
        elif (code := (error.extensions or {}).get("code")) in _AWAY:
            _log.warning(
                "MongoDB is away",
                code=code,
                path=error.path,
                request_id=request_id,
                cause=type(_cause_of(error)).__name__,
            )


def answer_of(result: ExecutionResult, request_id: str | None) -> dict[str, Any]:
    """What an execution came to, as JSON."""
    if not result.errors:
        return {"data": result.data}
    report(result.errors, request_id)
    return {"data": result.data, "errors": formatted(result.errors)}


def formatted(errors: Iterable[GraphQLError]) -> list[Any]:
    """Coded errors, as JSON; no more than a few, whatever went wrong how often."""
    return [error.formatted for error in islice(errors, MAX_ERRORS)]


def codes_of(errors: Iterable[GraphQLError]) -> list[str]:
    """The codes of those that are told."""
    return [str((error.extensions or {}).get("code")) for error in islice(errors, MAX_ERRORS)]


def outage_in(result: ExecutionResult) -> BaseException | None:
    """What says that MongoDB could not be asked while something was executed, if it does."""
    causes = map(_cause_of, result.errors or ())
    return next((cause for cause in causes if is_outage(cause)), None)


def error_of(cause: Exception, request_id: str | None) -> GraphQLError:
    """An exception as a coded top-level error."""
    error = GraphQLError(str(cause), original_error=cause)
    report([error], request_id)
    return error
