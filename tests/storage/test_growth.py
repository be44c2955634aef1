"""Nothing becomes slower as a history grows.

A save costs as much at version 1,000 as at version 2, and every read uses an index.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from statistics import median
from uuid import uuid4

import bson
import pytest

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.documents.listing import DocumentFilter, Order
from store.documents.scopes import Scope
from store.mongo.connection import Database, Row
from store.mongo.indexes import create_indexes
from store.paging import Paging
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    STOCKHOLM,
    created,
    distributed,
    document_of,
    head_of,
    inbox_page,
    published,
    to,
    with_clinics,
)
from tests.storage.long_history import VERSIONS, WRITES, LongHistory
from tests.storage.long_history_reads import READS, middle
from tests.storage.watching import costs, watched


@pytest.fixture(scope="module")
async def history(mongodb_uri: str) -> AsyncIterator[LongHistory]:
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
    yield LongHistory(store, await head_of(store, document), client, watch)
    await store.log.close()
    await client.drop_database(database.name)
    await client.close()


SAVE = [
    ("findAndModify", "logs"),
    ("find", "documents"),
    ("insert", "versions"),
    ("insert", "events"),
    ("update", "documents"),
    ("update", "logs"),
    ("commitTransaction", "1"),
]


async def test_a_save_sends_the_same_seven_commands_at_version_2_and_at_version_1000(
    history: LongHistory,
) -> None:
    assert history.document.latest == VERSIONS
    young, old = await created(history.store), await head_of(history.store, history.document)

    assert await history.sent(history.save(young)) == SAVE
    assert await history.sent(history.save(old)) == SAVE


async def test_saving_and_publishing_sends_the_commands_of_a_save(history: LongHistory) -> None:
    old = await head_of(history.store, history.document)

    assert await history.sent(history.save(old, publish=True)) == SAVE


async def test_every_act_examines_as_few_documents_on_a_long_history_as_on_a_short_one(
    history: LongHistory,
) -> None:
    young = document_of(await history.save(await published(history.store), publish=True))
    old = await head_of(history.store, history.document)
    assert old.latest >= VERSIONS

    examined = {}
    for name, write in WRITES.items():
        short = await history.cost(write(history, await head_of(history.store, young)))
        long = await history.cost(write(history, await head_of(history.store, old)))
        assert [(cost.collection, cost.documents) for cost in long] == [
            (cost.collection, cost.documents) for cost in short
        ], name
        examined[name] = sum(cost.documents for cost in long)

    assert max(examined.values()) <= 3
    assert examined["save"] == 1


async def test_a_save_takes_no_longer_at_version_1000_than_at_version_2(
    history: LongHistory,
) -> None:
    old = await head_of(history.store, history.document)
    seconds: dict[str, list[float]] = {"young": [], "old": []}
    for _ in range(40):  # alternating, so that both run under the same load
        for name, document in (("young", await created(history.store)), ("old", old)):
            started_at = time.perf_counter()
            saved = await history.save(document)
            seconds[name].append(time.perf_counter() - started_at)
        old = document_of(saved)

    assert median(seconds["old"]) <= 1.5 * median(seconds["young"])


async def test_the_head_does_not_grow_with_its_history(history: LongHistory) -> None:
    # Each has a draft after the version in force.
    young = document_of(await history.save(await published(history.store, "Version 0001")))
    old = document_of(await history.save(await head_of(history.store, history.document)))

    rows = [
        await history.store.database.find_one("documents", {"_id": head.id})
        for head in (young, old)
    ]

    sizes = [len(bson.encode(row or {})) for row in rows]
    assert abs(sizes[1] - sizes[0]) < 16
    assert sizes[0] > 1_000


@pytest.mark.parametrize("read_name", READS)
async def test_a_read_uses_an_index_and_examines_only_its_results(
    history: LongHistory, read_name: str
) -> None:
    max_documents, read = READS[read_name]

    query_costs = await history.cost(read(history))

    assert query_costs
    assert sum(cost.documents for cost in query_costs) <= max_documents, query_costs
    assert sum(cost.keys for cost in query_costs) <= 2 * max(max_documents, 1), query_costs
    assert not any({"COLLSCAN", "SORT"} & cost.stages for cost in query_costs), query_costs


async def test_the_origin_of_each_value_is_one_lookup_for_any_number_of_versions(
    history: LongHistory,
) -> None:
    young = document_of(await history.save(await created(history.store)))
    sent = []
    for head in (young, history.document):
        with history.watch.commands() as commands:
            [origins] = (await history.store.blame.of([(head.id, head.latest)])).values()
        sent.append(commands)

    assert (
        [name for name, _ in sent[0]]
        == [name for name, _ in sent[1]]
        == ["find", "aggregate", "find", "find"]
    )
    pipeline = sent[1][1][1]["pipeline"]
    other_pipelines = [
        stage["$unionWith"]["pipeline"] for stage in pipeline if "$unionWith" in stage
    ]
    look_ups: list[Row] = [
        {"aggregate": "versions", "pipeline": stages}
        for stages in (pipeline[: -len(other_pipelines)], *other_pipelines)
    ]
    look_up_costs = await costs(
        history.client,
        history.store.database.name,
        [("aggregate", look_up) for look_up in look_ups],
    )
    assert len(look_up_costs) == len(origins) > 10
    assert max(cost.documents for cost in look_up_costs) <= 1
    assert max(cost.keys for cost in look_up_costs) <= 1
    assert not any({"COLLSCAN", "SORT"} & cost.stages for cost in look_up_costs)


async def test_a_clinics_inbox_of_any_length_is_read_by_index(history: LongHistory) -> None:
    clinic = (await history.store.clinics.get_many([BJORKEN]))[BJORKEN]

    newest = await history.cost(inbox_page(history.store, clinic, Paging(limit=10)))
    deep = await history.cost(inbox_page(history.store, clinic, middle(history, 10)))

    for _, assignments, events in (newest, deep):
        assert (assignments.collection, assignments.documents) == ("assignments", 1)
        assert (events.collection, events.returned) == ("events", 11)
        assert events.documents <= 13
        assert not {"COLLSCAN", "SORT"} & (assignments.stages | events.stages)


async def test_a_list_of_documents_is_sorted_by_an_index(history: LongHistory) -> None:
    case_types = DocumentFilter(kind="CASE_TYPE")

    for order in Order:
        (cost,) = await history.cost(
            history.store.listing.page(
                case_types, Scope(principals=frozenset({STOCKHOLM})), order, Paging(limit=2)
            )
        )
        assert not {"COLLSCAN", "SORT"} & cost.stages
        assert cost.documents <= 3
