"""A document with a long history, and what calls on it cost MongoDB."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pymongo import AsyncMongoClient

from store.mongo.connection import Row
from store.records import Document, Saved
from store.registry import Store
from tests.storage.building import (
    BY_ANNA,
    to,
)
from tests.storage.watching import Cost, Watch, costs

VERSIONS = 1_000


@dataclass(frozen=True)
class LongHistory:
    """A document with 1,000 versions, each once in force, at a clinic.

    The watch records the commands of the client.
    """

    store: Store
    document: Document
    client: AsyncMongoClient[Row]
    watch: Watch

    async def cost(self, read: Awaitable[object]) -> list[Cost]:
        """What the queries of a call examine."""
        with self.watch.commands() as commands:
            await read
        return await costs(self.client, self.store.database.name, commands)

    async def sent(self, write: Awaitable[object]) -> list[tuple[str, str]]:
        """The commands that a call sends, each with its collection."""
        with self.watch.commands() as commands:
            await write
        return [(name, str(command[name])) for name, command in commands]

    async def save(self, document: Document, *, publish: bool = False) -> Saved:
        """Save the next version."""
        edit = to(f"Version {document.latest + 1:04}")
        return await self.store.documents.update(
            document, edit=edit, expected_version=document.latest, publish=publish, act=BY_ANNA
        )


Write = Callable[[LongHistory, Document], Awaitable[Saved]]


WRITES: dict[str, Write] = {
    "save": lambda history, head: history.save(head),
    "save and publish": lambda history, head: history.save(head, publish=True),
    "publish an old version": lambda history, head: history.store.documents.publish(
        head, version=1, expected_version=head.latest, act=BY_ANNA
    ),
    "restore an old version": lambda history, head: history.store.documents.restore(
        head, version=1, expected_version=head.latest, publish=True, act=BY_ANNA
    ),
    "deactivate": lambda history, head: history.store.documents.deactivate(
        head, expected_version=head.latest, act=BY_ANNA
    ),
    "activate": lambda history, head: history.store.documents.activate(
        head, expected_version=head.latest, act=BY_ANNA
    ),
}
