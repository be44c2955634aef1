"""The orders of reports."""

from resolvers.reports.clinics import BehindOrder, ClinicCountOrder
from schema.enums import describe_enum

describe_enum(
    ClinicCountOrder,
    "The order of clinics by their number of case types.",
    {
        "CLINIC_ASC": "By HSA-id.",
        "MOST_FIRST": "Clinics with the most case types first.",
        "FEWEST_FIRST": "Clinics with the fewest case types first.",
    },
)
describe_enum(
    BehindOrder,
    "The order of lagging clinics.",
    {
        "CLINIC_ASC": "By HSA-id.",
        "MOST_FIRST": "Clinics that lag in the most case types first.",
        "LONGEST_FIRST": "Clinics that have lagged for the longest time first.",
    },
)

__all__ = ["BehindOrder", "ClinicCountOrder"]
