"""Usage of templates, over all levels.

These are the documents made from a template, directly or through other templates, and the clinics
that have them. Documents are counted if they are not archived and the viewer sees them. National
roles count everything that is published, including clinics' own documents: as numbers, not by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from resolvers.context import Context
from resolvers.documents import documents
from store.documents.scopes import Visibility
from store.records import Document, DocumentState, Owner, OwnerKind, PrincipalKind, Version
from store.templates.lineage import MAX_LEVELS, ClinicCountKey, Descendant


@dataclass(frozen=True, slots=True)
class Uses:
    """The documents that come from a template, or a part of them, counted.

    Attributes:
        templates: The number of templates.
        case_types: The number of case types.
        behind: How many come from an older version than their template has published. A document
            whose template is behind counts too.
        last_used_at: When the newest of the visible documents was created.
        seen: The visible documents, archived ones included.
        counted: Those that are not archived.
    """

    templates: int
    case_types: int
    behind: int
    last_used_at: datetime | None
    seen: Sequence[Descendant]
    counted: Sequence[Descendant]

    @property
    def unused(self) -> bool:
        """Whether nothing is counted."""
        return not self.counted


async def of_template(context: Context, template: Document) -> Uses:
    """The usage of a template, as far as the viewer may know."""
    return uses(context, await context.loaders.descendants.load(template.id) or ())


def uses(context: Context, descendants: Sequence[Descendant]) -> Uses:
    """The usage that given descendants make up."""
    seen = [descendant for descendant in descendants if _counts(context, descendant)]
    counted = [descendant for descendant in seen if descendant.state is not DocumentState.ARCHIVED]
    templates = sum(is_template(context, descendant) for descendant in counted)
    return Uses(
        templates=templates,
        case_types=len(counted) - templates,
        behind=sum(descendant.behind for descendant in counted),
        last_used_at=max((descendant.created_at for descendant in seen), default=None),
        seen=seen,
        counted=counted,
    )


def by_level(context: Context, whole: Uses) -> Mapping[str, Uses]:
    """The usage by level of the documents' owners; all three levels."""
    return {
        level: uses(
            context,
            [
                descendant
                for descendant in whole.seen
                if level_of(context, descendant.principal, descendant.owner) == level
            ],
        )
        for level in ("NATIONAL", "REGIONAL", "LOCAL")
    }


def by_principal(context: Context, whole: Uses) -> Mapping[str, Uses]:
    """The usage by principal, itself or at its clinics.

    Keyed by the principal, in the order of the principals' names.
    """
    principals = sorted(
        {descendant.principal for descendant in whole.counted},
        key=lambda key: (context.principals[key].name, key),
    )
    return {
        key: uses(context, [descendant for descendant in whole.seen if descendant.principal == key])
        for key in principals
    }


async def clinics(context: Context, part: Uses) -> int:
    """The number of clinics that have any of the case types now.

    Counts the clinics that the viewer may read, each once.
    """
    return await context.loaders.clinic_counts.load(_clinics_query(context, part)) or 0


async def clinics_by_principal(context: Context, part: Uses) -> Mapping[str, int]:
    """The number of clinics by principal, as in `clinics`."""
    return (
        await context.loaders.clinic_counts_by_principal.load(_clinics_query(context, part)) or {}
    )


def _clinics_query(context: Context, part: Uses) -> ClinicCountKey:
    case_types = tuple(sorted(item.id for item in part.counted if not is_template(context, item)))
    reach = context.rights.clinics()
    everywhere = reach is None or all(item.principal in reach.principals for item in part.counted)
    return ClinicCountKey(case_types, None if everywhere else reach)


def _counts(context: Context, descendant: Descendant) -> bool:
    scope = context.rights.scope
    if scope.released_central and descendant.published is not None:
        return True
    return scope.visibility(descendant) is not Visibility.NOTHING


def is_template(context: Context, descendant: Descendant) -> bool:
    """Whether a document is a template and not a case type."""
    return not context.store.kinds[descendant.kind].assignable


def level_of(context: Context, principal: str, owner: Owner) -> str:
    """The level of an owner: national, regional (also a municipality) or local (a clinic)."""
    if owner.kind is OwnerKind.CLINIC:
        return "LOCAL"
    return (
        "NATIONAL" if context.principals[principal].kind is PrincipalKind.NATIONAL else "REGIONAL"
    )


async def lineage(context: Context, version: Version) -> list[tuple[Document, int]]:
    """The templates that a version comes from, nearest first, each with its version.

    Ends at the first template that the viewer does not see.
    """
    steps: list[tuple[Document, int]] = []
    derived = version.derived_from
    while derived is not None and len(steps) < MAX_LEVELS:
        template = await documents.template_of(context, derived)
        if template is None:
            break
        steps.append((template, derived.version))
        source = await context.loaders.versions.load((derived.template, derived.version))
        derived = source.derived_from if source else None
    return steps
