"""Reports on distribution: case types per clinic, clinics per case type, lag and duplicates."""

import pytest

from tests.api.reporting import (
    acknowledge_all,
    distribute,
    linden,
    nodes,
    publish_case_type,
    publish_local_case_type,
    report,
    time_of,
)
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA, Json
from tests.world import World

PER_CLINIC = (
    "{ totalCount pageInfo { hasNextPage endCursor } edges { node { clinic { hsaId } caseTypes"
    " distributed followed own } } }"
)


def per_clinic(connection: Json) -> list[tuple[str, int, int, int, int]]:
    return [
        (row["clinic"]["hsaId"], row["caseTypes"], row["distributed"], row["followed"], row["own"])
        for row in nodes(connection)
    ]


async def test_case_types_are_counted_per_clinic_by_origin_including_clinics_without_any(
    world: World,
) -> None:
    other = await publish_case_type(world, "Boka tid")
    await publish_local_case_type(world, "Egen")
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    before = (
        await world.region.done("caseTypeFollow", "event { at }", caseType=other, clinic=BJORKEN)
    )["event"]["at"]
    await world.region.done(
        "caseTypeWithdraw",
        "event { at }",
        caseType=world.case_type,
        **{"from": {"hsaIds": [LINDEN]}},
    )
    rest = [(f"SE2321000016-1A0{number}", 0, 0, 0, 0) for number in (3, 4, 5)]

    now = await report(world.region, f"caseTypesPerClinic {PER_CLINIC}")
    then = await report(world.region, f"caseTypesPerClinic(asOf: $at) {PER_CLINIC}", at=before)
    most = await report(
        world.region,
        f"caseTypesPerClinic(orderBy: MOST_FIRST, asOf: $at, first: 2) {PER_CLINIC}",
        at=before,
    )
    fewest = await report(
        world.region, f"caseTypesPerClinic(orderBy: FEWEST_FIRST, first: 4) {PER_CLINIC}"
    )
    long_ago = await report(
        world.region, f"caseTypesPerClinic(asOf: $at) {PER_CLINIC}", at="2020-01-01T00:00:00Z"
    )

    assert per_clinic(now) == [(BJORKEN, 3, 1, 1, 1), (LINDEN, 0, 0, 0, 0), *rest]
    assert per_clinic(then) == [(BJORKEN, 3, 1, 1, 1), (LINDEN, 1, 1, 0, 0), *rest]
    assert (per_clinic(most), most["pageInfo"]["hasNextPage"]) == (
        [(BJORKEN, 3, 1, 1, 1), (LINDEN, 1, 1, 0, 0)],
        True,
    )
    assert per_clinic(fewest) == [(LINDEN, 0, 0, 0, 0), *rest]
    assert {now["totalCount"], then["totalCount"], most["totalCount"], fewest["totalCount"]} == {5}
    assert {row[1:] for row in per_clinic(long_ago)} == {(0, 0, 0, 0)}


@pytest.mark.parametrize("order", ["CLINIC_ASC", "MOST_FIRST", "FEWEST_FIRST"])
async def test_clinics_are_paged_without_gap_or_repeat_in_every_order(
    world: World, order: str
) -> None:
    await world.distribute(world.case_type, LINDEN)
    whole = await report(world.region, f"caseTypesPerClinic(orderBy: {order}) {PER_CLINIC}")
    found, after = [], None

    for _ in range(5):
        cursor = f', after: "{after}"' if after else ""
        page = await report(
            world.region, f"caseTypesPerClinic(orderBy: {order}, first: 1{cursor}) {PER_CLINIC}"
        )
        after = page["pageInfo"]["endCursor"]
        found += per_clinic(page)

    assert found == per_clinic(whole)
    assert page["pageInfo"]["hasNextPage"] is False


async def test_a_report_covers_the_selected_clinics(world: World) -> None:
    await world.distribute(world.case_type)
    group = await world.region.done(
        "clinicGroupSave", "clinicGroup { id }", principal=STOCKHOLM, name="Grupp", hsaIds=[LINDEN]
    )

    in_group = await report(
        world.region,
        f"caseTypesPerClinic {PER_CLINIC}",
        clinics={"group": group["clinicGroup"]["id"]},
    )
    midwives = await report(
        world.region,
        f"caseTypesPerClinic(orderBy: MOST_FIRST) {PER_CLINIC}",
        clinics={"businessClassifications": ["1504"]},
    )
    elsewhere = await report(world.region, f"caseTypesPerClinic {PER_CLINIC}", principal=UPPSALA)
    of_group = await report(
        world.region,
        "clinicsPerCaseType { edges { node { clinics } } }",
        clinics={"group": group["clinicGroup"]["id"]},
    )

    assert (per_clinic(in_group), in_group["totalCount"]) == ([(LINDEN, 1, 1, 0, 0)], 1)
    assert per_clinic(midwives) == [(BJORKEN, 1, 1, 0, 0)]
    assert (per_clinic(elsewhere), elsewhere["totalCount"]) == ([], 0)
    assert nodes(of_group) == [{"clinics": 1}]
    query = (
        "query($clinics: ClinicFilter) { reports(clinics: $clinics) { caseTypesPerClinic {"
        " totalCount } } }"
    )
    assert await world.staff.refused(query, clinics={"group": group["clinicGroup"]["id"]}) == [
        "NOT_FOUND"
    ]
    assert await world.region.refused(
        '{ reports(principal: "SE2321009999") { caseTypesPerClinic { totalCount } } }'
    ) == ["NOT_FOUND"]


PER_CASE_TYPE = """{ totalCount edges { node { caseType { id } version clinics distributed followed
    adoption { assigned acknowledged pending unseen byVersion { version clinics since } } } } }"""


async def test_clinics_are_counted_per_case_type_and_version_now_and_at_a_past_time(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    await acknowledge_all(world.staff, BJORKEN)
    await acknowledge_all(linden(world), LINDEN)
    replaced = await time_of(
        world,
        (await world.edit(world.case_type, 1, publish=True, introduction="Två."))["event"]["id"],
    )
    between = await acknowledge_all(world.staff, BJORKEN)
    await acknowledge_all(linden(world), LINDEN)
    await publish_local_case_type(world, "Egen")

    now = await report(world.region, f"clinicsPerCaseType {PER_CASE_TYPE}")
    then = await report(world.region, f"clinicsPerCaseType(asOf: $at) {PER_CASE_TYPE}", at=between)
    at_replacing = await report(
        world.region, f"clinicsPerCaseType(asOf: $at) {PER_CASE_TYPE}", at=replaced
    )
    own = await report(world.staff, f"clinicsPerCaseType {PER_CASE_TYPE}")
    long_ago = await report(
        world.region, f"clinicsPerCaseType(asOf: $at) {PER_CASE_TYPE}", at="2020-01-01T00:00:00Z"
    )

    row = {
        "caseType": {"id": world.case_type},
        "version": 2,
        "clinics": 2,
        "distributed": 2,
        "followed": 0,
    }
    lagging = {"version": 1, "clinics": 1, "since": replaced}
    assert nodes(now) == [
        {
            **row,
            "adoption": {
                "assigned": 2,
                "acknowledged": 2,
                "pending": 0,
                "unseen": 0,
                "byVersion": [{"version": 2, "clinics": 2, "since": None}],
            },
        }
    ]
    assert nodes(then) == [
        {
            **row,
            "adoption": {
                "assigned": 2,
                "acknowledged": 1,
                "pending": 1,
                "unseen": 0,
                "byVersion": [lagging, {"version": 2, "clinics": 1, "since": None}],
            },
        }
    ]
    assert nodes(at_replacing)[0]["adoption"]["byVersion"] == [{**lagging, "clinics": 2}]
    assert nodes(own)[0]["clinics"] == 1
    assert (long_ago["totalCount"], nodes(long_ago)) == (0, [])


BEHIND = "{ totalCount edges { node { clinic { hsaId } caseTypes since } } }"


async def test_clinics_behind_are_listed_with_the_time_since_now_and_at_a_past_time(
    world: World,
) -> None:
    other = await publish_case_type(world, "Boka tid")
    distributed_at = {}
    for case_type, clinic in (
        (world.case_type, BJORKEN),
        (other, BJORKEN),
        (world.case_type, LINDEN),
    ):
        distributed_at[case_type, clinic] = await time_of(
            world, (await distribute(world, case_type, clinic))
        )
    start = await report(world.region, f"clinicsBehind {BEHIND}")
    await acknowledge_all(world.staff, BJORKEN)
    await acknowledge_all(linden(world), LINDEN)
    nobody = await report(world.region, f"clinicsBehind {BEHIND}")
    replaced = await time_of(
        world,
        (await world.edit(world.case_type, 1, publish=True, introduction="Två."))["event"]["id"],
    )
    await acknowledge_all(linden(world), LINDEN)

    now = await report(world.region, f"clinicsBehind {BEHIND}")
    then = await report(
        world.region,
        f"clinicsBehind(asOf: $at, orderBy: MOST_FIRST) {BEHIND}",
        at=distributed_at[world.case_type, LINDEN],
    )
    both = await report(
        world.region, f"clinicsBehind(asOf: $at, orderBy: CLINIC_ASC) {BEHIND}", at=replaced
    )

    first = {
        "clinic": {"hsaId": BJORKEN},
        "caseTypes": 2,
        "since": distributed_at[world.case_type, BJORKEN],
    }
    second = {
        "clinic": {"hsaId": LINDEN},
        "caseTypes": 1,
        "since": distributed_at[world.case_type, LINDEN],
    }
    assert nodes(start) == nodes(then) == [first, second]
    assert (nobody["totalCount"], nodes(nobody)) == (0, [])
    assert (now["totalCount"], nodes(now)) == (
        1,
        [{"clinic": {"hsaId": BJORKEN}, "caseTypes": 1, "since": replaced}],
    )
    assert nodes(both) == [
        {"clinic": {"hsaId": clinic}, "caseTypes": 1, "since": replaced}
        for clinic in (BJORKEN, LINDEN)
    ]
    assert nodes(await report(linden(world), f"clinicsBehind {BEHIND}")) == []


PER_DUPLICATE = """{ totalCount edges { node { caseType { id } clinics sameName
    local { totalCount edges { node { similarity clinic { hsaId } caseType { id } } } } } } }"""


async def test_local_duplicates_equal_those_of_the_distribution_check(
    world: World,
) -> None:
    other = await publish_case_type(world, "Boka tid")
    same, alike, elsewhere = (
        await publish_local_case_type(world, "Förnya recept"),
        await publish_local_case_type(world, "Förnya receptet", LINDEN),
        await publish_local_case_type(world, "Intyg"),
    )
    archived = await publish_local_case_type(world, "Förnya recept", LINDEN)
    await world.region.done("documentArchive", "event { id }", id=archived, expectedVersion=1)
    check = """query($id: ID!) { checkDistribution(caseType: $id, to: { filter: {} }) {
        localCandidates { similarity clinic { hsaId } caseType { id } } } }"""

    found = nodes(await report(world.region, f"duplicatesPerCaseType {PER_DUPLICATE}"))
    checked = (await world.region.ask(check, id=world.case_type))["checkDistribution"][
        "localCandidates"
    ]
    national = nodes(await report(world.national, f"duplicatesPerCaseType {PER_DUPLICATE}"))
    own = nodes(await report(linden(world), f"duplicatesPerCaseType {PER_DUPLICATE}"))

    none = {"clinics": 0, "sameName": 0, "local": {"totalCount": 0, "edges": []}}
    assert [row["caseType"]["id"] for row in found] == [other, world.case_type]
    assert found[0] == {"caseType": {"id": other}, **none}
    assert (found[1]["clinics"], found[1]["sameName"], found[1]["local"]["totalCount"]) == (2, 1, 2)
    assert nodes(found[1]["local"]) == checked
    assert [row["caseType"]["id"] for row in checked] == [same, alike]
    assert elsewhere not in [row["caseType"]["id"] for row in checked]
    assert national == [
        {"caseType": {"id": case_type}, **none} for case_type in (other, world.case_type)
    ]
    assert [row["caseType"]["id"] for row in nodes(own[1]["local"])] == [alike]
