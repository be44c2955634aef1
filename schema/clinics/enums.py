"""Enums of principals and clinics: roles, states, assignments and orders."""

from schema.enums import describe_enum
from store.clinics.assignments import AssignmentOrder
from store.records import (
    AssignmentOrigin,
    CentralActivation,
    ClinicStatus,
    OrderedList,
    PrincipalKind,
    RefusalReason,
    Role,
)

describe_enum(
    Role,
    "The role that a person or machine holds.",
    {
        "NATIONAL_ADMINISTRATOR": "Inera's national management: manages national templates.",
        "REGIONAL_ADMINISTRATOR": (
            "Manages the central case types and templates of a region or municipality."
        ),
        "LOCAL_ADMINISTRATOR": "Manages the local case types and adaptations of one clinic.",
        "CLINIC_STAFF": "Reads the data of its clinics and acknowledges notifications.",
        "REVIEWER": "Reads the history, including who made each change.",
        "REPORTER": "A machine that reads the data of its principal.",
    },
)
describe_enum(
    PrincipalKind,
    "The kind of principal (huvudman).",
    {
        "NATIONAL": "The national management.",
        "REGION": "One of the 21 regions.",
        "MUNICIPALITY": "A municipality (kommun).",
    },
)
describe_enum(
    ClinicStatus,
    "Whether case types can be distributed to a clinic.",
    {
        "ACTIVE": "Activated in the e-services. The start date can be in the future.",
        "NOT_ACTIVATED": "Known in HSA but not activated in the e-services.",
        "ENDED": "The end date has passed.",
        "ARCHIVED": "Archived. References to it in the history still resolve.",
    },
)
describe_enum(
    AssignmentOrigin,
    "How a clinic got a case type.",
    {
        "DISTRIBUTED": "The principal distributed it. Only the principal can withdraw it.",
        "FOLLOWED": "The clinic follows it, and can unfollow it.",
        "OWN": "The clinic owns it.",
    },
)
describe_enum(
    CentralActivation,
    "Who shows central case types to residents.",
    {
        "PRINCIPAL": "The principal, at all clinics at once.",
        "CLINIC": (
            "Each clinic. A case type that is distributed to a clinic stays hidden until the clinic"
            " shows it."
        ),
    },
)
describe_enum(
    OrderedList,
    "A page on which case types have an order.",
    {
        "START_PAGE": "The clinic's page for logged-in residents.",
        "CONTACT_CARD": "The clinic's card on the public site.",
    },
)
describe_enum(
    RefusalReason,
    "Why a case type cannot be distributed to the clinic in a row.",
    {
        "MALFORMED": "The value is not an HSA-id.",
        "UNKNOWN": "The registry has no such clinic.",
        "DUPLICATE": "An earlier row names the same clinic.",
        "NOT_ACTIVATED": "The clinic is not activated in the e-services.",
        "ENDED": "The clinic has ended.",
        "ARCHIVED": "The clinic is archived.",
        "OUTSIDE_PRINCIPAL": "The clinic belongs to another principal.",
    },
)
describe_enum(
    AssignmentOrder,
    "The order of a list of assignments.",
    {
        "CLINIC_ASC": "By the clinic's HSA-id, then by case type.",
        "SINCE_ASC": "By `since`, oldest first.",
        "SINCE_DESC": "By `since`, newest first.",
    },
)

__all__ = [
    "AssignmentOrder",
    "AssignmentOrigin",
    "CentralActivation",
    "ClinicStatus",
    "OrderedList",
    "PrincipalKind",
    "RefusalReason",
    "Role",
]
