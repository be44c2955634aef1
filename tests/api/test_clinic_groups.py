"""Groups of clinics, by a list or by a rule: members, distribution to a group, and search."""

from typing import Any

from store.records import Role
from tests.api.distributing import (
    ALMEN,
    ASKEN,
    EKEN,
    PAYLOAD,
    assigned_at,
    clinics_of,
    import_clinic,
)
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA_CLINIC, problems
from tests.world import World


async def test_clinics_that_join_a_group_with_a_rule_later_receive_its_case_types(
    world: World,
) -> None:
    group = await world.region.done(
        "clinicGroupSave",
        "clinicGroup { id name rule { businessClassifications } clinics { totalCount } }"
        " event { action }",
        principal=STOCKHOLM,
        name="Vårdcentraler",
        rule={"businessClassifications": ["1502"]},
    )
    group_id = group["clinicGroup"]["id"]
    await world.region.done(
        "caseTypeDistribute", PAYLOAD, caseType=world.case_type, to={"group": group_id}
    )

    await import_clinic(world, "SE2321000016-1B01", businessClassification="1502")
    await import_clinic(world, "SE2321000016-1B02", businessClassification="1112")
    await import_clinic(world, EKEN, status="ACTIVE", businessClassification="1502")

    history = await world.region.ask(
        """query($id: ID!) { caseType(id: $id) { history(first: 3) {
          edges { node { action group { name } clinics { edges { node { hsaId } } } } } } } }""",
        id=world.case_type,
    )
    events = [edge["node"] for edge in history["caseType"]["history"]["edges"]]
    assert [(event["action"], event["group"], clinics_of(event)) for event in events] == [
        ("DISTRIBUTED", {"name": "Vårdcentraler"}, [EKEN]),
        ("DISTRIBUTED", {"name": "Vårdcentraler"}, ["SE2321000016-1B01"]),
        ("DISTRIBUTED", {"name": "Vårdcentraler"}, [BJORKEN, LINDEN]),
    ]
    assert await assigned_at(world, "SE2321000016-1B02") == []


async def test_importing_a_member_again_does_not_assign_withdrawn_case_types(
    world: World,
) -> None:
    created = await world.region.done(
        "clinicGroupSave",
        "clinicGroup { id }",
        principal=STOCKHOLM,
        name="VC",
        rule={"businessClassifications": ["1502"]},
    )
    await world.region.done(
        "caseTypeDistribute",
        PAYLOAD,
        caseType=world.case_type,
        to={"group": created["clinicGroup"]["id"]},
    )
    await world.region.done(
        "caseTypeWithdraw", PAYLOAD, caseType=world.case_type, **{"from": {"hsaIds": [LINDEN]}}
    )

    await import_clinic(world, LINDEN, name="Nya Linden", businessClassification="1502")

    assert await assigned_at(world, LINDEN) == []


async def test_clinics_of_a_new_rule_receive_case_types_until_the_withdrawal(
    world: World,
) -> None:
    await import_clinic(world, "SE2321000016-1C01", businessClassification="1324")
    rule = {"businessClassifications": ["1502"]}
    created = await world.region.done(
        "clinicGroupSave", "clinicGroup { id }", principal=STOCKHOLM, name="G", rule=rule
    )
    group = created["clinicGroup"]["id"]
    await world.region.done(
        "caseTypeDistribute", PAYLOAD, caseType=world.case_type, to={"group": group}
    )

    rule = {"businessClassifications": ["1502", "1324"]}
    await world.region.done(
        "clinicGroupSave", "clinicGroup { id }", id=group, principal=STOCKHOLM, name="G", rule=rule
    )

    assert await assigned_at(world, "SE2321000016-1C01") == [(world.case_type, "DISTRIBUTED")]

    withdrawn = await world.region.done(
        "caseTypeWithdraw", PAYLOAD, caseType=world.case_type, **{"from": {"group": group}}
    )
    await import_clinic(world, "SE2321000016-1C02", businessClassification="1502")

    assert withdrawn["clinics"] == 3
    assert await assigned_at(world, "SE2321000016-1C02") == []


async def test_clinics_are_found_by_words_groups_and_similarity(world: World) -> None:
    query = """query($f: ClinicFilter, $first: Int, $after: String) {
      clinics(filter: $f, first: $first, after: $after) {
      totalCount pageInfo { endCursor }
      edges { node { hsaId businessClassifications { code name } } } } }"""
    await import_clinic(
        world,
        "SE2321000016-1D01",
        name="Öbackens vårdcentral",
        location="Åre",
        businessClassification="1502|1504|9999",
    )

    async def found(**criteria: Any) -> list[str]:
        return [
            edge["node"]["hsaId"]
            for edge in (await world.region.ask(query, f=criteria))["clinics"]["edges"]
        ]

    assert await found(text="ÖBACK vård") == ["SE2321000016-1D01"]
    assert await found(text="oback") == []
    assert await found(text="åre") == ["SE2321000016-1D01"]
    assert await found(text="1A01") == [BJORKEN]
    assert await found(text=".*") == await found()
    assert await found(similarTo=BJORKEN) == ["SE2321000016-1D01", LINDEN, ALMEN, ASKEN]
    group = await world.region.done(
        "clinicGroupSave",
        "clinicGroup { id }",
        principal=STOCKHOLM,
        name="G",
        csv=f"{LINDEN}\n{EKEN}\n",
    )
    assert await found(group=group["clinicGroup"]["id"]) == [LINDEN, EKEN]
    first = (await world.region.ask(query, f={"similarTo": BJORKEN}, first=1))["clinics"]
    rest = (
        await world.region.ask(
            query, f={"similarTo": BJORKEN}, after=first["pageInfo"]["endCursor"]
        )
    )["clinics"]
    assert [edge["node"]["hsaId"] for edge in rest["edges"]] == [LINDEN, ALMEN, ASKEN]
    codes = (await world.region.ask(query, f={"text": "öbackens"}))["clinics"]["edges"][0]["node"][
        "businessClassifications"
    ]
    assert codes == [
        {"code": "1502", "name": "Allmänmedicin"},
        {"code": "1504", "name": "Barnavårdscentral (BVC)"},
        {"code": "9999", "name": None},
    ]


async def test_a_group_has_either_a_rule_or_a_list_of_clinics_of_its_principal(
    world: World,
) -> None:
    before = await world.api.snapshot()

    none = await world.region.do("clinicGroupSave", "event { id }", principal=STOCKHOLM, name=" ")
    empty = await world.region.do(
        "clinicGroupSave", "event { id }", principal=STOCKHOLM, name="G", rule={}
    )
    nested = await world.region.do(
        "clinicGroupSave", "event { id }", principal=STOCKHOLM, name="G", rule={"text": "x"}
    )
    rows = await world.region.do(
        "clinicGroupSave",
        "event { id }",
        principal=STOCKHOLM,
        name="G",
        hsaIds=[BJORKEN, UPPSALA_CLINIC, BJORKEN],
    )
    other = await world.other_region.do(
        "clinicGroupSave", "event { id }", principal=STOCKHOLM, name="G", hsaIds=[BJORKEN]
    )

    assert problems(none) == [("BLANK", "name"), ("EXACTLY_ONE", "")]
    assert problems(empty) == [("EMPTY_RULE", "rule")]
    assert problems(nested) == [("NOT_IN_RULE", "rule.text")]
    assert problems(rows) == [("OUTSIDE_PRINCIPAL", "hsaIds.1"), ("DUPLICATE", "hsaIds.2")]
    assert problems(other) == [("NOT_PERMITTED", "principal")]
    assert await world.api.snapshot() == before


async def test_the_same_key_returns_the_group_and_assignment_again(world: World) -> None:
    group = {"principal": STOCKHOLM, "name": "G", "hsaIds": [BJORKEN], "idempotencyKey": "g1"}
    follow = {"caseType": world.case_type, "clinic": BJORKEN, "idempotencyKey": "f1"}

    groups = [
        await world.region.done("clinicGroupSave", "clinicGroup { id } event { id }", **group)
        for _ in range(2)
    ]
    follows = [
        await world.clinic_admin.done("caseTypeFollow", "assignment { id } event { id }", **follow)
        for _ in range(2)
    ]
    other = await world.region.do("clinicGroupSave", "event { id }", **(group | {"name": "H"}))

    assert groups[0] == groups[1]
    assert follows[0] == follows[1]
    assert problems(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]


async def test_groups_and_assignments_are_nodes_for_permitted_callers_only(
    world: World,
) -> None:
    group = await world.region.done(
        "clinicGroupSave", "clinicGroup { id }", principal=STOCKHOLM, name="G", hsaIds=[BJORKEN]
    )
    follow = await world.clinic_admin.done(
        "caseTypeFollow", "assignment { id }", caseType=world.case_type, clinic=BJORKEN
    )
    ids = [group["clinicGroup"]["id"], follow["assignment"]["id"]]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }"

    seen = [
        [node and node["__typename"] for node in (await caller.ask(query, ids=ids))["nodes"]]
        for caller in (
            world.region,
            world.staff,
            world.other_region,
            world.api.caller(Role.REVIEWER, INERA),
        )
    ]

    assert seen == [
        ["ClinicGroup", "Assignment"],
        [None, "Assignment"],
        [None, None],
        ["ClinicGroup", "Assignment"],
    ]


async def test_a_restored_case_type_is_assigned_to_clinics_that_joined_its_group_meanwhile(
    world: World,
) -> None:
    created = await world.region.done(
        "clinicGroupSave",
        "clinicGroup { id }",
        principal=STOCKHOLM,
        name="VC",
        rule={"businessClassifications": ["1502"]},
    )
    await world.region.done(
        "caseTypeDistribute",
        PAYLOAD,
        caseType=world.case_type,
        to={"group": created["clinicGroup"]["id"]},
    )
    await world.region.done(
        "caseTypeWithdraw", PAYLOAD, caseType=world.case_type, **{"from": {"hsaIds": [LINDEN]}}
    )
    await world.region.done(
        "documentArchive", "event { id }", id=world.case_type, expectedVersion=1
    )
    await import_clinic(world, "SE2321000016-1E01", businessClassification="1502")

    await world.region.done(
        "documentRestore",
        "event { action }",
        id=world.case_type,
        version=1,
        expectedVersion=1,
        publish=True,
    )

    assert await assigned_at(world) == [(world.case_type, "DISTRIBUTED")]
    assert await assigned_at(world, "SE2321000016-1E01") == [(world.case_type, "DISTRIBUTED")]
    assert await assigned_at(world, LINDEN) == []
