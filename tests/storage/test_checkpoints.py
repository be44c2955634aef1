"""Signed checkpoints reveal a history that was rewritten or truncated with all its hashes.

The attacker can write to the database, but does not have the signing key.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from resolvers.log import checkpoints
from resolvers.log.checkpoints import CheckpointKey
from store.content.hashing import hash_of
from store.mongo.connection import Database, Row
from store.mongo.rows import version_from
from store.registry import Store
from tests.storage.backups import check_new_backup, small_registry
from tests.storage.building import (
    BJORKEN,
    STOCKHOLM,
    created,
    saved_as,
)

Tamper = Callable[[Database, str], Awaitable[None]]


async def another_content(database: Database, document: str) -> None:
    """Change a version, and recompute the head and all hashes from that version on."""
    previous = None
    for row in await database.find("versions", {"document": document}, sort=[("number", 1)]):
        if row["number"] == 2:
            row["content"]["introduction"] = "Omskrivet."
        version = replace(version_from(row), previous_hash=previous)
        previous = hash_of(version)
        changed = {
            "content": row["content"],
            "previous_hash": version.previous_hash,
            "hash": previous,
        }
        await database["versions"].update_one({"_id": row["_id"]}, {"$set": changed})
    await database["documents"].update_one({"_id": document}, {"$set": {"hash": previous}})


async def another_author(database: Database, _: str) -> None:
    """Record another person as the one who distributed the case type."""
    await database["events"].update_one(
        {"sequence": 4}, {"$set": {"actor.employee_hsa_id": "SE2321000016-ZZ"}}
    )


async def another_time(database: Database, _: str) -> None:
    """Record an earlier time for the distribution."""
    [row] = await database.find("events", {"sequence": 4})
    await database["events"].update_one(
        {"sequence": 4}, {"$set": {"at": row["at"] - timedelta(milliseconds=1)}}
    )


async def fewer_clinics(database: Database, _: str) -> None:
    """Remove one clinic from the distribution."""
    await database["events"].update_one({"sequence": 4}, {"$set": {"clinics": [BJORKEN]}})


async def another_content_and_digest(database: Database, document: str) -> None:
    """Change the content, and the digest that was signed."""
    await another_content(database, document)
    await database["checkpoints"].update_many({}, {"$set": {"digest": "0" * 64}})


@pytest.mark.parametrize(
    "tamper",
    [another_content, another_author, another_time, fewer_clinics, another_content_and_digest],
)
async def test_a_checkpoint_reveals_a_history_rewritten_with_all_its_hashes(
    store: Store, tmp_path: Path, key: CheckpointKey, tamper: Tamper
) -> None:
    document = await small_registry(store)
    await checkpoints.take(store, key)
    await saved_as(store, await created(store), "Mer")  # 9, 10, after the checkpoint
    assert (await check_new_backup(store, tmp_path, key)).problems == []

    await tamper(store.database, document)
    report = await check_new_backup(store, tmp_path, key)

    assert any(f"{STOCKHOLM}: the checkpoint at 8" in problem for problem in report.problems)
    assert not any("broken at version" in problem for problem in report.problems)


async def truncate_log(database: Database, after: int) -> None:
    """Remove the end of a log, everything it led to, and its checkpoints."""
    await database["events"].delete_many({"sequence": {"$gt": after}})
    await database["versions"].delete_many({"sequence": {"$gt": after}})
    await database["checkpoints"].delete_many({"sequence": {"$gt": after}})
    await database["logs"].update_one({"_id": STOCKHOLM}, {"$set": {"sequence": after}})
    for head in await database.find("documents", {}):
        last: list[Row] = await database.find(
            "versions", {"document": head["_id"]}, sort=[("number", -1)], limit=1
        )
        if last:
            await database["documents"].update_one(
                {"_id": head["_id"]},
                {"$set": {"latest": last[0]["number"], "hash": last[0]["hash"]}},
            )
        else:
            await database["documents"].delete_one({"_id": head["_id"]})


async def test_a_checkpoint_kept_elsewhere_reveals_a_truncated_log(
    store: Store, tmp_path: Path, key: CheckpointKey
) -> None:
    await small_registry(store)
    await checkpoints.take(store, key)
    elsewhere = checkpoints.read_all(
        checkpoint.statement for checkpoint in await store.checkpoints.all()
    )

    await truncate_log(store.database, 5)
    alone = await check_new_backup(store, tmp_path, key)
    compared = await check_new_backup(store, tmp_path, key, elsewhere)

    assert alone.problems == []
    assert compared.problems == [
        f"{STOCKHOLM}: the checkpoint at 8 is beyond the log's end: the log was cut off"
    ]


async def test_a_statement_signed_with_another_key_is_reported(
    store: Store, tmp_path: Path, key: CheckpointKey
) -> None:
    await small_registry(store)
    await checkpoints.take(store, CheckpointKey.of(tmp_path / "other.json", make=True))

    report = await check_new_backup(store, tmp_path, key)

    assert report.problems == [f"{STOCKHOLM}: the checkpoint at 8 is not signed with the key"]


async def test_the_public_half_of_the_key_can_check_but_not_sign(
    store: Store, tmp_path: Path, key: CheckpointKey
) -> None:
    await small_registry(store)
    await checkpoints.take(store, key)
    (tmp_path / "public.json").write_text(json.dumps(key.public()))
    public = CheckpointKey.of(tmp_path / "public.json")

    assert "d" not in key.public()
    assert (await check_new_backup(store, tmp_path, public)).problems == []
    with pytest.raises(ValueError, match="Ed25519"):
        CheckpointKey.of(tmp_path / "public.json", make=True)


async def test_checkpoints_continue_where_the_last_one_ended(
    store: Store, tmp_path: Path, key: CheckpointKey
) -> None:
    await small_registry(store)
    first = await checkpoints.take(store, key)
    nothing_new = await checkpoints.take(store, key)
    await saved_as(store, await created(store), *(f"{number}" for number in range(150)))
    second = await checkpoints.take(store, key)

    report = await check_new_backup(store, tmp_path, key)

    assert (first, nothing_new, second) == (1, 0, 1)
    assert [checkpoint.sequence for checkpoint in await store.checkpoints.all()] == [8, 159]
    assert (report.problems, report.checkpoints) == ([], 2)


BROKEN: dict[str, Tamper] = {
    "an event is missing": lambda database, _: database["events"].delete_one({"sequence": 5}),  # type: ignore[dict-item, return-value]
    "a version is missing": lambda database, document: database["versions"].delete_one(
        {"_id": f"{document}.2"}
    ),  # type: ignore[dict-item, return-value]
    "a head is missing": lambda database, document: database["documents"].delete_one(
        {"_id": document}
    ),  # type: ignore[dict-item, return-value]
    "the counter is behind": lambda database, _: database["logs"].update_one(
        {"_id": STOCKHOLM}, {"$set": {"sequence": 7}}
    ),  # type: ignore[dict-item, return-value]
    "a content is changed": lambda database, document: database["versions"].update_one(  # type: ignore[dict-item, return-value]
        {"_id": f"{document}.2"}, {"$set": {"content.introduction": "Annat."}}
    ),
}


@pytest.mark.parametrize("damage", BROKEN)
async def test_inconsistent_data_is_found_without_a_checkpoint(
    store: Store, tmp_path: Path, key: CheckpointKey, damage: str
) -> None:
    document = await small_registry(store)
    assert (await check_new_backup(store, tmp_path, key)).problems == []

    await BROKEN[damage](store.database, document)

    assert (await check_new_backup(store, tmp_path, key)).problems
