"""A clinic's pages are merged, filled in, ordered, sanitised, and readable for any past time."""

from datetime import UTC, datetime
from typing import Any

from tests.api.start_pages import PAGE, adapt, page
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA
from tests.world import CONTENT, World


async def moment(world: World) -> str:
    """A time between earlier and later writes; the clock has advanced before and after it."""
    last = await world.api.store.database.find_one("logs", {"_id": STOCKHOLM})
    assert last is not None
    while (time := datetime.now(UTC)).timestamp() * 1000 <= last["at"].timestamp() * 1000 + 1:
        pass
    while datetime.now(UTC).timestamp() * 1000 < time.timestamp() * 1000 + 2:
        pass
    return time.isoformat()


async def test_a_clinic_shows_distributed_case_types_with_its_own_additions(world: World) -> None:
    await world.distribute(world.case_type)
    saved = await adapt(
        world,
        0,
        standardReplies=[
            {"key": "egen", "label": "Egen", "text": "Välkommen till {{clinic.name}}!"}
        ],
    )

    [entry] = await page(world.staff)

    assert saved["localAdaptation"] | {"id": ""} == {
        "id": "",
        "needsReview": False,
        "name": "Förnya recept",
        "latestVersion": 1,
        "state": "ACTIVE",
    }
    assert saved["event"] == {"action": "ADAPTED", "clinics": {"totalCount": 1}}
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


async def test_a_clinic_name_is_shown_as_text_and_never_as_markup(world: World) -> None:
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


async def test_every_past_page_reads_unchanged(world: World) -> None:
    other = await world.draft(CONTENT | {"name": "Kontakta mig", "submittable": True})
    await world.region.done(
        "documentPublish", "event { id }", id=other, version=1, expectedVersion=1
    )
    snapshots: list[tuple[str, list[dict[str, Any]]]] = []

    async def record() -> None:
        entries = [
            {key: value for key, value in entry.items() if key != "caseType"}
            for entry in await page(world.region)
        ]
        snapshots.append((await moment(world), entries))

    await record()
    await world.distribute(world.case_type)
    await record()
    await adapt(world, 0, standardReplies=[{"key": "a", "label": "A", "text": "{{clinic.phone}}"}])
    await world.distribute(other, BJORKEN)
    await record()
    await world.region.done(
        "caseTypesReorder",
        "event { action }",
        on={"principal": STOCKHOLM},
        order=[other, world.case_type],
    )
    await record()
    await world.region.done(
        "clinicsImport",
        "updated",
        principal=STOCKHOLM,
        csv=f"hsaId;name;telephoneNumber\n{BJORKEN};Nya Björken;08-465 004 01\n",
    )
    await record()
    await world.edit(world.case_type, 1, publish=True, name="Recept")
    await world.region.done("documentDeactivate", "event { id }", id=other, expectedVersion=1)
    await record()
    await world.region.done(
        "clinicsImport",
        "updated",
        principal=STOCKHOLM,
        csv=f"hsaId;name;status\n{BJORKEN};Nya Björken;ARCHIVED\n",
    )
    await record()

    assert [len(recorded) for _, recorded in snapshots] == [0, 1, 2, 2, 2, 1, 0]
    for time, recorded in snapshots:
        entries = [
            {key: value for key, value in entry.items() if key != "caseType"}
            for entry in await page(world.region, as_of=time)
        ]
        assert entries == recorded


async def test_a_case_type_that_cannot_be_submitted_has_no_send_button(world: World) -> None:
    links = [{"key": "om", "label": "Om oss", "url": "https://www.1177.se/"}]
    case_type = await world.draft(
        {"name": "Länkar", "internalName": "Länkar", "submittable": False, "links": links}
    )

    answer = await world.region.ask(
        "query($id: ID!) { caseType(id: $id) { version { html } } }", id=case_type
    )

    html = answer["caseType"]["version"]["html"]
    assert "<button" not in html
    assert '<a href="https://www.1177.se/" rel="noopener noreferrer">Om oss</a>' in html


async def test_a_draft_is_previewed_at_a_clinic_only_by_callers_who_can_edit_it(
    world: World,
) -> None:
    case_type = await world.draft(CONTENT | {"introduction": "Hej från {{clinic.publicName}}"})
    query = (
        "query($id: ID!, $clinic: HsaId) { caseType(id: $id) { version { html(clinic: $clinic)"
        " } } }"
    )

    visible = await world.region.ask(query, id=case_type, clinic=LINDEN)
    hidden = await world.clinic_admin.ask(query, id=case_type, clinic=BJORKEN)

    assert "Hej från Vårdcentralen Linden" in visible["caseType"]["version"]["html"]
    assert hidden == {"caseType": None}


async def test_the_contact_card_shows_its_case_types_in_its_own_order(world: World) -> None:
    await world.edit(world.case_type, 1, publish=True, onContactCard=True)
    other = await world.draft(CONTENT | {"name": "Kontakta mig", "onContactCard": True})
    third = await world.draft(CONTENT | {"name": "Inte på kortet"})
    for case_type in (other, third):
        await world.region.done(
            "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
        )
    for case_type in (world.case_type, third, other):
        await world.distribute(case_type, BJORKEN)
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
