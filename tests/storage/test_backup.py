"""A backup is one moment, comes back whole, and shows what was changed, cut off or rewritten, by
whoever had the database.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from resolvers.log import checkpoints
from resolvers.log.checkpoints import CheckpointKey
from store.content.hashing import hash_of
from store.mongo.connection import Database, Row
from store.mongo.indexes import is_ready
from store.mongo.rows import version_from
from store.registry import Store
from store.transfer import backup
from store.transfer.backup import BackupError, back_up, open_backup, restore, rows_of
from store.transfer.checkpoints import Checkpoint
from store.transfer.verification import Report, check
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    LINDEN,
    STOCKHOLM,
    created,
    distributed,
    everything,
    published,
    saved_as,
    to,
    with_clinics,
)


@pytest.fixture
def key(tmp_path: Path) -> CheckpointKey:
    return CheckpointKey.of(tmp_path / "key.json", make=True)


@pytest.fixture
async def empty(database: Database) -> AsyncIterator[Database]:
    """Another database, that nothing is in."""
    other = Database(database.client, f"test_{uuid4().hex[:12]}")
    yield other
    await database.client.drop_database(other.name)


async def a_registry(store: Store) -> str:
    """Two case types, one with three versions and at two clinics; its id. The log ends at 8."""
    await with_clinics(store, BJORKEN, LINDEN)  # 1
    document = await published(store)  # 2, 3
    await distributed(store, document, BJORKEN, LINDEN)  # 4
    await saved_as(store, document, "Två", "Tre", publish=True)  # 5, 6
    await published(store)  # 7, 8
    return document.id


async def checked(
    store: Store, folder: Path, key: CheckpointKey, elsewhere: list[Checkpoint] | None = None
) -> Report:
    """What is found in a backup made now."""
    target = folder / f"{uuid4().hex}.zip"
    await back_up(store.database, target)
    return check(target, key.signed, elsewhere or [])


async def test_a_backup_is_readable_for_its_owner_only_though_a_part_of_another_was_left_there(
    store: Store, tmp_path: Path
) -> None:
    target = tmp_path / "backup.zip"
    (tmp_path / "backup.zip.part").write_bytes(b"x" * 10)

    await back_up(store.database, target)

    assert target.stat().st_mode & 0o777 == 0o600
    assert not target.with_name("backup.zip.part").exists()


async def test_a_registry_comes_back_whole_into_an_empty_database(
    store: Store, empty: Database, tmp_path: Path, key: CheckpointKey
) -> None:
    await a_registry(store)
    await checkpoints.take(store, key)
    before = {
        name: rows
        for name, rows in (await everything(store.database)).items()
        if name in backup.KEPT
    }

    await back_up(store.database, tmp_path / "backup.zip")
    report = check(tmp_path / "backup.zip", key.signed)
    manifest = await restore(empty, tmp_path / "backup.zip")

    assert (
        report.problems,
        report.documents,
        report.versions,
        report.events,
        report.checkpoints,
    ) == ([], 2, 4, 8, 1)
    assert manifest.rows["events"] == 8
    assert {
        name: rows for name, rows in (await everything(empty)).items() if name in backup.KEPT
    } == before
    assert await is_ready(empty)
    assert (tmp_path / "backup.zip.part").exists() is False


async def test_a_backup_is_one_moment_while_others_write(
    store: Store, tmp_path: Path, key: CheckpointKey
) -> None:
    documents = [await created(store) for _ in range(4)]
    done = asyncio.Event()

    async def write(number: int) -> int:
        document, count = documents[number], 0
        while not done.is_set():
            saved = await store.documents.update(
                document,
                edit=to(f"{count}"),
                expected_version=document.latest,
                publish=True,
                act=BY_ANNA,
            )
            assert saved.document is not None
            document, count = saved.document, count + 1
        return count

    writers = [asyncio.create_task(write(number)) for number in range(len(documents))]
    reports = [await checked(store, tmp_path, key) for _ in range(5)]
    done.set()
    written = sum(await asyncio.gather(*writers))

    assert [report.problems for report in reports] == [[]] * 5
    counts = [report.events for report in reports]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] <= 4 + written


async def test_a_file_that_is_there_is_not_written_over(store: Store, tmp_path: Path) -> None:
    (tmp_path / "backup.zip").write_text("mine")

    with pytest.raises(BackupError, match="exists already"):
        await back_up(store.database, tmp_path / "backup.zip")

    assert (tmp_path / "backup.zip").read_text() == "mine"


async def test_nothing_is_restored_over_something(
    store: Store, database: Database, tmp_path: Path
) -> None:
    await a_registry(store)
    await back_up(database, tmp_path / "backup.zip")
    before = await everything(database)

    with pytest.raises(BackupError, match="is not empty"):
        await restore(database, tmp_path / "backup.zip")

    assert await everything(database) == before


async def test_a_restore_that_was_broken_off_is_known_and_done_again(
    store: Store, empty: Database, tmp_path: Path
) -> None:
    await a_registry(store)
    await back_up(store.database, tmp_path / "backup.zip")
    before = await everything(store.database)
    await empty["restoring"].insert_one({"_id": "now"})
    await empty["events"].insert_one({"_id": "half"})
    broken_off = await backup.is_half_restored(empty)

    await restore(empty, tmp_path / "backup.zip")

    assert (broken_off, await backup.is_half_restored(empty)) == (True, False)
    assert (await everything(empty))["events"] == before["events"]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.999])
async def test_a_file_that_was_cut_off_is_no_backup(
    store: Store, empty: Database, tmp_path: Path, share: float
) -> None:
    await a_registry(store)
    await back_up(store.database, tmp_path / "backup.zip")
    whole = (tmp_path / "backup.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(BackupError):
        check(tmp_path / "cut.zip")
    with pytest.raises(BackupError):
        await restore(empty, tmp_path / "cut.zip")


def all_rows(source: Path) -> dict[str, list[Row]]:
    with open_backup(source) as (file, manifest):
        return {name: list(rows_of(file, name, manifest)) for name in manifest.rows}


async def test_a_file_with_any_byte_changed_is_found_out_or_says_the_same(
    store: Store, tmp_path: Path
) -> None:
    await a_registry(store)
    await back_up(store.database, tmp_path / "backup.zip")
    whole = (tmp_path / "backup.zip").read_bytes()
    expected = all_rows(tmp_path / "backup.zip")
    found = 0

    for place in range(0, len(whole), 53):
        (tmp_path / "changed.zip").write_bytes(
            whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        )
        try:
            assert all_rows(tmp_path / "changed.zip") == expected, place
        except BackupError:
            found += 1

    assert found > 20


# ------------------------------------------------------------------ who has the database, but not the key


Tamper = Callable[[Database, str], Awaitable[None]]


async def another_content(database: Database, document: str) -> None:
    """Change a version, and recompute the whole chain from there on, and the head."""
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
    """Somebody else distributed it."""
    await database["events"].update_one(
        {"sequence": 4}, {"$set": {"actor.employee_hsa_id": "SE2321000016-ZZ"}}
    )


async def another_time(database: Database, _: str) -> None:
    """It was done earlier."""
    [row] = await database.find("events", {"sequence": 4})
    await database["events"].update_one(
        {"sequence": 4}, {"$set": {"at": row["at"] - timedelta(milliseconds=1)}}
    )


async def fewer_clinics(database: Database, _: str) -> None:
    """One clinic never was told."""
    await database["events"].update_one({"sequence": 4}, {"$set": {"clinics": [BJORKEN]}})


async def a_checkpoint_for_it(database: Database, document: str) -> None:
    """As well as the content, the digest that was signed."""
    await another_content(database, document)
    await database["checkpoints"].update_many({}, {"$set": {"digest": "0" * 64}})


@pytest.mark.parametrize(
    "tamper", [another_content, another_author, another_time, fewer_clinics, a_checkpoint_for_it]
)
async def test_a_past_that_was_rewritten_with_all_hashes_is_found_by_a_checkpoint(
    store: Store, tmp_path: Path, key: CheckpointKey, tamper: Tamper
) -> None:
    document = await a_registry(store)
    await checkpoints.take(store, key)
    await saved_as(store, await created(store), "Mer")  # 9, 10, after the checkpoint
    assert (await checked(store, tmp_path, key)).problems == []

    await tamper(store.database, document)
    report = await checked(store, tmp_path, key)

    assert any(f"{STOCKHOLM}: the checkpoint at 8" in problem for problem in report.problems)
    assert not any("broken at version" in problem for problem in report.problems)


async def cut_off(database: Database, after: int) -> None:
    """Drop the end of a log with all that it led to, and every checkpoint of it."""
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


async def test_a_log_that_was_cut_off_is_found_by_a_checkpoint_that_was_kept_elsewhere(
    store: Store, tmp_path: Path, key: CheckpointKey
) -> None:
    await a_registry(store)
    await checkpoints.take(store, key)
    elsewhere = checkpoints.read_all(one.statement for one in await store.checkpoints.all())

    await cut_off(store.database, 5)
    alone = await checked(store, tmp_path, key)
    compared = await checked(store, tmp_path, key, elsewhere)

    assert alone.problems == []
    assert compared.problems == [
        f"{STOCKHOLM}: the checkpoint at 8 is beyond the log's end: the log was cut off"
    ]


async def test_a_statement_by_another_key_is_found(
    store: Store, tmp_path: Path, key: CheckpointKey
) -> None:
    await a_registry(store)
    await checkpoints.take(store, CheckpointKey.of(tmp_path / "other.json", make=True))

    report = await checked(store, tmp_path, key)

    assert report.problems == [f"{STOCKHOLM}: the checkpoint at 8 is not signed with the key"]


async def test_the_public_half_is_enough_to_check_and_not_to_sign(
    store: Store, tmp_path: Path, key: CheckpointKey
) -> None:
    await a_registry(store)
    await checkpoints.take(store, key)
    (tmp_path / "public.json").write_text(json.dumps(key.public()))
    public = CheckpointKey.of(tmp_path / "public.json")

    assert "d" not in key.public()
    assert (await checked(store, tmp_path, public)).problems == []
    with pytest.raises(ValueError, match="Ed25519"):
        CheckpointKey.of(tmp_path / "public.json", make=True)


async def test_checkpoints_go_on_where_the_last_one_ended(
    store: Store, tmp_path: Path, key: CheckpointKey
) -> None:
    await a_registry(store)
    first = await checkpoints.take(store, key)
    nothing_new = await checkpoints.take(store, key)
    await saved_as(store, await created(store), *(f"{number}" for number in range(150)))
    second = await checkpoints.take(store, key)

    report = await checked(store, tmp_path, key)

    assert (first, nothing_new, second) == (1, 0, 1)
    assert [one.sequence for one in await store.checkpoints.all()] == [8, 159]
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


@pytest.mark.parametrize("what", BROKEN)
async def test_what_does_not_fit_together_is_found_without_any_checkpoint(
    store: Store, tmp_path: Path, key: CheckpointKey, what: str
) -> None:
    document = await a_registry(store)
    assert (await checked(store, tmp_path, key)).problems == []

    await BROKEN[what](store.database, document)

    assert (await checked(store, tmp_path, key)).problems
