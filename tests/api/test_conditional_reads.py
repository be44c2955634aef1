"""Conditional reads: 304 where nothing was written that the answer depends on, and only where the
whole answer would be the same to the byte.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from graphql import get_named_type, is_leaf_type
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from execution.etags import CACHEABLE_FIELDS, CACHEABLE_TYPES
from schema.registry import schema
from store.records import Role
from tests.callers import BJORKEN, STOCKHOLM, UPPSALA, Caller
from tests.kinds import SAMPLES
from tests.life import made
from tests.serving import serving
from tests.storage.building import BY_ANNA
from tests.world import CONTENT, World

CONTENT_FIELDS = (
    "{ name introduction questions { key label options { key } } terms { heading } responseTime {"
    " amount } }"
)
OPERATIONS = [
    (
        "query One($id: ID!) { caseType(id: $id) { id state latestVersion updatedAt content"
        f" {CONTENT_FIELDS} }} }}"
    ),
    """query List($id: ID!) { caseType(id: $id) { scope }
        caseTypes(orderBy: UPDATED_DESC) { totalCount edges { cursor node { name state latestVersion } } } }""",
    """query Old($id: ID!) { caseType(id: $id) { version(number: 2) { id }
        versions { totalCount edges { node { number note hash content { name } } } } } }""",
    (
        "query Templates($id: ID!) { caseType(id: $id) { id } caseTypeTemplates { edges { node {"
        " name level publishedVersion } } } }"
    ),
]
UNSTEADY = [
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


async def read(caller: Caller, query: str, case_type: str, tag: str = '""') -> httpx2.Response:
    """A conditional read; an empty tag requests a new one."""
    headers = {"authorization": f"Bearer {caller.token}", "if-none-match": tag}
    return await caller.client.post(
        caller.api.url, json={"query": query, "variables": {"id": case_type}}, headers=headers
    )


async def test_who_has_the_answer_is_told_so_until_something_is_written(world: World) -> None:
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


async def test_a_star_matches_every_answer_that_has_a_tag(world: World) -> None:
    """And no other: neither one without a tag, nor one with errors, nor a mutation."""
    tag = (await read(world.region, OPERATIONS[0], world.case_type)).headers["etag"]
    faulty = "query($id: ID!) { caseType(id: $id) { id } caseTypes(first: 101) { totalCount } }"
    create = """mutation($id: ID!) { documentDeactivate(input: { id: $id, expectedVersion: 1 }) {
        event { id } errors { message } } }"""

    match = await read(world.region, OPERATIONS[0], world.case_type, "*")
    in_list = await read(world.region, OPERATIONS[0], world.case_type, f"*, {tag}")
    others = [
        await read(world.region, query, world.case_type, "*")
        for query in (UNSTEADY[0], faulty, create)
    ]

    assert (match.status_code, match.headers["etag"], match.content) == (304, tag, b"")
    assert in_list.status_code == 200, "a star is alone, or the header is malformed"
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


async def test_settings_that_an_answer_tells_of_change_its_tag(
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


async def test_no_tag_is_given_unasked_with_errors_to_national_viewers_or_where_more_matters(
    world: World,
) -> None:
    plain = await world.region.post(OPERATIONS[0], id=world.case_type)
    with_errors = await read(
        world.region,
        "query($id: ID!) { caseType(id: $id) { id } caseTypes(first: 0) { totalCount } }",
        world.case_type,
    )
    national = await read(world.national, OPERATIONS[3], world.case_type)
    unsteady = [await read(world.region, query, world.case_type) for query in UNSTEADY]

    assert "errors" in with_errors.json()
    assert ["etag" in answer.headers for answer in (plain, with_errors, national)] == [False] * 3
    assert [("etag" in answer.headers, "data" in answer.json()) for answer in unsteady] == [
        (False, True)
    ] * len(UNSTEADY)
    assert not [answer.text for answer in unsteady if "VALIDATION" in answer.text]


async def test_every_steady_type_and_field_is_in_the_schema() -> None:
    types = schema.graphql.type_map

    assert {
        (of, name)
        for of, names in CACHEABLE_FIELDS.items()
        for name in names
        if name not in types[of].fields  # type: ignore[attr-defined]
    } == set()
    assert set(types) >= CACHEABLE_TYPES


async def test_of_types_that_are_steady_as_a_whole_every_field_is_read_from_what_is_stored(
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
async def test_numbers_that_come_again_for_other_acts_after_a_restored_backup_do_not_match(
    world: World, *, clock_was_ahead: bool
) -> None:
    database = world.api.store.database
    if clock_was_ahead:  # times in a log never go back: from then on all acts have the same
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


async def test_what_is_written_while_an_answer_is_made_leaves_it_without_a_tag(
    world: World,
) -> None:
    await read(world.region, OPERATIONS[0], world.case_type)  # what is kept for all is read
    turns: asyncio.Semaphore = world.api.live.hub._store.database._reads
    permits = turns._value
    for _ in range(permits):
        await turns.acquire()
    asked = asyncio.create_task(read(world.region, OPERATIONS[0], world.case_type))
    async with asyncio.timeout(30):
        while not turns._waiters:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)
        after_the_tag = asyncio.create_task(turns.acquire())
        await asyncio.sleep(0)
        turns.release()
        await after_the_tag
        store = world.api.store
        [document] = (await store.documents.get_many([world.case_type])).values()
        await store.documents.deactivate(document, expected_version=1, act=BY_ANNA)
        for _ in range(permits):
            turns.release()
        answer = await asked

    assert answer.json()["data"]["caseType"]["state"] == "INACTIVE"
    assert "etag" not in answer.headers


async def renewed(world: World, chance: random.Random) -> None:
    """Publish a new version of the national template."""
    found = await world.national.ask(
        "query($id: ID!) { caseTypeTemplate(id: $id) { latestVersion } }", id=world.template
    )
    latest = found["caseTypeTemplate"]["latestVersion"]
    content = {"name": f"Mall {chance.random()}"}
    await world.national.do(
        "caseTypeTemplateUpdate",
        "event { id }",
        id=world.template,
        expectedVersion=latest,
        content=content,
        publish=True,
    )


async def archived(world: World, _: random.Random) -> None:
    """Archive another document, so that the first one can still be edited."""
    await world.region.done(
        "documentArchive",
        "event { id }",
        id=await made(world.region, SAMPLES["caseType"], publish=True),
        expectedVersion=1,
    )


Act = Callable[[World, random.Random], Awaitable[object]]
ACTS: dict[str, Act] = {
    "edit": lambda world, chance: head(
        world,
        lambda latest: world.edit(world.case_type, latest, introduction=f"Text {chance.random()}"),
    ),
    "edit and publish": lambda world, chance: head(
        world,
        lambda latest: world.edit(
            world.case_type, latest, publish=True, name=f"N{chance.random()}"
        ),
    ),
    "same again": lambda world, _: head(world, lambda latest: world.edit(world.case_type, latest)),
    "switch": lambda world, chance: head(
        world,
        lambda latest: world.region.do(
            chance.choice(["documentActivate", "documentDeactivate"]),
            "event { id }",
            id=world.case_type,
            expectedVersion=latest,
        ),
    ),
    "draft": lambda world, _: world.draft(),
    "local": lambda world, chance: world.clinic_admin.do(
        "caseTypeCreate",
        "event { id }",
        owner=BJORKEN,
        content={**CONTENT, "name": f"L{chance.random()}"},
    ),
    "distribute": lambda world, _: world.region.do(
        "caseTypeDistribute", "clinics", caseType=world.case_type, to={"hsaIds": [BJORKEN]}
    ),
    "template": lambda world, chance: world.national.do(
        "caseTypeTemplateCreate",
        "event { id }",
        owner="SE5565594230",
        content={**CONTENT, "name": f"T{chance.random()}"},
    ),
    "template in force": renewed,
    "template taken over": lambda world, _: head(
        world,
        lambda latest: world.region.do(
            "documentAdoptTemplate", "event { id }", id=world.case_type, expectedVersion=latest
        ),
    ),
    "text replaced": lambda world, chance: world.region.do(
        "textReplace",
        "batch",
        owner=STOCKHOLM,
        find="Vilket",
        replace=f"V{chance.random()}",
        publish=chance.random() < 0.5,
    ),
    "archive": archived,
    "restore": lambda world, _: head(
        world,
        lambda latest: world.region.do(
            "documentRestore", "event { id }", id=world.case_type, version=1, expectedVersion=latest
        ),
    ),
    "notice": lambda world, _: made(world.region, SAMPLES["notice"], publish=True),
    "elsewhere": lambda world, chance: world.other_region.do(
        "caseTypeCreate",
        "event { id }",
        owner=UPPSALA,
        content={**CONTENT, "name": f"U{chance.random()}"},
    ),
    "policies": lambda world, chance: world.region.do(
        "principalPoliciesSave",
        "event { id }",
        principal=STOCKHOLM,
        clinicsEdit=chance.random() < 0.5,
    ),
    "name": lambda world, chance: world.api.store.people.remember(
        "SE2321000016-RA", f"Anna {chance.random()}"
    ),
    "nothing": lambda world, _: world.region.ask("{ viewer { roles } }"),
}


async def head(world: World, act: Callable[[int], Awaitable[object]]) -> None:
    """Change the newest version."""
    found = await world.region.ask(
        "query($id: ID!) { caseType(id: $id) { latestVersion } }", id=world.case_type
    )
    await act(found["caseType"]["latestVersion"])


def examples(count: int) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Run a test with random changes to one registry."""
    chosen = settings(
        max_examples=count,
        deadline=None,
        phases=(Phase.explicit, Phase.reuse, Phase.generate),
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    drawn = given(
        acts=st.lists(st.sampled_from(sorted(ACTS)), min_size=1, max_size=3),
        seed=st.integers(0, 2**32),
    )
    return lambda test: chosen(drawn(test))


async def held_to_the_whole_answer(world: World, acts: list[str], seed: int) -> None:
    """Before and after random changes, for several callers: 304 if and only if nothing differs."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    callers = (world.region, world.clinic_admin, world.staff, world.reviewer, world.other_region)
    asked = chance.sample([(caller, query) for caller in callers for query in OPERATIONS], 10)
    before = [await read(caller, query, world.case_type) for caller, query in asked]
    for act in acts:
        await ACTS[act](world, chance)

    for (caller, query), old in zip(asked, before, strict=True):
        conditional = await read(caller, query, world.case_type, old.headers["etag"])
        whole = await caller.post(query, id=world.case_type)
        if conditional.status_code == 304:
            assert whole.content == old.content, (acts, query)
        else:
            assert conditional.content == whole.content
        if set(acts) <= {"nothing", "name"}:
            assert conditional.status_code == 304, (acts, query)


async def test_after_each_act_304_is_given_only_where_the_whole_answer_is_the_same(
    world: World,
) -> None:
    for act in ACTS:
        await held_to_the_whole_answer(world, [act], 1)


@examples(4)
async def test_after_random_acts_304_is_given_only_where_the_whole_answer_is_the_same(
    world: World, acts: list[str], seed: int
) -> None:
    await held_to_the_whole_answer(world, acts, seed)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@examples(400)
async def test_after_very_many_random_acts_304_is_given_only_where_the_whole_answer_is_the_same(
    world: World, acts: list[str], seed: int
) -> None:
    await held_to_the_whole_answer(world, acts, seed)
