"""Refusals and faults over HTTP and websockets.

Each has a code. Faults are masked and logged, and nothing is written.
"""

import json
from pathlib import Path

from structlog.testing import capture_logs

from tests.api.socket_errors import only_error
from tests.callers import BJORKEN, STOCKHOLM, operation, problems
from tests.world import World

VIEWER = "{ viewer { roles } }"
NOTIFICATIONS = """subscription($clinics: [HsaId!]!, $after: Cursor) {
    clinicNotifications(clinics: $clinics, after: $after) {
        action clinic { hsaId } document { id } } }"""
SECRETS = (
    "Traceback",
    "Error(",
    "KeyError",
    "LookupError",
    "pymongo",
    "mongodb",
    ".py",
    str(Path(__file__).parents[2]),
    "store.",
)


async def test_a_fault_in_a_field_does_not_affect_other_fields_and_is_logged_with_its_request(
    world: World,
) -> None:
    created = await world.clinic_admin.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content={"name": "Egen", "internalName": "Egen"},
    )
    await world.api.store.database["clinics"].delete_one({"_id": BJORKEN})
    query = """query($own: ID!, $id: ID!) { viewer { roles } whole: caseType(id: $id) { name }
        first: caseType(id: $own) { owner { __typename } }
        second: caseType(id: $own) { name owner { __typename } } }"""

    with capture_logs() as logs:
        answer = await world.region.post(query, own=created["caseType"]["id"], id=world.case_type)

    body = answer.json()
    assert answer.status_code == 200
    assert body["data"] == {
        "viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]},
        "whole": {"name": "Förnya recept"},
        "first": None,
        "second": None,
    }
    assert sorted((error["path"], error["extensions"]) for error in body["errors"]) == [
        (["first", "owner"], {"code": "INTERNAL_ERROR"}),
        (["second", "owner"], {"code": "INTERNAL_ERROR"}),
    ]
    request = answer.headers["x-request-id"]
    assert {(entry["log_level"], entry["event"], entry["request_id"]) for entry in logs} == {
        ("error", "resolver failed", request),
        ("info", "answered", request),
    }
    assert [
        isinstance(entry["exc_info"], LookupError)
        for entry in logs
        if entry["log_level"] == "error"
    ] == [True, True]


async def test_a_fault_in_a_mutation_is_masked_and_writes_nothing(world: World) -> None:
    await world.api.store.database["documents"].update_one(
        {"_id": world.case_type}, {"$unset": {"latest": ""}}
    )
    before = await world.api.snapshot()

    with capture_logs() as logs:
        answer = await world.region.post(
            operation("documentPublish", "event { id }"),
            input={"id": world.case_type, "version": 1, "expectedVersion": 1},
        )

    [error] = answer.json()["errors"]
    assert (error["path"], error["extensions"]) == (["documentPublish"], {"code": "INTERNAL_ERROR"})
    assert error["message"] == "Internal error. The server log has the cause, under the request id."
    assert not [secret for secret in (*SECRETS, world.case_type) if secret in answer.text]
    assert [entry["request_id"] for entry in logs if entry["event"] == "resolver failed"] == [
        answer.headers["x-request-id"]
    ]
    assert await world.api.snapshot() == before


async def test_a_fault_in_a_subscription_is_masked_and_leaves_the_socket_open(
    world: World,
) -> None:
    distributed = await world.distribute(world.case_type, BJORKEN)
    broken = (await world.edit(world.case_type, 1, publish=True, introduction="Två."))["event"][
        "id"
    ]
    await world.api.store.database["events"].update_one({"_id": broken}, {"$unset": {"actor": ""}})

    async with world.staff.socket() as socket:
        error = await only_error(
            socket, NOTIFICATIONS, clinics=[BJORKEN], after=distributed["event"]["cursor"]
        )
        await socket.subscribe(VIEWER, id="2")
        message = await socket.message()
        while message["id"] == "1":
            message = await socket.message()

    assert error["extensions"] == {"code": "INTERNAL_ERROR"}
    assert not [secret for secret in SECRETS if secret in json.dumps(error)]
    assert message["payload"]["data"] == {"viewer": {"roles": ["CLINIC_STAFF"]}}


async def test_refusals_are_not_logged_as_faults(world: World) -> None:
    with capture_logs() as logs:
        refused = await world.region.do(
            "documentPublish", "event { id }", id=world.case_type, version=9, expectedVersion=1
        )
        conflict = await world.region.do(
            "documentArchive", "event { id }", id=world.case_type, expectedVersion=7
        )
        codes = [
            await world.region.refused("{ caseTypes(first: 0) { totalCount } }"),
            await world.region.refused("{ nothing }"),
            await world.staff.refused(
                f'{{ principal(hsaId: "{STOCKHOLM}") {{ events {{ totalCount }} }} }}'
            ),
        ]

    assert problems(refused) == [("NOT_FOUND", "version")]
    assert problems(conflict) == [("VERSION_CONFLICT", "expectedVersion")]
    assert codes == [["OUT_OF_RANGE"], ["GRAPHQL_VALIDATION_FAILED"], ["NOT_PERMITTED"]]
    assert {(entry["event"], entry["log_level"]) for entry in logs} == {
        ("answered", "info"),
        ("refused", "info"),
    }


async def test_syntax_and_validation_errors_have_their_location(world: World) -> None:
    wrong = {
        "{ viewer {": ("GRAPHQL_PARSE_FAILED", [{"line": 1, "column": 11}]),
        "{\n  viewer { roles nothing }\n}": (
            "GRAPHQL_VALIDATION_FAILED",
            [{"line": 2, "column": 18}],
        ),
        '{ caseTypes(first: "5") { totalCount } }': (
            "GRAPHQL_VALIDATION_FAILED",
            [{"line": 1, "column": 20}],
        ),
    }

    found = {}
    for query in wrong:
        [error] = (await world.region.post(query)).json()["errors"]
        found[query] = (error["extensions"]["code"], error["locations"])

    assert found == wrong
