"""`textReplaceUndo` restores the earlier texts as one act, unless a document was edited since."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers.kinds.case_types import CASE_TYPE
from tests.callers import BJORKEN, STOCKHOLM, Json, problems
from tests.world import CONTENT, World

SELECT = """batch hits event { sequence action batch }
    documents { document { id latestVersion publishedVersion state } version newVersion published
        changes { path before after } }"""


async def replace_text(
    world: World, find: str = "Förnya", by: str = "Förläng", **other: Any
) -> str:
    """Replace a text; return the id of the change."""
    done = await world.region.done(
        "textReplace", "batch", owner=STOCKHOLM, find=find, replace=by, **other
    )
    batch: str = done["batch"]
    return batch


async def undo(world: World, batch: str, **other: Any) -> Json:
    return await world.region.do("textReplaceUndo", SELECT, batch=batch, **other)


async def contents(world: World, *documents: str) -> list[Json]:
    """The latest contents as stored."""
    heads = await world.api.store.documents.get_many(documents)
    return [dict(heads[document].content) for document in documents]


async def test_drafts_are_undone_as_one_act(world: World) -> None:
    other = await world.draft()
    before = await contents(world, world.case_type, other)
    batch = await replace_text(world)

    done = await undo(world, batch, note="Fel ord")

    assert done["errors"] == []
    assert (done["hits"], done["event"]["action"], done["event"]["batch"]) == (
        None,
        "RESTORED",
        done["batch"],
    )
    assert done["batch"] != batch
    assert [
        (entry["document"], entry["version"], entry["newVersion"], entry["published"])
        for entry in done["documents"]
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


async def test_a_published_change_is_reverted_and_clinics_are_notified(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    batch = await replace_text(world, publish=True)

    done = await undo(world, batch)

    assert [
        (entry["document"]["publishedVersion"], entry["published"]) for entry in done["documents"]
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


async def test_an_undo_can_be_undone(world: World) -> None:
    batch = await replace_text(world, publish=True)
    first = await undo(world, batch)

    again = await undo(world, first["batch"])

    assert [
        (entry["newVersion"], entry["changes"][0]["after"]) for entry in again["documents"]
    ] == [(4, "Förläng recept")]
    # A change cannot be undone a second time.
    assert problems(await undo(world, batch)) == [
        ("VERSION_CONFLICT", f"documents.{world.case_type}")
    ]


async def test_documents_changed_since_prevent_the_undo_and_nothing_is_written(
    world: World,
) -> None:
    edited, archived, released, untouched = [await world.draft() for _ in range(4)]
    batch = await replace_text(world)
    await world.edit(edited, 2, introduction="Nytt.")
    await world.region.done("documentArchive", "event { id }", id=archived, expectedVersion=2)
    await world.region.done(
        "documentPublish", "event { id }", id=released, version=2, expectedVersion=2
    )
    before = await world.api.snapshot()

    refused = await world.region.do(
        "textReplaceUndo",
        """batch errors {
            ... on VersionConflict { expectedVersion latestVersion by { name } changes { path } }
            ... on WrongState { state } }""",
        batch=batch,
    )

    assert problems(refused) == [
        ("VERSION_CONFLICT", f"documents.{edited}"),
        ("WRONG_STATE", f"documents.{archived}"),
        ("WRONG_STATE", f"documents.{released}"),
    ]
    conflict, archived_error, released_error = refused["errors"]
    assert (conflict["expectedVersion"], conflict["latestVersion"], conflict["by"]["name"]) == (
        2,
        3,
        "Anna Andersson",
    )
    assert conflict["changes"] == [{"path": "introduction"}]
    assert (archived_error["state"], released_error["state"]) == ("ARCHIVED", "ACTIVE")
    assert await world.api.snapshot() == before
    assert (await contents(world, untouched))[0]["name"] == "Förläng recept"


async def test_an_idempotency_key_undoes_once(world: World) -> None:
    batch = await replace_text(world)
    first = await undo(world, batch, idempotencyKey="en-gång")
    before = await world.api.snapshot()

    assert await undo(world, batch, idempotencyKey="en-gång") == first
    assert problems(await undo(world, first["batch"], idempotencyKey="en-gång")) == [
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
async def test_an_id_that_is_not_a_text_change_is_not_found(world: World, batch: str) -> None:
    assert problems(await undo(world, batch)) == [("NOT_FOUND", "batch")]


async def test_only_callers_who_can_edit_undo_and_others_learn_nothing(world: World) -> None:
    await world.draft(CONTENT | {"introduction": "Enbart här."})
    batch = await replace_text(world, "Enbart", "Bara")

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


async def test_a_text_change_can_be_subscribed_to_by_its_batch(world: World) -> None:
    query = """subscription($filter: EventFilter, $after: Cursor) {
        events(principal: "SE2321000016", filter: $filter, after: $after) {
        batch document { id } } }"""
    first = 'query { principal(hsaId: "SE2321000016") { events(last: 1) { edges { cursor } } } }'
    [edge] = (await world.region.ask(first))["principal"]["events"]["edges"]
    batch = await replace_text(world)

    async with world.region.socket() as socket:
        await socket.subscribe(query, filter={"batch": batch}, after=edge["cursor"])
        event = (await socket.next())["events"]

    assert event == {"batch": batch, "document": {"id": world.case_type}}


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
texts = st.lists(words, min_size=1, max_size=5).map(" ".join)


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    introductions=st.lists(texts, min_size=1, max_size=3),
    find=st.sampled_from(
        ["1177 Vårdguiden", "1177", "tid", "ti", "ö", "$1", "(a)", "**", "finns inte"]
    ),
    by=st.sampled_from(["1177", "", "\\1", "Å", "$&", "nya ord"]),
    publish=st.booleans(),
    whole=st.booleans(),
)
async def test_an_undo_restores_the_earlier_contents(
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
    arguments = {
        "owner": STOCKHOLM,
        "find": find,
        "replace": by,
        "wholeWords": whole,
        "publish": publish,
        "filter": {"ids": documents},
    }
    preview = await world.region.done(
        "textReplace",
        "hits documents { document { id } changes { path after } problems { code } }",
        dryRun=True,
        **arguments,
    )

    done = await world.region.do(
        "textReplace", "batch documents { document { id } changes { path after } }", **arguments
    )

    if any(entry["problems"] for entry in preview["documents"]):
        assert done["errors"]
        assert await contents(world, *documents) == before
        return
    assert [(entry["document"], entry["changes"]) for entry in done["documents"]] == [
        (entry["document"], entry["changes"]) for entry in preview["documents"]
    ]
    hit = {entry["document"]["id"] for entry in done["documents"]}
    after = await contents(world, *documents)
    assert [document in hit for document in documents] == [
        old != new for old, new in zip(before, after, strict=True)
    ]
    if hit:
        undoing = await undo(world, done["batch"])
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
