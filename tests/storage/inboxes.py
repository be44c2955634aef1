"""The inbox of a clinic, as sequence numbers."""

from store.notifications.notifications import ClinicEvent, Inbox
from store.paging import Page, Paging
from store.records import Clinic
from store.registry import Store
from tests.storage.building import (
    inbox_page,
)


async def clinic_of(store: Store, key: str) -> Clinic:
    return (await store.clinics.get_many([key]))[key]


async def inbox_sequences(
    store: Store, key: str, *, after_sequence: int = 0, resident_visible_only: bool = False
) -> list[int]:
    clinic = await clinic_of(store, key)
    page = await inbox_page(
        store,
        clinic,
        Paging(limit=100),
        after_sequence=after_sequence,
        resident_visible_only=resident_visible_only,
    )
    count = await store.notifications.count(
        Inbox(clinic.key, clinic.principal, Paging(), after_sequence, resident_visible_only)
    )
    assert count == len(page.items)
    assert {notification.clinic for notification in page.items} <= {key}
    return sequences_of(page)


def sequences_of(page: Page[ClinicEvent]) -> list[int]:
    return [notification.event.sequence for notification in page.items]
