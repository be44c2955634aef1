"""The HTTP endpoint: malformed requests, error codes, sign-in, masked errors and request ids.

Also covers the health endpoints.
"""

import asyncio

from starlette.requests import Request

from store.records import Role
from tests.callers import BJORKEN, Caller, Json
from tests.world import World
from transport.health import Health

VIEWER = "{ viewer { roles } }"


async def codes_of(caller: Caller, query: str, **variables: object) -> list[str]:
    """Error codes of a request that must return no data."""
    body = (await caller.post(query, **variables)).json()
    assert body["data"] is None
    return [error["extensions"]["code"] for error in body["errors"]]


async def test_a_body_that_is_not_a_graphql_request_is_refused(world: World) -> None:
    json = {"authorization": f"Bearer {world.staff.token}", "content-type": "application/json"}
    bodies = {
        b"{nope": json,
        b"\xff\xfe": json,
        b"[]": json,
        b"{}": json,
        b'{"query": 5}': json,
        b'{"query": ""}': json,
    }
    bodies[b'{"query": "{ viewer { roles } }", "variables": [1]}'] = json

    answers = {
        body: await world.staff.client.post(world.api.url, content=body, headers=headers)
        for body, headers in bodies.items()
    }

    assert {body: answer.status_code for body, answer in answers.items()} == dict.fromkeys(
        bodies, 400
    )
    assert not [answer.text for answer in answers.values() if "Traceback" in answer.text]


async def test_queries_are_refused_over_get(world: World) -> None:
    headers = {"authorization": f"Bearer {world.staff.token}"}
    ask = world.staff.client

    query = await ask.get(
        world.api.url, params={"query": VIEWER}, headers={**headers, "accept": "application/json"}
    )
    page = await ask.get(world.api.url, headers={**headers, "accept": "text/html"})
    put = await ask.put(world.api.url, headers=headers)

    assert (query.status_code, "CLINIC_STAFF" in query.text) == (405, False)
    assert (page.status_code, "GraphiQL" in page.text) == (200, True)
    assert [(answer.status_code, answer.headers["allow"]) for answer in (query, put)] == [
        (405, "GET, POST")
    ] * 2
    assert query.json()["errors"][0]["extensions"] == {"code": "METHOD_NOT_ALLOWED"}


async def test_an_invalid_operation_returns_its_error_code(world: World) -> None:
    operations: list[tuple[str, Json, str]] = [
        ("{ viewer {", {}, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("query($id: ID!) { node(id: $id) { id } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("{ clinic(hsaId: 5) { name } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        ("mutation { documentPublish { event { id } } }", {}, "GRAPHQL_VALIDATION_FAILED"),
        (
            "query($t: DateTime!) { caseTypes(filter: { changedSince: $t }) { totalCount } }",
            {"t": "igår"},
            "GRAPHQL_VALIDATION_FAILED",
        ),
        ("query($n: Int) { caseTypes(first: $n) { totalCount } }", {"n": 101}, "OUT_OF_RANGE"),
    ]

    found = [await codes_of(world.staff, query, **variables) for query, variables, _ in operations]

    assert found == [[code] for _, _, code in operations]


async def test_only_a_valid_token_signs_in(world: World) -> None:
    header, payload, signature = str(world.staff.token).split(".")
    tokens = {
        "none": None,
        "garbage": "skräp".encode().hex(),
        "expired": world.api.token(Role.CLINIC_STAFF, BJORKEN, valid_for=-1),
        "other signature": f"{header}.{payload}.{signature[::-1]}",
        "no signature": f"{header}.{payload}.",
    }

    found = {
        name: await codes_of(Caller(world.api, world.staff.client, token), VIEWER)
        for name, token in tokens.items()
    }

    assert found == {name: ["UNAUTHENTICATED"] for name in tokens}
    assert await world.staff.ask(VIEWER) == {"viewer": {"roles": ["CLINIC_STAFF"]}}


async def test_a_server_error_is_masked_and_has_a_request_id(world: World) -> None:
    created = await world.clinic_admin.done(
        "caseTypeCreate",
        "caseType { id }",
        owner=BJORKEN,
        content={"name": "Egen", "internalName": "Egen"},
    )
    await world.api.store.database["clinics"].delete_one({"_id": BJORKEN})

    answer = await world.region.post(
        "query($id: ID!) { caseType(id: $id) { owner { __typename } } }",
        id=created["caseType"]["id"],
    )

    [error] = answer.json()["errors"]
    assert error["extensions"] == {"code": "INTERNAL_ERROR"}
    assert error["path"] == ["caseType", "owner"]
    assert not [
        word for word in ("LookupError", "Traceback", "clinic ", BJORKEN) if word in answer.text
    ]
    assert len(answer.headers["x-request-id"]) == 32


async def test_the_event_records_the_request_id_of_the_response(world: World) -> None:
    query = (
        "mutation($id: ID!) { documentDeactivate(input: { id: $id, expectedVersion: 1 }) {"
        " event { requestId } } }"
    )

    first = await world.region.post(query, id=world.case_type)
    second = await world.region.post(VIEWER)

    assert first.json()["data"]["documentDeactivate"]["event"] == {
        "requestId": first.headers["x-request-id"]
    }
    assert second.headers["x-request-id"] != first.headers["x-request-id"]


async def test_health_needs_no_token(world: World) -> None:
    live, ready = [
        await world.staff.client.get(f"{world.api.root}/health/{check}")
        for check in ("live", "ready")
    ]

    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


async def test_concurrent_readiness_checks_query_the_database_once() -> None:
    queries = 0

    async def ready() -> bool:
        nonlocal queries
        queries += 1
        await asyncio.sleep(0)
        return queries == 1

    health = Health(ready)
    request = Request({"type": "http"})
    together = await asyncio.gather(*(health.ready(request) for _ in range(50)))
    after = await health.ready(request)

    assert {answer.status_code for answer in (*together, after)} == {200}
    assert queries == 1


async def test_an_operation_that_post_cannot_execute_is_a_bad_request(world: World) -> None:
    headers = {"authorization": f"Bearer {world.region.token}"}
    subscription = {"query": 'subscription { events(principal: "SE2321000016") { id } }'}
    ambiguous = {"query": "query A { viewer { roles } } query B { viewer { roles } }"}

    answers = [
        await world.region.client.post(world.api.url, json=body, headers=headers)
        for body in (subscription, {})
    ]
    unnamed = await world.region.client.post(world.api.url, json=ambiguous, headers=headers)
    named = await world.region.client.post(
        world.api.url,
        json={
            "query": "query A { viewer { roles } } query B { clinics { totalCount } }",
            "operationName": "B",
        },
        headers=headers,
    )

    assert [
        (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) for answer in answers
    ] == [(400, "BAD_REQUEST")] * 2
    assert all(len(answer.headers["x-request-id"]) == 32 for answer in answers)
    assert unnamed.json()["errors"][0]["extensions"] == {"code": "BAD_REQUEST"}
    assert named.json()["data"] == {"clinics": {"totalCount": 5}}


async def test_a_lone_surrogate_in_a_request_is_a_bad_request(world: World) -> None:
    headers = {"authorization": f"Bearer {world.region.token}", "content-type": "application/json"}
    body = (
        b'{"query": "query($id: ID!) { caseType(id: $id) { id } }", "variables": {"id": "\\ud800"}}'
    )

    answer = await world.region.client.post(world.api.url, content=body, headers=headers)

    assert (answer.status_code, answer.json()["errors"][0]["extensions"]) == (
        400,
        {"code": "BAD_REQUEST"},
    )
