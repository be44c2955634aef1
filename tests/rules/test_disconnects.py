"""When a client disconnects, the work for it is cancelled, and nothing else."""

import asyncio

import pytest
from starlette.types import Message

from transport import disconnects
from transport.disconnects import cancel_on_disconnect
from transport.request_body import ClientDisconnected


class Client:
    """The receiving side of a request whose body has been read."""

    def __init__(self) -> None:
        self.disconnected_event = asyncio.Event()

    async def receive(self) -> Message:
        """Wait for the client to disconnect."""
        await self.disconnected_event.wait()
        return {"type": "http.disconnect"}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch clients from the start."""
    monkeypatch.setattr(disconnects, "_PATIENCE_SECONDS", 0)


def watchers() -> list[str]:
    """The names of the tasks that watch clients."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("client")]


async def test_a_block_that_ends_first_is_not_cancelled() -> None:
    client = Client()

    async with cancel_on_disconnect(client.receive):
        await asyncio.sleep(0.01)
        assert watchers() == ["client disconnect"]
    await asyncio.sleep(0)

    assert watchers() == []


async def test_a_disconnect_cancels_the_block_and_not_the_task() -> None:
    client = Client()
    finished = asyncio.Event()
    client.disconnected_event.set()

    async def work() -> None:
        async with cancel_on_disconnect(client.receive):
            await asyncio.sleep(10)
            finished.set()

    with pytest.raises(ClientDisconnected):
        await work()

    task = asyncio.current_task()
    assert not finished.is_set()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0.01)  # no later cancellation follows


async def test_errors_of_the_block_are_raised() -> None:
    with pytest.raises(LookupError):
        async with cancel_on_disconnect(Client().receive):
            raise LookupError


@pytest.mark.parametrize("disconnected", [False, True])
async def test_another_cancellation_is_not_swallowed(disconnected: bool) -> None:
    client = Client()

    async def work() -> None:
        async with cancel_on_disconnect(client.receive):
            await asyncio.sleep(10)

    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    if disconnected:
        client.disconnected_event.set()
        while not task.cancelling():  # noqa: ASYNC110 - the watcher runs first
            await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
