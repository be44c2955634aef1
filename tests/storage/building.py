"""Small builders for tests of the store: actors, contents, documents and the stored data."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from resolvers.kinds.case_types import CASE_TYPE
from resolvers.kinds.validation import validate
from store.clinics.clinics import ClinicRow
from store.clinics.selectors import ClinicSelector
from store.documents.documents import Edit
from store.log.event_filters import HistoryQuery
from store.log.log import Change
from store.mongo.connection import Database, Row
from store.mongo.indexes import INDEXES
from store.mongo.transactions import Transaction
from store.notifications.notifications import ClinicEvent, Inbox
from store.paging import Page, Paging
from store.records import (
    Act,
    Action,
    Actor,
    Clinic,
    Content,
    Document,
    Event,
    Owner,
    OwnerKind,
    Role,
    Saved,
    Version,
)
from store.registry import Store

STOCKHOLM = "SE2321000016"
UPPSALA = "SE2321000024"
BJORKEN = "SE2321000016-1A01"
LINDEN = "SE2321000016-1A02"
EKEN = "SE2321000016-1A03"

ANNA = Actor(role=Role.REGIONAL_ADMINISTRATOR, unit=STOCKHOLM, employee_hsa_id="SE2321000016-AA")
BO = Actor(role=Role.REGIONAL_ADMINISTRATOR, unit=STOCKHOLM, employee_hsa_id="SE2321000016-BB")

BY_ANNA = Act(ANNA)
BY_BO = Act(BO)


def content(introduction: str = "Ett", **other: Any) -> Content:
    """The whole, valid content of a case type."""
    return validate(
        CASE_TYPE,
        {"name": "Förnya recept", "internalName": "FR", "introduction": introduction, **other},
    )


def to(introduction: str, **other: Any) -> Edit:
    """An edit that replaces the content, whatever it was."""
    replacement = content(introduction, **other)
    return lambda _: replacement


async def created(
    store: Store, introduction: str = "Ett", *, act: Act = BY_ANNA, principal: str = STOCKHOLM
) -> Document:
    """Create a case type of a region: version 1, a draft."""
    saved = await store.documents.create(
        CASE_TYPE,
        principal=principal,
        owner=Owner(OwnerKind.PRINCIPAL, principal),
        content=content(introduction),
        derived_from=None,
        act=act,
    )
    return document_of(saved)


async def saved_as(
    store: Store, document: Document, *introductions: str, publish: bool = False, act: Act = BY_ANNA
) -> Document:
    """Save further versions, one for each introduction, and return the document."""
    for introduction in introductions:
        saved = await store.documents.update(
            document,
            edit=to(introduction),
            expected_version=document.latest,
            publish=publish,
            act=act,
        )
        document = document_of(saved)
    return document


async def published(
    store: Store, introduction: str = "Ett", *, principal: str = STOCKHOLM
) -> Document:
    """Create a case type whose version 1 is in force."""
    document = await created(store, introduction, principal=principal)
    return document_of(
        await store.documents.publish(document, version=1, expected_version=1, act=BY_ANNA)
    )


async def with_clinics(store: Store, *hsa_ids: str, principal: str = STOCKHOLM) -> None:
    """Import active clinics of a region."""
    rows = [
        ClinicRow(number, hsa_id, {"name": f"Mottagning {number}"})
        for number, hsa_id in enumerate(hsa_ids, 2)
    ]
    await store.clinics.import_rows(principal, rows, dry_run=False, act=BY_ANNA)


async def distributed(store: Store, document: Document, *hsa_ids: str) -> Saved:
    """Distribute the case type to clinics."""
    return await store.distribution.distribute(
        document, ClinicSelector.of_ids(hsa_ids), act=BY_ANNA
    )


def document_of(saved: Saved) -> Document:
    """The document in the result of a write."""
    assert saved.document is not None
    return saved.document


async def head_of(store: Store, document: Document) -> Document:
    """The document as it is stored now."""
    return (await store.documents.get_many([document.id]))[document.id]


async def everything(database: Database) -> dict[str, list[Row]]:
    """Read the full content of every collection.

    Equal results before and after a call mean that the call wrote nothing. The turns of a log are
    left out: taking a turn locks the log, and a refused write takes one too.
    """
    without = {"logs": {"turns": 0}}
    names = [
        name for name in INDEXES if name not in {"active_subscriptions", "server_processes"}
    ]  # open subscriptions are not content
    return {
        name: await database.find(name, {}, sort=[("_id", 1)], projection=without.get(name))
        for name in names
    }


async def sequences(database: Database, principal: str = STOCKHOLM) -> Sequence[int]:
    """The sequence numbers of a log, in order."""
    return [
        row["sequence"]
        for row in await database.find(
            "events", {"principal": principal}, sort=[("sequence", 1)], projection={"sequence": 1}
        )
    ]


async def history_of(
    store: Store, document: Document, paging: Paging, *, notices_only: bool
) -> Page[Event]:
    """A page of the history of a document."""
    query = HistoryQuery.of(document, paging, limited=notices_only)
    return (await store.history.of_documents([query]))[query]


async def versions_page(
    store: Store, document: Document, paging: Paging, *, released_only: bool = False
) -> Page[Version]:
    """A page of a document's versions."""
    query = HistoryQuery.of(document, paging, limited=released_only)
    return (await store.version_history.versions([query]))[query]


async def in_force_at(store: Store, document: Document, time: datetime) -> int | None:
    """The number of the version in force at a moment."""
    key = (document.principal, document.id, time)
    return (await store.version_history.published_at([key])).get(key)


async def inbox_page(
    store: Store,
    clinic: Clinic,
    paging: Paging | None = None,
    *,
    after_sequence: int = 0,
    resident_visible_only: bool = False,
) -> Page[ClinicEvent]:
    """A page of the notifications of a clinic."""
    inbox = Inbox(
        clinic.key, clinic.principal, paging or Paging(), after_sequence, resident_visible_only
    )
    return (await store.notifications.pages([inbox]))[inbox]


def noted(note: str) -> Change:
    """A change that only records an event with this note."""

    async def change(transaction: Transaction) -> Saved:
        return Saved(event=transaction.record(Act(ANNA, note), Action.IMPORTED))

    return change


async def write_events(store: Store, events: int, principal: str = STOCKHOLM) -> None:
    """Submit this many events at the same time."""
    await asyncio.gather(
        *(store.log.submit(principal, noted(str(number))) for number in range(events))
    )
