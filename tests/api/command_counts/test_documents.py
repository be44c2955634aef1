"""Lists of documents and of events take as many commands for a large page as for a small one."""

import asyncio

from tests.api.command_counts.counting import Commands, counted
from tests.callers import STOCKHOLM
from tests.world import World


async def create_case_types(world: World) -> None:
    """Create 55 published case types from a template, each with a second version."""

    async def create(number: int) -> None:
        content = {"name": f"Ärendetyp {number}", "internalName": f"Nr {number}"}
        created = await world.region.done(
            "caseTypeCreate",
            "caseType { id }",
            owner=STOCKHOLM,
            content=content,
            fromTemplate={"id": world.template},
        )
        await world.edit(created["caseType"]["id"], 1, publish=True, introduction="Två.")

    await asyncio.gather(*(create(number) for number in range(55)))


LISTS = {
    "heads": (
        (
            "{ id name state latestVersion owner { ... on Principal { name } } content { name"
            " questions { key } } }"
        ),
        1,
    ),
    "newest versions": ("{ version { number hash author { name unitName } content { name } } }", 3),
    "a version by number": ("{ version(number: 1) { author { name } note } }", 3),
    "derivation": ("{ version { derivedFrom { behind template { name } } } }", 3),
    "history": ("{ history(first: 5) { totalCount edges { node { action actor { name } } } } }", 3),
    "versions": ("{ versions(first: 2) { edges { node { number author { name } } } } }", 3),
    "the version at a moment": ('{ versionAt(time: "2999-01-01T00:00:00Z") { number } }', 4),
    "changes": ("{ version { changes { path } } }", 4),
}


async def test_a_list_of_case_types_takes_as_many_commands_for_50_as_for_5(
    commands: Commands, world: World
) -> None:
    await create_case_types(world)

    for name, (node, limit) in LISTS.items():
        query = (
            f"query($first: Int!) {{ caseTypes(first: $first) {{ edges {{ node {node} }} pageInfo"
            " { hasNextPage } } }"
        )
        small, large = (
            await counted(commands, world, query, first=5),
            await counted(commands, world, query, first=50),
        )
        assert large == small, name
        assert large <= limit, (name, commands.seen)


async def test_a_list_with_blame_takes_one_more_command_for_each_hundred_values(
    commands: Commands, world: World
) -> None:
    await create_case_types(world)
    query = (
        "query($first: Int!) { caseTypes(first: $first) { edges { node { blame { path author { name"
        " } template { name } } } } } }"
    )
    values = {}
    others = {}

    for first in (5, 50):
        edges = (await world.region.ask(query, first=first))["caseTypes"]["edges"]
        values[first] = sum(len(edge["node"]["blame"]) for edge in edges)
        await counted(commands, world, query, first=first)
        others[first] = [name for name in commands.seen if name != "aggregate"]
        assert commands.seen.count("aggregate") <= 2 * values[first] // 100 + 2, (
            first
        )  # once for the case types, once for the template

    assert values[50] > 9 * values[5]
    assert len(others[50]) == len(others[5]) <= 14


async def test_pages_of_versions_and_history_take_as_many_commands_for_30_as_for_3(
    commands: Commands, world: World
) -> None:
    for version in range(1, 40):
        await world.edit(world.case_type, version, introduction=f"Text {version}")
    pages = {
        "versions": (
            (
                "versions(first: $first) { totalCount edges { node { number author { name } content"
                " { name } changes { path } } } }"
            ),
            5,
        ),
        "history": (
            (
                "history(first: $first) { totalCount edges { node { action actor { name } document"
                " { id } changes { path } } } }"
            ),
            7,
        ),
    }

    for name, (select, limit) in pages.items():
        query = f"query($id: ID!, $first: Int!) {{ caseType(id: $id) {{ {select} }} }}"
        small, large = [
            await counted(commands, world, query, id=world.case_type, first=first)
            for first in (3, 30)
        ]
        assert large == small, name
        assert large <= limit, (name, commands.seen)


async def test_pages_of_an_inbox_and_a_log_take_as_many_commands_for_25_as_for_3(
    commands: Commands, world: World
) -> None:
    await world.distribute(world.case_type)
    for version in range(1, 30):
        await world.edit(world.case_type, version, publish=True, introduction=f"Text {version}")
    pages = {
        "inbox": (
            "staff",
            """query($first: Int!) { clinic(hsaId: "SE2321000016-1A01") {
                notifications(first: $first) { totalCount edges { node {
                by { unitName } clinic { name } document { name } changes { path } } } } } }""",
            11,
        ),
        "log": (
            "region",
            """query($first: Int!) { principal(hsaId: "SE2321000016") {
                events(first: $first) { totalCount edges { node { actor { name }
                document { name } clinics { edges { node { name } } } changes { path } } } } } }""",
            8,
        ),
    }

    for name, (caller, query, limit) in pages.items():
        small, large = [
            await counted(commands, world, query, caller, first=first) for first in (3, 25)
        ]
        assert large == small, name
        assert large <= limit, (name, commands.seen)


async def test_nodes_by_id_are_read_in_one_batch(commands: Commands, world: World) -> None:
    ids = [await world.draft() for _ in range(12)]
    query = (
        "query($ids: [ID!]!) { nodes(ids: $ids) { ... on CaseType { name } ... on CaseTypeVersion {"
        " number } } }"
    )
    versions = [f"{document}.1" for document in ids]

    found = [
        await counted(commands, world, query, ids=chosen)
        for chosen in (ids[:2], ids, versions[:2], versions)
    ]

    assert found == [1, 1, 2, 2]


async def test_a_refused_query_takes_no_command(commands: Commands, world: World) -> None:
    commands.seen.clear()

    await world.api.nobody().refused("{ caseTypes { totalCount edges { node { id } } } }")

    assert commands.seen == []
