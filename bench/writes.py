"""Measures versions written per second into one log by 32 writers, against bare transactions.

*Ours* writes heads, versions and events with consecutive sequence numbers, and checks each expected
version. It is measured through the store in the measuring process, like the reference, with the
server's event loop and garbage collector settings; and over GraphQL, in a server process. *Bare*
writes a head, a version and an event under new ids, without a log, so that no two transactions
conflict: by one writer after the other, who waits only for the disk, and by 32 at once.
"""

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bson import ObjectId
from pymongo import WriteConcern
from pymongo.read_concern import ReadConcern

from application import tune_garbage_collector
from bench.measurement import Spread, alternate, load, machine, run_to_the_end, shown, table
from bench.region import PRINCIPAL, Region
from bench.servers import Server, registry
from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.registrations import KINDS
from resolvers.kinds.validation import validate
from store.mongo.connection import Database, connect
from store.mongo.rows import document_row, version_row
from store.records import Act, Actor, Content, Document, Owner, OwnerKind, Role
from store.registry import Store

_WRITERS = 32
_BY_ANNA = Act(
    Actor(role=Role.REGIONAL_ADMINISTRATOR, unit=PRINCIPAL, employee_hsa_id=f"{PRINCIPAL}-anna")
)
_SENTENCE = "Här kan du förnya recept på läkemedel som du redan använder. "
_COLUMNS = ("versions per second", "ours", "bare", "ours / bare", "goal")


def content(marker: str) -> Content:
    """Return the content of a case type of some 3.3 KB: ten questions, two texts."""
    questions = [
        {
            "key": f"q{number}",
            "label": f"Fråga {number} om ditt recept",
            "help": _SENTENCE,
            "kind": "LONG_TEXT",
        }
        for number in range(10)
    ]
    terms = [{"key": "villkor", "heading": "Villkor", "text": _SENTENCE * 8}]
    names = {"name": "Förnya recept", "internalName": "Förnya recept"}
    return validate(
        CASE_TYPE,
        {
            **names,
            "introduction": f"{_SENTENCE * 10}{marker}",
            "questions": questions,
            "terms": terms,
        },
    )


@dataclass(frozen=True, slots=True)
class Writers:
    """Writers that each write a fixed number of versions in a measurement."""

    each: int
    turns: "itertools.count[int]"

    async def rate(self, write: Callable[[int, str], Awaitable[None]], at_once: int) -> float:
        """Return the versions per second of all writers; each writes one after the other."""
        turn = next(self.turns)

        async def writer(number: int) -> None:
            for step in range(self.each):
                await write(number, f"Utgåva {turn}.{number}.{step}")

        started = time.perf_counter()
        if at_once == 1:
            for number in range(4):
                await writer(number)
            return 4 * self.each / (time.perf_counter() - started)
        await asyncio.gather(*(writer(number) for number in range(at_once)))
        return at_once * self.each / (time.perf_counter() - started)


class Bare:
    """Three writes in one transaction, to rows that no other writer writes."""

    def __init__(
        self,
        database: Database,
        head: Document,
        version: Mapping[str, Any],
        event: Mapping[str, Any],
    ) -> None:
        self._database = database
        self._head = document_row(head)
        self._version = version
        self._event = event

    async def write(self, number: int, marker: str) -> None:
        """Write a head, a version and an event."""
        text = {**self._version["content"], "introduction": marker}
        fresh = str(ObjectId())

        async def rows(session: Any) -> None:
            await self._database["bare_documents"].replace_one(
                {"_id": number},
                {**self._head, "_id": number, "content": text},
                upsert=True,
                session=session,
            )
            await self._database["bare_versions"].insert_one(
                {**self._version, "_id": fresh, "content": text}, session=session
            )
            await self._database["bare_events"].insert_one(
                {**self._event, "_id": fresh}, session=session
            )

        async with self._database.client.start_session() as session:
            await session.with_transaction(
                rows,
                read_concern=ReadConcern("snapshot"),
                write_concern=WriteConcern("majority", j=True),
            )


class Documents:
    """One document for each writer, written through the store."""

    def __init__(self, store: Store, documents: Sequence[Document]) -> None:
        self._store = store
        self._documents = list(documents)

    async def write(self, number: int, marker: str) -> None:
        """Write the next version of this writer's document."""
        document = self._documents[number]
        wanted = {**document.content, "introduction": marker}
        saved = await self._store.documents.update(
            document,
            edit=lambda _: wanted,
            expected_version=document.latest,
            publish=False,
            act=_BY_ANNA,
        )
        assert saved.document is not None
        self._documents[number] = saved.document


async def measure(rounds: int, each: int) -> None:
    """Measure all sides, alternating; prints the table."""
    print(f"## Versions written\n\n{machine()}\n", flush=True)
    with (
        TemporaryDirectory(prefix="casetypes-bench-") as name,
        registry(folder := Path(name) / "data") as server,
    ):
        store = _store(folder)
        try:
            rates = await _rates(store, folder, server, Writers(each, itertools.count()), rounds)
        finally:
            await store.log.close()
            await store.database.client.close()
    rows = [
        _row(
            "32 writers through the store; bare: one at a time",
            rates["store"],
            rates["bare, one at a time"],
            "≥ 3 ×",
        ),
        _row(
            "32 writers through the store; bare: 32 at once",
            rates["store"],
            rates["bare, 32 at once"],
            "",
        ),
        _row(
            "32 clients over GraphQL; bare: one at a time",
            rates["GraphQL"],
            rates["bare, one at a time"],
            "",
        ),
    ]
    print(f"{table(_COLUMNS, rows)}\n\n{load()}", flush=True)


async def _rates(
    store: Store, folder: Path, server: Server, writers: Writers, rounds: int
) -> dict[str, list[float]]:
    saved = [
        await store.documents.create(
            CASE_TYPE,
            principal=PRINCIPAL,
            owner=Owner(OwnerKind.PRINCIPAL, PRINCIPAL),
            content=content(""),
            derived_from=None,
            act=_BY_ANNA,
        )
        for _ in range(2 * _WRITERS)
    ]
    heads = [result.document for result in saved if result.document is not None]
    first = saved[0]
    assert first.version is not None
    assert first.event is not None
    event = await store.database.find_one(
        "events", {"principal": PRINCIPAL, "sequence": first.event.sequence}
    )
    bare = Bare(store.database, heads[0], version_row(first.version, ()), event or {})
    documents = Documents(store, heads[:_WRITERS])
    region = Region(folder, 0)
    async with region.on(server):
        edited = {
            number: (head.id, itertools.count(1)) for number, head in enumerate(heads[_WRITERS:])
        }

        async def over_graphql(number: int, marker: str) -> None:
            document, versions = edited[number]
            await region.edit(document, next(versions), introduction=marker)

        sides = {
            "bare, one at a time": partial(writers.rate, bare.write, 1),
            "bare, 32 at once": partial(writers.rate, bare.write, _WRITERS),
            "store": partial(writers.rate, documents.write, _WRITERS),
            "GraphQL": partial(writers.rate, over_graphql, _WRITERS),
        }
        return await alternate(rounds, sides)


def _store(folder: Path) -> Store:
    uri = json.loads((folder / "server.json").read_text(encoding="utf-8"))["mongodbUri"]
    return Store(Database(connect(uri), "casetypes"), KINDS)


def _row(what: str, ours: Sequence[float], bare: Sequence[float], goal: str) -> list[str]:
    return [
        what,
        shown(Spread.of(ours).median),
        shown(Spread.of(bare).median),
        str(Spread.of_ratios(ours, bare)),
        goal,
    ]


def main(arguments: Sequence[str]) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench writes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side")
    parser.add_argument(
        "--each", type=int, default=25, help="versions that each writer writes in a measurement"
    )
    options = parser.parse_args(arguments)
    tune_garbage_collector()
    run_to_the_end(measure(options.rounds, options.each))
