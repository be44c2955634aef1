"""Concurrent writers in several servers and processes: no number is skipped or repeated."""

import asyncio
import sys
from collections import Counter

from resolvers.kinds.registrations import KINDS
from store.errors import RegistryError
from store.mongo.connection import Database
from store.records import DocumentState, Saved
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    BY_BO,
    LINDEN,
    created,
    distributed,
    head_of,
    published,
    saved_as,
    sequences,
    with_clinics,
)
from tests.storage.races import (
    assert_document_consistent,
    assert_log_consistent,
    only_winner,
    save_at_once,
)


async def test_archiving_during_a_distribution_leaves_no_clinic_with_the_case_type(
    store: Store, second_server: Store, database: Database
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    for _ in range(5):
        document = await published(store)
        await distributed(store, document, BJORKEN)

        await asyncio.gather(
            distributed(second_server, document, LINDEN),
            store.documents.archive(document, expected_version=1, act=BY_ANNA),
            return_exceptions=True,
        )

        assert (await head_of(store, document)).state is DocumentState.ARCHIVED
        assert await database.count("assignments", {"document": document.id, "open": True}) == 0
    await assert_log_consistent(database, len(await sequences(database)))


async def test_concurrent_distributions_assign_a_case_type_to_a_clinic_once(
    store: Store, second_server: Store, database: Database
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    document = await published(store)

    outcomes = await asyncio.gather(
        *(
            distributed((store, second_server)[number % 2], document, BJORKEN, LINDEN)
            for number in range(6)
        )
    )

    assert Counter(outcome.counts["clinics"] for outcome in outcomes) == {2: 1, 0: 5}
    assert await database.count("assignments", {"document": document.id}) == 2
    await assert_log_consistent(database, events=4)


async def test_one_of_sixteen_saves_over_two_servers_wins(
    store: Store, second_server: Store, database: Database
) -> None:
    document = await created(store)

    for latest in range(2, 7):
        winner = only_winner(await save_at_once([store, second_server], document))
        assert winner.version is not None
        assert winner.version.number == latest
        document = await head_of(store, document)

    await assert_document_consistent(store, document)
    await assert_log_consistent(database, events=6)


async def test_two_servers_writing_to_one_log_skip_no_number(
    store: Store, second_server: Store, database: Database
) -> None:
    documents = [await created(store, f"Ärende {number}") for number in range(4)]

    await asyncio.gather(
        *(
            saved_as(server, document, *map(str, range(10)), publish=True)
            for server, document in zip([store, second_server] * 2, documents, strict=True)
        )
    )

    for document in documents:
        await assert_document_consistent(store, document)
    await assert_log_consistent(database, events=44)


async def test_servers_with_different_clocks_never_write_decreasing_times(
    store: Store, second_server: Store, database: Database
) -> None:
    document = await created(store)
    ahead = Store(
        second_server.database,
        KINDS,
        clock=lambda: document.created_at.replace(year=document.created_at.year + 1),
    )

    first = await saved_as(ahead, document, "Två")
    last = await saved_as(store, first, "Tre")
    await ahead.log.close()

    assert first.edited_at.year == document.created_at.year + 1
    assert last.edited_at == first.edited_at
    await assert_log_consistent(database, events=3)


# ------------------------------------------------------------- processes


async def run_writer(
    uri: str, database: Database, *arguments: str
) -> list[tuple[str, int, str, int]]:
    """Run a writing process, and return the versions that it reported as acknowledged."""
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
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    lines = [line.split() for line in output.decode().splitlines()]
    return [
        (document, int(number), hash_, int(sequence)) for document, number, hash_, sequence in lines
    ]


async def test_three_processes_writing_to_one_log_skip_no_number(
    store: Store, database: Database, mongodb_uri: str
) -> None:
    acknowledged = [
        line
        for lines in await asyncio.gather(
            *(run_writer(mongodb_uri, database, "4", "10") for _ in range(3))
        )
        for line in lines
    ]

    assert len(acknowledged) == 3 * 4 * 10
    assert len({sequence for *_, sequence in acknowledged}) == 120
    assert Counter(document for document, *_ in acknowledged) == dict.fromkeys(
        {document for document, *_ in acknowledged}, 10
    )
    for document in (
        await store.documents.get_many({document for document, *_ in acknowledged})
    ).values():
        assert document.latest == 11
        await assert_document_consistent(store, document)
    await assert_log_consistent(database, events=12 + 120)


async def test_three_processes_editing_one_document_lose_no_version(
    store: Store, database: Database, mongodb_uri: str
) -> None:
    document = await created(store)

    acknowledged = [
        line
        for lines in await asyncio.gather(
            *(run_writer(mongodb_uri, database, "2", "8", document.id) for _ in range(3))
        )
        for line in lines
    ]

    assert sorted(number for _, number, *_ in acknowledged) == list(range(2, 50))
    hashes = {number: hash_ for _, number, hash_, _ in acknowledged}
    versions = await store.documents.get_versions([(document.id, number) for number in hashes])
    assert {number: version.hash for (_, number), version in versions.items()} == hashes
    await assert_document_consistent(store, document)
    await assert_log_consistent(database, events=49)


async def test_closing_a_log_completes_everything_queued(database: Database, store: Store) -> None:
    other = Store(database, KINDS)
    pending = [asyncio.create_task(created(other, f"Ärende {number}")) for number in range(100)]
    await asyncio.sleep(0)  # the writes are queued

    await other.log.close()

    await assert_log_consistent(database, events=100)
    assert len({document.id for document in await asyncio.gather(*pending)}) == 100


async def test_a_refused_racer_gets_a_registry_error(store: Store, second_server: Store) -> None:
    document = await published(store)

    outcomes = await asyncio.gather(
        *(
            server.documents.deactivate(document, expected_version=1, act=BY_BO)
            for server in [store, second_server] * 4
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
