"""A task that was cancelled ends, though what it waits for forgets that it was (`asyncio.wait_for`
before Python 3.12).
"""

import asyncio

from store.tasks import cancel

SECONDS = 30


def cancelled_as_it_is_answered() -> asyncio.Task[None]:
    """A task that waits for an answer as the driver does, and is cancelled just as that comes."""
    answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        asyncio.get_running_loop().call_soon(answer.set_result, None)
        asyncio.get_running_loop().call_soon(task.cancel)
        await asyncio.wait_for(answer, SECONDS)
        await asyncio.Event().wait()

    task = asyncio.create_task(work())
    return task


async def test_a_task_that_forgot_that_it_was_cancelled_is_ended() -> None:
    task = cancelled_as_it_is_answered()
    await asyncio.sleep(0.01)

    async with asyncio.timeout(SECONDS):
        await cancel(task)

    assert task.cancelled()


async def test_a_task_that_has_ended_and_none_at_all_are_waited_for_by_nobody() -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    await task

    await cancel()
    await cancel(task)

    assert not task.cancelled()
