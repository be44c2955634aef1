"""Enums of templates: levels, merges, reviews and imports."""

from enum import StrEnum

from resolvers.templates.exchange import ImportOutcome as TemplateImportOutcome
from resolvers.templates.review import ReviewOrder as TemplateReviewOrder
from resolvers.templates.review import ReviewReason as TemplateReviewReason
from schema.enums import describe_enum
from store.content.merge import MergeSide


class TemplateLevel(StrEnum):
    NATIONAL = "NATIONAL"
    REGIONAL = "REGIONAL"
    LOCAL = "LOCAL"


describe_enum(
    TemplateLevel,
    "The level of a template or another document, by its owner.",
    {
        "NATIONAL": "Owned by the national management, for everyone.",
        "REGIONAL": "Owned by a region or municipality, for its clinics.",
        "LOCAL": "Owned by one clinic.",
    },
)
describe_enum(
    MergeSide,
    "The side whose value resolves a merge conflict.",
    {"OURS": "The document's value.", "THEIRS": "The template's value."},
)
describe_enum(
    TemplateReviewReason,
    "Why a template needs a review.",
    {
        "UNUSED": "No document comes from it.",
        "DRIFTED": "On average, the documents made from it differ much from it.",
        "UNTOUCHED": "Its content and state have not changed for a long time.",
        "BEHIND": "It was made from an older version of its own template than the published one.",
        "NOT_TAKEN_OVER": "Some of the documents that come from it are behind.",
    },
    name="TemplateReviewReason",
)
describe_enum(
    TemplateReviewOrder,
    "The order of the review list. Equal entries are ordered by name.",
    {
        "NAME_ASC": "By name, in Swedish alphabetical order.",
        "UPDATED_ASC": "By the time of the last change, oldest first.",
        "DRIFT_DESC": "By average drift, largest first.",
        "USES_ASC": (
            "By the number of templates and case types that come from the template, fewest first."
        ),
        "BEHIND_DESC": "By the number of documents that are behind, most first.",
    },
    name="TemplateReviewOrder",
)
describe_enum(
    TemplateImportOutcome,
    "The outcome of a template import; with `dryRun`, the outcome that it would have.",
    {
        "CREATED": "A new template.",
        "UPDATED": (
            "The next version of the template that an earlier import from the same origin created."
        ),
        "UNCHANGED": "Nothing was written: the last import was of the same version.",
    },
    name="TemplateImportOutcome",
)

__all__ = [
    "MergeSide",
    "TemplateImportOutcome",
    "TemplateLevel",
    "TemplateReviewOrder",
    "TemplateReviewReason",
]
