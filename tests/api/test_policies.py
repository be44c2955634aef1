"""Policies of principals: what they change for clinics, links and sign-in."""

from datetime import timedelta

from resolvers.access import development_issuer
from resolvers.access.viewer import LOA2
from store.records import Role
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Caller, problems
from tests.world import CONTENT, World

POLICIES = (
    "query($p: HsaId!) { principal(hsaId: $p) { policies { centralActivation clinicsEdit"
    " openPageLinks lowestAcr } } }"
)
DEFAULTS = {
    "centralActivation": "PRINCIPAL",
    "clinicsEdit": True,
    "openPageLinks": False,
    "lowestAcr": "http://id.sambi.se/loa/loa3",
}
SAVED = "event { action note changes { path before after } }"


async def save_policies(world: World, **policies: object) -> None:
    await world.region.done(
        "principalPoliciesSave", "event { id }", principal=STOCKHOLM, **policies
    )


async def test_a_change_of_policies_is_an_event_with_its_changes(world: World) -> None:
    first = await world.region.ask(POLICIES, p=STOCKHOLM)

    saved = await world.region.done(
        "principalPoliciesSave",
        f"principal {{ policies {{ clinicsEdit }} }} {SAVED}",
        principal=STOCKHOLM,
        clinicsEdit=False,
        note="Beslut 12",
    )
    again = await world.region.done(
        "principalPoliciesSave", SAVED, principal=STOCKHOLM, clinicsEdit=False
    )

    assert first["principal"]["policies"] == DEFAULTS
    assert saved["principal"]["policies"] == {"clinicsEdit": False}
    assert saved["event"] == {
        "action": "POLICIES_CHANGED",
        "note": "Beslut 12",
        "changes": [{"path": "clinicsEdit", "before": True, "after": False}],
    }
    assert again["event"] is None
    assert (await world.region.ask(POLICIES, p=STOCKHOLM))["principal"]["policies"] == DEFAULTS | {
        "clinicsEdit": False
    }
    assert (await world.other_region.ask(POLICIES, p=STOCKHOLM))["principal"]["policies"] is None


async def test_an_unknown_level_of_assurance_is_refused(world: World) -> None:
    before = await world.api.snapshot()

    refused = await world.region.do(
        "principalPoliciesSave", "event { id }", principal=STOCKHOLM, lowestAcr="loa9"
    )

    assert problems(refused) == [("UNKNOWN_VALUE", "lowestAcr")]
    assert await world.api.snapshot() == before


async def test_clinics_cannot_write_where_the_policy_forbids_editing(world: World) -> None:
    await world.distribute(world.case_type)
    await save_policies(world, clinicsEdit=False)
    before = await world.api.snapshot()

    created = await world.clinic_admin.do(
        "caseTypeCreate", "caseType { id }", owner=BJORKEN, content=CONTENT
    )
    adapted = await world.clinic_admin.do(
        "localAdaptationSave",
        "event { id }",
        clinic=BJORKEN,
        caseType=world.case_type,
        expectedVersion=0,
        standardReplies=[],
        terms=[],
    )
    ordered = await world.clinic_admin.do(
        "caseTypesReorder", "event { id }", on={"clinic": BJORKEN}, order=[world.case_type]
    )
    page = await world.clinic_admin.ask(
        "query($c: HsaId!) { clinic(hsaId: $c) { startPage { position } } }", c=BJORKEN
    )

    assert [problems(payload) for payload in (created, adapted, ordered)] == [
        [("NOT_PERMITTED", "owner")],
        [("NOT_PERMITTED", "clinic")],
        [("NOT_PERMITTED", "on")],
    ]
    assert page["clinic"]["startPage"] == [{"position": 1}]
    assert await world.api.snapshot() == before


async def test_where_clinics_activate_a_case_type_is_inactive_until_its_clinic_shows_it(
    world: World,
) -> None:
    refused = await world.clinic_admin.do(
        "caseTypeShow", "event { id }", caseType=world.case_type, clinic=BJORKEN
    )
    await save_policies(world, centralActivation="CLINIC")
    await world.distribute(world.case_type)
    page = "query($c: HsaId!) { clinic(hsaId: $c) { startPage { position } } }"

    waiting = await world.clinic_admin.ask(page, c=BJORKEN)
    shown = await world.clinic_admin.done(
        "caseTypeShow",
        "assignment { active } event { action clinics { totalCount } }",
        caseType=world.case_type,
        clinic=BJORKEN,
    )
    hidden = await world.clinic_admin.do(
        "caseTypeHide", "event { id }", caseType=world.case_type, clinic=BJORKEN
    )

    assert problems(refused) == [("NOT_PERMITTED", "clinic")]
    assert waiting["clinic"]["startPage"] == []
    assert shown == {
        "assignment": {"active": True},
        "event": {"action": "ACTIVATED", "clinics": {"totalCount": 1}},
        "errors": [],
    }
    assert (await world.clinic_admin.ask(page, c=BJORKEN))["clinic"]["startPage"] == [
        {"position": 1}
    ]
    assert (await world.region.ask(page, c=LINDEN))["clinic"]["startPage"] == []
    assert problems(hidden) == [("NOT_PERMITTED", "clinic")]

    await world.region.done(
        "caseTypeHide", "event { id }", caseType=world.case_type, clinic=BJORKEN
    )

    assert (await world.clinic_admin.ask(page, c=BJORKEN))["clinic"]["startPage"] == []


async def test_pending_but_not_hidden_case_types_are_shown_once_clinics_need_not_activate(
    world: World,
) -> None:
    await save_policies(world, centralActivation="CLINIC")
    await world.distribute(world.case_type)
    await world.clinic_admin.done(
        "caseTypeShow", "event { id }", caseType=world.case_type, clinic=BJORKEN
    )
    await world.region.done(
        "caseTypeHide", "event { id }", caseType=world.case_type, clinic=BJORKEN
    )

    await save_policies(world, centralActivation="PRINCIPAL")

    page = (
        "query($c: HsaId!) { clinic(hsaId: $c) { startPage { position } assignments { edges { node"
        " { active } } } } }"
    )
    assert (await world.region.ask(page, c=LINDEN))["clinic"] == {
        "startPage": [{"position": 1}],
        "assignments": {"edges": [{"node": {"active": True}}]},
    }
    assert (await world.region.ask(page, c=BJORKEN))["clinic"] == {
        "startPage": [],
        "assignments": {"edges": [{"node": {"active": False}}]},
    }


async def test_open_pages_are_linked_only_where_the_principal_allows_it(world: World) -> None:
    content = CONTENT | {
        "links": [{"key": "a", "label": "A", "url": "https://www.1177.se/", "openPage": True}]
    }

    refused = await world.region.do(
        "caseTypeCreate", "event { id }", owner=STOCKHOLM, content=content
    )
    edited = await world.region.do(
        "caseTypeUpdate",
        "event { id }",
        id=world.case_type,
        expectedVersion=1,
        content={"links": content["links"]},
    )
    await save_policies(world, openPageLinks=True)
    allowed = await world.region.do(
        "caseTypeCreate", "event { action }", owner=STOCKHOLM, content=content
    )

    assert problems(refused) == problems(edited) == [("OPEN_PAGE_LINK", "content.links.0.openPage")]
    assert allowed["event"] == {"action": "CREATED"}


async def test_a_lower_level_of_assurance_is_accepted_only_where_the_principal_allows_it(
    world: World,
) -> None:
    token = development_issuer.token(
        world.api._data,
        role=Role.REGIONAL_ADMINISTRATOR,
        unit=STOCKHOLM,
        employee=f"{STOCKHOLM}-svag",
        name="S",
        valid_for=timedelta(hours=1),
        acr=LOA2,
    )
    weak = Caller(world.api, world.region.client, token)

    assert await weak.refused("{ viewer { roles } }") == ["NOT_PERMITTED"]
    await save_policies(world, lowestAcr=LOA2)
    assert await weak.ask("{ viewer { roles } }") == {
        "viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]}
    }
