"""Exports over HTTP."""

import csv
import io
import json
from typing import Any

import httpx2

from tests.callers import BJORKEN, LINDEN, Caller
from tests.world import World


async def fetched(caller: Caller, file: str, headers: dict[str, str] | None = None, **parameters: Any) -> httpx2.Response:
    given = {"authorization": f"Bearer {caller.token}"} if caller.token else {}
    return await caller.client.get(f"{caller.api.root}/exports/{file}", params=parameters, headers=given | (headers or {}))


async def lines(caller: Caller, name: str, **parameters: Any) -> list[dict[str, Any]]:
    answer = await fetched(caller, f"{name}.ndjson", **parameters)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_assignments_as_csv(world: World) -> None:
    await world.distribute(world.case_type)

    answer = await fetched(world.region, "assignments.csv")

    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"\xef\xbb\xbfid;principal;clinic;")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert [row["clinic"] for row in rows] == [BJORKEN, LINDEN]
    print(answer.headers, answer.text)
    print(await lines(world.reporter, "assignments"))
