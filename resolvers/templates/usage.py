"""How templates are used, over all levels: what was made from them, directly or through other
templates, and where that is.

Counted is what is not archived and what the viewer sees. Roles held for the national management
count everything that is published, clinics' own
documents too: as numbers, not by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from resolvers.context import Context
from resolvers.documents import documents
from store.documents.scopes import Visibility
from store.records import Document, DocumentState, Owner, OwnerKind, PrincipalKind, Version
from store.templates.lineage import MAX_LEVELS, ClinicsAsked, Descendant


@dataclass(frozen=True, slots=True)
class Uses:
    """Some of what comes from a template, counted: of what is `seen` that which is not archived."""

    templates: int
    case_types: int
    behind: int
    last_used_at: datetime | None
    seen: Sequence[Descendant]
    counted: Sequence[Descendant]

    @property
    def unused(self) -> bool:
        """Whether nothing comes from it."""
        return not self.counted


async def of_template(context: Context, template: Document) -> Uses:
    """How a template is used, as far as the viewer may know."""
    return uses(context, await context.loaders.descendants.load(template.id) or ())


def uses(context: Context, descendants: Sequence[Descendant]) -> Uses:
    """The same of what is in hand."""
    seen = [one for one in descendants if _counts(context, one)]
    counted = [one for one in seen if one.state is not DocumentState.ARCHIVED]
    templates = sum(is_template(context, one) for one in counted)
    return Uses(
        templates=templates,
        case_types=len(counted) - templates,
        behind=sum(one.behind for one in counted),
        last_used_at=max((one.created_at for one in seen), default=None),
        seen=seen,
        counted=counted,
    )


def by_level(context: Context, whole: Uses) -> Mapping[str, Uses]:
    """The same for each level of those who own what was made, all three of them."""
    return {
        level: uses(
            context,
            [one for one in whole.seen if level_of(context, one.principal, one.owner) == level],
        )
        for level in ("NATIONAL", "REGIONAL", "LOCAL")
    }


def by_principal(context: Context, whole: Uses) -> Mapping[str, Uses]:
    """The same for each principal that uses the template, itself or at its clinics, by key in the
    order of their names.
    """
    principals = sorted(
        {one.principal for one in whole.counted},
        key=lambda key: (context.principals[key].name, key),
    )
    return {
        key: uses(context, [one for one in whole.seen if one.principal == key])
        for key in principals
    }


async def clinics(context: Context, some: Uses) -> int:
    """How many clinics have any of the case types now, of those that the viewer may read; each
    clinic once.
    """
    return await context.loaders.clinic_counts.load(_asked(context, some)) or 0


async def clinics_by_principal(context: Context, some: Uses) -> Mapping[str, int]:
    """The same for each principal."""
    return await context.loaders.clinic_counts_by_principal.load(_asked(context, some)) or {}


def _asked(context: Context, some: Uses) -> ClinicsAsked:
    case_types = tuple(sorted(one.id for one in some.counted if not is_template(context, one)))
    reach = context.rights.clinics()
    everywhere = reach is None or all(one.principal in reach.principals for one in some.counted)
    return ClinicsAsked(case_types, None if everywhere else reach)


def _counts(context: Context, one: Descendant) -> bool:
    scope = context.rights.scope
    return (scope.released_central and one.published is not None) or scope.visibility(
        one
    ) is not Visibility.NOTHING


def is_template(context: Context, one: Descendant) -> bool:
    """Whether it is no case type but a template on the way to some."""
    return not context.store.kinds[one.kind].assignable


def level_of(context: Context, principal: str, owner: Owner) -> str:
    """Whose something is: the national management's, a region's or municipality's, or a clinic's."""
    if owner.kind is OwnerKind.CLINIC:
        return "LOCAL"
    return (
        "NATIONAL" if context.principals[principal].kind is PrincipalKind.NATIONAL else "REGIONAL"
    )


async def lineage(context: Context, made: Version) -> list[tuple[Document, int]]:
    """The templates that a version comes from, nearest first, each with the version of it; as far
    up as the viewer sees.
    """
    steps: list[tuple[Document, int]] = []
    derived = made.derived_from
    while derived is not None and len(steps) < MAX_LEVELS:
        template = await documents.template_of(context, derived)
        if template is None:
            break
        steps.append((template, derived.version))
        version = await context.loaders.versions.load((derived.template, derived.version))
        derived = version.derived_from if version else None
    return steps
