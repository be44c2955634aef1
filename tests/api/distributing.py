"""What the tests of distribution share: clinics, local case types, and assignments."""

from typing import Any

from tests.callers import BJORKEN, STOCKHOLM
from tests.world import CONTENT, World

EKEN = "SE2321000016-1A03"
ALMEN = "SE2321000016-1A04"
ASKEN = "SE2321000016-1A05"
PAYLOAD = (
    "clinics replaced skipped { row value reason } event { action sequence group { name } clinics {"
    " edges { node { hsaId } } } }"
)


def clinics_of(event: dict[str, Any]) -> list[str]:
    """The HSA-ids of the clinics of an event."""
    return [edge["node"]["hsaId"] for edge in event["clinics"]["edges"]]


async def assigned_at(world: World, clinic: str = BJORKEN) -> list[tuple[str, str]]:
    """The case types of a clinic and how each was assigned."""
    found = await world.region.ask(
        "query($c: HsaId!) { clinic(hsaId: $c) { assignments { edges { node { origin caseType { id"
        " } } } } } }",
        c=clinic,
    )
    return [
        (edge["node"]["caseType"]["id"], edge["node"]["origin"])
        for edge in found["clinic"]["assignments"]["edges"]
    ]


async def local(world: World, name: str, clinic: str = BJORKEN) -> str:
    """The id of a new published case type of a clinic."""
    created = await world.clinic_admin.done(
        "caseTypeCreate", "caseType { id }", owner=clinic, content=CONTENT | {"name": name}
    )
    case_type: str = created["caseType"]["id"]
    await world.clinic_admin.done(
        "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
    )
    return case_type


async def import_clinic(world: World, hsa_id: str, name: str = "Ny", **columns: str) -> None:
    """Import one clinic of the region."""
    header, row = ";".join(("hsaId", "name", *columns)), ";".join((hsa_id, name, *columns.values()))
    await world.region.done(
        "clinicsImport", "created", principal=STOCKHOLM, csv=f"{header}\n{row}\n"
    )
