"""The comparison of a template with its derivatives: where regions differ."""

from typing import Any

import pytest

from tests.api.derived_documents import create_derived
from tests.callers import BJORKEN, STOCKHOLM, UPPSALA, Caller
from tests.world import CONTENT, World

COMPARE = """query(
    $id: ID!, $differing: Boolean!, $templates: Boolean!, $caseTypes: Boolean!,
    $principals: [HsaId!], $first: Int, $after: String
) {
    caseTypeTemplate(id: $id) {
        comparison(templates: $templates, caseTypes: $caseTypes, principals: $principals) {
            version documents { id }
            places(differing: $differing, first: $first, after: $after) {
                totalCount pageInfo { hasNextPage endCursor }
                edges { node { path label value variants {
                    value same count documents { id }
                    changes { kind path before after } } } } } } } }"""


async def compared(caller: Caller, template: str, **variables: Any) -> dict[str, Any]:
    defaults = {"differing": True, "templates": True, "caseTypes": True} | variables
    found: dict[str, Any] = (await caller.ask(COMPARE, id=template, **defaults))[
        "caseTypeTemplate"
    ]["comparison"]
    return found


def place(found: dict[str, Any], path: str) -> dict[str, Any]:
    [node] = [edge["node"] for edge in found["places"]["edges"] if edge["node"]["path"] == path]
    return dict(node)


QUESTIONS: list[dict[str, Any]] = CONTENT["questions"]


@pytest.fixture
async def regions(world: World) -> dict[str, str]:
    """The world's case type, equal to the template; two templates and a case type that differ."""
    reworded = [{**QUESTIONS[0], "label": "Vilken medicin?"}, *QUESTIONS[1:]]
    extra = [*QUESTIONS, {"key": "dos", "label": "Vilken dos?", "kind": "SHORT_TEXT"}]
    shuffled = [QUESTIONS[1], QUESTIONS[0]]
    return {
        "same": world.case_type,
        "reworded": await create_derived(
            world.region,
            STOCKHOLM,
            world.template,
            kind="caseTypeTemplate",
            questions=reworded,
            onContactCard=True,
        ),
        "extra": await create_derived(
            world.other_region,
            UPPSALA,
            world.template,
            kind="caseTypeTemplate",
            questions=extra,
            restrictions={"ageFrom": 18},
        ),
        "shuffled": await create_derived(
            world.other_region, UPPSALA, world.template, questions=shuffled, onContactCard=True
        ),
    }


async def test_equal_values_are_grouped_question_by_question(
    world: World, regions: dict[str, str]
) -> None:
    found = await compared(world.national, world.template)
    ids = {document: name for name, document in regions.items()}

    assert (found["version"], {ids[document["id"]] for document in found["documents"]}) == (
        1,
        {"same", "reworded", "extra", "shuffled"},
    )
    assert [edge["node"]["path"] for edge in found["places"]["edges"]] == [
        "questions",
        "questions[medicin]",
        "questions[vilket]",
        "questions[dos]",
        "restrictions.ageFrom",
        "onContactCard",
    ]

    def variants(path: str) -> list[tuple[Any, bool, int, set[str]]]:
        return [
            (
                variant["value"],
                variant["same"],
                variant["count"],
                {ids[document["id"]] for document in variant["documents"]},
            )
            for variant in place(found, path)["variants"]
        ]

    assert variants("onContactCard") == [
        (False, True, 2, {"same", "extra"}),
        (True, False, 2, {"reworded", "shuffled"}),
    ]
    assert variants("restrictions.ageFrom") == [
        (None, True, 3, {"same", "reworded", "shuffled"}),
        (18, False, 1, {"extra"}),
    ]
    assert variants("questions") == [
        (["medicin", "apotek", "vilket"], True, 3, {"same", "reworded", "extra"}),
        (["apotek", "medicin"], False, 1, {"shuffled"}),
    ]
    assert [variant[1:] for variant in variants("questions[vilket]")] == [
        (True, 3, {"same", "reworded", "extra"}),
        (False, 1, {"shuffled"}),
    ]
    assert variants("questions[vilket]")[1][0] is None
    assert place(found, "questions[medicin]")["label"] == "Frågor › ”Vilket läkemedel gäller det?”"
    assert place(found, "questions[medicin]")["variants"][1]["changes"] == [
        {
            "kind": "CHANGED",
            "path": "questions[medicin].label",
            "before": "Vilket läkemedel gäller det?",
            "after": "Vilken medicin?",
        }
    ]
    assert place(found, "questions[dos]")["value"] is None
    added = place(found, "questions[dos]")["variants"][1]
    assert (
        added["value"]["label"],
        [(change["kind"], change["path"]) for change in added["changes"]],
    ) == (
        "Vilken dos?",
        [("ADDED", "questions[dos]")],
    )


async def test_every_place_is_listed_when_all_are_requested(
    world: World, regions: dict[str, str]
) -> None:
    found = await compared(world.national, world.template, differing=False)

    paths = [edge["node"]["path"] for edge in found["places"]["edges"]]
    assert found["places"]["totalCount"] == len(paths) == len(set(paths)) == 26
    assert paths[:8] == [
        "name",
        "rationale",
        "introduction",
        "questions",
        "questions[medicin]",
        "questions[apotek]",
        "questions[vilket]",
        "questions[dos]",
    ]
    assert "internalName" not in paths
    assert place(found, "name")["variants"][0]["count"] == 4


async def test_a_comparison_is_paged(world: World, regions: dict[str, str]) -> None:
    whole = [
        edge["node"] for edge in (await compared(world.national, world.template))["places"]["edges"]
    ]
    paged: list[Any] = []
    after, more = None, True
    while more:
        page = (await compared(world.national, world.template, first=4, after=after))["places"]
        paged += [edge["node"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]

    assert paged == whole


async def test_the_compared_documents_can_be_selected(
    world: World, regions: dict[str, str]
) -> None:
    ids = {document: name for name, document in regions.items()}

    async def compared_names(**variables: Any) -> set[str]:
        return {
            ids[document["id"]]
            for document in (await compared(world.national, world.template, **variables))[
                "documents"
            ]
        }

    assert await compared_names(caseTypes=False) == {"reworded", "extra"}
    assert await compared_names(templates=False) == {"same", "shuffled"}
    assert await compared_names(principals=[UPPSALA.lower()]) == {"extra", "shuffled"}
    assert await compared_names(principals=[]) == set()


async def test_a_region_compares_its_own_documents_and_nobody_compares_drafts(
    world: World, regions: dict[str, str]
) -> None:
    await world.edit(world.case_type, 1, name="Hemligt utkast")
    await create_derived(world.region, STOCKHOLM, world.template, publish=False, name="Utkast")
    await create_derived(world.region, BJORKEN, world.template, name="Björkens")

    own = await compared(world.region, world.template)
    national = await compared(world.national, world.template)

    assert {document["id"] for document in own["documents"]} == {
        regions["same"],
        regions["reworded"],
    }
    assert {document["id"] for document in national["documents"]} == set(regions.values())
    assert "Hemlig" not in str(own)
    assert "name" not in [edge["node"]["path"] for edge in national["places"]["edges"]]
