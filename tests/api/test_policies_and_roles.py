"""Policies of principals, roles in the registry's own table, and protected identities."""

from datetime import timedelta

import pytest

from resolvers.access import development_issuer
from resolvers.access.viewer import LOA2
from store.records import Principal, PrincipalKind, Role
from store.registry import Store
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA, Caller, problems
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
SUNDSVALL = Principal(
    "SE2120002411", "SE2120002411", "Sundsvalls kommun", PrincipalKind.MUNICIPALITY, "22"
)
SAVED = "event { action note changes { path before after } }"


async def decide(world: World, **policies: object) -> None:
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


async def test_where_clinics_may_not_edit_they_only_read(world: World) -> None:
    await world.distribute(world.case_type)
    await decide(world, clinicsEdit=False)
    before = await world.api.snapshot()

    made = await world.clinic_admin.do(
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

    assert [problems(payload) for payload in (made, adapted, ordered)] == [
        [("NOT_PERMITTED", "owner")],
        [("NOT_PERMITTED", "clinic")],
        [("NOT_PERMITTED", "on")],
    ]
    assert page["clinic"]["startPage"] == [{"position": 1}]
    assert await world.api.snapshot() == before


async def test_where_clinics_activate_a_case_type_waits_until_its_clinic_shows_it(
    world: World,
) -> None:
    refused = await world.clinic_admin.do(
        "caseTypeShow", "event { id }", caseType=world.case_type, clinic=BJORKEN
    )
    await decide(world, centralActivation="CLINIC")
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


async def test_waiting_but_not_hidden_case_types_are_shown_once_clinics_need_not_activate(
    world: World,
) -> None:
    await decide(world, centralActivation="CLINIC")
    await world.distribute(world.case_type)
    await world.clinic_admin.done(
        "caseTypeShow", "event { id }", caseType=world.case_type, clinic=BJORKEN
    )
    await world.region.done(
        "caseTypeHide", "event { id }", caseType=world.case_type, clinic=BJORKEN
    )

    await decide(world, centralActivation="PRINCIPAL")

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
    await decide(world, openPageLinks=True)
    allowed = await world.region.do(
        "caseTypeCreate", "event { action }", owner=STOCKHOLM, content=content
    )

    assert problems(refused) == problems(edited) == [("OPEN_PAGE_LINK", "content.links.0.openPage")]
    assert allowed["event"] == {"action": "CREATED"}


async def test_a_weaker_sign_in_counts_only_where_the_principal_accepts_it(world: World) -> None:
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
    await decide(world, lowestAcr=LOA2)
    assert await weak.ask("{ viewer { roles } }") == {
        "viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]}
    }


async def test_a_granted_role_counts_for_persons_whose_token_has_none(world: World) -> None:
    nobody = world.api.caller(
        Role.LOCAL_ADMINISTRATOR, "SE0000000000-none", f"{STOCKHOLM}-nina", "Nina Ny"
    )
    assert await nobody.refused("{ viewer { roles } }") == ["NOT_PERMITTED"]

    given = await world.region.done(
        "roleGrant", "roleGrant { id role unit employeeHsaId by { name } } event { action person }",
        unit=BJORKEN, role="LOCAL_ADMINISTRATOR", employee=f"{STOCKHOLM}-nina",
    )  # fmt: skip
    again = await world.region.done(
        "roleGrant",
        "event { id }",
        unit=BJORKEN,
        role="LOCAL_ADMINISTRATOR",
        employee=f"{STOCKHOLM}-nina",
    )

    assert given["event"] == {"action": "ROLE_GRANTED", "person": f"{STOCKHOLM}-NINA"}
    assert again["event"] is None
    assert await nobody.ask("{ viewer { roles clinics { totalCount } } }") == {
        "viewer": {"roles": ["LOCAL_ADMINISTRATOR"], "clinics": {"totalCount": 1}}
    }
    listed = (
        "query($p: HsaId!) { principal(hsaId: $p) { roleGrants { totalCount edges { node { id role"
        " } } } } }"
    )
    assert (await world.reviewer.ask(listed, p=STOCKHOLM))["principal"]["roleGrants"] == {
        "totalCount": 1,
        "edges": [{"node": {"id": given["roleGrant"]["id"], "role": "LOCAL_ADMINISTRATOR"}}],
    }
    assert (await world.clinic_admin.ask(listed, p=STOCKHOLM))["principal"]["roleGrants"] == {
        "totalCount": 0,
        "edges": [],
    }

    revoked = await world.region.done("roleRevoke", "event { action }", id=given["roleGrant"]["id"])
    twice = await world.region.do("roleRevoke", "event { action }", id=given["roleGrant"]["id"])

    assert revoked["event"] == {"action": "ROLE_REVOKED"}
    assert problems(twice) == [("NOT_FOUND", "id")]
    assert await nobody.refused("{ viewer { roles } }") == ["NOT_PERMITTED"]


async def test_roles_are_granted_only_by_those_who_may_and_where_they_can_be_held(
    world: World,
) -> None:
    before = await world.api.snapshot()

    async def refused(
        caller: Caller, unit: str, role: str, employee: str = f"{STOCKHOLM}-x"
    ) -> list[tuple[str, str]]:
        return problems(
            await caller.do("roleGrant", "event { id }", unit=unit, role=role, employee=employee)
        )

    assert await refused(world.clinic_admin, BJORKEN, "CLINIC_STAFF") == [("NOT_PERMITTED", "unit")]
    assert await refused(world.other_region, BJORKEN, "CLINIC_STAFF") == [("NOT_FOUND", "unit")]
    assert await refused(world.region, UPPSALA, "REVIEWER") == [("NOT_PERMITTED", "unit")]
    assert await refused(world.region, STOCKHOLM, "NATIONAL_ADMINISTRATOR") == [
        ("ROLE_NOT_THERE", "role")
    ]
    assert await refused(world.region, BJORKEN, "REGIONAL_ADMINISTRATOR") == [
        ("ROLE_NOT_THERE", "role")
    ]
    assert await refused(world.region, STOCKHOLM, "REPORTER") == [("ROLE_NOT_THERE", "role")]
    assert await refused(world.region, BJORKEN, "CLINIC_STAFF", "hon där") == [
        ("MALFORMED", "employee")
    ]
    assert await world.api.snapshot() == before


async def test_a_person_with_protected_identity_is_never_shown_by_name(world: World) -> None:
    query = "query($id: ID!) { caseType(id: $id) { version { author { name employeeHsaId } } } }"
    shown = await world.reviewer.ask(query, id=world.case_type)
    author = shown["caseType"]["version"]["author"]

    protected = await world.region.done(
        "personProtect",
        "event { action person }",
        principal=STOCKHOLM,
        employee=author["employeeHsaId"],
        protected=True,
    )
    await world.edit(world.case_type, 1, name="Andra")

    assert author["name"] == "Anna Andersson"
    assert protected["event"]["action"] == "PERSON_PROTECTED"
    assert (await world.reviewer.ask(query, id=world.case_type))["caseType"]["version"][
        "author"
    ] == author | {"name": None}
    assert "Anna" not in str(
        await world.api.store.database.find("people", {"_id": author["employeeHsaId"].upper()})
    )
    verified = await world.reviewer.ask(
        "query($id: ID!) { caseType(id: $id) { verify { intact } } }", id=world.case_type
    )
    assert verified["caseType"]["verify"] == {"intact": True}

    await world.region.done(
        "personProtect",
        "event { action }",
        principal=STOCKHOLM,
        employee=author["employeeHsaId"],
        protected=False,
    )
    await world.edit(world.case_type, 2, name="Tredje")

    assert (await world.reviewer.ask(query, id=world.case_type))["caseType"]["version"]["author"][
        "name"
    ] == "Anna Andersson"


@pytest.fixture
async def sundsvall(store: Store) -> Principal:
    """A municipality, there before the app starts."""
    await store.principals.ensure([SUNDSVALL])
    return SUNDSVALL


async def test_municipalities_govern_their_own_clinics_and_no_others(
    sundsvall: Principal, world: World
) -> None:
    municipality = world.api.caller(Role.REGIONAL_ADMINISTRATOR, sundsvall.hsa_id)
    clinic = f"{sundsvall.hsa_id}-1A01"
    await municipality.done(
        "clinicsImport",
        "created",
        principal=sundsvall.hsa_id,
        csv=f"hsaId,name\n{clinic},Hemsjukvården\n",
    )
    draft = await world.draft()
    query = (
        "query($id: ID!, $template: ID!) { caseType(id: $id) { id } caseTypeTemplate(id: $template)"
        " { name } clinics { totalCount } }"
    )

    seen = await municipality.ask(query, id=draft, template=world.template)
    made = await municipality.done(
        "caseTypeCreate", "caseType { id }", owner=sundsvall.hsa_id, content=CONTENT
    )
    own = made["caseType"]["id"]
    await municipality.done("documentPublish", "event { id }", id=own, version=1, expectedVersion=1)
    outside = await municipality.do(
        "caseTypeDistribute", "clinics", caseType=own, to={"hsaIds": [BJORKEN]}
    )
    inside = await municipality.done(
        "caseTypeDistribute", "clinics", caseType=own, to={"hsaIds": [clinic]}
    )

    assert seen == {
        "caseType": None,
        "caseTypeTemplate": {"name": "Förnya recept"},
        "clinics": {"totalCount": 1},
    }
    assert problems(outside) == [("OUTSIDE_PRINCIPAL", "to.hsaIds.0")]
    assert inside["clinics"] == 1
