"""`search` finds documents for each caller, with the places of the words, within their rights."""

from pathlib import Path

import pytest

from store.records import Role
from store.registry import Store
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA, Caller, Json
from tests.kinds import SAMPLES
from tests.serving import serving
from tests.storage.building import published
from tests.world import CONTENT, World

SEARCH = """query($text: String!, $first: Int, $after: String) {
    search(text: $text, first: $first, after: $after) { totalCount
    pageInfo { hasNextPage hasPreviousPage endCursor } edges { cursor node { __typename id name }
        hits { path label version segments { text hit } } } } }"""


async def search(caller: Caller, text: str, **paging: object) -> Json:
    answer: Json = (await caller.ask(SEARCH, text=text, **paging))["search"]
    return answer


async def search_ids(caller: Caller, text: str) -> list[str]:
    answer = await search(caller, text)
    assert answer["totalCount"] == len(answer["edges"])
    return [edge["node"]["id"] for edge in answer["edges"]]


async def test_documents_of_every_kind_are_found_with_the_places_of_the_hits(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    adapted = await world.clinic_admin.done(
        "localAdaptationSave",
        "localAdaptation { id }",
        clinic=BJORKEN,
        caseType=world.case_type,
        expectedVersion=0,
        terms=[],
        standardReplies=[
            {"key": "egen", "label": "Eget", "text": "Hämta läkemedlet på **apotek**."}
        ],
    )

    answer = await search(world.region, "apotek")

    assert [
        (edge["node"]["__typename"], edge["node"]["id"], edge["node"]["name"])
        for edge in answer["edges"]
    ] == [
        ("CaseType", world.case_type, "Förnya recept"),
        ("LocalAdaptation", adapted["localAdaptation"]["id"], "Förnya recept"),
        ("CaseTypeTemplate", world.template, "Förnya recept"),
    ]
    assert [edge["hits"] for edge in answer["edges"]][:2] == [
        [
            {
                "path": "questions[apotek].label",
                "label": "Frågor › ”Vill du välja apotek?” › Etikett",
                "version": 1,
                "segments": [
                    {"text": "Vill du välja ", "hit": False},
                    {"text": "apotek", "hit": True},
                    {"text": "?", "hit": False},
                ],
            },
            {
                "path": "questions[vilket].label",
                "label": "Frågor › ”Vilket apotek?” › Etikett",
                "version": 1,
                "segments": [
                    {"text": "Vilket ", "hit": False},
                    {"text": "apotek", "hit": True},
                    {"text": "?", "hit": False},
                ],
            },
        ],
        [
            {
                "path": "standardReplies[egen].text",
                "label": "Standardsvar › ”Eget” › Text",
                "version": 1,
                "segments": [
                    {"text": "Hämta läkemedlet på **", "hit": False},
                    {"text": "apotek", "hit": True},
                    {"text": "**.", "hit": False},
                ],
            }
        ],
    ]


async def test_a_hit_in_a_long_text_is_an_excerpt_of_plain_text(world: World) -> None:
    text = (
        "Fyllnad och mera. " * 40
        + "Här står 1 \\< 2 & sökordet i mitten. "
        + "Ännu mera fyllnad. " * 40
    )
    await world.draft(CONTENT | {"introduction": text})

    [edge] = (await search(world.region, "sökord"))["edges"]

    [hit] = edge["hits"]
    shown = "".join(segment["text"] for segment in hit["segments"])
    assert [segment["text"] for segment in hit["segments"] if segment["hit"]] == ["sökordet"]
    assert "1 \\< 2 & sökordet i mitten." in shown
    assert shown in text
    assert 200 < len(shown) <= 300


async def test_a_document_has_at_most_ten_hits(world: World) -> None:
    questions = [
        {"key": f"q{number}", "label": f"Fråga {number} om sökord", "kind": "DATE"}
        for number in range(15)
    ]
    await world.draft(CONTENT | {"questions": questions})

    [edge] = (await search(world.region, "sökord"))["edges"]

    assert [hit["path"] for hit in edge["hits"]] == [
        f"questions[q{number}].label" for number in range(10)
    ]


async def test_a_draft_is_found_only_by_callers_who_can_see_drafts(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Hemligheten är inte klar.")
    draft = await world.draft(CONTENT | {"name": "Hemlighet"})

    for caller in (world.region, world.reviewer):
        assert await search_ids(caller, "hemlighet") == [draft, world.case_type]
    for caller in (
        world.staff,
        world.clinic_admin,
        world.reporter,
        world.national,
        world.other_region,
    ):
        assert await search(caller, "hemlighet") == {
            "totalCount": 0,
            "edges": [],
            "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "endCursor": None},
        }
        # The published version is found, and no hit is in the draft.
        edges = (await search(caller, "läkemedel"))["edges"]
        assert {hit["version"] for edge in edges for hit in edge["hits"]} == {1}
    [edge] = [
        edge
        for edge in (await search(world.region, "hemlighet"))["edges"]
        if edge["node"]["id"] == world.case_type
    ]
    assert [(hit["path"], hit["version"]) for hit in edge["hits"]] == [("introduction", 2)]


async def test_a_local_administrator_finds_nothing_of_another_clinic(world: World) -> None:
    linden = world.api.caller(Role.LOCAL_ADMINISTRATOR, LINDEN)
    created = await linden.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=LINDEN,
        content=CONTENT | {"name": "Enbart Linden"},
    )
    await linden.done(
        "documentPublish",
        "event { id }",
        id=created["caseType"]["id"],
        version=1,
        expectedVersion=1,
    )

    assert await search_ids(linden, "enbart linden") == [created["caseType"]["id"]]
    assert await search_ids(world.region, "enbart linden") == [created["caseType"]["id"]]
    for caller in (world.clinic_admin, world.staff, world.national, world.other_region):
        assert await search_ids(caller, "enbart linden") == []


async def test_notices_published_by_any_principal_are_found_by_all_callers_across_pages(
    world: World,
) -> None:
    names: dict[str, str] = {}
    for writer, owner, shown in ((world.region, STOCKHOLM, 3), (world.other_region, UPPSALA, 4)):
        for number in range(shown + 1):
            content = {
                **SAMPLES["notice"].content,
                "name": f"Avbrott {owner[-2:]} {number}",
                "internalName": "Avbrott",
            }
            created = await writer.done(
                "noticeCreate", "notice { id }", owner=owner, content=content
            )
            names[created["notice"]["id"]] = (
                f"{owner[-2:]} {'draft' if number == shown else 'published'}"
            )
            if number < shown:
                await writer.done(
                    "documentPublish",
                    "event { id }",
                    id=created["notice"]["id"],
                    version=1,
                    expectedVersion=1,
                )
    everyone = ["16 published"] * 3 + ["24 published"] * 4

    seen = {}
    for name in ("staff", "region", "other_region", "national", "reporter"):
        caller: Caller = getattr(world, name)
        pages: list[str] = []
        after = None
        while after is not None or not pages:
            page = await search(caller, "avbrott", first=2, after=after)
            pages += [edge["node"]["id"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
        assert page["totalCount"] == len(pages) == len(set(pages))
        seen[name] = sorted(names[document] for document in pages)

    assert seen == {
        "staff": everyone,
        "region": sorted([*everyone, "16 draft"]),
        "other_region": sorted([*everyone, "24 draft"]),
        "national": everyone,
        "reporter": everyone,
    }


async def test_pages_continue_after_the_cursor(world: World) -> None:
    documents = [await world.draft(CONTENT | {"name": f"Sökord {number}"}) for number in range(5)]

    first = await search(world.region, "sökord", first=2)
    second = await search(world.region, "sökord", first=2, after=first["pageInfo"]["endCursor"])
    third = await search(world.region, "sökord", first=2, after=second["pageInfo"]["endCursor"])

    assert [[edge["node"]["id"] for edge in page["edges"]] for page in (first, second, third)] == [
        documents[:2],
        documents[2:4],
        documents[4:],
    ]
    assert [page["pageInfo"]["hasNextPage"] for page in (first, second, third)] == [
        True,
        True,
        False,
    ]
    assert [page["totalCount"] for page in (first, second, third)] == [5, 5, 5]


@pytest.mark.parametrize("text", ["", "   ", '"', "-", "$.*", "()[]{}", "\u00ad"])
async def test_a_text_without_a_word_finds_nothing(world: World, text: str) -> None:
    assert await search_ids(world.region, text) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a" * 201, "TOO_LONG"),
        ("rec\x00ept", "INVALID_CHARACTER"),
        (" ".join(map(str, range(17))), "TOO_MANY"),
    ],
)
async def test_an_invalid_search_text_is_refused(world: World, text: str, code: str) -> None:
    assert await world.region.refused(SEARCH, text=text) == [code]


@pytest.mark.parametrize(
    "cursor",
    ["x", "WzAsMSwyLDNd", "WzAsImEiXQ", "WyIkZ3QiLDEsMiwzXQ", "WzUsIlNFMSIsIlNFMSIsImN0XzEiXQ"],
)
async def test_an_invalid_cursor_is_refused(world: World, cursor: str) -> None:
    assert await world.region.refused(SEARCH, text="recept", after=cursor) == ["INVALID_CURSOR"]


@pytest.mark.parametrize(
    "text",
    [
        '"recept"',
        "-recept",
        "recept*",
        "$recept",
        "r.cept recept",
        "recept | tid",
        f"{STOCKHOLM} recept",
    ],
)
async def test_query_operators_in_a_text_have_no_effect(world: World, text: str) -> None:
    plain = "".join(letter if letter.isalnum() else " " for letter in text)

    assert await search_ids(world.region, text) == await search_ids(world.region, plain)
    assert await search_ids(world.region, "recept") == [world.case_type, world.template]


async def test_a_starting_server_indexes_old_documents_for_search(
    mongodb_uri: str, store: Store, tmp_path: Path
) -> None:
    document = await published(store, "Från förr.")
    await store.database["documents"].update_many({}, {"$unset": {"tokens": ""}})
    broken = await published(store, "Från förr.")
    await store.database["documents"].update_one(
        {"_id": broken.id}, {"$unset": {"tokens": "", "content.name": ""}}
    )

    async with serving(tmp_path, mongodb_uri, store, development=True) as api:
        assert await search_ids(api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM), "förr") == [
            document.id
        ]
