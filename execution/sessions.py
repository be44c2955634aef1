"""Sessions: signing in the caller of a request or connection, and limiting open connections."""

import uuid
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from graphql import GraphQLError

from resolvers.access.issuers import IssuerUnavailable
from resolvers.access.sign_in import SignIn
from resolvers.access.sign_in import Unauthenticated as TokenRefused
from resolvers.access.viewer import Viewer
from resolvers.context import Context
from schema.errors import TopLevelError
from store.registry import Store

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Unauthenticated:
    """The caller is not signed in.

    Attributes:
        reason: Why, for the caller.
        request_id: Of the request or connection.
        code: `UNAUTHENTICATED`; or `UNAVAILABLE`, if the token could not be verified.
    """

    reason: str
    request_id: str
    code: str = "UNAUTHENTICATED"

    def error(self) -> GraphQLError:
        """The top-level error."""
        return TopLevelError(self.code, self.reason)


class Sessions:
    """Signs callers in by their bearer token."""

    def __init__(self, store: Store, sign_in: SignIn) -> None:
        self._store = store
        self._sign_in = sign_in

    async def viewer(self, authorization: str | None, request_id: str) -> Viewer | Unauthenticated:
        """The viewer of an `Authorization` header, or the reason why there is none."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return Unauthenticated("Sign in: send a bearer token.", request_id)
        try:
            return await self._sign_in.viewer(token.strip())
        except TokenRefused as refused:
            _log.warning("sign-in refused", reason=str(refused), request_id=request_id)
            return Unauthenticated(str(refused), request_id)
        except IssuerUnavailable:
            _log.error("issuer unavailable", request_id=request_id)
            return Unauthenticated(
                "The issuer of the tokens cannot be reached. Try again later.",
                request_id,
                code="UNAVAILABLE",
            )

    async def context(
        self, viewer: Viewer | Unauthenticated, request_id: str
    ) -> Context | Unauthenticated:
        """A context with the viewer's current rights; Unauthenticated if the token has expired."""
        if isinstance(viewer, Unauthenticated):
            return viewer
        if viewer.expires_at <= datetime.now(UTC):
            return Unauthenticated("The token has expired.", request_id)
        return await Context.of(self._store, viewer, request_id)


def new_request_id() -> str:
    """A new request id, for the `x-request-id` header, the events written and the server's log."""
    return uuid.uuid4().hex


class ConnectionLimiter:
    """Limits the long-lived connections that each user has open in this process."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: Counter[str] = Counter()

    def acquire(self, subject: str) -> bool:
        """Count one more connection of a user; False if the limit is reached."""
        if self._open[subject] >= self._limit:
            return False
        self._open[subject] += 1
        return True

    def release(self, subject: str) -> None:
        """Count one connection less."""
        self._open[subject] -= 1
        if not self._open[subject]:
            del self._open[subject]
