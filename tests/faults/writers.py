"""Writers over HTTP: each has its own case type, repeats a call under its idempotency key until it
is answered, and keeps book of the answers.
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
_AGAIN_SECONDS = 0.1
_PAUSE_SECONDS = 0.05
_EVENT = "event { sequence action version note }"
_VERSION = "version { number hash }"
_ANSWERED = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "OUTCOME_UNKNOWN"}
"""Top-level errors after which a call is repeated. A fault of the server's own is none of them."""


class Calls:
    """Calls of one signed-in client to any of some servers.

    Attributes:
        told: How often each code was told instead of an answer.
    """

    def __init__(self, servers: Sequence[Server], token: str, chance: random.Random) -> None:
        self.told: Counter[str] = Counter()
        self._servers = servers
        self._chance = chance
        self._client = httpx2.AsyncClient(
            timeout=_CALL_SECONDS, headers={"authorization": f"Bearer {token}"}
        )

    async def ask(self, query: str, **variables: Any) -> Json:
        """The data of an operation, asked for until it is answered, at one server or, after a
        failure, another.
        """
        server = self._chance.choice(self._servers)
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
                assert codes <= _ANSWERED, body
                self.told.update(codes)
            server = self._chance.choice(
                [one for one in self._servers if one is not server] or self._servers
            )
            await asyncio.sleep(_AGAIN_SECONDS)

    async def do(self, mutation: str, select: str, /, **given: Any) -> Json:
        """The payload of a mutation, which must not be refused."""
        payload: Json = (await self.ask(operation(mutation, select), input=given))[mutation]
        assert payload["errors"] == [], payload
        return payload

    async def close(self) -> None:
        """End the connections."""
        await self._client.aclose()


class Writer:
    """One writer, its case type, and the clinics that have it by the answers so far.

    Attributes:
        acknowledged: Every answer, in the order in which they came.
        asked: The key of the call that has no answer yet.
    """

    def __init__(
        self, name: str, calls: Calls, clinics: Sequence[str], chance: random.Random
    ) -> None:
        self.name = name
        self.document = ""
        self.acknowledged: list[Acknowledged] = []
        self.asked: str | None = None
        self._calls = calls
        self._clinics = clinics
        self._chance = chance
        self._latest = 0
        self._published = 0
        self._having: set[str] = set()
        self._calls_made = 0

    async def begin(self) -> None:
        """Make the case type, put it in force and hand it to half of the clinics."""
        content = {"name": f"Ärendetyp {self.name}", "internalName": self.name}
        made = await self._calls.do(
            "caseTypeCreate",
            "caseType { id }",
            owner=STOCKHOLM,
            content=content,
            idempotencyKey=f"{self.name} skapa",
        )
        self.document = made["caseType"]["id"]
        await self._calls.do(
            "documentPublish",
            "event { id }",
            id=self.document,
            version=1,
            expectedVersion=1,
            idempotencyKey=f"{self.name} publicera",
        )
        self._latest = self._published = 1
        self._having = set(self._clinics[::2])
        to = {"hsaIds": sorted(self._having)}
        await self._calls.do(
            "caseTypeDistribute",
            "event { id }",
            caseType=self.document,
            to=to,
            idempotencyKey=f"{self.name} dela ut",
        )

    async def run(self, until: asyncio.Event) -> None:
        """Write, until it is enough."""
        while not until.is_set():
            await self._chance.choice(
                [self._edit, self._publish, self._publish, self._publish, self._hand_over]
            )()
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _edit(self) -> None:
        await self._save(publish=False)

    async def _publish(self) -> None:
        await self._save(publish=True)

    async def _save(self, *, publish: bool) -> None:
        given = {
            "id": self.document,
            "expectedVersion": self._latest,
            "content": {"introduction": self._new_key()},
            "publish": publish,
        }
        done = await self._write("caseTypeUpdate", f"{_EVENT} {_VERSION}", **given)
        self._latest = done["version"]["number"]
        if publish:
            self._published = self._latest
        self._note(
            done,
            clinics=self._having if publish else (),
            in_force=self._published if publish else None,
        )

    async def _hand_over(self) -> None:
        clinic = self._chance.choice(self._clinics)
        self._new_key()
        if clinic in self._having:
            done = await self._write(
                "caseTypeWithdraw",
                _EVENT,
                **{"caseType": self.document, "from": {"hsaIds": [clinic]}},
            )
            self._having.discard(clinic)
            self._note(done, clinics=[clinic], in_force=None)
        else:
            done = await self._write(
                "caseTypeDistribute", _EVENT, caseType=self.document, to={"hsaIds": [clinic]}
            )
            self._having.add(clinic)
            self._note(done, clinics=[clinic], in_force=self._published)

    def _new_key(self) -> str:
        self._calls_made += 1
        self.asked = f"{self.name} {self._calls_made}"
        return self.asked

    async def _write(self, mutation: str, select: str, **given: Any) -> Json:
        """A write, whose note is its idempotency key; now and then asked for again after it was
        answered.
        """
        again = self._chance.random() < 0.1
        done = await self._calls.do(
            mutation, select, **given, note=self.asked, idempotencyKey=self.asked
        )
        if again:
            assert (
                await self._calls.do(
                    mutation, select, **given, note=self.asked, idempotencyKey=self.asked
                )
                == done
            )
        return done

    def _note(
        self,
        done: Json,
        *,
        clinics: Sequence[str] | set[str] | tuple[str, ...],
        in_force: int | None,
    ) -> None:
        event = done["event"]
        logged = Logged(event["sequence"], event["action"], event["version"], event["note"])
        hashed = done["version"]["hash"] if "version" in done else None
        self.acknowledged.append(
            Acknowledged(logged, self.document, hashed, frozenset(clinics), in_force)
        )
        self.asked = None
