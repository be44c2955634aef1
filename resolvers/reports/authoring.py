"""Reports on authoring.

They cover edits by month, documents made from templates, local adaptations, and clinics' own case
types that duplicate a central one.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rapidfuzz import fuzz, process

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.clinics import distribution
from resolvers.clinics.distribution import LocalCandidate
from resolvers.context import Context
from resolvers.documents import documents
from resolvers.reports.coverage import Coverage, require_period, sorted_page
from store.clinics.filters import folded
from store.documents.listing import DocumentFilter, Order
from store.documents.scopes import Visibility
from store.errors import InvalidInput, NotPermitted
from store.paging import Page, Paging
from store.records import Document, DocumentState, OwnerKind
from store.reports.adapted_texts import MAX_DOCUMENTS, AdaptedText
from store.reports.authoring import AdaptationCount, MonthlyEdits, NamedDocument, TemplateUse

_CASE_TYPE = "CASE_TYPE"
_TEMPLATE = "CASE_TYPE_TEMPLATE"
_ROUNDING_MARGIN = 0.1
"""Percent that rounding can add to a similarity: names just below the limit are compared too."""


@dataclass(frozen=True, slots=True)
class TemplateDerivatives:
    """The documents made from a template, counted by template version."""

    template: Document
    by_version: Sequence[TemplateUse]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Clinics' own case types with the same or a similar name as a central one.

    The most similar come first.
    """

    case_type: Document
    found: Sequence[LocalCandidate]


async def edits(
    context: Context, what: Coverage, since: datetime, until: datetime | None
) -> Sequence[MonthlyEdits]:
    """The number of versions written, by principal and month, in the logs that the viewer reads.

    Raises:
        NotPermitted: The viewer may read no log there.
        InvalidInput: The period is invalid.
    """
    end = require_period(context, since, until)
    if what.principal is not None:
        decisions.require_at(
            context.rights, Permission.READ_LOG, what.principal.key, None, ("principal",)
        )
        principals = [what.principal.key]
    else:
        principals = [
            key
            for key in sorted(context.principals)
            if context.rights.holder(Permission.READ_LOG, key) is not None
        ]
        if not principals:
            raise NotPermitted("Du har inte behörighet att läsa någon logg.", ("principal",))
    return await context.store.reports.authoring.edits(principals, since, end)


async def template_derivatives(
    context: Context, what: Coverage, paging: Paging
) -> Page[TemplateDerivatives]:
    """A page of the templates that the viewer sees, by name, with their derivatives."""
    page = await documents.page(context, DocumentFilter(_TEMPLATE), Order.NAME_ASC, paging)
    whose = what.documents(context, of_clinics=what.clinics is not None)
    uses: dict[str, list[TemplateUse]] = defaultdict(list)
    for use in await context.store.reports.authoring.template_uses(
        [template.id for template in page.items], whose
    ):
        uses[use.template].append(use)
    return Page(
        [TemplateDerivatives(template, uses[template.id]) for template in page.items],
        page.cursors,
        page.has_next,
        page.has_previous,
    )


async def count_templates(context: Context) -> int:
    """The number of templates that the viewer sees."""
    return await context.store.listing.count(DocumentFilter(_TEMPLATE), context.rights.scope)


async def adapted(context: Context, what: Coverage) -> Sequence[AdaptationCount]:
    """The central case types that clinics have adapted, by adaptations that the viewer sees."""
    return await context.store.reports.authoring.adaptation_counts(
        "LOCAL_ADAPTATION", what.documents(context, of_clinics=True)
    )


def page_of_adapted(rows: Sequence[AdaptationCount], paging: Paging) -> Page[AdaptationCount]:
    """A page of adapted case types, by the number of clinics, highest first."""
    return sorted_page(rows, lambda row: (-row.clinics, row.case_type), (int, str), paging)


async def adapted_texts(
    context: Context, what: Coverage, document: str | None
) -> Sequence[AdaptedText]:
    """The single texts that adapt a central case type or a template.

    These are texts that clinics add to central case types, and texts in which documents differ from
    the templates that they are made from. The report covers adaptations, documents and templates
    that the viewer sees.

    Args:
        context: The request.
        what: The coverage of the report.
        document: Only for this case type or template; None for all.

    Raises:
        NotFound: There is no such document, or the viewer may not know of it.
        InvalidInput: Too many documents would have to be compared.
    """
    if document is not None:
        decisions.require_visible(
            context.rights,
            (await context.store.export_queries.heads([document])).get(document),
            ("document",),
        )
    reports = context.store.reports
    sources = None if document is None else [document]
    derived = await reports.authoring.derived_versions(
        sources,
        what.documents(context, of_clinics=what.clinics is not None),
        limit=MAX_DOCUMENTS + 1,
    )
    if len(derived) > MAX_DOCUMENTS:
        raise InvalidInput.at(
            ("document",),
            "TOO_MANY",
            f"Högst {MAX_DOCUMENTS} dokument jämförs åt gången: ange en mall eller en huvudman.",
        )
    templates = await context.store.export_queries.heads(
        {document.template for document in derived}
    )
    visible = {
        template
        for template, head in templates.items()
        if context.rights.visibility(head) is not Visibility.NOTHING
    }
    differing = await reports.adapted_texts.differing(
        [document for document in derived if document.template in visible]
    )
    return [
        *differing,
        *await reports.adapted_texts.added(
            "LOCAL_ADAPTATION", what.documents(context, of_clinics=True), document
        ),
    ]


def page_of_adapted_texts(rows: Sequence[AdaptedText], paging: Paging) -> Page[AdaptedText]:
    """A page of adapted texts, by the number of documents, highest first."""
    return sorted_page(
        rows, lambda row: (-row.documents, row.source, row.path), (int, str, str), paging
    )


def _central(what: Coverage) -> DocumentFilter:
    owner = what.principal.key if what.principal else None
    return DocumentFilter(
        _CASE_TYPE,
        owner=owner,
        owner_kind=OwnerKind.PRINCIPAL,
        states=[DocumentState.ACTIVE, DocumentState.INACTIVE],
    )


async def duplicates(context: Context, what: Coverage, paging: Paging) -> Page[Duplicates]:
    """A page of the published central case types, by name, with similar local ones.

    The local ones belong to clinics of the same principal.
    """
    page = await documents.page(context, _central(what), Order.NAME_ASC, paging)
    by_name: dict[str, dict[str, list[NamedDocument]]] = defaultdict(lambda: defaultdict(list))
    if page.items:
        for local in await context.store.reports.authoring.local_documents(
            _CASE_TYPE, what.documents(context, of_clinics=True)
        ):
            by_name[local.principal][folded(local.name)].append(local)
    found = []
    for case_type in page.items:
        found.append(Duplicates(case_type, _similar(case_type, by_name[case_type.principal])))
        await asyncio.sleep(0)  # there can be thousands of names: yield to the event loop
    return Page(found, page.cursors, page.has_next, page.has_previous)


def _similar(
    central: Document, local: Mapping[str, Sequence[NamedDocument]]
) -> list[LocalCandidate]:
    """The local case types with the same or a similar name, most similar first.

    Each distinct name is compared once.
    """
    cutoff = distribution.MIN_SIMILARITY * 100 - _ROUNDING_MARGIN
    found = []
    for name, _, _ in process.extract(
        folded(central.name),
        local.keys(),
        scorer=fuzz.token_sort_ratio,
        score_cutoff=cutoff,
        limit=None,
    ):
        similarity = distribution.similarity(central.name, name)
        if similarity >= distribution.MIN_SIMILARITY:
            found += [LocalCandidate(named.owner, named.id, similarity) for named in local[name]]
    return sorted(found, key=lambda item: (-item.similarity, item.clinic, item.document))


async def count_central(context: Context, what: Coverage) -> int:
    """The number of published central case types that the viewer sees."""
    return await context.store.listing.count(_central(what), context.rights.scope)


def page_of_candidates(rows: Sequence[LocalCandidate], paging: Paging) -> Page[LocalCandidate]:
    """A page of local case types, the most similar first."""
    return sorted_page(
        rows, lambda row: (-round(row.similarity * 1_000), row.document), (int, str), paging
    )
