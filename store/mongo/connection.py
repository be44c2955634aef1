"""The connection to MongoDB: the client, and a database with a limiter in front of the driver.

Every read and write of the store goes through `Database`.

PyMongo's connection pool is unfair under load: some callers wait for over a second while others
pass them. First-in-first-out semaphores in front of the driver, together no larger than the pool,
keep callers in order.

Reads of one process are monotonic: a later read never misses what an earlier read returned.
Majority read concern alone does not guarantee this: a newly elected primary has everything that a
majority has, but for a moment it still returns older data. So each read starts a causally
consistent session at the latest operation time that this process has received.

Source: MongoDB manual, "Causal Consistency and Read and Write Concerns".
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Any, TypeVar

from bson import Timestamp
from pymongo import AsyncMongoClient, timeout
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.collation import Collation
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from store.tasks import run_detached

T = TypeVar("T")
MongoError = PyMongoError
Row = dict[str, Any]
Session = AsyncClientSession
Sort = Sequence[tuple[str, int]]

APPLICATION = "casetypes"
"""The application name of the registry's connections in MongoDB."""

_BATCH_SIZE = 500
_MAX_CALL_SECONDS = 60
_LINEARIZABLE = ReadConcern("linearizable")
_MAX_BRANCHES = 100  # MongoDB allows 1,000 stages in a pipeline


@dataclass(frozen=True, slots=True)
class Query:
    """A query for the first `limit` rows that match, in the order of `sort`."""

    where: Mapping[str, Any]
    sort: Sort
    limit: int
    projection: Mapping[str, Any] | None = None


class Database:
    """One MongoDB database and the limiter in front of it.

    Args:
        client: A client with majority read and write concern (see `connect`).
        name: The name of the database.
        reads: The maximum number of concurrent reads.
        writes: The maximum number of concurrent transactions. `reads` and `writes` together must
            not exceed the client's pool.
        seconds: The timeout of a read, with its retries. MongoDB receives it too and ends reads
            that take longer. None leaves only the client's own timeout.
    """

    def __init__(
        self,
        client: AsyncMongoClient[Row],
        name: str,
        *,
        reads: int = 12,
        writes: int = 32,
        seconds: float | None = 10,
    ) -> None:
        self.client = client
        self.name = name
        self._database = client[name]
        self._reads = asyncio.Semaphore(reads)
        self._writes = asyncio.Semaphore(writes)
        self._seconds = seconds
        self._operation_time: Timestamp | None = None

    def __getitem__(self, collection: str) -> AsyncCollection[Row]:
        return self._database[collection]

    async def find_one(
        self,
        collection: str,
        where: Mapping[str, Any],
        *,
        sort: Sort | None = None,
        projection: Mapping[str, Any] | None = None,
        session: Session | None = None,
    ) -> Row | None:
        """Return one row that matches, the first in the order of `sort`; None without one.

        A call with a session takes no permit: the caller holds one already.
        """
        if session is not None:
            return await self[collection].find_one(
                where, sort=sort, projection=projection, session=session
            )
        return await self._read(
            lambda: self[collection].find_one(where, sort=sort, projection=projection)
        )

    async def find_newest(self, collection: str, id: str) -> Row | None:
        """Return the newest state of a row, with linearizable read concern; None without one.

        This includes writes that a failed primary acknowledged to another process. The read waits
        until a majority confirms it.
        """
        linearizable = self[collection].with_options(read_concern=_LINEARIZABLE)
        return await self._read(lambda: linearizable.find_one({"_id": id}), causal=False)

    async def find(
        self,
        collection: str,
        where: Mapping[str, Any],
        *,
        sort: Sort | None = None,
        limit: int = 0,
        projection: Mapping[str, Any] | None = None,
        collation: Collation | None = None,
        session: Session | None = None,
        hint: str | None = None,
    ) -> list[Row]:
        """Return the rows that match, in one list.

        Args:
            collection: The collection's name.
            where: MongoDB's filter.
            sort: Field names with 1 (ascending) or -1 (descending).
            limit: The maximum number of rows; 0 for all.
            projection: The fields to read; all without one.
            collation: That of the index that serves the query.
            session: Reads within this session's transaction, without a permit.
            hint: The name of the index to use.
        """
        # With a limit, one batch of that size takes one round trip. Without a limit, batches are
        # small because decoding one blocks the event loop.
        cursor = self[collection].find(
            where,
            sort=sort,
            limit=limit,
            projection=projection,
            collation=collation,
            session=session,
            batch_size=limit + 1 if limit else _BATCH_SIZE,
            hint=hint,
        )
        return await (cursor.to_list() if session is not None else self._read(cursor.to_list))

    async def aggregate(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> list[Row]:
        """Return all rows that a pipeline yields, in one list."""

        async def rows() -> list[Row]:
            cursor = await self[collection].aggregate(list(pipeline))
            return await cursor.to_list()

        return await self._read(rows)

    async def distinct(self, collection: str, field: str, where: Mapping[str, Any]) -> list[Any]:
        """Return the distinct values of a field in the rows that match; at most 16 MB of them."""
        return await self._read(lambda: self[collection].distinct(field, where))

    async def find_each(self, collection: str, queries: Sequence[Query]) -> list[list[Row]]:
        """Return the rows of each query, in the order of the queries.

        One command runs up to 100 queries. Each query uses its own index.
        """
        if len(queries) > _MAX_BRANCHES:
            parts = [
                queries[start : start + _MAX_BRANCHES]
                for start in range(0, len(queries), _MAX_BRANCHES)
            ]
            return [
                rows
                for part in await asyncio.gather(
                    *(self.find_each(collection, part) for part in parts)
                )
                for rows in part
            ]
        if len(queries) == 1:
            query = queries[0]
            return [
                await self.find(
                    collection,
                    query.where,
                    sort=query.sort,
                    limit=query.limit,
                    projection=query.projection,
                )
            ]
        branches: list[list[Row]] = [
            [
                {"$match": query.where},
                {"$sort": dict(query.sort)},
                {"$limit": query.limit},
                *([{"$project": query.projection}] if query.projection else []),
                {"$addFields": {"query": number}},
            ]
            for number, query in enumerate(queries)
        ]
        found: list[list[Row]] = [[] for _ in queries]
        if branches:
            first, *others = branches
            for row in await self.aggregate(
                collection,
                [
                    *first,
                    *(
                        {"$unionWith": {"coll": collection, "pipeline": branch}}
                        for branch in others
                    ),
                ],
            ):
                found[row.pop("query")].append(row)
        return found

    async def count(
        self, collection: str, where: Mapping[str, Any], *, collation: Collation | None = None
    ) -> int:
        """Return the number of rows that match.

        Use it only for filtered lists: the totals of unfiltered lists are kept in the heads.
        """
        counting = partial(self[collection].count_documents, where)
        return await self._read(partial(counting, collation=collation) if collation else counting)

    async def _read(self, work: Callable[[], Awaitable[T]], *, causal: bool = True) -> T:
        """Run a read within the limit of readers and within the timeout.

        Args:
            work: The read.
            causal: Whether the read must include everything that this process has read before, or
                committed in a transaction.
        """

        async def read() -> T:
            async with self._reads:
                session = self.client.start_session(causal_consistency=causal)
                if self._operation_time is not None:
                    session.advance_operation_time(self._operation_time)
                async with session.bind():
                    with timeout(self._seconds):
                        result = await work()
                self.advance_operation_time(session.operation_time)
                return result

        return await run_detached(read())

    @asynccontextmanager
    async def write_session(self) -> AsyncIterator[Session]:
        """Open a session for one transaction, within the limit of writers."""
        async with self._writes, self.client.start_session() as session:
            yield session
            self.advance_operation_time(session.operation_time)

    def advance_operation_time(self, time: Timestamp | None) -> None:
        """Let later reads return nothing older than an operation that a majority has.

        Args:
            time: The operation's time in MongoDB's oplog; None has no effect.
        """
        if time is not None and (self._operation_time is None or time > self._operation_time):
            self._operation_time = time


def connect(uri: str, *, pool: int = 64, patient: bool = False) -> AsyncMongoClient[Row]:
    """Create a client with the registry's guarantees.

    These are majority reads, journaled majority writes, and times in UTC.

    Args:
        uri: The MongoDB connection string of a replica set or sharded cluster.
        pool: The maximum number of connections to one server.
        patient: Whether calls have no timeout, for work that grows with the registry. MongoDB
            counts the time of all batches of a list together.
    """
    return AsyncMongoClient(
        uri,
        appname=APPLICATION,
        maxPoolSize=pool,
        w="majority",
        journal=True,
        readConcernLevel="majority",
        retryWrites=True,
        retryReads=True,
        # The timeout of every call, with its retries; MongoDB receives it too. `Database` sets a
        # shorter one for reads. MongoDB always ends transactions after a minute.
        timeoutMS=None if patient else _MAX_CALL_SECONDS * 1_000,
        tz_aware=True,
        tzinfo=UTC,
        # A primary that hangs without closing its connections never answers. Only the heartbeat
        # detects this: after the sum of the next two values it interrupts the calls that wait for
        # that server, and the driver's retries find the new primary.
        heartbeatFrequencyMS=2_000,
        connectTimeoutMS=3_000,
        serverSelectionTimeoutMS=6_000,
    )
