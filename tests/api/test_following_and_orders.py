"""Following a case type, reading assignments, and the order of case types."""

from typing import Any

from tests.api.distributing import assigned_at, local
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, problems
from tests.world import CONTENT, World


async def test_a_clinic_can_unfollow_but_cannot_drop_a_distributed_case_type(
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
    assert await assigned_at(world) == []

    await world.clinic_admin.done(
        "caseTypeFollow", select, caseType=world.case_type, clinic=BJORKEN
    )
    await world.distribute(world.case_type, BJORKEN)
    refused = await world.clinic_admin.do(
        "caseTypeUnfollow", select, caseType=world.case_type, clinic=BJORKEN
    )

    assert problems(refused) == [("NOT_PERMITTED", "caseType")]
    assert await assigned_at(world) == [(world.case_type, "DISTRIBUTED")]


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


async def test_assignments_can_be_filtered_and_read_as_of_an_earlier_time(world: World) -> None:
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
    own = await local(world, "Egen")

    def rows(answer: dict[str, Any]) -> list[tuple[str, str, str, int]]:
        nodes = [edge["node"] for edge in answer["assignments"]["edges"]]
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
            (BJORKEN, own, "OWN", 3),
        ]
    )
    assert rows(await world.region.ask(query, f={"origin": "OWN"})) == [(BJORKEN, own, "OWN", 3)]
    assert rows(await world.region.ask(query, f={"clinic": LINDEN})) == []
    then = await world.region.ask(query, f={"caseType": world.case_type}, asOf=sent["event"]["at"])
    assert [row[0] for row in rows(then)] == [BJORKEN, LINDEN]
    assert rows(await world.other_region.ask(query)) == []
    national = await world.national.ask(query)
    assert sorted(row[1] for row in rows(national)) == sorted([other, world.case_type])


async def test_readers_of_several_principals_must_name_a_principal_with_as_of(world: World) -> None:
    query = 'query { assignments(asOf: "2026-01-01T00:00:00Z") { totalCount } }'

    assert await world.national.refused(query) == ["WHOSE_LOG"]


async def test_the_order_of_the_clinic_precedes_those_of_its_group_and_principal(
    world: World,
) -> None:
    ids = [world.case_type]
    for name in ("B", "C", "D"):
        created = await world.draft(CONTENT | {"name": name})
        await world.region.done(
            "documentPublish", "event { id }", id=created, version=1, expectedVersion=1
        )
        ids.append(created)
    a, b, c, d = ids
    for created in ids:
        await world.distribute(created)
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
