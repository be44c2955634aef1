"""`documentRestore`: an earlier content becomes a new version.

Covers the published version, archived documents, conflicts, permissions and repeats.
"""

from tests.callers import BJORKEN, CONFLICT, Json, problems
from tests.world import CONTENT, World

SAVED = """document { id state latestVersion publishedVersion
      ... on CaseType { content { introduction }
      version { number restoredFrom note derivedFrom { version } content { introduction } } } }
    event { action version note }"""
INBOX = """query($clinic: HsaId!) { clinic(hsaId: $clinic) {
    notifications(first: 2) { edges { node { action toVersion residentVisible } } } } }"""


async def test_a_restore_appends_a_version_and_leaves_the_published_version(world: World) -> None:
    await world.edit(world.case_type, 1, publish=True, introduction="Två.")

    saved = await world.region.done(
        "documentRestore",
        SAVED,
        id=world.case_type,
        version=1,
        expectedVersion=2,
        note="Den gamla var bättre",
    )

    assert saved["document"] == {
        "id": world.case_type,
        "state": "ACTIVE",
        "latestVersion": 3,
        "publishedVersion": 2,
        "content": {"introduction": "Två."},
        "version": {
            "number": 3,
            "restoredFrom": 1,
            "note": "Den gamla var bättre",
            "derivedFrom": {"version": 1},
            "content": {"introduction": CONTENT["introduction"]},
        },
    }
    assert saved["event"] == {"action": "RESTORED", "version": 3, "note": "Den gamla var bättre"}


async def test_a_restore_can_publish_in_the_same_act(world: World) -> None:
    await world.edit(world.case_type, 1, publish=True, introduction="Två.")
    await world.distribute(world.case_type, BJORKEN)
    before = await world.api.snapshot()

    saved = await world.region.done(
        "documentRestore", SAVED, id=world.case_type, version=1, expectedVersion=2, publish=True
    )

    assert (saved["document"]["latestVersion"], saved["document"]["publishedVersion"]) == (3, 3)
    assert saved["document"]["content"] == {"introduction": CONTENT["introduction"]}
    assert len((await world.api.snapshot())["events"]) == len(before["events"]) + 1
    inbox = (
        "query($id: HsaId!) { clinic(hsaId: $id) { notifications(first: 1) { edges { node { action"
        " fromVersion toVersion } } } } }"
    )
    notifications = (await world.staff.ask(inbox, id=BJORKEN))["clinic"]["notifications"]["edges"]
    assert notifications == [{"node": {"action": "RESTORED", "fromVersion": 2, "toVersion": 3}}]


async def test_restoring_the_latest_version_changes_nothing(world: World) -> None:
    before = await world.api.snapshot()

    saved = await world.region.done(
        "documentRestore", SAVED, id=world.case_type, version=1, expectedVersion=1
    )

    assert saved["event"] is None
    assert saved["document"]["latestVersion"] == 1
    assert await world.api.snapshot() == before


async def test_a_restored_document_is_inactive_and_back_at_its_clinics(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    await world.region.done(
        "documentArchive", "event { id }", id=world.case_type, expectedVersion=1
    )

    saved = await world.region.done(
        "documentRestore", SAVED, id=world.case_type, version=1, expectedVersion=1
    )

    assert {
        name: saved["document"][name] for name in ("state", "latestVersion", "publishedVersion")
    } == {
        "state": "INACTIVE",
        "latestVersion": 1,
        "publishedVersion": 1,
    }
    assert saved["event"]["action"] == "RESTORED"
    assignments = (await world.api.snapshot())["assignments"]
    assert [(row["clinic"], row["open"]) for row in assignments] == [
        (BJORKEN, False),
        (BJORKEN, True),
    ]
    inbox = await world.staff.ask(INBOX, clinic=BJORKEN)
    assert [
        tuple(edge["node"].values()) for edge in inbox["clinic"]["notifications"]["edges"][:2]
    ] == [
        ("RESTORED", 1, False),
        ("ARCHIVED", 1, True),
    ]


async def test_a_restored_draft_is_a_draft_again(world: World) -> None:
    draft = await world.draft()
    await world.region.done("documentArchive", "event { id }", id=draft, expectedVersion=1)

    saved = await world.region.done(
        "documentRestore", SAVED, id=draft, version=1, expectedVersion=1
    )

    assert (saved["document"]["state"], saved["document"]["publishedVersion"]) == ("DRAFT", None)


async def test_an_archived_document_restored_with_publish_is_active_in_that_version(
    world: World,
) -> None:
    await world.edit(world.case_type, 1, publish=True, introduction="Två.")
    await world.region.done(
        "documentArchive", "event { id }", id=world.case_type, expectedVersion=2
    )

    saved = await world.region.done(
        "documentRestore", SAVED, id=world.case_type, version=1, expectedVersion=2, publish=True
    )

    assert {
        name: saved["document"][name] for name in ("state", "latestVersion", "publishedVersion")
    } == {
        "state": "ACTIVE",
        "latestVersion": 3,
        "publishedVersion": 3,
    }
    assert saved["document"]["content"] == {"introduction": CONTENT["introduction"]}


async def test_stale_and_unknown_versions_are_refused(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Två.")
    before = await world.api.snapshot()

    stale = await world.region.do(
        "documentRestore", f"{SAVED} {CONFLICT}", id=world.case_type, version=1, expectedVersion=1
    )
    unknown = await world.region.do(
        "documentRestore", SAVED, id=world.case_type, version=3, expectedVersion=2
    )

    assert problems(stale) == [("VERSION_CONFLICT", "expectedVersion")]
    [conflict] = stale["errors"]
    assert (conflict["expectedVersion"], conflict["latestVersion"], conflict["by"]["name"]) == (
        1,
        2,
        "Anna Andersson",
    )
    assert conflict["at"].endswith("Z")
    assert [(change["path"], change["after"]) for change in conflict["changes"]] == [
        ("introduction", "Två.")
    ]
    assert problems(unknown) == [("NOT_FOUND", "version")]
    assert await world.api.snapshot() == before


async def test_other_callers_cannot_restore_documents_of_the_region(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Två.")

    codes = await world.refusals(
        "documentRestore", id=world.case_type, version=1, expectedVersion=2
    )

    assert codes == dict.fromkeys(codes, "NOT_PERMITTED") | {
        "other_region": "NOT_FOUND",
        "nobody": "UNAUTHENTICATED",
    }


async def test_a_repeated_restore_with_the_same_key_is_done_once(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Två.")
    call: Json = {
        "id": world.case_type,
        "version": 1,
        "expectedVersion": 2,
        "idempotencyKey": "återställ",
    }
    first = await world.region.done("documentRestore", SAVED, **call)
    before = await world.api.snapshot()

    again = await world.region.done("documentRestore", SAVED, **call)
    other = await world.region.do("documentRestore", SAVED, **{**call, "publish": True})

    assert again == first
    assert problems(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert await world.api.snapshot() == before
