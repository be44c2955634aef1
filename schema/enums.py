"""The contract's enums, made of the records' own so that there is one list of values."""

from enum import Enum

import strawberry

from resolvers.documents.text_replacement_plan import SkipReason
from resolvers.kinds.case_types import Gender, QuestionKind, ResponseTimeUnit
from resolvers.kinds.notices import NoticeEnvironment, NoticeStatus
from resolvers.kinds.resident_cases import ResidentCaseForm
from resolvers.kinds.terms_texts import TermsService
from resolvers.reports.clinics import BehindOrder, ClinicCountOrder
from resolvers.templates.exchange import ImportOutcome as TemplateImportOutcome
from resolvers.templates.review import ReviewOrder as TemplateReviewOrder
from resolvers.templates.review import ReviewReason as TemplateReviewReason
from store.clinics.assignments import AssignmentOrder
from store.content.diff import ChangeKind
from store.content.merge import MergeSide
from store.content.text_diff import SegmentKind as TextSegmentKind
from store.documents.listing import Order as DocumentOrder
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


def _described(
    enum: type[Enum], description: str, values: dict[str, str], name: str | None = None
) -> None:
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
        "REGIONAL_ADMINISTRATOR": (
            "Governs a region's or a municipality's central case types and templates."
        ),
        "LOCAL_ADMINISTRATOR": "Governs one clinic's local case types and adaptations.",
        "CLINIC_STAFF": "Reads its clinics, acknowledges notifications.",
        "REVIEWER": "Reads history and who acted.",
        "REPORTER": "A machine that reads within its principal.",
    },
)
_described(
    PrincipalKind,
    "Who answers for clinics (huvudman).",
    {
        "NATIONAL": "The national management.",
        "REGION": "One of the 21 regions.",
        "MUNICIPALITY": "A municipality (kommun).",
    },
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
        "RESTORED": (
            "An earlier version's content was written as a new version, or an archived document was"
            " taken back."
        ),
        "TEMPLATE_ADOPTED": (
            "A newer version of its template was taken over into a document, as a new draft"
            " version."
        ),
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
        "CLINIC": (
            "Each clinic for itself: a case type that is handed to it waits until the clinic"
            " shows it."
        ),
    },
)
_described(
    OrderedList,
    "What case types are ordered on.",
    {
        "START_PAGE": "The clinic's page for logged-in residents.",
        "CONTACT_CARD": "Its card on the public site.",
    },
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
    AssignmentOrder,
    "The order of a list of assignments.",
    {
        "CLINIC_ASC": "By the clinic's HSA-id, then case type.",
        "SINCE_ASC": "Longest so first: by `since`.",
        "SINCE_DESC": "Newest first: by `since`.",
    },
)
_described(
    ClinicCountOrder,
    "The order of clinics by how many case types they have.",
    {
        "CLINIC_ASC": "By HSA-id.",
        "MOST_FIRST": "Those with most first.",
        "FEWEST_FIRST": "Those with fewest first.",
    },
)
_described(
    BehindOrder,
    "The order of clinics that lag behind.",
    {
        "CLINIC_ASC": "By HSA-id.",
        "MOST_FIRST": "Those that lag in most case types first.",
        "LONGEST_FIRST": "Those that have lagged longest first.",
    },
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
    {
        "SAME": "Unchanged.",
        "INSERTED": "Only in the later text.",
        "DELETED": "Only in the earlier text.",
    },
    name="TextSegmentKind",
)
_described(
    MergeSide,
    "Whose value is taken where both sides changed it.",
    {"OURS": "The document's own.", "THEIRS": "The template's."},
)

_described(
    TemplateReviewReason,
    "Why a template needs a review.",
    {
        "UNUSED": "Nothing comes from it.",
        "DRIFTED": "What was made from it is far from it by now, on the average.",
        "UNTOUCHED": "Its content and state have not changed for long.",
        "BEHIND": "It comes itself from an earlier version of its template than the one in force.",
        "NOT_TAKEN_OVER": "Some of what comes from it is behind.",
    },
    name="TemplateReviewReason",
)
_described(
    TemplateReviewOrder,
    "The order of the review list; equal ones by name.",
    {
        "NAME_ASC": "By name, in Swedish order.",
        "UPDATED_ASC": "Longest unchanged first.",
        "DRIFT_DESC": "Farthest drifted first.",
        "USES_ASC": (
            "Least used first: by the number of templates and case types that come from it."
        ),
        "BEHIND_DESC": "Most that are behind first.",
    },
    name="TemplateReviewOrder",
)
_described(
    TemplateImportOutcome,
    "What an import of a template led to; with `dryRun` what it would lead to.",
    {
        "CREATED": "A new template.",
        "UPDATED": (
            "The next version of the template that an earlier import of the same origin made."
        ),
        "UNCHANGED": "Nothing: this version was imported last.",
    },
    name="TemplateImportOutcome",
)


@strawberry.enum(description="Who makes and governs a case type.")
class CaseTypeScope(Enum):
    CENTRAL = strawberry.enum_value(
        "CENTRAL", description="The principal, for clinics that it is handed to."
    )
    LOCAL = strawberry.enum_value("LOCAL", description="One clinic, for itself.")


@strawberry.enum(description="Whose starting point a template is.")
class TemplateLevel(Enum):
    NATIONAL = strawberry.enum_value(
        "NATIONAL", description="The national management's, for everyone."
    )
    REGIONAL = strawberry.enum_value(
        "REGIONAL", description="A region's or municipality's, for its own."
    )
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
_described(
    SkipReason,
    "Why a document that holds a text is not changed.",
    {
        "DRAFT_AHEAD": (
            "Its newest version is a draft ahead of what is in force: to publish that would publish"
            " somebody's unfinished work."
        )
    },
)
_described(
    Gender,
    "Whom a case type is for.",
    {"MAN": "Men (1 in the national contract).", "WOMAN": "Women (2)."},
)
_described(
    ResidentCaseForm,
    "Whether the resident answers a resident case.",
    {"INFORMATION": "It is only read.", "QUESTIONS": "It has questions that the resident answers."},
)
_described(
    TermsService,
    "Which service a terms text stands in.",
    {
        "LISTING": "Choosing a clinic to be listed at (listning).",
        "BOOKING": "Booking a time (tidbokning).",
    },
)
_described(
    NoticeEnvironment,
    "Which environment a notice is about.",
    {
        "PRODUCTION": "The one that residents and clinics use.",
        "ACCEPTANCE_TEST": "The one for acceptance tests.",
    },
)
_described(
    NoticeStatus,
    "How far what a notice tells of has come.",
    {
        "PLANNED": "Still to come.",
        "ONGOING": "Happening now.",
        "RESOLVED": "Over.",
        "CANCELLED": "It will not happen after all.",
    },
)
_described(
    ResponseTimeUnit,
    "What a response time is counted in.",
    {"HOURS": "Hours.", "WORKING_DAYS": "Working days."},
)

__all__ = [
    "Action",
    "AssignmentOrder",
    "AssignmentOrigin",
    "BehindOrder",
    "CaseTypeScope",
    "CentralActivation",
    "ChangeKind",
    "ClinicCountOrder",
    "ClinicStatus",
    "DocumentOrder",
    "DocumentState",
    "Gender",
    "MergeSide",
    "NoticeEnvironment",
    "NoticeStatus",
    "OrderedList",
    "PrincipalKind",
    "QuestionKind",
    "RefusalReason",
    "ResidentCaseForm",
    "ResponseTimeUnit",
    "Role",
    "SkipReason",
    "TemplateImportOutcome",
    "TemplateLevel",
    "TemplateReviewOrder",
    "TemplateReviewReason",
    "TermsService",
    "TextSegmentKind",
]
