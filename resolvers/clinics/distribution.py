"""Handing case types to clinics and taking them back: who may, and the check before."""

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz

from resolvers.access import decisions
from resolvers.access.permissions import Permission
from resolvers.access.rights import HeldRole
from resolvers.clinics import clinics
from resolvers.clinics.selections import Choice, selection_of
from resolvers.context import Context
from resolvers.documents import documents
from store.clinics.filters import folded
from store.clinics.selections import choose
from store.errors import InvalidInput, NotFound
from store.mongo.transactions import IdempotencyKey
from store.records import AssignmentOrigin, Clinic, Document, RefusedRow, Saved

_CASE_TYPE = "CASE_TYPE"
MIN_SIMILARITY = 0.75
MAX_REPLACED = 20_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A local case type that the central one would make superfluous; `similarity` of the names, 0
    to 1.
    """

    clinic: str
    document: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Check:
    """What a distribution would do. Clinics are keys, sorted."""

    will_receive: Sequence[str]
    already: Sequence[str]
    refused: Sequence[RefusedRow]
    candidates: Sequence[Candidate]


async def check(context: Context, case_type: str, to: Choice) -> Check:
    """What a distribution would do; nothing is written.

    Raises:
        NotFound, NotPermitted, InvalidInput: As for the distribution itself.
    """
    document, _ = await _central(context, Permission.DISTRIBUTE, case_type)
    selection = await selection_of(context, to, document)
    store = context.store
    chosen = await choose(
        store.database.find, selection, document.principal, store.now(), store.extra_hsa_prefixes
    )
    holders = await store.assignments.holders(document.id, chosen.clinics)
    already = [key for key in chosen.clinics if holders.get(key) is AssignmentOrigin.DISTRIBUTED]
    return Check(
        will_receive=sorted(set(chosen.clinics) - set(already)),
        already=already,
        refused=chosen.refused,
        candidates=await _candidates(context, document, chosen.clinics),
    )


async def _candidates(
    context: Context, document: Document, clinics: Sequence[str]
) -> list[Candidate]:
    """Local case types at the clinics with the same or a similar name, the most similar first."""
    likeness: dict[str, float] = {}
    found = []
    for local in await context.store.listing.owned_by(_CASE_TYPE, clinics):
        if local.name not in likeness:
            likeness[local.name] = similarity(document.name, local.name)
        if likeness[local.name] >= MIN_SIMILARITY:
            found.append(Candidate(local.owner, local.id, likeness[local.name]))
    return sorted(
        found, key=lambda candidate: (-candidate.similarity, candidate.clinic, candidate.document)
    )


def similarity(one: str, other: str) -> float:
    """How alike two names are, 0 to 1: case, accents and the order of words don't matter."""
    return round(fuzz.token_sort_ratio(folded(one), folded(other)) / 100, 3)


async def distribute(
    context: Context,
    case_type: str,
    to: Choice,
    *,
    replace_local: Sequence[str] = (),
    start_page_order: int | None = None,
    contact_card_order: int | None = None,
    skip_refused: bool = False,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Hand a case type to clinics of its principal.

    Raises:
        NotFound: There is no such case type, or none to replace.
        NotPermitted: The viewer may not distribute it, or not archive what it would replace.
        InvalidInput: It is a clinic's own; too many clinics, or none; an order below 1.
        RowsRefused: Rows can't be distributed to.
    """
    document, held = await _central(context, Permission.DISTRIBUTE, case_type)
    selection = await selection_of(context, to, document)
    for name, order in (
        ("startPageOrder", start_page_order),
        ("contactCardOrder", contact_card_order),
    ):
        if order is not None and not 1 <= order <= MAX_REPLACED:
            raise InvalidInput.at(
                (name,), "OUT_OF_RANGE", f"Ange ett tal från 1 till {MAX_REPLACED}."
            )
    await _require_replaceable(context, document, replace_local)
    return await context.store.distribution.distribute(
        document,
        selection,
        replace_local=replace_local,
        start_page_order=start_page_order,
        contact_card_order=contact_card_order,
        skip_refused=skip_refused,
        act=context.act(held, note),
        key=key,
    )


async def _require_replaceable(context: Context, document: Document, ids: Sequence[str]) -> None:
    if len(ids) > MAX_REPLACED:
        raise InvalidInput.at(("replaceLocal",), "TOO_MANY", f"Högst {MAX_REPLACED} åt gången.")
    for index, local in enumerate(await context.loaders.documents.load_many(list(ids))):
        path = ("replaceLocal", str(index))
        found, _ = decisions.require(context.rights, Permission.ARCHIVE, local, path)
        if found.kind != _CASE_TYPE or found.principal != document.principal:
            raise NotFound("Ärendetypen finns inte.", path)


async def withdraw(
    context: Context, case_type: str, given: Choice, *, note: str | None, key: IdempotencyKey | None
) -> Saved:
    """Take a case type back from clinics.

    Raises:
        NotFound, NotPermitted, InvalidInput, RowsRefused: As for a distribution.
    """
    document, held = await _central(context, Permission.DISTRIBUTE, case_type)
    selection = await selection_of(context, given, document)
    return await context.store.distribution.withdraw(
        document, selection, act=context.act(held, note), key=key
    )


async def follow(
    context: Context, case_type: str, clinic: str, *, note: str | None, key: IdempotencyKey | None
) -> Saved:
    """A clinic opts in to a central case type of its principal."""
    document, place, held = await _at(context, Permission.FOLLOW, case_type, clinic)
    return await context.store.distribution.follow(
        document, place, act=context.act(held, note), key=key
    )


async def unfollow(
    context: Context, case_type: str, clinic: str, *, note: str | None, key: IdempotencyKey | None
) -> Saved:
    """A clinic opts out of what it follows."""
    document, place, held = await _at(context, Permission.FOLLOW, case_type, clinic)
    return await context.store.distribution.unfollow(
        document, place, act=context.act(held, note), key=key
    )


async def show(
    context: Context,
    case_type: str,
    clinic: str,
    *,
    shown: bool,
    note: str | None,
    key: IdempotencyKey | None,
) -> Saved:
    """Show a central case type at one clinic, or hide it there. Hiding is the principal's alone."""
    document, place, held = await _at(
        context, Permission.SHOW if shown else Permission.DISTRIBUTE, case_type, clinic
    )
    return await context.store.distribution.show(
        document, place, shown=shown, act=context.act(held, note), key=key
    )


async def _central(
    context: Context, permission: Permission, case_type: str
) -> tuple[Document, HeldRole]:
    path = ("caseType",)
    document, held = decisions.require(
        context.rights, permission, await documents.get(context, case_type, _CASE_TYPE), path
    )
    require_central(document)
    return document, held


def require_central(document: Document) -> None:
    """Refuse a clinic's own case type.

    Raises:
        InvalidInput: It is one.
    """
    if decisions.clinic_of(document) is not None:
        raise InvalidInput.at(
            ("caseType",),
            "LOCAL_CASE_TYPE",
            "En lokal ärendetyp hör till sin mottagning och kan inte delas ut eller följas.",
        )


async def _at(
    context: Context, permission: Permission, case_type: str, hsa_id: str
) -> tuple[Document, Clinic, HeldRole]:
    """A central case type, and a clinic of its principal where the viewer may do this."""
    clinic = await clinics.require(context, hsa_id, ("clinic",))
    document = decisions.require_visible(
        context.rights, await documents.get(context, case_type, _CASE_TYPE), ("caseType",)
    )
    held = decisions.require_at(
        context.rights, permission, clinic.principal, clinic.key, ("clinic",)
    )
    require_central(document)
    if document.principal != clinic.principal:
        raise NotFound("Ärendetypen finns inte hos mottagningens huvudman.", ("caseType",))
    return document, clinic, held
