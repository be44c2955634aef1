"""Cancelling a task waits until the task has ended.

`asyncio.wait_for` before Python 3.12 can lose a cancellation; the task is then cancelled again.
"""

import asyncio

from store.tasks import cancel

SECONDS = 30


def cancelled_when_its_result_arrives() -> asyncio.Task[None]:
    """A task that is cancelled at the moment when its awaited result arrives."""
    result: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        asyncio.get_running_loop().call_soon(result.set_result, None)
        asyncio.get_running_loop().call_soon(task.cancel)
        await asyncio.wait_for(result, SECONDS)
        await asyncio.Event().wait()

    task = asyncio.create_task(work())
    return task


async def test_a_task_that_lost_its_cancellation_is_cancelled_again() -> None:
    task = cancelled_when_its_result_arrives()
    await asyncio.sleep(0.01)

    async with asyncio.timeout(SECONDS):
        await cancel(task)

    assert task.cancelled()


async def test_cancelling_finished_tasks_or_no_task_returns_at_once() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    await task

    await cancel()
    await cancel(task)

    assert not task.cancelled()
