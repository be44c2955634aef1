"""Writers over HTTP, each with its own case type.

A writer repeats a call with the same idempotency key until it is answered, and records the answers.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import httpx2

from tests.callers import STOCKHOLM, Json, operation
from tests.faults.checker import Acknowledged, Logged
from tests.faults.servers import Server

_CALL_SECONDS = 12
_RETRY_SECONDS = 0.1
_PAUSE_SECONDS = 0.05
_EVENT = "event { sequence action version note }"
_VERSION = "version { number hash }"
_RETRIED_CODES = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "OUTCOME_UNKNOWN"}
"""Top-level errors after which a call is repeated. An internal error of the server is not one."""


class Calls:
    """Calls of a signed-in client to any of several servers.

    Attributes:
        errors: How often each error code was returned.
    """

    def __init__(self, servers: Sequence[Server], token: str, rng: random.Random) -> None:
        self.errors: Counter[str] = Counter()
        self._servers = servers
        self._rng = rng
        self._client = httpx2.AsyncClient(
            timeout=_CALL_SECONDS, headers={"authorization": f"Bearer {token}"}
        )

    async def ask(self, query: str, **variables: Any) -> Json:
        """Send an operation until it succeeds, after each failure to another server.

        Returns its data.
        """
        server = self._rng.choice(self._servers)
        while True:
            try:
                answer = await self._client.post(
                    server.url, json={"query": query, "variables": variables}
                )
            except httpx2.HTTPError:
                pass
            else:
                assert answer.status_code == 200, answer.text
                body = answer.json()
                codes = {error["extensions"]["code"] for error in body.get("errors", ())}
                if not codes:
                    data: Json = body["data"]
                    return data
                assert codes <= _RETRIED_CODES, body
                self.errors.update(codes)
            server = self._rng.choice(
                [other for other in self._servers if other is not server] or self._servers
            )
            await asyncio.sleep(_RETRY_SECONDS)

    async def do(self, mutation: str, select: str, /, **arguments: Any) -> Json:
        """Send a mutation that must not be refused. Returns its payload."""
        payload: Json = (await self.ask(operation(mutation, select), input=arguments))[mutation]
        assert payload["errors"] == [], payload
        return payload

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class Writer:
    """A writer, its case type, and the clinics that have it according to the answers so far.

    Attributes:
        acknowledged: All answers, in the order of arrival.
        pending_key: The key of the call that has no answer yet.
    """

    def __init__(self, name: str, calls: Calls, clinics: Sequence[str], rng: random.Random) -> None:
        self.name = name
        self.document = ""
        self.acknowledged: list[Acknowledged] = []
        self.pending_key: str | None = None
        self._calls = calls
        self._clinics = clinics
        self._rng = rng
        self._latest = 0
        self._published = 0
        self._assigned: set[str] = set()
        self._call_count = 0

    async def start(self) -> None:
        """Create the case type, publish it, and distribute it to half of the clinics."""
        content = {"name": f"Ärendetyp {self.name}", "internalName": self.name}
        created = await self._calls.do(
            "caseTypeCreate",
            "caseType { id }",
            owner=STOCKHOLM,
            content=content,
            idempotencyKey=f"{self.name} skapa",
        )
        self.document = created["caseType"]["id"]
        await self._calls.do(
            "documentPublish",
            "event { id }",
            id=self.document,
            version=1,
            expectedVersion=1,
            idempotencyKey=f"{self.name} publicera",
        )
        self._latest = self._published = 1
        self._assigned = set(self._clinics[::2])
        to = {"hsaIds": sorted(self._assigned)}
        await self._calls.do(
            "caseTypeDistribute",
            "event { id }",
            caseType=self.document,
            to=to,
            idempotencyKey=f"{self.name} dela ut",
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Write until the event is set."""
        while not stop.is_set():
            await self._rng.choice(
                [
                    self._edit,
                    self._publish,
                    self._publish,
                    self._publish,
                    self._distribute_or_withdraw,
                ]
            )()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _edit(self) -> None:
        await self._save(publish=False)

    async def _publish(self) -> None:
        await self._save(publish=True)

    async def _save(self, *, publish: bool) -> None:
        arguments = {
            "id": self.document,
            "expectedVersion": self._latest,
            "content": {"introduction": self._new_key()},
            "publish": publish,
        }
        done = await self._write("caseTypeUpdate", f"{_EVENT} {_VERSION}", **arguments)
        self._latest = done["version"]["number"]
        if publish:
            self._published = self._latest
        self._record(
            done,
            clinics=self._assigned if publish else (),
            published_version=self._published if publish else None,
        )

    async def _distribute_or_withdraw(self) -> None:
        clinic = self._rng.choice(self._clinics)
        self._new_key()
        if clinic in self._assigned:
            done = await self._write(
                "caseTypeWithdraw",
                _EVENT,
                **{"caseType": self.document, "from": {"hsaIds": [clinic]}},
            )
            self._assigned.discard(clinic)
            self._record(done, clinics=[clinic], published_version=None)
        else:
            done = await self._write(
                "caseTypeDistribute", _EVENT, caseType=self.document, to={"hsaIds": [clinic]}
            )
            self._assigned.add(clinic)
            self._record(done, clinics=[clinic], published_version=self._published)

    def _new_key(self) -> str:
        self._call_count += 1
        self.pending_key = f"{self.name} {self._call_count}"
        return self.pending_key

    async def _write(self, mutation: str, select: str, **arguments: Any) -> Json:
        """Send a write whose note is its idempotency key. A tenth are repeated after the answer."""
        repeat = self._rng.random() < 0.1
        arguments |= {"note": self.pending_key, "idempotencyKey": self.pending_key}
        done = await self._calls.do(mutation, select, **arguments)
        if repeat:
            assert await self._calls.do(mutation, select, **arguments) == done
        return done

    def _record(
        self,
        done: Json,
        *,
        clinics: Sequence[str] | set[str] | tuple[str, ...],
        published_version: int | None,
    ) -> None:
        event = done["event"]
        logged = Logged(event["sequence"], event["action"], event["version"], event["note"])
        version_hash = done["version"]["hash"] if "version" in done else None
        self.acknowledged.append(
            Acknowledged(logged, self.document, version_hash, frozenset(clinics), published_version)
        )
        self.pending_key = None
