"""Drafts stay hidden in logs, lists, orders, cursors and counts."""

from tests.callers import BJORKEN, STOCKHOLM
from tests.world import CONTENT, World

SECRET = "Hemligt utkast"


async def test_readers_of_a_log_who_cannot_see_drafts_do_not_see_them_there(world: World) -> None:
    drafted = await world.edit(world.case_type, 1, name=SECRET)
    log = (
        "query($p: HsaId!) { principal(hsaId: $p) { events(first: 5) { edges { node { action"
        " changes { after } } } } } }"
    )
    node = "query($id: ID!) { node(id: $id) { ... on Event { action changes { after } } } }"

    for found in (
        await world.reporter.ask(log, p=STOCKHOLM),
        await world.reporter.ask(node, id=drafted["event"]["id"]),
    ):
        assert "EDITED" in str(found)
        assert SECRET not in str(found)
    assert SECRET in str(await world.region.ask(log, p=STOCKHOLM))


async def test_a_draft_does_not_move_a_case_type_in_the_lists_of_a_clinic(world: World) -> None:
    second = await world.draft()
    await world.region.done(
        "documentPublish", "event { id }", id=second, version=1, expectedVersion=1
    )
    query = """query($since: DateTime) {
      caseTypes(filter: {changedSince: $since}, orderBy: UPDATED_DESC) {
      totalCount edges { cursor node { id updatedAt } } } }"""
    before = await world.staff.ask(query)
    newest = before["caseTypes"]["edges"][0]["node"]["updatedAt"]

    await world.edit(world.case_type, 1, name=SECRET)

    assert [edge["node"]["id"] for edge in before["caseTypes"]["edges"]] == [
        second,
        world.case_type,
    ]
    assert await world.staff.ask(query) == before
    assert [
        edge["node"]["id"]
        for edge in (await world.staff.ask(query, since=newest))["caseTypes"]["edges"]
    ] == [second]
    assert [
        edge["node"]["id"] for edge in (await world.region.ask(query))["caseTypes"]["edges"]
    ] == [world.case_type, second]


async def test_a_list_orders_the_clinics_drafts_and_central_case_types_together(
    world: World,
) -> None:
    ids = [world.case_type]
    for number in range(4):
        created = await world.clinic_admin.done(
            "caseTypeCreate",
            "caseType { id }",
            owner=BJORKEN,
            content={"name": f"Egen {number}", "internalName": "x"},
        )
        ids.append(created["caseType"]["id"])
    await world.edit(world.case_type, 1, name=SECRET)
    query = """query($after: String) { caseTypes(orderBy: UPDATED_ASC, first: 2, after: $after) {
      pageInfo { endCursor hasNextPage } edges { node { id } } } }"""

    seen, after, more = [], None, True
    while more:
        page = (await world.clinic_admin.ask(query, after=after))["caseTypes"]
        seen += [edge["node"]["id"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]

    assert seen == ids


async def test_the_number_of_drafts_is_not_shown(world: World) -> None:
    await world.edit(world.case_type, 1, name=SECRET)
    query = "query($id: ID!) { caseType(id: $id) { verify { intact versions } } }"

    assert (await world.staff.ask(query, id=world.case_type))["caseType"]["verify"] == {
        "intact": True,
        "versions": 1,
    }
    assert (await world.region.ask(query, id=world.case_type))["caseType"]["verify"] == {
        "intact": True,
        "versions": 2,
    }


async def test_an_event_is_a_node_for_exactly_the_readers_of_that_history(
    world: World,
) -> None:
    created = await world.clinic_admin.done(
        "caseTypeCreate", "caseType { id }", owner=BJORKEN, content=CONTENT
    )
    own = created["caseType"]["id"]
    await world.clinic_admin.done(
        "documentPublish", "event { id }", id=own, version=1, expectedVersion=1
    )
    await world.clinic_admin.done(
        "caseTypeUpdate", "event { id }", id=own, expectedVersion=1, content={"name": "Utkast"}
    )
    query = "query($id: ID!) { caseType(id: $id) { history { edges { node { id } } } } }"
    acts = [
        edge["node"]["id"]
        for edge in (await world.region.ask(query, id=own))["caseType"]["history"]["edges"]
    ]

    for caller, seen in (
        (world.region, acts),
        (world.reviewer, acts),
        (world.clinic_admin, acts),
        (world.staff, acts[1:2]),
    ):
        history = (await caller.ask(query, id=own))["caseType"]["history"]["edges"]
        nodes = (await caller.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", ids=acts))[
            "nodes"
        ]
        assert [edge["node"]["id"] for edge in history] == seen
        assert [node["id"] for node in nodes if node] == seen
