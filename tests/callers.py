"""Callers of the running application, each with a real token.

They use HTTP, and graphql-transport-ws with a real websocket client.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import websockets

from execution.subscriptions.start import Live
from resolvers.access import development_issuer
from store.mongo.indexes import INDEXES
from store.records import Role
from store.registry import Store

Json = dict[str, Any]
UNSTEADY = frozenset({"logs", "active_subscriptions", "server_processes"})
"""Collections that a refused write may change: counters, subscriptions, server processes."""
INERA = "SE5565594230"
STOCKHOLM = "SE2321000016"
UPPSALA = "SE2321000024"
BJORKEN = "SE2321000016-1A01"
LINDEN = "SE2321000016-1A02"
UPPSALA_CLINIC = "SE2321000024-1B01"


class Api:
    """The running application.

    Attributes:
        url: The address of the GraphQL endpoint.
        root: The address of the server.
        store: A store on the same database, for reading what the application wrote.
        live: The application's state that serves connections.
    """

    def __init__(self, url: str, data: Path, store: Store, live: Live) -> None:
        self.url = f"{url}/graphql"
        self.root = url
        self.store = store
        self.live = live
        self._data = data
        self._client = httpx2.AsyncClient(timeout=30)

    def token(
        self,
        role: Role,
        unit: str,
        employee: str | None = None,
        name: str = "Anna Andersson",
        valid_for: float = 3600,
    ) -> str:
        """A signed token of the development issuer."""
        employee = (
            employee
            or f"{unit.partition('-')[0]}-{''.join(word[0] for word in role.value.split('_'))}"
        )
        return development_issuer.token(
            self._data,
            role=role,
            unit=unit,
            employee=employee,
            name=name,
            valid_for=timedelta(seconds=valid_for),
        )

    def caller(
        self, role: Role, unit: str, employee: str | None = None, name: str = "Anna Andersson"
    ) -> "Caller":
        """A signed-in caller."""
        return Caller(self, self._client, self.token(role, unit, employee, name))

    def nobody(self) -> "Caller":
        """A caller without a token."""
        return Caller(self, self._client, None)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def snapshot(self) -> Json:
        """All stored rows, except for the collections in `UNSTEADY`.

        If the snapshots before and after an operation are equal, it wrote nothing.
        """
        return {
            name: await self.store.database.find(name, {}, sort=[("_id", 1)])
            for name in INDEXES
            if name not in UNSTEADY
        }


@dataclass(frozen=True, slots=True)
class Caller:
    """A client with a token, or without one."""

    api: Api
    client: httpx2.AsyncClient
    token: str | None

    async def post(self, query: str, **variables: Any) -> httpx2.Response:
        """Send an operation. Returns the HTTP response."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return await self.client.post(
            self.api.url, json={"query": query, "variables": variables}, headers=headers
        )

    async def ask(self, query: str, **variables: Any) -> Json:
        """Send an operation that must have no top-level errors. Returns its data."""
        body = (await self.post(query, **variables)).json()
        assert "errors" not in body, body["errors"]
        data: Json = body["data"]
        return data

    async def refused(self, query: str, **variables: Any) -> list[str]:
        """Send an operation that must have top-level errors. Returns their codes."""
        body = (await self.post(query, **variables)).json()
        return [error["extensions"]["code"] for error in body["errors"]]

    async def do(self, mutation: str, select: str, /, **input: Any) -> Json:
        """Send a mutation. Returns its payload, with its errors.

        Args:
            mutation: The name of the mutation.
            select: The other fields of the payload to return.
            input: The fields of the mutation's input.
        """
        payload: Json = (await self.ask(operation(mutation, select), input=input))[mutation]
        return payload

    async def done(self, mutation: str, select: str, /, **input: Any) -> Json:
        """Send a mutation that must not be refused. Returns its payload."""
        payload = await self.do(mutation, select, **input)
        assert payload["errors"] == [], payload["errors"]
        return payload

    @asynccontextmanager
    async def socket(self) -> AsyncIterator["Socket"]:
        """An acknowledged graphql-transport-ws connection."""
        async with websockets.connect(
            self.api.url.replace("http", "ws", 1),
            subprotocols=[websockets.Subprotocol("graphql-transport-ws")],
        ) as ws:
            payload = {"Authorization": f"Bearer {self.token}"} if self.token else {}
            await ws.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert json.loads(await ws.recv())["type"] == "connection_ack"
            yield Socket(ws)


INPUTS = {
    **dict.fromkeys(
        ("documentActivate", "documentDeactivate", "documentArchive"), "DocumentLifecycleInput"
    ),
    **dict.fromkeys(
        ("caseTypeFollow", "caseTypeUnfollow", "caseTypeShow", "caseTypeHide"),
        "CaseTypeFollowInput",
    ),
}
"""Input types that several mutations share."""
CONFLICT = """errors { ... on VersionConflict {
    expectedVersion latestVersion at by { name role unit employeeHsaId }
    changes { kind path before after text { kind text } } } }"""
"""The fields of a version conflict, to add to the `select` of `do`."""


def operation(mutation: str, select: str) -> str:
    """The document of a mutation that selects its errors and the fields in `select`."""
    kind = INPUTS.get(mutation, f"{mutation[0].upper()}{mutation[1:]}Input")
    return (
        f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {select} errors {{ __typename"
        " code message path } } }"
    )


def problems(payload: Json) -> list[tuple[str, str]]:
    """The code and the path of each error of a payload."""
    return [(error["code"], ".".join(error["path"])) for error in payload["errors"]]


class Socket:
    """A graphql-transport-ws client that runs one operation at a time."""

    def __init__(self, ws: websockets.ClientConnection) -> None:
        self.ws = ws

    async def subscribe(self, query: str, id: str = "1", **variables: Any) -> None:
        """Start an operation."""
        await self.ws.send(
            json.dumps(
                {"id": id, "type": "subscribe", "payload": {"query": query, "variables": variables}}
            )
        )

    async def message(self, timeout: float = 10) -> Json:
        """The next message."""
        message: Json = json.loads(await asyncio.wait_for(self.ws.recv(), timeout))
        return message

    async def next(self, timeout: float = 10) -> Json:
        """The data of the next result."""
        message = await self.message(timeout)
        assert message["type"] == "next", message
        assert not message["payload"].get("errors"), message
        data: Json = message["payload"]["data"]
        return data

    async def started(self) -> None:
        """Wait until the server has handled all earlier messages: it answers a ping after them."""
        await self.ws.send(json.dumps({"type": "ping"}))
        message = await self.message()
        assert message == {"type": "pong"}, message
