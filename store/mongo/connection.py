"""The connection to MongoDB: a fair limiter before the driver, the collections, their indexes.

PyMongo's pool hands connections to waiters unfairly under load: some wait for over a second while
others pass them. A first-in-first-out
semaphore before the driver, no larger than the pool, keeps the order. Every read and write of the
store goes through here.

Reads of one process follow each other: what one has seen, no later one misses. A majority's data
alone does not hold that. A primary that has just
taken over has all that a majority has, but for a moment it does not know yet that a majority has
it, and shows what was before.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from typing import Any, TypeVar

from bson import Timestamp
from pymongo import ASCENDING, DESCENDING, AsyncMongoClient, IndexModel, timeout
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collation import Collation
from pymongo.errors import ConnectionFailure, ExecutionTimeout, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern

from store.mongo.tasks import run_detached

T = TypeVar("T")
MongoError = PyMongoError
Row = dict[str, Any]
Session = AsyncClientSession
Sort = Sequence[tuple[str, int]]

SWEDISH = Collation(locale="sv", strength=3)
"""The order of names as Swedish readers expect it (å, ä, ö last)."""

APPLICATION = "casetypes"
"""What connections of the registry are called in MongoDB."""

_IDEMPOTENCY_SECONDS = 7 * 24 * 3600
_PROCESS_SECONDS = 3600

_BATCH = 500
_READY_SECONDS = 3
_CALL_SECONDS = 60
_INDEXING_SECONDS = 24 * 3600  # a new index over years of events
_EXISTS = 48  # NamespaceExists
_NO_SPACE = {14031}  # OutOfDiskSpace
_LABELS_OF_OUTAGES = ("RetryableWriteError", "TransientTransactionError")
_LINEARIZABLE = ReadConcern("linearizable")
_BRANCHES = 100  # MongoDB takes at most 1,000 stages in a pipeline
_OPEN_ONLY = {"open": True}
BY_TOKENS = "by_tokens"
BY_UPDATE = "kind_1_updated_at_1__id_1"
BY_PLACE = "by_place"

INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "principals": [],
    "checkpoints": [IndexModel([("principal", ASCENDING), ("sequence", ASCENDING)], unique=True)],
    "logs": [],
    "people": [],
    "clinics": [
        IndexModel([("principal", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("words", ASCENDING)]),
        IndexModel([("business_classifications", ASCENDING), ("_id", ASCENDING)]),
    ],
    "clinic_states": [
        IndexModel([("clinic", ASCENDING), ("from_sequence", DESCENDING)], unique=True),
    ],
    "groups": [
        IndexModel(
            [("group", ASCENDING)], unique=True, partialFilterExpression=_OPEN_ONLY, name="one_open"
        ),
        IndexModel(
            [("principal", ASCENDING), ("name", ASCENDING), ("_id", ASCENDING)],
            name="by_name",
            collation=SWEDISH,
        ),
        IndexModel(
            [("principal", ASCENDING), ("members", ASCENDING), ("from_sequence", ASCENDING)]
        ),
    ],
    "standing": [
        IndexModel(
            [("document", ASCENDING), ("group", ASCENDING)],
            unique=True,
            partialFilterExpression=_OPEN_ONLY,
            name="one_open",
        ),
        IndexModel([("principal", ASCENDING), ("open", ASCENDING), ("from_sequence", ASCENDING)]),
    ],
    "orders": [
        IndexModel(
            [("target", ASCENDING), ("list", ASCENDING)],
            unique=True,
            partialFilterExpression=_OPEN_ONLY,
            name="one_open",
        ),
        IndexModel([("target", ASCENDING), ("list", ASCENDING), ("from_sequence", ASCENDING)]),
    ],
    "policies": [
        IndexModel(
            [("principal", ASCENDING)],
            unique=True,
            partialFilterExpression=_OPEN_ONLY,
            name="one_open",
        ),
        IndexModel([("principal", ASCENDING), ("from_sequence", ASCENDING)]),
    ],
    "role_grants": [
        IndexModel(
            [("employee", ASCENDING), ("unit", ASCENDING), ("role", ASCENDING)],
            unique=True,
            partialFilterExpression=_OPEN_ONLY,
            name="one_open",
        ),
        IndexModel([("principal", ASCENDING), ("open", ASCENDING), ("_id", ASCENDING)]),
    ],
    "documents": [
        IndexModel(
            [("kind", ASCENDING), ("name", ASCENDING), ("_id", ASCENDING)],
            name="by_name",
            collation=SWEDISH,
        ),
        IndexModel(
            [("kind", ASCENDING), ("updated_at", ASCENDING), ("_id", ASCENDING)], name=BY_UPDATE
        ),
        IndexModel([("kind", ASCENDING), ("noticed_at", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("owner.key", ASCENDING), ("kind", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("derived_from.template", ASCENDING), ("_id", ASCENDING)]),
        IndexModel(
            [
                ("tokens", ASCENDING),
                ("principal", ASCENDING),
                ("owner.key", ASCENDING),
                ("_id", ASCENDING),
            ],
            name=BY_TOKENS,
        ),
        IndexModel(
            [("principal", ASCENDING), ("owner.key", ASCENDING), ("_id", ASCENDING)], name=BY_PLACE
        ),
        IndexModel(
            [
                ("principal", ASCENDING),
                ("kind", ASCENDING),
                ("state", ASCENDING),
                ("_id", ASCENDING),
            ]
        ),
        IndexModel(
            [("subject", ASCENDING), ("owner.key", ASCENDING)],
            partialFilterExpression={"subject": {"$type": "string"}},
        ),
        # A document of another principal is imported once at an owner; importing it again goes on
        # with the same one.
        IndexModel(
            [("owner.key", ASCENDING), ("origin.document", ASCENDING)],
            unique=True,
            partialFilterExpression={"origin.document": {"$type": "string"}},
        ),
    ],
    "versions": [
        IndexModel([("document", ASCENDING), ("number", ASCENDING)], unique=True),
        IndexModel([("document", ASCENDING), ("changed", ASCENDING), ("number", ASCENDING)]),
        IndexModel([("principal", ASCENDING), ("kind", ASCENDING), ("created_at", ASCENDING)]),
    ],
    "events": [
        IndexModel([("principal", ASCENDING), ("sequence", ASCENDING)], unique=True),
        IndexModel([("principal", ASCENDING), ("at", ASCENDING), ("sequence", ASCENDING)]),
        IndexModel([("document", ASCENDING), ("sequence", ASCENDING)]),
        IndexModel([("document", ASCENDING), ("audience", ASCENDING), ("sequence", ASCENDING)]),
        IndexModel([("principal", ASCENDING), ("action", ASCENDING), ("sequence", ASCENDING)]),
        IndexModel([("principal", ASCENDING), ("actor_key", ASCENDING), ("sequence", ASCENDING)]),
        IndexModel([("principal", ASCENDING), ("clinics", ASCENDING), ("sequence", ASCENDING)]),
        IndexModel(
            [("document", ASCENDING), ("published_before", ASCENDING), ("sequence", ASCENDING)]
        ),
        IndexModel(
            [("principal", ASCENDING), ("batch", ASCENDING), ("sequence", ASCENDING)],
            partialFilterExpression={"batch": {"$type": "string"}},
        ),
        IndexModel(
            [("principal", ASCENDING), ("audience", ASCENDING), ("sequence", ASCENDING)],
            partialFilterExpression={"audience": "PRINCIPAL"},
            name="told_to_all",
        ),
        # The event that first put a version in force carries its number: the versions that clinics
        # may see, each once.
        IndexModel(
            [("document", ASCENDING), ("released", ASCENDING)],
            unique=True,
            partialFilterExpression={"released": {"$exists": True}},
        ),
    ],
    "assignments": [
        IndexModel(
            [("clinic", ASCENDING), ("document", ASCENDING)],
            unique=True,
            partialFilterExpression=_OPEN_ONLY,
            name="one_open",
        ),
        IndexModel([("clinic", ASCENDING), ("from_sequence", ASCENDING)]),
        IndexModel([("document", ASCENDING), ("clinic", ASCENDING), ("_id", ASCENDING)]),
        IndexModel(
            [
                ("principal", ASCENDING),
                ("clinic", ASCENDING),
                ("document", ASCENDING),
                ("_id", ASCENDING),
            ]
        ),
        IndexModel([("clinic", ASCENDING), ("document", ASCENDING), ("_id", ASCENDING)]),
        IndexModel(
            [
                ("document", ASCENDING),
                ("open", ASCENDING),
                ("acknowledged_version", ASCENDING),
                ("clinic", ASCENDING),
            ]
        ),
        IndexModel([("principal", ASCENDING), ("since", ASCENDING), ("_id", ASCENDING)]),
        IndexModel(
            [
                ("principal", ASCENDING),
                ("open", ASCENDING),
                ("origin", ASCENDING),
                ("document", ASCENDING),
            ]
        ),
        IndexModel(
            [
                ("principal", ASCENDING),
                ("origin", ASCENDING),
                ("clinic", ASCENDING),
                ("document", ASCENDING),
                ("_id", ASCENDING),
            ],
            partialFilterExpression=_OPEN_ONLY,
            name="by_origin",
        ),
    ],
    "acknowledgements": [
        IndexModel([("clinic", ASCENDING), ("up_to", ASCENDING)], unique=True),
    ],
    "active_subscriptions": [
        IndexModel([("principal", ASCENDING), ("_id", ASCENDING)]),
        IndexModel([("process", ASCENDING), ("ended", ASCENDING)]),
    ],
    "server_processes": [
        IndexModel([("seen_at", ASCENDING)], expireAfterSeconds=_PROCESS_SECONDS),
    ],
    "idempotency_keys": [
        IndexModel([("created_at", ASCENDING)], expireAfterSeconds=_IDEMPOTENCY_SECONDS),
    ],
}


@dataclass(frozen=True, slots=True)
class Query:
    """The first `limit` rows that match, in an order."""

    where: Mapping[str, Any]
    sort: Sort
    limit: int
    projection: Mapping[str, Any] | None = None


class Database:
    """One MongoDB database and the limiter before it.

    Args:
        client: Connected with majority read and write concern (see `connect`).
        name: Of the database.
        reads: Permits for reads under way at once.
        writes: Permits for transactions under way at once; together with `reads` no more than the
            pool.
        seconds: Within which MongoDB must have answered a read, its retries included. MongoDB is
            told too, and ends what takes longer. None is
            as long as the client may take.
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
        self._database: AsyncDatabase[Row] = client[name]
        self._reads = asyncio.Semaphore(reads)
        self._writes = asyncio.Semaphore(writes)
        self._seconds = seconds
        self._seen: Timestamp | None = None

    def __getitem__(self, collection: str) -> AsyncCollection[Row]:
        return self._database[collection]

    async def create_indexes(self) -> None:
        """Make the collections and indexes that are missing. Those there already are left alone."""
        existing = set(await self._database.list_collection_names())
        with timeout(_INDEXING_SECONDS):
            await asyncio.gather(
                *(
                    self._create(name, models, exists=name in existing)
                    for name, models in INDEXES.items()
                )
            )

    async def _create(self, name: str, models: Sequence[IndexModel], *, exists: bool) -> None:
        if not exists:
            try:
                await self._database.create_collection(name, check_exists=False)
            except (
                OperationFailure
            ) as error:  # another server starting at the same moment made it first
                if error.code != _EXISTS:
                    raise
        if models:
            await self[name].create_indexes(list(models))

    async def ready(self) -> bool:
        """Whether MongoDB answers, within three seconds, and every index exists."""
        try:
            async with asyncio.timeout(_READY_SECONDS):
                for name, models in INDEXES.items():
                    have = await run_detached(self[name].index_information())
                    if any(model.document["name"] not in have for model in models):
                        return False
        except (PyMongoError, TimeoutError):
            return False
        return True

    async def find_one(
        self,
        collection: str,
        where: Mapping[str, Any],
        *,
        sort: Sort | None = None,
        projection: Mapping[str, Any] | None = None,
        session: Session | None = None,
    ) -> Row | None:
        """One row or None. Within a session the caller holds a permit already."""
        if session is not None:
            return await self[collection].find_one(
                where, sort=sort, projection=projection, session=session
            )
        return await self._read(
            lambda: self[collection].find_one(where, sort=sort, projection=projection)
        )

    async def newest(self, collection: str, id: str) -> Row | None:
        """A row as it is now, whoever wrote it: also what another process had answered by a primary
        that is gone. Waits for a majority's word.
        """
        certain = self[collection].with_options(read_concern=_LINEARIZABLE)
        return await self._read(lambda: certain.find_one({"_id": id}), after_seen=False)

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
        """All rows that match, at most `limit` (0 is no limit), in one list; by the index that
        `hint` names.
        """
        # A batch of the limit's size answers in one round trip. Without a limit batches are small:
        # one is decoded without a turn for others.
        cursor = self[collection].find(
            where,
            sort=sort,
            limit=limit,
            projection=projection,
            collation=collation,
            session=session,
            batch_size=limit + 1 if limit else _BATCH,
            hint=hint,
        )
        return await (cursor.to_list() if session is not None else self._read(cursor.to_list))

    async def aggregate(self, collection: str, pipeline: Sequence[Mapping[str, Any]]) -> list[Row]:
        """All rows that a pipeline comes to, in one list."""

        async def rows() -> list[Row]:
            cursor = await self[collection].aggregate(list(pipeline))
            return await cursor.to_list()

        return await self._read(rows)

    async def distinct(self, collection: str, field: str, where: Mapping[str, Any]) -> list[Any]:
        """The values of a field in the rows that match, each once; at most 16 MB of them."""
        return await self._read(lambda: self[collection].distinct(field, where))

    async def find_each(self, collection: str, queries: Sequence[Query]) -> list[list[Row]]:
        """The rows of each of several queries, a hundred in one command; each is answered by its
        own index.
        """
        if len(queries) > _BRANCHES:
            parts = [
                queries[start : start + _BRANCHES] for start in range(0, len(queries), _BRANCHES)
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
        """The number of rows that match: only for filtered lists, where no head keeps a total."""
        counting = partial(self[collection].count_documents, where)
        return await self._read(partial(counting, collation=collation) if collation else counting)

    async def _read(self, work: Callable[[], Awaitable[T]], *, after_seen: bool = True) -> T:
        """Read in its turn, in the time for it, and nothing older than what was read here before,
        or committed in a transaction.
        """

        async def reading() -> T:
            async with self._reads:
                session = self.client.start_session(causal_consistency=after_seen)
                if self._seen is not None:
                    session.advance_operation_time(self._seen)
                async with session.bind():
                    with timeout(self._seconds):
                        found = await work()
                self.has_seen(session.operation_time)
                return found

        return await run_detached(reading())

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Session]:
        """A session for one transaction, within the limit of writers."""
        async with self._writes, self.client.start_session() as session:
            yield session
            self.has_seen(session.operation_time)

    def has_seen(self, time: Timestamp | None) -> None:
        """Note the time of something that a majority has: whatever is read from now on is no older."""
        if time is not None and (self._seen is None or time > self._seen):
            self._seen = time


def is_outage(error: BaseException | None) -> bool:
    """Whether MongoDB could not be asked just now: asking again later may be answered."""
    return isinstance(error, (ConnectionFailure, ExecutionTimeout)) or (
        isinstance(error, PyMongoError)
        and (
            error.timeout
            or any(map(error.has_error_label, _LABELS_OF_OUTAGES))
            or getattr(error, "code", None) in _NO_SPACE
        )
    )


def connect(uri: str, *, pool: int = 64, patient: bool = False) -> AsyncMongoClient[Row]:
    """A client with the registry's guarantees: majority reads and journaled majority writes, UTC
    times.

    Args:
        uri: MongoDB connection string of a replica set or sharded cluster.
        pool: Most connections to one server.
        patient: Whether a call may take as long as it takes: for work that grows with the registry.
            MongoDB counts the time of all batches of a
            list together.
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
        # Of every call, its retries included; MongoDB is told too. Reads have less (`Database`),
        # and it ends transactions after a minute anyway.
        timeoutMS=None if patient else _CALL_SECONDS * 1_000,
        tz_aware=True,
        tzinfo=UTC,
        # A primary that stops without closing its connections answers nothing, for ever. Only the
        # heartbeat tells: unanswered for the
        # sum of these two, it interrupts what waits for that server, and the driver's retries find
        # the new primary.
        heartbeatFrequencyMS=2_000,
        connectTimeoutMS=3_000,
        serverSelectionTimeoutMS=6_000,
    )


__all__ = [
    "APPLICATION",
    "ASCENDING",
    "DESCENDING",
    "INDEXES",
    "SWEDISH",
    "Database",
    "Query",
    "Row",
    "Session",
    "Sort",
    "connect",
    "is_outage",
]
