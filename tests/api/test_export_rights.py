"""Who gets which rows: no file tells more than GraphQL does."""

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
"""Who may see persons in the log of Stockholm."""


async def both_regions(world: World) -> None:
    await live_through(world)
    made = await world.other_region.done(
        "caseTypeCreate", "caseType { id }", owner=UPPSALA, content=CONTENT | {"name": "Uppsalas"}
    )
    theirs = made["caseType"]["id"]
    await world.other_region.done(
        "documentPublish", "event { id }", id=theirs, version=1, expectedVersion=1
    )
    await world.other_region.done(
        "caseTypeDistribute", "clinics", caseType=theirs, to={"hsaIds": [UPPSALA_CLINIC]}
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


async def everything(caller: Caller) -> dict[str, list[dict[str, Any]] | str]:
    found: dict[str, list[dict[str, Any]] | str] = {}
    for name in EXPORTS:
        answer = await fetched(caller, f"{name}.ndjson")
        found[name] = (
            [json.loads(line) for line in answer.text.splitlines()]
            if answer.status_code == 200
            else answer.json()["code"]
        )
    return found


async def test_nobody_elses_principal_is_in_any_file(world: World) -> None:
    await both_regions(world)

    for name in CALLERS:
        found = await everything(getattr(world, name))
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


async def test_the_national_management_gets_what_is_released_and_only_its_own_log(
    world: World,
) -> None:
    await both_regions(world)

    found = await everything(world.national)

    assert {row["principal"] for row in found["events"]} == {INERA}  # type: ignore[index]
    assert {row["principal"] for row in found["clinics"]} == {STOCKHOLM, UPPSALA}  # type: ignore[index]
    assert {row["scope"] for row in found["assignments"]} == {"CENTRAL"}  # type: ignore[index]
    assert {row["owner"] for row in found["versions"]} == {INERA, STOCKHOLM, UPPSALA}  # type: ignore[index]


async def test_a_clinics_people_get_their_clinic_alone(world: World) -> None:
    await both_regions(world)

    for name in ("clinic_admin", "staff"):
        found = await everything(getattr(world, name))
        assert {row["clinic"] for row in found["assignments"]} == {BJORKEN}  # type: ignore[index]
        assert [row["hsaId"] for row in found["clinics"]] == [BJORKEN]  # type: ignore[index]
        assert {row["owner"] for row in found["versions"]} == {STOCKHOLM, BJORKEN}  # type: ignore[index]
        assert found["events"] == "NOT_PERMITTED"
        assert max(row["clinics"] for row in found["adoption"]) == 1  # type: ignore[index]


async def test_no_file_names_a_person_to_who_may_not_see_persons(world: World) -> None:
    await live_through(world)

    for name in CALLERS:
        persons = set()
        for rows in (await everything(getattr(world, name))).values():
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


async def test_drafts_are_in_no_file_of_who_sees_no_drafts(world: World) -> None:
    ids = await live_through(world)
    draft = await world.draft(CONTENT | {"name": "Hemligt utkast"})

    for name in CALLERS:
        sees = name in {"region", "reviewer"}
        found = json.dumps(await everything(getattr(world, name)), ensure_ascii=False)
        assert ("Hemligt utkast" in found) is sees, name
        assert (draft in found) is sees, name
        versions = await exported(getattr(world, name), "versions")
        numbers = [row["number"] for row in versions if row["document"] == ids["central"]]
        assert numbers == ([] if name == "other_region" else [1, 2, 3, 4] if sees else [1, 2, 4]), (
            name
        )


@pytest.mark.parametrize("name", ["reporter", "national", "clinic_admin", "staff"])
async def test_the_detail_is_for_who_may_read_everything(world: World, name: str) -> None:
    caller: Caller = getattr(world, name)

    answer = await refusal(caller, "events.ndjson", detail="true", principal=STOCKHOLM)

    assert answer[:2] == (403, "NOT_PERMITTED")


async def test_another_principal_can_not_be_named(world: World) -> None:
    for name in EXPORTS:
        assert await refusal(world.region, f"{name}.csv", principal=UPPSALA) == (
            403,
            "NOT_PERMITTED",
            ["principal"],
        )


async def test_a_row_that_someone_may_not_know_of_is_none_to_go_on_from(world: World) -> None:
    await both_regions(world)
    place = (await fetched(world.staff, "assignments.csv")).headers["x-export-cursor"]

    for name in ("assignments", "clinics", "versions"):
        rows = {row["id"] for row in await exported(world.region, name)}
        seen = {row["id"] for row in await exported(world.staff, name)}
        assert rows - seen
        assert seen
        for row in rows - seen:
            assert await refusal(world.staff, f"{name}.csv", upTo=place, resume=row) == (
                400,
                "INVALID_CURSOR",
                ["resume"],
            )
        for row in seen:
            assert (
                await fetched(world.staff, f"{name}.csv", upTo=place, resume=row)
            ).status_code == 200


async def test_a_machine_reads_within_its_principal(world: World) -> None:
    await both_regions(world)
    machine = world.api.caller(Role.REPORTER, UPPSALA)

    found = await everything(machine)

    assert {name: {row["principal"] for row in rows} for name, rows in found.items()} == {  # type: ignore[index]
        name: {UPPSALA} for name in EXPORTS
    }
