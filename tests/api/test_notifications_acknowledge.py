"""`notificationsAcknowledge` acknowledges a clinic's inbox up to a cursor and no further.

Also covers who acknowledged and when, and the adoption of versions by clinics.
"""

import asyncio
from typing import Any

from store.records import Role
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA_CLINIC, Caller, Json, problems
from tests.world import World

INBOX = """query($clinic: HsaId!) { clinic(hsaId: $clinic) { unacknowledgedCount
    notifications { edges { node { cursor toVersion acknowledgedAt
        acknowledgedBy { role unit employeeHsaId name } } } }
    unseen: notifications(unacknowledgedOnly: true) { totalCount edges { node { toVersion } } }
    assignments { edges { node { acknowledgedVersion } } } } }"""
ADOPTION = (
    "query($id: ID!) { caseType(id: $id) { adoption { assigned acknowledged pending unseen"
    " byVersion { version clinics since } } } }"
)
SELECT = (
    "upTo clinic { hsaId unacknowledgedCount } event { action sequence actor { role"
    " employeeHsaId } }"
)


async def inbox(caller: Caller, clinic: str = BJORKEN) -> Json:
    found: Json = (await caller.ask(INBOX, clinic=clinic))["clinic"]
    return found


async def cursors(caller: Caller, clinic: str = BJORKEN) -> list[str]:
    """The cursors of a clinic's inbox, oldest first."""
    return [
        edge["node"]["cursor"]
        for edge in reversed((await inbox(caller, clinic))["notifications"]["edges"])
    ]


async def adoption(world: World, caller: Caller | None = None) -> Json:
    found: Json = (await (caller or world.region).ask(ADOPTION, id=world.case_type))["caseType"][
        "adoption"
    ]
    return found


async def behind(caller: Caller, **criteria: Any) -> list[str]:
    query = (
        "query($filter: AssignmentFilter) { assignments(filter: $filter) { totalCount edges { node"
        " { clinic { hsaId } } } } }"
    )
    page = (await caller.ask(query, filter={"behindOnly": True, **criteria}))["assignments"]
    assert page["totalCount"] == len(page["edges"])
    return [edge["node"]["clinic"]["hsaId"] for edge in page["edges"]]


async def publish_versions(world: World, versions: int) -> None:
    for version in range(1, versions):
        await world.edit(
            world.case_type, version, publish=True, introduction=f"Text {version + 1}."
        )


async def test_it_acknowledges_up_to_the_cursor_and_records_who_and_when(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    await publish_versions(world, 3)
    first, second, third = await cursors(world.staff)

    done = await world.staff.done(
        "notificationsAcknowledge", SELECT, clinic=BJORKEN.lower(), upTo=second
    )

    found = await inbox(world.staff)
    notifications = [edge["node"] for edge in reversed(found["notifications"]["edges"])]
    assert done["upTo"] == second
    assert done["clinic"] == {"hsaId": BJORKEN, "unacknowledgedCount": 1}
    assert done["event"]["action"] == "ACKNOWLEDGED"
    assert done["event"]["actor"] == {"role": "CLINIC_STAFF", "employeeHsaId": None}
    assert [notification["acknowledgedAt"] is not None for notification in notifications] == [
        True,
        True,
        False,
    ]
    assert notifications[0]["acknowledgedBy"] == {
        "role": "CLINIC_STAFF",
        "unit": BJORKEN,
        "employeeHsaId": None,
        "name": None,
    }
    assert found["unacknowledgedCount"] == found["unseen"]["totalCount"] == 1
    assert [edge["node"]["toVersion"] for edge in found["unseen"]["edges"]] == [3]
    assert found["assignments"]["edges"] == [{"node": {"acknowledgedVersion": 2}}]
    assert [first, second, third] == [notification["cursor"] for notification in notifications]
    node = "node { action actor { employeeHsaId } clinics { totalCount } }"
    log = f'{{ principal(hsaId: "{STOCKHOLM}") {{ events(first: 1) {{ edges {{ {node} }} }} }} }}'
    [event] = (await world.reviewer.ask(log))["principal"]["events"]["edges"]
    assert event["node"] == {
        "action": "ACKNOWLEDGED",
        "actor": {"employeeHsaId": "SE2321000016-CS"},
        "clinics": {"totalCount": 1},
    }


async def test_repeating_a_call_or_going_backwards_changes_nothing(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    await publish_versions(world, 2)
    first, second = await cursors(world.staff)
    await world.staff.done("notificationsAcknowledge", "upTo", clinic=BJORKEN, upTo=second)
    before = await world.api.snapshot()

    again = [
        await world.staff.done(
            "notificationsAcknowledge", "upTo event { id }", clinic=BJORKEN, upTo=cursor
        )
        for cursor in (second, first)
    ]

    assert again == [{"upTo": second, "event": None, "errors": []}] * 2
    assert await world.api.snapshot() == before


async def test_a_late_call_does_not_acknowledge_a_newer_publication(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    [seen] = await cursors(world.staff)
    await publish_versions(world, 2)

    await world.staff.done("notificationsAcknowledge", "upTo", clinic=BJORKEN, upTo=seen)

    found = await inbox(world.staff)
    assert (found["unacknowledgedCount"], found["assignments"]["edges"]) == (
        1,
        [{"node": {"acknowledgedVersion": 1}}],
    )
    assert await behind(world.region) == [BJORKEN]


async def test_a_cursor_of_one_clinic_does_not_cover_the_same_event_of_a_later_clinic(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    [bjorkens] = await cursors(world.region, BJORKEN)
    [lindens] = await cursors(world.region, LINDEN)
    linden = world.api.caller(Role.CLINIC_STAFF, LINDEN)

    await linden.done("notificationsAcknowledge", "upTo", clinic=LINDEN, upTo=bjorkens)
    not_yet = (await inbox(linden, LINDEN))["unacknowledgedCount"]
    await world.staff.done("notificationsAcknowledge", "upTo", clinic=BJORKEN, upTo=lindens)

    assert not_yet == 1
    assert (await inbox(world.staff))["unacknowledgedCount"] == 0


async def test_callers_without_permission_are_refused_and_nothing_is_written(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    [cursor] = await cursors(world.staff)
    future = (await world.edit(world.case_type, 1, introduction="Utkast."))["event"][
        "cursor"
    ].partition(".")[0]
    other = await world.other_region.ask(
        '{ principal(hsaId: "SE2321000024") { events(first: 1) { edges { cursor } } } }'
    )
    foreign = other["principal"]["events"]["edges"][0]["cursor"]
    before = await world.api.snapshot()

    refused = {
        name: problems(
            await getattr(world, name).do(
                "notificationsAcknowledge", "upTo", clinic=BJORKEN, upTo=cursor
            )
        )
        for name in ("region", "national", "reviewer", "reporter", "other_region")
    }
    wrong = [
        problems(
            await world.staff.do("notificationsAcknowledge", "upTo", clinic=clinic, upTo=up_to)
        )
        for clinic, up_to in [
            (BJORKEN, "skräp"),
            (BJORKEN, foreign),
            (LINDEN, cursor),
            (UPPSALA_CLINIC, cursor),
            ("SE1", cursor),
        ]
    ]

    assert refused == {
        "region": [("NOT_PERMITTED", "clinic")],
        "national": [("NOT_PERMITTED", "clinic")],
        "reviewer": [("NOT_PERMITTED", "clinic")],
        "reporter": [("NOT_PERMITTED", "clinic")],
        "other_region": [("NOT_FOUND", "clinic")],
    }
    assert wrong == [[("INVALID_CURSOR", "upTo")]] * 2 + [[("NOT_FOUND", "clinic")]] * 3
    assert await world.api.snapshot() == before
    assert future


async def test_a_cursor_beyond_the_log_is_refused(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    [cursor] = await cursors(world.staff)
    await world.api.store.database["logs"].update_one(
        {"_id": STOCKHOLM}, {"$inc": {"sequence": -1}}
    )

    assert problems(
        await world.staff.do("notificationsAcknowledge", "upTo", clinic=BJORKEN, upTo=cursor)
    ) == [("INVALID_CURSOR", "upTo")]


async def test_an_idempotency_key_acts_once_and_concurrent_calls_keep_the_furthest_cursor(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    await publish_versions(world, 5)
    positions = await cursors(world.staff)

    await asyncio.gather(
        *(
            world.staff.done("notificationsAcknowledge", "upTo", clinic=BJORKEN, upTo=position)
            for position in positions
        )
    )
    arguments: Json = {"clinic": BJORKEN, "upTo": positions[-1], "idempotencyKey": "en gång"}
    await world.edit(world.case_type, 5, publish=True, introduction="Sex.")
    newest = (await cursors(world.staff))[-1]
    first = await world.staff.done(
        "notificationsAcknowledge", "upTo event { id }", **arguments | {"upTo": newest}
    )
    again = await world.staff.done(
        "notificationsAcknowledge", "upTo event { id }", **arguments | {"upTo": newest}
    )
    other = await world.staff.do("notificationsAcknowledge", "upTo", **arguments)

    assert (await inbox(world.staff))["unacknowledgedCount"] == 0
    assert first == again
    assert first["event"] is not None
    assert problems(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]


async def test_a_clinic_import_keeps_acknowledgements(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    [cursor] = await cursors(world.staff)
    await world.staff.done("notificationsAcknowledge", "upTo", clinic=BJORKEN, upTo=cursor)

    await world.region.done(
        "clinicsImport", "updated", principal=STOCKHOLM, csv=f"hsaId,name\n{BJORKEN},Nytt namn\n"
    )

    assert (await inbox(world.staff))["unacknowledgedCount"] == 0


async def test_a_subscription_from_the_acknowledged_position_continues_after_it(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    await publish_versions(world, 3)
    positions = await cursors(world.staff)
    await world.staff.done("notificationsAcknowledge", "upTo", clinic=BJORKEN, upTo=positions[0])
    query = (
        f'subscription {{ clinicNotifications(clinics: ["{BJORKEN}"], fromAcknowledged: true) {{'
        " toVersion acknowledgedAt } }"
    )

    async with world.staff.socket() as socket:
        await socket.subscribe(query)
        received = [(await socket.next())["clinicNotifications"] for _ in range(2)]

    assert received == [
        {"toVersion": 2, "acknowledgedAt": None},
        {"toVersion": 3, "acknowledgedAt": None},
    ]


async def test_adoption_counts_clinics_by_the_version_that_they_acknowledged(
    world: World,
) -> None:
    linden = world.api.caller(Role.LOCAL_ADMINISTRATOR, LINDEN)
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    none = await adoption(world)
    for caller, clinic in ((world.staff, BJORKEN), (linden, LINDEN)):
        await caller.done(
            "notificationsAcknowledge",
            "upTo",
            clinic=clinic,
            upTo=(await cursors(caller, clinic))[-1],
        )
    all_of_them = await adoption(world)
    replaced = (await world.edit(world.case_type, 1, publish=True, introduction="Två."))["event"][
        "id"
    ]
    await world.staff.done(
        "notificationsAcknowledge", "upTo", clinic=BJORKEN, upTo=(await cursors(world.staff))[-1]
    )
    at = (
        await world.region.ask(
            "query($id: ID!) { node(id: $id) { ... on Event { at } } }", id=replaced
        )
    )["node"]["at"]
    now = await adoption(world)

    assert none == {"assigned": 2, "acknowledged": 0, "pending": 2, "unseen": 2, "byVersion": []}
    both = [{"version": 1, "clinics": 2, "since": None}]
    assert all_of_them == {
        "assigned": 2,
        "acknowledged": 2,
        "pending": 0,
        "unseen": 0,
        "byVersion": both,
    }
    assert now == {
        "assigned": 2,
        "acknowledged": 1,
        "pending": 1,
        "unseen": 0,
        "byVersion": [
            {"version": 1, "clinics": 1, "since": at},
            {"version": 2, "clinics": 1, "since": None},
        ],
    }
    assert (await adoption(world, world.staff))["assigned"] == 1
    assert (
        await behind(world.region, caseType=world.case_type)
        == await behind(world.region)
        == [LINDEN]
    )
    assert await behind(linden) == [LINDEN]
    assert await behind(world.staff, clinic=BJORKEN) == []


async def test_the_behind_only_filter_needs_the_present_and_a_single_principal(
    world: World,
) -> None:
    query = (
        "query($asOf: DateTime) { assignments(filter: { behindOnly: true }, asOf: $asOf) {"
        " totalCount } }"
    )

    assert await world.region.refused(query, asOf="2026-01-01T00:00:00Z") == ["NOT_WITH_AS_OF"]
    assert await world.national.refused(query) == ["WHOSE_LOG"]
