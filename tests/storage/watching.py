"""What the store asks of MongoDB: the commands that it sends, and what each of its queries
examines.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.monitoring import (
    CommandFailedEvent,
    CommandListener,
    CommandStartedEvent,
    CommandSucceededEvent,
)

from store.mongo.connection import Row

_TOLD = ("filter", "sort", "limit", "projection", "collation", "pipeline", "hint")


class Watch(CommandListener):
    """Listens to one client."""

    def __init__(self) -> None:
        self._commands: list[tuple[str, Row]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self._commands.append((event.command_name, dict(event.command)))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Of no interest."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Of no interest."""

    @contextmanager
    def commands(self) -> Iterator[list[tuple[str, Row]]]:
        """The commands sent meanwhile, by name."""
        found: list[tuple[str, Row]] = []
        self._commands = found
        yield found
        self._commands = []


@dataclass(frozen=True, slots=True)
class Cost:
    """What one query does: its stages, and how many index keys and documents it examines for how
    many results.
    """

    collection: str
    stages: frozenset[str]
    keys: int
    documents: int
    returned: int


def watched(uri: str) -> tuple[AsyncMongoClient[Row], Watch]:
    """A client like the server's, and what listens to it."""
    watch = Watch()
    client: AsyncMongoClient[Row] = AsyncMongoClient(
        uri,
        event_listeners=[watch],
        w="majority",
        journal=True,
        readConcernLevel="majority",
        tz_aware=True,
        tzinfo=UTC,
    )
    return client, watch


async def costs(
    client: AsyncMongoClient[Row], database: str, commands: list[tuple[str, Row]]
) -> list[Cost]:
    """What MongoDB says that the queries among some commands cost."""
    found = []
    for name, command in commands:
        if name in {"find", "aggregate"}:
            again = {
                name: command[name],
                **({"cursor": {}} if name == "aggregate" else {}),
                **{key: command[key] for key in _TOLD if key in command},
            }
            answer = await client[database].command("explain", again, verbosity="executionStats")
            stats = answer["stages"][0]["$cursor"] if "stages" in answer else answer
            done = stats["executionStats"]
            found.append(
                Cost(
                    collection=command[name],
                    stages=frozenset(_stages(stats["queryPlanner"]["winningPlan"])),
                    keys=done["totalKeysExamined"],
                    documents=done["totalDocsExamined"],
                    returned=done["nReturned"],
                )
            )
    return found


def _stages(plan: Any) -> Iterator[str]:
    if isinstance(plan, dict):
        if isinstance(plan.get("stage"), str):
            yield plan["stage"]
        for inner in plan.values():
            yield from _stages(inner)
    elif isinstance(plan, list):
        for inner in plan:
            yield from _stages(inner)
