"""Isolation between clinics, and between the policies and protections of principals."""

import asyncio

from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA, problems
from tests.world import CONTENT, World

HISTORY = (
    "query($id: ID!) { caseType(id: $id) { history { totalCount edges { node { id action note"
    " clinics { totalCount } } } } } }"
)


async def test_a_clinic_cannot_read_acts_at_other_clinics(world: World) -> None:
    followed = await world.region.done(
        "caseTypeFollow",
        "event { id }",
        caseType=world.case_type,
        clinic=LINDEN,
        note="Lindens egen anledning",
    )
    await world.distribute(world.case_type, BJORKEN)

    seen = await world.staff.ask(HISTORY, id=world.case_type)
    node = await world.staff.ask(
        "query($id: ID!) { node(id: $id) { id } }", id=followed["event"]["id"]
    )
    whole = await world.region.ask(HISTORY, id=world.case_type)

    assert [edge["node"]["action"] for edge in seen["caseType"]["history"]["edges"]] == [
        "DISTRIBUTED",
        "PUBLISHED",
    ]
    assert seen["caseType"]["history"]["totalCount"] == 2
    assert "Lindens" not in str(seen)
    assert node == {"node": None}
    assert [edge["node"]["action"] for edge in whole["caseType"]["history"]["edges"]] == [
        "DISTRIBUTED",
        "FOLLOWED",
        "PUBLISHED",
        "CREATED",
    ]


async def test_acts_at_other_clinics_do_not_change_the_order_of_a_list(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    query = """query($since: DateTime) {
        caseTypes(filter: {changedSince: $since}, orderBy: UPDATED_DESC) {
      totalCount edges { cursor node { updatedAt } } } }"""
    before = await world.staff.ask(query)
    [edge] = before["caseTypes"]["edges"]

    await world.region.done(
        "caseTypeFollow", "event { id }", caseType=world.case_type, clinic=LINDEN
    )
    await world.region.done("caseTypeHide", "event { id }", caseType=world.case_type, clinic=LINDEN)
    await world.region.done(
        "caseTypeWithdraw",
        "event { id }",
        caseType=world.case_type,
        **{"from": {"hsaIds": [LINDEN]}},
    )
    unmoved = await world.staff.ask(query)
    await world.edit(world.case_type, 1, publish=True, name="Nytt namn")
    [moved] = (await world.staff.ask(query, since=edge["node"]["updatedAt"]))["caseTypes"]["edges"]

    assert unmoved == before
    assert moved["node"]["updatedAt"] > edge["node"]["updatedAt"]


async def test_a_principal_can_only_end_its_own_protection_of_a_person(world: World) -> None:
    query = "query($id: ID!) { caseType(id: $id) { version { author { name employeeHsaId } } } }"
    employee = (await world.reviewer.ask(query, id=world.case_type))["caseType"]["version"][
        "author"
    ]["employeeHsaId"]
    await world.region.done(
        "personProtect", "event { id }", principal=STOCKHOLM, employee=employee, protected=True
    )

    lifted = await world.other_region.done(
        "personProtect", "event { id }", principal=UPPSALA, employee=employee, protected=False
    )
    await world.edit(world.case_type, 1, name="Andra")

    assert lifted["event"] is None
    assert (await world.reviewer.ask(query, id=world.case_type))["caseType"]["version"]["author"][
        "name"
    ] is None


async def test_only_readers_of_an_adaptation_see_the_clinics_own_replies(
    world: World,
) -> None:
    await world.distribute(world.case_type)
    await world.clinic_admin.done(
        "localAdaptationSave",
        "event { id }",
        clinic=BJORKEN,
        caseType=world.case_type,
        expectedVersion=0,
        note="Internt",
        standardReplies=[{"key": "egen", "label": "Egen", "text": "Bara för personalen"}],
        terms=[{"key": "t", "heading": "Hos oss", "text": "Ring."}],
    )
    query = """query($c: HsaId!) { clinic(hsaId: $c) { startPage {
      adaptation { note } effective { standardReplies { text } terms { heading } } } } }"""

    [national] = (await world.national.ask(query, c=BJORKEN))["clinic"]["startPage"]
    [own] = (await world.clinic_admin.ask(query, c=BJORKEN))["clinic"]["startPage"]

    assert national["adaptation"] is None
    assert "Bara för personalen" not in str(national)
    assert {"heading": "Hos oss"} in national["effective"]["terms"]
    assert own["adaptation"] == {"note": "Internt"}
    assert "Bara för personalen" in str(own)


async def test_two_concurrent_changes_of_policies_are_both_saved(world: World) -> None:
    for allowed in (False, True) * 4:
        await asyncio.gather(
            world.region.done(
                "principalPoliciesSave", "event { id }", principal=STOCKHOLM, clinicsEdit=allowed
            ),
            world.region.done(
                "principalPoliciesSave", "event { id }", principal=STOCKHOLM, openPageLinks=allowed
            ),
        )
        found = await world.region.ask(
            "query($p: HsaId!) { principal(hsaId: $p) { policies { clinicsEdit openPageLinks } } }",
            p=STOCKHOLM,
        )
        assert found["principal"]["policies"] == {"clinicsEdit": allowed, "openPageLinks": allowed}


async def test_a_link_to_an_open_page_cannot_be_published_after_the_policy_forbids_it(
    world: World,
) -> None:
    await world.region.done(
        "principalPoliciesSave", "event { id }", principal=STOCKHOLM, openPageLinks=True
    )
    case_type = await world.draft(
        CONTENT
        | {"links": [{"key": "a", "label": "A", "url": "https://www.1177.se/", "openPage": True}]}
    )
    await world.edit(case_type, 1, links=[])
    await world.region.done(
        "principalPoliciesSave", "event { id }", principal=STOCKHOLM, openPageLinks=False
    )
    before = await world.api.snapshot()

    published = await world.region.do(
        "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=2
    )
    restored = await world.region.do(
        "documentRestore", "event { id }", id=case_type, version=1, expectedVersion=2, publish=True
    )

    assert (
        problems(published)
        == problems(restored)
        == [("OPEN_PAGE_LINK", "content.links.0.openPage")]
    )
    assert await world.api.snapshot() == before


async def test_an_archived_case_type_cannot_be_withdrawn(world: World) -> None:
    await world.distribute(world.case_type)
    await world.region.done(
        "documentArchive", "event { id }", id=world.case_type, expectedVersion=1
    )

    refused = await world.region.do(
        "caseTypeWithdraw",
        "event { id }",
        caseType=world.case_type,
        **{"from": {"hsaIds": [BJORKEN]}},
    )

    assert problems(refused) == [("WRONG_STATE", "caseType")]


async def test_callers_who_cannot_see_persons_cannot_filter_by_person(world: World) -> None:
    query = (
        "query($p: HsaId!, $a: HsaId!) { principal(hsaId: $p) { events(filter: {actor: $a}) {"
        " totalCount edges { node { id } } } } }"
    )

    assert await world.reporter.refused(query, p=STOCKHOLM, a=f"{STOCKHOLM}-RA") == [
        "NOT_PERMITTED"
    ]
    assert (await world.reviewer.ask(query, p=STOCKHOLM, a=f"{STOCKHOLM}-RA"))["principal"][
        "events"
    ]["totalCount"] > 0


async def test_a_deactivated_adaptation_is_active_again_after_saving(
    world: World,
) -> None:
    await world.distribute(world.case_type)
    adaptation = {
        "clinic": BJORKEN,
        "caseType": world.case_type,
        "standardReplies": [],
        "terms": [{"key": "t", "heading": "A", "text": "B"}],
    }
    saved = await world.clinic_admin.done(
        "localAdaptationSave", "localAdaptation { id }", **adaptation, expectedVersion=0
    )
    await world.clinic_admin.done(
        "documentDeactivate", "event { id }", id=saved["localAdaptation"]["id"], expectedVersion=1
    )

    again = await world.clinic_admin.done(
        "localAdaptationSave",
        "localAdaptation { state latestVersion } event { action }",
        **adaptation,
        expectedVersion=1,
    )

    assert again["localAdaptation"] == {"state": "ACTIVE", "latestVersion": 1}
    assert again["event"] == {"action": "ADAPTED"}
