"""Limits how many exports run at the same time."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from transport.exports.problems import RETRY_SECONDS, ExportRefused


class ExportSlots:
    """The slots of one process. One user may hold half of them, and always one."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._slots_of_user = max(slots // 2, 1)
        self._held: Counter[str] = Counter()

    @contextmanager
    def slot(self, user: str) -> Iterator[None]:
        """Hold a slot until the end of the block.

        Raises:
            ExportRefused: All slots are held, or this user holds as many as one user may.
        """
        if self._held.total() >= self._slots or self._held[user] >= self._slots_of_user:
            raise ExportRefused(
                HTTPStatus.TOO_MANY_REQUESTS,
                "TOO_MANY_EXPORTS",
                "As many exports are running as the server allows, in total or for one user. Try"
                " again later.",
                headers={"retry-after": RETRY_SECONDS},
            )
        self._held[user] += 1
        try:
            yield
        finally:
            self._held[user] -= 1
            if not self._held[user]:
                del self._held[user]
