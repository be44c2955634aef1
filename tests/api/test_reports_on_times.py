"""Reports on time: how fast clinics acknowledge, and edits per month."""

from datetime import UTC, datetime, timedelta

from tests.api.reporting import (
    acknowledge_all,
    linden,
    publish_case_type,
    report,
    time_of,
)
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Json
from tests.world import World

TIME = "{ acknowledged pending medianSeconds p90Seconds histogram { upToHours acknowledgements } }"
TIMES = f"{{ publications total {TIME} byCaseType {{ caseType {{ id }} time {TIME} }} }}"


def seconds(first: str, second: str) -> float:
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()


async def test_the_time_from_publication_to_acknowledgement_is_measured_per_case_type_and_group(
    world: World,
) -> None:
    group = (
        await world.region.done(
            "clinicGroupSave",
            "clinicGroup { id }",
            principal=STOCKHOLM,
            name="Grupp",
            hsaIds=[LINDEN],
        )
    )["clinicGroup"]["id"]
    other = await publish_case_type(world, "Boka tid")
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    await world.distribute(other, BJORKEN)
    first = await time_of(
        world,
        (await world.edit(world.case_type, 1, publish=True, introduction="Två."))["event"]["id"],
    )
    first_acknowledged = await acknowledge_all(world.staff, BJORKEN)
    second = await time_of(
        world,
        (await world.edit(world.case_type, 2, publish=True, introduction="Tre."))["event"]["id"],
    )
    third = await time_of(
        world, (await world.edit(other, 1, publish=True, introduction="Två."))["event"]["id"]
    )
    last_acknowledged = await acknowledge_all(linden(world), LINDEN)
    by_group = (
        "acknowledgementTimes(from: $from) { byClinicGroup(groups: [$group]) { clinicGroup { id"
        f" }} time {TIME} }} }}"
    )

    found = await report(
        world.region, f"acknowledgementTimes(from: $from) {TIMES}", {"from": first}
    )
    only_first = await report(
        world.region,
        f"acknowledgementTimes(from: $from, to: $to) {TIMES}",
        {"from": first, "to": second},
    )
    of_document = await report(
        world.region,
        f"acknowledgementTimes(from: $from, caseType: $caseType) {TIMES}",
        {"from": first},
        caseType=other,
    )
    in_group = await report(world.region, by_group, {"from": first}, group=group)
    own = await report(world.staff, f"acknowledgementTimes(from: $from) {TIMES}", {"from": first})

    delays = sorted(
        [
            seconds(first, first_acknowledged),
            seconds(first, last_acknowledged),
            seconds(second, last_acknowledged),
        ]
    )
    assert (found["publications"], found["total"]["acknowledged"], found["total"]["pending"]) == (
        3,
        3,
        2,
    )
    assert (found["total"]["medianSeconds"], found["total"]["p90Seconds"]) == (delays[1], delays[2])
    bars = [(1, 3), (24, 0), (72, 0), (168, 0), (336, 0), (720, 0), (None, 0)]
    assert [
        (bar["upToHours"], bar["acknowledgements"]) for bar in found["total"]["histogram"]
    ] == bars
    of_other = {"acknowledged": 0, "pending": 1, "medianSeconds": None, "p90Seconds": None}
    by_case_type = {row["caseType"]["id"]: row["time"] for row in found["byCaseType"]}
    assert by_case_type[world.case_type] | {"pending": 2} == found["total"]
    assert by_case_type[world.case_type]["pending"] == 1
    assert {name: by_case_type[other][name] for name in of_other} == of_other
    assert (only_first["publications"], only_first["total"]["acknowledged"]) == (1, 2)
    assert [row["caseType"]["id"] for row in of_document["byCaseType"]] == [other]
    assert third > second
    [row] = in_group["byClinicGroup"]
    assert (row["clinicGroup"]["id"], row["time"]["acknowledged"], row["time"]["pending"]) == (
        group,
        2,
        0,
    )
    assert (own["total"]["acknowledged"], own["total"]["pending"]) == (1, 2)


async def test_invalid_periods_and_too_many_publications_are_refused(world: World) -> None:
    times = (
        "query($from: DateTime!, $to: DateTime) { reports { acknowledgementTimes(from: $from, to:"
        " $to) { publications } } }"
    )
    edits = (
        "query($from: DateTime!, $to: DateTime) { reports { editsPerMonth(from: $from, to: $to) {"
        " versions } } }"
    )
    for number in range(1, 202):
        await world.edit(world.case_type, number, publish=True, introduction=f"Text {number}.")
    start = "2026-01-01T00:00:00Z"

    assert await world.region.refused(times, **{"from": start}) == ["TOO_MANY"]
    for query in (times, edits):
        errors = [
            (await world.region.post(query, **{"from": "2990-01-01T00:00:00Z"} | end)).json()[
                "errors"
            ][0]
            for end in ({}, {"to": start})
        ]
        assert [(error["extensions"]["code"], error["extensions"]["path"]) for error in errors] == [
            ("OUT_OF_RANGE", ["from"]),
            ("OUT_OF_RANGE", ["to"]),
        ]
        assert await world.region.refused(query, **{"from": start, "to": start}) == ["OUT_OF_RANGE"]
        assert await world.region.refused(
            query, **{"from": "2016-01-01T00:00:00Z", "to": start}
        ) == ["OUT_OF_RANGE"]


EDITS = "{ principal { hsaId } month versions }"


async def test_edits_are_counted_per_principal_and_month_in_swedish_time(world: World) -> None:
    versions = world.api.store.database["versions"]
    for number, moment in enumerate(
        (
            "2025-12-31T22:59:59.999Z",
            "2025-12-31T23:00:00Z",
            "2026-06-30T21:59:59.999Z",
            "2026-06-30T22:00:00Z",
        ),
        1,
    ):
        await world.edit(world.case_type, number, introduction=f"Text {number}.")
        # The clock of the registry cannot be set back, so the stored time is changed.
        await versions.update_one(
            {"document": world.case_type, "number": number + 1},
            {"$set": {"created_at": datetime.fromisoformat(moment)}},
        )
    period: Json = {"from": "2025-12-31T22:59:59.999Z", "to": "2026-06-30T22:00:00Z"}
    everything: Json = {"from": "2025-01-01T00:00:00Z", "to": "2026-07-01T00:00:00Z"}

    inside = await report(world.region, f"editsPerMonth(from: $from, to: $to) {EDITS}", period)
    whole = await report(world.reporter, f"editsPerMonth(from: $from, to: $to) {EDITS}", everything)
    now = await report(
        world.region,
        f"editsPerMonth(from: $from) {EDITS}",
        {"from": (datetime.now(UTC) - timedelta(days=1)).isoformat()},
    )

    stockholm = {"principal": {"hsaId": STOCKHOLM}}
    expected = [("2026-06", 1), ("2026-01", 1), ("2025-12", 1)]
    assert inside == [
        {**stockholm, "month": month, "versions": number} for month, number in expected
    ]
    assert whole == [{**stockholm, "month": "2026-07", "versions": 1}, *inside]
    assert sum(row["versions"] for row in now) == 1
