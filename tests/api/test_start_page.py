"""A clinic's pages: merged, filled in, ordered, sanitised, and readable later for any moment."""

from datetime import UTC, datetime
from typing import Any

from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA, Caller
from tests.world import CONTENT, World

PAGE = """
query($clinic: HsaId!, $asOf: DateTime) { clinic(hsaId: $clinic) { startPage(asOf: $asOf) {
  position caseType { id } version { number } adaptation { number writtenFor }
  effective { name introduction terms { key heading text local }
    standardReplies { key text local } } html } } }
"""


async def page(
    caller: Caller, clinic: str = BJORKEN, as_of: str | None = None
) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await caller.ask(PAGE, clinic=clinic, asOf=as_of))["clinic"][
        "startPage"
    ]
    return entries


async def moment(world: World) -> str:
    """A moment between earlier and later writes; the clock has ticked on both sides of it."""
    last = await world.api.store.database.find_one("logs", {"_id": STOCKHOLM})
    assert last is not None
    while (time := datetime.now(UTC)).timestamp() * 1000 <= last["at"].timestamp() * 1000 + 1:
        pass
    while datetime.now(UTC).timestamp() * 1000 < time.timestamp() * 1000 + 2:
        pass
    return time.isoformat()


async def adapt(world: World, expected: int, **content: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"standardReplies": [], "terms": []} | content
    return await world.clinic_admin.done(
        "localAdaptationSave",
        "localAdaptation { id needsReview name latestVersion state } version { id number writtenFor"
        " } event { action clinics { totalCount } }",
        clinic=BJORKEN,
        caseType=world.case_type,
        expectedVersion=expected,
        **given,
    )


async def test_a_clinic_shows_distributed_case_types_with_its_own_additions(world: World) -> None:
    await world.distribute(world.case_type)
    made = await adapt(
        world,
        0,
        standardReplies=[
            {"key": "egen", "label": "Egen", "text": "Välkommen till {{clinic.name}}!"}
        ],
    )

    [entry] = await page(world.staff)

    assert made["localAdaptation"] | {"id": ""} == {
        "id": "",
        "needsReview": False,
        "name": "Förnya recept",
        "latestVersion": 1,
        "state": "ACTIVE",
    }
    assert made["event"] == {"action": "ADAPTED", "clinics": {"totalCount": 1}}
    assert (entry["position"], entry["version"]["number"], entry["adaptation"]) == (
        1,
        1,
        {"number": 1, "writtenFor": 1},
    )
    assert entry["effective"]["standardReplies"] == [
        {"key": "mottaget", "text": "Vi har tagit emot ditt ärende.", "local": False},
        {"key": "egen", "text": "Välkommen till Vårdcentralen Björken!", "local": True},
    ]
    assert "<strong>förnya</strong>" in entry["html"]
    assert '<button type="submit" lang="sv">Skicka</button>' in entry["html"]
    assert (await page(world.region, LINDEN))[0]["adaptation"] is None


async def test_a_central_update_does_not_change_an_adaptation_but_marks_it_for_review(
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
    asked = await world.clinic_admin.ask(query, clinic=BJORKEN, id=world.case_type)
    assert asked["clinic"]["localAdaptation"] == {
        "needsReview": True,
        "name": "Förnya recept och intyg",
    }

    again = await adapt(world, 1, terms=terms)

    assert (
        again["localAdaptation"]["needsReview"],
        again["version"]["number"],
        again["version"]["writtenFor"],
    ) == (False, 2, 2)


async def test_an_adaptation_is_hidden_with_its_case_type_and_shown_again_with_it(
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


async def test_a_directory_name_is_shown_as_text_and_never_as_markup(world: World) -> None:
    await world.region.done(
        "clinicsImport",
        "updated",
        principal=STOCKHOLM,
        csv=f"hsaId;name\n{BJORKEN};*Vård* <b>&[x](https://y.se)\n",
    )
    await world.edit(
        world.case_type,
        1,
        publish=True,
        introduction="Välkommen till {{ clinic.name }}.",
        name="Hos {{clinic.name}}",
    )
    await world.distribute(world.case_type)

    [entry] = await page(world.staff)

    assert entry["effective"]["name"] == "Hos *Vård* <b>&[x](https://y.se)"
    assert "<p>Välkommen till *Vård* &lt;b&gt;&amp;[x](https://y.se).</p>" in entry["html"]
    assert "<h2" in entry["html"]
    assert "<b>" not in entry["html"]


async def test_every_past_page_can_be_read_unchanged(world: World) -> None:
    other = await world.draft(CONTENT | {"name": "Kontakta mig", "submittable": True})
    await world.region.done(
        "documentPublish", "event { id }", id=other, version=1, expectedVersion=1
    )
    said: list[tuple[str, list[dict[str, Any]]]] = []

    async def note() -> None:
        now = [
            {key: value for key, value in entry.items() if key != "caseType"}
            for entry in await page(world.region)
        ]
        said.append((await moment(world), now))

    await note()
    await world.distribute(world.case_type)
    await note()
    await adapt(world, 0, standardReplies=[{"key": "a", "label": "A", "text": "{{clinic.phone}}"}])
    await world.distribute(other, BJORKEN)
    await note()
    await world.region.done(
        "caseTypesReorder",
        "event { action }",
        on={"principal": STOCKHOLM},
        order=[other, world.case_type],
    )
    await note()
    await world.region.done(
        "clinicsImport",
        "updated",
        principal=STOCKHOLM,
        csv=f"hsaId;name;telephoneNumber\n{BJORKEN};Nya Björken;08-465 004 01\n",
    )
    await note()
    await world.edit(world.case_type, 1, publish=True, name="Recept")
    await world.region.done("documentDeactivate", "event { id }", id=other, expectedVersion=1)
    await note()
    await world.region.done(
        "clinicsImport",
        "updated",
        principal=STOCKHOLM,
        csv=f"hsaId;name;status\n{BJORKEN};Nya Björken;ARCHIVED\n",
    )
    await note()

    assert [len(entries) for _, entries in said] == [0, 1, 2, 2, 2, 1, 0]
    for time, then in said:
        now = [
            {key: value for key, value in entry.items() if key != "caseType"}
            for entry in await page(world.region, as_of=time)
        ]
        assert now == then


async def test_a_case_type_without_send_button_shows_none(world: World) -> None:
    links = [{"key": "om", "label": "Om oss", "url": "https://www.1177.se/"}]
    case_type = await world.draft(
        {"name": "Länkar", "internalName": "Länkar", "submittable": False, "links": links}
    )

    asked = await world.region.ask(
        "query($id: ID!) { caseType(id: $id) { version { html } } }", id=case_type
    )

    html = asked["caseType"]["version"]["html"]
    assert "<button" not in html
    assert '<a href="https://www.1177.se/" rel="noopener noreferrer">Om oss</a>' in html


async def test_a_draft_is_previewed_at_a_clinic_by_those_who_may_edit_only(world: World) -> None:
    case_type = await world.draft(CONTENT | {"introduction": "Hej från {{clinic.publicName}}"})
    query = (
        "query($id: ID!, $clinic: HsaId) { caseType(id: $id) { version { html(clinic: $clinic)"
        " } } }"
    )

    shown = await world.region.ask(query, id=case_type, clinic=LINDEN)
    hidden = await world.clinic_admin.ask(query, id=case_type, clinic=BJORKEN)

    assert "Hej från Vårdcentralen Linden" in shown["caseType"]["version"]["html"]
    assert hidden == {"caseType": None}


async def test_the_contact_card_shows_what_is_for_the_card_in_its_own_order(world: World) -> None:
    await world.edit(world.case_type, 1, publish=True, onContactCard=True)
    other = await world.draft(CONTENT | {"name": "Kontakta mig", "onContactCard": True})
    third = await world.draft(CONTENT | {"name": "Inte på kortet"})
    for made in (other, third):
        await world.region.done(
            "documentPublish", "event { id }", id=made, version=1, expectedVersion=1
        )
    for made in (world.case_type, third, other):
        await world.distribute(made, BJORKEN)
    await world.region.done(
        "caseTypesReorder",
        "event { id }",
        on={"clinic": BJORKEN},
        list="CONTACT_CARD",
        order=[other],
    )

    card = await world.staff.ask(
        "query($c: HsaId!) { clinic(hsaId: $c) { contactCard { position caseType { id } } } }",
        c=BJORKEN,
    )

    assert card["clinic"]["contactCard"] == [
        {"position": 1, "caseType": {"id": other}},
        {"position": 2, "caseType": {"id": world.case_type}},
    ]


async def test_callers_cannot_read_the_page_of_a_clinic_outside_their_rights(world: World) -> None:
    await world.distribute(world.case_type)

    assert await world.other_region.ask(PAGE, clinic=BJORKEN) == {"clinic": None}
    assert (
        await world.other_region.ask(
            "query($p: HsaId!) { principal(hsaId: $p) { groups { totalCount } } }", p=UPPSALA
        )
    )["principal"] == {"groups": {"totalCount": 0}}
