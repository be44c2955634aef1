"""Errors of the API.

Errors that a caller can act on are data in the payload. All others are top-level errors with a
code. Bugs are masked and logged. The decorator `mutation` converts errors of the store and the
resolvers to the payload's `errors`, so no mutation contains a `try`.
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
from store.outages import is_outage

_log = structlog.get_logger(__name__)
Info = StrawberryInfo[Context, None]
F = TypeVar("F", bound=Callable[..., Any])
MAX_ERRORS = 5
"""Errors per response; further ones would only repeat the first."""

_MAX_MESSAGE = 300

_CODE = "A stable code; the error documentation lists all codes."
_MESSAGE = "A message for people, in Swedish."
_PATH = "Path into the input, with the API's names. List items have their index, from 0."


@strawberry.interface(description="An error that the caller can act on.")
class UserError:
    code: str = strawberry.field(description=_CODE)
    message: str = strawberry.field(description=_MESSAGE)
    path: list[str] = strawberry.field(description=_PATH)


@strawberry.type(description="The input violates a rule.")
class InvalidInput(UserError):
    pass


@strawberry.type(description="The object does not exist, or the viewer may not see it.")
class NotFound(UserError):
    pass


@strawberry.type(description="The viewer may see the object but may not do this.")
class NotPermitted(UserError):
    pass


@strawberry.type(
    description=(
        "The document's state does not allow the operation, such as publishing an archived"
        " document."
    )
)
class WrongState(UserError):
    state: DocumentState = strawberry.field(description="The document's state.")


@strawberry.type(
    description=(
        "A row that cannot be used, in the list of clinics of a distribution or in an imported"
        " file."
    )
)
class RefusedRowError(UserError):
    row: int = strawberry.field(
        description="Line number in the file, or position in the list; from 1."
    )
    value: str = strawberry.field(description="The value of the row.")


Convert = Callable[[RegistryError], list[UserError]]
_CONVERTERS: dict[type[RegistryError], Convert] = {}


def converts(error: type[RegistryError]) -> Callable[[Convert], Convert]:
    """Register the conversion of a store error to GraphQL types."""

    def register(convert: Convert) -> Convert:
        _CONVERTERS[error] = convert
        return convert

    return register


def _plain_converter(kind: Callable[..., UserError]) -> Convert:
    return lambda error: [kind(code=error.code, message=error.message, path=list(error.path))]


converts(errors.NotFound)(_plain_converter(NotFound))
converts(errors.NotPermitted)(_plain_converter(NotPermitted))


@converts(errors.InvalidInput)
def _invalid_input(error: RegistryError) -> list[UserError]:
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
def _multiple_errors(error: RegistryError) -> list[UserError]:
    refusals = cast("errors.MultipleErrors", error).refusals
    return [error for refusal in refusals for error in _CONVERTERS[type(refusal)](refusal)]


@converts(errors.RowsRefused)
def _rows_refused(error: RegistryError) -> list[UserError]:
    rows = cast("errors.RowsRefused", error).rows
    return [
        RefusedRowError(
            code=row.code, message=row.message, path=list(row.path), row=row.row, value=row.value
        )
        for row in rows
    ]


class _PayloadErrors(FieldExtension):
    """Converts a refusal to the payload's `errors`. After a write, stores the person's name."""

    def __init__(self, payload: type) -> None:
        self._payload = payload

    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        try:
            result = await next_(source, info, **kwargs)
        except RegistryError as refusal:
            return self._payload(errors=_CONVERTERS[type(refusal)](refusal))
        if result.event is not None:
            await info.context.remember_person()
        return result


def mutation(payload: type, description: str) -> Callable[[F], Any]:
    """Build a mutation from a resolver; errors that refuse it become the payload's `errors`.

    Args:
        payload: The payload type. All its fields except `errors` may be null.
        description: The description in the schema.
    """
    return lambda resolver: strawberry.mutation(
        resolver,
        graphql_type=payload,
        description=description,
        extensions=[_PayloadErrors(payload)],
    )


class TopLevelError(GraphQLError):
    """An error of the whole operation, with a code."""

    def __init__(self, code: str, message: str, more: Mapping[str, Any] | None = None) -> None:
        super().__init__(message, extensions={"code": code, **(more or {})})


def _cause_of(error: GraphQLError) -> BaseException | None:
    """Return the exception that was raised first."""
    original = error.original_error
    while isinstance(original, GraphQLError) and original.original_error is not None:
        original = original.original_error
    return original


def coded(error: GraphQLError) -> bool:
    """Set the error's code in place, and mask messages that are not for callers.

    Returns:
        Whether the error is a bug of the server, which must be logged.
    """
    original = _cause_of(error)
    if isinstance(original, RegistryError):
        problem = original.problems[0] if isinstance(original, errors.InvalidInput) else original
        error.message = problem.message
        error.extensions = {"code": problem.code, "path": list(problem.path)}
        return False
    if original is None or isinstance(original, GraphQLError):
        # Messages of graphql-core can quote long input, and one of them has suggestions even when
        # suggestions are disabled.
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
            "The database did not confirm whether this was written. Retry with the same idempotency"
            " key; it is then written exactly once."
        )
        error.extensions = {"code": "OUTCOME_UNKNOWN"}
        return False
    if is_outage(original):
        error.message = (
            "The database is unavailable. Try again later; retry a write with the same idempotency"
            " key."
        )
        error.extensions = {"code": "UNAVAILABLE"}
        return False
    error.message = "Internal error. The server log has the cause, under the request id."
    error.extensions = {"code": "INTERNAL_ERROR"}
    return True


_OUTAGE_CODES = {"UNAVAILABLE", "OUTCOME_UNKNOWN"}


def report(errors: Iterable[GraphQLError], request_id: str | None) -> None:
    """Set the codes of the errors in a response; log bugs and outages of MongoDB."""
    for error in islice(errors, MAX_ERRORS):
        cause = error.original_error
        if coded(error):
            _log.error("resolver failed", path=error.path, request_id=request_id, exc_info=cause)
        elif (code := (error.extensions or {}).get("code")) in _OUTAGE_CODES:
            _log.warning(
                "MongoDB is unavailable",
                code=code,
                path=error.path,
                request_id=request_id,
                cause=type(_cause_of(error)).__name__,
            )


def answer_of(result: ExecutionResult, request_id: str | None) -> dict[str, Any]:
    """Return the response to an execution as JSON, with coded errors."""
    if not result.errors:
        return {"data": result.data}
    report(result.errors, request_id)
    return {"data": result.data, "errors": formatted(result.errors)}


def formatted(errors: Iterable[GraphQLError]) -> list[Any]:
    """Return coded errors as JSON, at most `MAX_ERRORS`."""
    return [error.formatted for error in islice(errors, MAX_ERRORS)]


def codes_of(errors: Iterable[GraphQLError]) -> list[str]:
    """Return the codes of the errors that the response contains."""
    return [str((error.extensions or {}).get("code")) for error in islice(errors, MAX_ERRORS)]


def outage_in(result: ExecutionResult) -> BaseException | None:
    """Return the error of an execution that shows an outage of MongoDB; None without one."""
    causes = map(_cause_of, result.errors or ())
    return next((cause for cause in causes if is_outage(cause)), None)


def error_of(cause: Exception, request_id: str | None) -> GraphQLError:
    """Convert an exception to a coded top-level error, and log it if it is a bug."""
    error = GraphQLError(str(cause), original_error=cause)
    report([error], request_id)
    return error
