"""`documentPublish`: published versions, notifications, conflicts, states, permissions, repeats."""

from tests.callers import BJORKEN, CONFLICT, LINDEN, STOCKHOLM, Json, problems
from tests.world import CONTENT, World

SAVED = """document { id name state latestVersion publishedVersion
        ... on CaseType { content { introduction } } }
    event { action version note actor { name role unit }
        changes { path kind before after residentVisible } }"""
INBOX = """query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications { totalCount edges {
    node { action fromVersion toVersion residentVisible note by { role unit name employeeHsaId }
        changes { path } clinic { hsaId } } } } } }"""


async def test_a_first_publication_makes_the_draft_active(world: World) -> None:
    draft = await world.draft()

    saved = await world.region.done(
        "documentPublish", SAVED, id=draft, version=1, expectedVersion=1, note="Beslutad"
    )

    assert saved["document"] == {
        "id": draft,
        "name": "Förnya recept",
        "state": "ACTIVE",
        "latestVersion": 1,
        "publishedVersion": 1,
        "content": {"introduction": CONTENT["introduction"]},
    }
    assert saved["event"] == {
        "action": "PUBLISHED",
        "version": 1,
        "note": "Beslutad",
        "actor": {"name": "Anna Andersson", "role": "REGIONAL_ADMINISTRATOR", "unit": STOCKHOLM},
        "changes": [],
    }


async def test_a_later_publication_lists_the_changes_of_the_published_content(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Två.")
    await world.edit(world.case_type, 2, introduction="Tre.", rationale="Därför.")

    saved = await world.region.done(
        "documentPublish", SAVED, id=world.case_type, version=3, expectedVersion=3
    )

    assert saved["document"]["publishedVersion"] == 3
    assert saved["document"]["content"] == {"introduction": "Tre."}
    assert saved["event"]["changes"] == [
        {
            "path": "rationale",
            "kind": "CHANGED",
            "before": None,
            "after": "Därför.",
            "residentVisible": False,
        },
        {
            "path": "introduction",
            "kind": "CHANGED",
            "before": CONTENT["introduction"],
            "after": "Tre.",
            "residentVisible": True,
        },
    ]


async def test_an_earlier_version_can_be_published_again(world: World) -> None:
    await world.edit(world.case_type, 1, publish=True, introduction="Två.", name="Nytt namn")

    saved = await world.region.done(
        "documentPublish", SAVED, id=world.case_type, version=1, expectedVersion=2
    )

    assert saved["document"] == {
        "id": world.case_type,
        "name": "Förnya recept",
        "state": "ACTIVE",
        "latestVersion": 2,
        "publishedVersion": 1,
        "content": {"introduction": CONTENT["introduction"]},
    }


async def test_publishing_the_published_version_again_changes_nothing(world: World) -> None:
    before = await world.api.snapshot()

    saved = await world.region.done(
        "documentPublish", SAVED, id=world.case_type, version=1, expectedVersion=1
    )

    assert saved["event"] is None
    assert saved["document"]["publishedVersion"] == 1
    assert await world.api.snapshot() == before


async def test_clinics_that_have_the_case_type_are_notified_without_names(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    await world.edit(world.case_type, 1, publish=True, note="Kortare", introduction="Två.")

    received = (await world.staff.ask(INBOX, clinic=BJORKEN))["clinic"]["notifications"]
    elsewhere = (await world.region.ask(INBOX, clinic=LINDEN))["clinic"]["notifications"]

    assert received["totalCount"] == 2
    assert received["edges"][0]["node"] == {
        "action": "PUBLISHED",
        "fromVersion": 1,
        "toVersion": 2,
        "residentVisible": True,
        "note": "Kortare",
        "by": {
            "role": "REGIONAL_ADMINISTRATOR",
            "unit": STOCKHOLM,
            "name": None,
            "employeeHsaId": None,
        },
        "changes": [{"path": "introduction"}],
        "clinic": {"hsaId": BJORKEN},
    }
    assert elsewhere == {"totalCount": 0, "edges": []}


async def test_a_change_for_staff_only_is_marked_as_not_resident_visible(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    await world.edit(world.case_type, 1, publish=True, internalName="Annat internt namn")

    notification = (await world.staff.ask(INBOX, clinic=BJORKEN))["clinic"]["notifications"][
        "edges"
    ][0]["node"]

    assert (notification["residentVisible"], notification["changes"]) == (
        False,
        [{"path": "internalName"}],
    )


async def test_a_stale_publication_conflicts_and_writes_nothing(world: World) -> None:
    edited = await world.edit(world.case_type, 1, introduction="Nytt.")
    before = await world.api.snapshot()
    at = (
        await world.region.ask(
            "query($id: ID!) { caseType(id: $id) { version { createdAt } } }", id=world.case_type
        )
    )["caseType"]["version"]

    refused = await world.region.do(
        "documentPublish", f"{SAVED} {CONFLICT}", id=world.case_type, version=1, expectedVersion=1
    )

    assert edited["version"]["number"] == 2
    [conflict] = refused["errors"]
    assert conflict.pop("message") != ""
    assert conflict == {
        "__typename": "VersionConflict",
        "code": "VERSION_CONFLICT",
        "path": ["expectedVersion"],
        "expectedVersion": 1,
        "latestVersion": 2,
        "at": at["createdAt"],
        "by": {
            "name": "Anna Andersson",
            "role": "REGIONAL_ADMINISTRATOR",
            "unit": STOCKHOLM,
            "employeeHsaId": f"{STOCKHOLM}-RA",
        },
        "changes": [
            {
                "kind": "CHANGED",
                "path": "introduction",
                "before": CONTENT["introduction"],
                "after": "Nytt.",
                "text": [
                    {"kind": "DELETED", "text": "Här kan du **förnya** ditt recept"},
                    {"kind": "INSERTED", "text": "Nytt"},
                    {"kind": "SAME", "text": "."},
                ],
            }
        ],
    }
    assert (refused["document"], refused["event"]) == (None, None)
    assert await world.api.snapshot() == before


async def test_an_unknown_document_or_version_cannot_be_published(world: World) -> None:
    before = await world.api.snapshot()

    refused = [
        problems(
            await world.region.do(
                "documentPublish", SAVED, id=world.case_type, version=2, expectedVersion=1
            )
        ),
        problems(
            await world.region.do(
                "documentPublish", SAVED, id=world.case_type, version=0, expectedVersion=1
            )
        ),
        problems(
            await world.region.do(
                "documentPublish",
                SAVED,
                id="ct_000000000000000000000000",
                version=1,
                expectedVersion=1,
            )
        ),
        problems(
            await world.region.do(
                "documentPublish", SAVED, id=world.case_type, version=1, expectedVersion=9
            )
        ),
    ]

    assert refused == [
        [("NOT_FOUND", "version")],
        [("NOT_FOUND", "version")],
        [("NOT_FOUND", "id")],
        [("VERSION_CONFLICT", "expectedVersion")],
    ]
    assert await world.api.snapshot() == before


async def test_an_archived_document_cannot_be_published(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Nytt.")
    await world.region.done(
        "documentArchive", "event { id }", id=world.case_type, expectedVersion=2
    )
    before = await world.api.snapshot()

    refused = await world.region.do(
        "documentPublish",
        f"{SAVED} errors {{ ... on WrongState {{ state }} }}",
        id=world.case_type,
        version=2,
        expectedVersion=2,
    )

    assert problems(refused) == [("WRONG_STATE", "id")]
    assert refused["errors"][0]["state"] == "ARCHIVED"
    assert await world.api.snapshot() == before


async def test_a_publication_leaves_a_deactivated_document_deactivated(world: World) -> None:
    await world.region.done(
        "documentDeactivate", "event { id }", id=world.case_type, expectedVersion=1
    )

    saved = await world.edit(world.case_type, 1, publish=True, introduction="Nytt.")

    assert saved["caseType"] == {
        "id": world.case_type,
        "latestVersion": 2,
        "publishedVersion": 2,
        "state": "INACTIVE",
    }


async def test_other_callers_cannot_publish_documents_of_the_region(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Nytt.")
    draft = await world.draft()

    published = await world.refusals(
        "documentPublish", id=world.case_type, version=2, expectedVersion=2
    )
    drafted = await world.refusals("documentPublish", id=draft, version=1, expectedVersion=1)

    assert published == dict.fromkeys(published, "NOT_PERMITTED") | {
        "other_region": "NOT_FOUND",
        "nobody": "UNAUTHENTICATED",
    }
    assert drafted == dict.fromkeys(drafted, "NOT_FOUND") | {
        "reviewer": "NOT_PERMITTED",
        "nobody": "UNAUTHENTICATED",
    }


async def test_a_repeated_publication_with_the_same_key_is_done_once(world: World) -> None:
    await world.edit(world.case_type, 1, introduction="Nytt.")
    call: Json = {
        "id": world.case_type,
        "version": 2,
        "expectedVersion": 2,
        "note": "Nu",
        "idempotencyKey": "publicera",
    }
    first = await world.region.done("documentPublish", SAVED, **call)
    before = await world.api.snapshot()

    again = await world.region.done("documentPublish", SAVED, **call)
    other = await world.region.do("documentPublish", SAVED, **{**call, "version": 1})

    assert again == first
    assert problems(other) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert await world.api.snapshot() == before


async def test_a_repeat_after_a_later_edit_returns_the_first_act(world: World) -> None:
    call: Json = {
        "id": await world.draft(),
        "version": 1,
        "expectedVersion": 1,
        "idempotencyKey": "publicera",
    }
    first = await world.region.done("documentPublish", SAVED, **call)
    await world.edit(call["id"], 1, introduction="Senare.")

    again = await world.region.done("documentPublish", SAVED, **call)

    assert again["event"] == first["event"]
