"""`search` across principals: guidance and notices of all, in one list with the viewer's own."""

from typing import Any

import pytest

from tests.api.test_search import search, search_ids
from tests.callers import INERA, STOCKHOLM, UPPSALA, Caller
from tests.kinds import SAMPLES
from tests.life import act, made
from tests.world import World

SHARED = ("guidance", "notice")
EVERYONE = ("national", "region", "other_region", "clinic_admin", "staff", "reviewer", "reporter")


async def pages(caller: Caller, text: str, size: int) -> list[list[str]]:
    """The ids on each page of a search; each page must have the same total."""
    answers: list[dict[str, Any]] = [await search(caller, text, first=size)]
    while answers[-1]["pageInfo"]["hasNextPage"]:
        answers.append(
            await search(caller, text, first=size, after=answers[-1]["pageInfo"]["endCursor"])
        )
    read = [[edge["node"]["id"] for edge in answer["edges"]] for answer in answers]
    assert {answer["totalCount"] for answer in answers} == {sum(map(len, read))}
    return read


async def test_shared_documents_are_found_once_and_in_one_order_at_any_page_size(
    world: World,
) -> None:
    named: list[tuple[str, str]] = []
    mentioning: list[tuple[str, str]] = []
    for caller, owner in (
        (world.national, INERA),
        (world.region, STOCKHOLM),
        (world.other_region, UPPSALA),
    ):
        for kind in SHARED:
            content = SAMPLES[kind].with_text("Ett sökord.")
            named.append(
                (
                    owner,
                    await made(
                        caller, SAMPLES[kind], owner, publish=True, **content, name="Sökord"
                    ),
                )
            )
            mentioning.append(
                (owner, await made(caller, SAMPLES[kind], owner, publish=True, **content))
            )
    own = await world.draft({"name": "Sökord", "internalName": "Bara regionens"})

    shared = [document for _, document in (*sorted(named), *sorted(mentioning))]
    with_own = [
        document for _, document in (*sorted([*named, (STOCKHOLM, own)]), *sorted(mentioning))
    ]
    for name in EVERYONE:
        expected = with_own if name in ("region", "reviewer") else shared
        for size in (1, 5, len(expected), 100):
            read = await pages(getattr(world, name), "sökord", size)
            assert [document for page in read for document in page] == expected, (name, size)
            assert {len(page) for page in read[:-1]} <= {size}


@pytest.mark.parametrize("kind", SHARED)
async def test_only_the_published_version_of_another_principals_document_is_found(
    world: World, kind: str
) -> None:
    sample = SAMPLES[kind]
    document = await made(
        world.other_region, sample, UPPSALA, publish=True, **sample.with_text("Offentligt ord.")
    )
    changed = sample.with_text("Halvfärdigt ord.")
    await world.other_region.done(
        f"{kind}Update", "event { id }", id=document, expectedVersion=1, content=changed
    )
    draft = await made(world.other_region, sample, UPPSALA, **changed)

    assert sorted(await search_ids(world.other_region, "halvfärdigt")) == sorted([document, draft])
    for name in set(EVERYONE) - {"other_region"}:
        caller = getattr(world, name)
        assert await search_ids(caller, "halvfärdigt") == []
        [edge] = (await search(caller, "offentligt"))["edges"]
        assert (edge["node"]["id"], [(hit["path"], hit["version"]) for hit in edge["hits"]]) == (
            document,
            [(sample.path, 1)],
        )

    await act(world.other_region, "documentArchive", document, 2)
    for name in EVERYONE:
        assert await search_ids(getattr(world, name), "offentligt") == []


@pytest.mark.parametrize("kind", ["residentCase", "termsText", "standardReplyCollection"])
async def test_documents_of_unshared_kinds_are_not_found_by_another_principal(
    world: World, kind: str
) -> None:
    document = await made(
        world.region, SAMPLES[kind], publish=True, **SAMPLES[kind].with_text("Ett sökord.")
    )

    assert await search_ids(world.staff, "sökord") == [document]
    assert await search_ids(world.other_region, "sökord") == []
