"""Lists of documents: order, filters, and pages."""

import asyncio
from typing import Any

from tests.callers import BJORKEN, INERA, STOCKHOLM, Json
from tests.world import World

UPDATED_AT = "query($id: ID!) { caseType(id: $id) { updatedAt } }"


PAGE = """query($filter: DocumentFilter, $order: DocumentOrder,
        $first: Int, $after: String, $last: Int, $before: String) {
    caseTypes(filter: $filter, orderBy: $order,
            first: $first, after: $after, last: $last, before: $before) {
        totalCount edges { cursor node { id name } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


async def listed(world: World, **variables: Any) -> Json:
    """A page of case types."""
    page: Json = (await world.region.ask(PAGE, **variables))["caseTypes"]
    return page


def names_of(page: Json) -> list[str]:
    """The names on a page, in order."""
    return [edge["node"]["name"] for edge in page["edges"]]


async def create_named(world: World, *names: str) -> list[str]:
    """Create a draft with each name, and return their ids."""
    return [await world.draft({"name": name, "internalName": name}) for name in names]


async def test_names_sort_in_swedish_order_and_times_by_the_last_change(world: World) -> None:
    await create_named(world, "Övrigt", "ask", "Ärende", "Åtgärd", "Zon", "Björk")

    found = {
        order: names_of(await listed(world, order=order))
        for order in ("NAME_ASC", "NAME_DESC", "UPDATED_ASC", "UPDATED_DESC")
    }

    by_name = ["ask", "Björk", "Förnya recept", "Zon", "Åtgärd", "Ärende", "Övrigt"]
    by_time = ["Förnya recept", "Övrigt", "ask", "Ärende", "Åtgärd", "Zon", "Björk"]
    assert found == {
        "NAME_ASC": by_name,
        "NAME_DESC": by_name[::-1],
        "UPDATED_ASC": by_time,
        "UPDATED_DESC": by_time[::-1],
    }
    assert names_of(await listed(world)) == by_name


async def test_each_filter_returns_the_matching_case_types(world: World) -> None:
    start = (await world.region.ask(UPDATED_AT, id=world.case_type))["caseType"]["updatedAt"]
    await create_named(world, "Alfa", "Beta (.*)")
    own = await world.clinic_admin.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content={"name": "Egen", "internalName": "Björkens"},
    )
    archived = await create_named(world, "Borta")
    await world.region.done("documentArchive", "event { id }", id=archived[0], expectedVersion=1)
    local_time = (await world.region.ask(UPDATED_AT, id=own["caseType"]["id"]))["caseType"][
        "updatedAt"
    ]
    filters: list[tuple[Json, list[str]]] = [
        ({}, ["Alfa", "Beta (.*)", "Egen", "Förnya recept"]),
        ({"text": "FÖRNYA"}, ["Förnya recept"]),
        ({"text": "björkens"}, ["Egen"]),
        ({"text": "(.*)"}, ["Beta (.*)"]),
        ({"text": ".*"}, ["Beta (.*)"]),
        ({"text": "$ne"}, []),
        ({"owner": STOCKHOLM.lower()}, ["Alfa", "Beta (.*)", "Förnya recept"]),
        ({"owner": BJORKEN}, ["Egen"]),
        ({"owner": INERA}, []),
        ({"scope": "LOCAL"}, ["Egen"]),
        ({"scope": "CENTRAL"}, ["Alfa", "Beta (.*)", "Förnya recept"]),
        ({"state": ["ACTIVE"]}, ["Förnya recept"]),
        ({"state": ["ARCHIVED"]}, ["Borta"]),
        ({"state": ["DRAFT", "ARCHIVED"]}, ["Alfa", "Beta (.*)", "Borta", "Egen"]),
        ({"state": []}, []),
        ({"derivedFrom": world.template}, ["Förnya recept"]),
        ({"derivedFrom": world.case_type}, []),
        ({"changedSince": start}, ["Alfa", "Beta (.*)", "Egen", "Förnya recept"]),
        ({"changedSince": local_time}, ["Egen"]),
        ({"changedSince": local_time, "scope": "CENTRAL"}, []),
    ]

    for criteria, expected in filters:
        page = await listed(world, filter=criteria)
        assert (names_of(page), page["totalCount"]) == (expected, len(expected)), criteria


async def test_pages_neither_omit_nor_repeat_rows_during_writes(world: World) -> None:
    ids = set(await create_named(world, *(f"Namn {number % 4}" for number in range(22)))) | {
        world.case_type
    }

    for order in ("NAME_ASC", "NAME_DESC", "UPDATED_ASC"):
        writing = asyncio.create_task(
            create_named(world, *(f"Namn {number % 4}" for number in range(12)))
        )
        seen: list[str] = []
        after = None
        while True:
            page = await listed(world, order=order, first=5, after=after)
            assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
            assert len(page["edges"]) == 5 or not page["pageInfo"]["hasNextPage"]
            seen += [edge["node"]["id"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
        new = set(await writing)

        assert len(seen) == len(set(seen)), order
        assert ids <= set(seen) <= ids | new, order
        ids |= new


async def test_pages_backwards_are_the_list_from_its_end(world: World) -> None:
    await create_named(world, "Alfa", "Beta", "Gamma", "Delta")
    last = await listed(world, last=2)
    middle = await listed(world, last=2, before=last["pageInfo"]["startCursor"])
    first = await listed(world, last=2, before=middle["pageInfo"]["startCursor"])

    assert [names_of(page) for page in (first, middle, last)] == [
        ["Alfa"],
        ["Beta", "Delta"],
        ["Förnya recept", "Gamma"],
    ]
    assert [page["pageInfo"]["hasPreviousPage"] for page in (first, middle, last)] == [
        False,
        True,
        True,
    ]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, middle, last)] == [
        True,
        True,
        False,
    ]
    assert {page["totalCount"] for page in (first, middle, last)} == {5}
    assert last["edges"][0]["cursor"] == last["pageInfo"]["startCursor"]


async def test_wrong_page_arguments_are_refused_by_name(world: World) -> None:
    by_name = (await listed(world))["pageInfo"]["endCursor"]
    attempts: list[tuple[Json, Json]] = [
        ({"first": 101}, {"code": "OUT_OF_RANGE", "path": ["first"]}),
        ({"first": 0}, {"code": "OUT_OF_RANGE", "path": ["first"]}),
        ({"last": -1}, {"code": "OUT_OF_RANGE", "path": ["last"]}),
        ({"first": 1, "last": 1}, {"code": "FIRST_AND_LAST", "path": ["last"]}),
        ({"after": "skräp"}, {"code": "INVALID_CURSOR", "path": ["after"]}),
        ({"last": 1, "before": "W10"}, {"code": "INVALID_CURSOR", "path": ["before"]}),
        ({"after": by_name, "order": "UPDATED_ASC"}, {"code": "INVALID_CURSOR", "path": ["after"]}),
    ]

    for arguments, expected in attempts:
        [error] = (await world.region.post(PAGE, **arguments)).json()["errors"]
        assert error["extensions"] == expected, arguments
    assert len((await listed(world, first=100))["edges"]) == 1
