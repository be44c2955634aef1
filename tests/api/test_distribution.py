"""Distribution with every way of choosing clinics, its check, withdrawal, following and orders.

Each change is one act, all of it or nothing.
"""

from typing import Any

from store.records import Role
from tests.callers import BJORKEN, INERA, LINDEN, STOCKHOLM, UPPSALA_CLINIC, problems
from tests.world import CONTENT, World

HUD = "SE2321000016-1A03"
ALMEN = "SE2321000016-1A04"
ASKEN = "SE2321000016-1A05"
CHECK = """
query($caseType: ID!, $to: ClinicSelection!) { checkDistribution(caseType: $caseType, to: $to) {
  willReceive { totalCount edges { node { hsaId } } } alreadyAssigned { edges { node { hsaId } } }
  refused { row value reason }
  localCandidates { similarity clinic { hsaId } caseType { id name } } } }
"""
PAYLOAD = (
    "clinics replaced skipped { row value reason } event { action sequence group { name } clinics {"
    " edges { node { hsaId } } } }"
)


def clinics_of(event: dict[str, Any]) -> list[str]:
    return [edge["node"]["hsaId"] for edge in event["clinics"]["edges"]]


async def at(world: World, clinic: str = BJORKEN) -> list[tuple[str, str]]:
    asked = await world.region.ask(
        "query($c: HsaId!) { clinic(hsaId: $c) { assignments { edges { node { origin caseType { id"
        " } } } } } }",
        c=clinic,
    )
    return [
        (edge["node"]["caseType"]["id"], edge["node"]["origin"])
        for edge in asked["clinic"]["assignments"]["edges"]
    ]


async def local(world: World, name: str, clinic: str = BJORKEN) -> str:
    made = await world.clinic_admin.done(
        "caseTypeCreate", "caseType { id }", owner=clinic, content=CONTENT | {"name": name}
    )
    case_type: str = made["caseType"]["id"]
    await world.clinic_admin.done(
        "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
    )
    return case_type


async def import_clinic(world: World, hsa_id: str, name: str = "Ny", **columns: str) -> None:
    header, row = ";".join(("hsaId", "name", *columns)), ";".join((hsa_id, name, *columns.values()))
    await world.region.done(
        "clinicsImport", "created", principal=STOCKHOLM, csv=f"{header}\n{row}\n"
    )


async def test_the_check_reports_each_row_and_writes_nothing(world: World) -> None:
    await world.distribute(world.case_type, LINDEN)
    same, alike, other = [
        await local(world, name) for name in ("förnya RECEPT", "Recept: förnya", "Boka tid")
    ]
    before = await world.api.snapshot()
    named = (
        BJORKEN,
        "",
        LINDEN.lower(),
        HUD,
        ALMEN,
        ASKEN,
        UPPSALA_CLINIC,
        "SE2321000016-9Z99",
        "fel",
        BJORKEN,
    )
    csv = "\ufeffhsaId;kommentar\n" + "".join(
        f"{value};{'text' if value else ''}\n" for value in named
    )

    check = (await world.region.ask(CHECK, caseType=world.case_type, to={"csv": csv}))[
        "checkDistribution"
    ]

    assert check["willReceive"] == {"totalCount": 1, "edges": [{"node": {"hsaId": BJORKEN}}]}
    assert check["alreadyAssigned"] == {"edges": [{"node": {"hsaId": LINDEN}}]}
    assert [(row["row"], row["value"], row["reason"]) for row in check["refused"]] == [
        (5, HUD, "NOT_ACTIVATED"),
        (6, ALMEN, "ARCHIVED"),
        (7, ASKEN, "ENDED"),
        (8, UPPSALA_CLINIC, "OUTSIDE_PRINCIPAL"),
        (9, "SE2321000016-9Z99", "UNKNOWN"),
        (10, "fel", "MALFORMED"),
        (11, BJORKEN, "DUPLICATE"),
    ]
    assert [found["caseType"]["id"] for found in check["localCandidates"]] == [same, alike]
    assert check["localCandidates"][0]["similarity"] == 1
    assert other not in str(check)
    assert await world.api.snapshot() == before


async def test_refused_csv_rows_refuse_the_call_or_are_skipped(world: World) -> None:
    csv = f"{BJORKEN}\n{HUD}\n"
    before = await world.api.snapshot()

    refused = await world.region.do(
        "caseTypeDistribute",
        "errors { ... on RefusedRowError { row value } }",
        caseType=world.case_type,
        to={"csv": csv},
    )

    assert [
        (error["code"], error["path"], error["row"], error["value"]) for error in refused["errors"]
    ] == [("NOT_ACTIVATED", ["to", "csv"], 2, HUD)]
    assert await world.api.snapshot() == before

    done = await world.region.done(
        "caseTypeDistribute", PAYLOAD, caseType=world.case_type, to={"csv": csv}, skipRefused=True
    )

    assert (done["clinics"], done["skipped"]) == (
        1,
        [{"row": 2, "value": HUD, "reason": "NOT_ACTIVATED"}],
    )
    assert clinics_of(done["event"]) == [BJORKEN]


async def test_a_filter_reaches_the_active_clinics_that_match_now(world: World) -> None:
    to = {"filter": {"businessClassifications": ["1502"]}}

    done = await world.region.done("caseTypeDistribute", PAYLOAD, caseType=world.case_type, to=to)
    again = await world.region.done("caseTypeDistribute", PAYLOAD, caseType=world.case_type, to=to)

    assert clinics_of(done["event"]) == [BJORKEN, LINDEN]
    assert (again["clinics"], again["event"]) == (0, None)


async def test_clinics_that_join_a_rule_group_later_receive_its_case_types(world: World) -> None:
    group = await world.region.done(
        "clinicGroupSave",
        "clinicGroup { id name rule { businessClassifications } clinics { totalCount } }"
        " event { action }",
        principal=STOCKHOLM, name="Vårdcentraler", rule={"businessClassifications": ["1502"]},
    )  # fmt: skip
    group_id = group["clinicGroup"]["id"]
    await world.region.done(
        "caseTypeDistribute", PAYLOAD, caseType=world.case_type, to={"group": group_id}
    )

    await import_clinic(world, "SE2321000016-1B01", businessClassification="1502")
    await import_clinic(world, "SE2321000016-1B02", businessClassification="1112")
    await import_clinic(world, HUD, status="ACTIVE", businessClassification="1502")

    history = await world.region.ask(
        """query($id: ID!) { caseType(id: $id) { history(first: 3) {
          edges { node { action group { name } clinics { edges { node { hsaId } } } } } } } }""",
        id=world.case_type,
    )
    events = [edge["node"] for edge in history["caseType"]["history"]["edges"]]
    assert [(event["action"], event["group"], clinics_of(event)) for event in events] == [
        ("DISTRIBUTED", {"name": "Vårdcentraler"}, [HUD]),
        ("DISTRIBUTED", {"name": "Vårdcentraler"}, ["SE2321000016-1B01"]),
        ("DISTRIBUTED", {"name": "Vårdcentraler"}, [BJORKEN, LINDEN]),
    ]
    assert await at(world, "SE2321000016-1B02") == []


async def test_importing_a_member_again_does_not_assign_withdrawn_case_types(
    world: World,
) -> None:
    made = await world.region.done(
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
        to={"group": made["clinicGroup"]["id"]},
    )
    await world.region.done(
        "caseTypeWithdraw", PAYLOAD, caseType=world.case_type, **{"from": {"hsaIds": [LINDEN]}}
    )

    await import_clinic(world, LINDEN, name="Nya Linden", businessClassification="1502")

    assert await at(world, LINDEN) == []


async def test_clinics_of_a_new_rule_receive_case_types_until_the_withdrawal(
    world: World,
) -> None:
    await import_clinic(world, "SE2321000016-1C01", businessClassification="1324")
    rule = {"businessClassifications": ["1502"]}
    made = await world.region.done(
        "clinicGroupSave", "clinicGroup { id }", principal=STOCKHOLM, name="G", rule=rule
    )
    group = made["clinicGroup"]["id"]
    await world.region.done(
        "caseTypeDistribute", PAYLOAD, caseType=world.case_type, to={"group": group}
    )

    rule = {"businessClassifications": ["1502", "1324"]}
    await world.region.done(
        "clinicGroupSave", "clinicGroup { id }", id=group, principal=STOCKHOLM, name="G", rule=rule
    )

    assert await at(world, "SE2321000016-1C01") == [(world.case_type, "DISTRIBUTED")]

    gone = await world.region.done(
        "caseTypeWithdraw", PAYLOAD, caseType=world.case_type, **{"from": {"group": group}}
    )
    await import_clinic(world, "SE2321000016-1C02", businessClassification="1502")

    assert gone["clinics"] == 3
    assert await at(world, "SE2321000016-1C02") == []


async def test_local_case_types_are_replaced_in_the_same_act_and_can_be_restored(
    world: World,
) -> None:
    mine = await local(world, "Förnya recept")

    done = await world.region.done(
        "caseTypeDistribute",
        PAYLOAD,
        caseType=world.case_type,
        to={"hsaIds": [BJORKEN]},
        replaceLocal=[mine],
    )

    assert (done["clinics"], done["replaced"]) == (1, 1)
    assert await at(world) == [(world.case_type, "DISTRIBUTED")]
    history = await world.clinic_admin.ask(
        "query($id: ID!) { caseType(id: $id) { state history(first: 1) { edges { node { action"
        " sequence } } } } }",
        id=mine,
    )
    assert history["caseType"] == {
        "state": "ARCHIVED",
        "history": {
            "edges": [{"node": {"action": "REPLACED", "sequence": done["event"]["sequence"] + 1}}]
        },
    }

    await world.clinic_admin.done(
        "documentRestore", "event { id }", id=mine, version=1, expectedVersion=1, publish=True
    )

    assert sorted(await at(world)) == sorted([(world.case_type, "DISTRIBUTED"), (mine, "OWN")])


async def test_replacing_a_case_type_that_is_not_local_there_writes_nothing(world: World) -> None:
    mine = await local(world, "Förnya recept")
    central = await world.draft()
    before = await world.api.snapshot()

    elsewhere = await world.region.do(
        "caseTypeDistribute",
        PAYLOAD,
        caseType=world.case_type,
        to={"hsaIds": [LINDEN]},
        replaceLocal=[mine, central],
    )
    twice = await world.region.do(
        "caseTypeDistribute",
        PAYLOAD,
        caseType=world.case_type,
        to={"hsaIds": [BJORKEN]},
        replaceLocal=[mine, mine],
    )

    assert problems(elsewhere) == [
        ("NOT_LOCAL_THERE", "replaceLocal.0"),
        ("NOT_LOCAL_THERE", "replaceLocal.1"),
    ]
    assert problems(twice) == [("ARCHIVED_ALREADY", "replaceLocal.1")]
    assert await world.api.snapshot() == before


async def test_a_clinic_unfollows_what_it_follows_but_not_what_was_distributed(
    world: World,
) -> None:
    select = "assignment { origin until clinic { hsaId } startPageOrder } event { action }"
    followed = await world.clinic_admin.done(
        "caseTypeFollow", select, caseType=world.case_type, clinic=BJORKEN
    )
    again = await world.clinic_admin.done(
        "caseTypeFollow", select, caseType=world.case_type, clinic=BJORKEN
    )

    assert followed == {
        "assignment": {
            "origin": "FOLLOWED",
            "until": None,
            "clinic": {"hsaId": BJORKEN},
            "startPageOrder": 1,
        },
        "event": {"action": "FOLLOWED"},
        "errors": [],
    }
    assert again["event"] is None

    dropped = await world.clinic_admin.done(
        "caseTypeUnfollow", select, caseType=world.case_type, clinic=BJORKEN
    )
    assert (dropped["event"], dropped["assignment"]["until"] is None) == (
        {"action": "UNFOLLOWED"},
        False,
    )
    assert await at(world) == []

    await world.clinic_admin.done(
        "caseTypeFollow", select, caseType=world.case_type, clinic=BJORKEN
    )
    await world.distribute(world.case_type, BJORKEN)
    refused = await world.clinic_admin.do(
        "caseTypeUnfollow", select, caseType=world.case_type, clinic=BJORKEN
    )

    assert problems(refused) == [("NOT_PERMITTED", "caseType")]
    assert await at(world) == [(world.case_type, "DISTRIBUTED")]


async def test_a_follower_is_notified_of_later_updates(world: World) -> None:
    await world.edit(world.case_type, 1, publish=True, name="Två")
    await world.clinic_admin.done(
        "caseTypeFollow", "event { id }", caseType=world.case_type, clinic=BJORKEN
    )
    await world.edit(world.case_type, 2, publish=True, name="Tre")

    inbox = await world.staff.ask(
        "query($c: HsaId!) { clinic(hsaId: $c) { notifications { edges { node { action toVersion }"
        " } } } }",
        c=BJORKEN,
    )

    assert [
        (edge["node"]["action"], edge["node"]["toVersion"])
        for edge in inbox["clinic"]["notifications"]["edges"]
    ] == [
        ("PUBLISHED", 3),
        ("FOLLOWED", 2),
    ]


async def test_a_draft_can_be_neither_followed_nor_distributed(world: World) -> None:
    draft = await world.draft()

    hidden = await world.clinic_admin.do(
        "caseTypeFollow", "event { id }", caseType=draft, clinic=BJORKEN
    )
    refused = await world.region.do(
        "caseTypeFollow", "event { id }", caseType=draft, clinic=BJORKEN
    )

    assert problems(hidden) == [("NOT_FOUND", "caseType")]
    assert problems(refused) == [("WRONG_STATE", "caseType")]


async def test_assignments_can_be_filtered_and_read_at_an_earlier_moment(world: World) -> None:
    query = """query($f: AssignmentFilter, $asOf: DateTime) {
      assignments(filter: $f, asOf: $asOf) { totalCount
      edges { node { clinic { hsaId } caseType { id } origin startPageOrder contactCardOrder } } }
    }"""
    other = await world.draft(CONTENT | {"name": "B"})
    await world.region.done(
        "documentPublish", "event { id }", id=other, version=1, expectedVersion=1
    )
    await world.distribute(world.case_type)
    sent = await world.region.done(
        "caseTypeDistribute",
        "event { at }",
        caseType=other,
        to={"hsaIds": [BJORKEN]},
        startPageOrder=1,
    )
    await world.region.done(
        "caseTypeWithdraw",
        "event { id }",
        caseType=world.case_type,
        **{"from": {"hsaIds": [LINDEN]}},
    )
    mine = await local(world, "Egen")

    def rows(asked: dict[str, Any]) -> list[tuple[str, str, str, int]]:
        nodes = [edge["node"] for edge in asked["assignments"]["edges"]]
        return [
            (
                node["clinic"]["hsaId"],
                node["caseType"]["id"],
                node["origin"],
                node["startPageOrder"],
            )
            for node in nodes
        ]

    now = await world.region.ask(query)
    assert now["assignments"]["totalCount"] == 3
    assert sorted(rows(now)) == sorted(
        [
            (BJORKEN, other, "DISTRIBUTED", 1),
            (BJORKEN, world.case_type, "DISTRIBUTED", 2),
            (BJORKEN, mine, "OWN", 3),
        ]
    )
    assert rows(await world.region.ask(query, f={"origin": "OWN"})) == [(BJORKEN, mine, "OWN", 3)]
    assert rows(await world.region.ask(query, f={"clinic": LINDEN})) == []
    then = await world.region.ask(query, f={"caseType": world.case_type}, asOf=sent["event"]["at"])
    assert [row[0] for row in rows(then)] == [BJORKEN, LINDEN]
    assert rows(await world.other_region.ask(query)) == []
    national = await world.national.ask(query)
    assert sorted(row[1] for row in rows(national)) == sorted([other, world.case_type])


async def test_readers_of_several_principals_must_give_one_with_as_of(world: World) -> None:
    query = 'query { assignments(asOf: "2026-01-01T00:00:00Z") { totalCount } }'

    assert await world.national.refused(query) == ["WHOSE_LOG"]


async def test_the_order_is_the_clinics_then_the_groups_then_the_principals(world: World) -> None:
    ids = [world.case_type]
    for name in ("B", "C", "D"):
        made = await world.draft(CONTENT | {"name": name})
        await world.region.done(
            "documentPublish", "event { id }", id=made, version=1, expectedVersion=1
        )
        ids.append(made)
    a, b, c, d = ids
    for made in ids:
        await world.distribute(made)
    group = await world.region.done(
        "clinicGroupSave", "clinicGroup { id }", principal=STOCKHOLM, name="Egna", hsaIds=[BJORKEN]
    )

    async def order(clinic: str) -> list[str]:
        page = await world.region.ask(
            "query($c: HsaId!) { clinic(hsaId: $c) { startPage { position caseType { id } } } }",
            c=clinic,
        )
        return [entry["caseType"]["id"] for entry in page["clinic"]["startPage"]]

    assert await order(BJORKEN) == [a, b, c, d]
    await world.region.done(
        "caseTypesReorder", "event { action }", on={"principal": STOCKHOLM}, order=[d, c]
    )
    assert await order(BJORKEN) == await order(LINDEN) == [d, c, a, b]
    await world.region.done(
        "caseTypesReorder", "event { id }", on={"group": group["clinicGroup"]["id"]}, order=[b]
    )
    assert (await order(BJORKEN), await order(LINDEN)) == ([b, d, c, a], [d, c, a, b])
    await world.clinic_admin.done(
        "caseTypesReorder", "event { id }", on={"clinic": BJORKEN}, order=[a]
    )
    assert await order(BJORKEN) == [a, b, d, c]
    again = await world.clinic_admin.done(
        "caseTypesReorder", "event { id }", on={"clinic": BJORKEN}, order=[a]
    )
    assert again["event"] is None
    await world.clinic_admin.done(
        "caseTypesReorder", "event { id }", on={"clinic": BJORKEN}, order=[]
    )
    assert await order(BJORKEN) == [b, d, c, a]


async def test_an_order_lists_each_case_type_of_the_principal_at_most_once(world: World) -> None:
    before = await world.api.snapshot()

    refused = await world.region.do(
        "caseTypesReorder",
        "event { id }",
        on={"principal": STOCKHOLM},
        order=[world.case_type, world.case_type, world.template],
    )
    elsewhere = await world.clinic_admin.do(
        "caseTypesReorder", "event { id }", on={"principal": STOCKHOLM}, order=[world.case_type]
    )

    assert problems(refused) == [("DUPLICATE_VALUE", "order.1"), ("UNKNOWN_CASE_TYPE", "order.2")]
    assert problems(elsewhere) == [("NOT_PERMITTED", "on")]
    assert await world.api.snapshot() == before


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

    async def found(**given: Any) -> list[str]:
        return [
            edge["node"]["hsaId"]
            for edge in (await world.region.ask(query, f=given))["clinics"]["edges"]
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
        csv=f"{LINDEN}\n{HUD}\n",
    )
    assert await found(group=group["clinicGroup"]["id"]) == [LINDEN, HUD]
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


async def test_a_group_is_saved_one_way_only_and_with_its_own_clinics(world: World) -> None:
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


async def test_groups_and_assignments_are_nodes_for_those_who_may_know_of_them(
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


async def test_a_restored_case_type_reaches_clinics_that_joined_its_group_meanwhile(
    world: World,
) -> None:
    made = await world.region.done(
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
        to={"group": made["clinicGroup"]["id"]},
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

    assert await at(world) == [(world.case_type, "DISTRIBUTED")]
    assert await at(world, "SE2321000016-1E01") == [(world.case_type, "DISTRIBUTED")]
    assert await at(world, LINDEN) == []
