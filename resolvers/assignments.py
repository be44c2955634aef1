"""The list of which units have which case types: who sees what of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from resolvers import documents
from resolvers.context import Context
from resolvers.selections import group_of
from store.adoption import Adoption, AdoptionAsked
from store.assignments import AssignmentFilter
from store.errors import InvalidInput
from store.paging import Page, Paging
from store.records import Assignment, AssignmentOrigin, Document, OrderedList, key_of

_NONE: Page[Assignment] = Page((), (), has_next=False, has_previous=False)


@dataclass(frozen=True, slots=True)
class Wish:
    """Which assignments, as a caller asks; what is None does not matter."""

    clinic: str | None = None
    case_type: str | None = None
    group: str | None = None
    origin: AssignmentOrigin | None = None
    behind_only: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """What a wish comes to: a filter within the viewer's rights, and the moment as a number of the log."""

    which: AssignmentFilter
    sequence: int | None


async def get(context: Context, assignment_id: str) -> Assignment | None:
    """An assignment at a clinic that the viewer may read; else None."""
    assignment = await context.loaders.assignments.load(assignment_id)
    if assignment is None or not context.rights.reads_clinic(assignment.clinic, assignment.principal):
        return None
    return assignment if await documents.get(context, assignment.document) is not None else None


async def listed(context: Context, wish: Wish, as_of: datetime | None) -> Listed | None:
    """What to list; None where nothing can match.

    Raises:
        NotFound: There is no such group.
        InvalidInput: A moment is asked for, but not of whose log.
    """
    within = context.rights.clinics()
    document = await documents.get(context, wish.case_type, "CASE_TYPE") if wish.case_type is not None else None
    clinic = await context.loaders.clinics.load(key_of(wish.clinic)) if wish.clinic is not None else None
    if (wish.case_type is not None and document is None) or (wish.clinic is not None and (clinic is None or not context.rights.sees_clinic(clinic))):
        return None
    keys: Sequence[str] | None = [clinic.key] if clinic else None
    principal = document.principal if document else clinic.principal if clinic else None
    if wish.group is not None:
        group = await group_of(context, wish.group, ("filter", "group"))
        principal = group.principal
        members = await context.store.clinics.keys(context.store.groups.filter_of(group))
        keys = members if keys is None else sorted(set(keys) & set(members))
    if principal is None and within is not None and len(roots := {held.principal for held in context.rights.held}) == 1:
        [principal] = roots
    sequence = None
    if as_of is not None:
        if principal is None:
            raise InvalidInput.at(("asOf",), "WHOSE_LOG", "Ange mottagning, ärendetyp eller grupp: varje huvudman har sin egen logg.")
        sequence = await context.store.history.sequence_at(principal, as_of)
    behind = await _in_force(context, principal, document, sequence) if wish.behind_only else None
    which = AssignmentFilter(
        behind=behind,
        within=within,
        principal=principal,
        clinics=keys,
        document=document.id if document else None,
        origin=wish.origin,
        central_only=within is None,  # who reads all clinics sees their own case types nowhere
    )
    return Listed(which, sequence)


async def _in_force(context: Context, principal: str | None, document: Document | None, sequence: int | None) -> Mapping[str, int]:
    """The versions in force that clinics may lag behind."""
    if sequence is not None:
        raise InvalidInput.at(("filter", "behindOnly"), "NOT_WITH_AS_OF", "Vem som ligger efter visas bara för nuläget: utelämna asOf.")
    if principal is None:
        raise InvalidInput.at(("filter", "behindOnly"), "WHOSE_LOG", "Ange mottagning, ärendetyp eller grupp: varje huvudman har sin egen logg.")
    return await context.store.documents.in_force(principal, [document.id] if document else None)


async def adoption(context: Context, document: Document) -> Adoption:
    """How far the clinics that have a document now, those that the viewer may read, have taken the version in force."""
    reach = context.rights.clinics()
    everywhere = reach is None or document.principal in reach.principals
    asked = AdoptionAsked(document.id, document.published, None if everywhere or reach is None else tuple(sorted(reach.clinics)))
    return await context.loaders.adoptions.load(asked) or Adoption((), 0)


async def page(context: Context, what: Listed | None, paging: Paging) -> Page[Assignment]:
    """A page of assignments, by clinic, then case type."""
    return _NONE if what is None else await context.store.assignments.page(what.which, paging, what.sequence)


async def count(context: Context, what: Listed | None) -> int:
    """How many assignments match."""
    return 0 if what is None else await context.store.assignments.count(what.which, what.sequence)


def of_document(context: Context, document: Document) -> Listed:
    """The clinics that have a document now, those that the viewer may read."""
    return Listed(AssignmentFilter(within=context.rights.clinics(), principal=document.principal, document=document.id), None)


async def place(context: Context, assignment: Assignment, which: OrderedList) -> int:
    """The 1-based place of an assignment among all that its clinic has; where it stood last, if it has ended."""
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
