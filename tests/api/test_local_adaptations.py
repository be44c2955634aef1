"""Local adaptations: independent of central updates, versioned and validated."""

from tests.api.start_pages import adapt, page
from tests.callers import BJORKEN
from tests.world import World


async def test_a_central_update_keeps_an_adaptation_and_marks_it_for_review(
    world: World,
) -> None:
    await world.distribute(world.case_type)
    terms = [{"key": "eget", "heading": "Hos oss", "text": "Ring *först*."}]
    first = await adapt(world, 0, terms=terms)
    stored = await world.api.store.database.find(
        "versions", {"document": first["localAdaptation"]["id"]}
    )

    await world.edit(world.case_type, 1, publish=True, name="Förnya recept och intyg")

    [entry] = await page(world.clinic_admin)
    assert (entry["version"]["number"], entry["adaptation"]) == (2, {"number": 1, "writtenFor": 1})
    assert entry["effective"]["terms"][-1] == {
        "key": "eget",
        "heading": "Hos oss",
        "text": "Ring *först*.",
        "local": True,
    }
    assert (
        await world.api.store.database.find(
            "versions", {"document": first["localAdaptation"]["id"]}
        )
        == stored
    )
    query = (
        "query($clinic: HsaId!, $id: ID!) { clinic(hsaId: $clinic) { localAdaptation(caseType: $id)"
        " { needsReview name } } }"
    )
    answer = await world.clinic_admin.ask(query, clinic=BJORKEN, id=world.case_type)
    assert answer["clinic"]["localAdaptation"] == {
        "needsReview": True,
        "name": "Förnya recept och intyg",
    }

    again = await adapt(world, 1, terms=terms)

    assert (
        again["localAdaptation"]["needsReview"],
        again["version"]["number"],
        again["version"]["writtenFor"],
    ) == (False, 2, 2)


async def test_an_adaptation_is_hidden_and_shown_together_with_its_case_type(
    world: World,
) -> None:
    await world.distribute(world.case_type)
    await adapt(world, 0, standardReplies=[{"key": "egen", "label": "Egen", "text": "Hej"}])

    await world.region.done(
        "caseTypeWithdraw",
        "clinics event { action }",
        caseType=world.case_type,
        **{"from": {"hsaIds": [BJORKEN]}},
    )
    gone = await page(world.staff)
    await world.distribute(world.case_type, BJORKEN)
    [back] = await page(world.staff)

    assert gone == []
    assert back["adaptation"] == {"number": 1, "writtenFor": 1}


async def test_two_administrators_of_a_clinic_do_not_overwrite_each_other(world: World) -> None:
    await world.distribute(world.case_type)
    await adapt(world, 0, standardReplies=[{"key": "a", "label": "A", "text": "Ett"}])
    before = await world.api.snapshot()

    refused = await world.clinic_admin.do(
        "localAdaptationSave",
        "event { id }",
        clinic=BJORKEN,
        caseType=world.case_type,
        expectedVersion=0,
        standardReplies=[{"key": "a", "label": "A", "text": "Två"}],
        terms=[],
    )

    assert [(error["__typename"], error["path"]) for error in refused["errors"]] == [
        ("VersionConflict", ["expectedVersion"])
    ]
    assert await world.api.snapshot() == before


async def test_invalid_additions_are_reported_with_their_path_and_write_nothing(
    world: World,
) -> None:
    await world.distribute(world.case_type)
    before = await world.api.snapshot()
    reply = {"key": "a", "label": "A", "text": "Från {{clinic.mayor}}"}
    section = {"key": "t", "heading": "", "text": "<script>"}

    refused = await world.clinic_admin.do(
        "localAdaptationSave",
        "event { id }",
        clinic=BJORKEN,
        caseType=world.case_type,
        expectedVersion=0,
        standardReplies=[reply],
        terms=[section],
    )
    missing = await world.region.do(
        "localAdaptationSave",
        "event { id }",
        clinic="SE2321000016-1A03",
        caseType=world.case_type,
        expectedVersion=0,
        standardReplies=[],
        terms=[],
    )

    assert sorted((error["code"], ".".join(error["path"])) for error in refused["errors"]) == [
        ("BLANK", "terms.0.heading"),
        ("RAW_HTML", "terms.0.text"),
        ("UNKNOWN_PLACEHOLDER", "standardReplies.0.text"),
    ]
    assert [(error["code"], error["path"]) for error in missing["errors"]] == [
        ("NOT_ASSIGNED", ["caseType"])
    ]
    assert await world.api.snapshot() == before
