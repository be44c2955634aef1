"""The list of which units have which case types: who sees what of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from resolvers.clinics import principals
from resolvers.clinics.selectors import require_group
from resolvers.context import Context
from resolvers.documents import documents
from store.clinics.assignments import AssignmentFilter, AssignmentOrder
from store.clinics.filters import ClinicFilter
from store.clinics.version_adoption import Adoption, AdoptionAsked
from store.errors import InvalidInput
from store.mongo.paging import Page, Paging
from store.records import (
    Assignment,
    AssignmentOrigin,
    Document,
    DocumentState,
    OrderedList,
    OwnerKind,
    key_of,
)

_NONE: Page[Assignment] = Page((), (), has_next=False, has_previous=False)
_ASSIGNED = frozenset({DocumentState.ACTIVE, DocumentState.INACTIVE})
"""The states of what clinics have."""


@dataclass(frozen=True, slots=True)
class AssignmentCriteria:
    """Which assignments, as a caller asks; what is None does not matter.

    `scope` is whose the case types are.
    """

    clinic: str | None = None
    case_type: str | None = None
    group: str | None = None
    origin: AssignmentOrigin | None = None
    behind_only: bool = False
    principal: str | None = None
    scope: OwnerKind | None = None
    states: Sequence[DocumentState] | None = None
    business_classifications: Sequence[str] | None = None
    acknowledged_version: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AssignmentListing:
    """What a criteria comes to: a filter within the viewer's rights, the moment as a number of the log,
    and the order.
    """

    which: AssignmentFilter
    sequence: int | None
    order: AssignmentOrder = AssignmentOrder.CLINIC_ASC


async def get(context: Context, assignment_id: str) -> Assignment | None:
    """An assignment at a clinic that the viewer may read; else None."""
    assignment = await context.loaders.assignments.load(assignment_id)
    if assignment is None or not context.rights.reads_clinic(
        assignment.clinic, assignment.principal
    ):
        return None
    return assignment if await documents.get(context, assignment.document) is not None else None


async def listing(
    context: Context,
    criteria: AssignmentCriteria,
    as_of: datetime | None,
    order: AssignmentOrder = AssignmentOrder.CLINIC_ASC,
) -> AssignmentListing | None:
    """What to list; None where nothing can match.

    Raises:
        NotFound: There is no such group or principal.
        InvalidInput: A moment, or an order by time, is asked for, but not of whose log; or of the
            past what is known of now only.
    """
    within = context.rights.clinics()
    _refuse_unknown(criteria, as_of)
    document = (
        await documents.get(context, criteria.case_type, "CASE_TYPE")
        if criteria.case_type is not None
        else None
    )
    clinic = (
        await context.loaders.clinics.load(key_of(criteria.clinic))
        if criteria.clinic is not None
        else None
    )
    if (criteria.case_type is not None and document is None) or (
        criteria.clinic is not None and (clinic is None or not context.rights.sees_clinic(clinic))
    ):
        return None
    keys: Sequence[str] | None = [clinic.key] if clinic else None
    named = (
        principals.require(context, criteria.principal, ("filter", "principal")).key
        if criteria.principal is not None
        else None
    )
    if named is not None and any(
        one is not None and one.principal != named for one in (document, clinic)
    ):
        return None
    principal = named or (document.principal if document else clinic.principal if clinic else None)
    if criteria.group is not None:
        group = await require_group(context, criteria.group, ("filter", "group"))
        if named is not None and group.principal != named:
            return None
        principal = group.principal
        keys = _both(keys, await context.store.clinics.keys(context.store.groups.filter_of(group)))
    if (
        principal is None
        and within is not None
        and len(roots := {held.principal for held in context.rights.held}) == 1
    ):
        [principal] = roots
    if criteria.business_classifications is not None:
        alike = ClinicFilter(
            within=within,
            principal=principal,
            business_classifications=criteria.business_classifications,
        )
        keys = _both(keys, await context.store.clinics.keys(alike))
    sequence = None
    if as_of is not None:
        sequence = await context.store.history.sequence_at(_whose(principal, ("asOf",)), as_of)
    if order is not AssignmentOrder.CLINIC_ASC:
        _whose(principal, ("orderBy",))
    behind = await _in_force(context, principal, document) if criteria.behind_only else None
    only, other_than = await _in_states(context, principal, criteria.states)
    which = AssignmentFilter(
        behind=behind,
        within=within,
        principal=principal,
        clinics=keys,
        document=document.id if document else None,
        origin=criteria.origin,
        # who reads all clinics sees their own case types nowhere
        central_only=within is None or criteria.scope is OwnerKind.PRINCIPAL,
        local_only=criteria.scope is OwnerKind.CLINIC,
        documents=only,
        other_than=other_than,
        acknowledged_version=criteria.acknowledged_version,
        since=criteria.since,
        until=criteria.until,
    )
    return AssignmentListing(which, sequence, order)


def _both(keys: Sequence[str] | None, others: Sequence[str]) -> Sequence[str]:
    return others if keys is None else sorted(set(keys) & set(others))


def _refuse_unknown(criteria: AssignmentCriteria, as_of: datetime | None) -> None:
    """What is known of now only is not asked of the past, and a version not of several case types."""
    if as_of is not None:
        for asked, name in (
            (criteria.behind_only, "behindOnly"),
            (criteria.acknowledged_version is not None, "acknowledgedVersion"),
            (criteria.states is not None, "state"),
        ):
            if asked:
                raise InvalidInput.at(
                    ("filter", name),
                    "NOT_WITH_AS_OF",
                    "Det visas bara för nuläget: utelämna asOf, eller detta filter.",
                )
    if criteria.acknowledged_version is not None and criteria.case_type is None:
        raise InvalidInput.at(
            ("filter", "acknowledgedVersion"),
            "WHICH_CASE_TYPE",
            "Ange ärendetyp: varje ärendetyp har sina egna versioner.",
        )


def _whose(principal: str | None, path: tuple[str, ...]) -> str:
    if principal is None:
        raise InvalidInput.at(
            path,
            "WHOSE_LOG",
            "Ange huvudman, mottagning, ärendetyp eller grupp: varje huvudman har sin egen logg.",
        )
    return principal


async def _in_states(
    context: Context, principal: str | None, states: Sequence[DocumentState] | None
) -> tuple[Sequence[str] | None, Sequence[str] | None]:
    """The only case types, and those left out, that some states come to: of what clinics have,
    deactivated ones are few.
    """
    wanted = _ASSIGNED.intersection(_ASSIGNED if states is None else states)
    if wanted == _ASSIGNED:
        return None, None
    if not wanted:
        return (), None
    principals = [principal] if principal is not None else sorted(context.principals)
    inactive = await context.store.listing.in_state("CASE_TYPE", principals, DocumentState.INACTIVE)
    return (inactive, None) if DocumentState.INACTIVE in wanted else (None, inactive)


async def _in_force(
    context: Context, principal: str | None, document: Document | None
) -> Mapping[str, int]:
    """The versions in force that clinics may lag behind."""
    whose = _whose(principal, ("filter", "behindOnly"))
    among = [document.id] if document else await context.store.assignments.handed_out(whose)
    return await context.store.documents.in_force(whose, among)


async def adoption(context: Context, document: Document) -> Adoption:
    """How far the clinics that have a document now, those that the viewer may read, have taken the
    version in force.
    """
    reach = context.rights.clinics()
    everywhere = reach is None or document.principal in reach.principals
    asked = AdoptionAsked(
        document.id,
        document.published,
        None if everywhere or reach is None else tuple(sorted(reach.clinics)),
    )
    return await context.loaders.adoptions.load(asked) or Adoption((), 0)


async def page(
    context: Context, what: AssignmentListing | None, paging: Paging
) -> Page[Assignment]:
    """A page of assignments, in the order asked for."""
    return (
        _NONE
        if what is None
        else await context.store.assignments.page(what.which, paging, what.sequence, what.order)
    )


async def count(context: Context, what: AssignmentListing | None) -> int:
    """How many assignments match."""
    return 0 if what is None else await context.store.assignments.count(what.which, what.sequence)


def of_document(context: Context, document: Document) -> AssignmentListing:
    """The clinics that have a document now, those that the viewer may read."""
    return AssignmentListing(
        AssignmentFilter(
            within=context.rights.clinics(), principal=document.principal, document=document.id
        ),
        None,
    )


async def start_page_position(context: Context, assignment: Assignment) -> int:
    """The position of an assignment on its clinic's start page, from 1.

    The position counts all case types that the clinic has, shown or not. An ended assignment has
    its last position.
    """
    return await _position(context, assignment, OrderedList.START_PAGE)


async def contact_card_position(context: Context, assignment: Assignment) -> int | None:
    """The position of an assignment on its clinic's contact card, from 1.

    Returns:
        The position among all case types that the clinic has, shown or not; the last position of
        an ended assignment. None where the published version is not for the contact card.
    """
    document = await context.loaders.documents.load(assignment.document)
    if document is None:
        return None
    if not context.store.kinds[document.kind].in_force(document)["onContactCard"]:
        return None
    return await _position(context, assignment, OrderedList.CONTACT_CARD)


async def _position(context: Context, assignment: Assignment, which: OrderedList) -> int:
    if assignment.until_sequence is None:
        found = await context.loaders.places.load((which, assignment.clinic, assignment.document))
        if found is not None:
            return found
    clinic = await context.loaders.clinics.load(assignment.clinic)
    if clinic is None:
        raise LookupError(f"clinic of assignment {assignment.id}")
    last = (assignment.until_sequence or assignment.from_sequence + 1) - 1
    places = await context.store.start_pages.places([clinic], which, last)
    return places[assignment.clinic, assignment.document]
