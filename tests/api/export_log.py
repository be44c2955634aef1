"""The exports in a log."""

from typing import Any

from tests.callers import STOCKHOLM, Caller
from tests.world import World


async def logged(
    world: World, principal: str = STOCKHOLM, caller: Caller | None = None
) -> list[dict[str, Any]]:
    """The exports in the log of a principal, newest first."""
    query = f"""{{ principal(hsaId: "{principal}") {{
        events(filter: {{ actions: [EXPORTED] }}) {{ edges {{ node {{ export note
        actor {{ role unit system }} clinics {{ totalCount }} document {{ id }} }} }} }} }} }}"""
    data = await (caller or world.region).ask(query)
    return [edge["node"] for edge in data["principal"]["events"]["edges"]]
