"""Verification of a document's hash chain against its head."""

from dataclasses import replace

from store.content.hashing import ChainCheck, Verification
from store.mongo.connection import Database, Row
from store.mongo.rows import version_from
from store.records import Document, Version

_PAGE = 200


async def verify(database: Database, head: Document) -> Verification:
    """Recompute the hash chain over all versions of a document, and compare the head with it.

    Versions are read in pages of 200, so memory use does not grow with their number.
    """
    check = ChainCheck()
    published: Version | None = None
    newest: Version | None = None
    after = 0
    while rows := await database.find(
        "versions",
        {"document": head.id, "number": {"$gt": after}},
        sort=[("number", 1)],
        limit=_PAGE,
    ):
        for row in rows:
            version = _version_or_none(row)
            check.add(row["number"], version)
            newest = version
            published = version if row["number"] == head.published else published
        after = rows[-1]["number"]
    verification = check.result(latest=head.latest, head_hash=head.hash)
    if not verification.intact:
        return verification
    if newest is not None and newest.content != head.content:
        return replace(verification, intact=False, first_broken_version=newest.number)
    if (head.published or head.highest_released) and (
        published is None or published.content != head.content_in_force
    ):
        number = min(head.published or head.highest_released, head.latest)
        return replace(verification, intact=False, first_broken_version=number)
    return verification


def _version_or_none(row: Row) -> Version | None:
    """Read the version in a row; None where the row was altered so that it cannot be read."""
    try:
        return version_from(row)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
