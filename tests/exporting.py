"""Fetches exports, and fills a registry with nearly every kind of event."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Caller
from tests.world import CONTENT, World

GRANEN = "SE2321000016-1A09"
MANY = 450
"""More clinics than fit into two batches."""
MANY_ROWS = 13 * MANY
"""More assignments than fit into the buffers between the server and a client that does not read."""
WHOLE = b"0\r\n\r\n"
"""The last chunk of a complete HTTP response. A response that is cut off does not have it."""


async def fetched(
    caller: Caller, file: str, headers: dict[str, str] | None = None, /, **parameters: Any
) -> httpx2.Response:
    """Request an export. Returns the response, also if it is a refusal."""
    authorization = {"authorization": f"Bearer {caller.token}"} if caller.token else {}
    return await caller.client.get(
        f"{caller.api.root}/exports/{file}",
        params=parameters,
        headers=authorization | (headers or {}),
    )


async def exported(caller: Caller, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """Request an export that must not be refused. Returns its rows."""
    answer = await fetched(caller, f"{name}.ndjson", **parameters)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def refusal(caller: Caller, file: str, **parameters: Any) -> tuple[int, str, list[str]]:
    """Request an export that must be refused. Returns the status, the code and the paths."""
    answer = await fetched(caller, file, **parameters)
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    problem = answer.json()
    assert problem["status"] == answer.status_code
    return (
        answer.status_code,
        problem["code"],
        ["/".join(error["path"]) for error in problem["errors"]],
    )


async def with_many_clinics(world: World) -> None:
    """Import `MANY` clinics and distribute a case type to each."""
    csv_text = "hsaId;name\n" + "".join(
        f"{STOCKHOLM}-9{number:04};Mottagning {number}\n" for number in range(MANY)
    )
    await world.region.done("clinicsImport", "created", principal=STOCKHOLM, csv=csv_text)
    await world.region.done(
        "caseTypeDistribute",
        "clinics",
        caseType=world.case_type,
        to={"filter": {"text": "Mottagning"}},
    )


async def with_many_rows(world: World) -> None:
    """Import `MANY` clinics and distribute case types to them: `MANY_ROWS` assignments."""
    await with_many_clinics(world)
    for number in range(12):
        case_type = await world.draft(CONTENT | {"internalName": f"Nummer {number}" + "x" * 100})
        await world.region.done(
            "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
        )
        await world.region.done(
            "caseTypeDistribute",
            "clinics",
            caseType=case_type,
            to={"filter": {"text": "Mottagning"}},
        )


@asynccontextmanager
async def slowly_read(world: World, file: str) -> AsyncIterator[tuple[bytes, asyncio.StreamReader]]:
    """Request an export over a connection with small buffers, and read the response's head only.

    Yields the head, and a reader for the rest of the response in the form that the server sends.
    """
    host, _, port = world.api.root.removeprefix("http://").partition(":")
    request = (
        f"GET /exports/{file} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer"
        f" {world.region.token}\r\n\r\n"
    )
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(slow, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=slow, limit=1024)
    try:
        writer.write(request.encode())
        yield await reader.readuntil(b"\r\n\r\n"), reader
    finally:
        writer.close()


async def live_through(world: World) -> dict[str, str]:
    """Cause nearly every kind of event in a region, in order. Returns the ids of new objects."""
    region, clinic = world.region, world.clinic_admin
    rule = {"businessClassifications": ["1502"]}
    group = await region.done(
        "clinicGroupSave",
        "clinicGroup { id }",
        principal=STOCKHOLM,
        name="Vårdcentraler",
        rule=rule,
    )
    listed = await region.done(
        "clinicGroupSave",
        "clinicGroup { id }",
        principal=STOCKHOLM,
        name="Två",
        hsaIds=[BJORKEN, LINDEN],
    )
    ids = {
        "group": group["clinicGroup"]["id"],
        "listed": listed["clinicGroup"]["id"],
        "central": world.case_type,
    }
    local = await clinic.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content=CONTENT | {"name": "Egen tid", "internalName": "Egen"},
    )
    ids["local"] = local["caseType"]["id"]
    await clinic.done(
        "documentPublish", "event { id }", id=ids["local"], version=1, expectedVersion=1
    )
    await region.done(
        "caseTypeDistribute",
        "clinics",
        caseType=ids["central"],
        to={"group": ids["group"]},
        startPageOrder=1,
    )
    await world.edit(ids["central"], 1, publish=True, introduction="Nytt.", note="=Kortare")
    await world.edit(ids["central"], 2, introduction="Ett utkast.")
    saved = {"standardReplies": [{"key": "egen", "label": "Egen", "text": "Hej"}], "terms": []}
    await clinic.done(
        "localAdaptationSave",
        "event { id }",
        caseType=ids["central"],
        clinic=BJORKEN,
        expectedVersion=0,
        **saved,
    )
    ids["followed"] = await world.draft(
        CONTENT | {"name": "Boka tid", "internalName": "Boka", "onContactCard": True}
    )
    await region.done(
        "documentPublish", "event { id }", id=ids["followed"], version=1, expectedVersion=1
    )
    await clinic.done("caseTypeFollow", "event { id }", caseType=ids["followed"], clinic=BJORKEN)
    await region.done(
        "principalPoliciesSave", "event { id }", principal=STOCKHOLM, centralActivation="CLINIC"
    )
    ids["waiting"] = await world.draft(CONTENT | {"name": "Intyg", "internalName": "Intyg"})
    await region.done(
        "documentPublish", "event { id }", id=ids["waiting"], version=1, expectedVersion=1
    )
    await region.done(
        "caseTypeDistribute",
        "clinics",
        caseType=ids["waiting"],
        to={"hsaIds": [BJORKEN, LINDEN]},
        replaceLocal=[ids["local"]],
    )
    await clinic.done("caseTypeShow", "event { id }", caseType=ids["waiting"], clinic=BJORKEN)
    inbox = await clinic.ask(
        f'{{ clinic(hsaId: "{BJORKEN}") {{ notifications(first: 1) {{ edges {{ node {{ cursor }} }}'
        " } } }"
    )
    cursor = inbox["clinic"]["notifications"]["edges"][0]["node"]["cursor"]
    await clinic.done("notificationsAcknowledge", "event { id }", clinic=BJORKEN, upTo=cursor)
    await region.done(
        "caseTypesReorder",
        "event { id }",
        on={"principal": STOCKHOLM},
        order=[ids["waiting"], ids["central"]],
    )
    await region.done(
        "caseTypesReorder", "event { id }", on={"group": ids["listed"]}, order=[ids["followed"]]
    )
    await clinic.done(
        "caseTypesReorder", "event { id }", on={"clinic": BJORKEN}, order=[ids["central"]]
    )
    await region.done(
        "clinicsImport",
        "created",
        principal=STOCKHOLM,
        csv=f"hsaId;name;businessClassification\n{GRANEN};Granen;1502\n",
    )
    await region.done(
        "clinicsImport",
        "created",
        principal=STOCKHOLM,
        csv=f"hsaId;name\n{LINDEN};Vårdcentralen Nya Linden\n",
    )
    await region.done("caseTypeUnfollow", "event { id }", caseType=ids["followed"], clinic=BJORKEN)
    await region.done(
        "caseTypeWithdraw", "clinics", caseType=ids["waiting"], **{"from": {"hsaIds": [LINDEN]}}
    )
    await region.done("documentDeactivate", "event { id }", id=ids["followed"], expectedVersion=1)
    await region.done("documentArchive", "event { id }", id=ids["central"], expectedVersion=3)
    await region.done(
        "documentRestore",
        "event { id }",
        id=ids["central"],
        version=1,
        expectedVersion=3,
        publish=True,
    )
    grant = await region.done(
        "roleGrant",
        "roleGrant { id }",
        unit=BJORKEN,
        role="CLINIC_STAFF",
        employee=f"{STOCKHOLM}-NY",
    )
    ids["grant"] = grant["roleGrant"]["id"]
    await region.done(
        "roleGrant", "event { id }", unit=STOCKHOLM, role="REVIEWER", employee=f"{STOCKHOLM}-NY"
    )
    await region.done("roleRevoke", "event { id }", id=ids["grant"])
    await region.done(
        "personProtect",
        "event { id }",
        principal=STOCKHOLM,
        employee=f"{STOCKHOLM}-XY",
        protected=True,
    )
    return ids
