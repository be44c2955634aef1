"""Enums in the contents of the kinds."""

from enum import StrEnum

from resolvers.kinds.case_types import Gender, QuestionKind, ResponseTimeUnit
from resolvers.kinds.notices import NoticeEnvironment, NoticeStatus
from resolvers.kinds.resident_cases import ResidentCaseForm
from resolvers.kinds.terms_texts import TermsService
from schema.enums import describe_enum


class CaseTypeScope(StrEnum):
    CENTRAL = "CENTRAL"
    LOCAL = "LOCAL"


describe_enum(
    CaseTypeScope,
    "Who creates and manages a case type.",
    {
        "CENTRAL": "The principal, for the clinics that it distributes the case type to.",
        "LOCAL": "One clinic, for itself.",
    },
)
describe_enum(
    QuestionKind,
    "The kind of answer to a question.",
    {
        "SHORT_TEXT": "One line of text.",
        "LONG_TEXT": "Several lines of text.",
        "SINGLE_CHOICE": "One of the options.",
        "MULTIPLE_CHOICE": "Any number of the options.",
        "DATE": "A date.",
        "NUMBER": "A number.",
        "YES_NO": "Yes or no.",
        "ATTACHMENT": "An attached file.",
    },
)
describe_enum(
    Gender,
    "The gender that a case type is for.",
    {"MAN": "Men (1 in the national contract).", "WOMAN": "Women (2 in the national contract)."},
)
describe_enum(
    ResidentCaseForm,
    "Whether the resident answers a resident case.",
    {
        "INFORMATION": "The resident only reads it.",
        "QUESTIONS": "It has questions that the resident answers.",
    },
)
describe_enum(
    TermsService,
    "The service that a terms text belongs to.",
    {
        "LISTING": "Choosing a clinic to be listed at (listning).",
        "BOOKING": "Booking an appointment (tidbokning).",
    },
)
describe_enum(
    NoticeEnvironment,
    "The environment that a notice is about.",
    {
        "PRODUCTION": "The environment that residents and clinics use.",
        "ACCEPTANCE_TEST": "The environment for acceptance tests.",
    },
)
describe_enum(
    NoticeStatus,
    "The status of what a notice announces.",
    {
        "PLANNED": "It has not started.",
        "ONGOING": "It is going on.",
        "RESOLVED": "It is over.",
        "CANCELLED": "It will not happen.",
    },
)
describe_enum(
    ResponseTimeUnit,
    "The unit of a response time.",
    {"HOURS": "Hours.", "WORKING_DAYS": "Working days."},
)

__all__ = [
    "CaseTypeScope",
    "Gender",
    "NoticeEnvironment",
    "NoticeStatus",
    "QuestionKind",
    "ResidentCaseForm",
    "ResponseTimeUnit",
    "TermsService",
]
