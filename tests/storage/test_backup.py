"""Backups: each shows one moment, is restored whole, and is refused when it is damaged."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from resolvers.log import checkpoints
from resolvers.log.checkpoints import CheckpointKey
from store.mongo.connection import Database, Row
from store.mongo.indexes import is_ready
from store.registry import Store
from store.transfer import backup
from store.transfer.backup import BackupError, back_up, open_backup, restore, rows_of
from store.transfer.verification import check
from tests.storage.backups import check_new_backup, small_registry
from tests.storage.building import (
    BY_ANNA,
    created,
    everything,
    to,
)


@pytest.fixture
async def empty(database: Database) -> AsyncIterator[Database]:
    """Another database, which is empty."""
    other = Database(database.client, f"test_{uuid4().hex[:12]}")
    yield other
    await database.client.drop_database(other.name)


async def test_a_backup_replaces_a_leftover_part_and_is_readable_by_its_owner_only(
    store: Store, tmp_path: Path
) -> None:
    target = tmp_path / "backup.zip"
    (tmp_path / "backup.zip.part").write_bytes(b"x" * 10)

    await back_up(store.database, target)

    assert target.stat().st_mode & 0o777 == 0o600
    assert not target.with_name("backup.zip.part").exists()


async def test_a_whole_registry_is_restored_into_an_empty_database(
    store: Store, empty: Database, tmp_path: Path, key: CheckpointKey
) -> None:
    await small_registry(store)
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


async def test_a_backup_shows_one_moment_while_others_write(
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
    reports = [await check_new_backup(store, tmp_path, key) for _ in range(5)]
    done.set()
    written = sum(await asyncio.gather(*writers))

    assert [report.problems for report in reports] == [[]] * 5
    counts = [report.events for report in reports]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1] <= 4 + written


async def test_an_existing_file_is_not_overwritten(store: Store, tmp_path: Path) -> None:
    (tmp_path / "backup.zip").write_text("mine")

    with pytest.raises(BackupError, match="exists already"):
        await back_up(store.database, tmp_path / "backup.zip")

    assert (tmp_path / "backup.zip").read_text() == "mine"


async def test_a_database_that_is_not_empty_is_not_restored_into(
    store: Store, database: Database, tmp_path: Path
) -> None:
    await small_registry(store)
    await back_up(database, tmp_path / "backup.zip")
    before = await everything(database)

    with pytest.raises(BackupError, match="is not empty"):
        await restore(database, tmp_path / "backup.zip")

    assert await everything(database) == before


async def test_an_interrupted_restore_is_recognised_and_repeated(
    store: Store, empty: Database, tmp_path: Path
) -> None:
    await small_registry(store)
    await back_up(store.database, tmp_path / "backup.zip")
    before = await everything(store.database)
    await empty["restoring"].insert_one({"_id": "now"})
    await empty["events"].insert_one({"_id": "half"})
    interrupted = await backup.is_half_restored(empty)

    await restore(empty, tmp_path / "backup.zip")

    assert (interrupted, await backup.is_half_restored(empty)) == (True, False)
    assert (await everything(empty))["events"] == before["events"]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.999])
async def test_a_truncated_file_is_refused(
    store: Store, empty: Database, tmp_path: Path, share: float
) -> None:
    await small_registry(store)
    await back_up(store.database, tmp_path / "backup.zip")
    data = (tmp_path / "backup.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(data[: int(len(data) * share)])

    with pytest.raises(BackupError):
        check(tmp_path / "cut.zip")
    with pytest.raises(BackupError):
        await restore(empty, tmp_path / "cut.zip")


def all_rows(source: Path) -> dict[str, list[Row]]:
    with open_backup(source) as (file, manifest):
        return {name: list(rows_of(file, name, manifest)) for name in manifest.rows}


async def test_a_changed_byte_is_detected_or_changes_no_row(store: Store, tmp_path: Path) -> None:
    await small_registry(store)
    await back_up(store.database, tmp_path / "backup.zip")
    data = (tmp_path / "backup.zip").read_bytes()
    expected = all_rows(tmp_path / "backup.zip")
    detected = 0

    for position in range(0, len(data), 53):
        (tmp_path / "changed.zip").write_bytes(
            data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        )
        try:
            assert all_rows(tmp_path / "changed.zip") == expected, position
        except BackupError:
            detected += 1

    assert detected > 20
