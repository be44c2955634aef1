"""Concurrent saves, and checks that a document and its log are consistent."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise

from store.errors import VersionConflict
from store.mongo.connection import Database
from store.records import Document, Saved
from store.registry import Store
from tests.storage.building import (
    BY_BO,
    STOCKHOLM,
    head_of,
    to,
)

RACERS = 16


async def save_at_once(
    stores: Sequence[Store], document: Document, *, publish: bool = False
) -> list[Saved | BaseException]:
    """Let each racer save another text from one version; the stores alternate."""
    return await asyncio.gather(
        *(
            stores[racer % len(stores)].documents.update(
                document,
                edit=to(f"Tävlande {racer} om {document.latest + 1}"),
                expected_version=document.latest,
                publish=publish,
                act=BY_BO,
            )
            for racer in range(RACERS)
        ),
        return_exceptions=True,
    )


def only_winner(outcomes: Sequence[Saved | BaseException]) -> Saved:
    """The one save that succeeded; every other one got a conflict that describes it."""
    saved = [outcome for outcome in outcomes if isinstance(outcome, Saved)]
    conflicts = [outcome for outcome in outcomes if isinstance(outcome, VersionConflict)]
    assert (len(saved), len(conflicts)) == (1, len(outcomes) - 1)
    assert saved[0].version is not None
    assert {(conflict.latest, conflict.by, conflict.at) for conflict in conflicts} == {
        (saved[0].version.number, saved[0].version.author, saved[0].version.created_at)
    }
    return saved[0]


async def assert_document_consistent(store: Store, document: Document) -> None:
    """The head agrees with the versions and the events.

    Version numbers have no gap, and the hash chain is intact.
    """
    head = await head_of(store, document)
    versions = await store.database.find(
        "versions", {"document": document.id}, sort=[("number", 1)]
    )
    events = await store.database.find("events", {"document": document.id}, sort=[("sequence", 1)])
    assert [row["number"] for row in versions] == list(range(1, head.latest + 1))
    assert (await store.documents.verify(head)).intact
    assert (head.content, head.hash, head.edited_at) == (
        versions[-1]["content"],
        versions[-1]["hash"],
        versions[-1]["created_at"],
    )
    assert head.event_count == len(events)
    assert head.published == events[-1]["published_after"]
    if head.published is not None:
        assert head.content_in_force == versions[head.published - 1]["content"]
    assert [row["published_before"] for row in events[1:]] == [
        row["published_after"] for row in events[:-1]
    ]
    by_sequence = {row["sequence"]: row for row in events}
    assert all(by_sequence[row["sequence"]]["at"] == row["created_at"] for row in versions)


async def assert_log_consistent(database: Database, events: int) -> None:
    """Sequence numbers run from 1 without a gap, and times never decrease.

    The counter of the log is the last number.
    """
    rows = await database.find("events", {"principal": STOCKHOLM}, sort=[("sequence", 1)])
    assert [row["sequence"] for row in rows] == list(range(1, events + 1))
    assert all(before["at"] <= after["at"] for before, after in pairwise(rows))
    assert (await database.find_one("logs", {"_id": STOCKHOLM}) or {})["sequence"] == events
