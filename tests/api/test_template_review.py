"""The list of templates that need a review: each reason, filters, orders and pages; and where
regions differ.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resolvers.access.viewer import LOA3, Grant, Viewer
from resolvers.context import Context
from resolvers.templates import review
from resolvers.templates.review import ReviewOrder, ReviewReason, months_before, swedish
from store.records import Role
from tests.api.test_template_usage import edited, made
from tests.callers import BJORKEN, INERA, STOCKHOLM, UPPSALA, Caller
from tests.world import CONTENT, World

FAR = datetime(9999, 1, 1, tzinfo=UTC)
REVIEW = """query($filter: TemplateReviewFilter, $orderBy: TemplateReviewOrder, $first: Int, $after: String) {
    templateReview(filter: $filter, orderBy: $orderBy, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor }
        edges { node { template { name level } reasons usage { templates caseTypes behind } drift { compared average most } } } } }"""
NEW: dict[str, Any] = {
    "name": "Helt annat",
    "introduction": "Annat",
    "questions": [],
    "standardReplies": [],
    "terms": [],
}


async def listed(caller: Caller, **asked: Any) -> list[dict[str, Any]]:
    return [edge["node"] for edge in (await caller.ask(REVIEW, **asked))["templateReview"]["edges"]]


async def reasons(caller: Caller, **asked: Any) -> dict[str, list[str]]:
    return {entry["template"]["name"]: entry["reasons"] for entry in await listed(caller, **asked)}


@pytest.fixture
async def shelf(world: World) -> World:
    """National:

    Förnya recept (used), Ålder (unused), Zon (used by a region far from it). Regional: Egen, which
    is behind Förnya recept.
    """
    await made(world.national, INERA, None, kind="caseTypeTemplate", name="Ålder")
    zone = await made(world.national, INERA, None, kind="caseTypeTemplate", name="Zon")
    await made(world.other_region, UPPSALA, zone, **NEW)
    own = await made(world.region, STOCKHOLM, world.template, kind="caseTypeTemplate", name="Egen")
    await made(world.region, STOCKHOLM, own)
    await edited(world.national, world.template, 1, introduction="Nytt.")
    return world


async def test_each_reason_is_told(shelf: World) -> None:
    found = await listed(shelf.national)

    assert {entry["template"]["name"]: entry["reasons"] for entry in found} == {
        "Egen": ["BEHIND"],
        "Förnya recept": ["NOT_TAKEN_OVER"],
        "Zon": ["DRIFTED"],
        "Ålder": ["UNUSED"],
    }
    zone = found[2]
    assert zone == {
        "template": {"name": "Zon", "level": "NATIONAL"},
        "reasons": ["DRIFTED"],
        "usage": {"templates": 0, "caseTypes": 1, "behind": 0},
        "drift": {"compared": 1, "average": 78, "most": 78},  # 27 of 35 values
    }


async def test_filters_choose_owner_level_reason_and_bounds(shelf: World) -> None:
    async def names(**filter: Any) -> list[str]:
        return list(await reasons(shelf.national, filter=filter))

    assert await names(levels=["NATIONAL"]) == ["Förnya recept", "Zon", "Ålder"]
    assert await names(levels=["REGIONAL"]) == ["Egen"]
    assert await names(levels=["LOCAL"]) == []
    assert await names(owner=STOCKHOLM.lower()) == ["Egen"]
    assert await names(owner=UPPSALA) == []
    assert await names(reasons=["UNUSED", "BEHIND"]) == ["Egen", "Ålder"]
    assert await names(reasons=[]) == []
    assert await names(driftAtLeast=79) == ["Egen", "Förnya recept", "Ålder"]
    assert (await reasons(shelf.national, filter={"driftAtLeast": 1}))["Förnya recept"] == [
        "DRIFTED",
        "NOT_TAKEN_OVER",
    ]


async def test_orders(shelf: World) -> None:
    orders = ("NAME_ASC", "UPDATED_ASC", "DRIFT_DESC", "USES_ASC", "BEHIND_DESC")
    found = {order: list(await reasons(shelf.national, orderBy=order)) for order in orders}

    assert found == {
        "NAME_ASC": ["Egen", "Förnya recept", "Zon", "Ålder"],
        "UPDATED_ASC": ["Ålder", "Zon", "Egen", "Förnya recept"],
        "DRIFT_DESC": ["Zon", "Egen", "Förnya recept", "Ålder"],
        "USES_ASC": ["Ålder", "Egen", "Zon", "Förnya recept"],
        "BEHIND_DESC": ["Förnya recept", "Egen", "Zon", "Ålder"],
    }


@pytest.mark.parametrize("order", list(ReviewOrder))
async def test_pages_tell_every_template_once(shelf: World, order: str) -> None:
    whole = list(await reasons(shelf.national, orderBy=order))
    paged: list[str] = []
    after, more = None, True
    while more:
        page = (await shelf.national.ask(REVIEW, orderBy=order, first=3, after=after))[
            "templateReview"
        ]
        paged += [edge["node"]["template"]["name"] for edge in page["edges"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert page["totalCount"] == 4

    assert paged == whole


async def test_others_review_their_own(shelf: World) -> None:
    await made(shelf.region, BJORKEN, None, kind="caseTypeTemplate", name="Björkens")
    found = {
        name: list(await reasons(caller))
        for name, caller in {
            "region": shelf.region,
            "other": shelf.other_region,
            "reviewer": shelf.reviewer,
            "reporter": shelf.reporter,
            "clinic": shelf.clinic_admin,
            "national": shelf.national,
        }.items()
    }

    assert found == {
        "region": ["Björkens", "Egen"],
        "other": [],
        "reviewer": ["Björkens", "Egen"],
        "reporter": ["Björkens", "Egen"],
        "clinic": ["Björkens"],  # it sees the region's, but not all that comes from them
        "national": ["Egen", "Förnya recept", "Zon", "Ålder"],
    }


async def test_bounds_and_cursors_are_checked(shelf: World) -> None:
    for bound, code in (
        ({"untouchedMonths": 0}, "OUT_OF_RANGE"),
        ({"untouchedMonths": 1201}, "OUT_OF_RANGE"),
        ({"driftAtLeast": 101}, "OUT_OF_RANGE"),
    ):
        assert await shelf.national.refused(REVIEW, filter=bound) == [code]
    assert await shelf.national.refused(REVIEW, first=101) == ["OUT_OF_RANGE"]
    assert await shelf.national.refused(REVIEW, after="bm9uc2Vuc2U") == ["INVALID_CURSOR"]


async def test_a_text_in_a_filter_is_only_a_text(shelf: World) -> None:
    for owner in ("$where", '{"$ne": null}', ".*"):
        assert await listed(shelf.national, filter={"owner": owner}) == []


async def test_untouched_is_told_by_calendar_months(shelf: World) -> None:
    store = shelf.api.store
    viewer = Viewer(
        "nils",
        f"{INERA}-NN",
        "Nils",
        (Grant(Role.NATIONAL_ADMINISTRATOR, INERA, includes_below=True),),
        FAR,
        acr=LOA3,
    )
    last = max(
        (await shelf.national.ask("{ caseTypeTemplates { edges { node { updatedAt } } } }"))[
            "caseTypeTemplates"
        ]["edges"],
        key=str,
    )
    touched = datetime.fromisoformat(last["node"]["updatedAt"])

    async def untouched(now: datetime, months: int) -> int:
        context = await Context.of(replace(store, clock=lambda: now), viewer, "request")
        wish = review.TemplateReviewCriteria(
            reasons=[ReviewReason.UNTOUCHED], untouched_months=months
        )
        return len(await review.review(context, wish, ReviewOrder.NAME_ASC))

    assert [await untouched(touched + timedelta(days=days), 2) for days in (0, 58, 63)] == [0, 0, 4]
    assert await untouched(touched + timedelta(days=63), 3) == 0


def test_months_are_of_the_calendar() -> None:
    def before(year: int, month: int, day: int, *, months: int) -> tuple[int, int, int]:
        found = months_before(datetime(year, month, day, 8, 30, tzinfo=UTC), months)
        assert (found.hour, found.minute) == (8, 30)
        return found.year, found.month, found.day

    assert before(2026, 11, 25, months=12) == (2025, 11, 25)
    assert before(2026, 3, 31, months=1) == (2026, 2, 28)
    assert before(2024, 3, 31, months=1) == (2024, 2, 29)
    assert before(2026, 1, 15, months=1) == (2025, 12, 15)
    assert before(2026, 1, 15, months=1_200) == (1926, 1, 15)


def test_names_sort_as_swedes_sort_them() -> None:
    assert sorted(["Öl", "ärta", "Åre", "zon", "Ost", "ost b"], key=swedish) == [
        "Ost",
        "ost b",
        "zon",
        "Åre",
        "ärta",
        "Öl",
    ]


# ------------------------------------------------------------------ where regions differ

COMPARE = """query($id: ID!, $differing: Boolean!, $templates: Boolean!, $caseTypes: Boolean!, $principals: [HsaId!], $first: Int, $after: String) {
    caseTypeTemplate(id: $id) { comparison(templates: $templates, caseTypes: $caseTypes, principals: $principals) { version documents { id }
        places(differing: $differing, first: $first, after: $after) { totalCount pageInfo { hasNextPage endCursor } edges { node { path label value
            variants { value same count documents { id } changes { kind path before after } } } } } } } }"""


async def compared(caller: Caller, template: str, **asked: Any) -> dict[str, Any]:
    given = {"differing": True, "templates": True, "caseTypes": True} | asked
    found: dict[str, Any] = (await caller.ask(COMPARE, id=template, **given))["caseTypeTemplate"][
        "comparison"
    ]
    return found


def place(found: dict[str, Any], path: str) -> dict[str, Any]:
    [one] = [edge["node"] for edge in found["places"]["edges"] if edge["node"]["path"] == path]
    return dict(one)


QUESTIONS: list[dict[str, Any]] = CONTENT["questions"]


@pytest.fixture
async def regions(world: World) -> dict[str, str]:
    """The world's case type as the template has it; two templates and a case type that differ."""
    reworded = [{**QUESTIONS[0], "label": "Vilken medicin?"}, *QUESTIONS[1:]]
    extra = [*QUESTIONS, {"key": "dos", "label": "Vilken dos?", "kind": "SHORT_TEXT"}]
    shuffled = [QUESTIONS[1], QUESTIONS[0]]
    return {
        "same": world.case_type,
        "reworded": await made(
            world.region,
            STOCKHOLM,
            world.template,
            kind="caseTypeTemplate",
            questions=reworded,
            onContactCard=True,
        ),
        "extra": await made(
            world.other_region,
            UPPSALA,
            world.template,
            kind="caseTypeTemplate",
            questions=extra,
            restrictions={"ageFrom": 18},
        ),
        "shuffled": await made(
            world.other_region, UPPSALA, world.template, questions=shuffled, onContactCard=True
        ),
    }


async def test_question_by_question_equal_values_together(
    world: World, regions: dict[str, str]
) -> None:
    found = await compared(world.national, world.template)
    ids = {document: name for name, document in regions.items()}

    assert (found["version"], {ids[one["id"]] for one in found["documents"]}) == (
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

    def told(path: str) -> list[tuple[Any, bool, int, set[str]]]:
        return [
            (
                one["value"],
                one["same"],
                one["count"],
                {ids[document["id"]] for document in one["documents"]},
            )
            for one in place(found, path)["variants"]
        ]

    assert told("onContactCard") == [
        (False, True, 2, {"same", "extra"}),
        (True, False, 2, {"reworded", "shuffled"}),
    ]
    assert told("restrictions.ageFrom") == [
        (None, True, 3, {"same", "reworded", "shuffled"}),
        (18, False, 1, {"extra"}),
    ]
    assert told("questions") == [
        (["medicin", "apotek", "vilket"], True, 3, {"same", "reworded", "extra"}),
        (["apotek", "medicin"], False, 1, {"shuffled"}),
    ]
    assert [one[1:] for one in told("questions[vilket]")] == [
        (True, 3, {"same", "reworded", "extra"}),
        (False, 1, {"shuffled"}),
    ]
    assert told("questions[vilket]")[1][0] is None
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


async def test_every_place_is_told_where_all_are_wanted(
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


async def test_what_is_compared_can_be_chosen(world: World, regions: dict[str, str]) -> None:
    ids = {document: name for name, document in regions.items()}

    async def chosen(**asked: Any) -> set[str]:
        return {
            ids[one["id"]]
            for one in (await compared(world.national, world.template, **asked))["documents"]
        }

    assert await chosen(caseTypes=False) == {"reworded", "extra"}
    assert await chosen(templates=False) == {"same", "shuffled"}
    assert await chosen(principals=[UPPSALA.lower()]) == {"extra", "shuffled"}
    assert await chosen(principals=[]) == set()


async def test_a_region_compares_its_own_and_drafts_nobodys(
    world: World, regions: dict[str, str]
) -> None:
    await world.edit(world.case_type, 1, name="Hemligt utkast")
    await made(world.region, STOCKHOLM, world.template, publish=False, name="Utkast")
    await made(world.region, BJORKEN, world.template, name="Björkens")

    own = await compared(world.region, world.template)
    national = await compared(world.national, world.template)

    assert {one["id"] for one in own["documents"]} == {regions["same"], regions["reworded"]}
    assert {one["id"] for one in national["documents"]} == set(regions.values())
    assert "Hemlig" not in str(own)
    assert "name" not in [edge["node"]["path"] for edge in national["places"]["edges"]]
