"""Conditional reads: 304 if nothing was written since on which the response depends.

The whole response would then be identical to the byte.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from graphql import get_named_type, is_leaf_type

from execution.etags import CACHEABLE_FIELDS, CACHEABLE_TYPES
from schema.registry import schema
from store.records import Role
from tests.api.conditional_reading import OPERATIONS, read
from tests.callers import BJORKEN, STOCKHOLM, Caller
from tests.serving import serving
from tests.storage.building import BY_ANNA
from tests.world import World

NOT_CACHEABLE = [
    "{ viewer { actor { name } } }",
    "{ clinics { edges { node { status } } } }",
    "query($id: ID!) { caseType(id: $id) { version { author { name } } } }",
    "query($id: ID!) { caseType(id: $id) { owner { ... on Clinic { status } } } }",
    'query($id: ID!) { caseType(id: $id) { versionAt(time: "2099-01-01T00:00:00Z") { number } } }',
    "query($id: ID!) { node(id: $id) { id } }",
    '{ __type(name: "CaseType") { name } }',
    (
        "query($id: ID!) { caseType(id: $id) { id ...F } } fragment F on CaseType { history {"
        " totalCount } }"
    ),
    "query($id: ID!) { caseType(id: $id) { blame { path } } }",
    "query($id: ID!) { caseType(id: $id) { adoption { assigned } } }",
    "query($id: ID!) { caseType(id: $id) { version { derivedFrom { latestVersion } } } }",
    "query($id: ID!) { caseType(id: $id) { version { lineage { version } } } }",
    "{ caseTypeTemplates { edges { node { usage { behind } } } } }",
    "{ caseTypeTemplates { edges { node { comparison { version } } } } }",
    "{ caseTypeTemplates { edges { node { version { origin { hash } } } } } }",
    "{ notices { edges { node { name } } } }",
    'query($id: ID!) { search(text: "recept") { edges { node { id } } } caseType(id: $id) { id } }',
    "{ templateReview { totalCount } }",
    '{ reports(principal: "SE2321000016") { __typename } }',
]


async def test_a_matching_tag_gets_304_until_something_is_written(world: World) -> None:
    first = await read(world.region, OPERATIONS[0], world.case_type)
    again = await read(world.region, OPERATIONS[0], world.case_type, first.headers["etag"])
    several = await read(
        world.region, OPERATIONS[0], world.case_type, f'"x", W/{first.headers["etag"]}'
    )
    await world.edit(world.case_type, 1, introduction="Ny text")
    after = await read(world.region, OPERATIONS[0], world.case_type, first.headers["etag"])

    assert (first.status_code, again.status_code, several.status_code, after.status_code) == (
        200,
        304,
        304,
        200,
    )
    assert first.headers["cache-control"] == "private, no-cache"
    assert (again.content, again.headers["etag"], again.headers["cache-control"]) == (
        b"",
        first.headers["etag"],
        "private, no-cache",
    )
    assert after.json()["data"]["caseType"]["latestVersion"] == 2
    assert after.headers["etag"] != first.headers["etag"]


async def test_another_operation_variable_or_viewer_does_not_match(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    tag = (await read(world.region, OPERATIONS[0], world.case_type)).headers["etag"]

    others = [
        await read(world.region, OPERATIONS[1], world.case_type, tag),
        await read(world.region, OPERATIONS[0], world.template, tag),
        await read(world.staff, OPERATIONS[0], world.case_type, tag),
        await read(world.reviewer, OPERATIONS[0], world.case_type, tag),
    ]

    assert [answer.status_code for answer in others] == [200] * 4
    assert (
        await read(
            Caller(world.api, world.region.client, None), OPERATIONS[0], world.case_type, tag
        )
    ).json()["data"] is None


async def test_a_star_matches_only_responses_that_have_a_tag(world: World) -> None:
    """It matches no response without a tag, no response with errors, and no mutation."""
    tag = (await read(world.region, OPERATIONS[0], world.case_type)).headers["etag"]
    faulty = "query($id: ID!) { caseType(id: $id) { id } caseTypes(first: 101) { totalCount } }"
    create = """mutation($id: ID!) { documentDeactivate(input: { id: $id, expectedVersion: 1 }) {
        event { id } errors { message } } }"""

    match = await read(world.region, OPERATIONS[0], world.case_type, "*")
    in_list = await read(world.region, OPERATIONS[0], world.case_type, f"*, {tag}")
    others = [
        await read(world.region, query, world.case_type, "*")
        for query in (NOT_CACHEABLE[0], faulty, create)
    ]

    assert (match.status_code, match.headers["etag"], match.content) == (304, tag, b"")
    assert in_list.status_code == 200, "a star in a list makes the header malformed"
    assert [answer.status_code for answer in others] == [200] * 3
    assert others[1].json()["errors"][0]["extensions"]["code"] == "OUT_OF_RANGE"
    assert others[2].json()["data"]["documentDeactivate"]["errors"] == []


async def test_another_operation_of_the_same_document_does_not_match(world: World) -> None:
    document = (
        "query A($id: ID!) { caseType(id: $id) { id } } query B($id: ID!) { caseType(id: $id) {"
        " name } }"
    )

    async def named(name: str, tag: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer {world.region.token}", "if-none-match": tag}
        body = {"query": document, "operationName": name, "variables": {"id": world.case_type}}
        return await world.region.client.post(world.api.url, json=body, headers=headers)

    tag = (await named("A", '""')).headers["etag"]

    assert ((await named("A", tag)).status_code, (await named("B", tag)).status_code) == (304, 200)


async def test_settings_that_appear_in_a_response_change_its_tag(
    mongodb_uri: str, world: World, tmp_path: Path
) -> None:
    tags = []
    for limit in (20_000, 10_000, 20_000):
        async with serving(
            tmp_path, mongodb_uri, world.api.store, development=True, query_cost=limit
        ) as api:
            caller = api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM)
            tags.append((await read(caller, OPERATIONS[0], world.case_type)).headers["etag"])

    assert tags[0] == tags[2] != tags[1]


async def test_a_tag_is_sent_only_on_request_without_errors_for_cacheable_fields(
    world: World,
) -> None:
    """Viewers with a national role get no tag."""
    plain = await world.region.post(OPERATIONS[0], id=world.case_type)
    with_errors = await read(
        world.region,
        "query($id: ID!) { caseType(id: $id) { id } caseTypes(first: 0) { totalCount } }",
        world.case_type,
    )
    national = await read(world.national, OPERATIONS[3], world.case_type)
    not_cacheable = [await read(world.region, query, world.case_type) for query in NOT_CACHEABLE]

    assert "errors" in with_errors.json()
    assert ["etag" in answer.headers for answer in (plain, with_errors, national)] == [False] * 3
    assert [("etag" in answer.headers, "data" in answer.json()) for answer in not_cacheable] == [
        (False, True)
    ] * len(NOT_CACHEABLE)
    assert not [answer.text for answer in not_cacheable if "VALIDATION" in answer.text]


async def test_every_cacheable_type_and_field_is_in_the_schema() -> None:
    types = schema.graphql.type_map

    assert {
        (of, name)
        for of, names in CACHEABLE_FIELDS.items()
        for name in names
        if name not in types[of].fields  # type: ignore[attr-defined]
    } == set()
    assert set(types) >= CACHEABLE_TYPES


async def test_every_field_of_a_cacheable_type_is_read_from_the_stored_record(
    world: World,
) -> None:
    fields = {
        (of, name): found
        for of in sorted(CACHEABLE_TYPES)
        for name, found in schema.graphql.type_map[of].fields.items()  # type: ignore[attr-defined]
    }

    assert {
        place
        for place, found in fields.items()
        if found.extensions["strawberry-definition"].base_resolver is not None
    } == set()
    below = {get_named_type(found.type) for found in fields.values()}
    assert {kind.name for kind in below if not is_leaf_type(kind)} <= CACHEABLE_TYPES


@pytest.mark.parametrize("clock_was_ahead", [False, True])
async def test_sequence_numbers_reused_after_a_restored_backup_do_not_match(
    world: World, *, clock_was_ahead: bool
) -> None:
    database = world.api.store.database
    if clock_was_ahead:  # times in a log never go back: all later acts get this time
        await database["logs"].update_one(
            {"_id": STOCKHOLM}, {"$set": {"at": datetime(2099, 1, 1, tzinfo=UTC)}}
        )
    kept = {name: await database.find(name, {}) for name in ("documents", "logs")}
    await world.edit(world.case_type, 1, publish=True, introduction="Före")
    lost = await read(world.region, OPERATIONS[0], world.case_type)
    for name, rows in kept.items():
        for row in rows:
            await database[name].replace_one({"_id": row["_id"]}, row)
    await database["versions"].delete_one({"_id": f"{world.case_type}.2"})
    [log] = [row for row in kept["logs"] if row["_id"] == STOCKHOLM]
    await database["events"].delete_many(
        {"principal": STOCKHOLM, "sequence": {"$gt": log["sequence"]}}
    )
    await world.edit(world.case_type, 1, publish=True, introduction="Efter")

    after = await read(world.region, OPERATIONS[0], world.case_type, lost.headers["etag"])

    assert (after.status_code, after.json()["data"]["caseType"]["content"]["introduction"]) == (
        200,
        "Efter",
    )
    assert (
        after.json()["data"]["caseType"]["latestVersion"]
        == lost.json()["data"]["caseType"]["latestVersion"]
        == 2
    )


async def test_a_response_has_no_tag_if_something_is_written_meanwhile(
    world: World,
) -> None:
    await read(world.region, OPERATIONS[0], world.case_type)  # fills the shared caches
    read_slots: asyncio.Semaphore = world.api.live.hub._store.database._reads
    permits = read_slots._value
    for _ in range(permits):
        await read_slots.acquire()
    pending = asyncio.create_task(read(world.region, OPERATIONS[0], world.case_type))
    async with asyncio.timeout(30):
        while not read_slots._waiters:  # noqa: ASYNC110 - the semaphore offers no event
            await asyncio.sleep(0.01)
        after_the_tag = asyncio.create_task(read_slots.acquire())
        await asyncio.sleep(0)
        read_slots.release()
        await after_the_tag
        store = world.api.store
        [document] = (await store.documents.get_many([world.case_type])).values()
        await store.documents.deactivate(document, expected_version=1, act=BY_ANNA)
        for _ in range(permits):
            read_slots.release()
        answer = await pending

    assert answer.json()["data"]["caseType"]["state"] == "INACTIVE"
    assert "etag" not in answer.headers
