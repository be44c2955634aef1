"""Choosing clinics: what a caller names becomes a selection that the store resolves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from resolvers.clinics import clinic_files, clinics
from resolvers.context import Context
from resolvers.documents.search import search_text_problems
from store.clinics.filters import ClinicFilter
from store.clinics.selections import Selection
from store.errors import InvalidInput, NotFound
from store.records import ClinicGroup, Document

MAX_SELECTED = 20_000


@dataclass(frozen=True, slots=True)
class Wish:
    """A filter as a caller gives it:

    `group` and `similar_to` are ids that are still to be looked up.
    """

    which: ClinicFilter
    group: str | None = None
    similar_to: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """Exactly one way to choose clinics; `argument` is where it stands in the input."""

    argument: str
    hsa_ids: Sequence[str] | None = None
    csv: str | None = None
    group: str | None = None
    filter: Wish | None = None


async def filter_of(
    context: Context, wish: Wish, path: tuple[str, ...] = ("filter",)
) -> ClinicFilter:
    """The filter that a wish comes to, no further than the viewer may read.

    Raises:
        InvalidInput: The text to look for is too long, or can't be in a name.
        NotFound: The group or the clinic does not exist, or the viewer may not know of it.
    """
    if problems := search_text_problems(wish.which.text or "", (*path, "text")):
        raise InvalidInput(problems)
    which = replace(wish.which, within=context.rights.clinics())
    if wish.group is not None:
        group = await group_of(context, wish.group, (*path, "group"))
        which = replace(which, also=(*which.also, context.store.groups.filter_of(group)))
    if wish.similar_to is not None:
        clinic = await clinics.require(context, wish.similar_to, (*path, "similarTo"))
        which = replace(which, similar_to=clinic)
    return which


async def group_of(context: Context, group_id: str, path: tuple[str, ...]) -> ClinicGroup:
    """A group that the viewer may know of.

    Raises:
        NotFound: There is none, or the viewer may not know of it.
    """
    group = await context.loaders.groups.load(group_id)
    if group is None or not context.rights.knows_groups(group.principal):
        raise NotFound("Gruppen finns inte.", path)
    return group


async def selection_of(context: Context, choice: Choice, document: Document) -> Selection:
    """A choice of clinics as the store has it.

    Raises:
        InvalidInput: Too many clinics, or none; a file that can't be read.
        NotFound: The group does not exist, or is another principal's.
    """
    if choice.hsa_ids is not None:
        if not 1 <= len(choice.hsa_ids) <= MAX_SELECTED:
            raise InvalidInput.at(
                (choice.argument, "hsaIds"),
                "OUT_OF_RANGE",
                f"Ange 1 till {MAX_SELECTED} mottagningar.",
            )
        return Selection.of_ids(choice.hsa_ids, choice.argument)
    if choice.csv is not None:
        path = (choice.argument, "csv")
        return Selection(rows=clinic_files.parse_ids(choice.csv, path), path=path)
    if choice.group is not None:
        path = (choice.argument, "group")
        group = await group_of(context, choice.group, path)
        if group.principal != document.principal:
            raise NotFound("Gruppen finns inte.", path)
        return Selection(group=group.id, path=path)
    path = (choice.argument, "filter")
    wish = choice.filter or Wish(ClinicFilter())
    return Selection(which=await filter_of(context, wish, path), path=path)
