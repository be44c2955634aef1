"""The collections of a registry and their indexes.

The names of collections, fields and indexes are part of the stored data: they do not change.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pymongo import ASCENDING, DESCENDING, IndexModel, timeout
from pymongo.collation import Collation
from pymongo.errors import OperationFailure, PyMongoError

from store.mongo.connection import Database
from store.tasks import run_detached

SWEDISH = Collation(locale="sv", strength=3)
"""The order of names that Swedish readers expect (å, ä, ö last)."""

BY_TOKENS = "by_tokens"
BY_UPDATE = "kind_1_updated_at_1__id_1"
BY_PLACE = "by_place"

_OPEN_ONLY = {"open": True}
_IDEMPOTENCY_SECONDS = 7 * 24 * 3600
_PROCESS_SECONDS = 3600
_MAX_INDEXING_SECONDS = 24 * 3600  # a new index over years of events
_MAX_READY_SECONDS = 3
_NAMESPACE_EXISTS = 48


def _ascending(*fields: str, **options: Any) -> IndexModel:
    return IndexModel([(field, ASCENDING) for field in fields], **options)


def _one_open(*fields: str) -> IndexModel:
    """Return a unique index over the open rows: at most one has these values."""
    return _ascending(*fields, unique=True, partialFilterExpression=_OPEN_ONLY, name="one_open")


INDEXES: Mapping[str, Sequence[IndexModel]] = {
    "principals": [],
    "checkpoints": [_ascending("principal", "sequence", unique=True)],
    "logs": [],
    "people": [],
    "clinics": [
        _ascending("principal", "_id"),
        _ascending("words"),
        _ascending("business_classifications", "_id"),
    ],
    "clinic_states": [
        IndexModel([("clinic", ASCENDING), ("from_sequence", DESCENDING)], unique=True),
    ],
    "groups": [
        _one_open("group"),
        _ascending("principal", "name", "_id", name="by_name", collation=SWEDISH),
        _ascending("principal", "members", "from_sequence"),
    ],
    "standing": [
        _one_open("document", "group"),
        _ascending("principal", "open", "from_sequence"),
    ],
    "orders": [
        _one_open("target", "list"),
        _ascending("target", "list", "from_sequence"),
    ],
    "policies": [
        _one_open("principal"),
        _ascending("principal", "from_sequence"),
    ],
    "role_grants": [
        _one_open("employee", "unit", "role"),
        _ascending("principal", "open", "_id"),
    ],
    "documents": [
        _ascending("kind", "name", "_id", name="by_name", collation=SWEDISH),
        _ascending("kind", "updated_at", "_id", name=BY_UPDATE),
        _ascending("kind", "noticed_at", "_id"),
        _ascending("owner.key", "kind", "_id"),
        _ascending("derived_from.template", "_id"),
        _ascending("tokens", "principal", "owner.key", "_id", name=BY_TOKENS),
        _ascending("principal", "owner.key", "_id", name=BY_PLACE),
        _ascending("principal", "kind", "state", "_id"),
        _ascending(
            "subject", "owner.key", partialFilterExpression={"subject": {"$type": "string"}}
        ),
        # Each owner imports a document of another principal once. A later import adds a version to
        # the same document.
        _ascending(
            "owner.key",
            "origin.document",
            unique=True,
            partialFilterExpression={"origin.document": {"$type": "string"}},
        ),
    ],
    "versions": [
        _ascending("document", "number", unique=True),
        _ascending("document", "changed", "number"),
        _ascending("principal", "kind", "created_at"),
    ],
    "events": [
        _ascending("principal", "sequence", unique=True),
        _ascending("principal", "at", "sequence"),
        _ascending("document", "sequence"),
        _ascending("document", "audience", "sequence"),
        _ascending("principal", "action", "sequence"),
        _ascending("principal", "actor_key", "sequence"),
        _ascending("principal", "clinics", "sequence"),
        _ascending("document", "published_before", "sequence"),
        _ascending(
            "principal", "batch", "sequence", partialFilterExpression={"batch": {"$type": "string"}}
        ),
        _ascending(
            "principal",
            "audience",
            "sequence",
            partialFilterExpression={"audience": "PRINCIPAL"},
            name="told_to_all",
        ),
        # `released` is set on the event that first published a version: the versions that
        # clinics may see, each once.
        _ascending(
            "document",
            "released",
            unique=True,
            partialFilterExpression={"released": {"$exists": True}},
        ),
    ],
    "assignments": [
        _one_open("clinic", "document"),
        _ascending("clinic", "from_sequence"),
        _ascending("document", "clinic", "_id"),
        _ascending("principal", "clinic", "document", "_id"),
        _ascending("clinic", "document", "_id"),
        _ascending("document", "open", "acknowledged_version", "clinic"),
        _ascending("principal", "since", "_id"),
        _ascending("principal", "open", "origin", "document"),
        _ascending(
            "principal",
            "origin",
            "clinic",
            "document",
            "_id",
            partialFilterExpression=_OPEN_ONLY,
            name="by_origin",
        ),
    ],
    "acknowledgements": [
        _ascending("clinic", "up_to", unique=True),
    ],
    "active_subscriptions": [
        _ascending("principal", "_id"),
        _ascending("process", "ended"),
    ],
    "server_processes": [
        _ascending("seen_at", expireAfterSeconds=_PROCESS_SECONDS),
    ],
    "idempotency_keys": [
        _ascending("created_at", expireAfterSeconds=_IDEMPOTENCY_SECONDS),
    ],
}


async def create_indexes(database: Database) -> None:
    """Create the collections and indexes that are missing. Existing ones are left alone.

    Raises:
        PyMongoError: MongoDB could not create them.
    """
    mongo = database.client[database.name]
    existing = set(await mongo.list_collection_names())
    with timeout(_MAX_INDEXING_SECONDS):
        await asyncio.gather(
            *(
                _create(database, name, models, exists=name in existing)
                for name, models in INDEXES.items()
            )
        )


async def _create(
    database: Database, name: str, models: Sequence[IndexModel], *, exists: bool
) -> None:
    if not exists:
        try:
            await database.client[database.name].create_collection(name, check_exists=False)
        except OperationFailure as error:
            # Another server that starts at the same moment may have created it first.
            if error.code != _NAMESPACE_EXISTS:
                raise
    if models:
        await database[name].create_indexes(list(models))


async def is_ready(database: Database) -> bool:
    """Return whether MongoDB answers within three seconds and every index exists."""
    try:
        async with asyncio.timeout(_MAX_READY_SECONDS):
            for name, models in INDEXES.items():
                existing = await run_detached(database[name].index_information())
                if any(model.document["name"] not in existing for model in models):
                    return False
    except (PyMongoError, TimeoutError):
        return False
    return True
