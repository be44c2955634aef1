"""Changes for tests of the log, and what the log has stored."""

from dataclasses import replace
from datetime import UTC, datetime

from store.log.log import Change
from store.mongo.connection import Database
from store.mongo.transactions import Transaction
from store.records import (
    Action,
    Document,
    DocumentState,
    Owner,
    OwnerKind,
    Saved,
)
from tests.storage.building import (
    ANNA,
    BY_ANNA,
    STOCKHOLM,
)


def failing(error: Exception) -> Change:
    """A change that stages an event and a row, and then fails."""

    async def change(transaction: Transaction) -> Saved:
        transaction.record(BY_ANNA, Action.IMPORTED)
        transaction.put(replace(DRAFT_HEAD, id="ct_failed"))
        raise error

    return change


async def transactions(database: Database, principal: str = STOCKHOLM) -> int:
    """The number of transactions of a log, by its counter of turns."""
    turns: int = (await database.find_one("logs", {"_id": principal}) or {}).get("turns", 0)
    return turns


async def notes(database: Database) -> list[str]:
    return [
        row["note"]
        for row in await database.find("events", {"principal": STOCKHOLM}, sort=[("sequence", 1)])
    ]


DRAFT_HEAD = Document(
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
