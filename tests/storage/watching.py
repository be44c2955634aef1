"""Watches MongoDB: the commands that the store sends, and what its queries examine."""

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

_EXPLAINED = ("filter", "sort", "limit", "projection", "collation", "pipeline", "hint")


class Watch(CommandListener):
    """Listens to one client."""

    def __init__(self) -> None:
        self._commands: list[tuple[str, Row]] = []

    def started(self, event: CommandStartedEvent) -> None:
        self._commands.append((event.command_name, dict(event.command)))

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Do nothing."""

    def failed(self, event: CommandFailedEvent) -> None:
        """Do nothing."""

    @contextmanager
    def commands(self) -> Iterator[list[tuple[str, Row]]]:
        """Collect the commands sent until the end of the block, by name."""
        commands_sent: list[tuple[str, Row]] = []
        self._commands = commands_sent
        yield commands_sent
        self._commands = []


@dataclass(frozen=True, slots=True)
class Cost:
    """What one query examines.

    The plan stages, and the numbers of index keys, documents and results.
    """

    collection: str
    stages: frozenset[str]
    keys: int
    documents: int
    returned: int


def watched(uri: str) -> tuple[AsyncMongoClient[Row], Watch]:
    """A client with the settings of a server, and the listener of its commands."""
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
    """The costs that MongoDB reports for the queries among some commands."""
    query_costs = []
    for name, command in commands:
        if name in {"find", "aggregate"}:
            query = {
                name: command[name],
                **({"cursor": {}} if name == "aggregate" else {}),
                **{key: command[key] for key in _EXPLAINED if key in command},
            }
            explanation = await client[database].command(
                "explain", query, verbosity="executionStats"
            )
            stats = explanation["stages"][0]["$cursor"] if "stages" in explanation else explanation
            executed = stats["executionStats"]
            query_costs.append(
                Cost(
                    collection=command[name],
                    stages=frozenset(_stages(stats["queryPlanner"]["winningPlan"])),
                    keys=executed["totalKeysExamined"],
                    documents=executed["totalDocsExamined"],
                    returned=executed["nReturned"],
                )
            )
    return query_costs


def _stages(plan: Any) -> Iterator[str]:
    if isinstance(plan, dict):
        if isinstance(plan.get("stage"), str):
            yield plan["stage"]
        for inner in plan.values():
            yield from _stages(inner)
    elif isinstance(plan, list):
        for inner in plan:
            yield from _stages(inner)
