"""A document with five versions, and every way to tamper with its hash chain."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import rfc8785

from resolvers.kinds.case_types import CASE_TYPE
from store.mongo.connection import Row
from store.records import Act, Actor, Derivation, Document, Owner, OwnerKind, Role, Version
from store.registry import Store
from tests.storage.building import (
    ANNA,
    BJORKEN,
    BY_BO,
    STOCKHOLM,
    content,
    document_of,
    saved_as,
)

MACHINE = Actor(role=Role.REPORTER, unit=None, employee_hsa_id=None, system=True)


def expected_hash(version: Version) -> str:
    """The SHA-256 of the canonical JSON that `store.content.hashing` documents, built by hand."""
    created_at = version.created_at
    hashed: dict[str, Any] = {
        "author": {
            "employeeHsaId": version.author.employee_hsa_id,
            "role": version.author.role.value,
            "system": version.author.system,
            "unit": version.author.unit,
        },
        "content": version.content,
        "createdAt": f"{created_at:%Y-%m-%dT%H:%M:%S}.{created_at.microsecond // 1000:03}Z",
        "derivedFrom": (
            {"template": version.derived_from.template, "version": version.derived_from.version}
            if version.derived_from
            else None
        ),
        "document": version.document,
        "kind": "CASE_TYPE",
        "note": version.note,
        "number": version.number,
        "previousHash": version.previous_hash,
        "principal": STOCKHOLM,
        "restoredFrom": version.restored_from,
        "schemaVersion": 1,
    }
    return hashlib.sha256(rfc8785.dumps(hashed)).hexdigest()


async def five_versions(store: Store) -> Document:
    """A document with five versions by several actors.

    The first version is derived from a template, the second is in force, and the last is a restored
    one.
    """
    document = document_of(
        await store.documents.create(
            CASE_TYPE,
            principal=STOCKHOLM,
            owner=Owner(OwnerKind.CLINIC, BJORKEN),
            content=content("Å, ä och ö \N{OK HAND SIGN} \u2028"),
            derived_from=Derivation("tpl_1", 3),
            act=Act(ANNA, note="Första"),
        )
    )
    document = await saved_as(store, document, "Två", publish=True, act=BY_BO)
    document = await saved_as(store, document, "Tre", "Fyra", act=Act(MACHINE, note="Maskinellt"))
    return document_of(
        await store.documents.restore(
            document, version=1, expected_version=4, publish=False, act=Act(ANNA, note="Åter")
        )
    )


TAMPERING: dict[str, Row] = {
    "content": {"$set": {"content.introduction": "Ändrat"}},
    "one character deep in the content": {"$set": {"content.restrictions.listedOnly": True}},
    "another field in the content": {"$set": {"content.extra": None}},
    "a field removed from the content": {"$unset": {"content.language": ""}},
    "note": {"$set": {"note": "Ändrad"}},
    "note removed": {"$set": {"note": None}},
    "author": {"$set": {"author.employee_hsa_id": "SE2321000016-XX"}},
    "author's role": {"$set": {"author.role": "NATIONAL_ADMINISTRATOR"}},
    "author's unit": {"$set": {"author.unit": "SE2321000024"}},
    "author's kind": {"$set": {"author.system": False}},
    "schema version": {"$set": {"schema_version": 2}},
    "template": {"$set": {"derived_from": None}},
    "template's version": {"$set": {"derived_from.version": 99}},
    "restored from": {"$set": {"restored_from": 2}},
    "previous hash": {"$set": {"previous_hash": "0" * 64}},
    "hash": {"$set": {"hash": "0" * 64}},
    "principal": {"$set": {"principal": "SE2321000024"}},
    "kind": {"$set": {"kind": "CASE_TYPE_TEMPLATE"}},
    "number": {"$set": {"number": 9}},
    "content that is not JSON": {"$set": {"content.introduction": b"\x00"}},
    "a field removed": {"$unset": {"note": ""}},
    "hash removed": {"$unset": {"hash": ""}},
    "an unknown role": {"$set": {"author.role": "KING"}},
    "no author": {"$set": {"author": None}},
    "no time": {"$set": {"created_at": None}},
}


Tamper = Callable[[Store, Document], Awaitable[object]]


async def _rewrite_with_hash(store: Store, document: Document, number: int) -> None:
    """Change the content of a version, and set a hash that fits it."""
    version = (await store.documents.get_versions([(document.id, number)]))[document.id, number]
    await store.database["versions"].update_one(
        {"_id": version.id}, {"$set": {"content.introduction": "Ändrat"}}
    )
    version = (await store.documents.get_versions([(document.id, number)]))[document.id, number]
    await store.database["versions"].update_one(
        {"_id": version.id}, {"$set": {"hash": expected_hash(version)}}
    )


async def _swap_contents(store: Store, document: Document) -> None:
    rows = [
        await store.database.find_one("versions", {"_id": f"{document.id}.{number}"})
        for number in (2, 3)
    ]
    assert rows[0] is not None
    assert rows[1] is not None
    await store.database["versions"].update_one(
        {"_id": rows[0]["_id"]}, {"$set": {"content": rows[1]["content"]}}
    )
    await store.database["versions"].update_one(
        {"_id": rows[1]["_id"]}, {"$set": {"content": rows[0]["content"]}}
    )


async def _add_version(store: Store, document: Document) -> None:
    row = await store.database.find_one("versions", {"_id": f"{document.id}.5"})
    assert row is not None
    await store.database["versions"].insert_one(row | {"_id": f"{document.id}.6", "number": 6})


STRUCTURE: dict[str, tuple[int, Tamper]] = {
    "the first version deleted": (
        1,
        lambda store, document: store.database["versions"].delete_one({"_id": f"{document.id}.1"}),
    ),
    "a middle version deleted": (
        3,
        lambda store, document: store.database["versions"].delete_one({"_id": f"{document.id}.3"}),
    ),
    "the newest version deleted": (
        5,
        lambda store, document: store.database["versions"].delete_one({"_id": f"{document.id}.5"}),
    ),
    "the two newest versions deleted": (
        4,
        lambda store, document: store.database["versions"].delete_many({"number": {"$gt": 3}}),
    ),
    "all versions deleted": (1, lambda store, document: store.database["versions"].delete_many({})),
    "a version added": (6, _add_version),
    "two contents swapped": (2, _swap_contents),
    "a middle version rewritten with a fitting hash": (
        4,
        lambda store, document: _rewrite_with_hash(store, document, 3),
    ),
    "the newest version rewritten with a fitting hash": (
        5,
        lambda store, document: _rewrite_with_hash(store, document, 5),
    ),
    "the head's hash changed": (
        5,
        lambda store, document: store.database["documents"].update_one(
            {}, {"$set": {"hash": "0" * 64}}
        ),
    ),
    "the head's newest content changed": (
        5,
        lambda store, document: store.database["documents"].update_one(
            {}, {"$set": {"content.introduction": "Ändrat"}}
        ),
    ),
    "another version marked as in force": (
        5,
        lambda store, document: store.database["documents"].update_one(
            {}, {"$set": {"published": 99}}
        ),
    ),
    "no version marked as in force": (
        2,
        lambda store, document: store.database["documents"].update_one(
            {}, {"$set": {"published": None}}
        ),
    ),
    "the content in force changed": (
        2,
        lambda store, document: store.database["documents"].update_one(
            {}, {"$set": {"published_content.introduction": "Ändrat"}}
        ),
    ),
}
