"""Writers at the same moment, in one process and in several: one wins, the others are told, and no
number is lost or given twice.
"""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise

import pytest

from resolvers.kinds.registrations import KINDS
from store.errors import RegistryError, VersionConflict
from store.mongo.connection import Database, connect
from store.records import Document, DocumentState, Saved
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    BY_BO,
    LINDEN,
    STOCKHOLM,
    created,
    distributed,
    head_of,
    published,
    saved_as,
    sequences,
    to,
    with_clinics,
)

RACERS = 16


@pytest.fixture
async def second(store: Store, mongodb_uri: str) -> AsyncIterator[Store]:
    """Another server's store over the same database, with connections of its own."""
    client = connect(mongodb_uri)
    other = Store(Database(client, store.database.name), KINDS)
    yield other
    await other.log.close()
    await client.close()


async def race(
    stores: Sequence[Store], document: Document, *, publish: bool = False
) -> list[Saved | BaseException]:
    """Every racer saves another text from the same version; the stores take turns."""
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


def winner_of(outcomes: Sequence[Saved | BaseException]) -> Saved:
    """The one that was saved; all others were told of it."""
    saved = [outcome for outcome in outcomes if isinstance(outcome, Saved)]
    conflicts = [outcome for outcome in outcomes if isinstance(outcome, VersionConflict)]
    assert (len(saved), len(conflicts)) == (1, len(outcomes) - 1)
    assert saved[0].version is not None
    assert {(conflict.latest, conflict.by, conflict.at) for conflict in conflicts} == {
        (saved[0].version.number, saved[0].version.author, saved[0].version.created_at)
    }
    return saved[0]


async def assert_whole(store: Store, document: Document) -> None:
    """Numbers run without a gap, the chain holds, and the head says what the versions and events
    say.
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


async def assert_log_whole(database: Database, events: int) -> None:
    """Sequence numbers run from 1 without a gap, times never go back, and the counter stands at the
    last.
    """
    rows = await database.find("events", {"principal": STOCKHOLM}, sort=[("sequence", 1)])
    assert [row["sequence"] for row in rows] == list(range(1, events + 1))
    assert all(before["at"] <= after["at"] for before, after in pairwise(rows))
    assert (await database.find_one("logs", {"_id": STOCKHOLM}) or {})["sequence"] == events


# ------------------------------------------------------------- one process


async def test_one_of_sixteen_saves_from_one_version_wins(store: Store, database: Database) -> None:
    document = await created(store)

    winner = winner_of(await race([store], document))

    assert winner.version is not None
    assert winner.version.number == 2
    assert (await head_of(store, document)).content == winner.version.content
    await assert_whole(store, document)
    await assert_log_whole(database, events=2)


async def test_round_after_round_no_number_is_skipped(store: Store, database: Database) -> None:
    document = await created(store)

    for latest in range(2, 12):
        winner_of(await race([store], document, publish=latest % 2 == 0))
        document = await head_of(store, document)
        assert document.latest == latest

    await assert_whole(store, document)
    await assert_log_whole(database, events=11)


async def test_saves_to_different_documents_all_succeed(store: Store, database: Database) -> None:
    documents = await asyncio.gather(
        *(created(store, f"Ärende {number}") for number in range(RACERS))
    )

    await asyncio.gather(*(saved_as(store, document, "Två", "Tre") for document in documents))

    for document in documents:
        assert (await head_of(store, document)).latest == 3
    await assert_log_whole(database, events=3 * RACERS)


async def test_saves_and_publications_at_once_leave_head_and_versions_in_step(
    store: Store, database: Database
) -> None:
    document = await saved_as(store, await published(store), "Två")

    outcomes = await asyncio.gather(
        *(
            (
                store.documents.update(
                    document,
                    edit=to(f"Ny {number}"),
                    expected_version=2,
                    publish=number % 2 == 0,
                    act=BY_BO,
                )
                if number % 3
                else store.documents.publish(
                    document, version=1 + number % 2, expected_version=2, act=BY_ANNA
                )
            )
            for number in range(RACERS)
        ),
        return_exceptions=True,
    )

    assert {type(outcome) for outcome in outcomes} == {Saved, VersionConflict}
    events = 3 + sum(
        isinstance(outcome, Saved) and outcome.event is not None for outcome in outcomes
    )
    assert (await head_of(store, document)).latest == 3
    await assert_whole(store, document)
    await assert_log_whole(database, events)


async def test_archive_and_distribution_at_once_leave_no_clinic_with_an_archived_case_type(
    store: Store, second: Store, database: Database
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    for _ in range(5):
        document = await published(store)
        await distributed(store, document, BJORKEN)

        await asyncio.gather(
            distributed(second, document, LINDEN),
            store.documents.archive(document, expected_version=1, act=BY_ANNA),
            return_exceptions=True,
        )

        assert (await head_of(store, document)).state is DocumentState.ARCHIVED
        assert await database.count("assignments", {"document": document.id, "open": True}) == 0
    await assert_log_whole(database, len(await sequences(database)))


async def test_a_clinic_gets_a_case_type_once_however_many_distribute_it(
    store: Store, second: Store, database: Database
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    document = await published(store)

    outcomes = await asyncio.gather(
        *(
            distributed((store, second)[number % 2], document, BJORKEN, LINDEN)
            for number in range(6)
        )
    )

    assert Counter(outcome.counts["clinics"] for outcome in outcomes) == {2: 1, 0: 5}
    assert await database.count("assignments", {"document": document.id}) == 2
    await assert_log_whole(database, events=4)


# ------------------------------------------------------------- two writers of one log


async def test_one_of_sixteen_saves_over_two_servers_wins(
    store: Store, second: Store, database: Database
) -> None:
    document = await created(store)

    for latest in range(2, 7):
        winner = winner_of(await race([store, second], document))
        assert winner.version is not None
        assert winner.version.number == latest
        document = await head_of(store, document)

    await assert_whole(store, document)
    await assert_log_whole(database, events=6)


async def test_two_servers_writing_to_one_log_lose_no_number(
    store: Store, second: Store, database: Database
) -> None:
    documents = [await created(store, f"Ärende {number}") for number in range(4)]

    await asyncio.gather(
        *(
            saved_as(one, document, *map(str, range(10)), publish=True)
            for one, document in zip([store, second] * 2, documents, strict=True)
        )
    )

    for document in documents:
        await assert_whole(store, document)
    await assert_log_whole(database, events=44)


async def test_two_servers_with_clocks_apart_never_write_times_that_go_back(
    store: Store, second: Store, database: Database
) -> None:
    document = await created(store)
    ahead = Store(
        second.database,
        KINDS,
        clock=lambda: document.created_at.replace(year=document.created_at.year + 1),
    )

    first = await saved_as(ahead, document, "Två")
    last = await saved_as(store, first, "Tre")
    await ahead.log.close()

    assert first.edited_at.year == document.created_at.year + 1
    assert last.edited_at == first.edited_at
    await assert_log_whole(database, events=3)


# ------------------------------------------------------------- processes


async def write(uri: str, database: Database, *arguments: str) -> list[tuple[str, int, str, int]]:
    """What a writing process of its own was told is kept."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.storage.writer",
        uri,
        database.name,
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    lines = [line.split() for line in output.decode().splitlines()]
    return [
        (document, int(number), hash_, int(sequence)) for document, number, hash_, sequence in lines
    ]


async def test_three_processes_writing_to_one_log_lose_no_number(
    store: Store, database: Database, mongodb_uri: str
) -> None:
    told = [
        line
        for lines in await asyncio.gather(
            *(write(mongodb_uri, database, "4", "10") for _ in range(3))
        )
        for line in lines
    ]

    assert len(told) == 3 * 4 * 10
    assert len({sequence for *_, sequence in told}) == 120
    assert Counter(document for document, *_ in told) == dict.fromkeys(
        {document for document, *_ in told}, 10
    )
    for document in (await store.documents.get_many({document for document, *_ in told})).values():
        assert document.latest == 11
        await assert_whole(store, document)
    await assert_log_whole(database, events=12 + 120)


async def test_three_processes_editing_one_document_lose_no_version(
    store: Store, database: Database, mongodb_uri: str
) -> None:
    document = await created(store)

    told = [
        line
        for lines in await asyncio.gather(
            *(write(mongodb_uri, database, "2", "8", document.id) for _ in range(3))
        )
        for line in lines
    ]

    assert sorted(number for _, number, *_ in told) == list(range(2, 50))
    hashes = {number: hash_ for _, number, hash_, _ in told}
    versions = await store.documents.get_versions([(document.id, number) for number in hashes])
    assert {number: version.hash for (_, number), version in versions.items()} == hashes
    await assert_whole(store, document)
    await assert_log_whole(database, events=49)


async def test_a_log_that_is_closed_has_settled_everything_queued(
    database: Database, store: Store
) -> None:
    other = Store(database, KINDS)
    pending = [asyncio.create_task(created(other, f"Ärende {number}")) for number in range(100)]
    await asyncio.sleep(0)  # lets them queue

    await other.log.close()

    await assert_log_whole(database, events=100)
    assert len({document.id for document in await asyncio.gather(*pending)}) == 100


async def test_a_refused_racer_is_refused_with_an_error_of_the_registry(
    store: Store, second: Store
) -> None:
    document = await published(store)

    outcomes = await asyncio.gather(
        *(
            one.documents.deactivate(document, expected_version=1, act=BY_BO)
            for one in [store, second] * 4
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(outcome, Saved) for outcome in outcomes) == 1
    assert (
        sum(
            isinstance(outcome, RegistryError) and outcome.code == "WRONG_STATE"
            for outcome in outcomes
        )
        == 7
    )
