"""`search` over what is shared across principals: guidance and notices of every one, read with the
viewer's own documents as one list.
"""

from typing import Any

import pytest

from tests.api.test_search import found, ids
from tests.callers import INERA, STOCKHOLM, UPPSALA, Caller
from tests.kinds import SAMPLES
from tests.life import act, made
from tests.world import World

SHARED = ("guidance", "notice")
EVERYONE = ("national", "region", "other_region", "clinic_admin", "staff", "reviewer", "reporter")


async def pages(caller: Caller, text: str, size: int) -> list[list[str]]:
    """All pages of a search, by the ids on them; every page must tell the same total."""
    answers: list[dict[str, Any]] = [await found(caller, text, first=size)]
    while answers[-1]["pageInfo"]["hasNextPage"]:
        answers.append(
            await found(caller, text, first=size, after=answers[-1]["pageInfo"]["endCursor"])
        )
    read = [[edge["node"]["id"] for edge in answer["edges"]] for answer in answers]
    assert {answer["totalCount"] for answer in answers} == {sum(map(len, read))}
    return read


async def test_what_every_principal_shares_is_found_once_each_in_one_order_whatever_the_page(
    world: World,
) -> None:
    named: list[tuple[str, str]] = []
    mentioning: list[tuple[str, str]] = []
    for caller, owner in (
        (world.national, INERA),
        (world.region, STOCKHOLM),
        (world.other_region, UPPSALA),
    ):
        for one in SHARED:
            content = SAMPLES[one].with_text("Ett sökord.")
            named.append(
                (
                    owner,
                    await made(caller, SAMPLES[one], owner, publish=True, **content, name="Sökord"),
                )
            )
            mentioning.append(
                (owner, await made(caller, SAMPLES[one], owner, publish=True, **content))
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


@pytest.mark.parametrize("one", SHARED)
async def test_of_another_principals_shared_document_only_what_is_in_force_is_found(
    world: World, one: str
) -> None:
    sample = SAMPLES[one]
    document = await made(
        world.other_region, sample, UPPSALA, publish=True, **sample.with_text("Offentligt ord.")
    )
    changed = sample.with_text("Halvfärdigt ord.")
    await world.other_region.done(
        f"{one}Update", "event { id }", id=document, expectedVersion=1, content=changed
    )
    draft = await made(world.other_region, sample, UPPSALA, **changed)

    assert sorted(await ids(world.other_region, "halvfärdigt")) == sorted([document, draft])
    for name in set(EVERYONE) - {"other_region"}:
        caller = getattr(world, name)
        assert await ids(caller, "halvfärdigt") == []
        [edge] = (await found(caller, "offentligt"))["edges"]
        assert (edge["node"]["id"], [(hit["path"], hit["version"]) for hit in edge["hits"]]) == (
            document,
            [(sample.path, 1)],
        )

    await act(world.other_region, "documentArchive", document, 2)
    for name in EVERYONE:
        assert await ids(getattr(world, name), "offentligt") == []


@pytest.mark.parametrize("one", ["residentCase", "termsText", "standardReplyCollection"])
async def test_a_principals_own_kinds_are_not_found_by_another_principal(
    world: World, one: str
) -> None:
    document = await made(
        world.region, SAMPLES[one], publish=True, **SAMPLES[one].with_text("Ett sökord.")
    )

    assert await ids(world.staff, "sökord") == [document]
    assert await ids(world.other_region, "sökord") == []
