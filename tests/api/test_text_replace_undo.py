"""`textReplaceUndo`: what was before is written again as one act; whoever has edited since is in
the way, by name.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers.kinds.case_types import CASE_TYPE
from tests.callers import BJORKEN, STOCKHOLM, Json, problems
from tests.world import CONTENT, World

SELECT = """batch hits event { sequence action batch }
    documents { document { id latestVersion publishedVersion state } version newVersion published changes { path before after } }"""


async def changed(world: World, find: str = "Förnya", by: str = "Förläng", **other: Any) -> str:
    """A text change; its id."""
    done = await world.region.done(
        "textReplace", "batch", owner=STOCKHOLM, find=find, replace=by, **other
    )
    batch: str = done["batch"]
    return batch


async def undone(world: World, batch: str, **other: Any) -> Json:
    return await world.region.do("textReplaceUndo", SELECT, batch=batch, **other)


async def contents(world: World, *documents: str) -> list[Json]:
    """The newest contents as stored."""
    heads = await world.api.store.documents.get_many(documents)
    return [dict(heads[document].content) for document in documents]


async def test_drafts_are_undone_as_one_act(world: World) -> None:
    other = await world.draft()
    before = await contents(world, world.case_type, other)
    batch = await changed(world)

    done = await undone(world, batch, note="Fel ord")

    assert done["errors"] == []
    assert (done["hits"], done["event"]["action"], done["event"]["batch"]) == (
        None,
        "RESTORED",
        done["batch"],
    )
    assert done["batch"] != batch
    assert [
        (one["document"], one["version"], one["newVersion"], one["published"])
        for one in done["documents"]
    ] == [
        (
            {"id": world.case_type, "latestVersion": 3, "publishedVersion": 1, "state": "ACTIVE"},
            2,
            3,
            False,
        ),
        (
            {"id": other, "latestVersion": 3, "publishedVersion": None, "state": "DRAFT"},
            2,
            3,
            False,
        ),
    ]
    assert done["documents"][0]["changes"] == [
        {"path": "name", "before": "Förläng recept", "after": "Förnya recept"},
        {
            "path": "internalName",
            "before": "Förläng recept – regionen",
            "after": "Förnya recept – regionen",
        },
    ]
    assert await contents(world, world.case_type, other) == before
    query = (
        "query($id: ID!) { caseType(id: $id) { version { restoredFrom note derivedFrom { version }"
        " } verify { intact versions } } }"
    )
    assert (await world.region.ask(query, id=world.case_type))["caseType"] == {
        "version": {"restoredFrom": 1, "note": "Fel ord", "derivedFrom": {"version": 1}},
        "verify": {"intact": True, "versions": 3},
    }


async def test_what_was_put_in_force_is_taken_back_and_clinics_are_told(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    batch = await changed(world, publish=True)

    done = await undone(world, batch)

    assert [
        (one["document"]["publishedVersion"], one["published"]) for one in done["documents"]
    ] == [(3, True)]
    query = (
        "query($id: HsaId!) { clinic(hsaId: $id) { notifications(first: 2) { edges { node { action"
        " toVersion changes { after } } } } } }"
    )
    edges = (await world.staff.ask(query, id=BJORKEN))["clinic"]["notifications"]["edges"]
    assert [(edge["node"]["action"], edge["node"]["toVersion"]) for edge in edges] == [
        ("RESTORED", 3),
        ("PUBLISHED", 2),
    ]
    assert edges[0]["node"]["changes"][0] == {"after": "Förnya recept"}


async def test_an_undoing_is_undone_too(world: World) -> None:
    batch = await changed(world, publish=True)
    first = await undone(world, batch)

    again = await undone(world, first["batch"])

    assert [(one["newVersion"], one["changes"][0]["after"]) for one in again["documents"]] == [
        (4, "Förläng recept")
    ]
    # What was undone is not undone a second time.
    assert problems(await undone(world, batch)) == [
        ("VERSION_CONFLICT", f"documents.{world.case_type}")
    ]


async def test_documents_changed_since_are_in_the_way_and_nothing_is_written(world: World) -> None:
    edited, archived, released, untouched = [await world.draft() for _ in range(4)]
    batch = await changed(world)
    await world.edit(edited, 2, introduction="Nytt.")
    await world.region.done("documentArchive", "event { id }", id=archived, expectedVersion=2)
    await world.region.done(
        "documentPublish", "event { id }", id=released, version=2, expectedVersion=2
    )
    before = await world.api.snapshot()

    refused = await world.region.do(
        "textReplaceUndo",
        """batch errors { ... on VersionConflict { expectedVersion latestVersion by { name } changes { path } }
            ... on WrongState { state } }""",
        batch=batch,
    )

    assert problems(refused) == [
        ("VERSION_CONFLICT", f"documents.{edited}"),
        ("WRONG_STATE", f"documents.{archived}"),
        ("WRONG_STATE", f"documents.{released}"),
    ]
    conflict, gone, moved = refused["errors"]
    assert (conflict["expectedVersion"], conflict["latestVersion"], conflict["by"]["name"]) == (
        2,
        3,
        "Anna Andersson",
    )
    assert conflict["changes"] == [{"path": "introduction"}]
    assert (gone["state"], moved["state"]) == ("ARCHIVED", "ACTIVE")
    assert await world.api.snapshot() == before
    assert (await contents(world, untouched))[0]["name"] == "Förläng recept"


async def test_the_same_key_undoes_once(world: World) -> None:
    batch = await changed(world)
    first = await undone(world, batch, idempotencyKey="en-gång")
    before = await world.api.snapshot()

    assert await undone(world, batch, idempotencyKey="en-gång") == first
    assert problems(await undone(world, first["batch"], idempotencyKey="en-gång")) == [
        ("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")
    ]
    assert await world.api.snapshot() == before


@pytest.mark.parametrize(
    "batch",
    [
        "",
        "bt_",
        "bt_SE2321000016",
        "bt_SE2321000016.x",
        "bt_$ne.1",
        "ct_1",
        "x" * 5000,
        "bt_\x00.1",
    ],
)
async def test_what_is_no_text_change_is_not_found(world: World, batch: str) -> None:
    assert problems(await undone(world, batch)) == [("NOT_FOUND", "batch")]


async def test_only_those_who_may_edit_undo_and_others_learn_nothing(world: World) -> None:
    await world.draft(CONTENT | {"introduction": "Enbart här."})
    batch = await changed(world, "Enbart", "Bara")

    codes = await world.refusals("textReplaceUndo", batch=batch)

    assert codes == {
        "national": "NOT_FOUND",
        "other_region": "NOT_FOUND",
        "clinic_admin": "NOT_FOUND",
        "staff": "NOT_FOUND",
        "reviewer": "NOT_PERMITTED",
        "reporter": "NOT_FOUND",
        "nobody": "UNAUTHENTICATED",
    }


async def test_a_text_change_is_followed_by_its_batch(world: World) -> None:
    query = """subscription($which: EventFilter, $after: Cursor) { events(principal: "SE2321000016", filter: $which, after: $after) {
        batch document { id } } }"""
    first = 'query { principal(hsaId: "SE2321000016") { events(last: 1) { edges { cursor } } } }'
    [edge] = (await world.region.ask(first))["principal"]["events"]["edges"]
    batch = await changed(world)

    async with world.region.socket() as socket:
        await socket.subscribe(query, which={"batch": batch}, after=edge["cursor"])
        told = (await socket.next())["events"]

    assert told == {"batch": batch, "document": {"id": world.case_type}}


words = st.sampled_from(
    [
        "1177",
        "Vårdguiden",
        "1177 Vårdguiden",
        "[1177](https://www.1177.se)",
        "tid",
        "åäö",
        "{{clinic.name}}",
        "$1",
        "(a)",
        "**tid**",
    ]
)
prose = st.lists(words, min_size=1, max_size=5).map(" ".join)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    introductions=st.lists(prose, min_size=1, max_size=3),
    find=st.sampled_from(
        ["1177 Vårdguiden", "1177", "tid", "ti", "ö", "$1", "(a)", "**", "finns inte"]
    ),
    by=st.sampled_from(["1177", "", "\\1", "Å", "$&", "nya ord"]),
    publish=st.booleans(),
    whole=st.booleans(),
)
async def test_undoing_gives_back_what_was_before(
    world: World, introductions: list[str], find: str, by: str, publish: bool, whole: bool
) -> None:
    documents = [
        await world.draft(
            {
                "name": "Namn",
                "internalName": "Namn",
                "introduction": introduction,
                "rationale": introduction,
            }
        )
        for introduction in introductions
    ]
    for document in documents:
        await world.region.done(
            "documentPublish", "event { id }", id=document, version=1, expectedVersion=1
        )
    before = await contents(world, *documents)
    asked = {
        "owner": STOCKHOLM,
        "find": find,
        "replace": by,
        "wholeWords": whole,
        "publish": publish,
        "filter": {"ids": documents},
    }
    told = await world.region.done(
        "textReplace",
        "hits documents { document { id } changes { path after } problems { code } }",
        dryRun=True,
        **asked,
    )

    done = await world.region.do(
        "textReplace", "batch documents { document { id } changes { path after } }", **asked
    )

    if any(one["problems"] for one in told["documents"]):
        assert done["errors"]
        assert await contents(world, *documents) == before
        return
    assert [(one["document"], one["changes"]) for one in done["documents"]] == [
        (one["document"], one["changes"]) for one in told["documents"]
    ]
    hit = {one["document"]["id"] for one in done["documents"]}
    after = await contents(world, *documents)
    assert [document in hit for document in documents] == [
        one != other for one, other in zip(before, after, strict=True)
    ]
    if hit:
        undoing = await undone(world, done["batch"])
        assert undoing["errors"] == []
        assert await contents(world, *documents) == before
        heads = await world.api.store.documents.get_many(hit)
        assert [(head.latest, head.published) for head in heads.values()] == [
            (3, 3 if publish else 1)
        ] * len(hit)
        if publish:
            assert [CASE_TYPE.in_force(head) for head in heads.values()] == [
                head.content for head in heads.values()
            ]
