"""Who is behind a request or connection: signed in, or refused with a reason; and how many
connections each user has open.
"""

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
    """No token, or one that is not accepted."""

    reason: str
    request_id: str
    code: str = "UNAUTHENTICATED"

    def error(self) -> GraphQLError:
        """As a top-level error."""
        return TopLevelError(self.code, self.reason)


class Sessions:
    """Signs callers in, by the value of an Authorization header."""

    def __init__(self, store: Store, sign_in: SignIn) -> None:
        self._store = store
        self._sign_in = sign_in

    async def viewer(self, authorization: str | None, request_id: str) -> Viewer | Unauthenticated:
        """Who holds the bearer token."""
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
                "The issuer of the tokens can't be reached. Try again later.",
                request_id,
                code="UNAVAILABLE",
            )

    async def context(
        self, viewer: Viewer | Unauthenticated, request_id: str
    ) -> Context | Unauthenticated:
        """The context of a viewer at this moment, with the rights of this moment: nobody's any more
        once the token has expired.
        """
        if isinstance(viewer, Unauthenticated):
            return viewer
        if viewer.expires_at <= datetime.now(UTC):
            return Unauthenticated("The token has expired.", request_id)
        return await Context.of(self._store, viewer, request_id)


def new_request_id() -> str:
    """A request's id, as in the answer's `x-request-id`, its events and the server's log."""
    return uuid.uuid4().hex


class ConnectionLimiter:
    """How many long-lived connections each user may have open in this process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    def take(self, subject: str) -> bool:
        """Whether there is room for one more; then it is taken."""
        if self._taken[subject] >= self._most:
            return False
        self._taken[subject] += 1
        return True

    def leave(self, subject: str) -> None:
        """Give one back."""
        self._taken[subject] -= 1
        if not self._taken[subject]:
            del self._taken[subject]
