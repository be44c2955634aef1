"""Reads the start page of a clinic, and saves the clinic's adaptation of a case type."""

from typing import Any

from tests.callers import BJORKEN, Caller
from tests.world import World

PAGE = """
query($clinic: HsaId!, $asOf: DateTime) { clinic(hsaId: $clinic) { startPage(asOf: $asOf) {
  position caseType { id } version { number } adaptation { number writtenFor }
  effective { name introduction terms { key heading text local }
    standardReplies { key text local } } html } } }
"""


async def page(
    caller: Caller, clinic: str = BJORKEN, as_of: str | None = None
) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = (await caller.ask(PAGE, clinic=clinic, asOf=as_of))["clinic"][
        "startPage"
    ]
    return entries


async def adapt(world: World, expected: int, **content: Any) -> dict[str, Any]:
    additions: dict[str, Any] = {"standardReplies": [], "terms": []} | content
    return await world.clinic_admin.done(
        "localAdaptationSave",
        "localAdaptation { id needsReview name latestVersion state } version { id number writtenFor"
        " } event { action clinics { totalCount } }",
        clinic=BJORKEN,
        caseType=world.case_type,
        expectedVersion=expected,
        **additions,
    )
