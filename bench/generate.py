"""Generates a large registry through the store's own functions.

    python -m bench.generate FOLDER --versions 1000000

One document has a long history; the other versions are spread over documents of ten versions each.
Versions are staged a thousand to a transaction, by the functions that stage every version, so that
chains verify and logs have no gaps. Clinics are imported, and case types distributed to them.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bson import ObjectId

from bench.measurement import run_to_the_end
from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.registrations import KINDS
from resolvers.kinds.validation import validate
from resolvers.reference.principals import reference_principals
from store.clinics.clinics import ClinicRow
from store.clinics.filters import ClinicFilter
from store.clinics.selectors import ClinicSelector
from store.documents import heads
from store.documents.heads import NewDocument
from store.documents.publishing import next_position, put_in_force, record_event
from store.mongo import embedded_server
from store.mongo.connection import Database, connect
from store.mongo.indexes import create_indexes
from store.mongo.transactions import Transaction
from store.records import Act, Action, Actor, Content, Document, Owner, OwnerKind, Role, Saved
from store.registry import Store

PRINCIPAL = "SE2321000016"
BY_ANNA = Act(
    Actor(role=Role.REGIONAL_ADMINISTRATOR, unit=PRINCIPAL, employee_hsa_id=f"{PRINCIPAL}-anna")
)
_VERSIONS_AT_ONCE = 1_000
_SHORT = 10
_CLINICS_AT_ONCE = 2_000


def content(name: str, introduction: str) -> Content:
    """Return the content of a small case type."""
    return validate(CASE_TYPE, {"name": name, "internalName": name, "introduction": introduction})


async def document(store: Store, versions: int, name: str = "Förnya recept") -> Document:
    """Write a case type with `versions` versions, each published once.

    Args:
        store: To write to.
        versions: At least 1.
        name: Its name and internal name.
    """
    [made] = await documents(store, 1, versions, name)
    return made


async def documents(
    store: Store, count: int, versions: int, name: str = "Förnya recept"
) -> list[Document]:
    """Write case types with `versions` versions each, some thousand versions to a transaction."""
    made: list[Document] = []
    owner = Owner(OwnerKind.PRINCIPAL, PRINCIPAL)
    # Validated once; the text that differs between versions needs no validation.
    plain = content(name, "Ett")

    def text(number: int) -> Content:
        return {**plain, "introduction": f"Utgåva {number}"}

    for start in range(0, count, max(1, _VERSIONS_AT_ONCE // versions)):
        new_documents = [
            NewDocument(id=f"ct_{ObjectId()}", kind=CASE_TYPE, principal=PRINCIPAL, owner=owner)
            for _ in range(min(count - start, max(1, _VERSIONS_AT_ONCE // versions)))
        ]

        async def create(
            transaction: Transaction, new_documents: Sequence[NewDocument] = new_documents
        ) -> Saved:
            for new in new_documents:
                head, version = heads.created(
                    new,
                    text(1),
                    derived_from=None,
                    act=BY_ANNA,
                    position=next_position(transaction),
                )
                transaction.add_version(version, ())
                record_event(transaction, BY_ANNA, Action.CREATED, head, version=version, number=1)
                saved = await put_in_force(
                    transaction,
                    BY_ANNA,
                    Action.PUBLISHED,
                    CASE_TYPE,
                    transaction.document(new.id),
                    1,
                )
            return saved

        await store.log.submit(PRINCIPAL, create, alone=True)
        for first in range(2, versions + 1, _VERSIONS_AT_ONCE):

            async def revise(
                transaction: Transaction,
                new_documents: Sequence[NewDocument] = new_documents,
                first: int = first,
            ) -> Saved:
                for new in new_documents:
                    for number in range(first, min(first + _VERSIONS_AT_ONCE, versions + 1)):
                        before = transaction.document(new.id)
                        head, version = heads.revised(
                            CASE_TYPE,
                            before,
                            text(number),
                            act=BY_ANNA,
                            position=next_position(transaction),
                            derived_from=None,
                        )
                        transaction.add_version(version, ("introduction",))
                        saved = await put_in_force(
                            transaction,
                            BY_ANNA,
                            Action.EDITED,
                            CASE_TYPE,
                            head,
                            number,
                            before=before,
                        )
                return saved

            await store.log.submit(
                PRINCIPAL, revise, documents=[new.id for new in new_documents], alone=True
            )
        found = await store.documents.get_many([new.id for new in new_documents])
        made += [found[new.id] for new in new_documents]
    return made


async def clinics(store: Store, count: int, prefix: str = "K") -> list[str]:
    """Import clinics of the region, and return their HSA-ids."""
    ids = [f"{PRINCIPAL}-{prefix}{number:05}" for number in range(count)]
    for start in range(0, count, _CLINICS_AT_ONCE):
        rows = [
            ClinicRow(number + 1, hsa_id, {"name": f"Vårdcentralen {hsa_id[-5:]}"})
            for number, hsa_id in enumerate(ids[start : start + _CLINICS_AT_ONCE])
        ]
        await store.clinics.import_rows(PRINCIPAL, rows, dry_run=False, act=BY_ANNA)
    return ids


async def distributed(store: Store, case_types: Sequence[Document]) -> None:
    """Distribute case types to all clinics of the region."""
    for case_type in case_types:
        await store.distribution.distribute(
            case_type, ClinicSelector(filter=ClinicFilter()), act=BY_ANNA
        )


async def prepared(database: Database) -> Store:
    """Open a store over a database, and create its indexes and principals."""
    await create_indexes(database)
    store = Store(database, KINDS)
    await store.principals.ensure(reference_principals())
    return store


@dataclass(frozen=True, slots=True)
class Size:
    """The size of a registry."""

    versions: int
    longest: int
    clinics: int
    case_types: int


async def generate(folder: Path, size: Size) -> str:
    """Write a registry into a data folder, for `casetypes serve --data`.

    Returns:
        The id of the document with the longest history.
    """
    running = await embedded_server.start(folder)
    try:
        store = await prepared(Database(connect(running.uri), "casetypes"))
        await clinics(store, size.clinics)
        await distributed(store, await documents(store, size.case_types, 1, "Beställa tid"))
        longest = await document(store, size.longest)
        await documents(store, (size.versions - size.longest) // _SHORT, _SHORT)
        await store.log.close()
        await store.database.client.close()
    finally:
        await running.stop()
    return longest.id


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.generate", description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="the data folder to write, for `casetypes serve --data`"
    )
    parser.add_argument("--versions", type=int, default=1_000_000, help="of all documents together")
    parser.add_argument("--longest", type=int, default=100_000, help="of one document")
    parser.add_argument("--clinics", type=int, default=8_000)
    parser.add_argument("--case-types", type=int, default=30, help="that every clinic has")
    options = parser.parse_args()
    run_to_the_end(
        _generate(
            options.folder,
            Size(options.versions, options.longest, options.clinics, options.case_types),
        )
    )


async def _generate(folder: Path, size: Size) -> None:
    started = time.perf_counter()
    longest = await generate(folder, size)
    print(
        f"{size}; the longest history is that of {longest}; {time.perf_counter() - started:.0f} s"
    )


if __name__ == "__main__":
    main()
