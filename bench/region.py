"""A region whose clinics all have one central case type, created over the API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import httpx2

from bench.servers import Server
from bench.subscriber_pool import Subscription
from resolvers.access import development_issuer
from store.records import Role

PRINCIPAL = "SE2321000016"
_ADMINISTRATOR = f"{PRINCIPAL}-anna"
_SECONDS = 300
_LARGE = 30_000
_CONTENT = {
    "name": "Förnya recept 000000",
    "internalName": "Förnya recept",
    "introduction": "Här kan du **förnya** ditt recept.",
}
_SENTENCE = "Här kan du förnya recept på läkemedel som du redan använder. "


class Region:
    """A region and the requests of its administrator."""

    def __init__(self, data: Path, clinics: int) -> None:
        self.data = data
        self.clinics = clinics
        self._case_type = ""
        self._version = 1
        self._client = httpx2.AsyncClient()

    @classmethod
    async def made(cls, data: Path, server: Server, clinics: int) -> Self:
        """Import clinics by CSV, and distribute a published case type to all of them in one act."""
        region = cls(data, clinics)
        ids = [_clinic(number) for number in range(clinics)]
        csv = "hsaId;name\n" + "".join(f"{hsa_id};Vårdcentralen {hsa_id[-5:]}\n" for hsa_id in ids)
        async with region.on(server):
            await region._done("clinicsImport", "created", principal=PRINCIPAL, csv=csv)
            region._case_type = await region.published()
            await region.distribute(region._case_type)
        return region

    @asynccontextmanager
    async def on(self, server: Server) -> AsyncIterator[None]:
        """Send the administrator's requests to this server until the end of the block."""
        headers = {
            "authorization": (
                "Bearer"
                f" {_token(self.data, Role.REGIONAL_ADMINISTRATOR, PRINCIPAL, _ADMINISTRATOR)}"
            )
        }
        async with httpx2.AsyncClient(
            base_url=server.url, timeout=_SECONDS, headers=headers
        ) as self._client:
            yield

    def subscription(self, number: int) -> Subscription:
        """Return a subscription of a clinic's own staff to that clinic."""
        clinic = _clinic(number)
        return Subscription(_token(self.data, Role.CLINIC_STAFF, clinic, f"{clinic}B"), clinic)

    def administrators_subscription(self, number: int) -> Subscription:
        """Return a subscription of the region's administrator to a clinic."""
        return Subscription(
            _token(self.data, Role.REGIONAL_ADMINISTRATOR, PRINCIPAL, _ADMINISTRATOR),
            _clinic(number),
        )

    async def publish(self, marker: str) -> None:
        """Publish a new version, of which all clinics are notified, with the marker as the note.

        It is acknowledged when this returns.
        """
        await self._update(marker, name=f"Förnya recept {self._version:06}")

    async def publish_large(self, marker: str) -> None:
        """Publish a change that makes each message some 60 KB large."""
        text = f"{_SENTENCE * (_LARGE // len(_SENTENCE))} Utgåva {self._version:06}."
        await self._update(marker, introduction=text)

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send a query, and return its data; raises RuntimeError for an error."""
        answer = (
            await self._client.post("/graphql", json={"query": query, "variables": variables})
        ).json()
        if "errors" in answer:
            raise RuntimeError(f"{query} was refused: {answer['errors']}")
        found: dict[str, Any] = answer["data"]
        return found

    async def published(self) -> str:
        """Create and publish a case type, and return its id."""
        made = await self._done(
            "caseTypeCreate", "caseType { id }", owner=PRINCIPAL, content=_CONTENT
        )
        case_type: str = made["caseType"]["id"]
        await self._done(
            "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
        )
        return case_type

    async def distribute(self, case_type: str) -> None:
        """Distribute a case type to all clinics of the region in one act."""
        await self._done("caseTypeDistribute", "clinics", caseType=case_type, to={"filter": {}})

    async def edit(self, case_type: str, version: int, **content: str) -> None:
        """Write the next version of a case type, a draft, based on `version`."""
        await self._done(
            "caseTypeUpdate",
            "version { number }",
            id=case_type,
            expectedVersion=version,
            content=content,
        )

    async def _update(self, note: str, **content: str) -> None:
        change = {
            "id": self._case_type,
            "expectedVersion": self._version,
            "content": content,
            "publish": True,
            "note": note,
        }
        await self._done("caseTypeUpdate", "version { number }", **change)
        self._version += 1

    async def _done(self, mutation: str, select: str, **given: Any) -> dict[str, Any]:
        """Send a mutation, and return its payload; raises RuntimeError if it is refused."""
        kind = f"{mutation[0].upper()}{mutation[1:]}Input"
        query = (
            f"mutation($input: {kind}!) {{ {mutation}(input: $input) {{ {select} errors {{ code"
            " message path } } }"
        )
        answer = (
            await self._client.post(
                "/graphql", json={"query": query, "variables": {"input": given}}
            )
        ).json()
        payload: dict[str, Any] | None = (answer.get("data") or {}).get(mutation)
        if payload is None or payload["errors"]:
            raise RuntimeError(f"{mutation} was refused: {answer}")
        return payload


def _clinic(number: int) -> str:
    return f"{PRINCIPAL}-K{number:05}"


def _token(data: Path, role: Role, unit: str, employee: str) -> str:
    return development_issuer.token(
        data, role=role, unit=unit, employee=employee, name="Bo Berg", valid_for=timedelta(hours=6)
    )
