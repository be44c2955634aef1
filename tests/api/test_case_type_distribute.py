"""`caseTypeDistribute`: all or nothing; refused rows, permissions, idempotency keys, inboxes."""

from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA_CLINIC, Json, problems
from tests.world import World

SAVED = """caseType { id } clinics replaced skipped { row value reason }
    event { action version note clinics { totalCount edges { node { hsaId } } } }"""
ROWS = f"{SAVED} errors {{ ... on RefusedRowError {{ row value }} }}"
MIXED = [
    BJORKEN,
    "nonsens",
    "SE2321000016-9Z99",
    BJORKEN.lower(),
    "SE2321000016-1A03",
    "SE2321000016-1A05",
    "SE2321000016-1A04",
    UPPSALA_CLINIC,
]
REFUSED = [
    (2, "nonsens", "MALFORMED"),
    (3, "SE2321000016-9Z99", "UNKNOWN"),
    (4, BJORKEN.lower(), "DUPLICATE"),
    (5, "SE2321000016-1A03", "NOT_ACTIVATED"),
    (6, "SE2321000016-1A05", "ENDED"),
    (7, "SE2321000016-1A04", "ARCHIVED"),
    (8, UPPSALA_CLINIC, "OUTSIDE_PRINCIPAL"),
]


async def test_one_act_distributes_to_every_clinic_in_the_list(world: World) -> None:
    before = await world.api.snapshot()

    saved = await world.region.done(
        "caseTypeDistribute",
        SAVED,
        caseType=world.case_type,
        to={"hsaIds": [LINDEN, BJORKEN.lower()]},
        startPageOrder=3,
        note="Införande",
    )

    assert saved == {
        "caseType": {"id": world.case_type},
        "clinics": 2,
        "replaced": 0,
        "skipped": [],
        "event": {
            "action": "DISTRIBUTED",
            "version": 1,
            "note": "Införande",
            "clinics": {
                "totalCount": 2,
                "edges": [{"node": {"hsaId": BJORKEN}}, {"node": {"hsaId": LINDEN}}],
            },
        },
        "errors": [],
    }
    after = await world.api.snapshot()
    assert len(after["events"]) == len(before["events"]) + 1
    assert [
        (row["clinic"], row["document"], row["open"], row["start_page_order"])
        for row in after["assignments"]
    ] == [
        (BJORKEN, world.case_type, True, 3),
        (LINDEN, world.case_type, True, 3),
    ]


async def test_the_clinics_get_a_notification_in_their_inbox(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    inbox = """query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications {
        totalCount edges { node { action fromVersion toVersion residentVisible acknowledgedAt
        document { id name } clinic { hsaId } by { role name } } } } } }"""

    received = (await world.staff.ask(inbox, clinic=BJORKEN))["clinic"]["notifications"]
    elsewhere = (await world.region.ask(inbox, clinic=LINDEN))["clinic"]["notifications"]

    assert received["totalCount"] == 1
    assert received["edges"][0]["node"] == {
        "action": "DISTRIBUTED",
        "fromVersion": None,
        "toVersion": 1,
        "residentVisible": True,
        "acknowledgedAt": None,
        "document": {"id": world.case_type, "name": "Förnya recept"},
        "clinic": {"hsaId": BJORKEN},
        "by": {"role": "REGIONAL_ADMINISTRATOR", "name": None},
    }
    assert elsewhere["totalCount"] == 0


async def test_inbox_pages_are_newest_first_and_complete_and_filter_by_visibility(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    for version in range(1, 6):
        hidden = (
            {"rationale": f"Skäl {version}"} if version % 2 else {"introduction": f"Text {version}"}
        )
        await world.edit(world.case_type, version, publish=True, **hidden)
    query = """query($after: String, $visible: Boolean) { clinic(hsaId: "SE2321000016-1A01") {
        notifications(first: 2, after: $after, residentVisibleOnly: $visible) {
            totalCount edges { node { toVersion } } pageInfo { hasNextPage endCursor } } } }"""

    pages, after = [], None
    while True:
        page = (await world.staff.ask(query, after=after))["clinic"]["notifications"]
        pages.append([edge["node"]["toVersion"] for edge in page["edges"]])
        assert page["totalCount"] == 6
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    visible = (await world.staff.ask(query, visible=True))["clinic"]["notifications"]

    assert pages == [[6, 5], [4, 3], [2, 1]]
    assert (visible["totalCount"], [edge["node"]["toVersion"] for edge in visible["edges"]]) == (
        3,
        [5, 3],
    )


async def test_clinics_that_have_the_case_type_already_do_not_change(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)

    more = await world.distribute(world.case_type, BJORKEN, LINDEN)
    before = await world.api.snapshot()
    none = await world.distribute(world.case_type, BJORKEN, LINDEN)

    assert more["clinics"] == 1
    assert (none["clinics"], none["event"]) == (0, None)
    assert await world.api.snapshot() == before


async def test_a_refused_row_refuses_the_call_with_every_reason(world: World) -> None:
    before = await world.api.snapshot()

    refused = await world.region.do(
        "caseTypeDistribute", ROWS, caseType=world.case_type, to={"hsaIds": MIXED}
    )

    assert [(error["row"], error["value"], error["code"]) for error in refused["errors"]] == REFUSED
    assert [error["path"] for error in refused["errors"]] == [
        ["to", "hsaIds", str(row - 1)] for row, _, _ in REFUSED
    ]
    assert {error["__typename"] for error in refused["errors"]} == {"RefusedRowError"}
    assert (refused["clinics"], refused["event"]) == (None, None)
    assert await world.api.snapshot() == before


async def test_refused_rows_can_be_skipped(world: World) -> None:
    saved = await world.region.done(
        "caseTypeDistribute",
        SAVED,
        caseType=world.case_type,
        to={"hsaIds": MIXED},
        skipRefused=True,
    )

    assert saved["clinics"] == 1
    assert [(row["row"], row["value"], row["reason"]) for row in saved["skipped"]] == REFUSED
    assert saved["event"]["clinics"]["edges"] == [{"node": {"hsaId": BJORKEN}}]


async def test_case_types_that_cannot_be_distributed_are_refused(world: World) -> None:
    draft = await world.draft()
    local = await world.clinic_admin.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content={"name": "Egen", "internalName": "Egen"},
    )
    archived = await world.draft()
    await world.region.done(
        "documentPublish", "event { id }", id=archived, version=1, expectedVersion=1
    )
    await world.region.done("documentArchive", "event { id }", id=archived, expectedVersion=1)
    before = await world.api.snapshot()
    calls: list[tuple[Json, tuple[str, str]]] = [
        ({"caseType": draft, "to": {"hsaIds": [BJORKEN]}}, ("WRONG_STATE", "caseType")),
        (
            {"caseType": local["caseType"]["id"], "to": {"hsaIds": [BJORKEN]}},
            ("LOCAL_CASE_TYPE", "caseType"),
        ),
        ({"caseType": world.template, "to": {"hsaIds": [BJORKEN]}}, ("NOT_FOUND", "caseType")),
        ({"caseType": world.case_type, "to": {"hsaIds": []}}, ("OUT_OF_RANGE", "to.hsaIds")),
        (
            {"caseType": world.case_type, "to": {"hsaIds": [BJORKEN] * 20_001}},
            ("OUT_OF_RANGE", "to.hsaIds"),
        ),
        (
            {"caseType": world.case_type, "to": {"hsaIds": [BJORKEN]}, "startPageOrder": 0},
            ("OUT_OF_RANGE", "startPageOrder"),
        ),
        (
            {"caseType": world.case_type, "to": {"hsaIds": [BJORKEN]}, "contactCardOrder": -1},
            ("OUT_OF_RANGE", "contactCardOrder"),
        ),
    ]

    for call, expected in calls:
        assert problems(await world.region.do("caseTypeDistribute", SAVED, **call)) == [expected]
    refused = await world.region.do(
        "caseTypeDistribute", SAVED, caseType=archived, to={"hsaIds": [BJORKEN]}
    )

    assert refused["errors"][0]["code"] == "WRONG_STATE"
    assert await world.api.snapshot() == before


async def test_exactly_one_way_of_choosing_clinics_is_required(world: World) -> None:
    codes = await world.region.refused(
        "mutation($input: CaseTypeDistributeInput!) { caseTypeDistribute(input: $input) {"
        " clinics } }",
        input={"caseType": world.case_type, "to": {}},
    )

    assert len(codes) == 1


async def test_other_callers_cannot_distribute_a_case_type_of_the_region(world: World) -> None:
    codes = await world.refusals(
        "caseTypeDistribute", caseType=world.case_type, to={"hsaIds": [BJORKEN]}
    )

    assert codes == dict.fromkeys(codes, "NOT_PERMITTED") | {
        "other_region": "NOT_FOUND",
        "nobody": "UNAUTHENTICATED",
    }


async def test_a_repeated_distribution_with_the_same_key_is_done_once(world: World) -> None:
    call: Json = {
        "caseType": world.case_type,
        "to": {"hsaIds": MIXED},
        "skipRefused": True,
        "idempotencyKey": "dela ut",
    }
    first = await world.region.done("caseTypeDistribute", SAVED, **call)
    before = await world.api.snapshot()

    again = await world.region.done("caseTypeDistribute", SAVED, **call)
    other = await world.region.do(
        "caseTypeDistribute", SAVED, **{**call, "to": {"hsaIds": [LINDEN]}}
    )

    assert again == first
    assert problems(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert await world.api.snapshot() == before


async def test_a_deactivated_case_type_is_distributed_but_not_shown_to_residents(
    world: World,
) -> None:
    await world.region.done(
        "documentDeactivate", "event { id }", id=world.case_type, expectedVersion=1
    )

    await world.distribute(world.case_type, BJORKEN)

    query = (
        "query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications { edges { node {"
        " residentVisible by { unit } } } } } }"
    )
    notifications = (await world.staff.ask(query, clinic=BJORKEN))["clinic"]["notifications"][
        "edges"
    ]
    assert notifications == [{"node": {"residentVisible": False, "by": {"unit": STOCKHOLM}}}]
