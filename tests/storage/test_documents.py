"""Documents: every act does what it promises, writes one event, and a refused act writes nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import bson
import pytest

from resolvers.kinds.case_types import CASE_TYPE, CASE_TYPE_TEMPLATE
from store.documents.documents import Documents
from store.documents.heads import MAX_CONTENT_BYTES
from store.errors import InvalidInput, NotFound, RegistryError, VersionConflict, WrongState
from store.mongo.connection import Database
from store.records import (
    Act,
    Action,
    Audience,
    Derivation,
    Document,
    DocumentState,
    Owner,
    OwnerKind,
    Saved,
)
from store.registry import Store
from tests.storage.building import (
    ANNA,
    BJORKEN,
    BO,
    BY_ANNA,
    BY_BO,
    EKEN,
    LINDEN,
    STOCKHOLM,
    UPPSALA,
    content,
    created,
    distributed,
    document_of,
    everything,
    head_of,
    published,
    saved_as,
    sequences,
    to,
    with_clinics,
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


async def introductions(store: Store, document: Document) -> list[tuple[int, str]]:
    rows = await store.database.find("versions", {"document": document.id}, sort=[("number", 1)])
    return [(row["number"], row["content"]["introduction"]) for row in rows]


async def actions(store: Store, document: Document) -> list[Action]:
    rows = await store.database.find("events", {"document": document.id}, sort=[("sequence", 1)])
    return [Action(row["action"]) for row in rows]


async def in_state(store: Store, state: DocumentState) -> Document:
    """A document with two versions, in this state; the first version in force unless it is a draft."""
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


# ------------------------------------------------------------- create


async def test_a_new_document_is_a_draft_with_version_one(store: Store) -> None:
    saved = await store.documents.create(
        CASE_TYPE,
        principal=STOCKHOLM,
        owner=Owner(OwnerKind.CLINIC, BJORKEN),
        content=content("Ett"),
        derived_from=Derivation("tpl_1", 4),
        act=Act(ANNA, note="Första utkastet", request_id="rq-1"),
    )

    document, version, event = saved.document, saved.version, saved.event
    assert document is not None
    assert version is not None
    assert event is not None
    assert document.id.startswith("ct_")
    assert (document.kind, document.principal, document.owner) == (
        "CASE_TYPE",
        STOCKHOLM,
        Owner(OwnerKind.CLINIC, BJORKEN),
    )
    assert (document.state, document.latest, document.published) == (DocumentState.DRAFT, 1, None)
    assert (document.name, document.internal_name, document.content) == (
        "Förnya recept",
        "FR",
        content("Ett"),
    )
    assert (document.author, document.hash, document.derived_from) == (
        ANNA,
        version.hash,
        Derivation("tpl_1", 4),
    )
    assert (
        document.created_at
        == document.edited_at
        == document.updated_at
        == version.created_at
        == event.at
    )
    assert (
        document.event_count,
        document.notice_count,
        document.release_count,
        document.highest_released,
    ) == (1, 0, 0, 0)
    assert (version.number, version.previous_hash, version.restored_from, version.sequence) == (
        1,
        None,
        None,
        1,
    )
    assert (version.content, version.author, version.note, version.derived_from) == (
        content("Ett"),
        ANNA,
        "Första utkastet",
        Derivation("tpl_1", 4),
    )
    assert (event.action, event.sequence, event.document, event.version) == (
        Action.CREATED,
        1,
        document.id,
        1,
    )
    assert (event.actor, event.note, event.request_id) == (ANNA, "Första utkastet", "rq-1")
    assert (event.published_before, event.published_after, event.state) == (
        None,
        None,
        DocumentState.DRAFT,
    )
    assert (event.audience, event.resident_visible, event.clinics) == (Audience.NONE, False, ())


async def test_what_a_write_answers_is_what_is_stored(store: Store) -> None:
    document = await published(store)

    saved = await store.documents.update(
        document,
        edit=to("Två"),
        expected_version=1,
        publish=True,
        act=Act(BO, note="Rättat", request_id="rq-7"),
    )

    assert saved.event is not None
    assert saved.version is not None
    assert await head_of(store, document) == saved.document
    assert await store.documents.get_versions([(document.id, 2)]) == {
        (document.id, 2): saved.version
    }
    stored = (await store.history.get_events([(STOCKHOLM, 3)]))[STOCKHOLM, 3]
    assert replace(stored, clinics=()) == saved.event
    assert list(stored.clinics) == []


async def test_each_kind_has_ids_with_its_own_prefix(store: Store) -> None:
    saved = await store.documents.create(
        CASE_TYPE_TEMPLATE,
        principal=STOCKHOLM,
        owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
        content=content(),
        derived_from=None,
        act=BY_ANNA,
    )

    document = document_of(saved)
    assert document.id.startswith("tpl_")
    assert store.kinds.of_id(document.id) is CASE_TYPE_TEMPLATE


async def test_each_principal_has_a_log_of_its_own(store: Store, database: Database) -> None:
    first = await published(store, principal=STOCKHOLM)
    second = await created(store, principal=UPPSALA)
    await saved_as(store, first, "Två")

    assert await sequences(database, STOCKHOLM) == [1, 2, 3]
    assert await sequences(database, UPPSALA) == [1]
    assert (await store.documents.get_versions([(second.id, 1)]))[second.id, 1].sequence == 1


async def test_content_up_to_a_mebibyte_is_kept_and_a_byte_more_is_refused(
    store: Store, database: Database
) -> None:
    document = await created(store)
    empty = content("")
    just = {**empty, "introduction": "x" * (MAX_CONTENT_BYTES - len(bson.encode(empty)))}

    kept = await store.documents.update(
        document, edit=lambda _: just, expected_version=1, publish=False, act=BY_ANNA
    )
    before = await everything(database)
    with pytest.raises(InvalidInput) as refused:
        await store.documents.update(
            document,
            edit=lambda _: just | {"introduction": just["introduction"] + "x"},
            expected_version=2,
            publish=False,
            act=BY_ANNA,
        )

    assert document_of(kept).latest == 2
    assert [problem.code for problem in refused.value.problems] == ["TOO_LARGE"]
    assert await everything(database) == before


# ------------------------------------------------------------- update


async def test_versions_are_numbered_one_two_three(store: Store) -> None:
    document = await saved_as(store, await created(store), "Två", "Tre")

    assert document.latest == 3
    assert await introductions(store, document) == [(1, "Ett"), (2, "Två"), (3, "Tre")]
    assert await actions(store, document) == [Action.CREATED, Action.EDITED, Action.EDITED]


async def test_each_version_points_at_the_hash_of_the_one_before(store: Store) -> None:
    document = await saved_as(store, await created(store), "Två", "Tre")

    found = await store.documents.get_versions([(document.id, number) for number in (1, 2, 3)])
    one, two, three = (found[document.id, number] for number in (1, 2, 3))
    assert (one.previous_hash, two.previous_hash, three.previous_hash) == (None, one.hash, two.hash)
    assert len({one.hash, two.hash, three.hash}) == 3
    assert document.hash == three.hash


async def test_equal_content_makes_no_version_and_no_event(
    store: Store, database: Database
) -> None:
    document = await created(store)
    before = await everything(database)

    saved = await store.documents.update(
        document, edit=to("Ett"), expected_version=1, publish=False, act=BY_BO
    )

    assert (saved.event, saved.document) == (None, document)
    assert saved.version is not None
    assert (saved.version.number, saved.version.author) == (1, ANNA)
    assert await everything(database) == before


async def test_content_as_it_was_two_versions_ago_is_a_new_version(store: Store) -> None:
    document = await saved_as(store, await created(store), "Två", "Ett")

    assert await introductions(store, document) == [(1, "Ett"), (2, "Två"), (3, "Ett")]


async def test_the_edit_is_given_the_newest_content(store: Store) -> None:
    document = await saved_as(store, await created(store), "Två")

    saved = await store.documents.update(
        document,
        edit=lambda now: {**now, "introduction": now["introduction"] + " och tre"},
        expected_version=2,
        publish=False,
        act=BY_ANNA,
    )

    assert saved.version is not None
    assert saved.version.content == content("Två och tre")


async def test_an_edit_that_refuses_writes_nothing(store: Store, database: Database) -> None:
    document = await created(store)
    before = await everything(database)

    def refuse(_: object) -> dict[str, object]:
        raise InvalidInput.at(("content", "name"), "BLANK", "Tomt.")

    with pytest.raises(InvalidInput):
        await store.documents.update(
            document, edit=refuse, expected_version=1, publish=True, act=BY_ANNA
        )

    assert await everything(database) == before


async def test_a_stale_head_is_read_again(store: Store) -> None:
    stale = await created(store)
    await saved_as(store, stale, "Två")

    saved = await store.documents.update(
        stale, edit=to("Tre"), expected_version=2, publish=False, act=BY_ANNA
    )

    assert saved.version is not None
    assert (saved.version.number, saved.version.content["introduction"]) == (3, "Tre")


# ------------------------------------------------------------- publish


async def test_an_edit_of_what_is_in_force_leaves_it_in_force(store: Store) -> None:
    document = await saved_as(store, await published(store), "Två", "Tre")

    assert (document.latest, document.published, document.state) == (3, 1, DocumentState.ACTIVE)
    assert document.content["introduction"] == "Tre"
    assert document.content_in_force == content("Ett")


async def test_names_follow_what_is_in_force(store: Store) -> None:
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


async def test_the_name_of_a_draft_never_published_is_the_newest_one(store: Store) -> None:
    draft = await created(store)

    renamed = await store.documents.update(
        draft, edit=to("Ett", name="Nytt"), expected_version=1, publish=False, act=BY_ANNA
    )

    assert document_of(renamed).name == "Nytt"


async def test_save_and_publish_in_one_act_is_one_event(store: Store) -> None:
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
    assert await actions(store, document) == [Action.CREATED, Action.PUBLISHED, Action.PUBLISHED]


async def test_equal_content_with_publish_puts_the_newest_version_in_force(store: Store) -> None:
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
    assert await introductions(store, document) == [(1, "Ett"), (2, "Två")]


async def test_equal_content_with_publish_of_what_is_in_force_changes_nothing(
    store: Store, database: Database
) -> None:
    document = await published(store)
    before = await everything(database)

    saved = await store.documents.update(
        document, edit=to("Ett"), expected_version=1, publish=True, act=BY_BO
    )

    assert saved.event is None
    assert await everything(database) == before


async def test_an_older_version_can_be_put_in_force_and_the_draft_stays(store: Store) -> None:
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
    assert await introductions(store, document) == [(1, "Ett"), (2, "Två"), (3, "Tre")]


async def test_an_edit_after_publishing_an_older_version_keeps_that_in_force(store: Store) -> None:
    document = await saved_as(store, await published(store), "Två", "Tre")
    document = document_of(
        await store.documents.publish(document, version=2, expected_version=3, act=BY_BO)
    )

    document = await saved_as(store, document, "Fyra")

    assert (document.latest, document.published) == (4, 2)
    assert document.content_in_force == content("Två")


async def test_publishing_what_is_in_force_changes_nothing(
    store: Store, database: Database
) -> None:
    document = await saved_as(store, await published(store), "Två")
    before = await everything(database)

    saved = await store.documents.publish(document, version=1, expected_version=2, act=BY_BO)

    assert saved.event is None
    assert saved.version is not None
    assert saved.version.number == 1
    assert await everything(database) == before


async def test_a_version_that_does_not_exist_can_not_be_published(
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


async def test_a_publication_that_only_changes_what_staff_sees_is_not_resident_visible(
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


async def test_a_clinics_own_case_type_is_at_the_clinic_from_its_first_publication(
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


# ------------------------------------------------------------- state


@pytest.mark.parametrize("state", list(DocumentState))
async def test_what_each_state_allows(
    store: Store, database: Database, state: DocumentState
) -> None:
    allowed: dict[str, tuple[DocumentState, Action | None]] = {}
    refused: dict[str, DocumentState] = {}
    for name, write in ACTS.items():
        document = await in_state(store, state)
        before = await everything(database)
        try:
            saved = await write(store.documents, document)
        except WrongState as refusal:
            refused[name] = refusal.state
        else:
            allowed[name] = (document_of(saved).state, saved.event.action if saved.event else None)
        assert (await everything(database) == before) == (
            name in refused or allowed[name][1] is None
        )

    assert allowed == ALLOWED[state]
    assert refused == dict.fromkeys(ACTS.keys() - allowed.keys(), state)


DRAFT, ACTIVE, INACTIVE, ARCHIVED = DocumentState
ALLOWED = {
    DRAFT: {
        "update": (DRAFT, Action.EDITED),
        "update and publish": (ACTIVE, Action.PUBLISHED),
        "publish": (ACTIVE, Action.PUBLISHED),
        "archive": (ARCHIVED, Action.ARCHIVED),
        "restore": (DRAFT, Action.RESTORED),
    },
    ACTIVE: {
        "update": (ACTIVE, Action.EDITED),
        "update and publish": (ACTIVE, Action.PUBLISHED),
        "publish": (ACTIVE, None),
        "deactivate": (INACTIVE, Action.DEACTIVATED),
        "archive": (ARCHIVED, Action.ARCHIVED),
        "restore": (ACTIVE, Action.RESTORED),
    },
    INACTIVE: {
        "update": (INACTIVE, Action.EDITED),
        "update and publish": (INACTIVE, Action.PUBLISHED),
        "publish": (INACTIVE, None),
        "activate": (ACTIVE, Action.ACTIVATED),
        "archive": (ARCHIVED, Action.ARCHIVED),
        "restore": (INACTIVE, Action.RESTORED),
    },
    ARCHIVED: {"restore": (INACTIVE, Action.RESTORED)},
}


async def test_deactivate_and_activate_make_events_but_no_versions(store: Store) -> None:
    document = await in_state(store, DocumentState.ACTIVE)

    off = await store.documents.deactivate(
        document, expected_version=2, act=Act(BO, note="Semester")
    )
    on = await store.documents.activate(document, expected_version=2, act=BY_BO)

    assert off.event is not None
    assert on.event is not None
    assert (off.event.action, off.event.note, off.event.state, off.event.version) == (
        Action.DEACTIVATED,
        "Semester",
        DocumentState.INACTIVE,
        None,
    )
    assert (on.event.action, on.event.state, on.event.audience, on.event.resident_visible) == (
        Action.ACTIVATED,
        DocumentState.ACTIVE,
        Audience.ASSIGNED,
        True,
    )
    assert (document_of(on).latest, document_of(on).published, document_of(on).state) == (
        2,
        1,
        DocumentState.ACTIVE,
    )
    assert await introductions(store, document) == [(1, "Ett"), (2, "Två")]


async def test_an_act_on_state_leaves_author_and_time_of_the_newest_version(store: Store) -> None:
    document = await in_state(store, DocumentState.ACTIVE)

    after = document_of(await store.documents.deactivate(document, expected_version=2, act=BY_BO))

    assert (after.author, after.edited_at, after.hash) == (ANNA, document.edited_at, document.hash)
    assert after.event_count == document.event_count + 1


async def test_archive_takes_the_document_from_its_clinics_and_restore_gives_it_back_to_the_same(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN, EKEN)
    document = await published(store)
    await distributed(store, document, BJORKEN, LINDEN)

    archived = await store.documents.archive(document, expected_version=1, act=BY_ANNA)
    at_archived = {
        (row.clinic, row.until_sequence)
        for row in await store.assignments.of_clinics([BJORKEN, LINDEN, EKEN])
    }
    restored = await store.documents.restore(
        document, version=1, expected_version=1, publish=False, act=BY_BO
    )

    assert archived.event is not None
    assert restored.event is not None
    assert (archived.event.sequence, archived.event.audience, archived.event.resident_visible) == (
        5,
        Audience.ASSIGNED,
        True,
    )
    assert at_archived == {(BJORKEN, 5), (LINDEN, 5)}
    assert restored.event.sequence == 6
    now = {
        (row.clinic, row.from_sequence)
        for row in await store.assignments.of_clinics([BJORKEN, LINDEN, EKEN])
        if row.until_sequence is None
    }
    assert now == {(BJORKEN, 6), (LINDEN, 6)}
    assert document_of(restored).state is DocumentState.INACTIVE
    assert document_of(restored).archived_sequence is None


async def test_archiving_twice_over_gives_back_only_what_the_last_archiving_took(
    store: Store,
) -> None:
    await with_clinics(store, BJORKEN, LINDEN)
    document = await published(store)
    await distributed(store, document, BJORKEN)
    for _ in range(2):
        await store.documents.archive(document, expected_version=1, act=BY_ANNA)
        await store.documents.restore(
            document, version=1, expected_version=1, publish=True, act=BY_ANNA
        )

    spans = [
        (row.from_sequence, row.until_sequence)
        for row in await store.assignments.of_clinics([BJORKEN])
    ]
    assert sorted(spans) == [(4, 5), (6, 7), (8, None)]


async def test_an_archived_draft_comes_back_as_a_draft(store: Store) -> None:
    document = await created(store)
    await store.documents.archive(document, expected_version=1, act=BY_ANNA)

    restored = await store.documents.restore(
        document, version=1, expected_version=1, publish=False, act=BY_ANNA
    )

    assert (document_of(restored).state, document_of(restored).published) == (
        DocumentState.DRAFT,
        None,
    )


async def test_an_archived_draft_tells_no_clinic(store: Store) -> None:
    saved = await store.documents.archive(await created(store), expected_version=1, act=BY_ANNA)

    assert saved.event is not None
    assert (saved.event.audience, saved.event.resident_visible) == (Audience.NONE, False)


# ------------------------------------------------------------- restore


async def test_restore_appends_and_touches_neither_earlier_versions_nor_what_is_in_force(
    store: Store, database: Database
) -> None:
    document = await saved_as(store, await published(store), "Två", publish=True)
    before = await database.find("versions", {}, sort=[("number", 1)])

    saved = await store.documents.restore(
        document, version=1, expected_version=2, publish=False, act=Act(BO, note="Ångrat")
    )

    head, version = document_of(saved), saved.version
    assert version is not None
    assert saved.event is not None
    assert (
        version.number,
        version.restored_from,
        version.content,
        version.author,
        version.note,
    ) == (3, 1, content("Ett"), BO, "Ångrat")
    assert (head.latest, head.published, head.content_in_force) == (3, 2, content("Två"))
    assert (saved.event.action, saved.event.version, saved.event.restored_from) == (
        Action.RESTORED,
        3,
        1,
    )
    assert (saved.event.published_before, saved.event.published_after, saved.event.audience) == (
        2,
        2,
        Audience.NONE,
    )
    assert await database.find("versions", {"number": {"$lte": 2}}, sort=[("number", 1)]) == before


async def test_restore_with_publish_is_one_event_that_moves_what_is_in_force(store: Store) -> None:
    document = await saved_as(store, await published(store), "Två", publish=True)

    saved = await store.documents.restore(
        document, version=1, expected_version=2, publish=True, act=BY_BO
    )

    assert saved.event is not None
    assert (
        saved.event.action,
        saved.event.sequence,
        saved.event.version,
        saved.event.restored_from,
    ) == (Action.RESTORED, 4, 3, 1)
    assert (saved.event.published_before, saved.event.published_after) == (2, 3)
    assert (document_of(saved).published, document_of(saved).content_in_force) == (
        3,
        content("Ett"),
    )


async def test_restore_of_the_newest_content_changes_nothing(
    store: Store, database: Database
) -> None:
    document = await saved_as(store, await published(store), "Två", "Ett")
    before = await everything(database)

    saved = await store.documents.restore(
        document, version=1, expected_version=3, publish=False, act=BY_BO
    )

    assert saved.event is None
    assert saved.version is not None
    assert saved.version.number == 3
    assert await everything(database) == before


async def test_restore_takes_back_where_the_content_came_from(store: Store) -> None:
    template = Derivation("tpl_1", 4)
    document = document_of(
        await store.documents.create(
            CASE_TYPE,
            principal=STOCKHOLM,
            owner=Owner(OwnerKind.PRINCIPAL, STOCKHOLM),
            content=content("Ett"),
            derived_from=template,
            act=BY_ANNA,
        )
    )
    document = await saved_as(store, document, "Två")

    saved = await store.documents.restore(
        document, version=1, expected_version=2, publish=False, act=BY_ANNA
    )

    assert saved.version is not None
    assert (saved.version.derived_from, document_of(saved).derived_from) == (template, template)


async def test_restore_of_a_version_that_does_not_exist_writes_nothing(
    store: Store, database: Database
) -> None:
    document = await in_state(store, DocumentState.ARCHIVED)
    before = await everything(database)

    with pytest.raises(NotFound):
        await store.documents.restore(
            document, version=3, expected_version=2, publish=True, act=BY_ANNA
        )

    assert await everything(database) == before


# ------------------------------------------------------------- conflicts


async def test_every_act_from_an_older_version_conflicts_and_tells_who_saved_and_when(
    store: Store, database: Database
) -> None:
    stale = await created(store)
    newest = await saved_as(store, stale, "Två", act=BY_BO)
    before = await everything(database)

    for write in ACTS.values():
        with pytest.raises(VersionConflict) as refused:
            await write(store.documents, stale)
        conflict = refused.value
        assert (conflict.document, conflict.principal, conflict.path) == (
            stale.id,
            STOCKHOLM,
            ("expectedVersion",),
        )
        assert (conflict.expected, conflict.latest, conflict.by, conflict.at) == (
            1,
            2,
            BO,
            newest.edited_at,
        )

    assert await everything(database) == before


async def test_a_version_that_is_yet_to_come_conflicts_too(store: Store) -> None:
    document = await created(store)

    with pytest.raises(VersionConflict) as refused:
        await store.documents.update(
            document, edit=to("Två"), expected_version=2, publish=False, act=BY_BO
        )

    assert (refused.value.expected, refused.value.latest) == (2, 1)


async def test_acts_on_state_do_not_move_the_expected_version(store: Store) -> None:
    document = await published(store)
    await store.documents.deactivate(document, expected_version=1, act=BY_BO)

    saved = await store.documents.update(
        document, edit=to("Två"), expected_version=1, publish=False, act=BY_ANNA
    )

    assert document_of(saved).latest == 2


async def test_a_document_of_another_log_is_not_found(store: Store, database: Database) -> None:
    document = await created(store, principal=STOCKHOLM)
    before = await everything(database)

    with pytest.raises(NotFound):
        await store.documents.update(
            replace(document, principal=UPPSALA),
            edit=to("Två"),
            expected_version=1,
            publish=False,
            act=BY_ANNA,
        )

    assert await everything(database) == before


# ------------------------------------------------------------- events


async def test_every_act_writes_exactly_one_event_with_the_next_sequence(
    store: Store, database: Database
) -> None:
    document = await created(store)
    told = [
        await store.documents.update(
            document, edit=to("Två"), expected_version=1, publish=False, act=BY_ANNA
        ),
        await store.documents.publish(document, version=1, expected_version=2, act=BY_ANNA),
        await store.documents.update(
            document, edit=to("Tre"), expected_version=2, publish=True, act=BY_ANNA
        ),
        await store.documents.deactivate(document, expected_version=3, act=BY_ANNA),
        await store.documents.activate(document, expected_version=3, act=BY_ANNA),
        await store.documents.restore(
            document, version=1, expected_version=3, publish=False, act=BY_ANNA
        ),
        await store.documents.archive(document, expected_version=4, act=BY_ANNA),
        await store.documents.restore(
            document, version=2, expected_version=4, publish=True, act=BY_ANNA
        ),
    ]

    assert [saved.event.sequence for saved in told if saved.event] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert await sequences(database) == list(range(1, 10))
    assert await actions(store, document) == [
        Action.CREATED,
        Action.EDITED,
        Action.PUBLISHED,
        Action.PUBLISHED,
        Action.DEACTIVATED,
        Action.ACTIVATED,
        Action.RESTORED,
        Action.ARCHIVED,
        Action.RESTORED,
    ]
    head = await head_of(store, document)
    assert (head.event_count, head.latest, head.published, head.state) == (
        9,
        5,
        5,
        DocumentState.ACTIVE,
    )
    assert head.notice_count == await database.count("events", {"audience": {"$ne": "NONE"}}) == 6
    assert (await database.find_one("logs", {"_id": STOCKHOLM}) or {})["sequence"] == 9


async def test_refused_acts_leave_no_gap_in_the_log(store: Store, database: Database) -> None:
    document = await created(store)

    for write in ACTS.values():
        with pytest.raises(RegistryError):
            await write(store.documents, replace(document, latest=7))
    await saved_as(store, document, "Två")

    assert await sequences(database) == [1, 2]


async def test_a_principal_without_a_log_can_not_be_written_to(
    store: Store, database: Database
) -> None:
    before = await everything(database)

    with pytest.raises(LookupError, match="SE1"):
        await created(store, principal="SE1")

    assert await everything(database) == before


# ------------------------------------------------------------- reading


async def test_heads_and_versions_that_exist_are_found_in_one_go(store: Store) -> None:
    first, second = await saved_as(store, await created(store), "Två"), await created(store)

    heads = await store.documents.get_many([first.id, "ct_none", second.id, first.id])
    versions = await store.documents.get_versions(
        [(first.id, 2), (first.id, 3), (second.id, 1), (first.id, 2)]
    )

    assert set(heads) == {first.id, second.id}
    assert set(versions) == {(first.id, 2), (second.id, 1)}
    assert await store.documents.get_many([]) == {}
    assert await store.documents.get_versions([]) == {}
