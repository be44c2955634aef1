"""Large groups of changes, whose first heads are written while the others are made.

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
Made = Callable[[Store, Sequence[Document]], Awaitable[Saved]]
APART = {
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


def drawn(chance: random.Random) -> list[Made]:
    """Acts on a few documents, most with the latest version; some of them are refused."""
    latest = [1] * DOCUMENTS
    made: list[Made] = []
    for number in range(chance.randint(12, 64)):
        which = chance.randrange(DOCUMENTS)
        expected = chance.choice([latest[which]] * 4 + [1])
        what = chance.choice(
            ["edit"] * 4 + ["same", "publish", "publish", "deactivate", "activate"]
        )
        latest[which] += what == "edit" and expected == latest[which]
        made.append(one(what, which, expected, number, older=chance.randint(1, latest[which])))
    return made


def one(what: str, which: int, expected: int, number: int, older: int) -> Made:
    """One act on one document."""

    def act(store: Store, documents: Sequence[Document]) -> Awaitable[Saved]:
        document = documents[which]
        if what == "activate":
            return store.documents.activate(document, expected_version=expected, act=BY_ANNA)
        if what == "deactivate":
            return store.documents.deactivate(document, expected_version=expected, act=BY_ANNA)
        if what == "publish":
            return store.documents.publish(
                document, version=older, expected_version=expected, act=BY_ANNA
            )
        edit = to(f"Text {number}") if what == "edit" else lambda content: content
        return store.documents.update(
            document, edit=edit, expected_version=expected, publish=number % 3 == 0, act=BY_ANNA
        )

    return act


def told(outcome: Saved | BaseException) -> tuple[Any, ...]:
    """What a caller learns, without ids, hashes and times."""
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


async def kept(database: Database, principal: str, documents: Sequence[Document]) -> list[Any]:
    """All that is stored of some documents and their log, by the document's place."""
    places = {document.id: place for place, document in enumerate(documents)}

    def shown(row: dict[str, Any], key: str) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in APART} | {
            "place": places[row[key]]
        }

    heads = await database.find("documents", {"principal": principal}, sort=[("_id", 1)])
    versions = await database.find("versions", {"principal": principal}, sort=[("sequence", 1)])
    events = await database.find("events", {"principal": principal}, sort=[("sequence", 1)])
    return [
        [shown(row, "_id") for row in heads],
        [shown(row, "document") for row in versions],
        [shown(row, "document") for row in events],
    ]


@pytest.mark.parametrize("seed", range(12))
async def test_a_large_group_is_written_as_its_changes_would_be_one_by_one(
    store: Store, database: Database, seed: int
) -> None:
    acts = drawn(random.Random(seed))  # noqa: S311
    together = [await created(store) for _ in range(DOCUMENTS)]
    apart = [await created(store, principal=UPPSALA) for _ in range(DOCUMENTS)]
    turns = await database.find_one("logs", {"_id": STOCKHOLM})

    at_once = await asyncio.gather(*(act(store, together) for act in acts), return_exceptions=True)
    in_turn = [(await asyncio.gather(act(store, apart), return_exceptions=True))[0] for act in acts]

    after = await database.find_one("logs", {"_id": STOCKHOLM})
    assert turns is not None
    assert after is not None
    assert after["turns"] == turns["turns"] + 1
    assert [told(one) for one in at_once] == [told(one) for one in in_turn]
    assert await kept(database, STOCKHOLM, together) == await kept(database, UPPSALA, apart)
    heads = await store.documents.get_many([document.id for document in together])
    assert all([(await store.documents.verify(head)).intact for head in heads.values()])


TOO_LARGE, TAKEN, BREAKS = (
    3,
    4,
    20,
)  # places in a group of 30, of which the first ten heads are sent ahead
FAILS_WITH = {TOO_LARGE: OperationFailure, TAKEN: BulkWriteError, BREAKS: ZeroDivisionError}


@pytest.mark.parametrize(
    "broken", [{TOO_LARGE}, {TAKEN}, {BREAKS}, {TOO_LARGE, BREAKS}, {TAKEN, BREAKS}]
)
async def test_a_failing_change_in_a_large_group_fails_alone(
    store: Store, database: Database, broken: set[int]
) -> None:
    documents = [await created(store) for _ in range(30)]
    number = len(await sequences(database))
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

    def act(place: int) -> Awaitable[Saved]:
        if place in broken:
            return store.log.submit(STOCKHOLM, changes[place])
        return store.documents.update(
            documents[place], edit=to("Nytt"), expected_version=1, publish=False, act=BY_ANNA
        )

    outcomes = await asyncio.gather(*(act(place) for place in range(30)), return_exceptions=True)

    failed = {
        place: type(outcome)
        for place, outcome in enumerate(outcomes)
        if not isinstance(outcome, Saved)
    }
    assert failed == {place: FAILS_WITH[place] for place in broken}
    assert await sequences(database) == list(range(1, number + 32 - len(broken)))
    heads = await store.documents.get_many([document.id for document in documents])
    assert [heads[document.id].latest for document in documents] == [
        1 if place in broken else 2 for place in range(30)
    ]
