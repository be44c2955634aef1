"""A small registry for tests, with the callers of two regions and their clinics."""

import asyncio
from dataclasses import dataclass
from typing import Any

from store.records import Role
from tests.callers import (
    BJORKEN,
    INERA,
    LINDEN,
    STOCKHOLM,
    UPPSALA,
    UPPSALA_CLINIC,
    Api,
    Caller,
    operation,
)

CONTENT: dict[str, Any] = {
    "name": "Förnya recept",
    "internalName": "Förnya recept – regionen",
    "introduction": "Här kan du **förnya** ditt recept.",
    "questions": [
        {
            "key": "medicin",
            "label": "Vilket läkemedel gäller det?",
            "kind": "SHORT_TEXT",
            "required": True,
        },
        {"key": "apotek", "label": "Vill du välja apotek?", "kind": "YES_NO"},
        {
            "key": "vilket",
            "label": "Vilket apotek?",
            "kind": "SINGLE_CHOICE",
            "options": [{"key": "nara", "label": "Närmaste"}, {"key": "annat", "label": "Annat"}],
            "shownIf": {"question": "apotek", "equals": "yes"},
        },
    ],
    "standardReplies": [
        {"key": "mottaget", "label": "Mottaget", "text": "Vi har tagit emot ditt ärende."}
    ],
    "terms": [
        {
            "key": "allmant",
            "heading": "Villkor",
            "text": "Svar inom *tre* dagar.",
            "mustAccept": True,
        }
    ],
    "responseTime": {"amount": 3, "unit": "WORKING_DAYS"},
}

CLINICS = """hsaId;name;businessClassification;status;endDate
SE2321000016-1A01;Vårdcentralen Björken;1502|1504;ACTIVE;
SE2321000016-1A02;Vårdcentralen Linden;1502;ACTIVE;
SE2321000016-1A03;Hudmottagningen Eken;1112;NOT_ACTIVATED;
SE2321000016-1A04;Vårdcentralen Almen;1502;ARCHIVED;
SE2321000016-1A05;Vårdcentralen Asken;1502;ACTIVE;2020-01-01
"""


@dataclass(frozen=True, slots=True)
class World:
    """The callers, and the ids of a published national template and a published case type.

    The case type is a central one of Region Stockholm.
    """

    api: Api
    national: Caller
    region: Caller
    other_region: Caller
    clinic_admin: Caller
    staff: Caller
    reviewer: Caller
    reporter: Caller
    template: str
    case_type: str

    @classmethod
    async def build(cls, api: Api) -> "World":
        """Create the registry over the API, each part by a caller with permission."""
        national = api.caller(Role.NATIONAL_ADMINISTRATOR, INERA, name="Nils Nilsson")
        region = api.caller(Role.REGIONAL_ADMINISTRATOR, STOCKHOLM, name="Anna Andersson")
        other_region = api.caller(Role.REGIONAL_ADMINISTRATOR, UPPSALA, name="Ulla Uppsala")
        template, _, _ = await asyncio.gather(  # They write to three logs, so they do not wait.
            national.done(
                "caseTypeTemplateCreate", "caseTypeTemplate { id }", owner=INERA, content=CONTENT
            ),
            region.done("clinicsImport", "created", principal=STOCKHOLM, csv=CLINICS),
            other_region.done(
                "clinicsImport",
                "created",
                principal=UPPSALA,
                csv=f"hsaId,name\n{UPPSALA_CLINIC},Vårdcentralen Ån\n",
            ),
        )
        template_id = template["caseTypeTemplate"]["id"]
        await national.done(
            "documentPublish", "event { id }", id=template_id, version=1, expectedVersion=1
        )
        created = await region.done(
            "caseTypeCreate",
            "caseType { id }",
            owner=STOCKHOLM,
            content=CONTENT,
            fromTemplate={"id": template_id},
            note="Första utkastet",
        )
        case_type = created["caseType"]["id"]
        await region.done(
            "documentPublish", "event { id }", id=case_type, version=1, expectedVersion=1
        )
        return cls(
            api=api,
            national=national,
            region=region,
            other_region=other_region,
            clinic_admin=api.caller(Role.LOCAL_ADMINISTRATOR, BJORKEN, name="Lars Lokal"),
            staff=api.caller(Role.CLINIC_STAFF, BJORKEN, name="Bo Berg"),
            reviewer=api.caller(Role.REVIEWER, STOCKHOLM, name="Greta Granskare"),
            reporter=api.caller(Role.REPORTER, STOCKHOLM),
            template=template_id,
            case_type=case_type,
        )

    async def draft(self, content: dict[str, Any] | None = None, owner: str = STOCKHOLM) -> str:
        """Create a case type of the region without publishing it. Returns its id."""
        created = await self.region.done(
            "caseTypeCreate", "caseType { id }", owner=owner, content=content or CONTENT
        )
        case_type: str = created["caseType"]["id"]
        return case_type

    async def edit(
        self,
        case_type: str,
        expected: int,
        *,
        publish: bool = False,
        note: str | None = None,
        **content: Any,
    ) -> dict[str, Any]:
        """Save the next version of a case type. Returns the payload."""
        return await self.region.done(
            "caseTypeUpdate",
            "caseType { id latestVersion publishedVersion state } version { number hash } event {"
            " id cursor sequence action }",
            id=case_type,
            expectedVersion=expected,
            content=content,
            publish=publish,
            note=note,
        )

    async def distribute(self, case_type: str, *hsa_ids: str) -> dict[str, Any]:
        """Distribute a case type to clinics, by default to Björken and Linden."""
        return await self.region.done(
            "caseTypeDistribute",
            "clinics event { cursor sequence }",
            caseType=case_type,
            to={"hsaIds": list(hsa_ids or (BJORKEN, LINDEN))},
        )

    async def refusals(self, mutation: str, /, **input: Any) -> dict[str, str]:
        """Send a mutation that every caller except the region's administrator is refused.

        Asserts that nothing is written. Returns the error code by the caller's name.
        """
        before = await self.api.snapshot()
        codes = {}
        for name in ("national", "other_region", "clinic_admin", "staff", "reviewer", "reporter"):
            caller: Caller = getattr(self, name)
            [error] = (await caller.do(mutation, "event { id }", **input))["errors"]
            codes[name] = error["code"]
        [codes["nobody"]] = await self.api.nobody().refused(
            operation(mutation, "event { id }"), input=input
        )
        assert await self.api.snapshot() == before
        return codes
