"""Subscriptions over graphql-transport-ws: replay, live delivery, rights and disconnects.

Events arrive in order, without gaps and exactly once.
"""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

from store.paging import encode
from store.records import Role
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA_CLINIC, Caller, Json, Socket
from tests.world import World

NOTIFICATIONS = """subscription($clinics: [HsaId!]!, $after: Cursor, $visible: Boolean) {
    clinicNotifications(clinics: $clinics, after: $after, residentVisibleOnly: $visible) {
        cursor action fromVersion toVersion
        clinic { hsaId } by { name role } changes { path } } }"""
EVENTS = """subscription($principal: HsaId!, $after: Cursor, $filter: EventFilter) {
    events(principal: $principal, after: $after, filter: $filter) {
        cursor sequence action version actor { name } } }"""


async def take(socket: Socket, count: int, field: str = "clinicNotifications") -> list[Json]:
    return [(await socket.next())[field] for _ in range(count)]


async def publish(world: World, first: int, last: int) -> None:
    """Publish versions, one after the other."""
    for version in range(first, last + 1):
        await world.edit(
            world.case_type, version - 1, publish=True, introduction=f"Text {version}."
        )


def versions(notifications: list[Json]) -> list[int]:
    return [notification["toVersion"] for notification in notifications]


async def test_replay_continues_live_without_a_gap_during_writes(world: World) -> None:
    distribution = await world.distribute(world.case_type, BJORKEN)
    await publish(world, 2, 6)

    async with world.staff.socket() as socket:
        writing = asyncio.create_task(publish(world, 7, 20))
        await socket.subscribe(
            NOTIFICATIONS, clinics=[BJORKEN], after=distribution["event"]["cursor"]
        )
        received = await take(socket, 19)
        await writing

    assert versions(received) == list(range(2, 21))
    assert [(notification["fromVersion"], notification["action"]) for notification in received] == [
        (version, "PUBLISHED") for version in range(1, 20)
    ]
    assert received[0]["by"] == {"name": None, "role": "REGIONAL_ADMINISTRATOR"}
    assert received[0]["changes"] == [{"path": "introduction"}]


async def test_a_new_socket_gets_exactly_what_was_missed_once(world: World) -> None:
    distribution = await world.distribute(world.case_type, BJORKEN)
    await publish(world, 2, 4)
    async with world.staff.socket() as socket:
        await socket.subscribe(
            NOTIFICATIONS, clinics=[BJORKEN], after=distribution["event"]["cursor"]
        )
        first = await take(socket, 2)
    await publish(world, 5, 6)

    async with world.staff.socket() as socket:
        await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN], after=first[-1]["cursor"])
        second = await take(socket, 3)
        await publish(world, 7, 7)
        live = await take(socket, 1)

    assert [versions(part) for part in (first, second, live)] == [[2, 3], [4, 5, 6], [7]]


async def test_one_event_for_two_clinics_can_be_resumed_between_them(world: World) -> None:
    before = (await world.edit(world.case_type, 1, publish=True, introduction="Text 2."))["event"][
        "cursor"
    ]
    await world.distribute(world.case_type, BJORKEN, LINDEN)
    clinics = [LINDEN, BJORKEN]
    async with world.region.socket() as socket:
        await socket.subscribe(NOTIFICATIONS, clinics=clinics, after=before)
        [first] = await take(socket, 1)

    async with world.region.socket() as socket:
        await socket.subscribe(NOTIFICATIONS, clinics=clinics, after=first["cursor"])
        [second] = await take(socket, 1)

    assert [notification["clinic"]["hsaId"] for notification in (first, second)] == [
        BJORKEN,
        LINDEN,
    ]
    assert {notification["action"] for notification in (first, second)} == {"DISTRIBUTED"}


async def test_without_a_cursor_a_subscription_starts_now_and_drafts_notify_no_clinic(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    async with world.staff.socket() as socket, world.region.socket() as log:
        await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN])
        await log.subscribe(EVENTS, principal=STOCKHOLM)
        await until_followers(world, 2)

        await world.edit(world.case_type, 1, introduction="Utkast.")
        await world.draft()
        await world.edit(world.case_type, 2, publish=True, introduction="I kraft.")
        [notification] = await take(socket, 1)
        logged = await take(log, 3, "events")

    assert (notification["action"], notification["fromVersion"], notification["toVersion"]) == (
        "PUBLISHED",
        1,
        3,
    )
    assert [event["action"] for event in logged] == ["EDITED", "CREATED", "PUBLISHED"]


async def until_followers(world: World, count: int) -> None:
    """Wait until the application has a number of live followers.

    It runs in this event loop: requests let it run.
    """
    for _ in range(500):
        followers = world.api.live.hub.followers.values()
        if len(followers) == count and all(follower.live for follower in followers):
            return
        await world.region.ask("{ viewer { roles } }")
    raise AssertionError(f"never {count} followers")


async def test_events_that_residents_do_not_see_can_be_excluded(world: World) -> None:
    distribution = await world.distribute(world.case_type, BJORKEN)
    await world.edit(world.case_type, 1, publish=True, rationale="Bara för personalen.")
    await world.edit(world.case_type, 2, publish=True, introduction="För alla.")

    async with world.staff.socket() as socket:
        await socket.subscribe(
            NOTIFICATIONS, clinics=[BJORKEN], after=distribution["event"]["cursor"], visible=True
        )
        [notification] = await take(socket, 1)

    assert notification["toVersion"] == 3


async def test_the_log_subscription_includes_drafts_and_persons_and_can_be_filtered(
    world: World,
) -> None:
    start = (await world.edit(world.case_type, 1, introduction="Text 2."))["event"]
    await world.edit(world.case_type, 2, introduction="Text 3.")
    await world.edit(world.case_type, 3, publish=True, introduction="Text 4.")

    async with world.reviewer.socket() as reviewer, world.region.socket() as region:
        await reviewer.subscribe(EVENTS, principal=STOCKHOLM, after=start["cursor"])
        await region.subscribe(
            EVENTS, principal=STOCKHOLM, after=start["cursor"], filter={"actions": ["PUBLISHED"]}
        )
        everything = await take(reviewer, 2, "events")
        [published] = await take(region, 1, "events")

    assert [(event["sequence"], event["action"], event["version"]) for event in everything] == [
        (start["sequence"] + 1, "EDITED", 3),
        (start["sequence"] + 2, "PUBLISHED", 4),
    ]
    assert {event["actor"]["name"] for event in everything} == {"Anna Andersson"}
    assert published == everything[1]


async def error_of(socket: Socket, query: str, **variables: Any) -> tuple[str, str]:
    """Code and message of a refused subscription."""
    await socket.subscribe(query, **variables)
    message = await socket.message()
    [error] = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
    return error["extensions"]["code"], error["message"]


async def test_bad_cursors_and_clinics_are_refused_clearly(world: World) -> None:
    other_log = await world.other_region.ask(
        '{ principal(hsaId: "SE2321000024") { events { edges { cursor } } } }'
    )
    foreign = other_log["principal"]["events"]["edges"][0]["cursor"]
    last = await world.api.store.history.latest_sequence(STOCKHOLM)
    beyond = encode((STOCKHOLM, last + 1))
    attempts: list[tuple[str, Json]] = [
        ("INVALID_CURSOR", {"clinics": [BJORKEN], "after": "skräp"}),
        ("INVALID_CURSOR", {"clinics": [BJORKEN], "after": foreign}),
        ("INVALID_CURSOR", {"clinics": [BJORKEN], "after": beyond}),
        ("OUT_OF_RANGE", {"clinics": []}),
        ("OUT_OF_RANGE", {"clinics": [BJORKEN] * 101}),
        ("NOT_FOUND", {"clinics": [BJORKEN, UPPSALA_CLINIC]}),
        ("NOT_FOUND", {"clinics": ["SE2321000016-9Z99"]}),
    ]

    async with world.region.socket() as socket:
        for number, (code, variables) in enumerate(attempts):
            await socket.subscribe(NOTIFICATIONS, id=str(number), **variables)
            message = await socket.message()
            while message["type"] == "complete":
                message = await socket.message()
            [error] = (
                message["payload"] if message["type"] == "error" else message["payload"]["errors"]
            )
            assert (error["extensions"]["code"], bool(error["message"])) == (code, True), variables
    async with world.region.socket() as socket:
        codes = [
            (await error_of(socket, EVENTS, principal=STOCKHOLM, after=after))[0]
            for after in ("skräp", beyond)
        ]
    assert codes == ["INVALID_CURSOR"] * 2


async def test_the_end_of_the_log_is_a_valid_start_with_and_without_other_subscribers(
    world: World,
) -> None:
    end = encode((STOCKHOLM, await world.api.store.history.latest_sequence(STOCKHOLM)))
    async with world.region.socket() as socket:
        for number in range(2):  # the log already has a subscriber the second time
            await socket.subscribe(EVENTS, id=str(number), principal=STOCKHOLM, after=end)
        await world.draft()
        messages = [await socket.message() for _ in range(2)]

    assert sorted(
        (message["id"], message["payload"]["data"]["events"]["action"]) for message in messages
    ) == [
        ("0", "CREATED"),
        ("1", "CREATED"),
    ]


async def test_an_invalid_token_is_refused_over_a_socket(world: World) -> None:
    client = world.staff.client
    expired = Caller(world.api, client, world.api.token(Role.CLINIC_STAFF, BJORKEN, valid_for=-1))

    for caller in (world.api.nobody(), Caller(world.api, client, "skräp"), expired):
        async with caller.socket() as socket:
            code, _ = await error_of(socket, NOTIFICATIONS, clinics=[BJORKEN])
        assert code == "UNAUTHENTICATED"


async def test_twenty_aborted_sockets_leave_no_followers_and_others_are_still_served(
    world: World,
) -> None:
    distribution = await world.distribute(world.case_type, BJORKEN)
    cursor = distribution["event"]["cursor"]
    await publish(world, 2, 2)
    async with world.staff.socket() as remaining:
        await remaining.subscribe(NOTIFICATIONS, clinics=[BJORKEN], after=cursor)
        assert versions(await take(remaining, 1)) == [2]
        async with AsyncExitStack() as stack:
            sockets = [await stack.enter_async_context(world.staff.socket()) for _ in range(20)]
            for socket in sockets:
                await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN], after=cursor)
                assert versions(await take(socket, 1)) == [2]
            await until_followers(world, 21)
            for socket in sockets:
                socket.ws.transport.abort()
            await until_followers(world, 1)

        await publish(world, 3, 3)

        assert versions(await take(remaining, 1)) == [3]
    await until_followers(world, 0)
