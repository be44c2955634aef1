"""Describes the enums of lower layers for the API.

The modules `enums` in the packages below list the enums by subject. Each enum is the one that the
store or the resolvers use, so that there is a single list of values.
"""

from collections.abc import Mapping
from enum import StrEnum

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
from store.records import Action, AssignmentOrigin, CentralActivation, ClinicStatus, DocumentState, OrderedList, PrincipalKind, RefusalReason, Role

def describe_enum(
    enum: type[StrEnum], description: str, values: Mapping[str, str], name: str | None = None
) -> None:
    """Make an enum part of the schema, in place.

    Args:
        enum: The enum.
        description: Its description.
        values: The description of each value, by name.
        name: The name in the API; the name of the class by default.

    Raises:
        ValueError: `values` does not describe exactly the values of the enum.
    """
    if values.keys() != enum.__members__.keys():
        raise ValueError(f"{enum.__name__}: describe exactly its values")
    described = strawberry.enum(enum, name=name, description=description)
    for value in described.__strawberry_definition__.values:  # type: ignore[attr-defined]
        value.description = values[value.name]
