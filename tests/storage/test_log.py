"""The log: many changes in one transaction, each answered for itself; keys that make a repeat safe;
numbers and times that only go forward.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.registrations import KINDS
from store.clinics.selectors import ClinicSelector
from store.errors import InvalidInput, NotFound, VersionConflict
from store.idempotency import IdempotencyKey
from store.log.log import Change, Log, utc_now
from store.mongo.connection import Database, connect
from store.mongo.transactions import Transaction
from store.records import (
    Act,
    Action,
    Document,
    DocumentState,
    Owner,
    OwnerKind,
    RefusalReason,
    RefusedRow,
    Saved,
)
from store.registry import Store
from tests.storage.building import (
    ANNA,
    BJORKEN,
    BY_ANNA,
    BY_BO,
    LINDEN,
    STOCKHOLM,
    UPPSALA,
    content,
    created,
    document_of,
    everything,
    head_of,
    published,
    saved_as,
    sequences,
    to,
    with_clinics,
)


def noted(note: str) -> Change:
    """A change that only writes an event."""

    async def change(transaction: Transaction) -> Saved:
        return Saved(event=transaction.record(Act(ANNA, note), Action.IMPORTED))

    return change


def failing(error: Exception) -> Change:
    """A change that stages an event and a row of its own, and then fails."""

    async def change(transaction: Transaction) -> Saved:
        transaction.record(BY_ANNA, Action.IMPORTED)
        transaction.put(replace(_HEAD, id="ct_failed"))
        raise error

    return change


async def transactions(database: Database, principal: str = STOCKHOLM) -> int:
    """How many transactions a log has seen; its counter turns once in each that writes."""
    turns: int = (await database.find_one("logs", {"_id": principal}) or {}).get("turns", 0)
    return turns


async def notes(database: Database) -> list[str]:
    return [
        row["note"]
        for row in await database.find("events", {"principal": STOCKHOLM}, sort=[("sequence", 1)])
    ]


# ------------------------------------------------------------- group commit


async def test_changes_that_wait_together_share_transactions(
    store: Store, database: Database
) -> None:
    saved = await asyncio.gather(
        *(store.log.submit(STOCKHOLM, noted(str(number))) for number in range(130))
    )

    assert await transactions(database) == 3  # 64, 64 and 2
    assert [one.event.sequence for one in saved if one.event] == list(range(1, 131))
    assert await notes(database) == [str(number) for number in range(130)]


async def test_all_events_of_one_transaction_have_one_time(store: Store) -> None:
    saved = await asyncio.gather(
        *(store.log.submit(STOCKHOLM, noted(str(number))) for number in range(64))
    )

    assert len({one.event.at for one in saved if one.event}) == 1


async def test_a_refused_change_takes_back_what_it_staged_and_the_others_go_on(
    store: Store, database: Database
) -> None:
    outcomes = await asyncio.gather(
        store.log.submit(STOCKHOLM, noted("ett")),
        store.log.submit(STOCKHOLM, failing(NotFound("Finns inte."))),
        store.log.submit(STOCKHOLM, noted("två")),
        return_exceptions=True,
    )

    assert isinstance(outcomes[1], NotFound)
    assert await notes(database) == ["ett", "två"]
    assert await sequences(database) == [1, 2]
    assert await transactions(database) == 1
    assert await database.count("documents", {}) == 0


async def test_a_change_that_breaks_fails_alone(store: Store, database: Database) -> None:
    outcomes = await asyncio.gather(
        store.log.submit(STOCKHOLM, noted("ett")),
        store.log.submit(STOCKHOLM, failing(ZeroDivisionError("fel"))),
        store.log.submit(STOCKHOLM, noted("två")),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [Saved, ZeroDivisionError, Saved]
    assert await notes(database) == ["ett", "två"]
    assert await sequences(database) == [1, 2]
    assert await database.count("documents", {}) == 0


async def test_a_change_that_mongodb_refuses_fails_alone(store: Store, database: Database) -> None:
    async def repeated(transaction: Transaction) -> Saved:
        transaction.put(replace(_HEAD, id="ct_failed", content={"för stort": "x" * 17_000_000}))
        return Saved(event=transaction.record(BY_ANNA, Action.IMPORTED))

    outcomes = await asyncio.gather(
        store.log.submit(STOCKHOLM, noted("ett")),
        store.log.submit(STOCKHOLM, repeated),
        store.log.submit(STOCKHOLM, noted("två")),
        return_exceptions=True,
    )

    assert isinstance(outcomes[1], Exception)
    assert await notes(database) == ["ett", "två"]
    assert await sequences(database) == [1, 2]


async def test_only_the_first_of_two_saves_in_one_group_wins(
    store: Store, database: Database
) -> None:
    document = await created(store)

    first, second, third = await asyncio.gather(
        store.documents.update(
            document, edit=to("Två"), expected_version=1, publish=False, act=BY_ANNA
        ),
        store.documents.update(
            document, edit=to("Annat"), expected_version=1, publish=False, act=BY_BO
        ),
        store.documents.update(
            document, edit=to("Tre"), expected_version=2, publish=True, act=BY_BO
        ),
        return_exceptions=True,
    )

    assert isinstance(first, Saved)
    assert isinstance(second, VersionConflict)
    assert isinstance(third, Saved)
    assert (second.latest, second.by) == (2, ANNA)
    assert (document_of(third).latest, document_of(third).published) == (3, 3)
    assert await transactions(database) == 2
    assert await database.find_one("documents", {"_id": document.id}) is not None
    assert await head_of(store, document) == third.document


async def test_a_change_that_wants_to_be_alone_shares_no_transaction_and_keeps_its_turn(
    store: Store, database: Database
) -> None:
    await asyncio.gather(
        store.log.submit(STOCKHOLM, noted("ett")),
        store.log.submit(STOCKHOLM, noted("två")),
        store.log.submit(STOCKHOLM, noted("ensam"), alone=True),
        store.log.submit(STOCKHOLM, noted("tre")),
    )

    assert await notes(database) == ["ett", "två", "ensam", "tre"]
    assert await transactions(database) == 3


async def test_a_group_of_refused_changes_writes_nothing(store: Store, database: Database) -> None:
    before = await everything(database)

    outcomes = await asyncio.gather(
        *(store.log.submit(STOCKHOLM, failing(NotFound("Nej."))) for _ in range(5)),
        return_exceptions=True,
    )

    assert [type(outcome) for outcome in outcomes] == [NotFound] * 5
    assert await everything(database) == before


async def test_principals_do_not_wait_for_each_other(store: Store) -> None:
    gate = asyncio.Event()

    async def waiting(transaction: Transaction) -> Saved:
        await gate.wait()
        return await noted("väntade")(transaction)

    slow = asyncio.create_task(store.log.submit(STOCKHOLM, waiting))
    other = await store.log.submit(UPPSALA, noted("direkt"))
    assert not slow.done()
    gate.set()

    assert other.event is not None
    assert (await slow).event is not None


# ------------------------------------------------------------- callers that leave


async def test_a_caller_that_leaves_before_its_turn_writes_nothing(
    store: Store, database: Database
) -> None:
    tasks = [
        asyncio.create_task(store.log.submit(STOCKHOLM, noted(str(number)))) for number in range(3)
    ]
    await asyncio.sleep(0)  # lets them queue

    tasks[1].cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(outcomes[1], asyncio.CancelledError)
    assert await notes(database) == ["0", "2"]
    assert await sequences(database) == [1, 2]


async def test_a_caller_that_leaves_during_its_turn_stops_nobody(
    store: Store, database: Database
) -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def waiting(transaction: Transaction) -> Saved:
        begun.set()
        await gate.wait()
        return await noted("lämnad")(transaction)

    left = asyncio.create_task(store.log.submit(STOCKHOLM, waiting))
    stays = asyncio.create_task(store.log.submit(STOCKHOLM, noted("kvar")))
    await begun.wait()
    left.cancel()
    gate.set()

    assert (await stays).event is not None
    with pytest.raises(asyncio.CancelledError):
        await left
    assert await notes(database) == ["lämnad", "kvar"]
    assert (await store.log.submit(STOCKHOLM, noted("nästa"))).event is not None


# ------------------------------------------------------------- idempotency keys


async def with_key(
    store: Store, key: IdempotencyKey, introduction: str = "Ett", principal: str = STOCKHOLM
) -> Saved:
    return await store.documents.create(
        CASE_TYPE,
        principal=principal,
        owner=Owner(OwnerKind.PRINCIPAL, principal),
        content=content(introduction),
        derived_from=None,
        act=BY_ANNA,
        key=key,
    )


KEY = IdempotencyKey("anna:1", "skapa ett")


async def test_the_same_key_and_input_answers_the_first_result_and_writes_nothing(
    store: Store, database: Database
) -> None:
    first = await with_key(store, KEY)
    before = await everything(database)

    again = await with_key(store, KEY)

    assert (again.document, again.version) == (first.document, first.version)
    assert again.event is not None
    assert replace(again.event, clinics=()) == first.event
    assert await everything(database) == before


async def test_the_same_key_twice_in_one_group_writes_once(
    store: Store, database: Database
) -> None:
    answers = await asyncio.gather(*(with_key(store, KEY) for _ in range(8)))

    assert len({document_of(saved).id for saved in answers}) == 1
    assert await sequences(database) == [1]
    assert await database.count("idempotency_keys", {}) == 1


async def test_the_same_key_over_two_servers_writes_once(
    store: Store, second: Store, database: Database
) -> None:
    for number in range(5):
        key = IdempotencyKey(f"anna:{number}", "skapa")

        answers = await asyncio.gather(*(with_key(one, key) for one in [store, second] * 3))
        assert len({document_of(saved).id for saved in answers}) == 1

    assert await sequences(database) == [1, 2, 3, 4, 5]
    assert await database.count("documents", {}) == await database.count("versions", {}) == 5


async def test_the_same_key_in_two_logs_at_once_writes_in_one_of_them(
    store: Store, second: Store, database: Database
) -> None:
    for number in range(5):
        key = IdempotencyKey(f"anna:{number}", "skapa")

        answers = await asyncio.gather(
            with_key(store, key), with_key(second, key, principal=UPPSALA)
        )
        assert len({document_of(saved).id for saved in answers}) == 1

    assert await database.count("events", {}) == 5
    assert await database.count("documents", {}) == await database.count("versions", {}) == 5


async def test_the_same_key_with_other_input_is_refused(store: Store, database: Database) -> None:
    await with_key(store, KEY)
    before = await everything(database)

    with pytest.raises(InvalidInput) as refused:
        await with_key(store, IdempotencyKey(KEY.id, "skapa två"), "Två")

    assert [(problem.code, problem.path) for problem in refused.value.problems] == [
        ("IDEMPOTENCY_KEY_REUSED", ("idempotencyKey",))
    ]
    assert await everything(database) == before


async def test_other_input_with_the_same_key_in_one_group_is_refused(
    store: Store, database: Database
) -> None:
    first, other = await asyncio.gather(
        with_key(store, KEY),
        with_key(store, IdempotencyKey(KEY.id, "annat"), "Två"),
        return_exceptions=True,
    )

    assert isinstance(first, Saved)
    assert isinstance(other, InvalidInput)
    assert await sequences(database) == [1]


async def test_a_refused_call_leaves_its_key_unused(store: Store, database: Database) -> None:
    document = await created(store)
    key = IdempotencyKey("anna:2", "spara")
    with pytest.raises(VersionConflict):
        await store.documents.update(
            document, edit=to("Två"), expected_version=7, publish=False, act=BY_ANNA, key=key
        )
    assert await database.count("idempotency_keys", {}) == 0

    saved = await store.documents.update(
        document, edit=to("Två"), expected_version=1, publish=False, act=BY_ANNA, key=key
    )

    assert document_of(saved).latest == 2


async def test_a_repeat_after_others_have_saved_does_not_conflict_and_shows_the_document_as_it_is_now(
    store: Store,
) -> None:
    document = await created(store)
    key = IdempotencyKey("anna:3", "spara")
    first = await store.documents.update(
        document, edit=to("Två"), expected_version=1, publish=False, act=BY_ANNA, key=key
    )
    newest = await saved_as(store, document_of(first), "Tre", act=BY_BO)

    again = await store.documents.update(
        document, edit=to("Två"), expected_version=1, publish=False, act=BY_ANNA, key=key
    )

    assert (again.version, again.document) == (first.version, newest)


async def test_a_repeat_of_what_changed_nothing_changes_nothing_later_either(store: Store) -> None:
    document = await created(store)
    key = IdempotencyKey("anna:4", "spara")
    await store.documents.update(
        document, edit=to("Ett"), expected_version=1, publish=False, act=BY_ANNA, key=key
    )
    await saved_as(store, document, "Två")

    again = await store.documents.update(
        document, edit=to("Ett"), expected_version=1, publish=False, act=BY_ANNA, key=key
    )

    assert again.event is None
    assert document_of(again).latest == 2


async def test_a_repeated_distribution_answers_the_same_counts_and_skipped_rows(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    document = await published(store)
    distribute = _distribution(store, document, IdempotencyKey("anna:5", "dela ut"))

    first, again = await distribute(), await distribute()

    assert first.counts == again.counts == {"clinics": 2, "replaced": 0}
    assert first.skipped == again.skipped == (RefusedRow(2, "inget-id", RefusalReason.MALFORMED),)
    assert first.event is not None
    assert again.event is not None
    assert again.event.sequence == first.event.sequence == 4


def _distribution(
    store: Store, document: Document, key: IdempotencyKey
) -> Callable[[], "asyncio.Task[Saved]"]:
    return lambda: asyncio.create_task(
        store.distribution.distribute(
            document,
            ClinicSelector.of_ids([BJORKEN, "inget-id", LINDEN]),
            start_page_order=1,
            contact_card_order=None,
            skip_refused=True,
            act=BY_ANNA,
            key=key,
        )
    )


# ------------------------------------------------------------- order and time


@pytest.fixture
async def second(store: Store, mongodb_uri: str) -> AsyncIterator[Store]:
    """Another server's store over the same database, with connections of its own."""
    client = connect(mongodb_uri)
    other = Store(Database(client, store.database.name), KINDS)
    yield other
    await other.log.close()
    await client.close()


async def test_who_has_seen_a_number_has_seen_all_before_it(store: Store, second: Store) -> None:
    async def write(one: Store) -> None:
        for number in range(40):
            await one.log.submit(STOCKHOLM, noted(str(number)))

    writers = asyncio.gather(write(store), write(second), write(second))
    seen = []
    while not writers.done():
        seen.append(
            [event.sequence for event in await store.history.after(STOCKHOLM, 0, limit=1_000)]
        )
    await writers

    assert len(seen) > 10
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in seen)
    assert await store.history.latest_sequence(STOCKHOLM) == 120


async def test_a_clock_that_is_set_back_does_not_turn_time_back(
    database: Database, store: Store
) -> None:
    start = utc_now() + timedelta(days=1)
    times = [
        start,
        start - timedelta(hours=1),
        start - timedelta(days=400),
        start + timedelta(milliseconds=1),
        start,
    ]
    log = Log(database, clock=iter(times).__next__)

    at = [
        saved.event.at for _ in times if (saved := await log.submit(STOCKHOLM, noted("tid"))).event
    ]

    later = start + timedelta(milliseconds=1)
    assert at == [start, start, start, later, later]
    stored = [event.at for event in await store.history.after(STOCKHOLM, 0, limit=10)]
    assert stored == at


async def test_a_refused_change_does_not_move_time(database: Database, store: Store) -> None:
    ahead = Log(database, clock=lambda: utc_now() + timedelta(days=1))
    with pytest.raises(NotFound):
        await ahead.submit(STOCKHOLM, failing(NotFound("Nej.")))

    saved = await store.log.submit(STOCKHOLM, noted("nu"))

    assert saved.event is not None
    assert saved.event.at <= utc_now()


async def test_times_are_utc_to_the_millisecond_as_they_are_read_back(store: Store) -> None:
    before = utc_now()
    document = await created(store)
    after = utc_now()

    assert before <= document.created_at <= after
    assert document.created_at.tzinfo is UTC
    assert document.created_at.microsecond % 1000 == 0
    assert (await head_of(store, document)).created_at == document.created_at


async def test_times_within_a_log_only_go_forward_under_load(store: Store) -> None:
    await asyncio.gather(*(created(store, str(number)) for number in range(100)))

    events = await store.history.after(STOCKHOLM, 0, limit=200)
    assert all(before.at <= after.at for before, after in pairwise(events))


_HEAD = Document(
    id="ct_1",
    kind="CASE_TYPE",
    principal=STOCKHOLM,
    owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
    state=DocumentState.DRAFT,
    latest=1,
    published=None,
    name="",
    internal_name="",
    content={},
    published_content=None,
    schema_version=1,
    published_schema_version=None,
    derived_from=None,
    hash="",
    author=ANNA,
    edited_at=datetime(2026, 1, 1, tzinfo=UTC),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    updated_at=datetime(2026, 1, 1, tzinfo=UTC),
)
