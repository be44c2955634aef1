"""Fixtures that several tests of the store use."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from resolvers.kinds.registrations import KINDS
from resolvers.log.checkpoints import CheckpointKey
from store.mongo.connection import Database, connect
from store.registry import Store
from tests.storage.minutes import minute


@pytest.fixture
def key(tmp_path: Path) -> CheckpointKey:
    return CheckpointKey.of(tmp_path / "key.json", make=True)


@pytest.fixture
async def second_server(store: Store, mongodb_uri: str) -> AsyncIterator[Store]:
    """The store of another server: the same database, separate connections."""
    client = connect(mongodb_uri)
    other = Store(Database(client, store.database.name), KINDS)
    yield other
    await other.log.close()
    await client.close()


@pytest.fixture
def timed(database: Database, store: Store) -> Callable[[float], Store]:
    """The store, with its clock at a minute after START."""
    return lambda number: Store(database, KINDS, clock=lambda: minute(number))
