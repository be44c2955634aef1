"""Large groups of changes: the first heads are written while the others are prepared.

The result is as if each change had been written alone.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest
from pymongo.errors import BulkWriteError, OperationFailure

from store.mongo.connection import Database
from store.mongo.transactions import Transaction
from store.records import Action, Document, Origin, Saved
from store.registry import Store
from tests.storage.building import BY_ANNA, STOCKHOLM, UPPSALA, created, sequences, to

DOCUMENTS = 6
Write = Callable[[Store, Sequence[Document]], Awaitable[Saved]]
NOT_COMPARED = {
    "_id",
    "document",
    "principal",
    "at",
    "hash",
    "previous_hash",
    "created_at",
    "updated_at",
    "edited_at",
    "noticed_at",
    "owner",
}


def random_acts(chance: random.Random) -> list[Write]:
    """Random acts on a few documents, most of them with the latest version.

    Some of them are refused.
    """
    latest = [1] * DOCUMENTS
    acts: list[Write] = []
    for number in range(chance.randint(12, 64)):
        index = chance.randrange(DOCUMENTS)
        expected = chance.choice([latest[index]] * 4 + [1])
        name = chance.choice(
            ["edit"] * 4 + ["same", "publish", "publish", "deactivate", "activate"]
        )
        latest[index] += name == "edit" and expected == latest[index]
        acts.append(act_of(name, index, expected, number, older=chance.randint(1, latest[index])))
    return acts


def act_of(name: str, index: int, expected: int, number: int, older: int) -> Write:
    """An act on a document."""

    def act(store: Store, documents: Sequence[Document]) -> Awaitable[Saved]:
        document = documents[index]
        if name == "activate":
            return store.documents.activate(document, expected_version=expected, act=BY_ANNA)
        if name == "deactivate":
            return store.documents.deactivate(document, expected_version=expected, act=BY_ANNA)
        if name == "publish":
            return store.documents.publish(
                document, version=older, expected_version=expected, act=BY_ANNA
            )
        edit = to(f"Text {number}") if name == "edit" else lambda content: content
        return store.documents.update(
            document, edit=edit, expected_version=expected, publish=number % 3 == 0, act=BY_ANNA
        )

    return act


def summary_of(outcome: Saved | BaseException) -> tuple[Any, ...]:
    """The result that a caller receives, without ids, hashes and times."""
    if not isinstance(outcome, Saved):
        return type(outcome), str(outcome)
    head, version, event = outcome.document, outcome.version, outcome.event
    assert head is not None
    return (
        head.latest,
        head.published,
        head.state,
        head.event_count,
        version and version.number,
        event and (event.sequence, event.action),
    )


async def stored_rows(
    database: Database, principal: str, documents: Sequence[Document]
) -> list[Any]:
    """All stored rows of some documents and their log, with positions instead of ids."""
    positions = {document.id: place for place, document in enumerate(documents)}

    def comparable(row: dict[str, Any], key: str) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in NOT_COMPARED} | {
            "position": positions[row[key]]
        }

    heads = await database.find("documents", {"principal": principal}, sort=[("_id", 1)])
    versions = await database.find("versions", {"principal": principal}, sort=[("sequence", 1)])
    events = await database.find("events", {"principal": principal}, sort=[("sequence", 1)])
    return [
        [comparable(row, "_id") for row in heads],
        [comparable(row, "document") for row in versions],
        [comparable(row, "document") for row in events],
    ]


@pytest.mark.parametrize("seed", range(12))
async def test_a_large_group_is_written_as_if_each_change_were_written_alone(
    store: Store, database: Database, seed: int
) -> None:
    acts = random_acts(random.Random(seed))  # noqa: S311
    together = [await created(store) for _ in range(DOCUMENTS)]
    separate = [await created(store, principal=UPPSALA) for _ in range(DOCUMENTS)]
    turns = await database.find_one("logs", {"_id": STOCKHOLM})

    group_outcomes = await asyncio.gather(
        *(act(store, together) for act in acts), return_exceptions=True
    )
    single_outcomes = [
        (await asyncio.gather(act(store, separate), return_exceptions=True))[0] for act in acts
    ]

    after = await database.find_one("logs", {"_id": STOCKHOLM})
    assert turns is not None
    assert after is not None
    assert after["turns"] == turns["turns"] + 1
    assert [summary_of(outcome) for outcome in group_outcomes] == [
        summary_of(outcome) for outcome in single_outcomes
    ]
    assert await stored_rows(database, STOCKHOLM, together) == await stored_rows(
        database, UPPSALA, separate
    )
    heads = await store.documents.get_many([document.id for document in together])
    assert all([(await store.documents.verify(head)).intact for head in heads.values()])


# Positions in a group of 30, whose first ten heads are sent ahead.
TOO_LARGE, TAKEN, BREAKS = 3, 4, 20
FAILS_WITH = {TOO_LARGE: OperationFailure, TAKEN: BulkWriteError, BREAKS: ZeroDivisionError}


@pytest.mark.parametrize(
    "broken", [{TOO_LARGE}, {TAKEN}, {BREAKS}, {TOO_LARGE, BREAKS}, {TAKEN, BREAKS}]
)
async def test_a_failing_change_in_a_large_group_fails_alone(
    store: Store, database: Database, broken: set[int]
) -> None:
    documents = [await created(store) for _ in range(30)]
    events_before = len(await sequences(database))
    imported = Origin(document="ct_theirs", version=1, hash="0" * 64, principal=UPPSALA)
    await database["documents"].update_one(
        {"_id": (await created(store)).id}, {"$set": {"origin": asdict(imported)}}
    )

    async def breaks(transaction: Transaction) -> Saved:
        transaction.record(BY_ANNA, Action.IMPORTED)
        raise ZeroDivisionError("fel")

    async def too_large(transaction: Transaction) -> Saved:
        head = await transaction.find_document(documents[TOO_LARGE].id)
        assert head is not None
        transaction.put(replace(head, content={"text": "x" * 17_000_000}))
        return Saved(event=transaction.record(BY_ANNA, Action.IMPORTED))

    async def taken(transaction: Transaction) -> Saved:
        head = await transaction.find_document(documents[TAKEN].id)
        assert head is not None
        transaction.put(replace(head, origin=imported))
        return Saved(event=transaction.record(BY_ANNA, Action.IMPORTED))

    changes = {TOO_LARGE: too_large, TAKEN: taken, BREAKS: breaks}

    def act(position: int) -> Awaitable[Saved]:
        if position in broken:
            return store.log.submit(STOCKHOLM, changes[position])
        return store.documents.update(
            documents[position], edit=to("Nytt"), expected_version=1, publish=False, act=BY_ANNA
        )

    outcomes = await asyncio.gather(
        *(act(position) for position in range(30)), return_exceptions=True
    )

    failed = {
        position: type(outcome)
        for position, outcome in enumerate(outcomes)
        if not isinstance(outcome, Saved)
    }
    assert failed == {position: FAILS_WITH[position] for position in broken}
    assert await sequences(database) == list(range(1, events_before + 32 - len(broken)))
    heads = await store.documents.get_many([document.id for document in documents])
    assert [heads[document.id].latest for document in documents] == [
        1 if position in broken else 2 for position in range(30)
    ]
