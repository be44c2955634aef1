"""Exports that end early or are limited: disconnects, timeouts, concurrency, and disks."""

import asyncio
from errno import ENOSPC
from pathlib import Path
from typing import NoReturn

import httpx2
import pytest

from tests.api.export_log import logged
from tests.callers import Caller
from tests.exporting import (
    MANY_ROWS,
    WHOLE,
    fetched,
    refusal,
    slowly_read,
    with_many_clinics,
    with_many_rows,
)
from tests.world import World
from transport.exports.formats.catalogue import FORMATS


async def open_cursors(world: World) -> int:
    """The number of open cursors in MongoDB."""
    status = await world.api.store.database.client.admin.command("serverStatus", metrics=1)
    number: int = status["metrics"]["cursor"]["open"]["total"]
    return number


async def test_a_disconnect_ends_the_export_and_leaves_no_cursor_open(world: World) -> None:
    await with_many_clinics(world)
    headers = {"authorization": f"Bearer {world.region.token}"}
    before = await open_cursors(world)

    async with httpx2.AsyncClient() as client:
        for file in ("assignments.csv", "assignments.xlsx", "assignments.parquet"):
            async with client.stream(
                "GET", f"{world.api.root}/exports/{file}", headers=headers
            ) as answer:
                assert answer.status_code == 200

    async with asyncio.timeout(20):
        while world.api.live.streams:  # noqa: ASYNC110 - the endpoint offers no event
            await asyncio.sleep(0.01)
    assert await open_cursors(world) <= before


async def test_a_stalled_client_is_disconnected_after_a_timeout(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_many_rows(world)
    monkeypatch.setattr("transport.exports.response_stream._STALLED_SECONDS", 0.2)

    async with slowly_read(world, "assignments.ndjson") as (head, reader):
        async with asyncio.timeout(30):
            while world.api.live.streams:  # noqa: ASYNC110 - the endpoint offers no event
                await asyncio.sleep(0.01)
        rest = await reader.read(-1)

    assert f"x-total-rows: {MANY_ROWS}\r\n".encode() in head
    assert not rest.endswith(WHOLE)


async def test_a_server_that_stops_cuts_off_the_response(
    world: World,
) -> None:
    await with_many_rows(world)

    async with slowly_read(world, "assignments.ndjson") as (head, reader):
        await world.api.live.end_streams()
        async with asyncio.timeout(30):
            rest = await reader.read(-1)

    assert f"x-total-rows: {MANY_ROWS}\r\n".encode() in head
    assert rest.count(b"\n{") < MANY_ROWS
    assert not rest.endswith(WHOLE)


async def test_an_export_that_cannot_create_its_file_is_refused_and_not_logged(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await world.distribute(world.case_type)
    before = await world.api.snapshot()

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    assert await refusal(world.region, "assignments.xlsx") == (500, "INTERNAL_ERROR", [])
    assert await world.api.snapshot() == before

    monkeypatch.undo()
    assert (await fetched(world.region, "assignments.xlsx")).status_code == 200


async def test_a_disk_that_fails_during_an_export_cuts_off_the_response_and_is_logged(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.distribute(world.case_type)

    def full(_: object) -> NoReturn:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(FORMATS["xlsx"], "end", full)
    with pytest.raises(httpx2.RemoteProtocolError):
        await fetched(world.region, "assignments.xlsx")

    assert "No space left on device" in capsys.readouterr().out


async def test_concurrent_exports_are_limited(world: World) -> None:
    await with_many_clinics(world)
    headers = {"authorization": f"Bearer {world.region.token}", "accept-encoding": "identity"}
    answers: list[httpx2.Response] = []

    async def export(client: httpx2.AsyncClient) -> None:
        answers.append(
            await client.get(f"{world.api.root}/exports/assignments.xlsx", headers=headers)
        )

    async with httpx2.AsyncClient(timeout=60) as client:
        await asyncio.gather(*(export(client) for _ in range(12)))

    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(await logged(world)) == len(answers) - len(refused)
    assert {answer.status_code for answer in answers} == {200, 429}
    assert {(answer.json()["code"], answer.headers["retry-after"]) for answer in refused} == {
        ("TOO_MANY_EXPORTS", "30")
    }


async def test_a_user_gets_at_most_half_of_the_concurrent_exports_and_can_export_again(
    world: World,
) -> None:
    await with_many_rows(world)

    async with slowly_read(world, "assignments.ndjson"):
        async with slowly_read(world, "assignments.ndjson"):
            third = await refusal(world.region, "assignments.csv")
            of_another_user = await fetched(world.reporter, "clinics.csv")
        for _ in range(400):  # until the server has noticed the disconnect
            if (again := await status_of(world.region, "clinics.csv")) == 200:
                break
            await asyncio.sleep(0.05)

    assert third[:2] == (429, "TOO_MANY_EXPORTS")
    assert of_another_user.status_code == again == 200


async def status_of(caller: Caller, file: str) -> int:
    """The status of an export."""
    answer = await caller.client.get(
        f"{caller.api.root}/exports/{file}", headers={"authorization": f"Bearer {caller.token}"}
    )
    return answer.status_code
