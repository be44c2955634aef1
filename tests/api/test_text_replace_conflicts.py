"""`textReplace` of several documents: expected versions, concurrent edits and the limit."""

import asyncio

from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.validation import validate
from store.records import Owner, OwnerKind
from tests.api.text_changes import content_of, log_of, replace
from tests.callers import STOCKHOLM, problems
from tests.storage.building import BY_ANNA
from tests.world import CONTENT, World


async def test_expected_versions_select_the_documents_and_conflict_when_stale(world: World) -> None:
    other = await world.draft()
    await world.edit(other, 1, introduction="Någon annan hann före.")
    before = await world.api.snapshot()
    conflict = (
        "errors { ... on VersionConflict { expectedVersion latestVersion by { name } changes { path"
        " } } }"
    )

    refused = await world.region.do(
        "textReplace",
        f"batch {conflict}",
        owner=STOCKHOLM,
        find="Förnya",
        replace="Förläng",
        expected=[{"id": world.case_type, "version": 1}, {"id": other, "version": 1}],
    )
    assert problems(refused) == [("VERSION_CONFLICT", f"documents.{other}")]
    assert (refused["errors"][0]["latestVersion"], refused["errors"][0]["changes"]) == (
        2,
        [{"path": "introduction"}],
    )
    assert await world.api.snapshot() == before

    done = await replace(world, "Förnya", "Förläng", expected=[{"id": other, "version": 2}])

    assert [entry["document"]["id"] for entry in done["documents"]] == [other]


async def test_a_concurrent_change_affects_all_documents_or_none(world: World) -> None:
    documents = [
        await world.draft(CONTENT | {"name": f"Tävling {number}", "introduction": "Före."})
        for number in range(8)
    ]

    async def edit(document: str) -> bool:
        saved = await world.region.do(
            "caseTypeUpdate",
            "version { number }",
            id=document,
            expectedVersion=1,
            content={"rationale": "En annan ändring."},
        )
        return not saved["errors"]

    replacing = asyncio.create_task(replace(world, "Före.", "Efter.", filter={"ids": documents}))
    edits = await asyncio.gather(*map(edit, documents))
    done = await replacing

    found = [await content_of(world, document) for document in documents]
    if done["errors"]:
        assert {error["code"] for error in done["errors"]} == {"VERSION_CONFLICT"}
        assert {error["path"][1] for error in done["errors"]} <= set(documents)
        assert [version["content"]["introduction"] for version in found] == ["Före."] * 8
    else:
        assert [version["content"]["introduction"] for version in found] == ["Efter."] * 8
        # Earlier edits were read before the replacement; later edits were refused.
        assert [version["number"] for version in found] == [3 if saved else 2 for saved in edits]
    numbers = (
        [event["version"] for event in await log_of(world, batch=done["batch"])]
        if done["batch"]
        else []
    )
    assert len(numbers) == (0 if done["errors"] else 8)


async def test_five_hundred_documents_are_changed_together_and_more_are_refused(
    world: World,
) -> None:
    content = validate(
        CASE_TYPE, {"name": "Många", "internalName": "Många", "introduction": "Ett ord."}
    )
    owner = Owner(OwnerKind.PRINCIPAL, STOCKHOLM)
    documents = world.api.store.documents
    saved = await asyncio.gather(
        *(
            documents.create(
                CASE_TYPE,
                principal=STOCKHOLM,
                owner=owner,
                content=content,
                derived_from=None,
                act=BY_ANNA,
            )
            for _ in range(501)
        )
    )
    ids = [result.document.id for result in saved if result.document]
    before = await world.api.snapshot()

    for dry_run in (True, False):
        assert problems(await replace(world, "Många", "Flera", dryRun=dry_run)) == [
            ("TOO_MANY", "filter")
        ]
    assert await world.api.snapshot() == before
    done = await world.region.done(
        "textReplace",
        "batch hits",
        owner=STOCKHOLM,
        find="Många",
        replace="Flera",
        filter={"ids": ids[:500]},
    )

    assert done["hits"] == 1_000
    query = (
        "query($id: HsaId!, $batch: ID!) { principal(hsaId: $id) { events(filter: { batch: $batch"
        " }) { totalCount } } }"
    )
    counted = await world.region.ask(query, id=STOCKHOLM, batch=done["batch"])
    assert counted["principal"]["events"]["totalCount"] == 500
    undone = await world.region.done(
        "textReplaceUndo", "documents { newVersion }", batch=done["batch"]
    )
    assert [document["newVersion"] for document in undone["documents"]] == [3] * 500
