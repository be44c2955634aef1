"""Nothing gets slower as history grows: a save at version 1,000 costs what it cost at version 2,
and reading goes by index.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from statistics import median
from uuid import uuid4

import bson
import pytest
from pymongo import AsyncMongoClient

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.documents.listing import DocumentFilter, Order
from store.documents.scopes import Scope
from store.log.event_filters import EventFilter
from store.mongo.connection import Database, Row
from store.mongo.indexes import create_indexes
from store.paging import Paging, encode
from store.records import Action, Document, Saved
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    STOCKHOLM,
    created,
    distributed,
    document_of,
    head_of,
    history_of,
    in_force_at,
    inbox_page,
    published,
    to,
    versions_page,
    with_clinics,
)
from tests.storage.watching import Cost, Watch, costs, watched

VERSIONS = 1_000


@dataclass(frozen=True)
class Grown:
    """A registry with a document of 1,000 versions, each in force once, at a clinic; and what
    watches its client.
    """

    store: Store
    document: Document
    client: AsyncMongoClient[Row]
    watch: Watch

    async def cost(self, read: Awaitable[object]) -> list[Cost]:
        """What the queries of one call examine."""
        with self.watch.commands() as commands:
            await read
        return await costs(self.client, self.store.database.name, commands)

    async def sent(self, write: Awaitable[object]) -> list[tuple[str, str]]:
        """The commands that one call sends, each with its collection."""
        with self.watch.commands() as commands:
            await write
        return [(name, str(command[name])) for name, command in commands]

    async def save(self, document: Document, *, publish: bool = False) -> Saved:
        """The next version."""
        edit = to(f"Version {document.latest + 1:04}")
        return await self.store.documents.update(
            document, edit=edit, expected_version=document.latest, publish=publish, act=BY_ANNA
        )


@pytest.fixture(scope="module")
async def grown(mongodb_uri: str) -> AsyncIterator[Grown]:
    client, watch = watched(mongodb_uri)
    database = Database(client, f"test_{uuid4().hex[:12]}")
    await create_indexes(database)
    store = Store(database, KINDS)
    await store.principals.ensure(reference_principals())
    await with_clinics(store, BJORKEN)
    document = await published(store, "Version 0001")
    await distributed(store, document, BJORKEN)
    await asyncio.gather(
        *(
            store.documents.update(
                document,
                edit=to(f"Version {number + 1:04}"),
                expected_version=number,
                publish=True,
                act=BY_ANNA,
            )
            for number in range(1, VERSIONS)
        )
    )
    yield Grown(store, await head_of(store, document), client, watch)
    await store.log.close()
    await client.drop_database(database.name)
    await client.close()


# ------------------------------------------------------------- writing

SAVE = [
    ("findAndModify", "logs"),
    ("find", "documents"),
    ("insert", "versions"),
    ("insert", "events"),
    ("update", "documents"),
    ("update", "logs"),
    ("commitTransaction", "1"),
]


async def test_a_save_sends_the_same_seven_commands_at_version_two_and_at_version_thousand(
    grown: Grown,
) -> None:
    assert grown.document.latest == VERSIONS
    young, old = await created(grown.store), await head_of(grown.store, grown.document)

    assert await grown.sent(grown.save(young)) == SAVE
    assert await grown.sent(grown.save(old)) == SAVE


async def test_save_and_publish_sends_no_more_than_a_save(grown: Grown) -> None:
    old = await head_of(grown.store, grown.document)

    assert await grown.sent(grown.save(old, publish=True)) == SAVE


Write = Callable[[Grown, Document], Awaitable[Saved]]

WRITES: dict[str, Write] = {
    "save": lambda grown, head: grown.save(head),
    "save and publish": lambda grown, head: grown.save(head, publish=True),
    "publish an old version": lambda grown, head: grown.store.documents.publish(
        head, version=1, expected_version=head.latest, act=BY_ANNA
    ),
    "restore an old version": lambda grown, head: grown.store.documents.restore(
        head, version=1, expected_version=head.latest, publish=True, act=BY_ANNA
    ),
    "deactivate": lambda grown, head: grown.store.documents.deactivate(
        head, expected_version=head.latest, act=BY_ANNA
    ),
    "activate": lambda grown, head: grown.store.documents.activate(
        head, expected_version=head.latest, act=BY_ANNA
    ),
}


async def test_every_act_on_a_long_history_examines_as_little_as_on_a_short_one(
    grown: Grown,
) -> None:
    young = document_of(await grown.save(await published(grown.store), publish=True))
    old = await head_of(grown.store, grown.document)
    assert old.latest >= VERSIONS

    examined = {}
    for name, write in WRITES.items():
        short = await grown.cost(write(grown, await head_of(grown.store, young)))
        long = await grown.cost(write(grown, await head_of(grown.store, old)))
        assert [(cost.collection, cost.documents) for cost in long] == [
            (cost.collection, cost.documents) for cost in short
        ], name
        examined[name] = sum(cost.documents for cost in long)

    assert max(examined.values()) <= 3
    assert examined["save"] == 1


async def test_a_save_takes_no_longer_at_version_thousand_than_at_version_two(grown: Grown) -> None:
    old = await head_of(grown.store, grown.document)
    seconds: dict[str, list[float]] = {"young": [], "old": []}
    for _ in range(40):  # side by side, so that both meet the same weather
        for name, document in (("young", await created(grown.store)), ("old", old)):
            begun = time.perf_counter()
            saved = await grown.save(document)
            seconds[name].append(time.perf_counter() - begun)
        old = document_of(saved)

    assert median(seconds["old"]) <= 1.5 * median(seconds["young"])


async def test_the_head_does_not_grow_with_its_history(grown: Grown) -> None:
    # Both with a draft ahead of what is in force.
    young = document_of(await grown.save(await published(grown.store, "Version 0001")))
    old = document_of(await grown.save(await head_of(grown.store, grown.document)))

    rows = [
        await grown.store.database.find_one("documents", {"_id": head.id}) for head in (young, old)
    ]

    sizes = [len(bson.encode(row or {})) for row in rows]
    assert abs(sizes[1] - sizes[0]) < 16
    assert sizes[0] > 1_000


# ------------------------------------------------------------- reading


def middle(grown: Grown, limit: int) -> Paging:
    return Paging(limit=limit, after=encode((STOCKHOLM, VERSIONS // 2)))


Read = Callable[[Grown], Awaitable[object]]

READS: dict[str, tuple[int, Read]] = {
    "the head": (1, lambda grown: grown.store.documents.get_many([grown.document.id])),
    "a version": (1, lambda grown: grown.store.documents.get_versions([(grown.document.id, 500)])),
    "three versions": (
        3,
        lambda grown: grown.store.documents.get_versions(
            [(grown.document.id, number) for number in (1, 500, 1_000)]
        ),
    ),
    "the newest versions": (
        11,
        lambda grown: versions_page(grown.store, grown.document, Paging(limit=10)),
    ),
    "versions deep down": (
        11,
        lambda grown: versions_page(
            grown.store, grown.document, Paging(limit=10, after=encode((200,)))
        ),
    ),
    "the oldest versions": (
        11,
        lambda grown: versions_page(grown.store, grown.document, Paging(limit=10, backward=True)),
    ),
    "released versions": (
        21,
        lambda grown: versions_page(
            grown.store, grown.document, Paging(limit=10), released_only=True
        ),
    ),
    "released versions deep down": (
        21,
        lambda grown: versions_page(
            grown.store, grown.document, Paging(limit=10, after=encode((200,))), released_only=True
        ),
    ),
    "which versions were released": (
        3,
        lambda grown: grown.store.version_history.released(
            [(grown.document.id, number) for number in (1, 500, 1_000)]
        ),
    ),
    "the released version before one": (
        1,
        lambda grown: grown.store.version_history.released_before([(grown.document.id, 500)]),
    ),
    "the newest history": (
        11,
        lambda grown: history_of(grown.store, grown.document, Paging(limit=10), notices_only=False),
    ),
    "history deep down": (
        11,
        lambda grown: history_of(
            grown.store, grown.document, middle(grown, 10), notices_only=False
        ),
    ),
    "the newest notices": (
        12,
        lambda grown: history_of(grown.store, grown.document, Paging(limit=10), notices_only=True),
    ),
    "notices deep down": (
        12,
        lambda grown: history_of(grown.store, grown.document, middle(grown, 10), notices_only=True),
    ),
    "the newest events": (
        11,
        lambda grown: grown.store.history.events(STOCKHOLM, EventFilter(), Paging(limit=10)),
    ),
    "events deep down": (
        11,
        lambda grown: grown.store.history.events(STOCKHOLM, EventFilter(), middle(grown, 10)),
    ),
    "events of an action": (
        11,
        lambda grown: grown.store.history.events(
            STOCKHOLM, EventFilter(actions=(Action.PUBLISHED,)), middle(grown, 10)
        ),
    ),
    "events of a person": (
        11,
        lambda grown: grown.store.history.events(
            STOCKHOLM, EventFilter(actor="SE2321000016-AA"), middle(grown, 10)
        ),
    ),
    "events of a clinic": (
        11,
        lambda grown: grown.store.history.events(
            STOCKHOLM, EventFilter(clinic=BJORKEN), Paging(limit=10)
        ),
    ),
    "the number of events": (
        1,
        lambda grown: grown.store.history.count_events(STOCKHOLM, EventFilter()),
    ),
    "the sequence at a moment": (
        0,
        lambda grown: grown.store.history.sequence_at(STOCKHOLM, grown.document.updated_at),
    ),
    "the version in force at a moment": (
        1,
        lambda grown: in_force_at(grown.store, grown.document, grown.document.updated_at),
    ),
    "the next events of a log": (
        100,
        lambda grown: grown.store.history.after(STOCKHOLM, 400, limit=100),
    ),
}


@pytest.mark.parametrize("what", READS)
async def test_reading_goes_by_index_and_examines_only_what_it_answers(
    grown: Grown, what: str
) -> None:
    most, read = READS[what]

    found = await grown.cost(read(grown))

    assert found
    assert sum(cost.documents for cost in found) <= most, found
    assert sum(cost.keys for cost in found) <= 2 * max(most, 1), found
    assert not any({"COLLSCAN", "SORT"} & cost.stages for cost in found), found


async def test_where_values_come_from_is_looked_up_value_by_value_however_many_versions_there_are(
    grown: Grown,
) -> None:
    young = document_of(await grown.save(await created(grown.store)))
    sent = []
    for head in (young, grown.document):
        with grown.watch.commands() as commands:
            [origins] = (await grown.store.blame.of([(head.id, head.latest)])).values()
        sent.append(commands)

    assert (
        [name for name, _ in sent[0]]
        == [name for name, _ in sent[1]]
        == ["find", "aggregate", "find", "find"]
    )
    pipeline = sent[1][1][1]["pipeline"]
    others = [stage["$unionWith"]["pipeline"] for stage in pipeline if "$unionWith" in stage]
    look_ups: list[Row] = [
        {"aggregate": "versions", "pipeline": one} for one in (pipeline[: -len(others)], *others)
    ]
    found = await costs(
        grown.client, grown.store.database.name, [("aggregate", look_up) for look_up in look_ups]
    )
    assert len(found) == len(origins) > 10
    assert max(cost.documents for cost in found) <= 1
    assert max(cost.keys for cost in found) <= 1
    assert not any({"COLLSCAN", "SORT"} & cost.stages for cost in found)


async def test_a_clinics_inbox_is_read_by_index_however_long_it_is(grown: Grown) -> None:
    clinic = (await grown.store.clinics.get_many([BJORKEN]))[BJORKEN]

    newest = await grown.cost(inbox_page(grown.store, clinic, Paging(limit=10)))
    deep = await grown.cost(inbox_page(grown.store, clinic, middle(grown, 10)))

    for _, assignments, events in (newest, deep):
        assert (assignments.collection, assignments.documents) == ("assignments", 1)
        assert (events.collection, events.returned) == ("events", 11)
        assert events.documents <= 13
        assert not {"COLLSCAN", "SORT"} & (assignments.stages | events.stages)


async def test_a_list_of_documents_is_in_order_by_index(grown: Grown) -> None:
    which = DocumentFilter(kind="CASE_TYPE")

    for order in Order:
        (cost,) = await grown.cost(
            grown.store.listing.page(
                which, Scope(principals=frozenset({STOCKHOLM})), order, Paging(limit=2)
            )
        )
        assert not {"COLLSCAN", "SORT"} & cost.stages
        assert cost.documents <= 3
