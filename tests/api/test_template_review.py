"""The list of templates that need a review: reasons, filters, orders and pages."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resolvers.access.viewer import LOA3, Grant, Viewer
from resolvers.context import Context
from resolvers.templates import review
from resolvers.templates.review import ReviewOrder, ReviewReason, months_before, swedish
from store.records import Role
from tests.api.derived_documents import create_derived, publish_template_version
from tests.callers import BJORKEN, INERA, STOCKHOLM, UPPSALA, Caller
from tests.world import World

FAR = datetime(9999, 1, 1, tzinfo=UTC)
REVIEW = """query(
    $filter: TemplateReviewFilter, $orderBy: TemplateReviewOrder, $first: Int, $after: String
) {
    templateReview(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
        totalCount pageInfo { hasNextPage endCursor }
        edges { node { template { name level } reasons
            usage { templates caseTypes behind } drift { compared average most } } } } }"""
NEW: dict[str, Any] = {
    "name": "Helt annat",
    "introduction": "Annat",
    "questions": [],
    "standardReplies": [],
    "terms": [],
}


async def listed(caller: Caller, **variables: Any) -> list[dict[str, Any]]:
    return [
        edge["node"] for edge in (await caller.ask(REVIEW, **variables))["templateReview"]["edges"]
    ]


async def reasons(caller: Caller, **variables: Any) -> dict[str, list[str]]:
    return {
        entry["template"]["name"]: entry["reasons"] for entry in await listed(caller, **variables)
    }


@pytest.fixture
async def shelf(world: World) -> World:
    """Four templates to review.

    National: Förnya recept (used), Ålder (unused), and Zon (used by a region whose case type
    differs much from it). Regional: Egen, which is behind Förnya recept.
    """
    await create_derived(world.national, INERA, None, kind="caseTypeTemplate", name="Ålder")
    zone = await create_derived(world.national, INERA, None, kind="caseTypeTemplate", name="Zon")
    await create_derived(world.other_region, UPPSALA, zone, **NEW)
    own = await create_derived(
        world.region, STOCKHOLM, world.template, kind="caseTypeTemplate", name="Egen"
    )
    await create_derived(world.region, STOCKHOLM, own)
    await publish_template_version(world.national, world.template, 1, introduction="Nytt.")
    return world


async def test_each_reason_is_reported(shelf: World) -> None:
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


async def test_filters_select_by_owner_level_reason_and_bounds(shelf: World) -> None:
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


async def test_each_order_sorts_the_list(shelf: World) -> None:
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
async def test_pages_list_every_template_once(shelf: World, order: str) -> None:
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


async def test_other_callers_review_their_own_templates(shelf: World) -> None:
    await create_derived(shelf.region, BJORKEN, None, kind="caseTypeTemplate", name="Björkens")
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
        "clinic": ["Björkens"],  # it sees the region's templates, but not all of their derivatives
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


async def test_a_text_in_a_filter_is_never_an_operator(shelf: World) -> None:
    for owner in ("$where", '{"$ne": null}', ".*"):
        assert await listed(shelf.national, filter={"owner": owner}) == []


async def test_untouched_is_measured_in_calendar_months(shelf: World) -> None:
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
        criteria = review.TemplateReviewCriteria(
            reasons=[ReviewReason.UNTOUCHED], untouched_months=months
        )
        return len(await review.review(context, criteria, ReviewOrder.NAME_ASC))

    assert [await untouched(touched + timedelta(days=days), 2) for days in (0, 58, 63)] == [0, 0, 4]
    assert await untouched(touched + timedelta(days=63), 3) == 0


def test_months_are_calendar_months() -> None:
    def before(year: int, month: int, day: int, *, months: int) -> tuple[int, int, int]:
        found = months_before(datetime(year, month, day, 8, 30, tzinfo=UTC), months)
        assert (found.hour, found.minute) == (8, 30)
        return found.year, found.month, found.day

    assert before(2026, 11, 25, months=12) == (2025, 11, 25)
    assert before(2026, 3, 31, months=1) == (2026, 2, 28)
    assert before(2024, 3, 31, months=1) == (2024, 2, 29)
    assert before(2026, 1, 15, months=1) == (2025, 12, 15)
    assert before(2026, 1, 15, months=1_200) == (1926, 1, 15)


def test_names_sort_in_swedish_order() -> None:
    assert sorted(["Öl", "ärta", "Åre", "zon", "Ost", "ost b"], key=swedish) == [
        "Ost",
        "ost b",
        "zon",
        "Åre",
        "ärta",
        "Öl",
    ]
