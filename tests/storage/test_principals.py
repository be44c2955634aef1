"""Principals are created once and never change; names of people change or are erased."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from resolvers.kinds.registrations import KINDS
from resolvers.reference.principals import reference_principals
from store.clinics.principals import Principals
from store.errors import InvalidInput
from store.mongo.connection import Database, connect
from store.mongo.indexes import create_indexes, is_ready
from store.paging import Paging
from store.records import Principal, PrincipalKind
from store.registry import Store
from tests.storage.building import STOCKHOLM, created, everything
from tests.storage.watching import Watch, watched

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TOWN = Principal(
    key="SE2120000001",
    hsa_id="se2120000001",
    name="Småstads kommun",
    kind=PrincipalKind.MUNICIPALITY,
    county_code="01",
)
OTHER_TOWN = replace(
    TOWN, key="SE2120000002", hsa_id="SE2120000002", name="Storstads kommun", county_code=None
)

ANNA = "SE2321000016-AA"
BO = "SE2321000016-BB"


@pytest.fixture
async def watching(mongodb_uri: str) -> AsyncIterator[tuple[Store, Watch]]:
    """A store without principals, and the listener of its commands."""
    client, watch = watched(mongodb_uri)
    database = Database(client, f"test_{uuid4().hex[:12]}")
    await create_indexes(database)
    yield Store(database, KINDS), watch
    await client.drop_database(database.name)
    await client.close()


# ------------------------------------------------------------- principals


async def test_principals_are_created_with_a_log_each_and_read_back_unchanged(
    database: Database,
) -> None:
    store = Store(database, KINDS, clock=lambda: NOON)

    await store.principals.ensure([TOWN, OTHER_TOWN])

    assert await store.principals.known() == {TOWN.key: TOWN, OTHER_TOWN.key: OTHER_TOWN}
    assert await database.find("logs", {}, sort=[("_id", 1)]) == [
        {"_id": TOWN.key, "sequence": 0, "at": NOON},
        {"_id": OTHER_TOWN.key, "sequence": 0, "at": NOON},
    ]
    assert TOWN.id == "pr_SE2120000001"


async def test_the_reference_data_are_the_national_principal_and_the_regions(store: Store) -> None:
    known = await store.principals.known()

    kinds = [principal.kind for principal in known.values()]
    assert (kinds.count(PrincipalKind.NATIONAL), kinds.count(PrincipalKind.REGION), len(kinds)) == (
        1,
        21,
        22,
    )
    assert known == {principal.key: principal for principal in reference_principals()}
    assert (
        len(
            {
                principal.county_code
                for principal in known.values()
                if principal.kind is PrincipalKind.REGION
            }
        )
        == 21
    )


async def test_existing_principals_and_their_logs_do_not_change(
    store: Store, database: Database
) -> None:
    await created(store)
    await store.log.close()
    before = await everything(database)

    await store.principals.ensure(
        [replace(principal, name="Nytt namn") for principal in reference_principals()]
    )

    assert await everything(database) == before
    assert [row["sequence"] for row in before["logs"] if row["_id"] == STOCKHOLM] == [1]


async def test_only_missing_principals_are_created(store: Store, database: Database) -> None:
    before = await everything(database)

    await store.principals.ensure([*reference_principals(), TOWN])

    after = await everything(database)
    assert [row for row in after["principals"] if row not in before["principals"]] == [
        {
            "_id": TOWN.key,
            "hsa_id": "se2120000001",
            "name": "Småstads kommun",
            "kind": "MUNICIPALITY",
            "county_code": "01",
        }
    ]
    assert [row["_id"] for row in after["logs"] if row not in before["logs"]] == [TOWN.key]
    assert (await store.principals.known())[TOWN.key] == TOWN


@pytest.mark.parametrize("missing", ["logs", "principals"])
async def test_an_interrupted_start_is_completed_by_the_next_one(
    store: Store, database: Database, missing: str
) -> None:
    before = await everything(database)
    await database[missing].delete_one({"_id": STOCKHOLM})

    await store.principals.ensure(reference_principals())

    after = await everything(database)
    assert {name: [row["_id"] for row in after[name]] for name in after} == {
        name: [row["_id"] for row in before[name]] for name in before
    }
    assert (await created(store)).principal == STOCKHOLM


async def test_servers_that_start_together_create_each_principal_once(database: Database) -> None:
    servers = [Principals(database) for _ in range(8)]

    await asyncio.gather(*(server.ensure(reference_principals()) for server in servers))

    expected = {principal.key: principal for principal in reference_principals()}
    assert [await server.known() for server in servers] == [expected] * 8
    assert (await database.count("principals", {}), await database.count("logs", {})) == (22, 22)


async def test_principals_are_read_once(watching: tuple[Store, Watch]) -> None:
    store, watch = watching
    await store.principals.ensure([TOWN])

    with watch.commands() as commands:
        for _ in range(3):
            assert list(await store.principals.known()) == [TOWN.key]

    assert [(name, command[name]) for name, command in commands] == [("find", "principals")]


async def test_starting_again_writes_nothing(watching: tuple[Store, Watch]) -> None:
    store, watch = watching
    await store.principals.ensure([TOWN, OTHER_TOWN])

    with watch.commands() as commands:
        await store.principals.ensure([OTHER_TOWN, TOWN])

    assert [(name, command[name]) for name, command in commands] == [
        ("find", "logs"),
        ("find", "principals"),
    ]


async def test_writing_to_the_log_of_an_unknown_principal_fails_and_writes_nothing(
    store: Store, database: Database
) -> None:
    before = await everything(database)

    with pytest.raises(LookupError, match=TOWN.key):
        await created(store, principal=TOWN.key)

    assert await everything(database) == before


async def test_principals_are_paged_by_key_in_both_directions(store: Store) -> None:
    keys = sorted(principal.key for principal in reference_principals())

    first = await store.principals.page(Paging(limit=10))
    second = await store.principals.page(Paging(limit=10, after=first.cursors[-1]))
    third = await store.principals.page(Paging(limit=10, after=second.cursors[-1]))
    last = await store.principals.page(Paging(limit=10, backward=True))
    before = await store.principals.page(Paging(limit=20, backward=True, before=last.cursors[0]))

    assert [[principal.key for principal in page.items] for page in (first, second, third)] == [
        keys[:10],
        keys[10:20],
        keys[20:],
    ]
    assert [[principal.key for principal in page.items] for page in (before, last)] == [
        keys[:12],
        keys[12:],
    ]
    assert [(page.has_previous, page.has_next) for page in (first, second, third)] == [
        (False, True),
        (True, True),
        (True, False),
    ]
    assert [(page.has_previous, page.has_next) for page in (before, last)] == [
        (False, True),
        (True, False),
    ]


async def test_an_invalid_cursor_is_refused(store: Store) -> None:
    with pytest.raises(InvalidInput) as refused:
        await store.principals.page(Paging(after="inte en markör"))

    assert [(problem.code, problem.path) for problem in refused.value.problems] == [
        ("INVALID_CURSOR", ("after",))
    ]


# ------------------------------------------------------------- people


async def test_a_name_is_found_by_key_whatever_the_case_of_the_id(store: Store) -> None:
    await store.people.remember(ANNA.lower(), "Anna Andersson")
    await store.people.remember(BO, "Bo Öberg")

    assert await store.people.names([ANNA, BO, ANNA, "SE2321000016-ZZ"]) == {
        ANNA: "Anna Andersson",
        BO: "Bo Öberg",
    }
    assert await store.people.names(key for key in (BO,)) == {BO: "Bo Öberg"}
    assert await store.people.names([]) == {}


async def test_the_newest_name_replaces_the_previous_one(store: Store, database: Database) -> None:
    await store.people.remember(ANNA, "Anna Andersson")
    await store.people.remember(ANNA.lower(), "Anna Öberg")

    assert await database.find("people", {}) == [{"_id": ANNA, "name": "Anna Öberg"}]

    await store.people.remember(ANNA, "Anna Andersson")

    assert await store.people.names([ANNA]) == {ANNA: "Anna Andersson"}


async def test_a_name_is_written_only_when_it_is_new_or_has_changed(
    watching: tuple[Store, Watch],
) -> None:
    store, watch = watching

    with watch.commands() as commands:
        for name in ("Anna Andersson", "Anna Andersson", "Anna Öberg", "Anna Öberg"):
            await store.people.remember(ANNA, name)
            await store.people.remember(ANNA.lower(), name)

    assert [(name, command[name]) for name, command in commands] == [("update", "people")] * 2


async def test_names_are_read_in_one_round_trip(watching: tuple[Store, Watch]) -> None:
    store, watch = watching
    keys = [f"SE2321000016-{number:03}" for number in range(60)]
    await asyncio.gather(*(store.people.remember(key, f"Person {key}") for key in keys))

    with watch.commands() as commands:
        names = await store.people.names(keys)

    assert names == {key: f"Person {key}" for key in keys}
    assert [(name, command[name]) for name, command in commands] == [("find", "people")]


async def test_a_person_who_signs_in_to_several_servers_at_once_is_stored_once(
    database: Database,
) -> None:
    servers = [Store(database, KINDS) for _ in range(8)]

    await asyncio.gather(
        *(server.people.remember(ANNA, "Anna Andersson") for server in servers for _ in range(5))
    )

    assert await database.find("people", {}) == [{"_id": ANNA, "name": "Anna Andersson"}]


async def test_a_name_with_operators_in_it_is_stored_as_a_value(
    store: Store, database: Database
) -> None:
    await store.people.remember("$where", "$name")
    await store.people.remember(ANNA, '{"$set": 1}')

    assert await database.find("people", {}, sort=[("_id", 1)]) == [
        {"_id": "$WHERE", "name": "$name"},
        {"_id": ANNA, "name": '{"$set": 1}'},
    ]
    assert await store.people.names(["$WHERE"]) == {"$WHERE": "$name"}


async def test_servers_that_start_together_on_an_empty_database_create_its_indexes(
    mongodb_uri: str,
) -> None:
    client = connect(mongodb_uri)
    database = Database(client, f"test_{uuid4().hex[:12]}")

    await asyncio.gather(*(create_indexes(database) for _ in range(8)))

    assert await is_ready(database)
    await client.drop_database(database.name)
    await client.close()


async def test_a_read_during_the_creation_of_principals_does_not_hide_them_later(
    store: Store,
) -> None:
    principals = Principals(store.database)

    await asyncio.gather(principals.ensure([*reference_principals(), TOWN]), principals.known())

    assert TOWN.key in await principals.known()
