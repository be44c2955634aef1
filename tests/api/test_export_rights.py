"""Who gets which rows: no file contains more than GraphQL shows to the same caller."""

import json
from typing import Any

import pytest

from resolvers.exports.catalogue import EXPORTS
from store.records import Role
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA, UPPSALA_CLINIC, Caller
from tests.exporting import exported, fetched, live_through, refusal
from tests.world import CONTENT, World

CALLERS = ("region", "other_region", "clinic_admin", "staff", "reviewer", "reporter", "national")
PERSONS = {"region", "reviewer"}
"""The callers who can see persons in the log of Stockholm."""


async def live_through_both_regions(world: World) -> None:
    """A long history in Stockholm, and a few documents in Uppsala."""
    await live_through(world)
    created = await world.other_region.done(
        "caseTypeCreate", "caseType { id }", owner=UPPSALA, content=CONTENT | {"name": "Uppsalas"}
    )
    of_uppsala = created["caseType"]["id"]
    await world.other_region.done(
        "documentPublish", "event { id }", id=of_uppsala, version=1, expectedVersion=1
    )
    await world.other_region.done(
        "caseTypeDistribute", "clinics", caseType=of_uppsala, to={"hsaIds": [UPPSALA_CLINIC]}
    )
    local = await world.region.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=LINDEN,
        content=CONTENT | {"name": "Lindens eget"},
    )
    await world.region.done(
        "documentPublish", "event { id }", id=local["caseType"]["id"], version=1, expectedVersion=1
    )


async def all_exports(caller: Caller) -> dict[str, list[dict[str, Any]] | str]:
    """The rows of every export, or the code of its refusal, by name."""
    found: dict[str, list[dict[str, Any]] | str] = {}
    for name in EXPORTS:
        answer = await fetched(caller, f"{name}.ndjson")
        found[name] = (
            [json.loads(line) for line in answer.text.splitlines()]
            if answer.status_code == 200
            else answer.json()["code"]
        )
    return found


async def test_no_file_contains_another_principal(world: World) -> None:
    await live_through_both_regions(world)

    for name in CALLERS:
        found = await all_exports(getattr(world, name))
        own = {"other_region": UPPSALA}.get(name, STOCKHOLM)
        if name == "national":
            continue
        for export, rows in found.items():
            if isinstance(rows, list):
                assert {row["principal"] for row in rows} <= {own}, (name, export)
                assert (UPPSALA if own == STOCKHOLM else STOCKHOLM) not in json.dumps(rows), (
                    name,
                    export,
                )


async def test_the_national_management_gets_released_rows_and_only_its_own_log(
    world: World,
) -> None:
    await live_through_both_regions(world)

    found = await all_exports(world.national)

    assert {row["principal"] for row in found["events"]} == {INERA}  # type: ignore[index]
    assert {row["principal"] for row in found["clinics"]} == {STOCKHOLM, UPPSALA}  # type: ignore[index]
    assert {row["scope"] for row in found["assignments"]} == {"CENTRAL"}  # type: ignore[index]
    assert {row["owner"] for row in found["versions"]} == {INERA, STOCKHOLM, UPPSALA}  # type: ignore[index]


async def test_the_staff_of_a_clinic_get_only_the_rows_of_their_clinic(world: World) -> None:
    await live_through_both_regions(world)

    for name in ("clinic_admin", "staff"):
        found = await all_exports(getattr(world, name))
        assert {row["clinic"] for row in found["assignments"]} == {BJORKEN}  # type: ignore[index]
        assert [row["hsaId"] for row in found["clinics"]] == [BJORKEN]  # type: ignore[index]
        assert {row["owner"] for row in found["versions"]} == {STOCKHOLM, BJORKEN}  # type: ignore[index]
        assert found["events"] == "NOT_PERMITTED"
        assert max(row["clinics"] for row in found["adoption"]) == 1  # type: ignore[index]


async def test_no_file_names_a_person_for_callers_who_cannot_see_persons(world: World) -> None:
    await live_through(world)

    for name in CALLERS:
        persons = set()
        for rows in (await all_exports(getattr(world, name))).values():
            if isinstance(rows, list):
                persons |= {
                    row[column]
                    for row in rows
                    for column in row
                    if column.endswith(("Person", "person"))
                } - {None}
                if name not in PERSONS | {"national", "other_region"}:
                    assert f"{STOCKHOLM}-RA" not in json.dumps(rows)
        assert bool(persons) is (name in PERSONS | {"national", "other_region"}), name
    assert await refusal(world.reporter, "events.csv", actor=f"{STOCKHOLM}-RA") == (
        403,
        "NOT_PERMITTED",
        ["actor"],
    )


async def test_no_file_contains_drafts_for_callers_who_cannot_see_drafts(world: World) -> None:
    ids = await live_through(world)
    draft = await world.draft(CONTENT | {"name": "Hemligt utkast"})

    for name in CALLERS:
        sees_drafts = name in {"region", "reviewer"}
        found = json.dumps(await all_exports(getattr(world, name)), ensure_ascii=False)
        assert ("Hemligt utkast" in found) is sees_drafts, name
        assert (draft in found) is sees_drafts, name
        versions = await exported(getattr(world, name), "versions")
        numbers = [row["number"] for row in versions if row["document"] == ids["central"]]
        assert numbers == (
            [] if name == "other_region" else [1, 2, 3, 4] if sees_drafts else [1, 2, 4]
        ), name


@pytest.mark.parametrize("name", ["reporter", "national", "clinic_admin", "staff"])
async def test_the_detail_of_events_is_refused_to_callers_who_cannot_read_everything(
    world: World, name: str
) -> None:
    caller: Caller = getattr(world, name)

    answer = await refusal(caller, "events.ndjson", detail="true", principal=STOCKHOLM)

    assert answer[:2] == (403, "NOT_PERMITTED")


async def test_another_principal_cannot_be_requested(world: World) -> None:
    for name in EXPORTS:
        assert await refusal(world.region, f"{name}.csv", principal=UPPSALA) == (
            403,
            "NOT_PERMITTED",
            ["principal"],
        )


async def test_an_export_cannot_be_resumed_after_a_row_that_the_caller_cannot_see(
    world: World,
) -> None:
    await live_through_both_regions(world)
    cursor = (await fetched(world.staff, "assignments.csv")).headers["x-export-cursor"]

    for name in ("assignments", "clinics", "versions"):
        rows = {row["id"] for row in await exported(world.region, name)}
        visible = {row["id"] for row in await exported(world.staff, name)}
        assert rows - visible
        assert visible
        for row in rows - visible:
            assert await refusal(world.staff, f"{name}.csv", upTo=cursor, resume=row) == (
                400,
                "INVALID_CURSOR",
                ["resume"],
            )
        for row in visible:
            assert (
                await fetched(world.staff, f"{name}.csv", upTo=cursor, resume=row)
            ).status_code == 200


async def test_a_machine_gets_only_the_rows_of_its_principal(world: World) -> None:
    await live_through_both_regions(world)
    machine = world.api.caller(Role.REPORTER, UPPSALA)

    found = await all_exports(machine)

    assert {name: {row["principal"] for row in rows} for name, rows in found.items()} == {  # type: ignore[index]
        name: {UPPSALA} for name in EXPORTS
    }
