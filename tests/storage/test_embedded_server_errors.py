"""Errors of MongoDB at start: each one names the cause and what to do."""

import asyncio
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from pymongo import AsyncMongoClient

from store.mongo import embedded_server
from store.mongo.connection import Row
from store.mongo.mongod_errors import (
    DataFolderNotWritable,
    MongodError,
    MongodNotFound,
    StandaloneMongo,
)
from store.mongo.replica_set import require_replica_set


async def test_a_missing_binary_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(MongodNotFound, match=f"CASETYPES_MONGOD.*{tmp_path}/missing"):
        await embedded_server.start(tmp_path / "data", binary=tmp_path / "missing")


async def test_a_binary_that_cannot_run_is_named_in_the_error(tmp_path: Path) -> None:
    binary = tmp_path / "mongod"
    binary.write_text("no program")
    binary.chmod(0o755)

    with pytest.raises(MongodNotFound, match=f"{binary} cannot be run"):
        await embedded_server.start(tmp_path / "data", binary=binary)


async def test_the_output_of_a_failing_binary_is_reported_and_the_folder_is_released(
    tmp_path: Path,
) -> None:
    binary = tmp_path / "mongod"
    binary.write_text("#!/bin/sh\necho libcrypto is missing\nexit 1\n")
    binary.chmod(0o755)

    for _ in range(2):
        with pytest.raises(MongodError, match="libcrypto is missing"):
            await embedded_server.start(tmp_path / "data", binary=binary)


async def test_a_folder_under_a_file_cannot_be_created(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DataFolderNotWritable, match=f"{tmp_path}/file/data.*--data"):
        await embedded_server.start(tmp_path / "file" / "data")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_folder_without_write_permission_is_refused(read_only: Path) -> None:
    with pytest.raises(DataFolderNotWritable, match=str(read_only)):
        await embedded_server.start(read_only / "data")


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    tmp_path.chmod(0o500)
    yield tmp_path
    tmp_path.chmod(0o700)


async def test_a_standalone_mongodb_is_refused_with_the_option_for_a_replica_set(
    tmp_path: Path,
) -> None:
    running = await embedded_server.start(tmp_path)
    binary = psutil.Process(running.pid).exe()
    await running.stop()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "alone").mkdir()
    arguments = (
        "--port",
        str(port),
        "--bind_ip",
        "127.0.0.1",
        "--dbpath",
        str(tmp_path / "alone"),
        "--nounixsocket",
    )
    standalone = await asyncio.create_subprocess_exec(
        binary, *arguments, stdout=asyncio.subprocess.DEVNULL
    )
    client: AsyncMongoClient[Row] = AsyncMongoClient(
        f"mongodb://127.0.0.1:{port}", serverSelectionTimeoutMS=20_000
    )

    with pytest.raises(StandaloneMongo, match="--replSet"):
        await require_replica_set(client)

    await client.close()
    standalone.kill()
    await standalone.wait()


async def test_a_mongodb_that_does_not_answer_is_refused_within_seconds() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client: AsyncMongoClient[Row] = AsyncMongoClient(
            f"mongodb://127.0.0.1:{free.getsockname()[1]}", serverSelectionTimeoutMS=100
        )

        started_at = time.monotonic()
        with pytest.raises(MongodError, match="cannot be reached"):
            await require_replica_set(client)

    assert time.monotonic() - started_at < 3
    await client.close()
