"""Concurrent imports: one origin becomes one template of an owner, for any number of servers."""

import asyncio
from dataclasses import replace

from resolvers.kinds.case_types import CASE_TYPE_TEMPLATE
from resolvers.kinds.registrations import KINDS
from store.records import Origin, Owner, OwnerKind, Saved
from store.registry import Store
from tests.storage.building import BY_ANNA, STOCKHOLM, content, sequences

ORIGIN = Origin("tpl_000000000000000000000001", 1, "a" * 64, "SE5565594230")


async def import_template(store: Store, origin: Origin) -> Saved:
    return await store.template_exchange.import_version(
        CASE_TYPE_TEMPLATE,
        principal=STOCKHOLM,
        owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
        content=content(f"Version {origin.version}"),
        origin=origin,
        derived_from=None,
        act=BY_ANNA,
    )


async def test_two_servers_that_import_one_origin_at_once_create_one_template(store: Store) -> None:
    other = Store(store.database, KINDS)  # with a separate writer, as in another process

    results = await asyncio.gather(
        *(import_template(server, ORIGIN) for server in (store, other) * 4)
    )

    await other.log.close()
    assert sorted(saved.event is None for saved in results) == [False, *[True] * 7]
    assert len({saved.document.id for saved in results if saved.document}) == 1
    assert await store.database.count("documents", {}) == 1
    assert await sequences(store.database) == [1]


async def test_versions_that_are_imported_at_once_become_one_chain(store: Store) -> None:
    other = Store(store.database, KINDS)
    versions = [replace(ORIGIN, version=number, hash=f"{number:064x}") for number in range(1, 7)]

    results = await asyncio.gather(
        *(
            import_template(server, origin)
            for server, origin in zip((store, other) * 3, versions, strict=True)
        )
    )

    await other.log.close()
    [document] = (
        await store.documents.get_many({saved.document.id for saved in results if saved.document})
    ).values()
    assert sorted(saved.version.number for saved in results if saved.version) == [1, 2, 3, 4, 5, 6]
    assert (document.latest, (await store.documents.verify(document)).intact) == (6, True)
    assert document.origin in versions
