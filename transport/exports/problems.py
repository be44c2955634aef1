"""Refusals of exports, as problem documents.

Source: RFC 9457.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus

import orjson
import structlog
from starlette.responses import Response

from execution.results import Refusal
from store import errors
from store.outages import is_outage

RETRY_SECONDS = "30"

_log = structlog.get_logger(__name__)
_STATUSES: Mapping[type[errors.RegistryError], HTTPStatus] = {
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.NotPermitted: HTTPStatus.FORBIDDEN,
}
"""The status of a refusal by the resolvers. All others have status 400."""


class ExportRefused(Exception):
    """The request is answered with a problem document.

    Attributes:
        status: The HTTP status.
        code: A stable code.
        detail: A message for people.
        problems: What is wrong with which parameter.
        headers: Headers that the status requires.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        detail: str,
        problems: Iterable[errors.Problem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.problems = tuple(problems)
        self.headers = headers or {}


def refusal_of(fault: Exception, request_id: str) -> ExportRefused:
    """Convert whatever was raised before the first byte. Internal faults are logged and masked."""
    if isinstance(fault, ExportRefused):
        return fault
    if isinstance(fault, errors.RegistryError):
        return _refused_by_resolvers(fault)
    if isinstance(fault, Refusal):
        return _rate_limited(fault)
    if is_outage(fault):
        return ExportRefused(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "UNAVAILABLE",
            "The database cannot be reached. Try again later.",
            headers={"retry-after": RETRY_SECONDS},
        )
    _log.error("export failed", request_id=request_id, exc_info=fault)
    return ExportRefused(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "INTERNAL_ERROR",
        "Internal error. The cause is in the server's log.",
    )


def problem_document(refused: ExportRefused, request_id: str) -> Response:
    """Make the response."""
    content = {
        "type": "about:blank",
        "title": refused.status.phrase,
        "status": int(refused.status),
        "code": refused.code,
        "detail": refused.detail,
        "errors": [
            {"code": problem.code, "message": problem.message, "path": list(problem.path)}
            for problem in refused.problems
        ],
        "requestId": request_id,
    }
    headers = {"x-request-id": request_id, "cache-control": "no-store", **refused.headers}
    return Response(
        orjson.dumps(content), refused.status, headers, media_type="application/problem+json"
    )


def _refused_by_resolvers(refusal: errors.RegistryError) -> ExportRefused:
    problems = (
        refusal.problems
        if isinstance(refusal, errors.InvalidInput)
        else (errors.Problem(refusal.code, refusal.message, refusal.path),)
    )
    # In GraphQL these paths start with the argument `filter`, which an address does not have.
    problems = tuple(
        replace(problem, path=problem.path[1:]) if problem.path[:1] == ("filter",) else problem
        for problem in problems
    )
    status = _STATUSES.get(type(refusal), HTTPStatus.BAD_REQUEST)
    return ExportRefused(status, problems[0].code, problems[0].message, problems)


def _rate_limited(refusal: Refusal) -> ExportRefused:
    [error] = refusal.result.refused
    return ExportRefused(
        HTTPStatus.TOO_MANY_REQUESTS,
        "RATE_LIMITED",
        error.message,
        headers={"retry-after": str(refusal.result.retry_after)},
    )
