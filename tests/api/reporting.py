"""Requests reports, and creates what they count."""

from typing import Any

from store.records import Role
from tests.callers import BJORKEN, LINDEN, Caller, Json
from tests.world import CONTENT, World

REPORT_ARGUMENTS = "principal: $principal, clinics: $clinics"


async def report(
    caller: Caller,
    select: str,
    period: Json | None = None,
    *,
    principal: str | None = None,
    clinics: Json | None = None,
    **variables: Any,
) -> Any:
    """The result of a report.

    Args:
        select: The field of the report, with its arguments and selection.
    """
    variables |= period or {}
    declared = "".join(
        f", ${name}: {'DateTime' if name in ('at', 'from', 'to') else 'ID'}!" for name in variables
    )
    query = (
        f"query($principal: HsaId, $clinics: ClinicFilter{declared}) {{"
        f" reports({REPORT_ARGUMENTS}) {{ {select} }} }}"
    )
    [answer] = (await caller.ask(query, principal=principal, clinics=clinics, **variables))[
        "reports"
    ].values()
    return answer


def nodes(connection: Json) -> list[Json]:
    return [edge["node"] for edge in connection["edges"]]


async def acknowledge_all(caller: Caller, clinic: str) -> str:
    """Acknowledge the whole inbox of a clinic; return the time of the event."""
    query = (
        "query($clinic: HsaId!) { clinic(hsaId: $clinic) { notifications(first: 1) { edges { cursor"
        " } } } }"
    )
    [edge] = (await caller.ask(query, clinic=clinic))["clinic"]["notifications"]["edges"]
    done = await caller.done(
        "notificationsAcknowledge", "event { at }", clinic=clinic, upTo=edge["cursor"]
    )
    at: str = done["event"]["at"]
    return at


async def publish_case_type(world: World, name: str) -> str:
    case_type = await world.draft(CONTENT | {"name": name})
    await world.region.done(
        "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
    )
    return case_type


async def publish_local_case_type(world: World, name: str, clinic: str = BJORKEN) -> str:
    """A clinic's own case type, published."""
    created = await world.region.done(
        "caseTypeCreate", "caseType { id }", owner=clinic, content=CONTENT | {"name": name}
    )
    case_type: str = created["caseType"]["id"]
    await world.region.done(
        "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
    )
    return case_type


def linden(world: World) -> Caller:
    return world.api.caller(Role.LOCAL_ADMINISTRATOR, LINDEN)


async def time_of(world: World, event: str) -> str:
    at: str = (
        await world.region.ask(
            "query($id: ID!) { node(id: $id) { ... on Event { at } } }", id=event
        )
    )["node"]["at"]
    return at


async def distribute(world: World, case_type: str, *clinics: str) -> str:
    done = await world.region.done(
        "caseTypeDistribute", "event { id }", caseType=case_type, to={"hsaIds": list(clinics)}
    )
    event: str = done["event"]["id"]
    return event
