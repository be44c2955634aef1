"""What some fields come to that the shape of the schema does not tell: how long their lists are
taken to be, and the work before the first value.

Sizes are what is usual or what there can be, whichever is less; where they are left out, a list
counts ten items. Work is in the values that could be
answered in the same time (`execution.complexity`). What needs several fields of a page is read once for
the page, and has no work here.
"""

from collections.abc import Mapping

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
"""Items of lists, by `Type.field`; of an interface's field, for all types that have it."""

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
"""What is done before a field's first value, in values."""
