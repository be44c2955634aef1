"""The list of assignments: filters, order of time, pages and refusals."""

from typing import Any

import pytest

from tests.api.reporting import (
    acknowledge_all,
    distribute,
    nodes,
    publish_case_type,
    publish_local_case_type,
    time_of,
)
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA, UPPSALA_CLINIC, Caller
from tests.world import World

LIST = """query(
    $filter: AssignmentFilter, $asOf: DateTime, $orderBy: AssignmentOrder,
    $first: Int, $after: String
) {
    assignments(filter: $filter, asOf: $asOf, orderBy: $orderBy, first: $first, after: $after) {
        totalCount pageInfo { endCursor hasNextPage }
        edges { node { clinic { hsaId } caseType { id } since } } } }"""


async def listed(
    caller: Caller,
    *,
    orderBy: str | None = None,  # noqa: N803 - named as in the API
    asOf: str | None = None,  # noqa: N803 - named as in the API
    **filter: Any,
) -> list[tuple[str, str]]:
    found = (await caller.ask(LIST, filter=filter, orderBy=orderBy, asOf=asOf))["assignments"]
    rows = [(row["clinic"]["hsaId"], row["caseType"]["id"]) for row in nodes(found)]
    assert found["totalCount"] == len(rows)
    return rows


async def test_assignments_are_filtered_by_each_criterion(world: World) -> None:
    other = await publish_case_type(world, "Boka tid")
    own = await publish_local_case_type(world, "Egen")
    await world.distribute(other, LINDEN)
    distributed_at = await time_of(world, await distribute(world, world.case_type, BJORKEN, LINDEN))
    await acknowledge_all(world.staff, BJORKEN)
    await world.region.done("documentDeactivate", "event { id }", id=other, expectedVersion=1)
    everything = sorted(
        [(BJORKEN, own), (BJORKEN, world.case_type), (LINDEN, other), (LINDEN, world.case_type)]
    )

    assert (
        await listed(world.region) == await listed(world.region, principal=STOCKHOLM) == everything
    )
    assert (
        await listed(world.region, principal=UPPSALA)
        == await listed(world.region, principal=UPPSALA, clinic=BJORKEN)
        == []
    )
    assert await listed(world.national, principal=STOCKHOLM, asOf=distributed_at) == [
        row for row in everything if row[1] != own
    ]
    assert await listed(world.region, scope="LOCAL") == [(BJORKEN, own)]
    assert await listed(world.region, scope="CENTRAL") == [
        row for row in everything if row[1] != own
    ]
    assert await listed(world.national, scope="LOCAL") == []
    assert await listed(world.region, state=["INACTIVE"]) == [(LINDEN, other)]
    assert await listed(world.region, state=["ACTIVE"]) == [
        row for row in everything if row[1] != other
    ]
    assert await listed(world.region, state=["ACTIVE", "INACTIVE", "DRAFT"]) == everything
    assert await listed(world.region, state=["ARCHIVED"]) == []
    assert await listed(world.region, businessClassifications=["1504"]) == [
        row for row in everything if row[0] == BJORKEN
    ]
    assert await listed(world.region, businessClassifications=["1504"], clinic=LINDEN) == []
    assert await listed(world.region, caseType=world.case_type, acknowledgedVersion=1) == [
        (BJORKEN, world.case_type)
    ]
    assert await listed(world.region, since=distributed_at) == [
        (BJORKEN, world.case_type),
        (LINDEN, world.case_type),
    ]
    assert await listed(world.region, until=distributed_at) == [
        row for row in everything if row[1] != world.case_type
    ]


@pytest.mark.parametrize("order", ["SINCE_ASC", "SINCE_DESC"])
async def test_assignments_are_paged_in_order_of_time(world: World, order: str) -> None:
    other = await publish_case_type(world, "Boka tid")
    await world.distribute(other, LINDEN)
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    whole, after = [], None

    while True:
        page = (await world.region.ask(LIST, orderBy=order, first=1, after=after))["assignments"]
        [row] = nodes(page)
        whole.append((row["since"], row["clinic"]["hsaId"]))
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    assert len(set(whole)) == 3
    assert [since for since, _ in whole] == sorted(
        (since for since, _ in whole), reverse=order == "SINCE_DESC"
    )
    assert (whole[0] if order == "SINCE_ASC" else whole[-1])[1] == LINDEN


async def test_unsupported_assignment_queries_are_refused_with_a_code(world: World) -> None:
    past = "2026-01-01T00:00:00Z"

    for criteria in (
        {"behindOnly": True},
        {"acknowledgedVersion": 1, "caseType": world.case_type},
        {"state": ["ACTIVE"]},
    ):
        assert await world.region.refused(LIST, filter=criteria, asOf=past) == ["NOT_WITH_AS_OF"]
    assert await world.region.refused(LIST, filter={"acknowledgedVersion": 1}) == [
        "WHICH_CASE_TYPE"
    ]
    assert (
        await world.national.refused(LIST, orderBy="SINCE_ASC")
        == await world.national.refused(LIST, asOf=past)
        == ["WHOSE_LOG"]
    )
    assert await world.region.refused(LIST, filter={"principal": "SE2321009999"}) == ["NOT_FOUND"]
    assert (
        await listed(world.other_region, clinic=BJORKEN)
        == await listed(world.region, clinic=UPPSALA_CLINIC)
        == []
    )
