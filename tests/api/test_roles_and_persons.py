"""Roles granted in the registry, protected identities, and municipalities."""

import pytest

from store.records import Principal, PrincipalKind, Role
from store.registry import Store
from tests.callers import BJORKEN, STOCKHOLM, UPPSALA, Caller, problems
from tests.world import CONTENT, World

SUNDSVALL = Principal(
    "SE2120002411", "SE2120002411", "Sundsvalls kommun", PrincipalKind.MUNICIPALITY, "22"
)


async def test_a_granted_role_applies_to_a_person_whose_token_has_no_role(world: World) -> None:
    newcomer = world.api.caller(
        Role.LOCAL_ADMINISTRATOR, "SE0000000000-none", f"{STOCKHOLM}-nina", "Nina Ny"
    )
    assert await newcomer.refused("{ viewer { roles } }") == ["NOT_PERMITTED"]

    granted = await world.region.done(
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

    assert granted["event"] == {"action": "ROLE_GRANTED", "person": f"{STOCKHOLM}-NINA"}
    assert again["event"] is None
    assert await newcomer.ask("{ viewer { roles clinics { totalCount } } }") == {
        "viewer": {"roles": ["LOCAL_ADMINISTRATOR"], "clinics": {"totalCount": 1}}
    }
    listed = (
        "query($p: HsaId!) { principal(hsaId: $p) { roleGrants { totalCount edges { node { id role"
        " } } } } }"
    )
    assert (await world.reviewer.ask(listed, p=STOCKHOLM))["principal"]["roleGrants"] == {
        "totalCount": 1,
        "edges": [{"node": {"id": granted["roleGrant"]["id"], "role": "LOCAL_ADMINISTRATOR"}}],
    }
    assert (await world.clinic_admin.ask(listed, p=STOCKHOLM))["principal"]["roleGrants"] == {
        "totalCount": 0,
        "edges": [],
    }

    revoked = await world.region.done(
        "roleRevoke", "event { action }", id=granted["roleGrant"]["id"]
    )
    twice = await world.region.do("roleRevoke", "event { action }", id=granted["roleGrant"]["id"])

    assert revoked["event"] == {"action": "ROLE_REVOKED"}
    assert problems(twice) == [("NOT_FOUND", "id")]
    assert await newcomer.refused("{ viewer { roles } }") == ["NOT_PERMITTED"]


async def test_roles_are_granted_only_with_permission_and_at_units_that_can_hold_them(
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
    """A municipality that exists before the app starts."""
    await store.principals.ensure([SUNDSVALL])
    return SUNDSVALL


async def test_municipalities_administer_their_own_clinics_and_no_others(
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
    created = await municipality.done(
        "caseTypeCreate", "caseType { id }", owner=sundsvall.hsa_id, content=CONTENT
    )
    own = created["caseType"]["id"]
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
