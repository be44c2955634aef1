"""Active subscriptions: administrators list and end them, on every server."""

import asyncio
from pathlib import Path

from store.registry import Store
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, Caller, Json
from tests.serving import serving
from tests.world import World

NOTIFICATIONS = (
    "subscription($clinics: [HsaId!]!) { clinicNotifications(clinics: $clinics) { toVersion } }"
)
LOG = f'subscription {{ events(principal: "{STOCKHOLM}") {{ sequence }} }}'
LIST = f"""{{ activeSubscriptions(principal: "{STOCKHOLM}") {{ totalCount edges {{ node {{
    id since behind actor {{ role unit name employeeHsaId }}
    clinics {{ totalCount edges {{ node {{ hsaId }} }} }} }} }} }} }}"""


async def listed(caller: Caller, count: int) -> list[Json]:
    """The subscriptions, once the list has `count` of them."""
    async with asyncio.timeout(10):
        while {
            (page := (await caller.ask(LIST))["activeSubscriptions"])["totalCount"],
            len(page["edges"]),
        } != {count}:
            pass
    return [edge["node"] for edge in page["edges"]]


async def test_administrators_see_the_actor_clinics_and_start_of_each_subscription(
    world: World,
) -> None:
    before = world.api.store.now()
    async with world.staff.socket() as staff, world.region.socket() as region:
        await staff.subscribe(NOTIFICATIONS, clinics=[BJORKEN])
        await staff.started()
        await region.subscribe(NOTIFICATIONS, clinics=[LINDEN, BJORKEN], id="2")
        await region.subscribe(LOG, id="3")
        await region.started()
        found = await listed(world.region, 3)

    by_role = sorted(
        (
            (subscription["actor"]["role"], subscription["clinics"]["totalCount"])
            for subscription in found
        ),
        key=str,
    )
    assert by_role == [
        ("CLINIC_STAFF", 1),
        ("REGIONAL_ADMINISTRATOR", 0),
        ("REGIONAL_ADMINISTRATOR", 2),
    ]
    [subscription] = [
        subscription for subscription in found if subscription["actor"]["role"] == "CLINIC_STAFF"
    ]
    assert subscription["actor"] == {
        "role": "CLINIC_STAFF",
        "unit": BJORKEN,
        "name": None,
        "employeeHsaId": "SE2321000016-CS",
    }
    assert subscription["clinics"]["edges"] == [{"node": {"hsaId": BJORKEN}}]
    assert subscription["behind"] == 0
    assert subscription["since"] >= before.isoformat()[:19]
    assert await listed(world.region, 0) == []


async def test_an_administrator_ends_a_subscription_and_its_subscriber_gets_an_error(
    world: World,
) -> None:
    async with world.staff.socket() as staff, world.region.socket() as region:
        await staff.subscribe(NOTIFICATIONS, clinics=[BJORKEN])
        await region.subscribe(LOG)
        await region.started()
        found = await listed(world.region, 2)
        [subscription_of_staff] = [
            subscription["id"]
            for subscription in found
            if subscription["actor"]["role"] == "CLINIC_STAFF"
        ]
        assert (
            await world.region.ask(
                "query($id: ID!) { node(id: $id) { id } }", id=subscription_of_staff
            )
        )["node"] == {"id": subscription_of_staff}

        ended = await world.region.done(
            "subscriptionEnd",
            "activeSubscription { id } event { action note person }",
            id=subscription_of_staff,
            note="För många",
        )
        message = await staff.message()
        logged = await region.next()
        [left] = await listed(world.region, 1)
        again = await world.region.do("subscriptionEnd", "event { id }", id=subscription_of_staff)
        await staff.subscribe("{ viewer { roles } }", id="2")  # the websocket stays open

        assert (await staff.message())["type"] == "next"
    assert ended["event"] == {
        "action": "SUBSCRIPTION_ENDED",
        "note": "För många",
        "person": "SE2321000016-CS",
    }
    assert (message["id"], message["type"], message["payload"][0]["extensions"]["code"]) == (
        "1",
        "error",
        "ENDED_BY_ADMINISTRATOR",
    )
    assert logged["events"]["sequence"] > 0
    assert left["actor"]["role"] == "REGIONAL_ADMINISTRATOR"
    assert [error["code"] for error in again["errors"]] == ["NOT_FOUND"]


async def test_a_server_can_end_a_subscription_of_another_server(
    world: World, mongodb_uri: str, store: Store, tmp_path: Path
) -> None:
    async with (
        serving(tmp_path, mongodb_uri, store, development=True) as other,
        world.staff.socket() as socket,
    ):
        await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN])
        elsewhere = Caller(other, world.region.client, world.region.token)
        [subscription] = await listed(elsewhere, 1)

        await elsewhere.done("subscriptionEnd", "event { id }", id=subscription["id"])

        assert (await socket.message())["payload"][0]["extensions"][
            "code"
        ] == "ENDED_BY_ADMINISTRATOR"


async def test_subscriptions_of_a_stopped_server_are_not_listed(world: World) -> None:
    async with world.staff.socket() as socket:
        await socket.subscribe(NOTIFICATIONS, clinics=[BJORKEN])
        await listed(world.region, 1)

        await world.api.store.database["active_subscriptions"].update_many(
            {}, {"$set": {"process": "pr_of_a_killed_server"}}
        )

        assert await listed(world.region, 0) == []
