"""A process that writes versions and prints each acknowledged one.

It writes without end, or a given number of versions. Each line is `document number hash sequence`.
"""

import asyncio
import os
import sys

from resolvers.kinds.registrations import KINDS
from store.errors import VersionConflict
from store.mongo.connection import Database, connect
from store.records import Document, Saved
from store.registry import Store
from tests.storage.building import BY_ANNA, created, head_of, to


async def main(uri: str, name: str, writers: int, versions: int, shared: str | None) -> None:
    """Let several writers save at once, each to its own document or all to a shared one."""
    client = connect(uri)
    store = Store(Database(client, name), KINDS)
    try:
        await asyncio.gather(
            *(_write(store, writer, versions, shared) for writer in range(writers))
        )
    finally:
        await client.close()


async def _write(store: Store, writer: int, versions: int, shared: str | None) -> None:
    document = (
        (await store.documents.get_many([shared]))[shared] if shared else await created(store)
    )
    written = 0
    while not versions or written < versions:
        try:
            saved = await store.documents.update(
                document,
                edit=to(f"{os.getpid()} {writer} {written}"),
                expected_version=document.latest,
                publish=written % 4 == 3,
                act=BY_ANNA,
            )
        except VersionConflict:
            document = await head_of(store, document)
        else:
            written += 1
            document = _acknowledged(saved)


def _acknowledged(saved: Saved) -> Document:
    assert saved.document is not None
    assert saved.version is not None
    assert saved.event is not None
    print(  # noqa: T201 - the parent process reads it
        saved.document.id,
        saved.version.number,
        saved.version.hash,
        saved.event.sequence,
        flush=True,
    )
    return saved.document


if __name__ == "__main__":
    uri, name, writers, versions, *shared = sys.argv[1:]
    asyncio.run(main(uri, name, int(writers), int(versions), shared[0] if shared else None))
