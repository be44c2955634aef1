"""Logs and responses disclose no content, no tokens, and no schema to those who do not need it."""

from structlog.testing import capture_logs

from tests.callers import STOCKHOLM
from tests.world import World

SECONDS = 30


async def test_the_log_has_the_viewer_operation_and_cost_but_no_content_and_no_token(
    world: World,
) -> None:
    query = "query Words($text: String!) { caseTypes(filter: { text: $text }) { totalCount } }"

    with capture_logs() as logs:
        response = await world.region.post(query, text="hemligt ord")
        refused = await world.region.post("{ nothing }")

    [first, second] = logs
    assert 0 < first.pop("duration_ms") < SECONDS * 1000
    assert first == {
        "event": "answered",
        "log_level": "info",
        "request_id": response.headers["x-request-id"],
        "viewer": "SE2321000016-RA",
        "transport": "http",
        "operation": "Words",
        "kind": "query",
        "fields": ["caseTypes"],
        "cost": 12,
        "codes": [],
    }
    assert (second["event"], second["codes"]) == ("refused", ["GRAPHQL_VALIDATION_FAILED"])
    assert second["request_id"] == refused.headers["x-request-id"]
    assert not [word for word in ("hemligt", str(world.region.token)) if word in str(logs)]


async def test_only_roles_that_need_the_schema_may_introspect(world: World) -> None:
    permitted = {
        name: await getattr(world, name).post("{ __schema { queryType { name } } }")
        for name in ("national", "region", "reporter")
    }
    refused = {
        name: await getattr(world, name).refused('{ __type(name: "Query") { name } }')
        for name in ("clinic_admin", "staff", "reviewer")
    }
    hidden = await world.staff.refused(
        "{ ...F } fragment F on Query { ... { s: __schema { queryType { name } } } }"
    )

    assert {
        response.json()["data"]["__schema"]["queryType"]["name"] for response in permitted.values()
    } == {"Query"}
    assert set(map(tuple, [*refused.values(), hidden])) == {("INTROSPECTION_NOT_PERMITTED",)}
    assert await world.staff.ask("{ __typename }") == {"__typename": "Query"}


async def test_a_response_has_at_most_five_errors_and_no_suggestions(world: World) -> None:
    unknown_fields = await world.region.post(
        "{ " + " ".join(f"caseTypez{number}" for number in range(50)) + " viewr { rolez } }"
    )
    values = {f"n{number}": "x" for number in range(20)}
    declared = " ".join(f"${name}: Int" for name in values)
    used = " ".join(f"{name}: caseTypes(first: ${name}) {{ totalCount }}" for name in values)
    invalid_variables = await world.region.post(f"query({declared}) {{ {used} }}", **values)
    forbidden_fields = " ".join(
        f'a{number}: principal(hsaId: "{STOCKHOLM}") {{ events {{ totalCount }} }}'
        for number in range(20)
    )
    forbidden = await world.staff.post(f"{{ {forbidden_fields} }}")

    for response in (unknown_fields, invalid_variables, forbidden):
        assert len(response.json()["errors"]) == 5
    assert "Did you mean" not in unknown_fields.text + invalid_variables.text
