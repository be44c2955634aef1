"""Callers of the running app, each with a real token: over HTTP, and over graphql-transport-ws with
a real websocket client.
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
"""The counters that a refused write may turn, and who follows what now."""
INERA = "SE5565594230"
STOCKHOLM = "SE2321000016"
UPPSALA = "SE2321000024"
BJORKEN = "SE2321000016-1A01"
LINDEN = "SE2321000016-1A02"
UPPSALA_CLINIC = "SE2321000024-1B01"


class Api:
    """The app as its callers reach it.

    `store` looks behind its back; `live` is what the app answers its connections from.
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
        """Someone signed in."""
        return Caller(self, self._client, self.token(role, unit, employee, name))

    def nobody(self) -> "Caller":
        """Someone without a token."""
        return Caller(self, self._client, None)

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()

    async def snapshot(self) -> Json:
        """Everything that is stored and stays so: equal before and after means nothing was written."""
        return {
            name: await self.store.database.find(name, {}, sort=[("_id", 1)])
            for name in INDEXES
            if name not in UNSTEADY
        }


@dataclass(frozen=True, slots=True)
class Caller:
    """One signed-in client."""

    api: Api
    client: httpx2.AsyncClient
    token: str | None

    async def post(self, query: str, **variables: Any) -> httpx2.Response:
        """The bare HTTP answer."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return await self.client.post(
            self.api.url, json={"query": query, "variables": variables}, headers=headers
        )

    async def ask(self, query: str, **variables: Any) -> Json:
        """The data of an operation that must have no top-level errors."""
        body = (await self.post(query, **variables)).json()
        assert "errors" not in body, body["errors"]
        data: Json = body["data"]
        return data

    async def refused(self, query: str, **variables: Any) -> list[str]:
        """The codes of the top-level errors of an operation that must have some."""
        body = (await self.post(query, **variables)).json()
        return [error["extensions"]["code"] for error in body["errors"]]

    async def do(self, mutation: str, select: str, /, **input: Any) -> Json:
        """The payload of a mutation, with its errors; `select` is what else of the payload is
        wanted.
        """
        payload: Json = (await self.ask(operation(mutation, select), input=input))[mutation]
        return payload

    async def done(self, mutation: str, select: str, /, **input: Any) -> Json:
        """The payload of a mutation that must not be refused."""
        payload = await self.do(mutation, select, **input)
        assert payload["errors"] == [], payload["errors"]
        return payload

    @asynccontextmanager
    async def socket(self) -> AsyncIterator["Socket"]:
        """A graphql-transport-ws connection, acknowledged."""
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
    expectedVersion latestVersion at by { name role unit employeeHsaId } changes { kind path before after text { kind text } } } }"""
"""What a stale save is told, to add to the `select` of `do`."""


def operation(mutation: str, select: str) -> str:
    """A mutation's document, with its errors and what else of the payload is wanted."""
    kind = INPUTS.get(mutation, f"{mutation[0].upper()}{mutation[1:]}Input")
    return (
        f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {select} errors {{ __typename"
        " code message path } } }"
    )


def problems(payload: Json) -> list[tuple[str, str]]:
    """Code and place of each error of a payload."""
    return [(error["code"], ".".join(error["path"])) for error in payload["errors"]]


class Socket:
    """A websocket with one subscription at a time."""

    def __init__(self, ws: websockets.ClientConnection) -> None:
        self.ws = ws

    async def subscribe(self, query: str, id: str = "1", **variables: Any) -> None:
        """Begin an operation."""
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
        """Wait until the server has taken up what was sent before: it answers a ping after that."""
        await self.ws.send(json.dumps({"type": "ping"}))
        message = await self.message()
        assert message == {"type": "pong"}, message
