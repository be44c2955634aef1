"""The embedded MongoDB: a real `mongod` that starts and stops with the server.

It is a replica set of one member on loopback. A record in the data folder names its process. If the
server is killed, its `mongod` keeps running, and the next server on the same folder adopts it.
"""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from store.mongo.data_folder import lock_folder, read_record
from store.mongo.mongod_process import (
    choose_port,
    find_binary,
    find_recorded,
    launch,
    stop_recorded,
)
from store.mongo.replica_set import end_sessions, wait_until_primary

_MIN_CACHE_GB = 0.25


@dataclass(slots=True)
class Mongod:
    """A running embedded MongoDB, owned by this process until `stop`.

    Attributes:
        uri: The connection string.
        pid: The process of `mongod`.
        data: The real path of the data folder.
    """

    uri: str
    pid: int
    data: Path
    _lock: IO[str] = field(repr=False)

    async def stop(self) -> None:
        """Stop `mongod` cleanly, then release the folder. A second call does nothing."""
        if self._lock.closed:
            return
        await asyncio.to_thread(stop_recorded, self.data)
        self._lock.close()


async def start(data: Path, *, binary: Path | None = None, cache_gb: float = 1.0) -> Mongod:
    """Start the embedded MongoDB on a folder, or adopt the one that a killed server left running.

    Args:
        data: The folder; created if missing.
        binary: The `mongod` to run; without it the bundled one, else the one on PATH.
        cache_gb: The size of MongoDB's cache, at least 0.25.

    Returns:
        The MongoDB, which is a writable primary.

    Raises:
        MongodNotFound: No `mongod` was found, or it cannot be run.
        DataFolderInUse: Another server runs on the folder.
        DataFolderNotWritable: The folder cannot be created or written.
        MongodError: It did not start; the message has the end of its log.
    """
    data, lock = lock_folder(data)
    try:
        process = await asyncio.to_thread(find_recorded, data)
        port = read_record(data).port
        if process is None or not await end_sessions(port):
            await asyncio.to_thread(stop_recorded, data)
            port = choose_port(port)
            process = await asyncio.to_thread(
                launch, data, find_binary(binary, data), port, max(cache_gb, _MIN_CACHE_GB)
            )
        await wait_until_primary(data, process, port)
    except BaseException:
        if not lock.closed:
            lock.close()
        raise
    return Mongod(
        uri=f"mongodb://127.0.0.1:{port}/?directConnection=true",
        pid=process.pid,
        data=data,
        _lock=lock,
    )
