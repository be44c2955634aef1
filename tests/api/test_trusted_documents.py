"""Operations by the SHA-256 of their text, registered by clients or in a manifest.

Over HTTP, event streams and websockets.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest

from execution.operations import Operations
from execution.trusted_documents import TrustedDocuments
from schema.registry import schema
from store.records import Role
from tests.callers import BJORKEN, Caller, Json
from tests.serving import serving
from tests.world import World

VIEWER = "query Viewer { viewer { roles } }"
NAME = "query Name($id: ID!) { caseType(id: $id) { name } }"
FOLLOW = (
    "subscription Feed($clinics: [HsaId!]!) { clinicNotifications(clinics: $clinics) { action } }"
)


def digest(text: str) -> str:
    """The hash that clients send for an operation."""
    return sha256(text.encode()).hexdigest()


def persisted(text: str, **more: Any) -> Json:
    """A request with a hash and no text."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}, **more}


async def post(caller: Caller, body: Json, accept: str = "application/json") -> httpx2.Response:
    """Send a request body unchanged."""
    headers = {"authorization": f"Bearer {caller.token}", "accept": accept}
    return await caller.client.post(caller.api.url, json=body, headers=headers)


def code_of(answer: httpx2.Response) -> str:
    """The code of the only error."""
    [error] = answer.json()["errors"]
    code: str = error["extensions"]["code"]
    return code


async def test_a_client_registers_an_operation_once_and_then_sends_its_hash_alone(
    world: World,
) -> None:
    variables = {"id": world.case_type}

    unknown = await post(world.region, persisted(NAME, variables=variables))
    registered = await post(world.region, persisted(NAME, variables=variables, query=NAME))
    known = await post(world.region, persisted(NAME, variables=variables))
    by_another = await post(world.staff, persisted(NAME, variables={"id": "ct_0"}))

    assert unknown.json()["errors"] == [
        {"message": "PersistedQueryNotFound", "extensions": {"code": "PERSISTED_QUERY_NOT_FOUND"}}
    ]
    assert (
        registered.json()["data"] == known.json()["data"] == {"caseType": {"name": "Förnya recept"}}
    )
    assert by_another.json()["data"] == {"caseType": None}


async def test_the_case_of_a_hash_does_not_matter(world: World) -> None:
    await post(world.region, persisted(VIEWER, query=VIEWER))
    upper = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(VIEWER).upper()}}}

    assert (await post(world.region, upper)).json()["data"] == {
        "viewer": {"roles": ["REGIONAL_ADMINISTRATOR"]}
    }


async def test_a_hash_of_another_text_registers_nothing(world: World) -> None:
    wrong = {**persisted(VIEWER), "query": NAME}
    malformed = [
        {"version": 2, "sha256Hash": digest(VIEWER)},
        {"version": 1},
        {"version": 1, "sha256Hash": 5},
        [],
        "x",
    ]

    refused = await post(world.region, wrong)
    bodies = [
        await post(world.region, {"query": VIEWER, "extensions": {"persistedQuery": entry}})
        for entry in malformed
    ]

    assert code_of(refused) == "BAD_REQUEST"
    assert code_of(await post(world.region, persisted(VIEWER))) == "PERSISTED_QUERY_NOT_FOUND"
    assert [(body.status_code, code_of(body)) for body in bodies] == [(400, "BAD_REQUEST")] * 5


async def test_an_operation_that_does_not_fit_the_schema_is_not_registered(world: World) -> None:
    invalid = "{ nothing }"

    assert (
        code_of(await post(world.region, persisted(invalid, query=invalid)))
        == "GRAPHQL_VALIDATION_FAILED"
    )
    assert code_of(await post(world.region, persisted(invalid))) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_hash_gives_no_rights(world: World) -> None:
    await post(world.region, persisted(VIEWER, query=VIEWER))

    answer = await world.region.client.post(world.api.url, json=persisted(VIEWER))

    assert code_of(answer) == "UNAUTHENTICATED"


async def test_websockets_and_event_streams_take_hashes_too(world: World) -> None:
    await world.distribute(world.case_type, BJORKEN)
    follow = persisted(FOLLOW, variables={"clinics": [BJORKEN]})

    async with world.staff.socket() as socket:
        await socket.ws.send(json.dumps({"id": "1", "type": "subscribe", "payload": follow}))
        unknown = await socket.message()
        await socket.ws.send(
            json.dumps({"id": "2", "type": "subscribe", "payload": {**follow, "query": FOLLOW}})
        )
        await socket.ws.send(json.dumps({"id": "3", "type": "subscribe", "payload": follow}))
        await socket.ws.send(
            json.dumps({"id": "4", "type": "subscribe", "payload": persisted(VIEWER, query=VIEWER)})
        )
        viewer = [await socket.message(), await socket.message()]
        await world.edit(world.case_type, 1, publish=True, introduction="Ny text")
        notifications = [await socket.message(), await socket.message()]
    streamed = await post(world.staff, persisted(VIEWER), "text/event-stream")

    assert [error["extensions"]["code"] for error in unknown["payload"]] == [
        "PERSISTED_QUERY_NOT_FOUND"
    ]
    assert [(message["id"], message["type"]) for message in viewer] == [
        ("4", "next"),
        ("4", "complete"),
    ]
    assert sorted(
        (message["id"], message["payload"]["data"]["clinicNotifications"]["action"])
        for message in notifications
    ) == [("2", "PUBLISHED"), ("3", "PUBLISHED")]
    assert 'data: {"data":{"viewer":{"roles":["CLINIC_STAFF"]}},' in streamed.text


@pytest.mark.parametrize("apollo", [False, True])
async def test_only_operations_in_the_manifest_are_accepted_if_so_configured(
    mongodb_uri: str, world: World, tmp_path: Path, *, apollo: bool
) -> None:
    manifest = tmp_path / "manifest.json"
    entries = [{"id": digest(VIEWER), "name": "Viewer", "type": "query", "body": VIEWER}]
    written: Json = (
        {"format": "apollo-persisted-query-manifest", "version": 1, "operations": entries}
        if apollo
        else {digest(VIEWER): VIEWER}
    )
    manifest.write_text(json.dumps(written), encoding="utf-8")

    async with serving(
        tmp_path,
        mongodb_uri,
        world.api.store,
        development=True,
        trusted_documents=manifest,
        trusted_only=True,
    ) as api:
        caller = api.caller(Role.CLINIC_STAFF, BJORKEN)
        by_hash, by_text = (
            await post(caller, persisted(VIEWER)),
            await post(caller, {"query": VIEWER}),
        )
        others = [
            {"query": NAME},
            persisted(NAME),
            persisted(NAME, query=NAME),
            {"query": "{ viewer { roles } }"},
            {"query": "{ nothing }"},
        ]
        refused = [code_of(await post(caller, body)) for body in others]
        async with caller.socket() as socket:
            await socket.subscribe(FOLLOW, clinics=[BJORKEN])
            [error] = (await socket.message())["payload"]

    assert (
        by_hash.json()["data"] == by_text.json()["data"] == {"viewer": {"roles": ["CLINIC_STAFF"]}}
    )
    assert refused == ["NOT_TRUSTED"] * 5
    assert error["extensions"]["code"] == "NOT_TRUSTED"


def test_an_invalid_manifest_stops_the_start(tmp_path: Path) -> None:
    operations = Operations(schema.graphql)
    texts = {
        "{nope": "cannot be read",
        "[]": "cannot be read",
        '{"a": 5}': "cannot be read",
        json.dumps({"0" * 64: VIEWER}): "is not the SHA-256",
        json.dumps(
            {digest("{ nothing }"): "{ nothing }"}
        ): "does not fit the schema: Cannot query field 'nothing'",
    }
    for text, reason in texts.items():
        path = tmp_path / "manifest.json"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match=reason):
            TrustedDocuments(operations, path)

    with pytest.raises(ValueError, match="cannot be read"):
        TrustedDocuments(operations, tmp_path / "missing.json")
    with pytest.raises(ValueError, match="there is no manifest"):
        TrustedDocuments(operations, only=True)


def test_registered_operations_have_a_memory_limit_and_the_manifest_is_always_kept(
    tmp_path: Path,
) -> None:
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps({digest(VIEWER): VIEWER}), encoding="utf-8")
    trusted = TrustedDocuments(Operations(schema.graphql), path, registered_bytes=1_000_000)
    texts = [
        f"query Names{number} {{ caseTypes {{ edges {{ node {{ id name state }} }} }} }}"
        for number in range(200)
    ]

    for text in texts:
        assert trusted.find(text, digest(text)).errors == ()

    long = f"{VIEWER} #{'x' * 64 * 1024}"
    assert trusted.find(long, digest(long)).errors == ()
    assert trusted.find(None, digest(long)).errors != ()
    found = [trusted.find(None, digest(text)).errors == () for text in texts]
    assert 20 < sum(found) < 60
    assert found[-1]
    assert not found[0]
    assert trusted.find(None, digest(VIEWER)).text == VIEWER
