"""Reads of a long history, each with the number of documents that it may examine."""

from collections.abc import Awaitable, Callable

from store.log.event_filters import EventFilter
from store.paging import Paging, encode
from store.records import Action
from tests.storage.building import (
    BJORKEN,
    STOCKHOLM,
    history_of,
    in_force_at,
    versions_page,
)
from tests.storage.long_history import VERSIONS, LongHistory


def middle(history: LongHistory, limit: int) -> Paging:
    return Paging(limit=limit, after=encode((STOCKHOLM, VERSIONS // 2)))


Read = Callable[[LongHistory], Awaitable[object]]


READS: dict[str, tuple[int, Read]] = {
    "the head": (1, lambda history: history.store.documents.get_many([history.document.id])),
    "a version": (
        1,
        lambda history: history.store.documents.get_versions([(history.document.id, 500)]),
    ),
    "three versions": (
        3,
        lambda history: history.store.documents.get_versions(
            [(history.document.id, number) for number in (1, 500, 1_000)]
        ),
    ),
    "the newest versions": (
        11,
        lambda history: versions_page(history.store, history.document, Paging(limit=10)),
    ),
    "versions deep down": (
        11,
        lambda history: versions_page(
            history.store, history.document, Paging(limit=10, after=encode((200,)))
        ),
    ),
    "the oldest versions": (
        11,
        lambda history: versions_page(
            history.store, history.document, Paging(limit=10, backward=True)
        ),
    ),
    "released versions": (
        21,
        lambda history: versions_page(
            history.store, history.document, Paging(limit=10), released_only=True
        ),
    ),
    "released versions deep down": (
        21,
        lambda history: versions_page(
            history.store,
            history.document,
            Paging(limit=10, after=encode((200,))),
            released_only=True,
        ),
    ),
    "which versions were released": (
        3,
        lambda history: history.store.version_history.released(
            [(history.document.id, number) for number in (1, 500, 1_000)]
        ),
    ),
    "the released version before one": (
        1,
        lambda history: history.store.version_history.released_before([(history.document.id, 500)]),
    ),
    "the newest history": (
        11,
        lambda history: history_of(
            history.store, history.document, Paging(limit=10), notices_only=False
        ),
    ),
    "history deep down": (
        11,
        lambda history: history_of(
            history.store, history.document, middle(history, 10), notices_only=False
        ),
    ),
    "the newest notices": (
        12,
        lambda history: history_of(
            history.store, history.document, Paging(limit=10), notices_only=True
        ),
    ),
    "notices deep down": (
        12,
        lambda history: history_of(
            history.store, history.document, middle(history, 10), notices_only=True
        ),
    ),
    "the newest events": (
        11,
        lambda history: history.store.history.events(STOCKHOLM, EventFilter(), Paging(limit=10)),
    ),
    "events deep down": (
        11,
        lambda history: history.store.history.events(STOCKHOLM, EventFilter(), middle(history, 10)),
    ),
    "events of an action": (
        11,
        lambda history: history.store.history.events(
            STOCKHOLM, EventFilter(actions=(Action.PUBLISHED,)), middle(history, 10)
        ),
    ),
    "events of a person": (
        11,
        lambda history: history.store.history.events(
            STOCKHOLM, EventFilter(actor="SE2321000016-AA"), middle(history, 10)
        ),
    ),
    "events of a clinic": (
        11,
        lambda history: history.store.history.events(
            STOCKHOLM, EventFilter(clinic=BJORKEN), Paging(limit=10)
        ),
    ),
    "the number of events": (
        1,
        lambda history: history.store.history.count_events(STOCKHOLM, EventFilter()),
    ),
    "the sequence at a moment": (
        0,
        lambda history: history.store.history.sequence_at(STOCKHOLM, history.document.updated_at),
    ),
    "the version in force at a moment": (
        1,
        lambda history: in_force_at(history.store, history.document, history.document.updated_at),
    ),
    "the next events of a log": (
        100,
        lambda history: history.store.history.after(STOCKHOLM, 400, limit=100),
    ),
}
