"""Exports in the log: who exported which rows with which parameters."""

from resolvers.exports.catalogue import EXPORTS
from tests.api.export_log import logged
from tests.callers import BJORKEN, INERA, STOCKHOLM
from tests.exporting import fetched
from tests.world import World


async def test_an_export_by_a_machine_is_in_the_log(world: World) -> None:
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


async def test_clinics_are_not_notified_of_exports(world: World) -> None:
    await world.distribute(world.case_type)
    query = (
        f'{{ clinic(hsaId: "{BJORKEN}") {{ notifications {{ totalCount }} unacknowledgedCount }} }}'
    )
    before = await world.staff.ask(query)

    await fetched(world.staff, "assignments.csv")
    await fetched(world.reporter, "events.csv")

    assert await world.staff.ask(query) == before
    assert [event["actor"]["role"] for event in await logged(world)] == ["REPORTER", "CLINIC_STAFF"]


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

    logged_exports = [event["export"] for event in await logged(world)]
    assert sorted(logged_exports) == sorted(
        [f"{name}.ndjson" for name in EXPORTS]
        + [f"{name}.ndjson?after=…" for name in ("assignments", "versions", "events", "adoption")]
    )


async def test_parameters_with_restricted_values_are_masked_in_the_log(world: World) -> None:
    await fetched(world.region, "events.csv", actor=f"{STOCKHOLM}-RA")
    await fetched(world.region, "clinics.csv", text="Björken")

    assert [event["export"] for event in await logged(world, caller=world.reporter)] == [
        "clinics.csv?text=…",
        "events.csv?actor=…",
    ]


async def test_an_export_of_several_principals_is_in_the_log_of_the_callers_principal(
    world: World,
) -> None:
    await fetched(world.national, "clinics.csv")

    assert [event["actor"]["role"] for event in await logged(world, INERA, world.national)] == [
        "NATIONAL_ADMINISTRATOR"
    ]
    assert await logged(world) == []
