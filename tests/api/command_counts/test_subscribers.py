"""A publication takes as many commands for 40 subscribers as for 2."""

import asyncio
from contextlib import AsyncExitStack

from store.records import Role
from tests.api.command_counts.counting import CLINICS, Commands
from tests.callers import STOCKHOLM
from tests.world import World


async def commands_of_publication(
    commands: Commands, world: World, clinics: list[str], expected: int
) -> int:
    """How many commands a publication takes while the staff of each clinic subscribe to it."""
    query = """subscription($clinics: [HsaId!]!) { clinicNotifications(clinics: $clinics) {
        cursor toVersion clinic { hsaId name } document { name owner { __typename } }
        by { unitName } changes { path } } }"""
    async with AsyncExitStack() as stack:
        sockets = [
            await stack.enter_async_context(world.api.caller(Role.CLINIC_STAFF, clinic).socket())
            for clinic in clinics
        ]
        for socket, clinic in zip(sockets, clinics, strict=True):
            await socket.subscribe(query, clinics=[clinic])
            await socket.started()
        await wait_for_subscriptions(world, len(clinics))
        commands.seen.clear()
        await world.edit(
            world.case_type, expected - 1, publish=True, introduction=f"Text {expected}."
        )
        answers = [(await socket.next())["clinicNotifications"] for socket in sockets]
        seen = len(commands.seen)
    assert [(answer["clinic"]["hsaId"], answer["toVersion"]) for answer in answers] == [
        (clinic, expected) for clinic in clinics
    ]
    await wait_for_subscriptions(world, 0)
    return seen


async def wait_for_subscriptions(world: World, count: int) -> None:
    """Wait until `count` subscriptions exist and all of them are live."""
    followers = world.api.live.hub.followers
    async with asyncio.timeout(20):
        while len(followers) != count or not all(follower.live for follower in followers.values()):  # noqa: ASYNC110 - the app offers no event
            await asyncio.sleep(0.01)


async def test_an_event_takes_as_many_commands_for_40_subscribers_as_for_2(
    commands: Commands, world: World
) -> None:
    clinics = CLINICS[:40]
    csv = "hsaId,name\n" + "".join(f"{clinic},Mottagning {clinic}\n" for clinic in clinics)
    await world.region.done("clinicsImport", "created", principal=STOCKHOLM, csv=csv)
    await world.distribute(world.case_type, *clinics)

    small = await commands_of_publication(commands, world, clinics[:2], 2)
    large = await commands_of_publication(commands, world, clinics, 3)

    assert small == large
    assert small <= 16
