"""Turns the clinics that a caller names into a selector or filter that the store can apply.

A selection goes through three types: `ClinicSelection` is the caller's input, `ClinicSelector` has
its files read and its references checked, and the store resolves that to `ResolvedClinics`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resolvers.clinics import clinic_files, clinics
from resolvers.context import Context
from resolvers.documents.search import search_text_problems
from store.clinics.filters import ClinicFilter
from store.clinics.selectors import ClinicSelector
from store.errors import InvalidInput, NotFound
from store.records import ClinicGroup, Document

MAX_SELECTED = 20_000


@dataclass(frozen=True, slots=True)
class ClinicCriteria:
    """A filter as the caller wrote it.

    Attributes:
        filter: The conditions that need no look-up.
        group: Id of a group that the clinics are in.
        similar_to: HSA-id of a clinic that they resemble.
    """

    filter: ClinicFilter
    group: str | None = None
    similar_to: str | None = None


@dataclass(frozen=True, slots=True)
class ClinicSelection:
    """The clinics that a caller selects, in exactly one of the four ways.

    Attributes:
        argument: Name of the argument that has the selection, for the paths of errors.
        hsa_ids: As the caller wrote them.
        csv: Text of a CSV file.
        group: Id of a group.
        filter: A filter, not yet looked up.
    """

    argument: str
    hsa_ids: Sequence[str] | None = None
    csv: str | None = None
    group: str | None = None
    filter: ClinicCriteria | None = None


async def clinic_filter(
    context: Context, criteria: ClinicCriteria, path: tuple[str, ...] = ("filter",)
) -> ClinicFilter:
    """The store's filter for a caller's criteria, limited to clinics that the viewer may read.

    Raises:
        InvalidInput: The search text is too long, or has characters that no name may have.
        NotFound: The group or the clinic does not exist, or the viewer may not know of it.
    """
    if problems := search_text_problems(criteria.filter.text or "", (*path, "text")):
        raise InvalidInput(problems)
    conditions = replace(criteria.filter, within=context.rights.clinics())
    if criteria.group is not None:
        group = await require_group(context, criteria.group, (*path, "group"))
        conditions = replace(
            conditions, also=(*conditions.also, context.store.groups.filter_of(group))
        )
    if criteria.similar_to is not None:
        clinic = await clinics.require(context, criteria.similar_to, (*path, "similarTo"))
        conditions = replace(conditions, similar_to=clinic)
    return conditions


async def require_group(context: Context, group_id: str, path: tuple[str, ...]) -> ClinicGroup:
    """A group that the viewer may know of.

    Raises:
        NotFound: There is none, or the viewer may not know of it.
    """
    group = await context.loaders.groups.load(group_id)
    if group is None or not context.rights.knows_groups(group.principal):
        raise NotFound("Gruppen finns inte.", path)
    return group


async def selector_of(
    context: Context, selection: ClinicSelection, document: Document
) -> ClinicSelector:
    """A caller's selection of clinics, read and checked, for a document of their principal.

    Raises:
        InvalidInput: More than 20,000 clinics, or none.
        RowsRefused: The text is not CSV.
        NotFound: The group does not exist, or belongs to another principal.
    """
    if selection.hsa_ids is not None:
        if not 1 <= len(selection.hsa_ids) <= MAX_SELECTED:
            raise InvalidInput.at(
                (selection.argument, "hsaIds"),
                "OUT_OF_RANGE",
                f"Ange 1 till {MAX_SELECTED} mottagningar.",
            )
        return ClinicSelector.of_ids(selection.hsa_ids, selection.argument)
    if selection.csv is not None:
        path = (selection.argument, "csv")
        return ClinicSelector(rows=clinic_files.parse_ids(selection.csv, path), path=path)
    if selection.group is not None:
        path = (selection.argument, "group")
        group = await require_group(context, selection.group, path)
        if group.principal != document.principal:
            raise NotFound("Gruppen finns inte.", path)
        return ClinicSelector(group=group.id, path=path)
    path = (selection.argument, "filter")
    criteria = selection.filter or ClinicCriteria(ClinicFilter())
    return ClinicSelector(filter=await clinic_filter(context, criteria, path), path=path)
