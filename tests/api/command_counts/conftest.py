"""The listener to the commands that reach MongoDB."""

from collections.abc import Iterator

import pytest
from pymongo import monitoring

from tests.api.command_counts.counting import Commands
from tests.world import World


@pytest.fixture(scope="module")
def listener() -> Commands:
    """The listener of a module, registered before the app creates its client."""
    listener = Commands()
    monitoring.register(listener)
    return listener


@pytest.fixture
def commands(listener: Commands, world: World) -> Iterator[Commands]:
    """The commands of one test, on the database of its world."""
    listener.database = world.api.store.database.name
    yield listener
    listener.database = ""
