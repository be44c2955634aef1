"""The contract's enums, made of the records' own so that there is one list of values."""

from enum import Enum

import strawberry

from resolvers.kinds.case_types import Gender, QuestionKind, ResponseTimeUnit
from store.diff import ChangeKind
from store.listing import Order as DocumentOrder
from store.records import (
    Action,
    AssignmentOrigin,
    CentralActivation,
    ClinicStatus,
    DocumentState,
    OrderedList,
    PrincipalKind,
    RefusalReason,
    Role,
)
from store.words import SegmentKind as TextSegmentKind


def _described(enum: type[Enum], description: str, values: dict[str, str], name: str | None = None) -> None:
    """Make a stored enum one of the schema's, in place, with a description of each of its values."""
    if values.keys() != enum.__members__.keys():
        raise ValueError(f"{enum.__name__}: describe exactly its values")
    described = strawberry.enum(enum, name=name, description=description)
    for value in described.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]


_described(
    Role,
    "What a person or machine is signed in as.",
    {
        "NATIONAL_ADMINISTRATOR": "Inera's national management: national templates.",
        "REGIONAL_ADMINISTRATOR": "Governs a region's or a municipality's central case types and templates.",
        "LOCAL_ADMINISTRATOR": "Governs one clinic's local case types and adaptations.",
        "CLINIC_STAFF": "Reads its clinics, acknowledges notifications.",
        "REVIEWER": "Reads history and who acted.",
        "REPORTER": "A machine that reads within its principal.",
    },
)
_described(
    PrincipalKind,
    "Who answers for clinics (huvudman).",
    {"NATIONAL": "The national management.", "REGION": "One of the 21 regions.", "MUNICIPALITY": "A municipality (kommun)."},
)
_described(
    ClinicStatus,
    "Whether a clinic can be handed case types.",
    {
        "ACTIVE": "Activated in the e-services; possibly with a start date ahead.",
        "NOT_ACTIVATED": "Known in HSA but not activated in the e-services.",
        "ENDED": "Its end date has passed.",
        "ARCHIVED": "Put away; its history still resolves.",
    },
)
_described(
    DocumentState,
    "Where a document stands.",
    {
        "DRAFT": "Never published.",
        "ACTIVE": "Published and shown.",
        "INACTIVE": "Published, but deactivated: not shown to residents.",
        "ARCHIVED": "Ended; only reading and restore remain.",
    },
)
_described(
    Action,
    "What was done.",
    {
        "CREATED": "A document was made, as a draft.",
        "EDITED": "A new draft version was written.",
        "PUBLISHED": "A version was put in force.",
        "ACTIVATED": "Shown to residents again.",
        "DEACTIVATED": "Hidden from residents.",
        "RESTORED": "An earlier version's content was written as a new version, or an archived document was taken back.",
        "ARCHIVED": "A document was ended.",
        "DISTRIBUTED": "A case type was handed to clinics.",
        "WITHDRAWN": "A case type was taken back from clinics.",
        "FOLLOWED": "A clinic opted in to a central case type.",
        "UNFOLLOWED": "A clinic opted out again.",
        "REORDERED": "The order of case types was changed.",
        "REPLACED": "A local case type gave way to a central one.",
        "ADAPTED": "A clinic wrote its own replies or terms.",
        "ACKNOWLEDGED": "A clinic acknowledged notifications.",
        "IMPORTED": "Clinics were imported.",
        "GROUPED": "A group of clinics was made or changed.",
        "POLICIES_CHANGED": "A principal decided otherwise for its clinics.",
        "ROLE_GRANTED": "A person was given a role in the registry's own table.",
        "ROLE_REVOKED": "Such a role was taken away.",
        "PERSON_PROTECTED": "A person's name was erased, and is not kept any more.",
        "SUBSCRIPTION_ENDED": "An administrator ended a subscription.",
        "EXPORTED": "Rows left as a file.",
        "PERSON_UNPROTECTED": "A person's name may be kept again.",
    },
)
_described(
    AssignmentOrigin,
    "How a case type came to a clinic.",
    {
        "DISTRIBUTED": "Its principal handed it out; only the principal takes it back.",
        "FOLLOWED": "The clinic opted in, and can opt out.",
        "OWN": "It is the clinic's own.",
    },
)
_described(
    CentralActivation,
    "Who shows a central case type to residents.",
    {
        "PRINCIPAL": "Its principal, at all clinics at once.",
        "CLINIC": "Each clinic for itself: a case type that is handed to it waits until the clinic shows it.",
    },
)
_described(
    OrderedList,
    "What case types are ordered on.",
    {"START_PAGE": "The clinic's page for logged-in residents.", "CONTACT_CARD": "Its card on the public site."},
)
_described(
    RefusalReason,
    "Why a row can't be distributed to.",
    {
        "MALFORMED": "It is no HSA-id.",
        "UNKNOWN": "No such clinic in the registry.",
        "DUPLICATE": "The clinic stands on an earlier row.",
        "NOT_ACTIVATED": "Not activated in the e-services.",
        "ENDED": "The clinic has ended.",
        "ARCHIVED": "The clinic is archived.",
        "OUTSIDE_PRINCIPAL": "The clinic belongs to another principal.",
    },
)
_described(
    DocumentOrder,
    "The order of a list of documents.",
    {
        "NAME_ASC": "By name, in Swedish order.",
        "NAME_DESC": "By name, in reverse Swedish order.",
        "UPDATED_ASC": "Longest unchanged first.",
        "UPDATED_DESC": "Last changed first.",
    },
    name="DocumentOrder",
)
_described(
    ChangeKind,
    "What happened to a value.",
    {
        "ADDED": "It is new.",
        "REMOVED": "It is gone.",
        "CHANGED": "It has another value.",
        "MOVED": "A list item has another place.",
    },
)
_described(
    TextSegmentKind,
    "What happened to a stretch of text.",
    {"SAME": "Unchanged.", "INSERTED": "Only in the later text.", "DELETED": "Only in the earlier text."},
    name="TextSegmentKind",
)


@strawberry.enum(description="Who makes and governs a case type.")
class CaseTypeScope(Enum):
    CENTRAL = strawberry.enum_value("CENTRAL", description="The principal, for clinics that it is handed to.")
    LOCAL = strawberry.enum_value("LOCAL", description="One clinic, for itself.")


@strawberry.enum(description="Whose starting point a template is.")
class TemplateLevel(Enum):
    NATIONAL = strawberry.enum_value("NATIONAL", description="The national management's, for everyone.")
    REGIONAL = strawberry.enum_value("REGIONAL", description="A region's or municipality's, for its own.")
    LOCAL = strawberry.enum_value("LOCAL", description="One clinic's own.")


_described(
    QuestionKind,
    "How a question is answered.",
    {
        "SHORT_TEXT": "One line of text.",
        "LONG_TEXT": "Several lines of text.",
        "SINGLE_CHOICE": "One of the options.",
        "MULTIPLE_CHOICE": "Any of the options.",
        "DATE": "A date.",
        "NUMBER": "A number.",
        "YES_NO": "Yes or no.",
        "ATTACHMENT": "An attached file.",
    },
)
_described(Gender, "Whom a case type is for.", {"MAN": "Men (1 in the national contract).", "WOMAN": "Women (2)."})
_described(ResponseTimeUnit, "What a response time is counted in.", {"HOURS": "Hours.", "WORKING_DAYS": "Working days."})

__all__ = [
    "Action",
    "AssignmentOrigin",
    "CaseTypeScope",
    "CentralActivation",
    "ChangeKind",
    "ClinicStatus",
    "DocumentOrder",
    "DocumentState",
    "Gender",
    "OrderedList",
    "PrincipalKind",
    "QuestionKind",
    "RefusalReason",
    "ResponseTimeUnit",
    "Role",
    "TemplateLevel",
    "TextSegmentKind",
]
