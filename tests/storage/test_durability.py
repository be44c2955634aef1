"""Acknowledged writes survive when writers and MongoDB are killed while they work."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.mongo import embedded_server
from store.mongo.connection import Database, connect
from store.mongo.indexes import create_indexes
from store.registry import Store
from tests.storage.building import STOCKHOLM, created, saved_as

Acknowledged = dict[tuple[str, int], tuple[str, int]]
"""Hash and sequence number by document and version, as the writer received them."""

NAME = "registry"
WRITERS = 8
VERSIONS_PER_ROUND = 150


class Writer:
    """A process that writes until it is killed, and the versions that it reported."""

    def __init__(self, process: asyncio.subprocess.Process, acknowledged: Acknowledged) -> None:
        self._process = process
        self._acknowledged = acknowledged

    @classmethod
    async def start(cls, uri: str, acknowledged: Acknowledged) -> "Writer":
        arguments = ("-m", "tests.storage.writer", uri, NAME, str(WRITERS), "0")
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            ),
            acknowledged,
        )

    async def wait_for(self, versions: int) -> None:
        """Wait until this many more versions are acknowledged."""
        for _ in range(versions):
            assert await self._note(), "the writer ended"

    async def kill(self) -> None:
        """Kill the process, and read the rest of its output."""
        self._process.kill()
        while await self._note():
            pass
        await self._process.wait()

    async def _note(self) -> bool:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):  # the last line may be cut off
            return False
        document, number, hash_, sequence = line.decode().split()
        self._acknowledged[document, int(number)] = (hash_, int(sequence))
        return True


async def assert_all_stored(uri: str, acknowledged: Acknowledged) -> None:
    """All acknowledged versions are stored, and new ones can be written.

    Logs and hash chains have no gap.
    """
    client = connect(uri)
    store = Store(Database(client, NAME), KINDS)
    versions = await store.documents.get_versions(acknowledged)
    assert {
        key: (version.hash, version.sequence) for key, version in versions.items()
    } == acknowledged
    events = await store.history.after(STOCKHOLM, 0, limit=0)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert await store.history.latest_sequence(STOCKHOLM) == len(events)
    documents = await store.documents.get_many(
        {event.document for event in events if event.document}
    )
    assert len(documents) == sum(event.action == "CREATED" for event in events)
    for document in documents.values():
        verification = await store.documents.verify(document)
        assert (verification.intact, verification.versions) == (True, document.latest)
        assert document.event_count == sum(event.document == document.id for event in events)
    assert (
        await store.database.count("versions", {})
        == sum(document.latest for document in documents.values())
        == len(events)
    )
    saved = await saved_as(store, await created(store), "Efter")
    assert (saved.latest, await store.history.latest_sequence(STOCKHOLM)) == (2, len(events) + 2)
    await store.log.close()
    await client.close()


async def prepare(uri: str) -> None:
    client = connect(uri)
    database = Database(client, NAME)
    await create_indexes(database)
    await Store(database, KINDS).principals.ensure(reference_principals())
    await client.close()


async def test_no_acknowledged_version_is_lost_when_mongodb_and_the_writer_are_killed(
    tmp_path: Path,
) -> None:
    running = await embedded_server.start(tmp_path)
    await prepare(running.uri)
    acknowledged: Acknowledged = {}
    for round_number in range(3):
        writer = await Writer.start(running.uri, acknowledged)
        await writer.wait_for(VERSIONS_PER_ROUND)

        os.kill(running.pid, signal.SIGKILL)
        if round_number % 2:
            await writer.kill()
        await running.stop()
        running = await embedded_server.start(tmp_path)
        if not round_number % 2:  # this writer was still running when MongoDB was killed
            await writer.kill()

        assert len(acknowledged) >= (round_number + 1) * VERSIONS_PER_ROUND
        await assert_all_stored(running.uri, acknowledged)
    await running.stop()
