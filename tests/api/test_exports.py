"""Exports over HTTP: what is answered, how one goes on, what is refused, what stands in the log."""

import asyncio
import csv
import gzip
import io
import json
from errno import ENOSPC
from pathlib import Path
from typing import Any, NoReturn

import httpx2
import pytest

from resolvers.exports.catalogue import EXPORTS
from store.records import Role
from store.transfer.keyset_batches import BATCH_SIZE
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA, Caller
from tests.exporting import (
    GRANEN,
    MANY,
    MANY_ROWS,
    WHOLE,
    exported,
    fetched,
    live_through,
    refusal,
    slowly_read,
    with_many_clinics,
    with_many_rows,
)
from tests.world import World
from transport.exports.formats.catalogue import FORMATS

# ------------------------------------------------------------------ the answer


async def test_an_export_says_what_it_is_before_its_first_byte(world: World) -> None:
    await world.distribute(world.case_type)

    answer = await fetched(world.reporter, "assignments.csv", {"accept-encoding": "identity"})

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].startswith('attachment; filename="assignments-20')
    assert answer.headers["x-total-rows"] == "2"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert "content-encoding" not in answer.headers
    assert len(answer.content.decode("utf-8-sig").splitlines()) == 3


async def test_text_is_compressed_where_the_client_takes_it(world: World) -> None:
    await with_many_clinics(world)
    headers = {"authorization": f"Bearer {world.region.token}", "accept-encoding": "gzip"}

    async with world.region.client.stream(
        "GET", f"{world.api.root}/exports/assignments.ndjson", headers=headers
    ) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])

    assert answer.headers["content-encoding"] == "gzip"
    assert len(gzip.decompress(raw).splitlines()) == MANY
    packed = await fetched(world.region, "assignments.parquet", {"accept-encoding": "gzip"})
    assert "content-encoding" not in packed.headers


async def test_head_tells_all_but_the_rows_and_is_not_logged(world: World) -> None:
    await world.distribute(world.case_type)
    before = await world.api.snapshot()

    answer = await world.region.client.head(
        f"{world.api.root}/exports/assignments.csv",
        headers={"authorization": f"Bearer {world.region.token}"},
    )

    assert (answer.status_code, answer.headers["x-total-rows"], answer.content) == (200, "2", b"")
    assert "content-length" not in answer.headers, "the file is not empty"
    assert await world.api.snapshot() == before


async def test_an_answer_that_the_client_has_already_is_not_sent_again_until_something_happens(
    world: World,
) -> None:
    await world.distribute(world.case_type)
    first = await fetched(world.region, "assignments.csv")
    tag = {"if-none-match": first.headers["etag"]}

    same = await fetched(world.region, "assignments.csv", tag)
    other_viewer = await fetched(world.reporter, "assignments.csv", tag)
    other_question = await fetched(world.region, "assignments.csv", tag, clinic=BJORKEN)
    await world.edit(world.case_type, 1, publish=True, introduction="Nytt.")
    changed = await fetched(world.region, "assignments.csv", tag)

    assert [one.status_code for one in (same, other_viewer, other_question, changed)] == [
        304,
        200,
        200,
        200,
    ]
    assert same.content == b""


async def test_a_star_matches_every_file_that_would_be_sent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.distribute(world.case_type)
    tag = (await fetched(world.region, "assignments.csv")).headers["etag"]
    logged_before = await logged(world)

    star = {"if-none-match": "*"}
    match = await fetched(world.region, "assignments.csv", star)
    in_list = await fetched(
        world.region, "assignments.csv", {"if-none-match": f'"a,b", {tag.removeprefix("W/")}'}
    )
    malformed = await fetched(world.region, "assignments.csv", {"if-none-match": f"{tag}, *"})
    refused = [
        await fetched(world.region, "assignments.csv", star, colour="red"),
        await fetched(world.region, "assignments.pdf", star),
        await fetched(world.api.nobody(), "assignments.csv", star),
    ]
    monkeypatch.setattr(FORMATS["xlsx"], "max_rows", 1)
    refused.append(await fetched(world.region, "assignments.xlsx", star))

    assert (match.status_code, match.headers["etag"], match.content) == (304, tag, b"")
    assert (in_list.status_code, malformed.status_code) == (304, 200)
    assert [answer.status_code for answer in refused] == [400, 404, 401, 400]
    assert len(await logged(world)) == len(logged_before) + 1, "only the file that was sent"


@pytest.mark.parametrize(
    "accept",
    [
        None,
        "",
        "*/*",
        "text/csv",
        "TEXT/*;q=0.1",
        "application/json, text/csv;q=0.5",
        "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    ],
)
async def test_a_file_is_sent_where_its_media_type_is_accepted(
    world: World, accept: str | None
) -> None:
    headers = [] if accept is None else [("accept", accept)]
    request = world.region.client.build_request(
        "GET",
        f"{world.api.root}/exports/clinics.csv",
        headers=[("authorization", f"Bearer {world.region.token}"), *headers],
    )
    if accept is None:
        del request.headers["accept"]

    answer = await world.region.client.send(request)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["vary"] == "authorization, accept, accept-encoding"


@pytest.mark.parametrize(
    ("file", "accept"),
    [
        ("clinics.csv", "application/json"),
        ("clinics.csv", "*/*, text/csv;q=0"),
        ("clinics.csv", "application/*"),
        ("clinics.xlsx", "text/csv"),
        ("clinics.ndjson", "application/json"),
    ],
)
async def test_a_file_whose_media_type_is_excluded_is_refused(
    world: World, file: str, accept: str
) -> None:
    before = await world.api.snapshot()

    answer = await fetched(world.region, file, {"accept": accept})

    assert (answer.status_code, answer.headers["content-type"]) == (406, "application/problem+json")
    problem = answer.json()
    assert problem["code"] == "NOT_ACCEPTABLE"
    for offer in (
        "clinics.csv (text/csv)",
        "clinics.ndjson (application/x-ndjson)",
        "clinics.parquet (application/vnd.apache.parquet)",
        "clinics.xlsx (application/vnd.openxmlformats-officedocument.spreadsheetml.sheet)",
    ):
        assert offer in problem["detail"]
    assert await world.api.snapshot() == before


async def test_a_picture_of_the_past_is_sent_again_once_it_tells_something_else(
    world: World,
) -> None:
    """Of what is told as it is now, and of what the viewer may know of by now."""
    await world.distribute(world.case_type, BJORKEN)
    draft = await world.draft()
    first = {}
    for name in ("assignments", "events"):
        cursor = (await fetched(world.reporter, f"{name}.ndjson")).headers["x-export-cursor"]
        first[name] = (cursor, await fetched(world.reporter, f"{name}.ndjson", upTo=cursor))
    inbox = (
        f'{{ clinic(hsaId: "{BJORKEN}") {{ notifications(first: 1) {{ edges {{ cursor }} }} }} }}'
    )
    [edge] = (await world.staff.ask(inbox))["clinic"]["notifications"]["edges"]

    async def again(name: str) -> httpx2.Response:
        cursor, before = first[name]
        return await fetched(
            world.reporter, f"{name}.ndjson", {"if-none-match": before.headers["etag"]}, upTo=cursor
        )

    unchanged = await again("assignments")
    await world.staff.done(
        "notificationsAcknowledge", "event { id }", clinic=BJORKEN, upTo=edge["cursor"]
    )
    acknowledged = await again("assignments")
    await world.region.done(
        "documentPublish", "event { id }", id=draft, version=1, expectedVersion=1
    )
    published = await again("events")

    assert [one.status_code for one in (unchanged, acknowledged, published)] == [304, 200, 200]
    assert [
        json.loads(answer.text)["acknowledgedVersion"]
        for answer in (first["assignments"][1], acknowledged)
    ] == [None, 1]
    known = [
        {json.loads(line)["document"] for line in answer.text.splitlines()}
        for answer in (first["events"][1], published)
    ]
    assert known[1] - known[0] == {draft}


async def test_an_export_of_many_batches_has_every_row_once(world: World) -> None:
    await with_many_clinics(world)
    assert MANY > 2 * BATCH_SIZE

    for name, expected in (("assignments", MANY), ("clinics", MANY + 5)):
        rows = await exported(world.region, name)
        assert len({row["id"] for row in rows}) == len(rows) == expected


# ------------------------------------------------------------------ a picture that stays


async def test_an_export_is_a_picture_of_one_moment_whatever_happens_while_it_streams(
    world: World,
) -> None:
    await with_many_clinics(world)
    headers = {"authorization": f"Bearer {world.region.token}", "accept-encoding": "identity"}
    before = await exported(world.region, "assignments")
    cursor = (await fetched(world.region, "assignments.ndjson")).headers["x-export-cursor"]

    await world.edit(world.case_type, 1, publish=True, name="Nytt namn")
    await world.region.done(
        "clinicsImport",
        "created",
        principal=STOCKHOLM,
        csv=f"hsaId;name\n{STOCKHOLM}-90001;Nytt namn\n",
    )
    await world.region.done(
        "caseTypeWithdraw",
        "clinics",
        caseType=world.case_type,
        **{"from": {"hsaIds": [f"{STOCKHOLM}-90002"]}},
    )
    await world.region.done(
        "principalPoliciesSave", "event { id }", principal=STOCKHOLM, centralActivation="CLINIC"
    )
    await world.distribute(world.case_type, BJORKEN)

    answer = await world.region.client.get(
        f"{world.api.root}/exports/assignments.ndjson", params={"upTo": cursor}, headers=headers
    )
    assert [json.loads(line) for line in answer.text.splitlines()] == before
    assert answer.headers["x-export-cursor"] == cursor


@pytest.mark.parametrize("name", ["assignments", "versions", "events", "clinics"])
async def test_what_was_cut_off_is_resumed_after_its_last_whole_row(
    world: World, name: str
) -> None:
    await live_through(world)
    whole = await fetched(world.region, f"{name}.csv")
    lines = whole.content.split(b"\r\n")
    cursor = whole.headers["x-export-cursor"]
    rows = list(
        csv.DictReader(io.StringIO(whole.content.decode("utf-8-sig"), newline=""), delimiter=";")
    )
    assert len(rows) > 2
    await world.edit(world.case_type, 4, publish=True, introduction="Meanwhile.")

    for number, row in enumerate(rows):
        rest = await fetched(world.region, f"{name}.csv", upTo=cursor, resume=row["id"])
        assert rest.status_code == 200, rest.text
        if name != "versions":  # whose content has line breaks of its own
            assert b"\r\n".join(lines[: number + 2]) + b"\r\n" + rest.content == whole.content
        assert whole.content.endswith(rest.content)
        assert rest.headers["x-total-rows"] == str(len(rows))


async def test_who_hangs_up_ends_the_work_and_leaves_nothing_open(world: World) -> None:
    await with_many_clinics(world)
    headers = {"authorization": f"Bearer {world.region.token}"}
    before = await cursors_open(world)

    async with httpx2.AsyncClient() as client:
        for file in ("assignments.csv", "assignments.xlsx", "assignments.parquet"):
            async with client.stream(
                "GET", f"{world.api.root}/exports/{file}", headers=headers
            ) as answer:
                assert answer.status_code == 200

    async with asyncio.timeout(20):
        while world.api.live.streams:  # noqa: ASYNC110 - what the endpoint leaves when it is done
            await asyncio.sleep(0.01)
    assert await cursors_open(world) <= before


async def cursors_open(world: World) -> int:
    """How many cursors MongoDB holds."""
    status = await world.api.store.database.client.admin.command("serverStatus", metrics=1)
    number: int = status["metrics"]["cursor"]["open"]["total"]
    return number


async def test_who_takes_nothing_for_long_leaves_the_place_to_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await with_many_rows(world)
    monkeypatch.setattr("transport.exports.response_stream._STALLED_SECONDS", 0.2)

    async with slowly_read(world, "assignments.ndjson") as (head, reader):
        async with asyncio.timeout(30):
            while world.api.live.streams:  # noqa: ASYNC110 - what the endpoint leaves when it is done
                await asyncio.sleep(0.01)
        rest = await reader.read(-1)

    assert f"x-total-rows: {MANY_ROWS}\r\n".encode() in head
    assert not rest.endswith(WHOLE)


async def test_a_server_that_stops_cuts_an_export_off_so_that_the_client_notices(
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


# ------------------------------------------------------------------ going on


async def test_an_increment_has_what_came_since_and_tells_where_to_go_on(world: World) -> None:
    await world.distribute(world.case_type)
    first = await fetched(world.reporter, "assignments.ndjson")
    await world.region.done(
        "caseTypeWithdraw", "clinics", caseType=world.case_type, **{"from": {"hsaIds": [LINDEN]}}
    )

    since = await fetched(
        world.reporter, "assignments.ndjson", after=first.headers["x-export-cursor"]
    )
    nothing = await fetched(
        world.reporter, "assignments.ndjson", after=since.headers["x-export-cursor"]
    )

    [row] = [json.loads(line) for line in since.text.splitlines()]
    assert (row["clinic"], row["until"] is None) == (LINDEN, False)
    assert (nothing.text, nothing.headers["x-total-rows"]) == ("", "0")
    assert nothing.headers["x-export-cursor"] == since.headers["x-export-cursor"]


async def test_a_table_kept_up_by_increments_is_the_whole_export(world: World) -> None:
    """Each act of a whole history, one increment after each: rows replace those of the same id, and
    leave once they have ended.
    """
    table: dict[str, dict[str, Any]] = {}
    clinics: dict[str, dict[str, Any]] = {}
    await live_through(world)
    log = [
        event for event in await exported(world.reviewer, "events") if event["action"] != "EXPORTED"
    ]
    at = {"assignments": log[0]["cursor"], "clinics": log[0]["cursor"]}
    clinics |= {
        row["id"]: row for row in await exported(world.reviewer, "clinics", upTo=log[0]["cursor"])
    }

    for event in log[1:]:
        for name, rows in (("assignments", table), ("clinics", clinics)):
            answer = await fetched(
                world.reviewer, f"{name}.ndjson", after=at[name], upTo=event["cursor"]
            )
            assert answer.status_code == 200, answer.text
            rows |= {row["id"]: row for row in map(json.loads, answer.text.splitlines())}
            at[name] = answer.headers["x-export-cursor"]
            kept = {one: row for one, row in rows.items() if row.get("until") is None}
            whole = await fetched(world.reviewer, f"{name}.ndjson", upTo=event["cursor"])
            assert kept == {row["id"]: row for row in map(json.loads, whole.text.splitlines())}, (
                name,
                event,
            )
    assert len(table) > sum(row["until"] is None for row in table.values()) > 2


async def test_the_cursor_of_an_event_is_one_of_an_export(world: World) -> None:
    asked = (
        f'{{ principal(hsaId: "{STOCKHOLM}") {{ events(first: 2) {{ edges {{ node {{ sequence'
        " cursor } } } } }"
    )
    newest, before = [
        edge["node"] for edge in (await world.region.ask(asked))["principal"]["events"]["edges"]
    ]

    [row] = await exported(world.region, "events", after=before["cursor"])

    assert (row["sequence"], row["cursor"]) == (newest["sequence"], newest["cursor"])


async def test_who_reads_several_logs_goes_on_in_all_of_them(world: World) -> None:
    await world.distribute(world.case_type)
    first = await fetched(world.national, "clinics.ndjson")
    await world.region.done(
        "clinicsImport", "created", principal=STOCKHOLM, csv=f"hsaId;name\n{GRANEN};Granen\n"
    )
    await world.other_region.done(
        "clinicsImport", "created", principal=UPPSALA, csv=f"hsaId;name\n{UPPSALA}-2B02;Bäcken\n"
    )

    since = await fetched(world.national, "clinics.ndjson", after=first.headers["x-export-cursor"])

    assert len(first.text.splitlines()) == 6
    assert [json.loads(line)["name"] for line in since.text.splitlines()] == ["Granen", "Bäcken"]


# ------------------------------------------------------------------ refusals


async def test_everything_unknown_is_refused_by_name(world: World) -> None:
    caller = world.region

    assert await refusal(caller, "secrets.csv") == (404, "UNKNOWN_EXPORT", [])
    assert await refusal(caller, "assignments.pdf") == (404, "UNKNOWN_FORMAT", [])
    assert await refusal(caller, "assignments") == (404, "UNKNOWN_FORMAT", [])
    assert await refusal(caller, "assignments.csv", colour="red") == (
        400,
        "UNKNOWN_PARAMETER",
        ["colour"],
    )
    assert await refusal(caller, "adoption.csv", asOf="2026-01-01T00:00:00Z") == (
        400,
        "UNKNOWN_PARAMETER",
        ["asOf"],
    )
    assert await refusal(caller, "assignments.csv", origin="GIFT") == (
        400,
        "UNKNOWN_VALUE",
        ["origin"],
    )
    assert await refusal(caller, "assignments.csv", asOf="yesterday") == (
        400,
        "WRONG_TYPE",
        ["asOf"],
    )
    assert await refusal(caller, "assignments.csv", behindOnly="1") == (
        400,
        "WRONG_TYPE",
        ["behindOnly"],
    )
    assert await refusal(caller, "assignments.csv", clinic="") == (400, "OUT_OF_RANGE", ["clinic"])
    assert await refusal(caller, "assignments.csv", group="gr_none") == (
        404,
        "NOT_FOUND",
        ["group"],
    )
    assert await refusal(
        caller, "assignments.csv", behindOnly="true", asOf="2026-01-01T00:00:00Z"
    ) == (400, "NOT_WITH_AS_OF", ["behindOnly"])
    assert await refusal(caller, "assignments.csv", after="§") == (400, "INVALID_CURSOR", ["after"])
    assert await refusal(caller, "assignments.csv", resume="as_1") == (
        400,
        "NOT_WITH_PARAMETER",
        ["resume"],
    )
    assert await refusal(caller, "versions.csv", kind="POEM") == (400, "UNKNOWN_VALUE", ["kind"])
    assert await refusal(caller, "events.csv", action="EDITED,SUNG") == (
        400,
        "UNKNOWN_VALUE",
        ["action"],
    )


async def test_several_faults_are_told_at_once(world: World) -> None:
    assert await refusal(
        world.region, "assignments.csv", origin="GIFT", colour="red", asOf="x"
    ) == (
        400,
        "UNKNOWN_VALUE",
        ["origin", "colour", "asOf"],
    )


async def test_a_cursor_of_another_log_or_beyond_the_end_is_refused(world: World) -> None:
    theirs = (await fetched(world.other_region, "clinics.csv")).headers["x-export-cursor"]
    beyond = "WyJTRTIzMjEwMDAwMTYiLDk5OTld"

    assert await refusal(world.region, "clinics.csv", after=theirs) == (
        400,
        "INVALID_CURSOR",
        ["after"],
    )
    assert await refusal(world.region, "clinics.csv", after=beyond) == (
        400,
        "INVALID_CURSOR",
        ["after"],
    )


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("assignments", "as_none"),
        ("clinics", "cl_SE2321000016-NONE"),
        ("versions", "ct_none.1"),
        ("versions", "ct_none"),
        ("events", f"ev_{UPPSALA}.1"),
        ("events", f"ev_{STOCKHOLM}.99999999999999999999999"),
    ],
)
async def test_a_row_that_is_in_no_file_is_not_gone_on_from(
    world: World, name: str, row: str
) -> None:
    cursor = (await fetched(world.region, f"{name}.csv")).headers["x-export-cursor"]

    assert await refusal(world.region, f"{name}.csv", upTo=cursor, resume=row) == (
        400,
        "INVALID_CURSOR",
        ["resume"],
    )


async def test_a_file_that_there_is_no_disk_for_is_refused_and_not_logged(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await world.distribute(world.case_type)
    before = await world.api.snapshot()

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    assert await refusal(world.region, "assignments.xlsx") == (500, "INTERNAL_ERROR", [])
    assert await world.api.snapshot() == before

    monkeypatch.undo()
    assert (await fetched(world.region, "assignments.xlsx")).status_code == 200


async def test_a_disk_that_fails_meanwhile_cuts_the_file_off_and_is_logged(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await world.distribute(world.case_type)

    def full(_: object) -> NoReturn:
        raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(FORMATS["xlsx"], "end", full)
    with pytest.raises(httpx2.RemoteProtocolError):
        await fetched(world.region, "assignments.xlsx")

    assert "No space left on device" in capsys.readouterr().out


async def test_a_file_that_ends_with_its_directory_is_not_resumed(world: World) -> None:
    await world.distribute(world.case_type)
    whole = await fetched(world.region, "assignments.ndjson")
    place = {
        "upTo": whole.headers["x-export-cursor"],
        "resume": json.loads(whole.text.splitlines()[0])["id"],
    }

    for ending in ("parquet", "xlsx"):
        assert await refusal(world.region, f"assignments.{ending}", **place) == (
            400,
            "NOT_WITH_PARAMETER",
            ["resume"],
        )


async def test_nothing_is_exported_without_a_token_or_a_role(world: World) -> None:
    stranger = world.api.caller(Role.CLINIC_STAFF, "SE9999999999-0001")
    before = await world.api.snapshot()

    for name in EXPORTS:
        assert (await refusal(world.api.nobody(), f"{name}.csv"))[:2] == (401, "UNAUTHENTICATED")
        assert (await refusal(stranger, f"{name}.csv"))[:2] == (403, "NOT_PERMITTED")
    answer = await world.region.client.post(
        f"{world.api.root}/exports/events.csv",
        headers={"authorization": f"Bearer {world.region.token}"},
    )
    assert (answer.status_code, answer.json()["code"]) == (405, "BAD_REQUEST")
    assert await world.api.snapshot() == before


async def test_no_more_than_some_exports_run_at_once(world: World) -> None:
    await with_many_clinics(world)
    headers = {"authorization": f"Bearer {world.region.token}", "accept-encoding": "identity"}
    answers: list[httpx2.Response] = []

    async def one(client: httpx2.AsyncClient) -> None:
        answers.append(
            await client.get(f"{world.api.root}/exports/assignments.xlsx", headers=headers)
        )

    async with httpx2.AsyncClient(timeout=60) as client:
        await asyncio.gather(*(one(client) for _ in range(12)))

    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(await logged(world)) == len(answers) - len(refused)
    assert {answer.status_code for answer in answers} == {200, 429}
    assert {(answer.json()["code"], answer.headers["retry-after"]) for answer in refused} == {
        ("TOO_MANY_EXPORTS", "30")
    }


async def test_one_user_takes_half_of_the_places_at_most_and_gets_them_back(world: World) -> None:
    await with_many_rows(world)

    async with slowly_read(world, "assignments.ndjson"):
        async with slowly_read(world, "assignments.ndjson"):
            third = await refusal(world.region, "assignments.csv")
            another = await fetched(world.reporter, "clinics.csv")
        for _ in range(400):  # the server sees before long that one has hung up
            if (again := await exported_status(world.region, "clinics.csv")) == 200:
                break
            await asyncio.sleep(0.05)

    assert third[:2] == (429, "TOO_MANY_EXPORTS")
    assert another.status_code == again == 200


async def exported_status(caller: Caller, file: str) -> int:
    """How an export is answered."""
    answer = await caller.client.get(
        f"{caller.api.root}/exports/{file}", headers={"authorization": f"Bearer {caller.token}"}
    )
    return answer.status_code


# ------------------------------------------------------------------ the log


async def logged(
    world: World, principal: str = STOCKHOLM, caller: Caller | None = None
) -> list[dict[str, Any]]:
    asked = f"""{{ principal(hsaId: "{principal}") {{ events(filter: {{ actions: [EXPORTED] }}) {{ edges {{ node {{
        export note actor {{ role unit system }} clinics {{ totalCount }} document {{ id }} }} }} }} }} }}"""
    data = await (caller or world.region).ask(asked)
    return [edge["node"] for edge in data["principal"]["events"]["edges"]]


async def test_a_machine_that_exports_stands_in_the_log(world: World) -> None:
    await world.distribute(world.case_type)

    await fetched(world.reporter, "assignments.parquet", clinic=BJORKEN, origin="DISTRIBUTED")

    assert await logged(world) == [
        {
            "export": f"assignments.parquet?clinic={BJORKEN}&origin=DISTRIBUTED",
            "note": None,
            "actor": {"role": "REPORTER", "unit": STOCKHOLM, "system": True},
            "clinics": {"totalCount": 0},
            "document": None,
        }
    ]


async def test_clinics_are_not_told_of_exports(world: World) -> None:
    await world.distribute(world.case_type)
    asked = (
        f'{{ clinic(hsaId: "{BJORKEN}") {{ notifications {{ totalCount }} unacknowledgedCount }} }}'
    )
    before = await world.staff.ask(asked)

    await fetched(world.staff, "assignments.csv")
    await fetched(world.reporter, "events.csv")

    assert await world.staff.ask(asked) == before
    assert [one["actor"]["role"] for one in await logged(world)] == ["REPORTER", "CLINIC_STAFF"]


async def test_polling_does_not_flood_the_log(world: World) -> None:
    await world.distribute(world.case_type)
    cursors = {
        name: (await fetched(world.reporter, f"{name}.ndjson")).headers["x-export-cursor"]
        for name in EXPORTS
    }

    for number in range(2, 6):
        for _ in range(3):
            for name in EXPORTS:
                answer = await fetched(world.reporter, f"{name}.ndjson", after=cursors[name])
                cursors[name] = answer.headers["x-export-cursor"]
        await world.edit(world.case_type, number - 1, publish=True, introduction=f"Nytt {number}.")

    told = [one["export"] for one in await logged(world)]
    assert sorted(told) == sorted(
        [f"{name}.ndjson" for name in EXPORTS]
        + [f"{name}.ndjson?after=…" for name in ("assignments", "versions", "events", "adoption")]
    )


async def test_what_only_some_may_ask_with_is_not_told_in_the_log(world: World) -> None:
    await fetched(world.region, "events.csv", actor=f"{STOCKHOLM}-RA")
    await fetched(world.region, "clinics.csv", text="Björken")

    assert [one["export"] for one in await logged(world, caller=world.reporter)] == [
        "clinics.csv?text=…",
        "events.csv?actor=…",
    ]


async def test_an_export_of_several_principals_is_in_the_log_of_the_viewers_own(
    world: World,
) -> None:
    await fetched(world.national, "clinics.csv")

    assert [one["actor"]["role"] for one in await logged(world, INERA, world.national)] == [
        "NATIONAL_ADMINISTRATOR"
    ]
    assert await logged(world) == []
