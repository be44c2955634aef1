"""`documentDeactivate`, `documentActivate` and `documentArchive`.

Covers states, notifications, conflicts, permissions and repeats.
"""

from tests.callers import BJORKEN, CONFLICT, LINDEN, Json, problems
from tests.world import World

SAVED = "document { id state latestVersion publishedVersion } event { action version note }"
WRONG = f"{SAVED} errors {{ ... on WrongState {{ state }} }}"
INBOX = """query($clinic: HsaId!) { clinic(hsaId: $clinic) {
    notifications { edges { node { action fromVersion toVersion residentVisible } } } } }"""
ACTS = ("documentDeactivate", "documentActivate", "documentArchive")


async def inbox(world: World, clinic: str) -> list[Json]:
    """The notifications of a clinic, newest first."""
    found = await world.region.ask(INBOX, clinic=clinic)
    return [edge["node"] for edge in found["clinic"]["notifications"]["edges"]]


async def test_deactivate_and_activate_create_no_version(world: World) -> None:
    hidden = await world.region.done(
        "documentDeactivate", SAVED, id=world.case_type, expectedVersion=1, note="Översyn"
    )
    shown = await world.region.done(
        "documentActivate", SAVED, id=world.case_type, expectedVersion=1
    )

    document = {"id": world.case_type, "latestVersion": 1, "publishedVersion": 1}
    assert hidden == {
        "document": {**document, "state": "INACTIVE"},
        "event": {"action": "DEACTIVATED", "version": None, "note": "Översyn"},
        "errors": [],
    }
    assert shown == {
        "document": {**document, "state": "ACTIVE"},
        "event": {"action": "ACTIVATED", "version": None, "note": None},
        "errors": [],
    }


async def test_a_change_of_state_writes_one_event_and_no_version(world: World) -> None:
    before = await world.api.snapshot()

    await world.region.done("documentDeactivate", SAVED, id=world.case_type, expectedVersion=1)

    after = await world.api.snapshot()
    assert len(after["events"]) == len(before["events"]) + 1
    assert after["versions"] == before["versions"]


async def test_an_archived_document_is_not_in_the_lists(world: World) -> None:
    lists = (
        "{ caseTypes { totalCount } archived: caseTypes(filter: { state: [ARCHIVED] }) { edges {"
        " node { id } } } }"
    )

    saved = await world.region.done("documentArchive", SAVED, id=world.case_type, expectedVersion=1)

    assert saved["document"] == {
        "id": world.case_type,
        "state": "ARCHIVED",
        "latestVersion": 1,
        "publishedVersion": 1,
    }
    assert saved["event"] == {"action": "ARCHIVED", "version": None, "note": None}
    found = await world.region.ask(lists)
    assert found == {
        "caseTypes": {"totalCount": 0},
        "archived": {"edges": [{"node": {"id": world.case_type}}]},
    }


async def test_clinics_that_have_the_case_type_are_notified_of_every_change_of_state(
    world: World,
) -> None:
    await world.distribute(world.case_type, BJORKEN)
    for act in ACTS:
        await world.region.done(act, SAVED, id=world.case_type, expectedVersion=1)

    received = await inbox(world, BJORKEN)

    assert [(node["action"], node["residentVisible"]) for node in received] == [
        ("ARCHIVED", True),
        ("ACTIVATED", True),
        ("DEACTIVATED", True),
        ("DISTRIBUTED", True),
    ]
    assert await inbox(world, LINDEN) == []


async def test_archiving_a_document_closes_its_assignments(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)

    await world.region.done("documentArchive", SAVED, id=world.case_type, expectedVersion=1)

    [assignment] = (await world.api.snapshot())["assignments"]
    assert (assignment["open"], assignment["until_sequence"]) == (False, 5)


async def test_archiving_a_draft_notifies_no_clinic(world: World) -> None:
    draft = await world.draft()

    saved = await world.region.done("documentArchive", SAVED, id=draft, expectedVersion=1)

    assert saved["document"] == {
        "id": draft,
        "state": "ARCHIVED",
        "latestVersion": 1,
        "publishedVersion": None,
    }
    assert await inbox(world, BJORKEN) == []


async def test_an_act_that_the_state_does_not_allow_is_refused(world: World) -> None:
    draft = await world.draft()
    archived = await world.draft()
    await world.region.done("documentArchive", SAVED, id=archived, expectedVersion=1)
    attempts = [
        ("documentActivate", draft, "DRAFT"),
        ("documentDeactivate", draft, "DRAFT"),
        ("documentActivate", world.case_type, "ACTIVE"),
        ("documentActivate", archived, "ARCHIVED"),
        ("documentDeactivate", archived, "ARCHIVED"),
        ("documentArchive", archived, "ARCHIVED"),
    ]
    before = await world.api.snapshot()

    for act, document, state in attempts:
        refused = await world.region.do(act, WRONG, id=document, expectedVersion=1)
        assert problems(refused) == [("WRONG_STATE", "id")]
        assert refused["errors"][0]["state"] == state
        assert (refused["document"], refused["event"]) == (None, None)
    edited = await world.region.do(
        "caseTypeUpdate", "event { id }", id=archived, expectedVersion=1, content={"name": "Nej"}
    )

    assert problems(edited) == [("WRONG_STATE", "id")]
    assert await world.api.snapshot() == before


async def test_stale_acts_conflict_and_write_nothing(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Nytt.")
    before = await world.api.snapshot()

    for act in ACTS:
        refused = await world.region.do(
            act, f"{SAVED} {CONFLICT}", id=world.case_type, expectedVersion=1
        )
        assert problems(refused) == [("VERSION_CONFLICT", "expectedVersion")]
        [conflict] = refused["errors"]
        assert (conflict["expectedVersion"], conflict["latestVersion"], conflict["by"]["name"]) == (
            1,
            2,
            "Anna Andersson",
        )
        assert conflict["at"].endswith("Z")
        assert [change["path"] for change in conflict["changes"]] == ["introduction"]

    assert await world.api.snapshot() == before


async def test_other_callers_cannot_change_the_state_of_documents_of_the_region(
    world: World,
) -> None:
    for act in ACTS:
        codes = await world.refusals(act, id=world.case_type, expectedVersion=1)
        assert codes == dict.fromkeys(codes, "NOT_PERMITTED") | {
            "other_region": "NOT_FOUND",
            "nobody": "UNAUTHENTICATED",
        }


async def test_a_local_administrator_changes_the_state_of_the_clinics_documents(
    world: World,
) -> None:
    created = await world.clinic_admin.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content={"name": "Egen", "internalName": "Egen"},
    )
    own = created["caseType"]["id"]
    await world.clinic_admin.done("documentPublish", SAVED, id=own, version=1, expectedVersion=1)

    states = [
        (await world.clinic_admin.done(act, SAVED, id=own, expectedVersion=1))["document"]["state"]
        for act in ACTS
    ]

    assert states == ["INACTIVE", "ACTIVE", "ARCHIVED"]


async def test_a_repeated_act_with_the_same_key_is_done_once(world: World) -> None:
    firsts = [
        await world.region.done(
            act, SAVED, id=world.case_type, expectedVersion=1, idempotencyKey=act
        )
        for act in ACTS
    ]
    before = await world.api.snapshot()

    again = [
        await world.region.done(
            act, SAVED, id=world.case_type, expectedVersion=1, idempotencyKey=act
        )
        for act in ACTS
    ]
    other_input = await world.region.do(
        "documentArchive",
        SAVED,
        id=world.case_type,
        expectedVersion=1,
        note="Nu",
        idempotencyKey="documentArchive",
    )
    other_act = await world.region.do(
        "documentActivate",
        SAVED,
        id=world.case_type,
        expectedVersion=1,
        idempotencyKey="documentArchive",
    )

    assert [payload["event"] for payload in again] == [payload["event"] for payload in firsts]
    assert (
        problems(other_input)
        == problems(other_act)
        == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    )
    assert await world.api.snapshot() == before
