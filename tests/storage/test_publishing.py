"""Publishing: which version is in force, which are released, and who is notified."""

import pytest

from resolvers.kinds.case_types import CASE_TYPE
from store.errors import NotFound
from store.mongo.connection import Database
from store.records import (
    Action,
    Audience,
    DocumentState,
    Owner,
    OwnerKind,
)
from store.registry import Store
from tests.storage.building import (
    BJORKEN,
    BY_ANNA,
    BY_BO,
    STOCKHOLM,
    content,
    created,
    document_of,
    everything,
    published,
    saved_as,
    to,
)
from tests.storage.document_acts import actions_on, in_state, introductions_of


async def test_an_edit_leaves_the_version_in_force(store: Store) -> None:
    document = await saved_as(store, await published(store), "Två", "Tre")

    assert (document.latest, document.published, document.state) == (3, 1, DocumentState.ACTIVE)
    assert document.content["introduction"] == "Tre"
    assert document.content_in_force == content("Ett")


async def test_the_names_are_those_of_the_version_in_force(store: Store) -> None:
    draft = await created(store)
    renamed = document_of(
        await store.documents.update(
            draft, edit=to("Ett", name="Nytt"), expected_version=1, publish=True, act=BY_ANNA
        )
    )
    drafted = document_of(
        await store.documents.update(
            renamed, edit=to("Ett", name="Utkast"), expected_version=2, publish=False, act=BY_ANNA
        )
    )
    back = document_of(
        await store.documents.publish(drafted, version=1, expected_version=3, act=BY_ANNA)
    )

    assert (renamed.name, drafted.name, back.name) == ("Nytt", "Nytt", "Förnya recept")


async def test_an_unpublished_draft_has_the_name_of_its_newest_version(store: Store) -> None:
    draft = await created(store)

    renamed = await store.documents.update(
        draft, edit=to("Ett", name="Nytt"), expected_version=1, publish=False, act=BY_ANNA
    )

    assert document_of(renamed).name == "Nytt"


async def test_saving_and_publishing_in_one_call_writes_one_event(store: Store) -> None:
    document = await published(store)

    saved = await store.documents.update(
        document, edit=to("Två"), expected_version=1, publish=True, act=BY_BO
    )

    assert saved.event is not None
    assert (saved.event.action, saved.event.sequence, saved.event.version) == (
        Action.PUBLISHED,
        3,
        2,
    )
    assert (saved.event.published_before, saved.event.published_after) == (1, 2)
    assert document_of(saved).content_in_force == content("Två")
    assert await actions_on(store, document) == [Action.CREATED, Action.PUBLISHED, Action.PUBLISHED]


async def test_publishing_equal_content_puts_the_newest_version_in_force(store: Store) -> None:
    document = await saved_as(store, await published(store), "Två")

    saved = await store.documents.update(
        document, edit=to("Två"), expected_version=2, publish=True, act=BY_BO
    )

    assert saved.event is not None
    assert (saved.event.action, saved.event.version, document_of(saved).published) == (
        Action.PUBLISHED,
        2,
        2,
    )
    assert await introductions_of(store, document) == [(1, "Ett"), (2, "Två")]


async def test_publishing_the_content_in_force_again_changes_nothing(
    store: Store, database: Database
) -> None:
    document = await published(store)
    before = await everything(database)

    saved = await store.documents.update(
        document, edit=to("Ett"), expected_version=1, publish=True, act=BY_BO
    )

    assert saved.event is None
    assert await everything(database) == before


async def test_an_older_version_can_be_published_and_the_draft_stays(store: Store) -> None:
    document = await saved_as(store, await published(store), "Två", publish=True)
    document = await saved_as(store, document, "Tre")

    saved = await store.documents.publish(document, version=1, expected_version=3, act=BY_BO)

    head = document_of(saved)
    assert (head.latest, head.published, head.content["introduction"]) == (3, 1, "Tre")
    assert head.content_in_force == content("Ett")
    assert (head.release_count, head.highest_released) == (2, 2)
    assert saved.event is not None
    assert (saved.event.version, saved.event.published_before, saved.event.published_after) == (
        1,
        2,
        1,
    )
    assert await introductions_of(store, document) == [(1, "Ett"), (2, "Två"), (3, "Tre")]


async def test_an_edit_keeps_a_published_older_version_in_force(store: Store) -> None:
    document = await saved_as(store, await published(store), "Två", "Tre")
    document = document_of(
        await store.documents.publish(document, version=2, expected_version=3, act=BY_BO)
    )

    document = await saved_as(store, document, "Fyra")

    assert (document.latest, document.published) == (4, 2)
    assert document.content_in_force == content("Två")


async def test_publishing_the_version_in_force_changes_nothing(
    store: Store, database: Database
) -> None:
    document = await saved_as(store, await published(store), "Två")
    before = await everything(database)

    saved = await store.documents.publish(document, version=1, expected_version=2, act=BY_BO)

    assert saved.event is None
    assert saved.version is not None
    assert saved.version.number == 1
    assert await everything(database) == before


async def test_a_version_that_does_not_exist_cannot_be_published(
    store: Store, database: Database
) -> None:
    document = await saved_as(store, await created(store), "Två")
    before = await everything(database)

    for number in (0, -1, 3, 2**40):
        with pytest.raises(NotFound) as refused:
            await store.documents.publish(document, version=number, expected_version=2, act=BY_BO)
        assert refused.value.path == ("version",)

    assert await everything(database) == before


async def test_a_deactivated_document_stays_deactivated_when_published(store: Store) -> None:
    document = await in_state(store, DocumentState.INACTIVE)

    saved = await store.documents.publish(document, version=2, expected_version=2, act=BY_BO)

    assert (document_of(saved).state, document_of(saved).published) == (DocumentState.INACTIVE, 2)


async def test_each_version_is_counted_as_released_once(store: Store) -> None:
    document = await saved_as(store, await published(store), "Två", publish=True)
    for number in (1, 2, 1):
        document = document_of(
            await store.documents.publish(document, version=number, expected_version=2, act=BY_ANNA)
        )

    assert (document.release_count, document.highest_released) == (2, 2)
    assert (
        await store.database.count(
            "events", {"document": document.id, "released": {"$exists": True}}
        )
        == 2
    )


async def test_a_version_below_the_highest_released_is_released_when_first_published(
    store: Store,
) -> None:
    document = await saved_as(store, await created(store), "Två", "Tre")
    for number in (3, 1, 2, 1):
        document = document_of(
            await store.documents.publish(document, version=number, expected_version=3, act=BY_ANNA)
        )

    released = [
        row["released"]
        for row in await store.database.find(
            "events", {"released": {"$exists": True}}, sort=[("sequence", 1)]
        )
    ]
    assert (document.release_count, document.highest_released, released) == (3, 3, [3, 1, 2])


async def test_publishing_a_change_for_staff_only_is_not_resident_visible(
    store: Store,
) -> None:
    document = await published(store)

    internal = await store.documents.update(
        document, edit=to("Ett", internalName="FR2"), expected_version=1, publish=True, act=BY_ANNA
    )
    visible = await store.documents.update(
        document, edit=to("Två", internalName="FR2"), expected_version=2, publish=True, act=BY_ANNA
    )

    assert internal.event is not None
    assert visible.event is not None
    assert (internal.event.resident_visible, visible.event.resident_visible) == (False, True)
    assert (internal.event.audience, visible.event.audience) == (
        Audience.ASSIGNED,
        Audience.ASSIGNED,
    )


async def test_a_clinics_own_case_type_is_assigned_at_its_first_publication(
    store: Store, database: Database
) -> None:
    owner = Owner(OwnerKind.CLINIC, BJORKEN)
    document = document_of(
        await store.documents.create(
            CASE_TYPE,
            principal=STOCKHOLM,
            owner=owner,
            content=content(),
            derived_from=None,
            act=BY_ANNA,
        )
    )
    assert await database.count("assignments", {}) == 0

    document = document_of(
        await store.documents.publish(document, version=1, expected_version=1, act=BY_ANNA)
    )
    await saved_as(store, document, "Två", publish=True)

    (assignment,) = await store.assignments.of_clinics([BJORKEN])
    assert (
        assignment.document,
        assignment.origin,
        assignment.from_sequence,
        assignment.until_sequence,
    ) == (document.id, "OWN", 2, None)
