"""The audit of GraphQL over HTTP by graphql-http, as a role that may introspect."""

from pathlib import Path

from tests.clients.test_clients import running
from tests.world import World

CLOSED_GET = {"5A70", "D6D5", "6A70"}
"""Optional checks of queries by GET, which the server refuses: docs/decisions/0020-post-only.md."""


async def test_every_check_of_the_audit_passes_except_for_queries_by_get(
    world: World, npm_packages: Path
) -> None:
    async with running("audit", url=world.api.url, token=world.region.token) as program:
        checks = await program.list_of_objects()

    assert len(checks) == 61
    assert {
        check["id"]: check["status"] for check in checks if check["status"] != "ok"
    } == dict.fromkeys(CLOSED_GET, "notice")
