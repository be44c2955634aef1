"""Who is behind a request or socket before the schema is asked: signed in, or refused with a reason."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError

from resolvers.context import Context
from schema.errors import TopLevelError


@dataclass(frozen=True, slots=True)
class Unauthenticated:
    """No token, or one that is not accepted."""

    reason: str
    request_id: str
    code: str = "UNAUTHENTICATED"

    def error(self) -> GraphQLError:
        """As a top-level error."""
        return TopLevelError(self.code, self.reason)


@dataclass(slots=True)
class Socket:
    """One websocket: its token may come with the handshake or with `connection_init`."""

    header: str | None
    request_id: str
    signed_in: Context | Unauthenticated
    connection_params: dict[str, Any] = field(default_factory=dict)

    async def now(self) -> Context | Unauthenticated:
        """Who is behind the socket at this moment, with the rights of this moment: nobody any more once the token has expired."""
        signed_in = self.signed_in
        if isinstance(signed_in, Unauthenticated):
            return signed_in
        if signed_in.viewer.expires_at <= datetime.now(UTC):
            return Unauthenticated("The token has expired.", self.request_id)
        return await Context.of(signed_in.store, signed_in.viewer, self.request_id)

    def authorization(self) -> str | None:
        """The Authorization value that the client gave: in `connection_init`, whatever the case of its name, or in the handshake."""
        for name, value in self.connection_params.items():
            if name.lower() == "authorization" and isinstance(value, str):
                return value
        return self.header
