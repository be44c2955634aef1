"""The export `clinics`: the clinics that the viewer reads, as the directory described them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from resolvers.clinics.selectors import ClinicCriteria, clinic_filter
from resolvers.context import Context
from resolvers.exports import parameters
from resolvers.exports.columns import Column, ColumnType, RowContext
from resolvers.exports.export import Export, ResumePoint, readable_principals
from resolvers.exports.parameters import ParameterValues
from store.clinics.filters import ClinicFilter
from store.records import Clinic
from store.transfer.log_ranges import LogRange


@dataclass(frozen=True, slots=True)
class ClinicRow:
    """A clinic at a time."""

    record: Clinic
    at: datetime
    context: RowContext


class ClinicSource:
    """Reads clinics for one viewer."""

    def __init__(self, context: Context, which: ClinicFilter, at: datetime) -> None:
        self._context = context
        self._which = which
        self._at = at

    async def count(self, log_range: LogRange) -> int:
        """See `RowSource`."""
        return sum([len(batch) async for batch in self.rows(log_range, None)])

    async def rows(
        self, log_range: LogRange, after: str | None
    ) -> AsyncIterator[Sequence[ClinicRow]]:
        """See `RowSource`. By HSA-id."""
        among = None if log_range.after is None else await self._changed(log_range, log_range.after)
        row_context = RowContext(self._context)
        async for batch in self._context.store.export_queries.clinics(log_range, among, after):
            yield [
                ClinicRow(clinic, self._at, row_context)
                for clinic in batch
                if self._which.matches(clinic, self._at)
            ]

    async def find(self, row_id: str) -> ResumePoint[str] | None:
        """See `RowSource`."""
        key = row_id.removeprefix("cl_")
        found = (await self._context.store.clinics.get_many([key])).get(key)
        if found and self._context.rights.sees_clinic(found):
            return ResumePoint(found.principal, key)
        return None

    async def _changed(self, log_range: LogRange, after: int) -> Sequence[str]:
        """The keys of clinics that changed in a range, or whose end date has passed since."""
        queries = self._context.store.export_queries
        principal = log_range.principal
        changes = await queries.changes(log_range)
        times = await queries.times([(principal, after)])
        ended = await queries.clinics_ending(principal, times[principal], self._at) if times else []
        return sorted(changes.clinics | set(ended))


async def _source(context: Context, values: ParameterValues) -> ClinicSource:
    which = ClinicFilter(
        text=values.get("text"),
        business_classifications=values.get("businessClassifications"),
        business_types=values.get("businessTypes"),
        care_types=values.get("careTypes"),
        management=values.get("management"),
        county_codes=values.get("countyCodes"),
        municipality_codes=values.get("municipalityCodes"),
        statuses=values.get("status"),
    )
    found = await clinic_filter(
        context,
        ClinicCriteria(which, group=values.get("group"), similar_to=values.get("similarTo")),
        (),
    )
    now = context.store.now()
    return ClinicSource(
        context, replace(found, within=context.rights.clinics()), min(values.get("asOf", now), now)
    )


async def _last_end(context: Context, logs: frozenset[str]) -> str:
    return str(await context.store.export_queries.last_end(logs, context.store.now()))


T = ColumnType


def _field(
    name: str, type: ColumnType, meaning: str, field: str, unit: str = "–"
) -> Column[ClinicRow]:
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


COLUMNS: tuple[Column[ClinicRow], ...] = (
    _field("id", T.TEXT, "The id of the clinic.", "id"),
    _field("hsaId", T.TEXT, "Its HSA-id, as given.", "hsa_id", "HSA-id"),
    Column(
        "principal",
        T.TEXT,
        "The principal of the clinic.",
        "Clinic.principal.hsaId",
        lambda row: row.context.hsa_id(row.record.principal),
        "HSA-id",
    ),
    _field("name", T.TEXT, "Its name in the directory.", "name"),
    _field("publicName", T.TEXT, "Its name for the public, if it has another.", "public_name"),
    Column(
        "status",
        T.TEXT,
        "Its status, which decides whether it can be assigned case types.",
        "Clinic.status",
        lambda row: str(row.record.status_at(row.at)),
        "ClinicStatus",
    ),
    _field(
        "businessClassifications",
        T.TEXTS,
        "Its business classifications.",
        "business_classifications",
        "verksamhetskod",
    ),
    _field("businessTypes", T.TEXTS, "Its types of business.", "business_types", "HSA code"),
    _field("careTypes", T.TEXTS, "The forms of care that it gives.", "care_types", "HSA code"),
    _field("management", T.TEXTS, "Ownership, in plain text.", "management"),
    _field("countyCode", T.TEXT, "The code of its county.", "county_code", "2 digits"),
    _field(
        "municipalityCode", T.TEXT, "The code of its municipality.", "municipality_code", "4 digits"
    ),
    _field("location", T.TEXT, "Its location.", "location"),
    _field(
        "telephoneNumber",
        T.TEXT,
        "Its telephone number, as written in the directory.",
        "telephone_number",
    ),
    _field(
        "financingOrganizations",
        T.TEXTS,
        "The organisations that finance it.",
        "financing_organizations",
        "organisation number",
    ),
    _field("startDate", T.TIME, "Its start date.", "start_date", "UTC"),
    _field("endDate", T.TIME, "Its end date.", "end_date", "UTC"),
)

CLINICS: Export[ClinicRow] = Export(
    name="clinics",
    meaning="Clinics, as the directory described them then.",
    order="HSA-id",
    columns=COLUMNS,
    parameters=parameters.RANGE_PARAMETERS
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
    logs=readable_principals,
    source=_source,
    depends_on=_last_end,
)
