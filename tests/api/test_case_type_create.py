"""`caseTypeCreate`: drafts, defaults, templates, permissions and idempotency keys."""

from typing import Any

from store.records import Role
from tests.callers import BJORKEN, LINDEN, STOCKHOLM, UPPSALA_CLINIC, Json, problems
from tests.world import CONTENT, World

SAVED = """
    caseType { id name internalName state scope latestVersion publishedVersion
        owner { __typename ... on Principal { hsaId } ... on Clinic { hsaId } } }
    version { number note hash previousHash restoredFrom author { name role unit }
        content { name language submittable introduction questions { key }
            restrictions { proxyAllowed listedOnly countyCodes } responseTime { amount unit } }
        derivedFrom { version behind } }
    event { action version note actor { name role unit employeeHsaId } document { id } }
"""

NAMES: Json = {"name": "Kontakta mig", "internalName": "Kontakta mig, regionen"}


def content(**changed: Any) -> Json:
    return {**NAMES, **changed}


async def test_a_new_case_type_is_a_draft_of_its_owner(world: World) -> None:
    saved = await world.region.done(
        "caseTypeCreate", SAVED, owner=STOCKHOLM, content=content(), note="Efter önskemål"
    )

    case_type = saved["caseType"]
    assert case_type.pop("id").startswith("ct_")
    assert case_type == {
        "name": "Kontakta mig",
        "internalName": "Kontakta mig, regionen",
        "state": "DRAFT",
        "scope": "CENTRAL",
        "latestVersion": 1,
        "publishedVersion": None,
        "owner": {"__typename": "Principal", "hsaId": STOCKHOLM},
    }
    version = saved["version"]
    assert len(version.pop("hash")) == 64
    assert version == {
        "number": 1,
        "note": "Efter önskemål",
        "previousHash": None,
        "restoredFrom": None,
        "author": {"name": "Anna Andersson", "role": "REGIONAL_ADMINISTRATOR", "unit": STOCKHOLM},
        "content": {
            "name": "Kontakta mig",
            "language": "sv",
            "submittable": True,
            "introduction": "",
            "questions": [],
            "restrictions": {"proxyAllowed": True, "listedOnly": False, "countyCodes": []},
            "responseTime": None,
        },
        "derivedFrom": None,
    }


async def test_the_log_has_the_act_with_its_actor_and_note(world: World) -> None:
    saved = await world.region.done(
        "caseTypeCreate", SAVED, owner=STOCKHOLM, content=content(), note="Efter önskemål"
    )

    assert saved["event"] == {
        "action": "CREATED",
        "version": 1,
        "note": "Efter önskemål",
        "actor": {
            "name": "Anna Andersson",
            "role": "REGIONAL_ADMINISTRATOR",
            "unit": STOCKHOLM,
            "employeeHsaId": f"{STOCKHOLM}-RA",
        },
        "document": {"id": saved["event"]["document"]["id"]},
    }


async def test_a_creation_writes_one_document_one_version_and_one_event(world: World) -> None:
    before = await world.api.snapshot()

    await world.draft()

    after = await world.api.snapshot()
    grown = {name: len(after[name]) - len(before[name]) for name in before}
    assert {name: number for name, number in grown.items() if number} == {
        "documents": 1,
        "versions": 1,
        "events": 1,
    }


async def test_a_local_administrator_creates_a_local_case_type(world: World) -> None:
    saved = await world.clinic_admin.done(
        "caseTypeCreate", SAVED, owner=BJORKEN.lower(), content=content()
    )

    assert saved["caseType"]["scope"] == "LOCAL"
    assert saved["caseType"]["owner"] == {"__typename": "Clinic", "hsaId": BJORKEN}
    assert saved["version"]["author"] == {
        "name": None,
        "role": "LOCAL_ADMINISTRATOR",
        "unit": BJORKEN,
    }


async def test_omitted_fields_come_from_the_template(world: World) -> None:
    saved = await world.region.done(
        "caseTypeCreate",
        SAVED,
        owner=STOCKHOLM,
        content=content(),
        fromTemplate={"id": world.template},
    )

    assert saved["version"]["derivedFrom"] == {"version": 1, "behind": False}
    assert saved["version"]["content"]["name"] == "Kontakta mig"
    assert saved["version"]["content"]["introduction"] == CONTENT["introduction"]
    assert [question["key"] for question in saved["version"]["content"]["questions"]] == [
        "medicin",
        "apotek",
        "vilket",
    ]
    assert saved["version"]["content"]["responseTime"] == {"amount": 3, "unit": "WORKING_DAYS"}


async def test_an_unknown_template_is_not_found(world: World) -> None:
    before = await world.api.snapshot()

    refused = await world.region.do(
        "caseTypeCreate",
        "caseType { id }",
        owner=STOCKHOLM,
        content=content(),
        fromTemplate={"id": "tpl_000000000000000000000000"},
    )

    assert problems(refused) == [("NOT_FOUND", "fromTemplate.id")]
    assert await world.api.snapshot() == before


async def test_an_unknown_template_version_is_refused(world: World) -> None:
    for version in (7, 0, -1):
        refused = await world.region.do(
            "caseTypeCreate",
            "caseType { id }",
            owner=STOCKHOLM,
            content=content(),
            fromTemplate={"id": world.template, "version": version},
        )

        assert problems(refused) == [("UNKNOWN_VERSION", "fromTemplate.version")]


async def test_other_callers_cannot_create_a_case_type_of_the_region(world: World) -> None:
    codes = await world.refusals("caseTypeCreate", owner=STOCKHOLM, content=content())

    assert codes == dict.fromkeys(codes, "NOT_PERMITTED") | {"nobody": "UNAUTHENTICATED"}


async def test_callers_who_cannot_edit_at_a_clinic_cannot_create_there(world: World) -> None:
    before = await world.api.snapshot()
    attempts = [
        (world.staff, BJORKEN),
        (world.clinic_admin, LINDEN),
        (world.region, UPPSALA_CLINIC),
        (world.region, "SE2321000016-9Z99"),
    ]

    refused = [
        problems(
            await caller.do("caseTypeCreate", "caseType { id }", owner=owner, content=content())
        )
        for caller, owner in attempts
    ]

    assert refused == [
        [("NOT_PERMITTED", "owner")],
        [("NOT_FOUND", "owner")],
        [("NOT_FOUND", "owner")],
        [("NOT_FOUND", "owner")],
    ]
    assert await world.api.snapshot() == before


async def test_the_same_key_returns_the_first_result_again(world: World) -> None:
    call: Json = {"owner": STOCKHOLM, "content": content(), "idempotencyKey": "en gång"}
    first = await world.region.done("caseTypeCreate", SAVED, **call)
    before = await world.api.snapshot()

    again = await world.region.done("caseTypeCreate", SAVED, **call)

    assert again == first
    assert await world.api.snapshot() == before


async def test_the_same_key_with_other_input_is_refused(world: World) -> None:
    await world.region.done(
        "caseTypeCreate", SAVED, owner=STOCKHOLM, content=content(), idempotencyKey="en gång"
    )
    before = await world.api.snapshot()

    refused = await world.region.do(
        "caseTypeCreate",
        "caseType { id }",
        owner=STOCKHOLM,
        content=content(name="Annat"),
        idempotencyKey="en gång",
    )

    assert problems(refused) == [("IDEMPOTENCY_KEY_REUSED", "idempotencyKey")]
    assert await world.api.snapshot() == before


async def test_another_person_may_use_the_same_key(world: World) -> None:
    colleague = world.api.caller(
        Role.REGIONAL_ADMINISTRATOR,
        STOCKHOLM,
        employee="SE2321000016-colleague",
        name="Karl Kollega",
    )
    first = await world.region.done(
        "caseTypeCreate", SAVED, owner=STOCKHOLM, content=content(), idempotencyKey="en gång"
    )

    second = await colleague.done(
        "caseTypeCreate", SAVED, owner=STOCKHOLM, content=content(), idempotencyKey="en gång"
    )

    assert second["event"]["document"]["id"] != first["event"]["document"]["id"]


async def test_a_key_must_have_1_to_200_characters(world: World) -> None:
    refused = [
        problems(
            await world.region.do(
                "caseTypeCreate",
                "caseType { id }",
                owner=STOCKHOLM,
                content=content(),
                idempotencyKey=key,
            )
        )
        for key in ("", "k" * 201)
    ]

    assert refused == [[("OUT_OF_RANGE", "idempotencyKey")]] * 2
