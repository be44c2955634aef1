"""Fixtures: a real MongoDB for the run, an empty database for each test, the running application.

The application listens on a real socket.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest
from pymongo.errors import AutoReconnect

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.mongo import embedded_server
from store.mongo.connection import Database, connect
from store.mongo.indexes import INDEXES, create_indexes
from store.records import Principal
from store.registry import Store
from tests.callers import Api
from tests.node import install_packages
from tests.serving import serving
from tests.world import World


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest tests first, so that no process is still running one alone at the end."""
    items.sort(
        key=lambda item: (
            item.path.parent.name not in {"faults", "trust"}
            and item.path.stem not in {"test_server", "test_commands", "test_bench"}
        )
    )


@pytest.fixture(scope="session")
async def mongodb_uri(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a real MongoDB, a replica set of one member, for the whole run.

    CASETYPES_TEST_MONGODB_URI names another MongoDB to use instead.
    """
    if (configured := os.environ.get("CASETYPES_TEST_MONGODB_URI")) is not None:
        yield configured
        return
    running = await embedded_server.start(tmp_path_factory.mktemp("mongodb"), cache_gb=1.0)
    yield running.uri
    await running.stop()


@pytest.fixture(scope="session")
async def kept_database(mongodb_uri: str) -> AsyncIterator[Database]:
    """One database with its indexes for the run: creating indexes takes longer than most tests."""
    client = connect(mongodb_uri)
    database = Database(client, f"test_{uuid4().hex[:12]}")
    yield database
    # The event loop does not run during tests that are not coroutines. The driver may then regard
    # its connections as dead, once.
    for _ in range(3):
        with suppress(AutoReconnect):
            await client.drop_database(database.name)
            break
    await client.close()


@pytest.fixture
async def database(kept_database: Database) -> Database:
    """An empty database with its indexes."""
    await create_indexes(kept_database)
    await asyncio.gather(*(kept_database[name].delete_many({}) for name in INDEXES))
    return kept_database


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    """The store, with the reference data and a running feed."""
    store = Store(database, KINDS)
    await store.principals.ensure(reference_principals())
    store.feed.start()
    yield store
    await store.feed.stop()
    await store.log.close()


@pytest.fixture
async def stockholm(store: Store) -> Principal:
    """Region Stockholm."""
    return (await store.principals.known())["SE2321000016"]


@pytest.fixture
async def api(mongodb_uri: str, store: Store, tmp_path: Path) -> AsyncIterator[Api]:
    """The running application on the database of `store`, with the development issuer."""
    async with serving(tmp_path, mongodb_uri, store, development=True) as api:
        yield api


@pytest.fixture
async def world(api: Api) -> World:
    """A few clinics, a national template and a central case type, created over the API."""
    return await World.build(api)


@pytest.fixture(scope="session")
def npm_packages() -> Path:
    """The folder of the JavaScript packages of the lock file, installed once, with hashes checked.

    Node.js comes with the Python packages.
    """
    return install_packages()
