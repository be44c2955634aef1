"""Lists which clinics have which case types, within the viewer's rights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from resolvers.clinics import principals
from resolvers.clinics.selectors import require_group
from resolvers.context import Context
from resolvers.documents import documents
from store.clinics.assignments import AssignmentFilter, AssignmentOrder
from store.clinics.filters import ClinicFilter
from store.clinics.version_adoption import Adoption, AdoptionQuery
from store.errors import InvalidInput
from store.paging import Page, Paging
from store.records import (
    Assignment,
    AssignmentOrigin,
    Document,
    DocumentState,
    OrderedList,
    OwnerKind,
    key_of,
)

_EMPTY_PAGE: Page[Assignment] = Page((), (), has_next=False, has_previous=False)
_ASSIGNABLE_STATES = frozenset({DocumentState.ACTIVE, DocumentState.INACTIVE})


@dataclass(frozen=True, slots=True)
class AssignmentCriteria:
    """The conditions that a caller sets on a list of assignments; None sets no condition.

    Attributes:
        clinic: HSA-id.
        case_type: Id of a case type.
        group: Id of a group that the clinics are in now.
        origin: How the clinics got the case type.
        behind_only: Only where the clinic has not acknowledged the published version.
        principal: HSA-id of the clinics' principal.
        scope: Whether the case types belong to principals or to clinics.
        states: Of the case types, now.
        business_classifications: Any of these, of the clinics, now.
        acknowledged_version: The version that the clinic has acknowledged.
        since: The first moment of the assignments' `since`, inclusive.
        until: The end of the assignments' `since`, exclusive.
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
    """A list of assignments that the viewer may read.

    Attributes:
        filter: The caller's criteria within the viewer's rights.
        sequence: The list is as it was just after this event of the log; None for now.
        order: Of the list.
    """

    filter: AssignmentFilter
    sequence: int | None
    order: AssignmentOrder = AssignmentOrder.CLINIC_ASC


async def get(context: Context, assignment_id: str) -> Assignment | None:
    """An assignment, current or ended, at a clinic that the viewer may read; else None."""
    assignment = await context.loaders.assignments.load(assignment_id)
    if assignment is None or not context.rights.reads_clinic(
        assignment.clinic, assignment.principal
    ):
        return None
    return assignment if await documents.get(context, assignment.document) is not None else None


async def listing_for(
    context: Context,
    criteria: AssignmentCriteria,
    as_of: datetime | None,
    order: AssignmentOrder = AssignmentOrder.CLINIC_ASC,
) -> AssignmentListing | None:
    """The list for a caller's criteria; None where nothing can match.

    Args:
        context: The caller's.
        criteria: The conditions.
        as_of: List the assignments of this moment; None for now.
        order: Of the list.

    Raises:
        NotFound: There is no such group or principal.
        InvalidInput: A condition that is known only for now is combined with `as_of`; a version is
            given without a case type; or no principal is given where its log is needed, which is
            for a moment, an order by time, or `behind_only`.
    """
    within = context.rights.clinics()
    _check_combination(criteria, as_of)
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
    requested = (
        principals.require(context, criteria.principal, ("filter", "principal")).key
        if criteria.principal is not None
        else None
    )
    if requested is not None and any(
        record is not None and record.principal != requested for record in (document, clinic)
    ):
        return None
    principal = requested or (
        document.principal if document else clinic.principal if clinic else None
    )
    if criteria.group is not None:
        group = await require_group(context, criteria.group, ("filter", "group"))
        if requested is not None and group.principal != requested:
            return None
        principal = group.principal
        members = await context.store.clinics.keys(context.store.groups.filter_of(group))
        keys = _intersection(keys, members)
    if (
        principal is None
        and within is not None
        and len(own := {held.principal for held in context.rights.held}) == 1
    ):
        [principal] = own
    if criteria.business_classifications is not None:
        classified = ClinicFilter(
            within=within,
            principal=principal,
            business_classifications=criteria.business_classifications,
        )
        keys = _intersection(keys, await context.store.clinics.keys(classified))
    sequence = None
    if as_of is not None:
        owner = _require_log_owner(principal, ("asOf",))
        sequence = await context.store.history.sequence_at(owner, as_of)
    if order is not AssignmentOrder.CLINIC_ASC:
        _require_log_owner(principal, ("orderBy",))
    behind = (
        await _published_versions(context, principal, document) if criteria.behind_only else None
    )
    included, excluded = await _documents_in_states(context, principal, criteria.states)
    filter_ = AssignmentFilter(
        behind=behind,
        within=within,
        principal=principal,
        clinics=keys,
        document=document.id if document else None,
        origin=criteria.origin,
        # Viewers who may read all clinics do not see local case types.
        central_only=within is None or criteria.scope is OwnerKind.PRINCIPAL,
        local_only=criteria.scope is OwnerKind.CLINIC,
        documents=included,
        other_than=excluded,
        acknowledged_version=criteria.acknowledged_version,
        since=criteria.since,
        until=criteria.until,
    )
    return AssignmentListing(filter_, sequence, order)


def _intersection(keys: Sequence[str] | None, others: Sequence[str]) -> Sequence[str]:
    return others if keys is None else sorted(set(keys) & set(others))


def _check_combination(criteria: AssignmentCriteria, as_of: datetime | None) -> None:
    """Refuse `as_of` with conditions known only for now, and a version without a case type.

    Raises:
        InvalidInput: Names the condition.
    """
    if as_of is not None:
        for is_set, name in (
            (criteria.behind_only, "behindOnly"),
            (criteria.acknowledged_version is not None, "acknowledgedVersion"),
            (criteria.states is not None, "state"),
        ):
            if is_set:
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


def _require_log_owner(principal: str | None, path: tuple[str, ...]) -> str:
    """The principal whose log decides; each principal has its own.

    Raises:
        InvalidInput: No principal follows from the criteria.
    """
    if principal is None:
        raise InvalidInput.at(
            path,
            "WHOSE_LOG",
            "Ange huvudman, mottagning, ärendetyp eller grupp: varje huvudman har sin egen logg.",
        )
    return principal


async def _documents_in_states(
    context: Context, principal: str | None, states: Sequence[DocumentState] | None
) -> tuple[Sequence[str] | None, Sequence[str] | None]:
    """The case types to include and those to exclude, for a condition on their state.

    The deactivated case types are listed, since they are few among those that clinics have.
    """
    wanted = _ASSIGNABLE_STATES.intersection(_ASSIGNABLE_STATES if states is None else states)
    if wanted == _ASSIGNABLE_STATES:
        return None, None
    if not wanted:
        return (), None
    owners = [principal] if principal is not None else sorted(context.principals)
    inactive = await context.store.listing.in_state("CASE_TYPE", owners, DocumentState.INACTIVE)
    return (inactive, None) if DocumentState.INACTIVE in wanted else (None, inactive)


async def _published_versions(
    context: Context, principal: str | None, document: Document | None
) -> Mapping[str, int]:
    """The published version numbers that clinics are compared with, by id of the case type."""
    owner = _require_log_owner(principal, ("filter", "behindOnly"))
    ids = [document.id] if document else await context.store.assignments.central_documents(owner)
    return await context.store.documents.in_force(owner, ids)


async def adoption(context: Context, document: Document) -> Adoption:
    """Which versions the clinics that have a document now have acknowledged.

    Only clinics that the viewer may read are counted.
    """
    within = context.rights.clinics()
    everywhere = within is None or document.principal in within.principals
    query = AdoptionQuery(
        document.id,
        document.published,
        None if everywhere or within is None else tuple(sorted(within.clinics)),
    )
    return await context.loaders.adoptions.load(query) or Adoption((), 0)


async def page(
    context: Context, listing: AssignmentListing | None, paging: Paging
) -> Page[Assignment]:
    """A page of a list of assignments, in its order; empty for None."""
    if listing is None:
        return _EMPTY_PAGE
    return await context.store.assignments.page(
        listing.filter, paging, listing.sequence, listing.order
    )


async def count(context: Context, listing: AssignmentListing | None) -> int:
    """The number of assignments in a list; 0 for None."""
    if listing is None:
        return 0
    return await context.store.assignments.count(listing.filter, listing.sequence)


def of_document(context: Context, document: Document) -> AssignmentListing:
    """The current assignments of a document at the clinics that the viewer may read."""
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
        key = (which, assignment.clinic, assignment.document)
        position = await context.loaders.positions.load(key)
        if position is not None:
            return position
    clinic = await context.loaders.clinics.load(assignment.clinic)
    if clinic is None:
        raise LookupError(f"clinic of assignment {assignment.id}")
    last = (assignment.until_sequence or assignment.from_sequence + 1) - 1
    positions = await context.store.start_pages.positions([clinic], which, last)
    return positions[assignment.clinic, assignment.document]
