"""What was acknowledged is on disk: writers and MongoDB are killed in the middle of their work, and
nothing that was promised is lost.
"""

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

Told = dict[tuple[str, int], tuple[str, int]]
"""Hash and sequence number by document and version, as a writer was told."""

NAME = "registry"
WRITERS = 8
ENOUGH = 150


class Writer:
    """A process that writes until it is killed, and what it was told is kept."""

    def __init__(self, process: asyncio.subprocess.Process, told: Told) -> None:
        self._process = process
        self._told = told

    @classmethod
    async def start(cls, uri: str, told: Told) -> "Writer":
        arguments = ("-m", "tests.storage.writer", uri, NAME, str(WRITERS), "0")
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable,
                *arguments,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            ),
            told,
        )

    async def acknowledged(self, versions: int) -> None:
        """Wait until so many more versions were acknowledged."""
        for _ in range(versions):
            assert await self._note(), "the writer ended"

    async def kill(self) -> None:
        """End it, and note what it still had told."""
        self._process.kill()
        while await self._note():
            pass
        await self._process.wait()

    async def _note(self) -> bool:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):  # the last one may be cut off
            return False
        document, number, hash_, sequence = line.decode().split()
        self._told[document, int(number)] = (hash_, int(sequence))
        return True


async def assert_kept(uri: str, told: Told) -> None:
    """All that was acknowledged is there whole, logs and chains have no gap, and new versions can
    be written.
    """
    client = connect(uri)
    store = Store(Database(client, NAME), KINDS)
    versions = await store.documents.get_versions(told)
    assert {key: (version.hash, version.sequence) for key, version in versions.items()} == told
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
    after = await saved_as(store, await created(store), "Efter")
    assert (after.latest, await store.history.latest_sequence(STOCKHOLM)) == (2, len(events) + 2)
    await store.log.close()
    await client.close()


async def prepared(uri: str) -> None:
    client = connect(uri)
    database = Database(client, NAME)
    await create_indexes(database)
    await Store(database, KINDS).principals.ensure(reference_principals())
    await client.close()


async def test_nothing_acknowledged_is_lost_when_mongodb_and_its_writer_are_killed(
    tmp_path: Path,
) -> None:
    running = await embedded_server.start(tmp_path)
    await prepared(running.uri)
    told: Told = {}
    for round_number in range(3):
        writer = await Writer.start(running.uri, told)
        await writer.acknowledged(ENOUGH)

        os.kill(running.pid, signal.SIGKILL)
        if round_number % 2:
            await writer.kill()
        await running.stop()
        running = await embedded_server.start(tmp_path)
        if not round_number % 2:  # left to find MongoDB gone
            await writer.kill()

        assert len(told) >= (round_number + 1) * ENOUGH
        await assert_kept(running.uri, told)
    await running.stop()
