"""Counts the commands that a query sends to MongoDB."""

from pymongo import monitoring

from tests.callers import STOCKHOLM
from tests.world import World

CLINICS = [f"{STOCKHOLM}-C{number:03}" for number in range(200)]


class Commands(monitoring.CommandListener):
    """The names of the commands on one database.

    Commands that run on a timer are left out: `getMore` of the change stream, and the upkeep of
    the active subscriptions.
    """

    def __init__(self) -> None:
        self.database = ""
        self.seen: list[str] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        on_a_timer = event.command_name == "getMore" or event.command.get(event.command_name) in (
            "server_processes",
            "active_subscriptions",
        )
        if event.database_name == self.database and not on_a_timer:
            self.seen.append(event.command_name)

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


async def counted(
    commands: Commands, world: World, query: str, caller: str = "region", **variables: object
) -> int:
    """How many commands a query takes after the caches between requests have been filled."""
    await getattr(world, caller).ask(query, **variables)
    commands.seen.clear()
    await getattr(world, caller).ask(query, **variables)
    return len(commands.seen)
