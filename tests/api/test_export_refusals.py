"""Exports that are refused: unknown names and values, wrong cursors, and missing permissions."""

import json

import pytest

from resolvers.exports.catalogue import EXPORTS
from store.records import Role
from tests.callers import STOCKHOLM, UPPSALA
from tests.exporting import fetched, refusal
from tests.world import World


async def test_unknown_exports_formats_parameters_and_values_are_refused(world: World) -> None:
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


async def test_all_faults_are_returned_at_once(world: World) -> None:
    assert await refusal(
        world.region, "assignments.csv", origin="GIFT", colour="red", asOf="x"
    ) == (
        400,
        "UNKNOWN_VALUE",
        ["origin", "colour", "asOf"],
    )


async def test_a_cursor_of_another_log_or_beyond_the_end_is_refused(world: World) -> None:
    foreign = (await fetched(world.other_region, "clinics.csv")).headers["x-export-cursor"]
    beyond = "WyJTRTIzMjEwMDAwMTYiLDk5OTld"

    assert await refusal(world.region, "clinics.csv", after=foreign) == (
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
async def test_an_export_cannot_be_resumed_after_an_unknown_row(
    world: World, name: str, row: str
) -> None:
    cursor = (await fetched(world.region, f"{name}.csv")).headers["x-export-cursor"]

    assert await refusal(world.region, f"{name}.csv", upTo=cursor, resume=row) == (
        400,
        "INVALID_CURSOR",
        ["resume"],
    )


async def test_formats_with_a_directory_at_the_end_cannot_be_resumed(world: World) -> None:
    await world.distribute(world.case_type)
    whole = await fetched(world.region, "assignments.ndjson")
    position = {
        "upTo": whole.headers["x-export-cursor"],
        "resume": json.loads(whole.text.splitlines()[0])["id"],
    }

    for ending in ("parquet", "xlsx"):
        assert await refusal(world.region, f"assignments.{ending}", **position) == (
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
