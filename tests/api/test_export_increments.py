"""Exports up to a cursor are snapshots; they can be resumed and continued by increments."""

import csv
import io
import json
from typing import Any

import pytest

from store.transfer.keyset_batches import BATCH_SIZE
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA
from tests.exporting import GRANEN, MANY, exported, fetched, live_through, with_many_clinics
from tests.world import World


async def test_an_export_of_many_batches_contains_every_row_once(world: World) -> None:
    await with_many_clinics(world)
    assert MANY > 2 * BATCH_SIZE

    for name, expected in (("assignments", MANY), ("clinics", MANY + 5)):
        rows = await exported(world.region, name)
        assert len({row["id"] for row in rows}) == len(rows) == expected


async def test_an_export_up_to_a_cursor_is_a_snapshot_that_later_acts_do_not_change(
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
async def test_an_export_that_was_cut_off_is_resumed_after_its_last_whole_row(
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
        if name != "versions":  # the content of versions contains line breaks
            assert b"\r\n".join(lines[: number + 2]) + b"\r\n" + rest.content == whole.content
        assert whole.content.endswith(rest.content)
        assert rest.headers["x-total-rows"] == str(len(rows))


async def test_an_increment_contains_the_rows_changed_since_a_cursor_and_a_new_cursor(
    world: World,
) -> None:
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


async def test_a_table_updated_by_increments_equals_the_whole_export(world: World) -> None:
    """Applies one increment after each act of a long history.

    Rows replace rows of the same id, and are removed when they have ended.
    """
    table: dict[str, dict[str, Any]] = {}
    clinics: dict[str, dict[str, Any]] = {}
    await live_through(world)
    log = [
        event for event in await exported(world.reviewer, "events") if event["action"] != "EXPORTED"
    ]
    cursors = {"assignments": log[0]["cursor"], "clinics": log[0]["cursor"]}
    clinics |= {
        row["id"]: row for row in await exported(world.reviewer, "clinics", upTo=log[0]["cursor"])
    }

    for event in log[1:]:
        for name, rows in (("assignments", table), ("clinics", clinics)):
            answer = await fetched(
                world.reviewer, f"{name}.ndjson", after=cursors[name], upTo=event["cursor"]
            )
            assert answer.status_code == 200, answer.text
            rows |= {row["id"]: row for row in map(json.loads, answer.text.splitlines())}
            cursors[name] = answer.headers["x-export-cursor"]
            open_rows = {row_id: row for row_id, row in rows.items() if row.get("until") is None}
            whole = await fetched(world.reviewer, f"{name}.ndjson", upTo=event["cursor"])
            assert open_rows == {
                row["id"]: row for row in map(json.loads, whole.text.splitlines())
            }, (
                name,
                event,
            )
    assert len(table) > sum(row["until"] is None for row in table.values()) > 2


async def test_the_cursor_of_an_event_is_valid_for_an_export(world: World) -> None:
    query = (
        f'{{ principal(hsaId: "{STOCKHOLM}") {{ events(first: 2) {{ edges {{ node {{ sequence'
        " cursor } } } } }"
    )
    newest, before = [
        edge["node"] for edge in (await world.region.ask(query))["principal"]["events"]["edges"]
    ]

    [row] = await exported(world.region, "events", after=before["cursor"])

    assert (row["sequence"], row["cursor"]) == (newest["sequence"], newest["cursor"])


async def test_an_increment_of_several_logs_continues_in_all_of_them(world: World) -> None:
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
