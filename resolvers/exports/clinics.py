"""The clinics that the viewer reads, as the directory described them then."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from resolvers.clinics.selectors import ClinicCriteria, clinic_filter
from resolvers.context import Context
from resolvers.exports import parameters
from resolvers.exports.columns import Column, ColumnType, Seen
from resolvers.exports.export import Export, own_logs
from resolvers.exports.parameters import Given
from store.clinics.filters import ClinicFilter
from store.records import Clinic
from store.transfer.export_queries import Stretch


@dataclass(frozen=True, slots=True)
class Row:
    """A clinic at a moment."""

    record: Clinic
    at: datetime
    seen: Seen


class Clinics:
    """The clinics that one viewer asks for."""

    def __init__(self, context: Context, which: ClinicFilter, at: datetime) -> None:
        self._context = context
        self._which = which
        self._at = at

    async def count(self, stretch: Stretch) -> int:
        """How many there are."""
        return sum([len(batch) async for batch in self.rows(stretch, None)])

    async def rows(self, stretch: Stretch, start: Any) -> AsyncIterator[Sequence[Row]]:
        """By HSA-id."""
        extracts = self._context.store.extracts
        among = None
        if stretch.since is not None:
            touched = await extracts.touched(stretch)
            times = await extracts.times([(stretch.principal, stretch.since)])
            ended = (
                await extracts.clinics_ending(stretch.principal, times[stretch.principal], self._at)
                if times
                else []
            )
            among = sorted(touched.clinics | set(ended))
        seen = Seen(self._context)
        async for batch in extracts.clinics(stretch, among, start):
            yield [
                Row(clinic, self._at, seen)
                for clinic in batch
                if self._which.matches(clinic, self._at)
            ]

    async def find(self, row_id: str) -> tuple[str, str] | None:
        """A clinic by id."""
        key = row_id.removeprefix("cl_")
        found = (await self._context.store.clinics.get_many([key])).get(key)
        return (found.principal, key) if found and self._context.rights.sees_clinic(found) else None


async def _source(context: Context, given: Given) -> Clinics:
    which = ClinicFilter(
        text=given.get("text"),
        business_classifications=given.get("businessClassifications"),
        business_types=given.get("businessTypes"),
        care_types=given.get("careTypes"),
        management=given.get("management"),
        county_codes=given.get("countyCodes"),
        municipality_codes=given.get("municipalityCodes"),
        statuses=given.get("status"),
    )
    found = await clinic_filter(
        context,
        ClinicCriteria(which, group=given.get("group"), similar_to=given.get("similarTo")),
        (),
    )
    now = context.store.now()
    return Clinics(
        context, replace(found, within=context.rights.clinics()), min(given.get("asOf", now), now)
    )


async def _last_end(context: Context, logs: frozenset[str]) -> str:
    return str(await context.store.extracts.last_end(logs, context.store.now()))


T = ColumnType


def _of(name: str, type: ColumnType, meaning: str, field: str, unit: str = "–") -> Column[Row]:
    if type is T.TEXTS:
        return Column(
            name,
            type,
            meaning,
            f"Clinic.{name}",
            lambda row: list(getattr(row.record, field)),
            unit,
        )
    return Column(
        name, type, meaning, f"Clinic.{name}", lambda row: getattr(row.record, field), unit
    )


COLUMNS: tuple[Column[Row], ...] = (
    _of("id", T.TEXT, "Of the clinic.", "id"),
    _of("hsaId", T.TEXT, "Its HSA-id, as given.", "hsa_id", "HSA-id"),
    Column(
        "principal",
        T.TEXT,
        "Who answers for it.",
        "Clinic.principal.hsaId",
        lambda row: row.seen.hsa_id(row.record.principal),
        "HSA-id",
    ),
    _of("name", T.TEXT, "Its name in the directory.", "name"),
    _of("publicName", T.TEXT, "Its name for the public, where it has another.", "public_name"),
    Column(
        "status",
        T.TEXT,
        "Whether it could be handed case types.",
        "Clinic.status",
        lambda row: str(row.record.status_at(row.at)),
        "ClinicStatus",
    ),
    _of(
        "businessClassifications",
        T.TEXTS,
        "What it does.",
        "business_classifications",
        "verksamhetskod",
    ),
    _of("businessTypes", T.TEXTS, "What kind of unit it is.", "business_types", "HSA code"),
    _of("careTypes", T.TEXTS, "What form of care it gives.", "care_types", "HSA code"),
    _of("management", T.TEXTS, "Ownership, in plain text.", "management"),
    _of("countyCode", T.TEXT, "Its county.", "county_code", "2 digits"),
    _of("municipalityCode", T.TEXT, "Its municipality.", "municipality_code", "4 digits"),
    _of("location", T.TEXT, "Where it is.", "location"),
    _of("telephoneNumber", T.TEXT, "As written in the directory.", "telephone_number"),
    _of(
        "financingOrganizations",
        T.TEXTS,
        "Who finances it.",
        "financing_organizations",
        "organisation number",
    ),
    _of("startDate", T.TIME, "When it starts.", "start_date", "UTC"),
    _of("endDate", T.TIME, "When it ends.", "end_date", "UTC"),
)

CLINICS: Export[Row] = Export(
    name="clinics",
    meaning="The clinics, as the directory described them then.",
    order="HSA-id",
    columns=COLUMNS,
    parameters=parameters.PLACES
    | {
        "text": parameters.TEXT,
        "businessClassifications": parameters.CODES,
        "businessTypes": parameters.CODES,
        "careTypes": parameters.CODES,
        "management": parameters.CODES,
        "countyCodes": parameters.CODES,
        "municipalityCodes": parameters.CODES,
        "group": parameters.IN_GROUP,
        "similarTo": parameters.SIMILAR_TO,
        "status": parameters.STATUSES,
    },
    logs=own_logs,
    source=_source,
    hangs_on=_last_end,
)
