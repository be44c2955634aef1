"""The hash chain: computed here a second time, and broken behind the store's back in every way, it
names the first broken version.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import rfc8785

from resolvers.kinds.case_types import CASE_TYPE
from store.content.hashing import Verification
from store.mongo.connection import Database, Row
from store.mongo.indexes import INDEXES
from store.records import Act, Actor, Derivation, Document, Owner, OwnerKind, Role, Version
from store.registry import Store
from tests.storage.building import (
    ANNA,
    BJORKEN,
    BY_BO,
    STOCKHOLM,
    content,
    created,
    document_of,
    head_of,
    saved_as,
    to,
)

MACHINE = Actor(role=Role.REPORTER, unit=None, employee_hsa_id=None, system=True)


def expected_hash(version: Version) -> str:
    """SHA-256 over the canonical JSON of what `store.content.hashing` documents, put together by hand."""
    at = version.created_at
    shape: dict[str, Any] = {
        "author": {
            "employeeHsaId": version.author.employee_hsa_id,
            "role": version.author.role.value,
            "system": version.author.system,
            "unit": version.author.unit,
        },
        "content": version.content,
        "createdAt": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}Z",
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
    return hashlib.sha256(rfc8785.dumps(shape)).hexdigest()


async def of_five(store: Store) -> Document:
    """Five versions by several actors: the first from a template, the last one restored; the second
    in force.
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


async def versions_of(store: Store, document: Document) -> list[Version]:
    found = await store.documents.get_versions(
        [(document.id, number) for number in range(1, document.latest + 1)]
    )
    return [found[document.id, number] for number in range(1, document.latest + 1)]


async def test_an_untouched_history_is_intact(store: Store) -> None:
    document = await of_five(store)

    assert await store.documents.verify(document) == Verification(
        intact=True, versions=5, first_broken_version=None
    )


async def test_a_hash_is_what_its_documentation_says(store: Store) -> None:
    versions = await versions_of(store, await of_five(store))

    assert [version.hash for version in versions] == [
        expected_hash(version) for version in versions
    ]
    assert [version.previous_hash for version in versions] == [
        None,
        *(version.hash for version in versions[:-1]),
    ]
    assert [version.restored_from for version in versions] == [None, None, None, None, 1]


async def test_a_history_longer_than_one_batch_is_verified_whole(
    store: Store, database: Database
) -> None:
    document = await saved_as(store, await created(store), *map(str, range(250)))
    assert await store.documents.verify(document) == Verification(
        intact=True, versions=251, first_broken_version=None
    )

    await database["versions"].update_one(
        {"_id": f"{document.id}.202"}, {"$set": {"note": "Ändrad"}}
    )

    assert await store.documents.verify(document) == Verification(
        intact=False, versions=251, first_broken_version=202
    )


TAMPERING: dict[str, Row] = {
    "content": {"$set": {"content.introduction": "Ändrat"}},
    "one character deep in the content": {"$set": {"content.restrictions.listedOnly": True}},
    "another field in the content": {"$set": {"content.extra": None}},
    "a field gone from the content": {"$unset": {"content.language": ""}},
    "note": {"$set": {"note": "Ändrad"}},
    "note gone": {"$set": {"note": None}},
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
    "what is no JSON": {"$set": {"content.introduction": b"\x00"}},
    "a field gone": {"$unset": {"note": ""}},
    "hash gone": {"$unset": {"hash": ""}},
    "a role that is none": {"$set": {"author.role": "KING"}},
    "no author": {"$set": {"author": None}},
    "no time": {"$set": {"created_at": None}},
}


async def test_tampering_with_any_part_of_a_version_is_found_there(
    store: Store, database: Database
) -> None:
    document = await of_five(store)
    row = await database.find_one("versions", {"_id": f"{document.id}.3"})
    assert row is not None

    found = {}
    for what, change in TAMPERING.items():
        await database["versions"].update_one({"_id": row["_id"]}, change)
        found[what] = (await store.documents.verify(document)).first_broken_version
        await database["versions"].replace_one({"_id": row["_id"]}, row)

    assert found == dict.fromkeys(TAMPERING, 3)
    assert (await store.documents.verify(document)).intact


async def test_a_time_that_was_moved_by_a_millisecond_is_found(
    store: Store, database: Database
) -> None:
    document = await of_five(store)

    await database["versions"].update_one(
        {"_id": f"{document.id}.2"},
        {"$set": {"created_at": document.created_at - timedelta(milliseconds=1)}},
    )

    assert await store.documents.verify(document) == Verification(
        intact=False, versions=5, first_broken_version=2
    )


Tamper = Callable[[Store, Document], Awaitable[object]]


async def _rewrite(store: Store, document: Document, number: int) -> None:
    """Another content with a hash that fits it."""
    version = (await store.documents.get_versions([(document.id, number)]))[document.id, number]
    await store.database["versions"].update_one(
        {"_id": version.id}, {"$set": {"content.introduction": "Ändrat"}}
    )
    version = (await store.documents.get_versions([(document.id, number)]))[document.id, number]
    await store.database["versions"].update_one(
        {"_id": version.id}, {"$set": {"hash": expected_hash(version)}}
    )


async def _swap(store: Store, document: Document) -> None:
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


async def _added(store: Store, document: Document) -> None:
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
    "a version added": (6, _added),
    "two contents swapped": (2, _swap),
    "a middle version rewritten with a fitting hash": (
        4,
        lambda store, document: _rewrite(store, document, 3),
    ),
    "the newest version rewritten with a fitting hash": (
        5,
        lambda store, document: _rewrite(store, document, 5),
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
    "another version said to be in force": (
        5,
        lambda store, document: store.database["documents"].update_one(
            {}, {"$set": {"published": 99}}
        ),
    ),
    "none said to be in force": (
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


async def test_tampering_with_the_chain_is_found_at_the_first_broken_version(
    store: Store, database: Database
) -> None:
    document = await of_five(store)
    whole = {name: await database.find(name, {}) for name in ("documents", "versions")}

    found = {}
    for what, (_, tamper) in STRUCTURE.items():
        await tamper(store, document)
        verification = await store.documents.verify(await head_of(store, document))
        found[what] = (verification.intact, verification.first_broken_version)
        for name, rows in whole.items():
            await database[name].delete_many({})
            await database[name].insert_many(rows)

    assert found == {what: (False, first_broken) for what, (first_broken, _) in STRUCTURE.items()}
    assert (await store.documents.verify(document)).intact


async def test_an_erased_name_does_not_break_the_chain(store: Store, database: Database) -> None:
    await store.people.remember("SE2321000016-aa", "Anna Andersson")
    document = await of_five(store)
    assert await store.people.names(["SE2321000016-AA"]) == {"SE2321000016-AA": "Anna Andersson"}

    await database["people"].delete_many({})

    assert await store.people.names(["SE2321000016-AA"]) == {}
    assert (await store.documents.verify(document)).intact


async def test_no_display_name_is_stored_outside_people(store: Store, database: Database) -> None:
    await store.people.remember("SE2321000016-AA", "Anna Andersson")
    await of_five(store)

    names = set(await database.client[database.name].list_collection_names()) - {"people"}
    stored = [str(await database.find(name, {})) for name in names]
    assert names == INDEXES.keys() - {"people"}
    assert not any("Anna Andersson" in text for text in stored)


async def test_tampering_with_one_document_leaves_others_intact(
    store: Store, database: Database
) -> None:
    broken, sound = await of_five(store), await of_five(store)

    await database["versions"].update_one({"_id": f"{broken.id}.2"}, {"$set": {"note": "Ändrad"}})

    assert (await store.documents.verify(broken)).first_broken_version == 2
    assert (await store.documents.verify(sound)).intact


async def test_saving_after_tampering_does_not_mend_the_chain(
    store: Store, database: Database
) -> None:
    document = await of_five(store)
    await database["versions"].update_one(
        {"_id": f"{document.id}.3"}, {"$set": {"content.introduction": "Ändrat"}}
    )

    saved = await store.documents.update(
        document, edit=to("Sex"), expected_version=5, publish=True, act=BY_BO
    )

    assert await store.documents.verify(document_of(saved)) == Verification(
        intact=False, versions=6, first_broken_version=3
    )
