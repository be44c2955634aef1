"""Times for a clock that tests control."""

from datetime import UTC, datetime, timedelta

from store.mongo.connection import Database

START = datetime(2026, 1, 1, 12, tzinfo=UTC)


def minute(number: float) -> datetime:
    return START + timedelta(minutes=number)


async def start_logs_at_start(database: Database, *principals: str) -> None:
    """Let logs start at START, although they were created now."""
    await database["logs"].update_many({"_id": {"$in": list(principals)}}, {"$set": {"at": START}})
