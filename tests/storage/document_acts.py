"""Every act on a document, and documents in each state."""

from collections.abc import Awaitable, Callable

from store.documents.documents import Documents
from store.records import (
    Action,
    Document,
    DocumentState,
    Saved,
)
from store.registry import Store
from tests.storage.building import (
    BY_ANNA,
    BY_BO,
    created,
    document_of,
    published,
    saved_as,
    to,
)

Write = Callable[[Documents, Document], Awaitable[Saved]]


ACTS: dict[str, Write] = {
    "update": lambda documents, head: documents.update(
        head, edit=to("Nytt"), expected_version=head.latest, publish=False, act=BY_BO
    ),
    "update and publish": lambda documents, head: documents.update(
        head, edit=to("Nytt"), expected_version=head.latest, publish=True, act=BY_BO
    ),
    "publish": lambda documents, head: documents.publish(
        head, version=1, expected_version=head.latest, act=BY_BO
    ),
    "activate": lambda documents, head: documents.activate(
        head, expected_version=head.latest, act=BY_BO
    ),
    "deactivate": lambda documents, head: documents.deactivate(
        head, expected_version=head.latest, act=BY_BO
    ),
    "archive": lambda documents, head: documents.archive(
        head, expected_version=head.latest, act=BY_BO
    ),
    "restore": lambda documents, head: documents.restore(
        head, version=1, expected_version=head.latest, publish=False, act=BY_BO
    ),
}


async def introductions_of(store: Store, document: Document) -> list[tuple[int, str]]:
    rows = await store.database.find("versions", {"document": document.id}, sort=[("number", 1)])
    return [(row["number"], row["content"]["introduction"]) for row in rows]


async def actions_on(store: Store, document: Document) -> list[Action]:
    rows = await store.database.find("events", {"document": document.id}, sort=[("sequence", 1)])
    return [Action(row["action"]) for row in rows]


async def in_state(store: Store, state: DocumentState) -> Document:
    """Create a document with two versions in a state.

    The first version is in force, except in a draft.
    """
    if state is DocumentState.DRAFT:
        return await saved_as(store, await created(store), "Två")
    document = await saved_as(store, await published(store), "Två")
    if state is DocumentState.INACTIVE:
        document = document_of(
            await store.documents.deactivate(document, expected_version=2, act=BY_ANNA)
        )
    if state is DocumentState.ARCHIVED:
        document = document_of(
            await store.documents.archive(document, expected_version=2, act=BY_ANNA)
        )
    return document
