"""The hash chain: tampering of any kind is found, and the first broken version is named.

The hashes are computed a second time here.
"""

from datetime import timedelta

from store.content.hashing import Verification
from store.mongo.connection import Database
from store.mongo.indexes import INDEXES
from store.records import Document, Version
from store.registry import Store
from tests.storage.building import (
    BY_BO,
    created,
    document_of,
    head_of,
    saved_as,
    to,
)
from tests.storage.hash_chains import STRUCTURE, TAMPERING, expected_hash, five_versions


async def versions_of(store: Store, document: Document) -> list[Version]:
    found = await store.documents.get_versions(
        [(document.id, number) for number in range(1, document.latest + 1)]
    )
    return [found[document.id, number] for number in range(1, document.latest + 1)]


async def test_an_untouched_history_is_intact(store: Store) -> None:
    document = await five_versions(store)

    assert await store.documents.verify(document) == Verification(
        intact=True, versions=5, first_broken_version=None
    )


async def test_hashes_are_computed_as_documented(store: Store) -> None:
    versions = await versions_of(store, await five_versions(store))

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


async def test_tampering_with_any_part_of_a_version_is_found_there(
    store: Store, database: Database
) -> None:
    document = await five_versions(store)
    row = await database.find_one("versions", {"_id": f"{document.id}.3"})
    assert row is not None

    found = {}
    for part, change in TAMPERING.items():
        await database["versions"].update_one({"_id": row["_id"]}, change)
        found[part] = (await store.documents.verify(document)).first_broken_version
        await database["versions"].replace_one({"_id": row["_id"]}, row)

    assert found == dict.fromkeys(TAMPERING, 3)
    assert (await store.documents.verify(document)).intact


async def test_a_time_changed_by_a_millisecond_is_found(store: Store, database: Database) -> None:
    document = await five_versions(store)

    await database["versions"].update_one(
        {"_id": f"{document.id}.2"},
        {"$set": {"created_at": document.created_at - timedelta(milliseconds=1)}},
    )

    assert await store.documents.verify(document) == Verification(
        intact=False, versions=5, first_broken_version=2
    )


async def test_tampering_with_the_chain_is_found_at_the_first_broken_version(
    store: Store, database: Database
) -> None:
    document = await five_versions(store)
    stored = {name: await database.find(name, {}) for name in ("documents", "versions")}

    found = {}
    for damage, (_, tamper) in STRUCTURE.items():
        await tamper(store, document)
        verification = await store.documents.verify(await head_of(store, document))
        found[damage] = (verification.intact, verification.first_broken_version)
        for name, rows in stored.items():
            await database[name].delete_many({})
            await database[name].insert_many(rows)

    assert found == {
        damage: (False, first_broken) for damage, (first_broken, _) in STRUCTURE.items()
    }
    assert (await store.documents.verify(document)).intact


async def test_erasing_a_name_does_not_break_the_chain(store: Store, database: Database) -> None:
    await store.people.remember("SE2321000016-aa", "Anna Andersson")
    document = await five_versions(store)
    assert await store.people.names(["SE2321000016-AA"]) == {"SE2321000016-AA": "Anna Andersson"}

    await database["people"].delete_many({})

    assert await store.people.names(["SE2321000016-AA"]) == {}
    assert (await store.documents.verify(document)).intact


async def test_display_names_are_stored_in_people_only(store: Store, database: Database) -> None:
    await store.people.remember("SE2321000016-AA", "Anna Andersson")
    await five_versions(store)

    names = set(await database.client[database.name].list_collection_names()) - {"people"}
    stored = [str(await database.find(name, {})) for name in names]
    assert names == INDEXES.keys() - {"people"}
    assert not any("Anna Andersson" in text for text in stored)


async def test_tampering_with_one_document_leaves_others_intact(
    store: Store, database: Database
) -> None:
    broken, sound = await five_versions(store), await five_versions(store)

    await database["versions"].update_one({"_id": f"{broken.id}.2"}, {"$set": {"note": "Ändrad"}})

    assert (await store.documents.verify(broken)).first_broken_version == 2
    assert (await store.documents.verify(sound)).intact


async def test_saving_after_tampering_does_not_repair_the_chain(
    store: Store, database: Database
) -> None:
    document = await five_versions(store)
    await database["versions"].update_one(
        {"_id": f"{document.id}.3"}, {"$set": {"content.introduction": "Ändrat"}}
    )

    saved = await store.documents.update(
        document, edit=to("Sex"), expected_version=5, publish=True, act=BY_BO
    )

    assert await store.documents.verify(document_of(saved)) == Verification(
        intact=False, versions=6, first_broken_version=3
    )
