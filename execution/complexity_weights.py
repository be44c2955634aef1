"""Weights of fields: assumed list sizes, and work that the shape of the schema does not show.

A size is the usual length of a list, or its maximum, whichever is less. Lists without a size count
as ten items. Work is counted in the number of values that take the same time to return
(`execution.complexity`). Data that several fields of a page need is read once for the page, and
counts as no work here.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema

_LIST_SIZE = 10

SIZES: Mapping[str, int] = {
    "AcknowledgementTime.histogram": 7,
    "AcknowledgementTimes.byCaseType": 50,
    "Clinic.startPage": 20,
    "Clinic.contactCard": 20,
    "Document.blame": 50,
    "DocumentEdge.hits": 5,
    "SearchHit.segments": 5,
    "DistributionCheck.localCandidates": 50,
    "DistributionCheck.refused": 50,
    "DistributionPayload.skipped": 50,
    "Reports.editsPerMonth": 50,
    "TemplateComparison.documents": 50,
    "TemplatePlace.variants": 4,
    "TemplateVariant.changes": 2,
    "TemplateVariant.documents": 5,
    "TemplateUsage.byLevel": 3,
    "TemplateUsage.byPrincipal": 22,
    "TextReplacePayload.documents": 50,
    "TextReplacePayload.skipped": 20,
    "TextReplacement.changes": 5,
    "SkippedDocument.changes": 5,
    "Version.lineage": 5,
}
"""List sizes by `Type.field`. A size of an interface's field applies to all its types."""

WORK: Mapping[str, int] = {
    "CaseTypeTemplate.comparison": 1_000,
    "CaseTypeTemplate.usage": 20,
    "Document.blame": 100,
    "Mutation.caseTypeDistribute": 200,
    "Mutation.caseTypeWithdraw": 200,
    "Mutation.clinicsImport": 1_000,
    "Mutation.templateImport": 200,
    "Mutation.textReplace": 1_000,
    "Mutation.textReplaceUndo": 1_000,
    "Query.checkDistribution": 200,
    "Query.checkTemplateAdoption": 100,
    "Query.search": 100,
    "Query.templateExport": 200,
    "Query.templateReview": 1_000,
    "Reports.acknowledgementTimes": 1_000,
    "Reports.adaptationsPerCaseType": 500,
    "Reports.caseTypesPerClinic": 500,
    "Reports.clinicsBehind": 500,
    "Reports.clinicsPerCaseType": 500,
    "Reports.documentsPerTemplate": 500,
    "Reports.duplicatesPerCaseType": 1_000,
    "Reports.editsPerMonth": 500,
    "AcknowledgementTimes.byCaseType": 500,
    "AcknowledgementTimes.byClinicGroup": 500,
    "AcknowledgementTimes.total": 500,
}
"""Work before a field's first value, in values, by `Type.field`."""


@dataclass(frozen=True, slots=True)
class Weight:
    """The weight of a field, in addition to its selection.

    Attributes:
        size: Assumed number of items of its list.
        work: Work before the first item, in values.
    """

    size: int
    work: int


DEFAULT_WEIGHT = Weight(_LIST_SIZE, 0)


def weights_of(schema: GraphQLSchema) -> Mapping[tuple[str, str], Weight]:
    """The weights of a schema's fields, by type and field name.

    Weights of an interface's fields also apply to the types that implement it.
    """
    weights = {}
    for kind in schema.type_map.values():
        if isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
            for name in kind.fields:
                keys = [f"{owner.name}.{name}" for owner in (kind, *kind.interfaces)]
                weights[kind.name, name] = Weight(
                    next((SIZES[key] for key in keys if key in SIZES), _LIST_SIZE),
                    next((WORK[key] for key in keys if key in WORK), 0),
                )
    return weights
